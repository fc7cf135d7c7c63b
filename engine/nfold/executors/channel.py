"""Whole Python objects over a stream socket, for a side that waits and a side that must never wait."""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
from collections import deque
from collections.abc import Iterator, Sequence

_LENGTH = struct.Struct("!Q")
_READ_SIZE = 1 << 18
_MOST_DESCRIPTORS = 64


class Channel:
    """One end of a socket between two of our own processes.

    With a socket that blocks, `send` and `wait` return when they are done. With one that does not,
    `send` keeps what does not fit for `flush`, and `receive` yields what has arrived.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._arrived = bytearray()
        self._unsent = bytearray()
        self.descriptors: deque[int] = deque()
        self.bytes_received = 0
        self.is_ended = False

    def fileno(self) -> int:
        """The socket's descriptor, -1 once it is closed."""
        return self._end.fileno()

    @property
    def has_unsent(self) -> bool:
        """Whether `flush` has something to do."""
        return bool(self._unsent)

    @property
    def has_whole_message(self) -> bool:
        """Whether `wait` would return at once."""
        return self._frame_end() is not None

    def send(self, message: object, descriptors: Sequence[int] = ()) -> None:
        """Send `message`, with open files beside it; what the other side has closed is not an error here."""
        body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        frame = _LENGTH.pack(len(body)) + body
        if descriptors:
            # These few small messages fit into any socket's buffer, and the files must go with their first byte.
            socket.send_fds(self._end, [frame], list(descriptors))
            return
        self._unsent += frame
        self.flush()

    def flush(self) -> None:
        """Send what waits to be sent, as far as the socket takes it."""
        try:
            while self._unsent:
                sent = self._end.send(memoryview(self._unsent)[:_READ_SIZE])
                del self._unsent[:sent]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self._unsent.clear()  # the end shows on reading, after what the other side still had to say

    def receive(self) -> Iterator[object]:
        """Yield every message that has arrived, without waiting; sets `is_ended` once the other side is gone."""
        while not self.is_ended:
            try:
                self._read()
            except BlockingIOError:
                break
        while (body := self._take_frame()) is not None:
            yield pickle.loads(body)  # noqa: S301 - from a process that we started

    def wait(self) -> object:
        """Return the next message, however long it takes.

        Raises:
            EOFError: The other side is gone.
        """
        while (body := self._take_frame()) is None:
            if self.is_ended:
                raise EOFError
            self._read()
        return pickle.loads(body)  # noqa: S301 - from the process that started this one

    def finish_sending(self) -> None:
        """Let the other side read the end of file."""
        self._unsent.clear()
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket; what was not sent is lost."""
        self._unsent.clear()
        self._end.close()

    def _read(self) -> None:
        try:
            chunk, descriptors, _, _ = socket.recv_fds(self._end, _READ_SIZE, _MOST_DESCRIPTORS)
        except ConnectionResetError:
            chunk, descriptors = b"", []
        self.descriptors.extend(descriptors)
        self.bytes_received += len(chunk)
        self._arrived += chunk
        self.is_ended = not chunk

    def _take_frame(self) -> bytes | None:
        end = self._frame_end()
        if end is None:
            return None
        body = bytes(memoryview(self._arrived)[_LENGTH.size : end])
        del self._arrived[:end]
        return body

    def _frame_end(self) -> int | None:
        if len(self._arrived) < _LENGTH.size:
            return None
        end: int = _LENGTH.size + _LENGTH.unpack_from(self._arrived)[0]
        return end if len(self._arrived) >= end else None
