from __future__ import annotations

from collections.abc import Callable

import pytest

from nfold.contrast.model import Contrast


def test_a_mode_is_found_by_its_name(run: Callable[..., Contrast]) -> None:
    found = run(epochs=1, copies=1)
    assert found.mode("offline").mode == "offline"
    with pytest.raises(KeyError):
        found.mode("keras")


def test_the_grid_is_told_without_its_pictures(run: Callable[..., Contrast]) -> None:
    found = run(epochs=2, copies=1)
    told = found.to_json()["grid"]
    assert [grid["source"] for grid in told] == [grid.source for grid in found.grid]
    assert [row["epoch"] for row in told[0]["epochs"]] == [1, 2]
    assert [cell["caption"] for cell in told[0]["epochs"][1]["modes"]["offline"]] == ["original", "copy 1"]
    assert all(set(cell) == {"caption", "pixels", "is_new"} for cell in told[0]["epochs"][0]["modes"]["frozen"])
