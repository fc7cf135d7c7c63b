"""Names of copies: a template, and the proof that no two targets share a name."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from nfold.errors import SampleError, UsageError
from nfold.storage import PRIVATE

_FIELDS = ("stem", "copy", "ext", "split", "class", "id8")
COPY_MARK = "\0"
"""Stands in a family where a copy has its number; no file name holds it."""
_NUMBER = re.compile(r"(?<![0-9])[1-9][0-9]*(?![0-9])")
LONGEST_NAME = 255
"""Bytes of a file name, in Linux and macOS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameParts:
    """What the fields of a template are filled from."""

    folder: str
    stem: str
    ext: str
    split: str
    label: str
    id8: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTemplate:
    """A checked template such as `{stem}_aug{copy}{ext}`.

    Without a `/` it names the copy in the folder of its original; with one it is a path from the
    output folder. `{copy}` either begins the file name or is followed by fixed text and `{ext}` only:
    then a name tells its copy number and its family, and comparing families proves that no two
    targets collide, without listing a name for each of N copies.
    """

    text: str
    pieces: tuple[tuple[str, str | None], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check a template.

        Raises:
            UsageError: An unknown field, no `{copy}`, or one that could make two names equal.
        """
        try:
            parsed = [(literal, field) for literal, field, _, _ in string.Formatter().parse(text)]
        except ValueError as error:
            raise UsageError(f"--name {text}: {error}.", hint="Example: {stem}_aug{copy}{ext}") from error
        fields = [field for _, field in parsed if field is not None]
        if text != "".join(literal + (f"{{{field}}}" if field is not None else "") for literal, field in parsed):
            raise UsageError(
                f"--name {text}: a field is a name in braces and no more; there are no widths, and no other braces.",
                hint="Example: {stem}_aug{copy}{ext}",
            )
        for field in fields:
            if field not in _FIELDS:
                raise UsageError(
                    f"--name {text}: there is no field {{{field}}}.",
                    hint="Fields: " + " ".join(f"{{{name}}}" for name in _FIELDS),
                )
        template = cls(text=text, pieces=tuple(parsed))
        template._check_shape(fields)
        return template

    def _check_shape(self, fields: list[str]) -> None:
        if fields.count("copy") != 1:
            raise UsageError(
                f"--name {self.text}: {{copy}} has to stand in it exactly once.", hint="Example: {stem}_aug{copy}{ext}"
            )
        if not self.text.endswith("{ext}") or fields.count("ext") != 1:
            raise UsageError(f"--name {self.text}: it has to end in {{ext}}.", hint="Example: {stem}_aug{copy}{ext}")
        # Without splits or labels these two fields are empty.
        bare = [re.sub(r"\{(split|class)\}", "", part) for part in self.text.split("/")]
        if "" in self.text.split("/") or {"..", ".", PRIVATE} & {part.casefold() for part in bare}:
            raise UsageError(
                f"--name {self.text}: it has to stay inside the output folder.",
                hint="Example: {class}/{stem}_aug{copy}{ext}",
            )
        before, after = self.text.split("{copy}")
        leads = before == "" or before.endswith("/")
        ends_family = bool(re.fullmatch(r"(\D[^{}/]*)?\{ext\}", after)) and bool(re.search(r"[^\d{}]$", before))
        opens_family = leads and "/" not in after and bool(re.match(r"[^\d{}]", after))
        if not (ends_family or opens_family):
            raise UsageError(
                f"--name {self.text}: two names could be equal, since {{copy}} is not set apart.",
                hint="Put text that is no digit before {copy} and only fixed text and {ext} after it, as in {stem}_aug{copy}{ext}",
            )

    def render(self, parts: NameParts, copy: int | str) -> str:
        """The name of a copy, relative to the output folder."""
        values = {
            "stem": parts.stem,
            "copy": str(copy),
            "ext": parts.ext,
            "split": parts.split,
            "class": parts.label,
            "id8": parts.id8,
        }
        name = "".join(literal + (values[field] if field is not None else "") for literal, field in self.pieces)
        if "/" in self.text:
            return "/".join(part for part in name.split("/") if part)
        return f"{parts.folder}/{name}" if parts.folder else name

    def family(self, parts: NameParts) -> str:
        """What all copies of a source have in common: its name with a mark in the place of the number."""
        return self.render(parts, COPY_MARK)


def copies_called(name: str, most: int) -> Iterator[tuple[str, int]]:
    """The (family, copy) pairs that a file of this name could be, with no copy numbered above `most`.

    The number of a copy stands in the last part of its name and has no digit on either side of it, in pictures and
    in what is called after them. So it is one of the runs of digits in that part, whatever the template.
    """
    start = name.rfind("/") + 1
    for run in _NUMBER.finditer(name, start):
        # A run may be longer than what Python turns into a number.
        if len(run[0]) <= len(str(most)) and int(run[0]) <= most:
            yield name[: run.start()] + COPY_MARK + name[run.end() :], int(run[0])


def refuse_long_names(names: Iterable[str]) -> None:
    """Refuse what no file system takes.

    Raises:
        SampleError: A file name is too long.
    """
    for name in names:
        length = len(os.fsencode(name.rpartition("/")[2]))
        if length > LONGEST_NAME:
            raise SampleError(
                f"The name of a copy would have {length} bytes; {LONGEST_NAME} is the most that file systems take.",
                hint="Give the file a shorter name.",
                code="copies.name_too_long",
            )


def split_name(path: str) -> tuple[str, str, str]:
    """Folder, stem and extension of a `/`-separated path; `a.tar.jpg` has the stem `a.tar`."""
    folder, _, base = path.rpartition("/")
    stem, ext = os.path.splitext(base)
    return folder, stem, ext
