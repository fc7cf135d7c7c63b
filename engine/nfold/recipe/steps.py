"""Reads and checks the lists of transforms in a recipe: names, arguments, types, bounds, nesting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue

from nfold.errors import Problem, did_you_mean
from nfold.recipe.catalogue import Entry, catalogue
from nfold.recipe.constants import CONSTANTS_OF_ARGUMENT
from nfold.recipe.reading import escape
from nfold.recipe.values import check_value

MAX_TRANSFORMS: Final = 64
MAX_NESTING: Final = 4
# Kept even when they equal the default: to write them is to decide against the recipe's border.
BORDER_ARGUMENTS: Final = {"border_mode", "fill", "fill_mask"}
# Lists that are one value; any other list stands for a random choice.
PLAIN_LISTS: Final = {"fill", "fill_mask", "max_size_hw", "padding"}


class TransformSpec(BaseModel):
    """One checked transform of a recipe.

    Attributes:
        name: As in Albumentations.
        arguments: What the author wrote, without what equals the default, constants by name; `p` is always there.
        children: The transforms inside a composition such as OneOf.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    arguments: Mapping[str, JsonValue]
    children: tuple[TransformSpec, ...] = ()

    @property
    def p(self) -> float:
        """The probability with which it is applied."""
        p = self.arguments["p"]
        assert isinstance(p, int | float)
        return float(p)

    @property
    def entry(self) -> Entry:
        """What the catalogue knows about it."""
        return catalogue().entries[self.name]

    def leaves(self) -> tuple[TransformSpec, ...]:
        """List the transforms proper, without the compositions around them."""
        if self.entry.kind != "composition":
            return (self,)
        return tuple(leaf for child in self.children for leaf in child.leaves())


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What a list of transforms came to.

    Attributes:
        specs: The transforms that could be read.
        problems: Everything that is wrong, with pointers below the list.
    """

    specs: tuple[TransformSpec, ...]
    problems: tuple[Problem, ...]


def read_steps(value: object, *, deterministic: bool) -> Steps:
    """Check a list of transforms as it stands in a document.

    Args:
        value: The list.
        deterministic: True for `prepare`: no composition, no chance.
    """
    if not isinstance(value, list | tuple):
        message = "A list of transforms is needed."
        return Steps(specs=(), problems=(Problem(pointer="", message=message, hint="- HorizontalFlip: {p: 0.5}"),))
    reader = _Reader(deterministic=deterministic)
    specs = tuple(spec for index, step in enumerate(value) if (spec := reader.read(step, f"/{index}", 1)))
    if reader.count > MAX_TRANSFORMS:
        message = f"There are {reader.count} transforms; {MAX_TRANSFORMS} is the largest number."
        reader.problems.append(Problem(pointer="", message=message))
    return Steps(specs=specs, problems=tuple(reader.problems))


@dataclass(slots=True, kw_only=True)
class _Reader:
    deterministic: bool
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def read(self, step: object, pointer: str, depth: int) -> TransformSpec | None:
        self.count += 1
        if isinstance(step, TransformSpec):
            step = {step.name: {**step.arguments, **({"transforms": list(step.children)} if step.children else {})}}
        if isinstance(step, str):
            step = {step: None}
        if not isinstance(step, Mapping) or len(step) != 1:
            self._refuse(pointer, "One transform is needed here.", "Write it as '- Name: {argument: value}'.")
            return None
        name, arguments = next(iter(step.items()))
        here = f"{pointer}/{escape(str(name))}"
        entry = self._entry(str(name)[:80], here)
        if entry is None or not self._are_arguments(arguments, entry, here):
            return None
        if entry.kind == "composition":
            return self._read_composition(entry, dict(arguments or {}), here, depth)
        spec = TransformSpec(name=entry.name, arguments=self._read_arguments(entry, arguments or {}, here))
        if self.deterministic:
            self._check_deterministic(spec, here)
        return spec

    def _entry(self, name: str, pointer: str) -> Entry | None:
        known = catalogue()
        if name in known.excluded:
            hint = "Remove it." if "training code" in known.excluded[name] else None
            self._refuse(pointer, f"'{name}' cannot stand in a recipe: {known.excluded[name]}.", hint)
        elif name not in known.entries:
            self._refuse(pointer, f"There is no transform '{name}'.", did_you_mean(name, known.entries))
        return known.entries.get(name)

    def _are_arguments(self, arguments: object, entry: Entry, pointer: str) -> bool:
        if arguments is None or isinstance(arguments, Mapping):
            return True
        example = "transforms: [...]" if entry.kind == "composition" else "p: 0.5"
        self._refuse(pointer, f"The arguments of {entry.name} must be a mapping.", f"{entry.name}: {{{example}}}")
        return False

    def _read_composition(
        self, entry: Entry, arguments: dict[str, Any], pointer: str, depth: int
    ) -> TransformSpec | None:
        steps = arguments.pop("transforms", None)
        if self.deterministic:
            self._refuse(pointer, f"'prepare' is a plain list: {entry.name} cannot stand in it.")
            return None
        if depth >= MAX_NESTING:
            self._refuse(pointer, f"Compositions are nested more than {MAX_NESTING - 1} deep.")
            return None
        if not isinstance(steps, list | tuple) or not steps:
            hint = f"{entry.name}: {{transforms: [HorizontalFlip, VerticalFlip]}}"
            self._refuse(pointer, f"{entry.name} needs a list 'transforms' with at least one transform.", hint)
            return None
        read = (self.read(step, f"{pointer}/transforms/{index}", depth + 1) for index, step in enumerate(steps))
        children = tuple(child for child in read if child)
        spec = TransformSpec(
            name=entry.name, arguments=self._read_arguments(entry, arguments, pointer), children=children
        )
        if len(children) == len(steps):
            self._check_composition(spec, pointer)
        return spec

    def _read_arguments(self, entry: Entry, arguments: Mapping[str, Any], pointer: str) -> dict[str, JsonValue]:
        read: dict[str, JsonValue] = {}
        for name, value in arguments.items():
            here = f"{pointer}/{escape(str(name))}"
            schema = entry.arguments.get(str(name))
            if schema is None:
                known = [*entry.arguments, *(["transforms"] if entry.kind == "composition" else [])]
                hint = did_you_mean(str(name)[:80], known) or f"Known: {', '.join(known)}."
                self._refuse(here, f"{entry.name} has no argument '{str(name)[:80]}'.", hint)
                continue
            plain = _constants_by_name(str(name), _without_tuples(value))
            problems = check_value(plain, schema, here)
            self.problems += problems
            if not problems and (str(name) in BORDER_ARGUMENTS or plain != schema.get("default", ...)):
                read[str(name)] = plain
        for name, schema in entry.arguments.items():
            if "default" not in schema and name not in arguments:
                self._refuse(pointer, f"{entry.name} needs the argument '{name}'.")
        p = read.pop("p", entry.arguments["p"]["default"])
        return {**read, "p": p}

    def _check_composition(self, spec: TransformSpec, pointer: str) -> None:
        if spec.name == "OneOf" and all(child.p == 0 for child in spec.children):
            self._refuse(pointer, "OneOf chooses in proportion to p, and every p in it is 0.")
        if spec.name == "OneOrOther" and len(spec.children) != 2:
            self._refuse(f"{pointer}/transforms", "OneOrOther needs exactly two transforms.")
        n, replace = spec.arguments.get("n", 1), spec.arguments.get("replace", False)
        if isinstance(n, int) and not replace and n > len(spec.children):
            hint = "Give a smaller n, or replace: true."
            self._refuse(f"{pointer}/n", f"n is {n}, more than there are transforms ({len(spec.children)}).", hint)

    def _check_deterministic(self, spec: TransformSpec, pointer: str) -> None:
        capabilities = spec.entry.capabilities
        assert capabilities is not None
        if not capabilities.deterministic:
            hint = "Move it to 'augment'."
            self._refuse(pointer, f"{spec.name} is random, and 'prepare' must do the same to every picture.", hint)
            return
        if spec.p != 1:
            self._refuse(
                pointer, f"{spec.name} has p = {spec.p:g}, and 'prepare' leaves nothing to chance.", "Write p: 1."
            )
        for name, value in spec.arguments.items():
            if value == "random" or (isinstance(value, list) and name not in PLAIN_LISTS):
                self._refuse(
                    f"{pointer}/{name}", f"{name} is a random choice here, and 'prepare' leaves nothing to chance."
                )

    def _refuse(self, pointer: str, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(pointer=pointer, message=message, hint=hint))


def _without_tuples(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_without_tuples(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _without_tuples(item) for key, item in value.items()}
    return value


def _constants_by_name(argument: str, value: JsonValue) -> JsonValue:
    """`4` becomes `reflect_101`; whatever is not a known number stays for the check to refuse."""
    if argument not in CONSTANTS_OF_ARGUMENT:
        return value
    if isinstance(value, dict):
        return {key: _constants_by_name(argument, item) for key, item in value.items()}
    names = {number: name for name, number in CONSTANTS_OF_ARGUMENT[argument].items()}
    if isinstance(value, int) and not isinstance(value, bool):
        return names.get(value, value)
    return value
