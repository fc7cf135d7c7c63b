"""The pure function that everything stands on: a sample, a recipe and generators in, a variation out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from nfold.errors import SampleError, UnsupportedImageError
from nfold.images import Image
from nfold.randomness import Generators, variation_generators
from nfold.recipe import Border, Carriage, Recipe, carriage_of, compile_recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nfold.recipe.compile import CompiledRecipe

PIXELS_VERSION = 1
"""Raised when, and only when, the pixels of some variation change between releases of nfold."""

MOST_DRAWS = 32
"""How often one copy is drawn at the most before it counts as short."""

_LARGEST_PARAMETER = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image of a data set, decoded and upright.

    Attributes:
        source: Its id.
        image: Its pixels.
    """

    source: str
    image: Image


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedTransform:
    """A transform that fired, with the parameters that it drew."""

    name: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variation:
    """A varied image and how it came about.

    Attributes:
        image: Same depth and channels as the sample's.
        applied: The transforms that fired, in order.
        carried: How pixels were carried through transforms that do not take them as they are.
    """

    image: Image
    applied: tuple[AppliedTransform, ...]
    carried: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class RecipeInForce:
    """A recipe with its border settled, compiled once for each kind of image that comes by.

    Compiled pipelines hold state while they run: use one instance in one thread.
    """

    recipe: Recipe
    border: Border
    _compiled: dict[Carriage, CompiledRecipe] = field(default_factory=dict)

    @property
    def prepares(self) -> bool:
        """Whether the originals are changed, too."""
        return bool(self.recipe.prepare)

    def for_image(self, image: Image) -> tuple[Carriage, CompiledRecipe]:
        """How to carry an image of this kind, and the pipelines for it.

        Raises:
            UnsupportedImageError: A transform cannot take it; the message names both.
        """
        bits: Literal[8, 16] = 16 if image.pixels.dtype.itemsize == 2 else 8
        carriage = carriage_of(self.recipe, grey=image.pixels.ndim == 2, bits=bits, alpha=image.alpha is not None)
        if carriage not in self._compiled:
            self._compiled[carriage] = compile_recipe(self.recipe, border=self.border, carriage=carriage)
        return carriage, self._compiled[carriage]


def prepare(sample: Sample, recipe: RecipeInForce) -> Sample:
    """Apply the deterministic stage of a recipe, which every image of every split goes through."""
    if not recipe.prepares:
        return sample
    carriage, compiled = recipe.for_image(sample.image)
    generators = variation_generators(seed=0, source_id=sample.source, copy=0)
    image, _ = _run(compiled.prepare, sample.image, carriage, generators)
    return replace(sample, image=image)


def vary(sample: Sample, recipe: RecipeInForce, generators: Generators) -> Variation:
    """One variation of a prepared sample.

    A pure function: equal arguments give equal pixels, whatever was varied before. The sample is not
    written to.

    Raises:
        UnsupportedImageError: A transform of the recipe cannot take an image of this kind, or changed its depth or channels.
    """
    carriage, compiled = recipe.for_image(sample.image)
    image, applied = _run(compiled.augment, sample.image, carriage, generators)
    return Variation(image=image, applied=applied, carried=_in_words(carriage))


