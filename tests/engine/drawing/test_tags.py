from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.drawing import tags as module
from nfold.drawing.tags import Tag, letter_size, write_tags
from tests.engine.drawing.conftest import changed, grey

ORANGE = (230, 159, 0)


def tag(left: float, top: float, right: float, bottom: float, text: str = "Tree") -> Tag:
    return Tag(text=text, colour=ORANGE, extent=(left, top, right, bottom))


def coloured(picture: np.ndarray) -> np.ndarray:
    return (picture == ORANGE).all(axis=2)


def test_a_name_stands_above_its_object() -> None:
    result = coloured(write_tags(grey(400, 300), [tag(100, 100, 200, 200)]))
    rows, columns = np.nonzero(result)
    assert rows.max() == 99
    assert columns.min() == 100
    assert not result[100:].any()


@pytest.mark.parametrize(
    "box", [(0, 0, 400, 300), (0, 0, 5, 5), (390, 290, 400, 300), (-50, -50, 30, 30), (395, 0, 500, 9)]
)
def test_a_name_at_the_edge_stays_within_the_picture(box: tuple[float, float, float, float]) -> None:
    with_name = write_tags(grey(400, 300), [tag(*box)])
    assert with_name.shape == (300, 400, 3)
    assert coloured(with_name).any()


def test_a_crowded_picture_has_no_names_and_is_not_changed() -> None:
    many = [tag(x * 9.0, y * 9.0, x * 9.0 + 8, y * 9.0 + 8) for x in range(20) for y in range(20)]
    assert np.array_equal(write_tags(grey(400, 400), many), grey(400, 400))
    assert np.array_equal(write_tags(grey(60, 60), [tag(5, 5, 50, 50)] * 3), grey(60, 60))
    assert np.array_equal(write_tags(grey(60, 60), []), grey(60, 60))


def test_no_name_covers_another(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[float, float, float, float]] = []
    real = module._free_place

    def watch(extent: object, size: object, limits: object, others: list[tuple[float, float, float, float]]) -> object:
        found = real(extent, size, limits, others)  # type: ignore[arg-type]
        taken.extend([found] if found else [])
        return found

    monkeypatch.setattr(module, "_free_place", watch)
    write_tags(grey(800, 800), [tag(100 + number, 100 + number, 300, 300) for number in range(12)])
    assert len(taken) > 4
    for number, one in enumerate(taken):
        for other in taken[number + 1 :]:
            assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


def test_long_names_are_shortened() -> None:
    result = coloured(write_tags(grey(600, 400), [tag(10, 100, 590, 300, "a very long name " * 20)]))
    columns = np.nonzero(result)[1]
    assert columns.max() - columns.min() <= 0.4 * 600 + 8


def test_the_picture_given_is_not_written_to() -> None:
    picture = grey(400, 300)
    assert changed(picture, write_tags(picture, [tag(100, 100, 200, 200)])).any()
    assert (picture == 128).all()


def test_letters_grow_with_the_picture() -> None:
    sizes = [letter_size(side, side // 2) for side in (1, 200, 800, 1600, 4000, 12000)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 10


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=6
    ),
    st.integers(1, 300),
    st.integers(1, 300),
)
def test_no_place_and_no_size_makes_it_fail(
    boxes: list[tuple[float, float, float, float]], width: int, height: int
) -> None:
    assert write_tags(grey(width, height), [tag(*box, text="é日") for box in boxes]).shape == (height, width, 3)
