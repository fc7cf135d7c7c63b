from __future__ import annotations

import numpy as np
import pytest

from nfold.annotations.assembling import extent_of
from nfold.annotations.model import Annotation, Box
from nfold.annotations.rle import encode_rle

MASK = np.zeros((20, 30), dtype=bool)
MASK[3:7, 4:9] = True


@pytest.mark.parametrize(
    ("annotation", "extent"),
    [
        (Annotation(box=(1, 2, 3, 4), rings=((9, 9, 12, 9, 12, 12),)), (1, 2, 3, 4)),
        (Annotation(rings=((9, 9, 12, 9, 12, 12), (1, 5, 2, 5, 2, 6))), (1, 5, 12, 12)),
        (Annotation(corners=(5, 0, 10, 5, 5, 10, 0, 5)), (0, 0, 10, 10)),
        (Annotation(points=((3, 4, 2), (0, 0, 0), (7, 5, 1))), (3, 4, 7, 5)),
        (Annotation(mask=encode_rle(MASK)), (4, 3, 9, 7)),
        (Annotation(points=((0, 0, 0),)), None),
        (Annotation(category=3), None),
    ],
)
def test_the_extent_is_told_by_what_is_known(annotation: Annotation, extent: Box | None) -> None:
    assert extent_of(annotation) == extent
