"""Turns the text of a recipe into plain data, guarding against hostile documents, and remembers the lines."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import yaml
from pydantic import JsonValue

from nfold.errors import InvalidRecipeError, Problem

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_NODES: Final = 20_000
SCALARS: Final = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The data of a recipe.

    Attributes:
        data: What the text says.
        lines: Line number, counted from 1, by JSON pointer; empty for JSON.
    """

    data: JsonValue
    lines: dict[str, int] = field(default_factory=dict)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with numbers such as 1e-3 read as numbers."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)


def read_document(text: str) -> Document:
    """Read YAML or JSON.

    Raises:
        InvalidRecipeError: The text is too large, is neither, names a key twice, or is nested too deeply.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        refuse("", f"The recipe is larger than {MAX_BYTES // 1024} KiB.")
    if text.lstrip().startswith("{"):
        try:
            data = _read_json(text)
            check_shape(data)
            return Document(data=data)
        except json.JSONDecodeError:
            pass  # YAML has a {flow: style} that is not JSON
    return _read_yaml(text)


def check_shape(data: object) -> None:
    """Stop before anything recursive sees data that are too deep or too large.

    Raises:
        InvalidRecipeError: They are.
    """
    waiting: list[tuple[object, int]] = [(data, 0)]
    count = 0
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH:
            refuse("", f"The recipe is nested more than {MAX_DEPTH} levels deep.")
        if count > MAX_NODES:
            refuse("", f"The recipe holds more than {MAX_NODES} values.")
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        waiting += [(item, depth + 1) for item in inner]


def refuse(pointer: str, message: str, hint: str | None = None) -> NoReturn:
    """Raise an error with one problem."""
    problem = Problem(pointer=pointer, message=message, hint=hint)
    raise InvalidRecipeError(message, hint=hint, problems=(problem,))


def _read_json(text: str) -> JsonValue:
    def from_pairs(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                refuse("", f"The key '{key[:80]}' stands twice in one object.", "Keep one of the two.")
        return dict(pairs)

    try:
        data: JsonValue = json.loads(text, object_pairs_hook=from_pairs)
    except RecursionError:
        refuse("", f"The recipe is nested more than {MAX_DEPTH} levels deep.")
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # a number of thousands of digits
        refuse("", f"The recipe holds a number that cannot be read: {str(error)[:200]}.")
    return data


def _read_yaml(text: str) -> Document:
    try:
        _check_events(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                refuse("", "The recipe is empty.", "A recipe needs at least a list of transforms under 'augment'.")
            builder = _Builder(loader=loader)
            return Document(data=builder.build(node, "", 0), lines=builder.lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        refuse("", f"The recipe cannot be read as YAML{where}: {error.problem or error.context}.")
    except yaml.YAMLError as error:
        refuse("", f"The recipe cannot be read as YAML: {str(error)[:200]}.")


def _check_events(text: str) -> None:
    """Stop before anything recursive sees a document that is too deep or too large."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, _Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            refuse("", f"The recipe is nested more than {MAX_DEPTH} levels deep.")
        if count > 2 * MAX_NODES:
            refuse("", f"The recipe holds more than {MAX_NODES} values.")


@dataclass(slots=True, kw_only=True)
class _Builder:
    """Builds data from YAML nodes, counting what aliases expand to."""

    loader: _Loader
    lines: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def build(self, node: yaml.Node, pointer: str, depth: int) -> JsonValue:
        self.count += 1
        if self.count > MAX_NODES or depth > MAX_DEPTH:
            refuse("", f"The recipe expands to more than {MAX_NODES} values.", "Write fewer aliases (*name).")
        self.lines.setdefault(pointer, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, pointer, depth)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self.build(item, f"{pointer}/{index}", depth + 1) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, pointer)
        refuse(pointer, f"A recipe is plain data: the tag {node.tag[:80]} is not.")

    def _mapping(self, node: yaml.MappingNode, pointer: str, depth: int) -> JsonValue:
        built: dict[str, JsonValue] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._scalar(key_node, pointer) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                refuse(pointer, f"Line {line}: a key must be text.")
            if key == "<<":
                refuse(pointer, f"Line {line}: merge keys ('<<') are not supported.", "Write the arguments out.")
            if key in built:
                refuse(
                    f"{pointer}/{escape(key)}", f"Line {line}: the key '{key}' stands twice.", "Keep one of the two."
                )
            self.lines[f"{pointer}/{escape(key)}"] = line
            built[key] = self.build(value_node, f"{pointer}/{escape(key)}", depth + 1)
        return built

    def _scalar(self, node: yaml.ScalarNode, pointer: str) -> JsonValue:
        if node.tag == "tag:yaml.org,2002:timestamp" or node.tag == "tag:yaml.org,2002:merge":
            return str(node.value)
        if node.tag not in SCALARS:
            refuse(pointer, f"A recipe is plain data: the tag {node.tag[:80]} is not.")
        constructed: Any
        try:
            constructed = self.loader.construct_object(node)
        except ValueError as error:  # a number of thousands of digits
            refuse(pointer, f"Line {node.start_mark.line + 1}: the number cannot be read: {str(error)[:200]}.")
        assert isinstance(constructed, Hashable)
        value: JsonValue = constructed  # type: ignore[assignment]
        return value


def escape(key: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
