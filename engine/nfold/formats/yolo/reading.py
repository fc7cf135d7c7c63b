"""Reading a YOLO data set: which images, in which splits, with which labels."""

from __future__ import annotations

import os
import posixpath
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

from nfold.annotations import DatasetInfo, Document, ImageLabels, LabelKind, kinds_of
from nfold.errors import InputError
from nfold.formats.base import Label, ReadContext, Source, SourceProblem
from nfold.formats.scratch import at_once
from nfold.formats.yolo.data import (
    Declaration,
    declared_for_darknet,
    declared_in_yaml,
    name_files,
    names_in,
)
from nfold.formats.yolo.layout import NAME_FILES, LabelFolders, find_label_folders
from nfold.formats.yolo.lines import (
    MOST_FILE_BYTES,
    OBB_VALUES,
    BadLabelError,
    LineRules,
    Task,
    lines_of,
    looks_like_labels,
    read_label,
)
from nfold.formats.yolo.remains import none_belongs
from nfold.formats.yolo.splits import Membership
from nfold.formats.yolo.table import Entry, ImageTable
from nfold.images import EXTENSIONS
from nfold.plain_files import open_plain

_FROM_LINES = "told from the lines"
_NO_IMAGE = "label file without an image"
_SAMPLE_BYTES = 64 * 1024
_SHOWN_NAMES = 5


