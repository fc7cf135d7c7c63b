"""The answer of a small expansion as parts: what any reader of MIME makes of it is what the zip holds."""

from __future__ import annotations

import io
import time
import zipfile
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import write_picture
from tests.service.conftest import Server


@pytest.fixture
def picture(tmp_path: Path) -> bytes:
    return write_picture(tmp_path / "made.png", 1).read_bytes()


def parts_of(answer: httpx.Response) -> dict[str, bytes]:
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + answer.content)
    assert not message.defects
    found: dict[str, bytes] = {}
    for part in message.iter_parts():
        assert not part.defects
        content: Any = part.get_payload(decode=True)
        assert int(part["Content-Length"]) == len(content)
        found[str(part.get_filename())] = content
    return found


def test_the_parts_are_the_files_of_the_zip(client: Any, picture: bytes) -> None:
    files = [("image", ("größe \u202e\U0001f408.png", picture)), ("image", ("b.png", picture))]
    form = {"copies": "2", "seed": "7"}
    whole = client.post("/v1/expand", files=files, data=form)
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        expected = {name: archive.read(name) for name in archive.namelist()}
    answer = client.post("/v1/expand", files=files, data=form, headers={"Accept": "multipart/mixed"})
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=")
    assert parts_of(answer) == expected
    assert any("größe" in name for name in expected)


@pytest.mark.parametrize("accept", ["application/zip", "multipart/mixed"])
def test_nothing_is_left_of_it_when_the_client_has_it_or_hangs_up(
    server: Server, picture: bytes, accept: str, tmp_path: Path
) -> None:
    large = write_picture(tmp_path / "large.png", 1, width=1_200, height=900).read_bytes()
    with httpx.Client(base_url=server.url, timeout=60, headers={"Accept": accept}) as client:
        assert client.post("/v1/expand", files={"image": ("a.png", picture)}).status_code == 200
        with client.stream("POST", "/v1/expand", files={"image": ("a.png", large)}, data={"copies": "20"}) as answer:
            assert answer.status_code == 200
            next(answer.iter_raw())
    until = time.monotonic() + 10
    while list((server.data / "staging").iterdir()):
        assert time.monotonic() < until, list((server.data / "staging").iterdir())
        time.sleep(0.02)
