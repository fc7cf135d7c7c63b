"""Items put together to batches; whatever has a shape will do, of whatever framework."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nfold.errors import UsageError


def collate_detection(batch: Iterable[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
    """A list of pictures and a list of targets, which is what detection models take: pictures may differ in size.

    loader = DataLoader(dataset, batch_size=4, collate_fn=collate_detection)
    """
    images: list[Any] = []
    targets: list[Any] = []
    for image, target in batch:
        images.append(image)
        targets.append(target)
    return images, targets


def check_sizes(images: Sequence[Any]) -> None:
    """See that pictures can be stacked.

    Raises:
        UsageError: They differ in size.
    """
    shapes = sorted({tuple(int(side) for side in image.shape) for image in images})
    if len(shapes) > 1:
        shown = ", ".join(" x ".join(map(str, shape)) for shape in shapes[:4])
        raise UsageError(
            f"The pictures of a batch differ in size ({shown}{', ...' if len(shapes) > 4 else ''}), so that they cannot "
            "be stacked. Put a Resize into the recipe's prepare, as in 'prepare: [Resize: {height: 224, width: 224}]'.",
            hint="Or take a batch size of 1, or lists of pictures (collate_detection).",
            code="stream.sizes",
        )


def stack_images(images: Sequence[Any]) -> Any:
    """One NumPy array of pictures of one size.

    Raises:
        UsageError: They differ in size.
    """
    import numpy as np

    check_sizes(images)
    return np.stack(images)
