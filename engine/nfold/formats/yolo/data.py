"""What stands beside the label files of a YOLO data set: data.yaml, Darknet's `.data` and `.names`, classes.txt."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, get_args

from nfold.annotations import Category
from nfold.errors import InputError
from nfold.formats.base import Scan
from nfold.formats.wording import counted
from nfold.formats.yolo.layout import NAME_FILES
from nfold.formats.yolo.lines import MOST_CLASSES, PoseShape, Task
from nfold.formats.yolo.yaml import compose_yaml, kind_of, pairs_of, refuse, scalar_of, whole_of
from nfold.plain_files import open_plain

MOST_YAML_BYTES = 4 * 1024 * 1024

SPLIT_KEYS = {"train": "train", "val": "val", "validation": "val", "valid": "val", "test": "test"}
"""Of data.yaml and `.data` files, with the split that each names."""

_NAMES_CLASSES = re.compile(r"^[\"']?(?:names|nc)[\"']?\s*:", re.MULTILINE)
"""A file that cannot be parsed is about something else when no line of it begins like this."""

_FIRST_YAMLS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What one such file says.

    Attributes:
        file: Below the source folder.
        names: Of the classes, by number; None when it names none.
        task: None when it says none.
        pose: `kpt_shape`.
        flip_index: `flip_idx`.
        point_names: `kpt_names`, by class number; the key -1 stands for all classes.
        path: The folder that entries are relative to, as written; None when it says none.
        entries: What it says of each split: key, as written in the file, and folders or lists.
        text: Of the file, without a byte order mark.
    """

    file: str
    names: tuple[str, ...] | None = None
    task: Task | None = None
    pose: PoseShape | None = None
    flip_index: tuple[int, ...] | None = None
    point_names: tuple[tuple[int, tuple[str, ...]], ...] = ()
    path: str | None = None
    entries: tuple[tuple[str, tuple[str, ...]], ...] = ()
    text: str = ""

    def categories(self, names: tuple[str, ...]) -> tuple[Category, ...]:
        """The classes with their key points."""
        by_class = dict(self.point_names)
        numbered = tuple(str(number) for number in range(self.pose.points)) if self.pose else ()
        return tuple(
            Category(
                name=name,
                point_names=by_class.get(number, by_class.get(-1, numbered)) if self.pose else (),
                flip_index=self.flip_index if self.pose else None,
            )
            for number, name in enumerate(names)
        )


def declared_in_yaml(root: Path, scan: Scan) -> Declaration | None:
    """What the data.yaml of a data set says, under whichever name; None when there is none.

    Raises:
        InputError: It cannot be used, or several contradict each other.
    """
    files = sorted(
        [*scan.label_files.get(".yaml", ()), *scan.label_files.get(".yml", ())],
        key=lambda file: (file.count("/"), _yaml_rank(file), file),
    )
    found: list[Declaration] = []
    for file in files:
        text = ""
        is_certain = posixpath.basename(file).lower() in _FIRST_YAMLS
        if found and _yaml_rank(found[0].file) < len(_FIRST_YAMLS):
            break
        try:
            text = read_text(root, file, MOST_YAML_BYTES)
            node = compose_yaml(file, text)
        except InputError:
            if is_certain or (text and _NAMES_CLASSES.search(text)):
                raise
            continue
        if _is_declaration(node):
            found.append(_declaration(file, text, node))
    for other in found[1:]:
        if other.names != found[0].names:
            raise InputError(
                f"{found[0].file} and {other.file} name different classes.",
                hint="Keep one of them, or call the one that holds data.yaml.",
                code="labels.contradiction",
            )
    return found[0] if found else None


def declared_for_darknet(root: Path, scan: Scan) -> list[Declaration]:
    """What `.data` files say: where the lists of images are."""
    found = []
    for file in sorted(scan.label_files.get(".data", ())):
        pairs = [
            (key.strip().lower(), value.strip())
            for line in read_text(root, file, MOST_YAML_BYTES).splitlines()
            for key, sign, value in [line.partition("=")]
            if sign and not line.lstrip().startswith("#")
        ]
        entries = tuple((key, (value,)) for key, value in pairs if key in SPLIT_KEYS and value)
        if entries:
            found.append(Declaration(file=file, entries=entries))
    return found


