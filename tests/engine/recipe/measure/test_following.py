from __future__ import annotations

import numpy as np
import pytest

from nfold.recipe.catalogue import catalogue
from nfold.recipe.measure.following import (
    TARGETS,
    agreement,
    box_agreement,
    measure_following,
    paint_outlines,
    paint_rings,
)

SQUARE = (10.0, 10.0, 30.0, 10.0, 30.0, 20.0, 10.0, 20.0)


def test_a_painted_outline_covers_the_pixels_that_it_holds() -> None:
    painted = paint_rings((SQUARE,), (50, 40))
    assert painted.sum() == 200
    assert painted[10:20, 10:30].all()
    half = paint_outlines([np.array(SQUARE).reshape(-1, 2) + np.array([0.5, 0])], (50, 40))
    assert abs(int(half[15, 10]) - 127) < 20


def test_agreement_is_intersection_over_union() -> None:
    first, second = paint_rings((SQUARE,), (50, 40)), paint_rings((tuple(v + 5 for v in SQUARE),), (50, 40))
    assert agreement(first, first) == 1
    assert agreement(first, second) == pytest.approx(75 / 325)
    assert box_agreement((10, 10, 30, 20), (15, 15, 35, 25)) == pytest.approx(75 / 325)
    assert box_agreement((0, 0, 1, 1), (5, 5, 6, 6)) == 0


def test_each_transform_that_moves_pixels_was_measured_and_no_other() -> None:
    for entry in catalogue().entries.values():
        if entry.capabilities is not None:
            assert (entry.capabilities.follows is not None) == (entry.kind == "dual"), entry.name


@pytest.mark.parametrize(
    "name", ["HorizontalFlip", "Affine", "OpticalDistortion", "RandomSizedBBoxSafeCrop", "CoarseDropout"]
)
def test_what_is_shipped_is_what_is_measured(name: str) -> None:
    shipped = catalogue().entries[name].capabilities
    assert shipped is not None
    measured = measure_following(name)
    for target in TARGETS:
        figure = getattr(shipped.follows, target)
        assert measured[target] == (list(figure) if isinstance(figure, tuple) else figure)


def test_the_measure_finds_labels_that_do_not_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    from nfold.geometry import known

    monkeypatch.setitem(
        known._MATRICES, "HorizontalFlip", lambda transform, params, size_in, size_out: known.moved(9, 0)
    )
    measured = measure_following("HorizontalFlip")
    assert isinstance(measured["polygons"], list)
    assert float(str(measured["polygons"][0])) < 0.95
