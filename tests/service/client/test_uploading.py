"""An upload goes on from what the service has, whatever became of the piece before."""

from __future__ import annotations

import base64
import hashlib
import itertools
from pathlib import Path

import httpx
import pytest

from nfold.errors import InputError
from nfold_service.client import uploading
from nfold_service.client.refusals import LostError
from nfold_service.client.source_tar import SourceFile, SourceTar
from nfold_service.client.steps import Step, ignore
from nfold_service.client.talking import Line
from nfold_service.client.uploading import LEAST_BYTES, MOST_BYTES, upload


@pytest.fixture
def tar(tmp_path: Path) -> SourceTar:
    path = tmp_path / "one.png"
    path.write_bytes(bytes(range(256)) * 8_000)
    facts = path.stat()
    return SourceTar(tmp_path, [SourceFile("one.png", facts.st_size, facts.st_mtime_ns)])


class Tus:
    """The service as far as an upload sees it; `faults` says what becomes of each piece."""

    def __init__(self, *faults: str | int) -> None:
        self.received = bytearray()
        self.sizes: list[int] = []
        self.faults = itertools.chain(faults, itertools.repeat("kept"))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "HEAD":
            return httpx.Response(200, headers={"Upload-Offset": str(len(self.received))})
        piece, fault = request.read(), next(self.faults)
        self.sizes.append(len(piece))
        assert int(request.headers["Upload-Offset"]) == len(self.received)
        digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
        assert request.headers["Upload-Checksum"] == f"sha256 {digest}"
        if fault == "cut":
            raise httpx.WriteError("cut")
        if isinstance(fault, int):
            return httpx.Response(fault, json={"code": "upload.x", "detail": "No."})
        self.received += piece
        if fault == "answer lost":
            raise httpx.ReadError("cut")
        return httpx.Response(204, headers={"Upload-Offset": str(len(self.received))})

    def line(self) -> Line:
        made = Line("http://service", None, patience_s=60, observe=ignore, sleep=lambda seconds: None)
        made._client = httpx.Client(base_url="http://service/", transport=httpx.MockTransport(self))
        return made


@pytest.mark.parametrize("faults", [(), ("cut", "cut"), ("answer lost",), (460, 423, 409), (503, "cut", "answer lost")])
def test_every_byte_is_there_once(tar: SourceTar, faults: tuple[str | int, ...]) -> None:
    service, told = Tus(*faults), []
    upload(service.line(), "ds", "up", tar, told.append)
    assert bytes(service.received) == tar.read(0, tar.length)
    assert told[-1] == Step(stage="upload", done=tar.length, total=tar.length)


def test_pieces_become_smaller_when_lines_break_and_larger_again(
    tar: SourceTar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "MOST_BYTES", 512 << 10)
    service = Tus("cut", "cut", "cut")
    upload(service.line(), "ds", "up", tar, ignore)
    assert service.sizes[:6] == [512 << 10, 256 << 10, 128 << 10, 64 << 10, 128 << 10, 256 << 10]
    assert LEAST_BYTES < MOST_BYTES


def test_what_the_service_has_already_is_not_sent_again(tar: SourceTar) -> None:
    service = Tus()
    service.received += tar.read(0, 700_000)
    upload(service.line(), "ds", "up", tar, ignore)
    assert sum(service.sizes) == tar.length - 700_000


@pytest.mark.parametrize(("status", "kind"), [(404, LostError), (413, InputError)])
def test_what_is_final_ends_it(tar: SourceTar, status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        upload(Tus(status).line(), "ds", "up", tar, ignore)
