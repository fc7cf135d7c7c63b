from __future__ import annotations

from typing import Any

import pytest

from nfold.contrast.model import BreakEven, Inference
from nfold.contrast.wording import answer, break_even_in_words, notes_on_figures, what_a_trainer_gets
from tests.engine.contrast.conftest import figures

OFFLINE: dict[str, Any] = {"files_added": 9, "images_per_epoch": 9, "distinct_after": (9, 9), "inference": None}


def told(offline: dict[str, Any] | None = None, on_the_fly: dict[str, Any] | None = None) -> str:
    return answer(
        sources=3,
        offline=figures("offline", **{**OFFLINE, **(offline or {})}),
        on_the_fly=figures(**(on_the_fly or {})),
    )


def test_the_answer_as_it_should_be() -> None:
    assert told() == (
        "Offline, 3 images became 9 files that a trainer sees again and again, in every epoch the same; on the fly nothing "
        "was added: each epoch showed 3 images, every one new, 6 distinct ones after 2 epochs; at inference images pass "
        "unchanged."
    )


@pytest.mark.parametrize(
    ("offline", "on_the_fly", "words"),
    [
        ({"images_per_epoch": 8}, {}, "became 8 files"),
        ({"distinct_after": (7, 7)}, {}, "became 9 files, 7 of them distinct, that a trainer sees again"),
        ({"distinct_after": (9, 12)}, {}, "a trainer saw 9 distinct ones in the first epoch and 12 in all"),
        ({}, {"files_added": 2}, "on the fly 2 files were added"),
        ({}, {"images_per_epoch": 2}, "each epoch showed 2 images"),
        ({}, {"distinct_after": (3, 5)}, "5 of 6 new when they came, 5 distinct ones after 2 epochs"),
        ({}, {"distinct_after": (3, 3)}, "the same ones in every epoch, 3 distinct ones after 2 epochs"),
        ({"distinct_after": (9,)}, {"distinct_after": (3,)}, "9 of them distinct, which every epoch will show again"),
        ({"distinct_after": (9,)}, {"distinct_after": (3,)}, "no two alike, 3 distinct ones after 1 epoch"),
        ({}, {"inference": None}, "what comes at inference could not be looked at"),
        (
            {},
            {"inference": Inference(images=3, identical=1, example="a", original_hash="0", served_hash="1")},
            "at inference only 1 of 3 images passed unchanged",
        ),
    ],
)
def test_each_part_of_it_changes_with_its_figure(
    offline: dict[str, Any], on_the_fly: dict[str, Any], words: str
) -> None:
    assert words not in told()
    assert words in told(offline, on_the_fly)


def test_what_a_trainer_gets_is_said_by_the_figures_and_not_by_the_mode() -> None:
    assert what_a_trainer_gets(images=9, distinct_after=(9, 9), files=9) == (
        "9 images an epoch, the same ones in every epoch; 9 files written."
    )
    assert what_a_trainer_gets(images=1, distinct_after=(1, 2), files=0) == (
        "1 image an epoch, every one new; nothing stored."
    )


def test_the_break_even_says_whether_it_was_measured() -> None:
    found = BreakEven(images=20, offline_epochs=3.33, on_the_fly_epochs=6.67, is_measured=False)
    assert "after 20 served images: 3.3 of its own epochs, 6.7 of those on the fly" in break_even_in_words(found, 2)
    assert "the measured rates were carried on" in break_even_in_words(found, 2)
    measured = BreakEven(images=5, offline_epochs=1.0, on_the_fly_epochs=1.5, is_measured=True)
    assert "within the 2 epochs that were run" in break_even_in_words(measured, 2)
    never = BreakEven(images=None, offline_epochs=None, on_the_fly_epochs=None, is_measured=False)
    assert "never catches up" in break_even_in_words(never, 2)


def test_notes_name_the_sample_and_the_preparation_only_where_there_are_any() -> None:
    offline = figures("offline", **OFFLINE)
    plain = " ".join(notes_on_figures(offline, sampled=None, available=500, prepares=False))
    assert "9 files altogether" in plain
    assert "training images" not in plain
    assert "prepares" not in plain
    full = " ".join(notes_on_figures(offline, sampled=200, available=1500, prepares=True))
    assert "200 of 1,500 training images were run" in full
    assert "The recipe prepares every image" in full
