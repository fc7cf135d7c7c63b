"""The pure function that everything stands on: a sample, a recipe and generators in, a variation out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nfold.annotations.assembling import extent_of
from nfold.annotations.following import Followed, follow
from nfold.annotations.model import Annotation, Category, ImageLabels
from nfold.annotations.resolving import resolve
from nfold.applied import AppliedTransform
from nfold.carrying import in_words, run_pipeline
from nfold.errors import SampleError
from nfold.images import Image
from nfold.randomness import Generators, variation_generators
from nfold.recipe import Border, Carriage, Recipe, carriage_of, compile_recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nfold.annotations.drops import Drop
    from nfold.geometry.recording import Recorder
    from nfold.geometry.stages import Stage
    from nfold.recipe.compile import CompiledRecipe

PIXELS_VERSION = 1
"""Raised when, and only when, the pixels of some variation change between releases of nfold."""

MOST_DRAWS = 32
"""How often one copy is drawn at the most before it counts as short."""

_MOST_DRAWS_FOR_LABELS = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """A source with labels, and what `prepare` did to it.

    Attributes:
        labels: Of the source as it is shown, in pixels.
        mask: Of the source.
        size_wh: Of the source.
        stages: What was done to it; none when the recipe has no such stage.
        kept: Places, in the source, of the annotations that are left.
        drops: The other annotations.
    """

    labels: ImageLabels
    mask: NDArray[Any] | None
    size_wh: tuple[int, int]
    stages: tuple[Stage, ...]
    kept: tuple[int, ...]
    drops: tuple[Drop, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One image of a data set, decoded and upright.

    Attributes:
        source: Its id.
        image: Its pixels.
        labels: As read; after `prepare`, in pixels of the image and inside it. None: nothing is known of any.
        mask: Classes or object numbers of all pixels, 8 or 16 bits, as shown.
        stored_orientation: EXIF orientation of the file, 1 to 8; labels may be in the frame as stored.
        prepared: Set by `prepare` where there are labels or a mask.
    """

    source: str
    image: Image
    labels: ImageLabels | None = None
    mask: NDArray[Any] | None = None
    stored_orientation: int = 1
    prepared: Prepared | None = None

    @property
    def kept(self) -> tuple[int, ...]:
        """For each annotation of a prepared sample its place among those of the source."""
        return self.prepared.kept if self.prepared is not None else ()

    @property
    def drops(self) -> tuple[Drop, ...]:
        """Annotations that `prepare` gave up."""
        return self.prepared.drops if self.prepared is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variation:
    """A varied image and how it came about.

    Attributes:
        image: Same depth and channels as the sample's.
        applied: The transforms that fired, in order.
        carried: How pixels were carried through transforms that do not take them as they are.
        annotations: What is left of the labels, in pixels of the image.
        kept: For each of them its place among the annotations of the source.
        drops: The annotations of the source that are not there, with those that `prepare` gave up: together with
            `kept` they are all.
        looseness: For each annotation the area of its box over the area of what the box is known to hold; None where
            it has no box or a tight one.
        mask: Classes or object numbers of all pixels.
    """

    image: Image
    applied: tuple[AppliedTransform, ...]
    carried: tuple[str, ...]
    annotations: tuple[Annotation, ...] = ()
    kept: tuple[int, ...] = ()
    drops: tuple[Drop, ...] = ()
    looseness: tuple[float | None, ...] = ()
    mask: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """Compiled pipelines with what listens to them."""

    compiled: CompiledRecipe
    prepare: Recorder | None
    augment: Recorder


@dataclass(slots=True, kw_only=True)
class RecipeInForce:
    """A recipe with its border settled, compiled once for each kind of image that comes by.

    Compiled pipelines hold state while they run: use one instance in one thread.

    Attributes:
        recipe: What is done.
        border: Settled for the data set.
        categories: Of the data set; they tell which key points change places in a mirror.
        documents: Paths of its label files about many pictures, by their number, to name them in errors.
    """

    recipe: Recipe
    border: Border
    categories: tuple[Category, ...] = ()
    documents: tuple[str, ...] = ()
    _ready: dict[Carriage, _Ready] = field(default_factory=dict)

    @property
    def prepares(self) -> bool:
        """Whether the originals are changed, too."""
        return bool(self.recipe.prepare)

    def for_image(self, image: Image) -> tuple[Carriage, CompiledRecipe]:
        """How to carry an image of this kind, and the pipelines for it.

        Raises:
            UnsupportedImageError: A transform cannot take it; the message names both.
        """
        carriage, ready = self._ready_for(image)
        return carriage, ready.compiled

    def run(
        self, part: Literal["prepare", "augment"], sample: Sample, generators: Generators
    ) -> tuple[Image, tuple[AppliedTransform, ...], tuple[Stage, ...]]:
        """Put an image through one of the two pipelines; what was done to it is told only if the sample has labels."""
        carriage, ready = self._ready_for(sample.image)
        recorder: Recorder = getattr(ready, part)
        listen = None if sample.prepared is None else (recorder, partial(self._current_boxes, sample))
        return run_pipeline(getattr(ready.compiled, part), sample.image, carriage, generators, listen)

    def follow(self, sample: Sample, stages: tuple[Stage, ...]) -> Followed:
        """The labels of a prepared sample after more stages."""
        done = sample.prepared
        assert done is not None
        return follow(
            done.labels,
            source_size_wh=done.size_wh,
            stages=(*done.stages, *stages),
            rules=self.recipe.labels,
            categories=self.categories,
            mask=done.mask,
            mask_fill=self.border.mask_fill,
            given_up=frozenset(drop.index for drop in sample.drops),
        )

    def _current_boxes(self, sample: Sample, stages: tuple[Stage, ...]) -> NDArray[Any]:
        import numpy as np

        boxes = [extent_of(annotation) for annotation in self.follow(sample, stages).annotations]
        return np.array([box for box in boxes if box is not None], dtype=np.float64).reshape(-1, 4)

    def _ready_for(self, image: Image) -> tuple[Carriage, _Ready]:
        bits: Literal[8, 16] = 16 if image.pixels.dtype.itemsize == 2 else 8
        carriage = carriage_of(self.recipe, grey=image.pixels.ndim == 2, bits=bits, alpha=image.alpha is not None)
        if carriage not in self._ready:
            self._ready[carriage] = _made_ready(compile_recipe(self.recipe, border=self.border, carriage=carriage))
        return carriage, self._ready[carriage]


