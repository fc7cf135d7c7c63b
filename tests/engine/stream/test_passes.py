"""A pass stops and goes on anywhere, and says what it left out."""

from __future__ import annotations

import itertools
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from stream_data import TILT, told

import nfold
from nfold.errors import ImageError, UsageError
from nfold.stream import UnusableSourceWarning


def names_of(items: Any) -> list[str]:
    return [item.source for item in items]


class TestResuming:
    @pytest.mark.parametrize("workers", [0, 2])
    @pytest.mark.parametrize("shuffle", [True, False])
    @pytest.mark.parametrize("taken", [0, 1, 5, 9])
    def test_the_rest_is_what_would_have_come(
        self, stream: nfold.Stream, photos: Path, workers: int, shuffle: bool, taken: int
    ) -> None:
        whole = [told(item) for item in stream.epoch(3, shuffle=shuffle)]
        left = stream.epoch(3, shuffle=shuffle, workers=workers)
        first = [told(item) for item in itertools.islice(left, taken)]
        state = json.loads(json.dumps(left.state()))
        assert len(left) == 9 - taken
        left.close()
        later = nfold.Stream(photos, recipe=TILT, seed=5).resume(state, workers=workers)
        assert len(later) == 9 - taken
        assert (later.epoch, later.position) == (3, taken)
        assert first + [told(item) for item in later] == whole

    def test_a_frozen_data_set_goes_on_likewise(self, photos: Path) -> None:
        frozen = nfold.FrozenDataset(photos, copies=2, recipe=TILT, seed=5)
        whole = [told(item) for item in frozen.epoch(2)]
        left = frozen.epoch(2)
        first = [told(item) for item in itertools.islice(left, 11)]
        assert first + [told(item) for item in frozen.resume(left.state())] == whole

    def test_a_state_of_something_else_is_refused(self, stream: nfold.Stream, photos: Path) -> None:
        state = stream.epoch(1).state()
        others = [
            nfold.Stream(photos, recipe=TILT, seed=6),
            nfold.Stream(photos, recipe="light", seed=5),
            nfold.Stream(photos, recipe=TILT, seed=5, exclude=["cat/1.png"]),
            nfold.FrozenDataset(photos, copies=2, recipe=TILT, seed=5),
            stream.inference(),
        ]
        for other in others:
            with pytest.raises(UsageError, match="another data set, recipe or seed") as caught:
                other.resume(state)
            assert caught.value.stable_code == "stream.state"
        with pytest.raises(UsageError):
            nfold.FrozenDataset(photos, copies=3, recipe=TILT, seed=5).resume(others[3].epoch(1).state())

    @pytest.mark.parametrize("state", [{}, {"epoch": 1}, [], "3", None])
    def test_what_is_no_state_is_refused(self, stream: nfold.Stream, state: Any) -> None:
        with pytest.raises(UsageError) as caught:
            stream.resume(state)
        assert caught.value.stable_code == "stream.state"

    @pytest.mark.parametrize("change", [{"position": 10}, {"position": -1}, {"position": "x"}, {"epoch": None}])
    def test_a_state_that_somebody_changed_is_refused(self, stream: nfold.Stream, change: dict[str, Any]) -> None:
        with pytest.raises(UsageError) as caught:
            stream.resume({**stream.epoch(1).state(), **change})
        assert caught.value.stable_code == "stream.state"


@pytest.mark.parametrize("workers", [0, 2])
class TestUnusable:
    def test_an_unreadable_source_raises_in_its_turn(self, broken: Path, photos: Path, workers: int) -> None:
        stream = nfold.Stream(photos, recipe=TILT)
        one_pass = stream.epoch(1, shuffle=False, workers=workers)
        assert names_of(itertools.islice(one_pass, 2)) == ["cat/1.png", "cat/2.png"]
        with pytest.raises(ImageError):
            next(one_pass)
        assert one_pass.position == 3

    def test_or_is_left_out_with_a_warning_that_names_it(self, broken: Path, photos: Path, workers: int) -> None:
        stream = nfold.Stream(photos, recipe=TILT)
        one_pass = stream.epoch(1, workers=workers, on_unusable="skip")
        with pytest.warns(UnusableSourceWarning, match=r"cat/4\.png is left out"):
            names = names_of(one_pass)
        assert sorted(names) == sorted(set(stream.sources) - {"cat/4.png"})
        assert list(one_pass.skipped) == ["cat/4.png"]
        assert one_pass.position == 9
        assert len(one_pass) == 0

    def test_whoever_goes_on_after_an_error_has_a_state_behind_it(
        self, broken: Path, photos: Path, workers: int
    ) -> None:
        stream = nfold.Stream(photos, recipe=TILT)
        one_pass = stream.epoch(1, shuffle=False, workers=workers)
        with pytest.raises(ImageError):
            list(one_pass)
        assert names_of(stream.resume(one_pass.state(), workers=workers)) == list(stream.sources)[3:]


class TestPass:
    def test_it_is_iterated_once(self, stream: nfold.Stream) -> None:
        one_pass = stream.epoch(1)
        assert len(list(one_pass)) == 9
        assert list(one_pass) == []

    def test_closing_it_lets_go_of_the_threads(self, stream: nfold.Stream) -> None:
        one_pass = stream.epoch(1, workers=3)
        next(one_pass)
        one_pass.close()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("nfold-stream")]

    def test_what_makes_no_sense_is_refused_at_once(self, stream: nfold.Stream) -> None:
        with pytest.raises(UsageError, match="workers"):
            stream.epoch(1, workers=-1)
        with pytest.raises(UsageError, match="on_unusable"):
            stream.epoch(1, on_unusable="ignore")  # type: ignore[arg-type]
