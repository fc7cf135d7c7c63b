"""What the web process and its workers say to each other: one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

PUBLISH: Final = "publish"
"""The `stage` of a job whose files are made and are being packed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a worker is to do.

    Attributes:
        work: A name of the registry in `work.bench`.
        arguments: Of that function; paths, numbers and texts.
    """

    work: str
    arguments: dict[str, Any]

    def encode(self) -> bytes:
        """As one line."""
        return json.dumps({"work": self.work, "arguments": self.arguments}).encode() + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a worker says.

    Attributes:
        kind: "progress" any number of times, then "done" or "failed".
        data: Progress, the result, or the error as `error_data` makes it.
    """

    kind: str
    data: dict[str, Any]

    def encode(self) -> bytes:
        """As one line."""
        return json.dumps({"kind": self.kind, "data": self.data}, default=str).encode() + b"\n"


def read_order(line: bytes) -> Order:
    """What `Order.encode` wrote."""
    document = json.loads(line)
    return Order(work=document["work"], arguments=document["arguments"])


def read_message(line: bytes) -> Message:
    """What `Message.encode` wrote."""
    document = json.loads(line)
    return Message(kind=document["kind"], data=document["data"])
