"""What label files about many pictures say, gathered by picture; it waits on disk, however much it is."""

from __future__ import annotations

import os
import posixpath
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nfold.formats.base import Label, ReadContext, Source, SourceProblem, below_source, split_of
from nfold.formats.index import FoundFile
from nfold.storage import normal_id

NOT_LISTED = "not in the label files"
_MOST_REMEMBERED = 4096

_SCHEMA = """
drop table if exists pictures_of_rows;
drop table if exists rows_of_pictures;
create table pictures_of_rows (
    number integer primary key, id blob not null unique, path blob not null,
    size integer not null, mtime_ns integer not null, candidates integer not null
);
create table rows_of_pictures (
    picture integer not null, document integer not null, place integer not null, text text not null,
    primary key (picture, document, place)
) without rowid;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPicture:
    """The picture that a label file means by what it writes.

    Attributes:
        file: Where it lies; where it is not, where it would lie: never outside the source, and never at another picture.
        candidates: How many pictures it could be: 1 when it was found, 0 when there is none.
    """

    file: FoundFile
    candidates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one place in a label file says of a picture.

    Attributes:
        document: Number of the file.
        place: Line, or number of the entry.
        text: As it stands there, or as JSON.
    """

    document: int
    place: int
    text: str


class PictureError(ValueError):
    """What a label file says of a picture makes the picture unusable.

    Attributes:
        code: Stable, such as "labels.bad_box".
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PictureRows:
    """Rows by picture, in the order in which the pictures are first named.

    It is used in a `with` statement: all that happens there is one transaction, without which the time would grow
    with the square of the number of rows.
    """

    def __init__(self, context: ReadContext) -> None:
        self._scratch = context.scratch
        # The index of files fills itself at the first look-up, in a transaction of its own.
        context.files.image("")
        context.scratch.executescript(_SCHEMA)
        self._numbers: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> PictureRows:
        self._scratch.execute("begin")
        return self

    def __exit__(self, *details: object) -> None:
        self._scratch.execute("commit")

    def add(self, picture: NamedPicture, row: Row) -> None:
        """Take up a row; at one place in a document there is one row for a picture."""
        number = self._number(picture)
        self._scratch.execute(
            "insert into rows_of_pictures values (?, ?, ?, ?)", (number, row.document, row.place, row.text)
        )

    def groups(self) -> Iterator[tuple[NamedPicture, list[Row]]]:
        """Each picture with its rows, by document and place."""
        pictures = self._scratch.execute(
            "select number, path, size, mtime_ns, candidates from pictures_of_rows order by number"
        )
        rows_of = "select document, place, text from rows_of_pictures where picture = ? order by document, place"
        for number, path, size, mtime_ns, candidates in pictures:
            file = FoundFile(path=path.decode("utf-8", "surrogateescape"), size=size, mtime_ns=mtime_ns)
            rows = [
                Row(document=document, place=place, text=text)
                for document, place, text in self._scratch.execute(rows_of, (number,))
            ]
            yield NamedPicture(file=file, candidates=candidates), rows

    def _number(self, picture: NamedPicture) -> int:
        identity = normal_id(picture.file.path)
        number = self._numbers.get(identity)
        if number is None:
            number = self._stored_number(identity, picture)
            self._numbers[identity] = number
            if len(self._numbers) > _MOST_REMEMBERED:
                self._numbers.popitem(last=False)
        return number

    def _stored_number(self, identity: str, picture: NamedPicture) -> int:
        file, key = picture.file, _blob(identity)
        self._scratch.execute(
            "insert or ignore into pictures_of_rows (id, path, size, mtime_ns, candidates) values (?, ?, ?, ?, ?)",
            (key, _blob(file.path), file.size, file.mtime_ns, picture.candidates),
        )
        found = self._scratch.execute("select number from pictures_of_rows where id = ?", (key,)).fetchone()
        return int(found[0])


def in_folder(folder: str, written: str) -> str | None:
    """The path that a label file means by what it writes, seen from a folder; None where that is outside the source."""
    path = posixpath.normpath(posixpath.join(folder, written.replace("\\", "/")))
    return None if path.startswith(("/", "../")) or path in ("..", ".") else path


def find_picture(
    context: ReadContext,
    written: str,
    folders: Iterable[str],
    *,
    document: str,
    by_name: bool = True,
    by_stem: Iterable[str] = (),
) -> NamedPicture:
    """The picture that a label file means.

    Args:
        context: Its files are looked up.
        written: Path or name, as it stands in the label file.
        folders: Which it may be seen from, the likeliest first.
        document: Path of the label file.
        by_name: Look for the bare name in all folders when it is in none of these.
        by_stem: Folders in which a name without an ending may stand for a file with one.
    """
    paths = list(dict.fromkeys(path for folder in folders if (path := in_folder(folder, written)) is not None))
    for path in paths:
        found = context.files.image(path)
        if found is not None:
            return NamedPicture(file=found, candidates=1)
    for folder in by_stem:
        stem = in_folder(folder, written)
        files = context.files.images_with_stem(stem) if stem is not None else []
        if files:
            return NamedPicture(file=files[0], candidates=len(files))
    name = written.replace("\\", "/").rpartition("/")[2]
    files = context.files.images_named(name) if by_name and name else []
    if files:
        file = files[0] if len(files) == 1 else _not_there(context, written, document)
        return NamedPicture(file=file, candidates=len(files))
    return NamedPicture(file=_not_there(context, _left_out_or_first(context, paths) or written, document), candidates=0)


def missing_source(context: ReadContext, picture: NamedPicture, label: Label, place: str) -> Source | None:
    """The source for a picture that is not there, with the reason; None where the user left that picture out.

    Args:
        context: Says what was left out.
        picture: As `find_picture` gave it, with another number of candidates than 1.
        label: Split and class.
        place: Of the first row about it: file and line.
    """
    path = picture.file.path
    if context.is_left_out(path):
        return None
    if picture.candidates:
        message = f"{place}: {path} could be more than one picture: several folders hold one of that name."
        hint = "Write the path of the picture as seen from the source folder."
    else:
        message, hint = f"{place}: there is no picture {path}.", "Put it back, or take it out of the label file."
    problem = SourceProblem(code="labels.missing_image", message=message, hint=hint)
    return Source(id=normal_id(path), file=picture.file, label=label, problem=problem)


def unusable_source(picture: NamedPicture, label: Label, error: PictureError, hint: str) -> Source:
    """The source for a picture whose labels cannot be used."""
    problem = SourceProblem(code=error.code, message=str(error), hint=hint)
    return Source(id=normal_id(picture.file.path), file=picture.file, label=label, problem=problem)


def count_not_listed(context: ReadContext) -> tuple[dict[str, int], dict[str, str]]:
    """Pictures that no label file names: how many, and the first of them."""
    count, example = 0, ""
    for file in context.files.untaken_images():
        example = example or file.path
        count += 1
    return ({NOT_LISTED: count}, {NOT_LISTED: example}) if count else ({}, {})


def renamed(written: str, source: str, name: str) -> str:
    r"""What a label file writes for a copy, in the way in which it writes its source.

    Args:
        written: For the source: `a.jpg`, `./images/a.jpg`, `C:\set\a.jpg`, or `a` without an ending.
        source: Id of the source.
        name: Of the copy's file, below the output folder.
    """
    has_ending = "." in written.replace("\\", "/").rpartition("/")[2]
    target = name if has_ending else posixpath.splitext(name)[0]
    separator = "\\" if "\\" in written and "/" not in written else "/"
    if posixpath.dirname(name) == posixpath.dirname(source):
        head, mark, _ = written.rpartition(separator)
        return head + mark + posixpath.basename(target)
    tail = normal_id(posixpath.normpath(written.replace("\\", "/")))
    whole = source if has_ending else posixpath.splitext(source)[0]
    above = whole.removesuffix(tail) if whole.endswith(tail) else ""
    return target.removeprefix(above).replace("/", separator)


def split_named(path: str) -> str | None:
    """The split in the name of a label file, `train` in `annotations_train.csv`; None when it names none, or several."""
    stem = posixpath.splitext(posixpath.basename(path))[0]
    words = "".join(letter if letter.isalpha() else " " for letter in stem).split()
    splits = {split for word in words if (split := split_of(word)) is not None}
    return splits.pop() if len(splits) == 1 else None


def _left_out_or_first(context: ReadContext, paths: list[str]) -> str | None:
    for path in paths:
        if context.is_left_out(path) and os.path.isfile(context.root / path):  # noqa: PTH113 - False for names too long
            return path
    return paths[0] if paths else None


def _not_there(context: ReadContext, written: str, document: str) -> FoundFile:
    path = below_source(written) or "picture without a name"
    if context.files.image(path) is not None:
        # That one is another picture; none can lie below a file.
        path = f"{document}/{path}"
    return FoundFile(path=path, size=0, mtime_ns=0)


def _blob(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
