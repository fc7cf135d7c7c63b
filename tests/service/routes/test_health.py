from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.service.stored import context_of


def test_it_lives_and_is_ready_without_a_key(make_client: Callable[..., Any]) -> None:
    client = make_client(api_key="k" * 32)
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_without_room_on_the_disk_it_is_not_ready(make_client: Callable[..., Any]) -> None:
    client = make_client(disk_reserve_bytes=2**60)
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "disk.full")
    assert context_of(client).uploads == 0
