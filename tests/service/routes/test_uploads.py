"""Resumable uploads: cut anywhere, gone on with, checked, locked, expired, given up; right after kill -9, too."""

from __future__ import annotations

import base64
import hashlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.service.archives import PNG, make_zip
from tests.service.conftest import Server, TestClient, settled
from tests.service.lines import half_sent
from tests.service.routes.test_datasets import new_dataset

Make = Callable[..., TestClient]

TUS = {"Tus-Resumable": "1.0.0"}
WRITE = TUS | {"Content-Type": "application/offset+octet-stream"}
ARCHIVE = make_zip(*((f"{number}.png", PNG) for number in range(50)))


def begin(client: TestClient | httpx.Client, url: str, length: int = len(ARCHIVE)) -> str:
    answer = client.post(f"{url}/uploads", headers=TUS | {"Upload-Length": str(length)})
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def write(
    client: TestClient | httpx.Client, upload: str, offset: int, content: bytes, **headers: str
) -> httpx.Response:
    return client.patch(upload, content=content, headers=WRITE | {"Upload-Offset": str(offset)} | headers)


def offset_of(client: TestClient | httpx.Client, upload: str) -> int:
    answer = client.head(upload, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return int(answer.headers["Upload-Offset"])


def test_the_protocol_is_told_and_another_version_refused(client: TestClient) -> None:
    url = new_dataset(client)
    answer = client.options(f"{url}/uploads")
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,creation-with-upload,checksum,expiration,termination"
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"]
    for headers in ({}, {"Tus-Resumable": "0.2.2"}):
        refused = client.post(f"{url}/uploads", headers=headers | {"Upload-Length": "5"})
        assert refused.status_code == 412
        assert refused.headers["Tus-Version"] == "1.0.0"


def test_an_upload_in_pieces_becomes_a_ready_data_set(client: TestClient) -> None:
    url = new_dataset(client)
    name = base64.b64encode("фото.zip".encode()).decode()
    created = client.post(
        f"{url}/uploads", headers=TUS | {"Upload-Length": str(len(ARCHIVE)), "Upload-Metadata": f"filename {name},flag"}
    )
    assert "Upload-Expires" in created.headers
    upload = created.headers["Location"]
    assert client.head(upload, headers=TUS).headers["Upload-Metadata"] == f"filename {name},flag"
    at = 0
    while at < len(ARCHIVE):
        piece = ARCHIVE[at : at + 1000]
        answer = write(client, upload, at, piece)
        assert answer.status_code == 204, answer.text
        at += len(piece)
        assert int(answer.headers["Upload-Offset"]) == at
    assert settled(client.get, url)["files"] == 50
    assert offset_of(client, upload) == len(ARCHIVE)
    assert client.delete(upload, headers=TUS).status_code == 204
    assert client.get(url).json()["state"] == "ready"


def test_nonsense_is_refused_and_changes_nothing(make_client: Make) -> None:
    client = make_client(max_archive_bytes=len(ARCHIVE))
    url = new_dataset(client)
    for headers, status in (
        ({}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "0"}, 400),
        ({"Upload-Length": str(len(ARCHIVE) + 1)}, 413),
        ({"Upload-Length": "5", "Upload-Metadata": "filename !!"}, 400),
    ):
        assert client.post(f"{url}/uploads", headers=TUS | headers).status_code == status
    assert client.get(url).json()["state"] == "empty"
    upload = begin(client, url)
    assert write(client, upload, 0, ARCHIVE[:100]).status_code == 204
    wrong = write(client, upload, 50, b"x")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "upload.offset")
    assert wrong.headers["Upload-Offset"] == "100"
    assert write(client, upload, 100, bytes(len(ARCHIVE))).status_code == 413
    assert client.patch(upload, content=b"x", headers=TUS | {"Upload-Offset": "100"}).status_code == 415
    streamed = client.patch(upload, content=iter([bytes(len(ARCHIVE))]), headers=WRITE | {"Upload-Offset": "100"})
    assert streamed.status_code == 413
    assert offset_of(client, upload) == 100
    assert write(client, upload, 100, ARCHIVE[100:]).status_code == 204
    assert settled(client.get, url)["state"] == "ready"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_a_wrong_checksum_discards_the_chunk(client: TestClient, algorithm: str) -> None:
    url = new_dataset(client)
    upload = begin(client, url)
    assert write(client, upload, 0, ARCHIVE[:500]).status_code == 204
    right = base64.b64encode(hashlib.new(algorithm, ARCHIVE[500:]).digest()).decode()
    wrong = base64.b64encode(hashlib.new(algorithm, b"").digest()).decode()
    answer = write(client, upload, 500, ARCHIVE[500:], **{"Upload-Checksum": f"{algorithm} {wrong}"})
    assert (answer.status_code, answer.json()["code"]) == (460, "upload.checksum")
    assert offset_of(client, upload) == 500
    assert write(client, upload, 500, b"x", **{"Upload-Checksum": "md4 eA=="}).status_code == 400
    answer = write(client, upload, 500, ARCHIVE[500:], **{"Upload-Checksum": f"{algorithm} {right}"})
    assert answer.status_code == 204
    assert settled(client.get, url)["state"] == "ready"