def prepare(sample: Sample, recipe: RecipeInForce) -> Sample:
    """Apply the deterministic stage of a recipe, which every image of every split goes through.

    Labels become pixels of the image as it is shown, whether the recipe has such a stage or not; where it has one, they
    follow it, and what the recipe's rules give up is told by `Sample.drops`.

    Raises:
        SampleError: The labels are not about this image, see `resolve`.
    """
    sample = _resolved(sample, recipe)
    if not recipe.prepares:
        return sample
    generators = variation_generators(seed=0, source_id=sample.source, copy=0)
    image, _, stages = recipe.run("prepare", sample, generators)
    if sample.prepared is None:
        return replace(sample, image=image)
    followed = recipe.follow(sample, stages)
    size = _size(image)
    labels = sample.labels
    return replace(
        sample,
        image=image,
        labels=None if labels is None else replace(labels, annotations=followed.annotations, frame_wh=size),
        mask=followed.mask,
        prepared=replace(sample.prepared, stages=stages, kept=followed.kept, drops=followed.drops),
    )


def vary(sample: Sample, recipe: RecipeInForce, generators: Generators) -> Variation:
    """One variation of a prepared sample.

    A pure function: equal arguments give equal pixels and labels, whatever was varied before. The sample is not
    written to. Where the recipe wants another draw for a picture that lost all its labels, it is drawn here, from the
    same generators, eight times at the most.

    Raises:
        UnsupportedImageError: A transform of the recipe cannot take an image of this kind, or changed its depth or channels.
        SampleError: The sample was not prepared, and its labels are not about this image.
    """
    sample = _resolved(sample, recipe)
    carried = in_words(recipe.for_image(sample.image)[0])
    for _ in range(_MOST_DRAWS_FOR_LABELS):
        image, applied, stages = recipe.run("augment", sample, generators)
        if sample.prepared is None:
            return Variation(image=image, applied=applied, carried=carried)
        followed = recipe.follow(sample, stages)
        are_lost = bool(sample.kept) and not followed.annotations
        if not are_lost or recipe.recipe.labels.all_lost == "background":
            break
    return Variation(
        image=image,
        applied=applied,
        carried=carried,
        annotations=followed.annotations,
        kept=followed.kept,
        drops=tuple(sorted((*sample.drops, *followed.drops), key=lambda drop: drop.index)),
        looseness=followed.looseness,
        mask=followed.mask,
    )


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


def _resolved(sample: Sample, recipe: RecipeInForce) -> Sample:
    size = _size(sample.image)
    if sample.mask is not None and sample.mask.shape[:2] != size[::-1]:
        height, width = sample.mask.shape[:2]
        raise SampleError(
            f"The mask is {width} x {height} and the picture {size[0]} x {size[1]}.",
            hint="Both must show the same pixels; check whether one of them was resized or turned.",
            code="labels.size_mismatch",
        )
    if sample.prepared is not None or (sample.labels is None and sample.mask is None):
        return sample
    clip = recipe.recipe.labels.outside != "keep"
    labels = sample.labels
    if labels is not None:
        labels = resolve(labels, size, sample.stored_orientation, clip=clip, documents=recipe.documents)
    prepared = Prepared(
        labels=labels or ImageLabels(),
        mask=sample.mask,
        size_wh=size,
        stages=(),
        kept=tuple(range(len(labels.annotations) if labels else 0)),
        drops=(),
    )
    return replace(sample, labels=labels, stored_orientation=1, prepared=prepared)


def _size(image: Image) -> tuple[int, int]:
    height, width = image.pixels.shape[:2]
    return width, height


def _made_ready(compiled: CompiledRecipe) -> _Ready:
    from nfold.geometry.recording import attach_recorder
    from nfold.recipe.compile import load_albumentations

    library = load_albumentations()
    return _Ready(
        compiled=compiled,
        prepare=None if compiled.prepare is None else attach_recorder(compiled.prepare, library),
        augment=attach_recorder(compiled.augment, library),
    )