def name_files(scan: Scan) -> list[str]:
    """Files that hold class names, one in a line; the one nearest to the source folder first."""
    plain = [path for path in scan.label_files.get(".txt", ()) if posixpath.basename(path).lower() in NAME_FILES]
    return sorted([*plain, *scan.label_files.get(".names", ())], key=lambda path: (path.count("/"), path))


def names_in(root: Path, file: str) -> tuple[str, ...]:
    """The class names that stand in the lines of a file.

    Raises:
        InputError: It cannot be read, or a line in the middle is empty.
    """
    names = [line.strip() for line in read_text(root, file, MOST_YAML_BYTES).splitlines()]
    while names and not names[-1]:
        names.pop()
    if "" in names:
        refuse(f"{file}, line {names.index('') + 1}, names no class.", "Each line holds one name, from class 0 on.")
    if len(names) > MOST_CLASSES:
        _refuse_count(len(names), f"{file} names {len(names):,} classes", "Is it a list of class names at all?")
    return tuple(names)


def read_text(root: Path, file: str, most: int) -> str:
    """A small text file.

    Raises:
        InputError: It cannot be read, is larger than `most` bytes, or is no UTF-8.
    """
    try:
        if not (root / file).is_file():
            refuse(f"{file} is not a plain file.", "Move it out of the folder.")
        with open_plain(root / file) as handle:
            data = handle.read(most + 1)
    except OSError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{file} cannot be read: {error.strerror}.", hint="Give yourself the right.", code="labels.unreadable"
        ) from error
    if len(data) > most:
        refuse(f"{file} is larger than {most >> 20} MiB.", "Is it what its name says?", "labels.too_large")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        refuse(f"{file}, line {line}, is no UTF-8 text.", "Save it as UTF-8.", "labels.encoding")


def _yaml_rank(file: str) -> int:
    name = posixpath.basename(file).lower()
    return _FIRST_YAMLS.index(name) if name in _FIRST_YAMLS else len(_FIRST_YAMLS)


def _is_declaration(node: Any) -> bool:
    keys = {key for key, _ in pairs_of(node)}
    return "names" in keys or ("nc" in keys and "train" in keys)


def _declaration(file: str, text: str, node: Any) -> Declaration:
    values = dict(pairs_of(node))
    pose = _pose(file, values.get("kpt_shape"))
    # Ultralytics has other tasks besides: what labels there are is told from their lines then.
    task = next((known for known in get_args(Task) if known == scalar_of(values.get("task"))), None)
    if task == "pose" and pose is None:
        refuse(f"{file} has no kpt_shape, which 'task: pose' needs.", "Add kpt_shape: [number of points, 2 or 3].")
    names = _names(file, values.get("names"), values.get("nc"))
    if pose is not None and task in (None, "detect"):
        # Lines have key points then, whatever is trained on them.
        task = "pose"
    return Declaration(
        file=file,
        names=names,
        task=task,
        pose=pose if task == "pose" else None,
        flip_index=_flip_index(file, values.get("flip_idx"), pose),
        point_names=_point_names(file, values.get("kpt_names"), pose),
        path=scalar_of(values.get("path")),
        entries=tuple((key, _folders(values[key])) for key in SPLIT_KEYS if _folders(values.get(key))),
        text=text,
    )


