from __future__ import annotations

import pytest

from nfold.annotations import Box
from nfold.errors import InputError
from nfold.formats.share_boxes import ShareTally, is_share


@pytest.mark.parametrize(
    ("box", "is_one"),
    [
        ((0.25, 0.25, 0.625, 0.6667), True),
        ((0, 0, 0.5, 0.5), False),
        ((0.6, 0.5, 1, 1), True),
        ((0.7, 0.2, 1.02, 0.4), True),
        ((0, 0, 1, 1), False),
        ((0, 0, 1, 0.5), False),
        ((0.5, 0.5, 1.5, 1.5), False),
        ((10.25, 7.5, 10.75, 7.9), False),
        ((0.5, 0.5, 30, 40), False),
        ((0.5, 0.5, 0.5, 0.9), False),
        ((-0.2, 0.1, 0.4, 0.5), False),
    ],
)
def test_a_box_below_a_pixel_in_the_corner_is_in_shares(box: Box, is_one: bool) -> None:
    assert is_share(box) is is_one


def test_all_boxes_in_shares_are_refused_with_the_first_and_their_number() -> None:
    tally = ShareTally()
    assert not tally.count((0, 0, 1, 1), "line 1")
    tally.refuse_shares()
    assert tally.count((0.2, 0.2, 0.4, 0.4), "line 2")
    assert tally.count((0.2, 0.2, 0.4, 0.5), "line 3")
    with pytest.raises(InputError, match=r"^line 2: the box .* look like shares .* all 3 boxes") as caught:
        tally.refuse_shares()
    assert caught.value.stable_code == "labels.shares"
    assert "pixels" in str(caught.value.hint)


def test_where_some_boxes_are_in_pixels_nothing_is_refused_as_a_whole() -> None:
    tally = ShareTally()
    tally.count((0.2, 0.2, 0.4, 0.4), "line 1")
    tally.count((2, 2, 40, 40), "line 2")
    tally.refuse_shares()
