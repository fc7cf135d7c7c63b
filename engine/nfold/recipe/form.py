"""The form of a recipe: its fields, their limits, and how a document becomes a checked `Recipe`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from nfold.errors import InvalidRecipeError, Problem, UnknownNameError, UsageError, did_you_mean
from nfold.recipe.border import GREY
from nfold.recipe.presets import PRESETS
from nfold.recipe.reading import MAX_BYTES, check_shape, escape, read_document
from nfold.recipe.serialised import is_serialised, pointer_in_serialised, recipe_of_serialised
from nfold.recipe.steps import TransformSpec, read_steps

SUFFIXES: Final = {".yaml", ".yml", ".json"}
BORDER_NAMES: Final = ("auto", "reflect_101", "reflect", "replicate", "wrap", "constant")
PROBLEMS: Final = "nfold_problems"

ColourChannel = Annotated[float, Field(ge=0, le=255, allow_inf_nan=False)]
PointName = Annotated[str, Field(min_length=1, max_length=200)]


def _augment_steps(value: object) -> tuple[TransformSpec, ...]:
    specs = _checked_steps(value, deterministic=False)
    if not specs:
        message = "The list of transforms is empty: every copy would equal its source."
        raise _problems_error((Problem(pointer="", message=message, hint="- HorizontalFlip: {p: 0.5}"),))
    return specs


def _prepare_steps(value: object) -> tuple[TransformSpec, ...]:
    return _checked_steps(value, deterministic=True)


def _checked_steps(value: object, *, deterministic: bool) -> tuple[TransformSpec, ...]:
    steps = read_steps(value, deterministic=deterministic)
    if steps.problems:
        raise _problems_error(steps.problems)
    return steps.specs


def _problems_error(problems: tuple[Problem, ...]) -> PydanticCustomError:
    return PydanticCustomError(PROBLEMS, "{message}", {"message": problems[0].message, "problems": problems})


def _pairs_both_ways(swap: dict[str, str]) -> dict[str, str]:
    broken = [f"{name}: {other}" for name, other in swap.items() if swap.get(other) != name]
    if not broken:
        return swap
    message = f"swap does not lead back from where it leads: {', '.join(broken[:8])}."
    name, _, other = broken[0].partition(": ")
    raise _problems_error(
        (Problem(pointer="", message=message, hint=f"Each pair is written both ways: '{other}: {name}'."),)
    )


def _border_form(value: object) -> object:
    return {"mode": value} if isinstance(value, str) else value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class BorderChoice(_Part):
    """What the author wants beyond the edge; `auto` depends on whether the data set has marks in its pictures."""

    mode: Literal["auto", "reflect_101", "reflect", "replicate", "wrap", "constant"] = Field(
        default="auto", description="How the picture goes on beyond its edge; auto looks at the data set."
    )
    fill: ColourChannel | tuple[ColourChannel, ColourChannel, ColourChannel] = Field(
        default=GREY, description="The value of a constant border, 0 to 255, one number or one for each of R, G, B."
    )


class LabelRules(_Part):
    """When a label is given up because too little of its object is left in the picture."""

    min_visibility: float = Field(
        default=0.3, ge=0, le=1, description="The share of the object's area that must be left; below, it is dropped."
    )
    min_area_px: float = Field(
        default=16, ge=0, le=1e9, description="The area in pixels that must be left; below, the label is dropped."
    )
    outside: Literal["clip", "drop", "keep"] = Field(
        default="clip",
        description="A label that sticks out of the picture is cut at the edge, dropped, or kept as it is.",
    )
    all_lost: Literal["background", "redraw"] = Field(
        default="background",
        description="A picture that lost all its labels: keep it as background, or draw the copy again.",
    )
    swap: Annotated[dict[PointName, PointName], AfterValidator(_pairs_both_ways)] = Field(
        default_factory=dict,
        max_length=1000,
        description="Names of key points that change places in a mirrored picture, each both ways: left: right, right: left.",
    )


class OutputRules(_Part):
    """How copies are written."""

    format: Literal["keep", "jpeg", "png", "webp", "bmp", "tiff"] = Field(
        default="keep", description="The file format of copies; keep writes each in the format of its source."
    )
    jpeg_quality: int = Field(default=95, ge=1, le=100, description="Quality of JPEG and WebP copies.")


class Recipe(BaseModel):
    """A checked recipe. Make one with `load_recipe` or `parse_recipe`, whose errors name every problem."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="unnamed", min_length=1, max_length=100, description="What the recipe is called.")
    description: str = Field(default="", max_length=1000, description="What it is for, in a sentence.")
    prepare: Annotated[tuple[TransformSpec, ...], BeforeValidator(_prepare_steps)] = Field(
        default=(), description="Applied to every image of every split, the same each time."
    )
    augment: Annotated[tuple[TransformSpec, ...], BeforeValidator(_augment_steps)] = Field(
        description="Applied to training copies only, at random."
    )
    border: Annotated[BorderChoice, BeforeValidator(_border_form)] = Field(
        default_factory=BorderChoice, description="What fills the pixels that come in from outside the picture."
    )
    labels: LabelRules = Field(default_factory=LabelRules, description="When labels are dropped.")
    output: OutputRules = Field(default_factory=OutputRules, description="The files that copies become.")