def test_giving_up_frees_the_data_set(client: TestClient, tmp_path: Path) -> None:
    url = new_dataset(client)
    upload = begin(client, url)
    write(client, upload, 0, ARCHIVE[:500])
    assert client.get(url).json()["state"] == "receiving"
    assert client.delete(upload, headers=TUS).status_code == 204
    assert client.head(upload, headers=TUS).status_code == 404
    assert not list((tmp_path / "data" / "uploads").iterdir())
    assert client.get(url).json()["state"] == "empty"
    assert client.put(f"{url}/content", content=ARCHIVE).status_code == 202


def test_an_upload_expires(make_client: Make, tmp_path: Path) -> None:
    client = make_client(result_days=5 / 86_400)
    url = new_dataset(client)
    upload = begin(client, url)
    write(client, upload, 0, ARCHIVE[:500])
    time.sleep(5.2)
    assert client.head(upload, headers=TUS).status_code == 410
    assert not list((tmp_path / "data" / "uploads").iterdir())
    assert client.get(url).json()["state"] == "empty"


def test_uploads_of_a_data_set_are_bounded(client: TestClient) -> None:
    url = new_dataset(client)
    for _ in range(16):
        begin(client, url)
    assert client.post(f"{url}/uploads", headers=TUS | {"Upload-Length": "9"}).status_code == 429


def test_the_first_of_two_uploads_wins(client: TestClient) -> None:
    url = new_dataset(client)
    first, second = begin(client, url), begin(client, url)
    write(client, second, 0, ARCHIVE[:500])
    assert write(client, first, 0, ARCHIVE).status_code == 204
    assert write(client, second, 500, ARCHIVE[500:]).status_code == 409
    assert settled(client.get, url)["state"] == "ready"


def test_cuts_at_random_offsets_lose_nothing_that_was_told(server: Server) -> None:
    rng = random.Random(11)
    noise = make_zip(("a.txt", rng.randbytes(3 << 20)), ("a.png", PNG))
    with httpx.Client(base_url=server.url, timeout=30) as client:
        url = new_dataset(client)  # type: ignore[arg-type]
        upload = begin(client, url, len(noise))
        offset, cuts, furthest = 0, 0, 0
        while offset < len(noise) and cuts < 40:
            size = rng.randrange(1, 200_000)
            head = WRITE | {"Upload-Offset": str(offset), "Content-Length": str(len(noise) - offset)}
            half_sent(server, "PATCH", upload, head, noise[offset : offset + size], how=rng.choice(("fin", "rst")))
            cuts += 1
            told = offset_of(client, upload)
            furthest = max(furthest, offset + size)
            assert offset <= told <= furthest  # of a line that broke, the server may read what came before later on
            offset = told
        while (answer := write(client, upload, offset, noise[offset:])).status_code in (409, 423):
            offset = offset_of(client, upload)
        assert answer.status_code == 204
        document = settled(client.get, url)
        assert document["state"] == "ready", document
        assert document["files"] == 2  # the checksums within the zip say that every byte is right


