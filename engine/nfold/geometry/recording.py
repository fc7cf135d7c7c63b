"""Records what a pipeline did to a picture, transform by transform, while it does it.

A transform keeps its functions by target; the one for the picture is wrapped, as `recipe.fast_warp` does, in nested
compositions too. While nothing is recorded this costs one call per transform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from nfold.geometry.inverse import Field
from nfold.geometry.known import matrix_of
from nfold.geometry.label_images import PAINTING, SHIFTING, STILL, move_label_image
from nfold.geometry.measured import measured_warp
from nfold.geometry.stages import Linear, Stage, Warp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    CurrentBoxes = Callable[[tuple[Stage, ...]], NDArray[Any]]
    """Boxes in the picture as it is after these steps, one row x_min, y_min, x_max, y_max each, in pixels."""

_WANTS_BOXES: Final = frozenset({"AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop", "RandomSizedBBoxSafeCrop"})
_MAPPED: Final = ("map_x", "map_y")


@dataclass(slots=True, kw_only=True)
class _Record:
    transform: Any
    params: Mapping[str, Any]
    size_in_wh: tuple[int, int]
    size_out_wh: tuple[int, int]


@dataclass(slots=True, kw_only=True)
class Recorder:
    """What one pipeline did in the call that is going on. One thread at a time, as the pipeline itself."""

    _records: list[_Record] = field(default_factory=list)
    _boxes: CurrentBoxes | None = None
    _is_on: bool = False

    def run(
        self, pipeline: Any, inputs: Mapping[str, Any], current_boxes: CurrentBoxes
    ) -> tuple[dict[str, Any], tuple[Stage, ...]]:
        """Call the pipeline that this recorder is attached to, and tell what it did.

        Args:
            pipeline: Its random state is set.
            inputs: Targets by name.
            current_boxes: For transforms that look at the boxes before they crop.
        """
        self._records, self._boxes, self._is_on = [], current_boxes, True
        try:
            result = pipeline(**inputs)
            return result, self._stages()
        finally:
            self._records, self._boxes, self._is_on = [], None, False

    def _stages(self) -> tuple[Stage, ...]:
        return tuple(_stage_of(record) for record in self._records)

    def applied(self, transform: Any, apply: Any, picture: Any, *args: Any, **params: Any) -> Any:
        """Stands for the transform's function for pictures."""
        result = apply(picture, *args, **params)
        if self._is_on:
            (height, width), (height_out, width_out) = picture.shape[:2], result.shape[:2]
            record = _Record(
                transform=transform, params=params, size_in_wh=(width, height), size_out_wh=(width_out, height_out)
            )
            self._records.append(record)
        return result

    def with_boxes(self, choose: Any, params: Any, data: dict[str, Any]) -> Any:
        """Stands for the function by which a transform chooses its parameters from the boxes of the picture."""
        import numpy as np

        if self._boxes is None:
            return choose(params, data)
        height, width = params["shape"][:2]
        boxes = np.clip(self._boxes(self._stages()) / (width, height, width, height), 0, 1)
        return choose(params, {**data, "bboxes": boxes})


def attach_recorder(pipeline: Any, library: Any) -> Recorder:
    """Make a pipeline tell what it does, once and for all; after `warp_in_four_channels`, which wraps the same function.

    Args:
        pipeline: Of Albumentations; changed in place.
        library: Albumentations.
    """
    recorder = Recorder()
    for transform in _spatial_leaves(pipeline, library):
        transform._key2func["image"] = partial(recorder.applied, transform, transform._key2func["image"])
        if type(transform).__name__ in _WANTS_BOXES:
            choose = transform.get_params_dependent_on_data
            transform.get_params_dependent_on_data = partial(recorder.with_boxes, choose)
    return recorder


def _spatial_leaves(composition: Any, library: Any) -> Iterator[Any]:
    for transform in composition.transforms:
        if isinstance(transform, library.BaseCompose):
            yield from _spatial_leaves(transform, library)
        elif isinstance(transform, library.DualTransform) or type(transform).__name__ in SHIFTING:
            yield transform


def _stage_of(record: _Record) -> Stage:
    transform, params = record.transform, record.params
    name = type(transform).__name__
    return Stage(
        name=name,
        size_in_wh=record.size_in_wh,
        size_out_wh=record.size_out_wh,
        warp=_warp_of(record, name),
        holes=params["holes"] if name in PAINTING and len(params["holes"]) else None,
        move_mask=partial(move_label_image, transform, params),
    )


def _warp_of(record: _Record, name: str) -> Warp | None:
    import numpy as np

    if name in STILL:
        return None
    matrix = matrix_of(record.transform, record.params, record.size_in_wh, record.size_out_wh)
    if matrix is not None:
        # A crop may leave every point at its place and still cut off what is beyond.
        is_nothing = record.size_in_wh == record.size_out_wh and np.array_equal(matrix, np.eye(3))
        return None if is_nothing else Linear(matrix=matrix)
    if all(record.params.get(key) is not None for key in _MAPPED):
        maps = [np.asarray(record.params[key]) + 0.5 for key in _MAPPED]
        return Field(source=np.stack(maps, axis=2), size_in_wh=record.size_in_wh, is_whole=True)
    return measured_warp(record.transform, record.params, record.size_in_wh)
