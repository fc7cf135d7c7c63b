"""Batches of pictures of one size, or lists of pictures and targets."""

from __future__ import annotations

import numpy as np
import pytest

from nfold.adapters.collate import check_sizes, collate_detection, stack_images
from nfold.errors import UsageError


def test_detection_is_collated_to_two_lists() -> None:
    batch = [(np.zeros((3, 4, 5)), {"image_id": 0}), (np.zeros((3, 7, 2)), {"image_id": 1})]
    images, targets = collate_detection(batch)
    assert [image.shape for image in images] == [(3, 4, 5), (3, 7, 2)]
    assert targets == [{"image_id": 0}, {"image_id": 1}]


def test_pictures_of_one_size_are_stacked() -> None:
    assert stack_images([np.zeros((4, 5, 3))] * 6).shape == (6, 4, 5, 3)


@pytest.mark.parametrize("other", [(4, 6, 3), (5, 4, 3), (4, 5, 1)])
def test_pictures_of_several_sizes_are_refused_with_what_to_do(other: tuple[int, ...]) -> None:
    images = [np.zeros((4, 5, 3)), np.zeros(other)]
    for function in (check_sizes, stack_images):
        with pytest.raises(UsageError, match="Put a Resize into the recipe's prepare") as caught:
            function(images)
        assert caught.value.stable_code == "stream.sizes"
        assert " x ".join(map(str, other)) in caught.value.message
