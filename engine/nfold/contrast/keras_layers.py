"""The column of the Keras lesson: its own layers, RandomFlip and RandomRotation, applied image by image."""

from __future__ import annotations

import importlib
import importlib.util
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from nfold.contrast.modes import Mode, Prepared, Served
from nfold.images import Image
from nfold.stream import Stream

FACTOR = 0.1
"""Of a full turn, either way: 36 degrees, as in the lesson."""


class KerasLayers(Mode):
    """`RandomFlip("horizontal")` and `RandomRotation(0.1)`: varied with training=True, passed through otherwise."""

    name = "keras-layers"
    title = "Keras layers"

    def prepare(self) -> Prepared:
        """Make the layers, and run them once: what they build at their first call is no augmentation."""
        import numpy as np

        keras = _keras()

        # One seed for both would make the angle depend on the flip.
        flip, turn = (int(state) >> 1 for state in np.random.SeedSequence(self.setting.seed).generate_state(2))
        self._layers = keras.Sequential(
            [keras.layers.RandomFlip("horizontal", seed=flip), keras.layers.RandomRotation(FACTOR, seed=turn)]
        )
        self._through(np.zeros((1, 8, 8, 3), np.float32), training=True)
        self._seconds = 0.0
        return Prepared()

    @property
    def augmentation_s(self) -> float:
        """Seconds in the layers so far."""
        return self._seconds

    def epoch(self, epoch: int) -> Iterator[Served]:
        """Each source once, through the layers in training."""
        return self._through_layers(epoch, training=True)

    def inference(self) -> Iterator[Served]:
        """Through the same layers with training=False."""
        return self._through_layers(1, training=False)

    def _through_layers(self, epoch: int, *, training: bool) -> Iterator[Served]:
        for served in self._serve(Stream.over(self.reader, training=False).epoch(epoch, on_unusable="skip")):
            yield replace(served, picture=self._call(served.picture, training=training))

    def _call(self, picture: Image, *, training: bool) -> Image:
        import numpy as np

        pixels = picture.pixels
        began = time.perf_counter()
        batch: Any = pixels.reshape(1, *pixels.shape[:2], -1).astype(np.float32)
        came = self._through(batch, training=training)
        varied = np.rint(came.clip(0, np.iinfo(pixels.dtype).max)).astype(pixels.dtype).reshape(pixels.shape)
        self._seconds += time.perf_counter() - began
        return replace(picture, pixels=np.ascontiguousarray(varied))

    def _through(self, batch: Any, *, training: bool) -> Any:
        with warnings.catch_warnings():
            # What Keras says of its own code (that on PyTorch uses a form of NumPy that is going away) is not for the user.
            warnings.simplefilter("ignore", DeprecationWarning)
            return _keras().ops.convert_to_numpy(self._layers(batch, training=training))


def keras_is_missing() -> str | None:
    """Why this column has to be left out, with what to do; None when it can be run."""
    if importlib.util.find_spec("keras") is None:
        return "Keras is not installed, so the column of its own layers is left out: pip install 'nfold[keras]'."
    try:
        _keras()
    except ImportError as error:
        return (
            f"Keras is installed and cannot be imported ({error}), so the column of its own layers is left out: "
            "pip install 'nfold[keras]', or name an installed backend in KERAS_BACKEND."
        )
    return None


def keras_versions() -> dict[str, str]:
    """Keras and its backend, for the record."""
    keras = _keras()
    return {"keras": str(keras.__version__), "keras backend": str(keras.backend.backend())}


def _keras() -> Any:
    """The module; by name, since type checkers run without it."""
    return importlib.import_module("keras")
