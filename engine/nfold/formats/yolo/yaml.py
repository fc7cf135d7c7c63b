"""data.yaml as text: read without building objects, edited in place, written anew.

Ultralytics takes `path` for the folder of train, val and test; without it, the folder of data.yaml. A `path` that
exists where the trainer happens to be started wins, so what nfold writes has none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from nfold.errors import InputError
from nfold.formats.yolo.lines import MOST_CLASSES

_MOST_YAML_EVENTS = 200_000
_MOST_YAML_DEPTH = 32
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")


def compose_yaml(file: str, text: str) -> Any:
    """The top of a YAML document as a node, with marks of where its parts stand; None when it is empty.

    Values are taken as they are written: a class called `no` is not false.

    Raises:
        InputError: It is no YAML, nested too deeply, or too large.
    """
    import yaml

    depth = 0
    hint = f"Is it a data.yaml at all? Such a file names folders, and at most {MOST_CLASSES:,} classes."
    try:
        for count, event in enumerate(yaml.parse(text, yaml.SafeLoader)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_YAML_DEPTH:
                refuse(f"{file} is nested more than {_MOST_YAML_DEPTH} levels deep.", hint, "labels.too_large")
            if count > _MOST_YAML_EVENTS:
                refuse(f"{file} holds more than {_MOST_YAML_EVENTS:,} keys and values.", hint, "labels.too_large")
        return yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}," if mark else ""
        refuse(f"{file}{where} cannot be read as YAML: {error.problem or error.context}.", "Correct it.")
    except yaml.YAMLError as error:
        refuse(f"{file} cannot be read as YAML: {str(error)[:200]}.", "Correct it.")


def pairs_of(node: Any) -> Iterator[tuple[str, Any]]:
    """Keys, as text, and values of a mapping; nothing when it is none."""
    if kind_of(node) == "mapping":
        yield from ((key.value, value) for key, value in node.value if kind_of(key) == "scalar")


def kind_of(node: Any) -> str | None:
    """Of a node: "scalar", "sequence" or "mapping"; None when there is none."""
    name: str | None = getattr(node, "id", None)
    return name


def scalar_of(node: Any) -> str | None:
    """The text of a value, None when it is missing, empty or null."""
    if kind_of(node) != "scalar" or node.tag == "tag:yaml.org,2002:null" or not node.value.strip():
        return None
    return str(node.value)


def whole_of(file: str, key: str, node: Any) -> int:
    """The whole number that a node holds.

    Raises:
        InputError: It holds none; the message names file, line and key.
    """
    text = scalar_of(node) or ""
    digits = text.removesuffix(".0").removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
        refuse(f"{file}, line {node.start_mark.line + 1}: '{text[:40]}' in {key} is no whole number.", "Correct it.")
    return int(float(text))


def refuse(message: str, hint: str, code: str = "labels.unreadable") -> NoReturn:
    """Raise the error that a file cannot be used."""
    raise InputError(message, hint=hint, code=code)


def with_entries(file: str, text: str, entries: Mapping[str, Sequence[str]]) -> str:
    """The text of a data.yaml without `path`, and with other folders for splits; all else stays as it was.

    Args:
        file: Its name, for messages.
        text: As it is.
        entries: By key, what is to stand there.

    Raises:
        InputError: It is no YAML.
    """
    node = compose_yaml(file, text)
    if kind_of(node) != "mapping":
        return text
    edits = []
    for key, value in node.value:
        if kind_of(key) != "scalar" or not (key.value == "path" or key.value in entries):
            continue
        start, end = key.start_mark.index, _end_of(text, key, value)
        new = None if key.value == "path" else f"{key.value}: {_shown(entries[key.value])}"
        if new is None and node.flow_style:
            new = "path: null"
        elif new is None:
            line_end = text.find("\n", end)
            new, end = "", len(text) if line_end < 0 else line_end + 1
        edits.append((start, end, new))
    edited = text
    for start, end, new in sorted(edits, reverse=True):
        edited = edited[:start] + new + edited[end:]
    try:
        compose_yaml(file, edited)
    except InputError as error:
        raise InputError(
            f"{file} cannot be written for the output: {error.message}",
            hint="Write the values of path, train, val and test without anchors (&) and aliases (*).",
            code="labels.unreadable",
        ) from error
    return edited


def _end_of(text: str, key: Any, value: Any) -> int:
    last = value
    while kind_of(last) == "sequence" and not last.flow_style and last.value:
        # The end of a block is the beginning of what comes after it, comments in between or not.
        last = last.value[-1]
    end: int = last.end_mark.index
    if end <= key.end_mark.index:  # an alias: the marks are those of what it stands for, further up
        line_end = text.find("\n", key.end_mark.index)
        return len(text) if line_end < 0 else line_end
    start: int = key.start_mark.index
    return start + len(text[start:end].rstrip())


def _shown(values: Sequence[str]) -> str:
    shown = [value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False) for value in values]
    return shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
