"""Told to end before it has begun: a service that is still starting has nothing to lose, and ends as one that has."""

from __future__ import annotations

import os
import signal
from types import FrameType


def listen_early() -> None:
    """End with exit code 0 on SIGTERM from now on, until the server listens to signals itself.

    The first process of a container would not even hear it: the kernel keeps from it what it has no handler for.
    """
    signal.signal(signal.SIGTERM, end_before_start)


def end_before_start(number: int, frame: FrameType | None) -> None:
    """A signal handler."""
    del number, frame
    os._exit(0)
