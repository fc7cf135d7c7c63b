"""Lines that break: requests that are sent in part."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import Literal

from tests.service.conftest import Server


def half_sent(
    server: Server,
    method: str,
    path: str,
    headers: Mapping[str, str],
    content: bytes,
    *,
    how: Literal["fin", "rst", "open"],
) -> socket.socket:
    """Send the head and this much of the body, then end the line, break it, or leave it open and silent."""
    line = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **headers}.items())
    line.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
    if how == "rst":
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how != "open":
        line.close()
    return line
