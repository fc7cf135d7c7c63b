"""Preloaded into workers by tests: pictures that end in a marker do to their worker what broken decoders do."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import nfold.build

SEGFAULT, EXIT, HANG, HOG = b"poison:segfault", b"poison:exit", b"poison:hang", b"poison:hog"

_decode = nfold.build.decode_image


def _poisoned(data: bytes, *arguments: Any, **options: Any) -> Any:
    if data.endswith(SEGFAULT):
        os.kill(os.getpid(), signal.SIGSEGV)
    if data.endswith(EXIT):
        os._exit(7)
    if data.endswith(HANG):
        time.sleep(3600)
    if data.endswith(HOG):
        hoard = [bytearray(2**28) for _ in range(64)]
        del hoard
    return _decode(data, *arguments, **options)


nfold.build.decode_image = _poisoned