@dataclass(slots=True, kw_only=True)
class YoloReading:
    """One pass over a data set."""

    context: ReadContext
    take: Callable[[Source], None]
    kinds: Counter[LabelKind] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    conventions: dict[str, Any] = field(default_factory=lambda: {"format": "yolo"})
    largest_class: int = -1

    def run(self) -> DatasetInfo:
        """Hand over every image with its labels.

        Raises:
            InputError: The data set as a whole cannot be used.
        """
        root, scan = self.context.root, self.context.scan
        yaml = declared_in_yaml(root, scan)
        declared = (*([yaml] if yaml else []), *declared_for_darknet(root, scan))
        names = self._names(yaml)
        folders = find_label_folders(root, scan)
        self.conventions["label_files"] = str(folders) or "none"
        members = Membership(
            context=self.context,
            declared=declared,
            repairs=self.repairs,
            passed_over=self.passed_over,
            examples=self.examples,
        )
        table = ImageTable(self.context.scratch)
        with at_once(self.context.scratch):
            members.fill(table, folders)
            rules = self._rules(table, yaml, names)
            for entry in table.entries(only_in_splits=members.has_splits):
                self._take(table, entry, rules, members, folders)
            self._count_orphans(table, folders, {one.path for one in members.lists})
            if self.passed_over[_NO_IMAGE] and next(table.labels(), None) is None:
                image = next(table.entries(only_in_splits=False), None)
                raise none_belongs(self.examples[_NO_IMAGE], image.file.path if image else "(there is none)")
        return self._info(yaml, names, members)

    def _names(self, yaml: Declaration | None) -> tuple[str, ...] | None:
        names = self._found_names(yaml)
        repeated = [name for name, count in Counter(names or ()).items() if count > 1]
        if names and repeated:
            shown = ", ".join(repeated[:_SHOWN_NAMES]) + (", ..." if len(repeated) > _SHOWN_NAMES else "")
            what = f"class that is called like another ({self.conventions['class_names']}: {shown})"
            self.repairs[f"{what}, kept apart by its number"] += len(names) - len(set(names))
        return names

    def _found_names(self, yaml: Declaration | None) -> tuple[str, ...] | None:
        if yaml is not None and yaml.names is not None:
            self.conventions["class_names"] = yaml.file
            return yaml.names
        files = name_files(self.context.scan)
        if not files:
            self.conventions["class_names"] = "none: classes are called by their numbers"
            return None
        named = {file: names_in(self.context.root, file) for file in files if file.count("/") == files[0].count("/")}
        for file, names in named.items():
            if names != named[files[0]]:
                raise InputError(
                    f"{files[0]} and {file} name different classes.",
                    hint="Make them agree, or write a data.yaml with the names.",
                    code="labels.contradiction",
                )
        self.conventions["class_names"] = files[0]
        return named[files[0]]

    def _rules(self, table: ImageTable, yaml: Declaration | None, names: tuple[str, ...] | None) -> LineRules:
        classes = None if names is None else len(names)
        recorded = self.context.recorded
        pose = yaml.pose if yaml else None
        former = recorded.get("task") if recorded.get("format") == "yolo" else None
        task: Task
        if yaml is not None and yaml.task is not None:
            task, why = yaml.task, f"{yaml.file} says so"
        elif decided := [known for known in get_args(Task) if known == former and known != "pose"]:
            task, why = decided[0], str(recorded.get("task_reason"))
        else:
            has_lines, has_others = self._look_at_lines(table)
            task = "obb" if has_lines and not has_others else "segment"
            why = "every line has 9 values; 'task: segment' in data.yaml would make them outlines of four corners"
            if task != "obb":
                why = _FROM_LINES
        self.conventions |= {"task": task, "task_reason": why}
        if pose is not None:
            self.conventions["kpt_shape"] = [pose.points, pose.dimensions]
        return LineRules(task=task, classes=classes, pose=pose if task == "pose" else None)

    def _look_at_lines(self, table: ImageTable) -> tuple[bool, bool]:
        """Whether there are lines of nine values, and lines of other lengths; the first of these ends the search."""
        has_lines = False
        for label in table.labels():
            try:
                lines = lines_of(self._read(label))
            except (OSError, BadLabelError):
                continue  # said when it is the turn of its image
            if any(len(line.split()) != OBB_VALUES for _, line in lines):
                return has_lines, True
            has_lines |= bool(lines)
        return has_lines, False

    def _read(self, label: str) -> bytes:
        with open_plain(self.context.root / label) as file:
            return file.read(MOST_FILE_BYTES + 1)

    def _take(
        self, table: ImageTable, entry: Entry, rules: LineRules, members: Membership, folders: LabelFolders
    ) -> None:
        labels, problem = None, None
        if entry.missing is not None:
            problem = SourceProblem(
                code="labels.missing_image", message=entry.missing, hint="Add the image, or take out the line."
            )
        elif entry.label is None:
            problem = self._folder_in_its_place(entry.file.path, folders)
        else:
            sharing = table.sharing(entry.label, only_in_splits=members.has_splits)
            if len(sharing) > 1:
                problem = SourceProblem(
                    code="labels.shared_file",
                    message=f"{entry.label} belongs to {' and to '.join(sharing)}: images that differ in their ending"
                    " alone share one label file.",
                    hint="Rename one of the images, or --exclude it.",
                )
            else:
                labels, problem = self._labels(entry.label, rules)
        if problem is None:
            lines = table.lines_of(entry.id) if members.lists else {}
            labels = ImageLabels(
                annotations=labels.annotations if labels else (), is_relative=True, label_file=entry.label, raw=lines
            )
            for annotation in labels.annotations:
                self.kinds.update(kinds_of(annotation))
                self.largest_class = max(self.largest_class, annotation.category or 0)
        label = Label(split=entry.split, category=None)
        self.take(Source(id=entry.id, file=entry.file, label=label, labels=labels, problem=problem))

    def _labels(self, label: str, rules: LineRules) -> tuple[ImageLabels | None, SourceProblem | None]:
        try:
            return ImageLabels(annotations=read_label(self._read(label), rules, self.repairs)), None
        except BadLabelError as error:
            where = label if error.line is None else f"{label}, line {error.line}"
            return None, SourceProblem(code=error.code, message=f"{where}: {error.message}.", hint=error.hint)
        except OSError as error:
            message = f"{label} cannot be read: {error.strerror or error}."
            hint = "Give yourself the right to read it."
            if isinstance(error, FileNotFoundError):
                hint = "It is a link that leads nowhere, or was taken away just now. Put back what it leads to, or remove it."
            return None, SourceProblem(code="labels.unreadable", message=message, hint=hint)

    def _folder_in_its_place(self, image: str, folders: LabelFolders) -> SourceProblem | None:
        """A folder that is called like the label file of an image, which would else be taken for one without objects."""
        for label in folders.candidates(image):
            if (self.context.root / label).is_dir():
                return SourceProblem(
                    code="labels.unreadable",
                    message=f"{label} is a folder, not a label file.",
                    hint="Put the label file in its place, or remove the folder if there is nothing in the image.",
                )
        return None

    def _count_orphans(self, table: ImageTable, folders: LabelFolders, lists: set[str]) -> None:
        for label in self.context.files.label_files(".txt"):
            if label in lists or posixpath.basename(label).lower() in NAME_FILES or table.has_label(label):
                continue
            try:
                with open_plain(self.context.root / label) as file:
                    head = file.read(_SAMPLE_BYTES)
            except OSError:
                continue  # whatever it is, no image waits for it
            if len(head) == _SAMPLE_BYTES:
                head = head[: head.rfind(b"\n") + 1]
            if looks_like_labels(head) and not self._image_is_left_out(label, folders):
                self.passed_over[_NO_IMAGE] += 1
                self.examples.setdefault(_NO_IMAGE, label)

    def _image_is_left_out(self, label: str, folders: LabelFolders) -> bool:
        return any(
            self.context.is_left_out(stem + ending) and os.path.lexists(self.context.root / (stem + ending))
            for stem in folders.images_of(label)
            for ending in EXTENSIONS
        )

    def _info(self, yaml: Declaration | None, names: tuple[str, ...] | None, members: Membership) -> DatasetInfo:
        if names is None:
            names = tuple(str(number) for number in range(self.largest_class + 1))
        if self.conventions["task_reason"] == _FROM_LINES:
            self._say_what_lines_are()
        documents = [Document(path=one.path, split=one.split, raw={"list": one.newline}) for one in members.lists]
        companions = [*name_files(self.context.scan), *(one.file for one in members.declared if one is not yaml)]
        rewritten = None if yaml is None else members.rewritten(yaml)
        if yaml is not None and rewritten is None:
            companions.append(yaml.file)
        elif yaml is not None:
            documents.append(Document(path=yaml.file, raw={"text": rewritten}))
        return DatasetInfo(
            categories=(yaml or Declaration(file="")).categories(names),
            documents=tuple(documents),
            companions=tuple(sorted(set(companions))),
            kinds=dict(self.kinds),
            conventions=self.conventions,
            passed_over=dict(self.passed_over),
            examples=self.examples,
            repairs=dict(self.repairs),
        )

    def _say_what_lines_are(self) -> None:
        if self.kinds["polygons"]:
            self.conventions["task"] = "segment"
        elif self.kinds["boxes"]:
            self.conventions["task"] = "detect"
        else:
            # Nothing to be told from; the next run may find something.
            del self.conventions["task"], self.conventions["task_reason"]
