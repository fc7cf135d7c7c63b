"""The lists of a Pascal VOC data set (`ImageSets/*/*.txt`): which pictures it has, their splits, and the same lists anew.

A line names a picture by its stem (by its file name or path in some data sets), and some lists say more behind
it: `2007_000033 -1` in a list of one class, `2007_000033 1` (a number of an object) in those of a task.
"""

from __future__ import annotations

import codecs
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nfold.annotations import Document, OutputImage
from nfold.errors import InputError
from nfold.formats.base import Images, Write, below_source, split_of
from nfold.plain_files import open_plain
from nfold.storage import normal_id

LISTS: Final = "imagesets"
_BY_OBJECT: Final = frozenset({"layout", "action"})
"""Tasks whose lists name objects by number behind the picture."""

_LONGEST_LINE: Final = 64 * 1024
_PREFERRED: Final = ("trainval", "train", "val", "test")
_NUMBER = re.compile(r"-?\d+")

SCHEMA: Final = """
create table voc_lines (list integer, place integer, id blob, lead text, name text, rest text);
create index voc_lines_by_id on voc_lines (id);
create table voc_listed (id blob primary key, rank integer, split text, split_place text, clash text) without rowid;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageList:
    """A list.

    Attributes:
        path: Below the source folder.
        prefix: What stands before `ImageSets/` in it, with its slash.
        task: The folder it is in: main, segmentation, layout, action; "" of none.
        split: What it is a list of, as far as its name says: `cat_val` is of val; None for trainval and others.
        splits: The split that it gives to its pictures; None when it gives none.
    """

    path: str
    prefix: str
    task: str
    split: str | None
    splits: str | None

    @property
    def stem(self) -> str:
        """Its name without ending, in small letters."""
        return os.path.splitext(self.path.rpartition("/")[2])[0].casefold()


def find_lists(paths: Iterator[str]) -> list[ImageList]:
    """The lists among text files. Those in `Main` give splits, or all of them when there is no such."""
    found = []
    for path in paths:
        parts = path.split("/")
        below = next((place for place, part in enumerate(parts) if part.casefold() == LISTS), None)
        if below is None or below > len(parts) - 2:
            continue
        stem = os.path.splitext(parts[-1])[0]
        found.append(
            ImageList(
                path=path,
                prefix="".join(part + "/" for part in parts[:below]),
                task=parts[-2].casefold() if below < len(parts) - 2 else "",
                split=split_of(stem) or split_of(stem.rpartition("_")[2]),
                splits=None,
            )
        )
    return [_with_splits(entry, found) for entry in found]


def _with_splits(entry: ImageList, found: list[ImageList]) -> ImageList:
    beside = [
        other for other in found if other.prefix == entry.prefix and (split_of(other.stem) or other.stem == "trainval")
    ]
    has_main = any(other.task == "main" for other in beside)
    splits = split_of(entry.stem)
    if entry.stem == "trainval" and not any(split_of(other.stem) == "train" for other in beside):
        # A data set that only has trainval and test trains on the former.
        splits = "train"
    if has_main and entry.task != "main":
        splits = None
    return ImageList(path=entry.path, prefix=entry.prefix, task=entry.task, split=entry.split, splits=splits)


def read_lists(
    lists: list[ImageList], *, root: Path, scratch: sqlite3.Connection, resolve: Callable[[str, str], str | None]
) -> tuple[Document, ...]:
    """Put their lines into tables: `voc_lines`, and `voc_listed` with the split and rank of each picture.

    Args:
        lists: As `find_lists` gives them.
        root: The source folder.
        scratch: Has the tables of `SCHEMA`.
        resolve: Gives the id of the picture that a name below a prefix means; None when it means none.

    Raises:
        InputError: A list cannot be read.
    """
    for number, entry in enumerate(lists):
        for place, line in enumerate(_lines(root, entry.path)):
            named = _named(line, entry, resolve)
            if named is not None:
                values = (number, place, _blob(named[0]), *named[1:])
                scratch.execute("insert into voc_lines values (?, ?, ?, ?, ?, ?)", values)
    for number in sorted(range(len(lists)), key=lambda number: _preference(lists[number])):
        _enlist(scratch, number, lists[number])
    return tuple(
        Document(path=entry.path, split=entry.split, raw={"is_sorted": _is_sorted(scratch, number)})
        for number, entry in enumerate(lists)
    )


def listing_of(
    scratch: sqlite3.Connection, identity: str, documents: tuple[Document, ...]
) -> dict[int, list[list[Any]]]:
    """The lines that name a picture, by list: what precedes the name, the name, what follows it.

    In a list that is not in the order of the sources, the place of the line stands behind these.
    """
    query = "select list, place, lead, name, rest from voc_lines where id = ? order by list, place"
    found: dict[int, list[list[Any]]] = {}
    for number, place, *words in scratch.execute(query, (_blob(identity),)):
        found.setdefault(number, []).append(words if documents[number].raw["is_sorted"] else [*words, place])
    return found


def assemble_list(number: int, document: Document, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
    """Write a list again: the lines of pictures that are in the output, then those of their copies.

    A list of val or test names no copies, be the picture in train by another list or not.
    """
    names_copies = document.split not in ("val", "test")
    is_by_object = document.path.split("/")[-2].casefold() in _BY_OBJECT
    if document.raw["is_sorted"]:
        for image in images():
            for line in _lines_of(image, number, names_copies=names_copies, is_by_object=is_by_object):
                write(line[-1] + "\n")
        return
    scratch.execute("create temp table voc_order (is_copy, place, copy, line text)")
    for image in images():
        rows = _lines_of(image, number, names_copies=names_copies, is_by_object=is_by_object)
        scratch.executemany(
            "insert into voc_order values (?, ?, ?, ?)",
            ((image.copy > 0, place, image.copy, line) for place, line in rows),
        )
    for (line,) in scratch.execute("select line from voc_order order by is_copy, place, copy"):
        write(line + "\n")
    scratch.execute("drop table voc_order")


def renamed(name: str, *, original: str, copy: str) -> str:
    """What a text that names a picture has to say of its copy, in the same manner: with or without folders and ending.

    Args:
        name: `a`, `a.jpg`, `images/a.jpg`, a path of Windows.
        original: Path of the original.
        copy: Path of the copy.
    """
    last = re.split(r"[/\\]", name)[-1]
    original_name, copy_name = original.rpartition("/")[2], copy.rpartition("/")[2]
    has_ending = normal_id(last) != os.path.splitext(original_name)[0] and "." in last
    return name[: len(name) - len(last)] + (copy_name if has_ending else os.path.splitext(copy_name)[0])


def _lines_of(image: OutputImage, number: int, *, names_copies: bool, is_by_object: bool) -> Iterator[tuple[int, str]]:
    if image.copy and not names_copies:
        return
    for lead, name, rest, *place in image.labels.raw.get(number, ()):
        if image.copy:
            name = renamed(name, original=image.source, copy=image.name)
            following = _renumbered(rest, image) if is_by_object else rest
            if following is None:
                continue
            rest = following
        yield (place[0] if place else 0), f"{lead}{name}{rest}"


def _renumbered(rest: str, image: OutputImage) -> str | None:
    """The number of an object among those that are left; None when it is not among them."""
    found = re.match(r"\s+(\d+)", rest)
    objects = [entry.order for entry in image.labels.annotations if entry.raw is None]
    if found is None or not 0 < int(found[1]) <= len(objects):
        return rest
    kept = sorted(entry.order for entry in image.annotations if entry.raw is None)
    order = objects[int(found[1]) - 1]
    if order not in kept:
        return None
    return f"{rest[: found.start(1)]}{kept.index(order) + 1}{rest[found.end(1) :]}"


def _lines(root: Path, path: str) -> Iterator[str]:
    for number, line in enumerate(_stored_lines(root, path), start=1):
        if len(line) > _LONGEST_LINE:
            raise InputError(
                f"{path}, line {number} has more than {_LONGEST_LINE:,} bytes; it is no list of pictures.",
                hint="Mend the list, or leave it out of the folder.",
                code="labels.too_large",
            )
        try:
            yield line.removeprefix(codecs.BOM_UTF8).decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}, line {number} is not UTF-8.", hint="Save the list as UTF-8.", code="labels.encoding"
            ) from error


def _stored_lines(root: Path, path: str) -> Iterator[bytes]:
    try:
        with open_plain(root / path) as file:
            while line := file.readline(_LONGEST_LINE + 1):
                yield line
    except OSError as error:
        raise InputError(
            f"{root / path} cannot be read: {error.strerror}.",
            hint="Check its permissions and its disk.",
            code="labels.unreadable",
        ) from error


def _named(line: str, entry: ImageList, resolve: Callable[[str, str], str | None]) -> tuple[str, str, str, str] | None:
    """The picture of a line, and the line in three parts; a name may hold spaces and even end with a number."""
    whole = line.strip()
    if not whole:
        return None
    bare = whole
    while len(words := bare.rsplit(None, 1)) == 2 and _NUMBER.fullmatch(words[1]):
        bare = words[0]
    start = len(line) - len(line.lstrip())
    for name in (whole, bare):
        identity = resolve(entry.prefix, name)
        if identity is not None:
            break
    else:
        # A picture that is missing is known by the name that the list would give it.
        name, path = bare, below_source(bare) or "picture without a name"
        is_other = path != bare and resolve(entry.prefix, path) is not None
        # Nothing can lie below a file, so that no picture which is there is taken for the missing one.
        identity = f"{entry.path if is_other else f'{entry.prefix}JPEGImages'}/{_with_ending(path)}"
    return normal_id(identity), line[:start], name, line[start + len(name) :]


def _with_ending(name: str) -> str:
    return name if re.search(r"\.(jpe?g|png|bmp|tiff?|webp)$", name, re.IGNORECASE) else f"{name}.jpg"


def _preference(entry: ImageList) -> tuple[bool, int, str]:
    place = _PREFERRED.index(entry.stem) if entry.stem in _PREFERRED else len(_PREFERRED)
    return entry.task != "main", place, entry.path


def _enlist(scratch: sqlite3.Connection, number: int, entry: ImageList) -> None:
    count = scratch.execute("select count(*) from voc_listed").fetchone()[0]
    scratch.execute(
        "insert or ignore into voc_listed (id, rank) select id, ? + row_number() over (order by min(place)) from voc_lines "
        "where list = ? group by id",
        (count, number),
    )
    if entry.splits is None:
        return
    scratch.execute(
        "update voc_listed set clash = ? where split is not null and split <> ? and id in "
        "(select id from voc_lines where list = ?)",
        (entry.path, entry.splits, number),
    )
    scratch.execute(
        "update voc_listed set split = ?, split_place = ? where split is null and id in "
        "(select id from voc_lines where list = ?)",
        (entry.splits, entry.path, number),
    )


def _is_sorted(scratch: sqlite3.Connection, number: int) -> bool:
    query = "select rank from voc_lines join voc_listed using (id) where list = ? order by place"
    last = -1
    for (rank,) in scratch.execute(query, (number,)):
        if rank < last:
            return False
        last = rank
    return True


def _blob(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
