"""The training comparison, with a real Keras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from nfold.contrast import feeding, training
from nfold.contrast.model import TrainingResult
from nfold.contrast.network import Network
from nfold.contrast.training import train_arms
from nfold.errors import UsageError
from nfold.stream.reading import ItemReader

pytest.importorskip("keras", reason="Keras is not installed: pip install 'nfold[keras]'")
# The back ends warn about themselves.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """Two classes that a network tells apart at once: stripes along and across."""
    for number in range(20):
        kind = "along" if number % 2 else "across"
        noise = np.random.default_rng(number).integers(0, 60, (32, 32), np.uint8)
        lines = np.zeros((32, 32), np.uint8)
        lines[number % 4 :: 4] = 180
        file = tmp_path / f"source/{kind}/{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), noise + (lines if number % 2 else lines.T))
    return tmp_path / "source"


def train(source: Path, **options: Any) -> TrainingResult:
    mild = {"name": "mild", "augment": [{"Rotate": {"limit": 10, "p": 1}}]}
    return train_arms(source, **{"copies": 2, "epochs": 3, "batch": 8, "seeds": 2, "recipe": mild, **options})


def test_every_arm_takes_the_same_steps_of_the_same_size(stripes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    step = Network.train
    monkeypatch.setattr(Network, "train", lambda self, x, y: (sizes.append(len(x)), step(self, x, y))[1])
    result = train(stripes)
    assert result.train_images + result.held_out_images == 20
    # 16 images in steps of 8, three epochs, three arms, two seeds
    assert {arm.steps for arm in result.arms} == {6}
    assert sizes == [8] * 6 * 3 * 2
    assert [arm.mode for arm in result.arms] == ["none", "offline", "on-the-fly"]
    assert all(len(arm.accuracies) == 2 == len(result.seeds) for arm in result.arms)
    assert [point[0] for point in result.arms[0].curve] == [1, 2, 3, 4, 5, 6]
    offline = result.arms[1]
    assert offline.bytes_added > 0 < offline.once_s
    assert (result.arms[0].bytes_added, result.arms[2].bytes_added) == (0, 0)


def test_held_out_images_are_never_varied_and_never_trained_on(stripes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    varied: set[str] = set()
    trained: set[bytes] = set()
    variation, step = ItemReader.variation, Network.train

    def spied(self: ItemReader, place: int, copy: int, *, draw: int = 0) -> Any:
        varied.add(self.opened.places[place].id)
        return variation(self, place, copy, draw=draw)

    def trained_on(self: Network, pixels: Any, labels: Any) -> None:
        trained.update(picture.tobytes() for picture in pixels)
        step(self, pixels, labels)

    held: list[Any] = []
    untouched = feeding.untouched

    def kept(stream: Any, places: Any, **options: Any) -> Any:
        found = untouched(stream, places, **options)
        held.append((stream, found, options["name"]))
        return found

    monkeypatch.setattr(ItemReader, "variation", spied)
    monkeypatch.setattr(Network, "train", trained_on)
    monkeypatch.setattr(training, "untouched", kept)
    train(stripes)
    (stream, found, name) = held[1]
    assert name == "held-out"
    sources = list(stream.sources)
    held_out = {sources[place] for place in found.places}
    assert len(held_out) == 4
    assert len(varied) == 16
    assert not varied & held_out
    assert not trained & {picture.tobytes() for picture in found.pictures.pixels[: len(found.places)]}


def test_the_same_command_gives_the_same_accuracies(stripes: Path) -> None:
    first, second = train(stripes), train(stripes)
    assert [arm.accuracies for arm in first.arms] == [arm.accuracies for arm in second.arms]
    assert [arm.curve for arm in first.arms] == [arm.curve for arm in second.arms]


def test_an_arm_that_is_fed_nonsense_ends_at_chance_and_the_verdict_says_so(
    stripes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh: Callable[..., Any] = feeding.fresh_batches

    def wrong(*arguments: Any, **options: Any) -> Any:
        for pixels, labels in fresh(*arguments, **options):
            yield pixels, 1 - labels

    sound = train(stripes, epochs=15, held_out=0.5, seeds=3)
    assert min(sound.arms[2].accuracies) > 0.8
    monkeypatch.setattr(training, "fresh_batches", wrong)
    broken = train(stripes, epochs=15, held_out=0.5, seeds=3)
    assert max(broken.arms[2].accuracies) < 0.3
    assert broken.arms[:2] != ()
    assert [arm.accuracies for arm in broken.arms[:2]] == [arm.accuracies for arm in sound.arms[:2]]
    assert "no augmentation is better than on the fly" in broken.verdict


def test_progress_counts_the_steps_of_all_runs(stripes: Path) -> None:
    seen: list[Any] = []
    train(stripes, observe=seen.append)
    counts = [(event.done, event.total) for event in seen if hasattr(event, "done")]
    assert counts == [(done, 36) for done in range(1, 37)]


@pytest.mark.parametrize("wrong", [{"copies": 0}, {"epochs": 0}, {"batch": 0}, {"seeds": 0}, {"held_out": 0.0}])
def test_numbers_that_make_no_sense_are_refused(stripes: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        train(stripes, **wrong)
