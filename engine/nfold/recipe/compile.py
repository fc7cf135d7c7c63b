"""Turns a checked recipe into pipelines of Albumentations. The only module here that imports it, and only when used."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pydantic import JsonValue

from nfold.errors import InvalidRecipeError, Problem
from nfold.recipe.border import Border
from nfold.recipe.capability import Carriage
from nfold.recipe.constants import CONSTANTS_OF_ARGUMENT
from nfold.recipe.fast_warp import warp_in_four_channels
from nfold.recipe.form import Recipe
from nfold.recipe.steps import TransformSpec

if TYPE_CHECKING:
    import albumentations

ALPHA: Final = "mask"
ALPHA_RULES: Final = {"mask_interpolation": 1, "fill_mask": 0}
# These hand a single number to OpenCV as it is, which fills the first channel with it and the others with 0.
SCALAR_FILLS_ONE_CHANNEL: Final = {"ElasticTransform", "GridDistortion", "OpticalDistortion", "ThinPlateSpline"}
# Written in 8-bit units in a recipe, whatever the pixels are carried as.
COLOUR_ARGUMENTS: Final = {"fill", "drop_value"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRecipe:
    """Pipelines that are ready to be called; each keeps state, so one thread at a time.

    Attributes:
        prepare: The deterministic part, None when the recipe has none.
        augment: The random part. Call `set_random_state(generator, py_random)` before each call, on both.
    """

    prepare: albumentations.Compose | None
    augment: albumentations.Compose


def compile_recipe(
    recipe: Recipe,
    *,
    border: Border,
    carriage: Carriage,
    bbox_params: Mapping[str, Any] | None = None,
    keypoint_params: Mapping[str, Any] | None = None,
    additional_targets: Mapping[str, str] | None = None,
) -> CompiledRecipe:
    """Build the pipelines.

    With `carriage.alpha_as_mask` the target `mask` is the alpha channel: moved softly, transparent beyond a constant
    border. Masks of labels go in as `masks`, which keep nearest-neighbour steps and the border's `mask_fill`.

    Args:
        recipe: A checked recipe.
        border: As resolved for the data set; it reaches every transform on which the author set none.
        carriage: As decided for pictures of this kind.
        bbox_params: Passed on to both pipelines.
        keypoint_params: Passed on to both pipelines.
        additional_targets: Passed on to both pipelines.

    Raises:
        InvalidRecipeError: Albumentations refuses a value; the problem points to the transform.
    """
    library = load_albumentations()
    builder = _Builder(library=library, border=border, as_float=carriage.as_float)
    prepare = builder.build_all(recipe.prepare, "/prepare")
    augment = builder.build_all(recipe.augment, "/augment")
    if builder.problems:
        first = builder.problems[0]
        message = f"The recipe '{recipe.name}': {first.message}"
        raise InvalidRecipeError(message, hint=first.hint, problems=tuple(builder.problems))

    targets = {"bbox_params": bbox_params, "keypoint_params": keypoint_params, "additional_targets": additional_targets}
    options: dict[str, Any] = {name: dict(value) for name, value in targets.items() if value}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # boxes in a recipe that moves nothing
        compiled = CompiledRecipe(
            prepare=library.Compose(prepare, strict=True, **options) if prepare else None,
            augment=library.Compose(augment, strict=True, save_applied_params=True, **options),
        )
    for pipeline in (compiled.prepare, compiled.augment):
        if pipeline is not None:
            warp_in_four_channels(pipeline, library)
            if carriage.alpha_as_mask:
                _carry_alpha_in_place(pipeline, library)
    return compiled


def load_albumentations() -> Any:
    """Albumentations, without its call to the package index."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations

    return albumentations


