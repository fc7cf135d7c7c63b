"""With Keras itself where it is installed, and with a stand-in for what it could do wrong."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.contrast.comparing import compare
from nfold.contrast.keras_layers import KerasLayers, keras_is_missing
from nfold.contrast.model import Contrast


def stand_in(*, heeds_training: bool = True, varies: bool = True) -> types.ModuleType:
    """A module that is called keras, with layers that flip at random."""
    import numpy as np

    generator = np.random.default_rng(0)
    asked: list[tuple[str, tuple[Any, ...], int]] = []

    class Layer:
        def __init__(self, *arguments: Any, seed: int) -> None:
            asked.append((type(self).__name__, arguments, seed))

    class Sequential:
        def __init__(self, layers: list[Layer]) -> None:
            self.layers = layers

        def __call__(self, batch: Any, *, training: bool) -> Any:
            assert batch.ndim == 4
            assert batch.dtype == np.float32
            if not training and heeds_training:
                return batch
            return batch + generator.integers(1, 200, batch.shape) if varies else batch

    module: Any = types.ModuleType("keras")
    module.__spec__ = importlib.machinery.ModuleSpec("keras", None)
    module.__version__ = "3.0"
    module.asked = asked
    module.Sequential = Sequential
    module.layers = types.SimpleNamespace(
        RandomFlip=type("RandomFlip", (Layer,), {}), RandomRotation=type("RandomRotation", (Layer,), {})
    )
    module.ops = types.SimpleNamespace(convert_to_numpy=lambda array: array)
    module.backend = types.SimpleNamespace(backend=lambda: "stand-in")
    made: types.ModuleType = module
    return made


@pytest.fixture
def contrast_with(make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Contrast]:
    def run(module: types.ModuleType | None = None) -> Contrast:
        if module is not None:
            monkeypatch.setitem(sys.modules, "keras", module)
        return compare(make_folder(3), copies=1, epochs=3)

    return run


def test_the_layers_are_those_of_the_lesson_each_with_a_seed_of_its_own(contrast_with: Any) -> None:
    module: Any = stand_in()
    found = contrast_with(module)
    (flip, flipped, first), (turn, turned, second) = module.asked
    assert (flip, flipped, turn, turned) == ("RandomFlip", ("horizontal",), "RandomRotation", (0.1,))
    assert first != second
    assert (found.versions["keras"], found.versions["keras backend"]) == ("3.0", "stand-in")
    assert [mode.mode for mode in found.modes] == ["none", "offline", "on-the-fly", "frozen", "keras-layers"]


def test_one_image_in_one_out_and_unchanged_at_inference(contrast_with: Any) -> None:
    keras = contrast_with(stand_in()).mode("keras-layers")
    assert (keras.files_added, keras.images_per_epoch, keras.distinct_after) == (0, 3, (3, 6, 9))
    assert keras.originals_seen == (0, 0, 0)
    assert all(seconds > 0 for seconds in keras.augmentation_s)
    assert (keras.inference.images, keras.inference.identical) == (3, 3)


def test_layers_that_do_not_vary_are_seen(contrast_with: Any) -> None:
    keras = contrast_with(stand_in(varies=False)).mode("keras-layers")
    assert keras.originals_seen == (3, 3, 3)
    assert keras.distinct_after == (3, 3, 3)
    assert keras.says == "3 images an epoch, the same ones in every epoch; nothing stored."


def test_layers_that_vary_at_inference_are_seen(contrast_with: Any) -> None:
    keras = contrast_with(stand_in(heeds_training=False)).mode("keras-layers")
    assert (keras.inference.images, keras.inference.identical) == (3, 0)
    assert keras.inference.original_hash != keras.inference.served_hash


def test_without_keras_the_column_is_left_out_and_a_note_says_how_to_get_it(
    contrast_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = contrast_with()
    assert "keras-layers" not in [mode.mode for mode in found.modes]
    assert any("pip install 'nfold[keras]'" in note for note in found.notes)
    assert "keras" not in found.versions


def test_keras_without_its_backend_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())

    def fails() -> None:
        raise ModuleNotFoundError("No module named 'tensorflow'")

    monkeypatch.setattr("nfold.contrast.keras_layers._keras", fails)
    told = keras_is_missing()
    assert told is not None
    assert "No module named 'tensorflow'" in told
    assert "KERAS_BACKEND" in told


@pytest.mark.parametrize(("channels", "kind"), [(1, "uint8"), (3, "uint8"), (3, "uint16"), (1, "uint16")])
def test_grey_and_deep_pictures_keep_their_form(
    channels: int, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2
    import numpy as np

    monkeypatch.setitem(sys.modules, "keras", stand_in())
    shape = (6, 8) if channels == 1 else (6, 8, 3)
    pixels = np.random.default_rng(1).integers(0, np.iinfo(kind).max + 1, shape).astype(kind)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    keras = compare(tmp_path, copies=1, epochs=1).mode("keras-layers")
    assert (keras.originals_seen, keras.distinct_after) == ((0,), (1,))
    assert keras.inference is not None
    assert keras.inference.identical == 1


def test_keras_itself(contrast_with: Any) -> None:
    if keras_is_missing():
        pytest.skip("Keras is not installed: pip install 'nfold[keras]'")
    found = contrast_with()
    keras = found.mode(KerasLayers.name)
    assert (keras.files_added, keras.images_per_epoch, keras.distinct_after) == (0, 3, (3, 6, 9))
    assert keras.originals_seen == (0, 0, 0)
    assert keras.inference is not None
    assert (keras.inference.images, keras.inference.identical) == (3, 3)
    assert found.versions["keras"].startswith("3.")
