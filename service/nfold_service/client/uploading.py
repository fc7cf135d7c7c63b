"""The tar of a source on its way to the service, by tus: piece by piece, each with its checksum."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

import httpx

from nfold.errors import NfoldError
from nfold_service.client.source_tar import SourceTar
from nfold_service.client.steps import Observer, Step
from nfold_service.client.talking import Line

MOST_BYTES: Final = 8 << 20
LEAST_BYTES: Final = 16 << 10
_TUS: Final = {"Tus-Resumable": "1.0.0"}
_AGAIN: Final = frozenset({408, 409, 423, 429, 460, 500, 502, 503, 504})
"""Answers after which the service is asked how much it has."""


def begin_upload(line: Line, dataset: str, tar: SourceTar, key: str) -> str:
    """The id of a new upload, or of the one that this key began."""
    headers = {**_TUS, "Upload-Length": str(tar.length), "Idempotency-Key": key}
    answer = line.ask("POST", f"v1/datasets/{dataset}/uploads", headers=headers)
    return answer.headers["Location"].rpartition("/")[2]


def upload(line: Line, dataset: str, identity: str, tar: SourceTar, observe: Observer) -> None:
    """Send what is missing, until all is there.

    A piece that is cut counts for nothing, so pieces become smaller when lines break, and larger again when they hold.

    Raises:
        NfoldError: What the service says; LostError when it has no such upload any more.
    """
    path = f"v1/datasets/{dataset}/uploads/{identity}"
    patience = line.patience()
    size = MOST_BYTES
    offset = _offset(line, path)
    while offset < tar.length:
        observe(Step(stage="upload", done=offset, total=tar.length))
        piece = tar.read(offset, size)
        try:
            answer = line.send(path, piece, _headers(offset, piece))
        except httpx.TransportError as error:
            size = max(size // 2, LEAST_BYTES)
            patience.cut(error)
            reached = _offset(line, path)
        else:
            if answer.is_success:
                reached = int(answer.headers["Upload-Offset"])
                size = min(size * 2, MOST_BYTES)
            elif answer.status_code in _AGAIN:
                patience.again(answer)
                reached = _offset(line, path)
            else:
                patience.refused(answer)
                reached = offset
        if reached > offset:
            patience.progressed()
        offset = reached
    observe(Step(stage="upload", done=tar.length, total=tar.length))


def _offset(line: Line, path: str) -> int:
    answer = line.ask("HEAD", path, headers=_TUS)
    try:
        return int(answer.headers["Upload-Offset"])
    except (KeyError, ValueError) as error:
        raise NfoldError("The service does not speak tus 1.0.", code="service.answer") from error


def _headers(offset: int, piece: bytes) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
    return {
        **_TUS,
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha256 {digest}",
        "Content-Type": "application/offset+octet-stream",
    }
