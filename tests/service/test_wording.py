"""Figures and states in the words of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

import nfold
from nfold.events import StageBegan
from nfold_service import wording
from nfold_service.store.rows import JobState
from nfold_service.work.protocol import PUBLISH
from tests.conftest import write_picture


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (10_000, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1_240_000, "1.2 MB"),
        (10**12, "1.0 TB"),
        (10**16, "10,000 TB"),
    ],
)
def test_bytes_are_told_in_a_unit_that_people_read(value: int, words: str) -> None:
    assert wording.size(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (59.4, "59 s"), (60, "1 min"), (3_599, "60 min"), (5_400, "1.5 h")]
)
def test_times_are_told_in_a_unit_that_people_read(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


def test_counts_have_their_noun() -> None:
    assert wording.plural(1, "copy", "copies") == "1 copy"
    assert wording.plural(0, "image") == "0 images"
    assert wording.plural(1_005, "copy", "copies") == "1,005 copies"


def test_parameters_are_short() -> None:
    assert wording.shortened(0.123456) == "0.123"
    assert wording.shortened([1.0, -36.04449]) == "[1, -36.044]"
    assert wording.shortened({"fill": 0.5, "mode": "a"}) == '{"fill": 0.5, "mode": "a"}'
    assert wording.shortened("words") == "words"
    assert len(wording.shortened("x" * 1_000)) == 161


def test_every_state_has_its_words() -> None:
    assert set(wording.STATES) == set(get_args(JobState))


def test_every_stage_of_an_expansion_has_its_words(tmp_path: Path) -> None:
    for number in range(10):
        write_picture(tmp_path / "source" / "a" / f"{number}.png", number)
    seen: list[object] = []
    nfold.expand(tmp_path / "source", tmp_path / "output", copies=1, split="80/10/10", workers=1, observe=seen.append)
    stages = [event.stage for event in seen if isinstance(event, StageBegan)]
    assert len(stages) >= 3
    assert set(wording.STAGES) == {*stages, PUBLISH, "compare"}


@pytest.mark.parametrize(
    ("state", "progress", "words", "more", "share"),
    [
        ("queued", {}, "Waiting for its turn", "", None),
        ("running", {"stage": "scan"}, "Looking through the files", "", None),
        ("running", {"stage": "survey", "done": 3, "total": 12}, "Reading the pictures", "3 of 12 images", 0.25),
        (
            "running",
            {"stage": "expand", "done": 500, "total": 1_000, "images_per_s": 4.25, "seconds_left": 90},
            "Making copies",
            "500 of 1,000 images, 4.2 a second, 2 min left",
            0.5,
        ),
        ("publishing", {"stage": "publish", "done": 10, "total": 10}, "Packing the result", "", None),
        ("succeeded", {"stage": "publish", "done": 10, "total": 10}, "Done", "", None),
        ("failed", {}, "Failed", "", None),
    ],
)
def test_progress_is_told_with_what_is_known(
    state: str, progress: dict[str, Any], words: str, more: str, share: float | None
) -> None:
    assert wording.progress_of(state, progress) == {"words": words, "more": more, "share": share}