def _names(file: str, node: Any, count: Any) -> tuple[str, ...] | None:
    nc = None if scalar_of(count) is None else whole_of(file, "nc", count)
    names: list[str] | None = None
    if kind_of(node) == "sequence":
        names = [str(item.value) for item in node.value if kind_of(item) == "scalar"]
        if len(names) != len(node.value):
            refuse(f"{file}, line {node.start_mark.line + 1}: 'names' is no list of words.", "Write one name for each.")
    elif kind_of(node) == "mapping":
        by_number = {
            whole_of(file, "names", key): str(item.value) for key, item in node.value if kind_of(item) == "scalar"
        }
        if len(by_number) != len(node.value) or sorted(by_number) != list(range(len(by_number))):
            refuse(
                f"{file}, line {node.start_mark.line + 1}: 'names' does not name each class from 0 on once.",
                "Classes are numbered 0, 1, 2, ... without gaps.",
            )
        names = [by_number[number] for number in range(len(by_number))]
    elif scalar_of(node) is not None:
        refuse(f"{file}, line {node.start_mark.line + 1}: 'names' is neither a list nor a mapping.", "See data.yaml.")
    if names is not None and nc is not None and len(names) != nc:
        refuse(f"{file} says 'nc: {nc}' but names {counted(len(names), 'class', 'classes')}.", "Make the two agree.")
    if names is None and nc is not None:
        if not 0 < nc <= MOST_CLASSES:
            _refuse_count(nc, f"{file} says 'nc: {nc}'", "nc is the number of classes.")
        names = [f"class_{number}" for number in range(nc)]
    if names is not None and not 0 < len(names) <= MOST_CLASSES:
        _refuse_count(len(names), f"{file} names {len(names):,} classes", "'names' holds one name for each class.")
    return None if names is None else tuple(names)


def _refuse_count(count: int, what: str, hint: str) -> NoReturn:
    code = "labels.too_many_classes" if count > MOST_CLASSES else "labels.unreadable"
    refuse(f"{what}; from 1 to {MOST_CLASSES:,} are read.", hint, code)


def _pose(file: str, node: Any) -> PoseShape | None:
    if node is None or (kind_of(node) == "scalar" and scalar_of(node) is None):
        return None
    numbers = [whole_of(file, "kpt_shape", item) for item in node.value] if kind_of(node) == "sequence" else []
    if len(numbers) != 2 or not 1 <= numbers[0] <= MOST_CLASSES or numbers[1] not in (2, 3):
        refuse(f"{file}, line {node.start_mark.line + 1}: kpt_shape is not [number of points, 2 or 3].", "Correct it.")
    return PoseShape(points=numbers[0], dimensions=numbers[1])


def _flip_index(file: str, node: Any, pose: PoseShape | None) -> tuple[int, ...] | None:
    if pose is None or node is None or kind_of(node) != "sequence" or not node.value:
        return None
    flip = tuple(whole_of(file, "flip_idx", item) for item in node.value)
    line = node.start_mark.line + 1
    if len(flip) != pose.points:
        refuse(
            f"{file}, line {line}: flip_idx has {counted(len(flip), 'entry', 'entries')}, and kpt_shape says "
            f"{counted(pose.points, 'point')}.",
            "It has one entry for each point: the point that takes its place in a mirror.",
        )
    wrong = [place for place, other in enumerate(flip) if not 0 <= other < len(flip) or flip[other] != place]
    if wrong:
        shown = ", ".join(f"{place} -> {flip[place]}" for place in wrong[:8])
        refuse(
            f"{file}, line {line}: flip_idx is no swap: mirrored twice, these points do not come back: {shown}.",
            "If point 1 becomes point 2 in a mirror, point 2 becomes point 1.",
        )
    return flip


def _point_names(file: str, node: Any, pose: PoseShape | None) -> tuple[tuple[int, tuple[str, ...]], ...]:
    if pose is None:
        return ()
    if kind_of(node) == "sequence":
        lists = [(-1, node)]
    elif kind_of(node) == "mapping":
        lists = [(whole_of(file, "kpt_names", key), item) for key, item in node.value]
    else:
        return ()
    found = []
    for number, item in lists:
        names = tuple(str(name.value) for name in item.value) if kind_of(item) == "sequence" else ()
        if len(names) != pose.points or not all(kind_of(name) == "scalar" for name in item.value):
            refuse(
                f"{file}, line {item.start_mark.line + 1}: kpt_names does not name {counted(pose.points, 'point')}.",
                "Name each point of kpt_shape once.",
            )
        found.append((number, names))
    return tuple(found)


def _folders(node: Any) -> tuple[str, ...]:
    if kind_of(node) == "sequence":
        return tuple(text for item in node.value if (text := scalar_of(item)) is not None)
    text = scalar_of(node)
    return () if text is None else (text,)