def blamed_on_image(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Run a stage; whatever it raises is a matter of this image and this recipe, and costs this image alone."""
    try:
        return function(*arguments, **options)
    except (SampleError, MemoryError):
        raise
    except Exception as error:
        if "Insufficient memory" in str(error):
            raise MemoryError from error
        reason = str(error).strip().splitlines() or ["no message"]
        raise SampleError(
            f"The recipe failed on this image: {type(error).__name__}: {reason[0]}.",
            hint="Try the recipe on it alone with 'nfold preview'.",
            code="variation.failed",
        ) from error


def pixel_hash(image: Image) -> str:
    """xxh3-128 over shape, type and values of pixels and alpha, hexadecimal."""
    import xxhash

    digest = xxhash.xxh3_128(f"{image.pixels.shape}{image.pixels.dtype}{image.alpha is not None}".encode())
    digest.update(image.pixels.data)
    if image.alpha is not None:
        digest.update(image.alpha.data)
    return digest.hexdigest()


def _run(
    pipeline: Any, image: Image, carriage: Carriage, generators: Generators
) -> tuple[Image, tuple[AppliedTransform, ...]]:
    pipeline.set_random_state(generators.numpy, generators.python)
    inputs: dict[str, NDArray[Any]] = {"image": _carry(image.pixels, carriage)}
    if image.alpha is not None:
        inputs["mask"] = _scale(image.alpha) if carriage.as_float else image.alpha
    result = pipeline(**inputs)
    pixels = _carry_back(result["image"], image.pixels, carriage)
    alpha = None if image.alpha is None else _scale_back(result["mask"], image.alpha.dtype)
    _refuse_changed_kind(image, pixels, alpha)
    applied = tuple(
        AppliedTransform(name=name, parameters=_readable(parameters))
        for name, parameters in result.get("applied_transforms", ())
    )
    return replace(image, pixels=pixels, alpha=alpha), applied


def _carry(pixels: NDArray[Any], carriage: Carriage) -> NDArray[Any]:
    import cv2

    if carriage.as_float:
        pixels = _scale(pixels)
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if carriage.grey_as_rgb else pixels


def _carry_back(varied: NDArray[Any], original: NDArray[Any], carriage: Carriage) -> NDArray[Any]:
    import cv2

    if carriage.grey_as_rgb:
        # The luma of three equal channels is that channel, exactly, in OpenCV's fixed-point arithmetic.
        varied = cv2.cvtColor(varied, cv2.COLOR_RGB2GRAY)
    elif original.ndim == 2 and varied.ndim == 3:
        varied = varied[:, :, 0]
    return _scale_back(varied, original.dtype)


def _scale(values: NDArray[Any]) -> NDArray[np.float32]:
    import numpy as np

    return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)


def _scale_back(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    import numpy as np

    if values.dtype == np.float32 and dtype != np.float32:
        largest = np.iinfo(dtype).max
        integers: NDArray[Any] = np.rint(np.clip(values, 0, 1) * np.float32(largest)).astype(dtype)
        return integers
    return np.ascontiguousarray(values)


def _refuse_changed_kind(image: Image, pixels: NDArray[Any], alpha: NDArray[Any] | None) -> None:
    same = pixels.dtype == image.pixels.dtype and pixels.shape[2:] == image.pixels.shape[2:]
    if not same or (alpha is not None and alpha.shape != pixels.shape[:2]):
        raise UnsupportedImageError(
            f"The recipe turned {image.pixels.dtype} pixels of shape {image.pixels.shape} into {pixels.dtype} of shape {pixels.shape}.",
            hint="A transform in it changes depth, channels or the size of the picture without its alpha: leave that one out.",
        )


def _in_words(carriage: Carriage) -> tuple[str, ...]:
    words = {
        "grey as RGB and back to luma": carriage.grey_as_rgb,
        "integers as 32-bit floats and back": carriage.as_float,
        "alpha through geometry, not through colour": carriage.alpha_as_mask,
    }
    return tuple(text for text, holds in words.items() if holds)


def _readable(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in parameters.items() if name != "shape"}


def _plain(value: Any) -> Any:
    """A parameter as JSON: small arrays in full, large ones by shape and hash."""
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)) and len(value) <= _LARGEST_PARAMETER:
        return [_plain(item) for item in value]
    return _plain_array(value)


def _plain_array(value: Any) -> Any:
    import numpy as np
    import xxhash

    array = np.asarray(value)
    if array.dtype == object:
        return f"{len(value)} values" if isinstance(value, (list, tuple)) else type(value).__name__
    if array.ndim == 0:
        return array.item()
    if array.size <= _LARGEST_PARAMETER:
        return array.tolist()
    return {"shape": list(array.shape), "xxh3": xxhash.xxh3_64_hexdigest(np.ascontiguousarray(array).data)}