def load_recipe(source: str | Path | Mapping[str, object] | Recipe) -> Recipe:
    """Find and read the recipe that `source` means.

    Args:
        source: A recipe, its data, the name of a preset, or the path of a YAML or JSON file. Text from strangers
            must not come here, since it may name a file: use `preset_named` or `parse_recipe`.

    Raises:
        InvalidRecipeError: It breaks the form; `problems` names each place.
        UnknownNameError: It is neither a preset nor a file.
        UsageError: The file cannot be read.
    """
    if isinstance(source, Recipe):
        return source
    if isinstance(source, Mapping):
        check_shape(source)
        return _recipe_from(dict(source), {}, "The recipe", "unnamed")
    if isinstance(source, str):
        if source in PRESETS:
            return preset_named(source)
        if Path(source).suffix.lower() not in SUFFIXES and not Path(source).is_file():
            raise UnknownNameError.among("recipe", source, PRESETS)
    path = Path(source)
    return parse_recipe(_read_file(path), path.name)


def preset_named(name: str) -> Recipe:
    """Read the preset of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in PRESETS:
        raise UnknownNameError.among("recipe", name, PRESETS)
    return parse_recipe(PRESETS[name], f"{name}.yaml")


def parse_recipe(text: str, origin: str = "The recipe") -> Recipe:
    """Read a recipe, or a pipeline that Albumentations saved, from YAML or JSON text.

    Args:
        text: The document.
        origin: What errors call it, usually a file name; a recipe without a name gets its stem.

    Raises:
        InvalidRecipeError: It cannot be read, or breaks the form.
    """
    try:
        document = read_document(text)
    except InvalidRecipeError as error:
        message = f"{origin}: {error.message}"
        raise InvalidRecipeError(message, hint=error.hint, problems=error.problems) from None
    stem = Path(origin).stem if Path(origin).suffix.lower() in SUFFIXES else "unnamed"
    return _recipe_from(document.data, document.lines, origin, stem[:100] or "unnamed")


def _read_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"The recipe {path} cannot be read: {error.strerror}.") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if len(content) > MAX_BYTES:
            return content.decode("utf-8-sig", "replace")  # refused for its size in a moment
        raise InvalidRecipeError(f"The recipe {path} is not UTF-8 text.") from None


def _recipe_from(data: object, lines: Mapping[str, int], origin: str, name: str) -> Recipe:
    _refuse_half_letters(data, origin)
    if isinstance(data, Mapping) and is_serialised(data):
        converted: object = recipe_of_serialised(data)
    elif isinstance(data, list):
        converted = {"augment": data}
    else:
        converted = data
    if not isinstance(converted, Mapping):
        message = f"{origin}: a recipe is a mapping with the key 'augment', or a list of transforms."
        raise InvalidRecipeError(message, problems=(Problem(pointer="", message=message),))
    try:
        return Recipe.model_validate({"name": name, **converted})
    except ValidationError as error:
        found = (problem for details in error.errors() for problem in _problems_of(details))
        problems = list(dict.fromkeys(found))
    if isinstance(data, Mapping) and is_serialised(data):
        problems = [_moved(problem, pointer_in_serialised(problem.pointer, data)) for problem in problems]
    elif isinstance(data, list):
        problems = [_moved(problem, problem.pointer.removeprefix("/augment")) for problem in problems]
    raise _invalid(origin, tuple(_with_line(problem, lines) for problem in problems))


def _refuse_half_letters(data: object, origin: str) -> None:
    """JSON can name half of a surrogate pair, which is no text and cannot be written or printed."""
    try:
        json.dumps(data, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        letter = f"\\u{ord(error.object[error.start]):04x}"
        problem = Problem(pointer="", message=f"It holds {letter}, which is half a letter and no text.")
        raise _invalid(origin, (problem,)) from error


def _invalid(origin: str, problems: tuple[Problem, ...]) -> InvalidRecipeError:
    first = problems[0]
    more = f" ({len(problems) - 1} more problems)" if len(problems) > 2 else " (1 more problem)"
    message = f"{origin}: {first.message}{more if len(problems) > 1 else ''}"
    return InvalidRecipeError(message, hint=first.hint, problems=problems)


def _moved(problem: Problem, pointer: str) -> Problem:
    return Problem(pointer=pointer, message=problem.message, hint=problem.hint)


def _with_line(problem: Problem, lines: Mapping[str, int]) -> Problem:
    pointer = problem.pointer
    while pointer and pointer not in lines:
        pointer = pointer.rpartition("/")[0]
    if pointer not in lines:
        return problem
    return Problem(pointer=problem.pointer, message=f"Line {lines[pointer]}: {problem.message}", hint=problem.hint)


def _problems_of(details: ErrorDetails) -> list[Problem]:
    location = [str(part) for part in details["loc"] if part not in {"float", "constrained-float"}]
    pointer = "".join(f"/{escape(part)}" for part in location if not part.startswith(("tuple[", "function-")))
    context: dict[str, Any] = details.get("ctx", {})
    if details["type"] == PROBLEMS:
        inner = cast("tuple[Problem, ...]", context["problems"])
        return [_moved(problem, pointer + problem.pointer) for problem in inner]
    if location[:2] == ["border", "fill"]:
        message = "border/fill must be a number from 0 to 255, or a list of three of them."
        return [Problem(pointer="/border/fill", message=message)]
    if details["type"] == "extra_forbidden":
        parent: type[BaseModel] = _model_at(location[:-1])
        hint = did_you_mean(location[-1][:80], parent.model_fields) or f"Known: {', '.join(parent.model_fields)}."
        return [Problem(pointer=pointer, message=f"There is no field '{location[-1][:80]}' here.", hint=hint)]
    if details["type"] == "missing":
        return [Problem(pointer=pointer, message=f"The recipe needs the field '{location[-1]}'.")]
    near = did_you_mean(str(details["input"])[:80], BORDER_NAMES) if location[0] == "border" else None
    message = f"{'/'.join(location)} {details['msg'].replace('Input should', 'should')}."
    return [Problem(pointer=pointer, message=message, hint=near)]


def _model_at(location: list[str]) -> type[BaseModel]:
    parts: dict[str, type[BaseModel]] = {"border": BorderChoice, "labels": LabelRules, "output": OutputRules}
    return parts[location[0]] if location and location[0] in parts else Recipe