class _Builder:
    """Builds transforms and collects what Albumentations refuses."""

    def __init__(self, *, library: Any, border: Border, as_float: bool) -> None:
        self.library = library
        self.border = border
        self.as_float = as_float
        self.problems: list[Problem] = []

    def build_all(self, specs: tuple[TransformSpec, ...], pointer: str) -> list[Any]:
        built = [self._build(spec, f"{pointer}/{index}/{spec.name}") for index, spec in enumerate(specs)]
        return [transform for transform in built if transform is not None]

    def _build(self, spec: TransformSpec, pointer: str) -> Any:
        arguments: dict[str, Any] = {name: _constant(name, value) for name, value in self._with_border(spec).items()}
        if self.as_float:
            arguments |= {name: _scaled(arguments[name]) for name in COLOUR_ARGUMENTS & set(arguments)}
        if spec.name in SCALAR_FILLS_ONE_CHANNEL and isinstance(arguments.get("fill"), int | float):
            arguments["fill"] = [arguments["fill"]] * 3
        if spec.entry.kind == "composition":
            children = self.build_all(spec.children, f"{pointer}/transforms")
            return self._call(self._class_of(spec), {**arguments, "transforms": children}, spec, pointer)
        transform_class = self._class_of(spec)
        if "InitSchema" in vars(transform_class):
            # Albumentations then raises where it would otherwise warn and use its defaults.
            arguments["strict"] = True
        return self._call(transform_class, arguments, spec, pointer)

    def _class_of(self, spec: TransformSpec) -> Any:
        if spec.name == "OneOrOther":
            from nfold.recipe.one_or_other import RecordingOneOrOther

            return RecordingOneOrOther
        return getattr(self.library, spec.name)

    def _with_border(self, spec: TransformSpec) -> dict[str, JsonValue]:
        known, written = spec.entry.arguments, spec.arguments
        if "border_mode" not in known:
            return dict(written)
        inherited: dict[str, JsonValue] = {"fill_mask": self.border.mask_fill}
        if "border_mode" not in written and "fill" not in written:
            fill = self.border.fill
            inherited |= {"border_mode": self.border.mode, "fill": list(fill) if isinstance(fill, tuple) else fill}
        return {**inherited, **written}

    def _call(self, transform_class: Any, arguments: dict[str, Any], spec: TransformSpec, pointer: str) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "is a special case of", "is very slow"
                return transform_class(**arguments)
        except (ValueError, TypeError, KeyError) as error:
            message = f"{spec.name} does not take these arguments: {_in_one_line(error)}"
            self.problems.append(Problem(pointer=pointer, message=message))
            return None


def _constant(argument: str, value: JsonValue) -> JsonValue:
    numbers = CONSTANTS_OF_ARGUMENT.get(argument)
    if numbers is None:
        return value
    if isinstance(value, dict):
        return {key: _constant(argument, item) for key, item in value.items()}
    return numbers[value] if isinstance(value, str) else value


def _scaled(value: Any) -> Any:
    if isinstance(value, list):
        return [item / 255 for item in value]
    return value / 255 if isinstance(value, int | float) else value


def _in_one_line(error: Exception) -> str:
    """Pydantic's report without its first line, its web addresses and its line breaks."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and "errors.pydantic.dev" not in line and "validation error" not in line]
    return " ".join(kept)[:500]


def _carry_alpha_in_place(pipeline: Any, library: Any) -> None:
    for transform in pipeline.transforms:
        if isinstance(transform, library.BaseCompose):
            _carry_alpha_in_place(transform, library)
        elif ALPHA in transform._key2func:
            transform._key2func[ALPHA] = partial(_apply_to_alpha, transform, transform._key2func[ALPHA])


def _apply_to_alpha(transform: Any, apply_to_mask: Any, alpha: Any, *args: Any, **params: Any) -> Any:
    """Move alpha as a mask, but softly (linear) and transparent beyond the edge, whatever label masks want."""
    kept = {name: getattr(transform, name) for name in ALPHA_RULES if getattr(transform, name, None) is not None}
    if params.get("fill_mask") is not None:  # CropAndPad settled it before it got here
        params["fill_mask"] = 0
    try:
        for name in kept:
            setattr(transform, name, ALPHA_RULES[name])
        return apply_to_mask(alpha, *args, **params)
    finally:
        for name, value in kept.items():
            setattr(transform, name, value)
