"""What coordinator, zygote and workers say to each other."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass
from typing import NoReturn

from nfold.errors import NfoldError

# --- coordinator to zygote ---


@dataclass(frozen=True, slots=True)
class Setup:
    """The first message: how to prepare, and what workers may use."""

    preload: tuple[str, ...]
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Start a worker; its socket and its board come as open files."""

    worker: int


@dataclass(frozen=True, slots=True)
class Kill:
    """End a worker at once."""

    worker: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Call a function, "module:function", and send its value."""

    function: str


# --- zygote to coordinator ---


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything is imported."""


@dataclass(frozen=True, slots=True)
class Exited:
    """A worker is no more: its status as of `os.waitpid`, or why it could not be started."""

    worker: int
    status: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The pickled value of an asked function, or the pickled `Raised`."""

    payload: bytes


# --- coordinator to worker ---


@dataclass(frozen=True, slots=True)
class Begin:
    """The pickled task for the items that follow."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Assign:
    """The pickled item, with what is blamed in it."""

    number: int
    payload: bytes


# --- worker to coordinator ---


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker waits for items."""

    pid: int


@dataclass(frozen=True, slots=True)
class Done:
    """The pickled result of an item, and its counts."""

    number: int
    payload: bytes
    names: int
    steps: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The pickled `Raised` of an item."""

    number: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception on its way to the process that has to deal with it."""

    error: Exception
    trace: str

    @classmethod
    def pickled(cls, error: Exception) -> bytes:
        """`error` as bytes that certainly can be read again; one that cannot be pickled goes as its text."""
        trace = "".join(traceback.format_exception(error))
        try:
            payload = pickle.dumps(cls(error, trace))
            pickle.loads(payload)  # noqa: S301 - what was pickled one line above
        except Exception:  # noqa: BLE001 - whatever a class does when it is pickled, its text arrives
            payload = pickle.dumps(cls(RuntimeError(f"{type(error).__qualname__}: {error}"), trace))
        return payload


def raise_remote(raised: Raised) -> NoReturn:
    """Raise what was raised elsewhere: our errors as they are, bugs with the place where they happened."""
    if not isinstance(raised.error, NfoldError):
        raised.error.add_note(f"In a worker process:\n{raised.trace}")
    raise raised.error
