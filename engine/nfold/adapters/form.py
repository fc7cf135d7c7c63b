"""What an item becomes on its way into a framework: arrays in the form that trainers expect. NumPy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from nfold.adapters.objects import keypoint_rows, marked_objects, object_masks
from nfold.errors import SampleError, UsageError
from nfold.stream.item import Item

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nfold.stream.opening import OpenedDataSet

TargetKind = Literal["auto", "class", "detection", "instances", "keypoints", "mask", "none"]
PixelType = Literal["float32", "uint8"]

_OBJECTS = ("boxes", "oriented", "polygons", "parts", "masks", "crowd")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemForm:
    """How the items of one data set are handed over; picklable.

    Attributes:
        target: What is learnt, settled; or a function that makes it of an item.
        pixels: `float32` from 0 to 1, or `uint8` from 0 to 255.
        channels: 3 repeats a grey picture; 1 makes a colour picture grey.
        first_label: Number of the first class of objects.
        has_categories: Whether objects have classes.
        points: The most key points that an object has.
    """

    target: TargetKind | Callable[[Item], Any]
    pixels: PixelType = "float32"
    channels: Literal[1, 3] = 3
    first_label: int = 1
    has_categories: bool = True
    points: int = 0

    def image(self, item: Item) -> NDArray[Any]:
        """(h, w, channels), a copy of its own.

        Raises:
            SampleError: 16 bits are to become 8, which would drop half of them.
        """
        import cv2
        import numpy as np

        pixels: NDArray[Any] = item.image
        if self.channels == 1 and pixels.ndim == 3:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        if self.channels == 3 and pixels.ndim == 2:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
        pixels = pixels.reshape(*pixels.shape[:2], self.channels)
        if self.pixels == "float32":
            shares: NDArray[Any] = np.divide(pixels, np.float32(np.iinfo(pixels.dtype).max), dtype=np.float32)
            return shares
        if pixels.dtype != np.uint8:
            raise SampleError(
                f"{item.source} has 16 bits a channel, and 8 are asked for.", hint="Take pixels='float32'."
            )
        return pixels.copy()

    def label(self, item: Item, number: int) -> Any:
        """The target: an int, an array, a dict of arrays, or None where there is none.

        Args:
            item: Whose.
            number: Of the item in its data set; it is the `image_id` of detection targets.

        Raises:
            SampleError: The item has no such label.
        """
        if callable(self.target):
            return self.target(item)
        if self.target == "none":
            return None
        if self.target == "class":
            return _class_of(item)
        if self.target == "mask":
            return _mask_of(item)
        return self._objects_of(item, number)

    @property
    def has_target(self) -> bool:
        """Whether an item is more than its picture."""
        return self.target != "none"

    def _objects_of(self, item: Item, number: int) -> dict[str, Any]:
        objects, arrays = marked_objects(item, first_label=self.first_label, has_categories=self.has_categories)
        target: dict[str, Any] = {**arrays, "image_id": number}
        if self.target == "instances":
            target["masks"] = object_masks(objects, item.image.shape[:2])
        if self.target == "keypoints":
            target["keypoints"] = keypoint_rows(objects, self.points)
        return target


def refuse_others(served: object, *kinds: type, adapter: str) -> None:
    """Refuse what an adapter is not for: an epoch taken for a place would go unnoticed.

    Raises:
        UsageError: It is none of these.
    """
    if not isinstance(served, kinds):
        wanted = " or ".join(f"nfold.{kind.__name__}" for kind in kinds)
        raise UsageError(
            f"{adapter} takes {wanted}, not {type(served).__name__}.",
            hint='Open the folder first, as in nfold.Stream("photos").',
            code="stream.adapter",
        )


def settle_form(
    opened: OpenedDataSet,
    *,
    target: TargetKind | Callable[[Item], Any],
    pixels: PixelType = "float32",
    channels: Literal[1, 3] = 3,
    first_label: int = 1,
) -> ItemForm:
    """Decide what `auto` means, and refuse what the data set cannot give.

    Raises:
        UsageError: There is no such target or type, or no such labels.
    """
    if not callable(target) and target not in get_args(TargetKind):
        raise UsageError(
            f"target is '{target}'.", hint=f"Choose {', '.join(get_args(TargetKind))}, or give a function."
        )
    if pixels not in get_args(PixelType):
        raise UsageError(f"pixels is '{pixels}'; choose float32 or uint8.")
    if channels not in (1, 3):
        raise UsageError(f"channels is {channels}; choose 1 or 3.")
    available = _available(opened)
    settled: TargetKind | Callable[[Item], Any] = next(iter(available), "none") if target == "auto" else target
    if not callable(settled) and settled != "none" and settled not in available:
        raise UsageError(
            f"{opened.root} has no labels for target '{settled}'.",
            hint=f"Choose {', '.join([*available, 'none'])}: it was read as {opened.format}.",
            code="stream.target",
        )
    return ItemForm(
        target=settled,
        pixels=pixels,
        channels=channels,
        first_label=first_label,
        has_categories=bool(opened.categories),
        points=max((len(category.point_names) for category in opened.categories), default=0),
    )


def _available(opened: OpenedDataSet) -> list[TargetKind]:
    """What the data set has labels for, what it is made for first."""
    kinds = opened.kinds
    found: list[TargetKind] = []
    if kinds.get("points"):
        found.append("keypoints")
    if any(kinds.get(kind) for kind in _OBJECTS):
        found.append("detection")
    if any(kinds.get(kind) for kind in ("polygons", "parts", "masks")):
        found.append("instances")
    if kinds.get("semantic"):
        found.append("mask")
    if opened.classes:
        found.append("class")
    return found


def _class_of(item: Item) -> int:
    if item.class_index is None:
        raise SampleError(
            f"{item.source} has no class.",
            hint="Leave it out with exclude, or give it a class.",
            code="stream.no_label",
        )
    return item.class_index


def _mask_of(item: Item) -> NDArray[Any]:
    import numpy as np

    if item.mask is None:
        raise SampleError(
            f"{item.source} has no mask.", hint="Leave it out with exclude, or give it a mask.", code="stream.no_label"
        )
    if item.mask.ndim != 2:
        raise SampleError(
            f"The mask of {item.source} has colours and not numbers of classes.",
            hint="Give a function as target that makes numbers of item.mask.",
            code="stream.no_label",
        )
    return item.mask.astype(np.int64)
