from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator

import pytest

from nfold.executors.channel import Channel


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    first, second = socket.socketpair()
    first.setblocking(False)
    never_waits, waits = Channel(first), Channel(second)
    yield never_waits, waits
    never_waits.close()
    waits.close()


def test_messages_arrive_in_order_also_those_that_came_together(ends: tuple[Channel, Channel]) -> None:
    never_waits, waits = ends
    never_waits.send("one")
    never_waits.send({"two": 2})
    assert waits.wait() == "one"
    assert waits.has_whole_message
    assert waits.wait() == {"two": 2}
    assert not waits.has_whole_message
    waits.send(3)
    assert list(never_waits.receive()) == [3]
    assert list(never_waits.receive()) == []


def test_a_side_that_never_waits_keeps_what_does_not_fit(ends: tuple[Channel, Channel]) -> None:
    never_waits, waits = ends
    large = os.urandom(5_000_000)
    never_waits.send(large)
    assert never_waits.has_unsent
    waits._end.setblocking(False)
    arrived: list[object] = []
    while not arrived:
        never_waits.flush()
        arrived.extend(waits.receive())
    assert arrived == [large]
    assert not never_waits.has_unsent


def test_the_last_words_of_a_side_that_is_gone_are_heard(ends: tuple[Channel, Channel]) -> None:
    never_waits, waits = ends
    never_waits.send("unread, which makes the kernel reset the connection")
    waits.send("last words")
    waits.close()
    never_waits.send("into the void")
    assert list(never_waits.receive()) == ["last words"]
    assert list(never_waits.receive()) == []
    assert never_waits.is_ended


def test_a_torn_message_is_not_delivered(ends: tuple[Channel, Channel]) -> None:
    never_waits, waits = ends
    waits._end.sendall((1000).to_bytes(8, "big") + b"only a part")
    waits.close()
    assert list(never_waits.receive()) == []
    assert never_waits.is_ended or list(never_waits.receive()) == []


def test_waiting_ends_with_the_other_side(ends: tuple[Channel, Channel]) -> None:
    never_waits, waits = ends
    never_waits.finish_sending()
    with pytest.raises(EOFError):
        waits.wait()


def test_open_files_travel_with_their_message(ends: tuple[Channel, Channel]) -> None:
    never_waits, waits = ends
    never_waits.send("before")
    with tempfile.TemporaryFile() as file:
        file.write(b"content")
        file.flush()
        never_waits.send("beside", [file.fileno()])
    never_waits.send("after")
    assert [waits.wait(), waits.wait(), waits.wait()] == ["before", "beside", "after"]
    descriptor = waits.descriptors.popleft()
    assert os.pread(descriptor, 100, 0) == b"content"
    os.close(descriptor)