def test_of_two_writers_one_wins_and_head_takes_over_from_a_dead_line(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        url = new_dataset(client)  # type: ignore[arg-type]
        upload = begin(client, url)
        head = WRITE | {"Upload-Offset": "0", "Content-Length": str(len(ARCHIVE))}
        dead = half_sent(server, "PATCH", upload, head, ARCHIVE[:700], how="open")
        time.sleep(0.5)
        second = write(client, upload, 0, ARCHIVE)
        assert (second.status_code, second.json()["code"]) == (423, "upload.locked")
        assert offset_of(client, upload) == 700
        answers: list[int] = []
        threads = [
            threading.Thread(
                target=lambda: answers.append(
                    httpx.patch(
                        server.url + upload,
                        content=ARCHIVE[700:],
                        headers=WRITE | {"Upload-Offset": "700"},
                        timeout=60,
                    ).status_code
                )
            )
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        dead.close()
        assert sorted(answers)[0] == 204
        assert answers.count(204) == 1
        assert set(answers) <= {204, 409, 423}
        assert settled(client.get, url)["files"] == 50


def test_after_kill_9_an_upload_goes_on_where_it_was_told(make_server: Callable[..., Server]) -> None:
    server = make_server()
    noise = make_zip(("a.txt", random.Random(3).randbytes(2 << 20)), ("a.png", PNG))
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=server.url, timeout=30, limits=limits) as client:
        url = new_dataset(client)  # type: ignore[arg-type]
        upload = begin(client, url, len(noise))
        assert write(client, upload, 0, noise[:900_000]).status_code == 204
        head = WRITE | {"Upload-Offset": "900000", "Content-Length": str(len(noise) - 900_000)}
        line = half_sent(server, "PATCH", upload, head, noise[900_000:1_500_000], how="open")
        time.sleep(0.3)
        server.kill()
        line.close()
        server.begin()
        client.base_url = httpx.URL(server.url)
        offset = offset_of(client, upload)
        assert 900_000 <= offset <= 1_500_000
        assert client.get(url).json()["state"] == "receiving"
        assert write(client, upload, offset, noise[offset:]).status_code == 204
        assert settled(client.get, url)["state"] == "ready"


def test_the_first_bytes_may_come_with_the_creation(client: TestClient) -> None:
    url = new_dataset(client)
    headers = WRITE | {"Upload-Length": str(len(ARCHIVE))}
    created = client.post(f"{url}/uploads", content=ARCHIVE[:700], headers=headers)
    assert (created.status_code, created.headers["Upload-Offset"]) == (201, "700")
    upload = created.headers["Location"]
    assert offset_of(client, upload) == 700
    assert write(client, upload, 700, ARCHIVE[700:]).status_code == 204
    assert settled(client.get, url)["files"] == 50
    whole = new_dataset(client)
    assert client.post(f"{whole}/uploads", content=ARCHIVE, headers=headers).status_code == 201
    assert settled(client.get, whole)["files"] == 50
    other = new_dataset(client)
    too_long = client.post(f"{other}/uploads", content=ARCHIVE, headers=WRITE | {"Upload-Length": "5"})
    assert too_long.status_code == 413
    assert client.post(f"{other}/uploads", json={}, headers=TUS | {"Upload-Length": "5"}).status_code == 415
    assert client.get(other).json()["state"] == "empty"


def test_clients_that_can_only_post_name_the_method_that_they_mean(client: TestClient) -> None:
    url = new_dataset(client)
    upload = begin(client, url)
    patch = WRITE | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    answer = client.post(upload, content=ARCHIVE[:500], headers=patch)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "500")
    assert client.post(upload, headers=TUS | {"X-HTTP-Method-Override": "GET"}).status_code == 400
    assert client.post(upload, headers=TUS).status_code == 400
    assert client.post(upload, headers=TUS | {"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert client.head(upload, headers=TUS).status_code == 404
