"""What needs no Keras; the rest is in tests/frameworks/test_training.py."""

from __future__ import annotations

import importlib.util

import pytest

from nfold.contrast.network import keras_backend
from nfold.errors import MissingExtraError


@pytest.mark.skipif(importlib.util.find_spec("keras") is not None, reason="Keras is installed")
def test_without_keras_the_extra_is_named() -> None:
    with pytest.raises(MissingExtraError, match="needs the extra 'keras'"):
        keras_backend()
