"""The list of a data set's files, on disk beside them: finds twins, gives pages in order, counts; its memory never grows."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from nfold.errors import DiskError, InputError
from nfold_service.work.names import folded, shown

_TABLES = """
create table if not exists files (folded text primary key, path text not null, bytes integer);
create index if not exists files_by_path on files (path) where bytes is not null;
create table if not exists sums (one integer primary key, files integer not null, bytes integer not null);
insert or ignore into sums values (1, 0, 0);
create table if not exists passed_over (ending text primary key, count integer not null);
"""
# A folder is a row without bytes, so that two spellings of a folder are found, and a file that stands where a folder is.


class Catalogue:
    """An open catalogue; used by one thread at a time, by several processes and threads through instances of their own."""

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, timeout=20, isolation_level=None)
        self._base.executescript(f"pragma synchronous=normal; {_TABLES}")
        self._folder = ""

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Make changes together, or not at all.

        Raises:
            DiskError: The disk is full, or refuses.
        """
        self._folder = ""
        try:
            self._base.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._base.execute("rollback")
                raise
            self._base.execute("commit")
        except sqlite3.OperationalError as error:
            raise DiskError(f"The list of the files cannot be written: {error}.", code="disk.full") from error

    def check(self, path: str, *, replace: bool) -> None:
        """Refuse a file whose name is taken.

        Args:
            path: As `checked_name` gives it.
            replace: Whether a file of exactly that name may be there.

        Raises:
            InputError: A twin is there: the same name, in other letter case or Unicode form, or a folder.
        """
        row = self._row(path)
        if row is not None and (not replace or row[0] != path or row[1] is None):
            raise _twin(path, row[0])
        folder = path.rpartition("/")[0]
        if folder and folder != self._folder:
            parts = folder.split("/")
            for count in range(1, len(parts) + 1):
                above = "/".join(parts[:count])
                row = self._row(above)
                if row is not None and (row[0] != above or row[1] is not None):
                    raise _twin(above, row[0])

    def add(self, path: str, size: int, *, replace: bool = False) -> None:
        """Put in a file; within `change`.

        Raises:
            InputError: A twin is there.
        """
        self.check(path, replace=replace)
        row = self._row(path)
        self._sum(0 if row else 1, size - ((row and row[1]) or 0))
        folder = path.rpartition("/")[0]
        if folder and folder != self._folder:
            parts = folder.split("/")
            above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
            self._base.executemany(
                "insert or ignore into files values (?, ?, null)", [(folded(name), name) for name in above]
            )
            self._folder = folder
        self._base.execute("insert or replace into files values (?, ?, ?)", (folded(path), path, size))

    def remove(self, path: str) -> bool:
        """Take out a file, within `change`; False when there is none. Its folders stay known."""
        row = self._row(path)
        if row is None or row[0] != path or row[1] is None:
            return False
        self._base.execute("delete from files where folded = ?", (folded(path),))
        self._sum(-1, -row[1])
        return True

    def forget_files(self) -> None:
        """Take out all files and folders, within `change`."""
        self._base.execute("delete from files")
        self._base.execute("update sums set files = 0, bytes = 0")

    def strip(self, folder: str) -> None:
        """Take the top folder off all paths, within `change`; everything lies below it."""
        self._base.execute("delete from files where folded = ?", (folded(folder),))
        self._base.execute(
            "update files set folded = substr(folded, ?), path = substr(path, ?)",
            (len(folded(folder)) + 2, len(folder) + 2),
        )

    def pass_over(self, ending: str, count: int = 1) -> None:
        """Count files that were not kept."""
        self._base.execute(
            "insert into passed_over values (?, ?) on conflict (ending) do update set count = count + excluded.count",
            (ending, count),
        )

    def passed_over(self) -> dict[str, int]:
        """How many files of each ending were not kept."""
        return dict(self._base.execute("select ending, count from passed_over order by count desc, ending limit 20"))

    def totals(self) -> tuple[int, int]:
        """Files, and their bytes together."""
        files, size = self._base.execute("select files, bytes from sums").fetchone()
        return int(files), int(size)

    def page(self, after: str, most: int) -> list[tuple[str, int]]:
        """Paths and bytes of the files that come after a path, in order."""
        query = "select path, bytes from files where bytes is not null and path > ? order by path limit ?"
        return [(str(path), int(size)) for path, size in self._base.execute(query, (after, most))]

    def _sum(self, files: int, size: int) -> None:
        self._base.execute("update sums set files = files + ?, bytes = bytes + ?", (files, size))

    def _row(self, path: str) -> tuple[str, int | None] | None:
        found: tuple[str, int | None] | None = self._base.execute(
            "select path, bytes from files where folded = ?", (folded(path),)
        ).fetchone()
        return found


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Catalogue]:
    """A catalogue for a moment; made where there is none."""
    catalogue = Catalogue(path)
    try:
        yield catalogue
    finally:
        catalogue.close()


def rebuild(home: Path) -> tuple[int, int]:
    """Make the list of `home/files` agree with the disk, after a death between the two; files and bytes then."""
    with opened(home / "catalogue.db") as catalogue:
        with catalogue.change():
            catalogue.forget_files()
            for root, _, names in os.walk(home / "files"):
                for name in names:
                    path = Path(root) / name
                    catalogue.add(path.relative_to(home / "files").as_posix(), path.stat().st_size)
        return catalogue.totals()


def _twin(path: str, other: str) -> InputError:
    if path == other:
        message = f"The name '{shown(path)}' comes twice."
    else:
        message = f"The names '{shown(path)}' and '{shown(other)}' differ by letter case or Unicode form only."
    return InputError(message, hint="Give one of them another name.", code="archive.duplicate")
