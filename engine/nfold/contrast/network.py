"""The small network of the training comparison, in Keras 3 on whatever back end it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nfold.errors import MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHANNELS = (16, 32, 64, 128)
_RATE = 1e-3
_AT_ONCE = 250


def keras_backend() -> str:
    """The name of Keras's back end.

    Raises:
        MissingExtraError: Keras, or its back end, is not installed.
    """
    try:
        import keras
    except ImportError as error:
        raise MissingExtraError.for_feature("Training a network (--train)", "keras") from error
    return str(keras.backend.backend())


class Network:
    """Convolutions of 16 to 128 channels, each halving the picture, an average over what is left, and the classes.

    Begun from a seed: the same one gives the same weights, and on one machine the same run as far as Keras allows.
    """

    def __init__(self, *, side_px: int, classes: int, steps: int, seed: int) -> None:
        keras_backend()
        import keras

        keras.utils.set_random_seed(seed)
        layers: list[Any] = [keras.Input((side_px, side_px, 3), dtype="float32"), keras.layers.Rescaling(1 / 127.5, -1)]
        for channels in _CHANNELS:
            layers += [
                keras.layers.Conv2D(channels, 3, padding="same", use_bias=False),
                # A short run: averages over its last ten batches, not its last hundred.
                keras.layers.BatchNormalization(momentum=0.9),
                keras.layers.ReLU(),
            ]
            layers.append(
                keras.layers.MaxPooling2D() if channels != _CHANNELS[-1] else keras.layers.GlobalAveragePooling2D()
            )
        self._model = keras.Sequential([*layers, keras.layers.Dense(classes)])
        # Down to nothing at the end: at a constant rate the last few steps decide by chance, by several points.
        rate = keras.optimizers.schedules.CosineDecay(_RATE, steps)
        self._model.compile(
            optimizer=keras.optimizers.Adam(rate), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        self.in_words = (
            f"{len(_CHANNELS)} convolutions of {_CHANNELS[0]} to {_CHANNELS[-1]} channels with batch normalisation, "
            f"{self._model.count_params():,} parameters, pictures of {side_px} x {side_px}, Adam with a rate from {_RATE} down to 0 (cosine)"
        )

    def train(self, pixels: NDArray[np.uint8], labels: NDArray[np.int32]) -> None:
        """One gradient step."""
        self._model.train_on_batch(pixels.astype("float32"), labels)

    def accuracy(self, pixels: NDArray[np.uint8], labels: NDArray[np.int32]) -> float:
        """Share of pictures that are put into their class, 0 to 1."""
        right = 0
        for start in range(0, len(labels), _AT_ONCE):
            scores = self._model.predict_on_batch(pixels[start : start + _AT_ONCE].astype("float32"))
            right += int((scores.argmax(axis=1) == labels[start : start + _AT_ONCE]).sum())
        return right / len(labels)
