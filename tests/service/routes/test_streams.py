"""Epochs over HTTP: the bytes of `nfold stream`, nothing left behind by whoever leaves, nothing half taken for whole."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from nfold.errors import SampleError
from nfold_cli.main import main
from nfold_service.context import Places
from nfold_service.epochs import Epochs
from nfold_service.store import Store
from nfold_service.work.crew import Worker, WorkerDiedError
from nfold_service.work.protocol import Message, Order
from tests.conftest import write_picture
from tests.service.conftest import Server
from tests.service.stored import context_of, ready_dataset


def with_pictures(store: Store, places: Places, number: int = 3, *, side: int = 32) -> str:
    """A ready data set of two classes."""
    dataset = ready_dataset(store)
    for place in range(number):
        write_picture(
            places.dataset(dataset) / ("cat", "dog")[place % 2] / f"picture{place:03}.png",
            place,
            width=side,
            height=side,
        )
    return dataset


@pytest.fixture
def dataset(client: Any) -> str:
    context = context_of(client)
    return with_pictures(context.store, context.places)


def by_command(folder: Path, target: Path, *options: str) -> bytes:
    assert main(["stream", str(folder), "--output", str(target), "--quiet", *options]) == 0
    return target.read_bytes()


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ({"epoch": 3, "seed": 7}, ["--epoch", "3", "--seed", "7"]),
        ({"epoch": 1, "last": 3, "recipe": "light"}, ["--epochs", "1..3", "--recipe", "light"]),
        ({"training": "false"}, ["--as-is"]),
        ({"shuffle": "false"}, ["--epoch", "1", "--no-shuffle"]),
    ],
)
def test_a_tar_has_the_bytes_of_the_command(
    client: Any, dataset: str, tmp_path: Path, query: dict[str, Any], options: list[str]
) -> None:
    answer = client.get(f"/v1/datasets/{dataset}/stream", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/x-tar"
    folder = context_of(client).places.dataset(dataset)
    assert answer.content == by_command(folder, tmp_path / "epoch.tar", *options)


def test_several_epochs_hold_each_image_once_an_epoch(client: Any, dataset: str) -> None:
    answer = client.get(f"/v1/datasets/{dataset}/stream", params={"epoch": 2, "last": 3})
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        names = archive.getnames()
    pictures = [name for name in names if name.endswith(".png")]
    assert len(pictures) == 6
    assert {name.split("/")[0] for name in pictures} == {"e00002", "e00003"}
    assert list(context_of(client).places.staging.iterdir()) == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"recipe": "flip-rotat"}, 422, "unknown_name"),
        ({"recipe": "/etc/passwd"}, 422, "unknown_name"),
        ({"recipe": "augment: [{NoSuchThing: {}}]"}, 422, None),
        ({"split": "val"}, 422, None),
        ({"epoch": 5, "last": 4}, 422, "stream.epochs"),
        ({"epoch": 1, "last": 1001}, 422, "stream.epochs"),
        ({"epoch": 0}, 422, "request.invalid"),
        ({"epoch": 2**32}, 422, "request.invalid"),
    ],
)
def test_what_cannot_be_streamed_is_refused_before_the_first_byte(
    client: Any, dataset: str, query: dict[str, Any], status: int, code: str | None
) -> None:
    answer = client.get(f"/v1/datasets/{dataset}/stream", params=query)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert code in (None, answer.json()["code"])
    assert str(context_of(client).places.root) not in answer.text
    assert list(context_of(client).places.staging.iterdir()) == []
    assert context_of(client).tars == 0


def test_a_data_set_that_is_not_ready_is_refused(client: Any) -> None:
    url = client.post("/v1/datasets", json={"name": "empty"}).json()["links"]["self"]
    answer = client.get(f"{url}/stream")
    assert (answer.status_code, answer.json()["code"]) == (409, "dataset.not_ready")


def children(server: Server) -> list[int]:
    """Processes that the server has started."""
    assert server.process is not None
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server.process.pid)], capture_output=True, check=False)
    return [int(text) for text in found.stdout.split()]


@pytest.fixture
def large(make_server: Callable[..., Server], tmp_path: Path) -> tuple[Server, str]:
    """A server with a data set whose epochs are much larger than what lines and pipes hold, and for one reader."""
    data = tmp_path / "server"
    data.mkdir()
    store = Store(f"sqlite:///{data / 'nfold.db'}")
    dataset = with_pictures(store, Places(data), 40, side=400)
    store.close()
    return make_server(max_tars_at_once=1, unread_seconds=4), dataset


def begun(server: Server, dataset: str) -> tuple[httpx.Client, httpx.Response, set[int]]:
    """An answer that has begun, and the processes that came for it."""
    before = set(children(server))
    client = httpx.Client(base_url=server.url, timeout=60)
    request = client.build_request("GET", f"/v1/datasets/{dataset}/stream", params={"last": 50})
    answer = client.send(request, stream=True)
    assert answer.status_code == 200
    return client, answer, set(children(server)) - before


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_client_that_leaves_frees_the_worker_and_the_pipe(large: tuple[Server, str]) -> None:
    server, dataset = large
    client, answer, workers = begun(server, dataset)
    assert len(workers) == 1
    with httpx.Client(base_url=server.url, timeout=60) as other:
        refused = other.get(f"/v1/datasets/{dataset}/stream")
        assert (refused.status_code, refused.json()["code"]) == (429, "streams.too_many")
        assert "Retry-After" in refused.headers
        answer.close()
        client.close()
        until(lambda: not workers & set(children(server)))
        until(lambda: not list((server.data / "staging").iterdir()))
        assert other.get(f"/v1/datasets/{dataset}/stream").status_code == 200


def test_a_failure_in_the_middle_cuts_the_answer_off(large: tuple[Server, str]) -> None:
    server, dataset = large
    client, answer, workers = begun(server, dataset)
    lumps = answer.iter_raw()
    next(lumps)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    with pytest.raises(httpx.RemoteProtocolError):
        for _ in lumps:
            pass
    client.close()
    until(lambda: not list((server.data / "staging").iterdir()))


class Dying:
    """A worker that promises an epoch, and dies before it opens the pipe."""

    async def messages(self, order: Order) -> AsyncGenerator[Message, None]:
        yield Message(kind="progress", data={"sources": 1})
        raise WorkerDiedError

    async def kill(self) -> None:
        pass


def test_a_failure_before_the_first_byte_cuts_the_answer_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def begin(*_: object, **__: object) -> Dying:
        return Dying()

    monkeypatch.setattr(Worker, "begin", begin)
    context: Any = SimpleNamespace(
        places=SimpleNamespace(staging=tmp_path),
        settings=SimpleNamespace(max_tars_at_once=1),
        crew=SimpleNamespace(on_death=None),
        ending=asyncio.Event(),
        tars=0,
    )

    async def read() -> None:
        epochs = await Epochs.begin(context, {})
        try:
            with pytest.raises(SampleError, match="died"):
                await anext(aiter(epochs.lumps()))
        finally:
            await epochs.end()

    asyncio.run(asyncio.wait_for(read(), 10))
    assert (context.tars, list(tmp_path.iterdir())) == (0, [])


def test_a_client_that_stops_reading_gives_its_place_to_others(large: tuple[Server, str]) -> None:
    server, dataset = large
    client, answer, workers = begun(server, dataset)
    began = time.monotonic()
    with httpx.Client(base_url=server.url, timeout=60) as other:
        assert other.get(f"/v1/datasets/{dataset}/stream").status_code == 429
        until(lambda: other.get(f"/v1/datasets/{dataset}/stream").status_code == 200)
    assert time.monotonic() - began > 3
    assert not workers & set(children(server))
    with pytest.raises(httpx.TransportError):
        for _ in answer.iter_raw():
            pass
    client.close()


def test_a_client_that_reads_slowly_keeps_its_place(large: tuple[Server, str]) -> None:
    server, dataset = large
    client, answer, workers = begun(server, dataset)
    began = time.monotonic()
    lumps = answer.iter_raw(1 << 20)  # named, since the connection is closed as soon as nobody holds it any more
    for _ in lumps:
        time.sleep(0.1)
        if time.monotonic() - began > 6:
            break
    assert workers <= set(children(server))
    answer.close()
    client.close()
