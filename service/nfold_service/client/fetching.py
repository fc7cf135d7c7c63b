"""The result on its way here: resumed by range after a cut, checked against its digest, unpacked, checked again."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx

from nfold.card import CARD, Card
from nfold.disk import disk_errors
from nfold.errors import ForeignFileError, NfoldError
from nfold.events import Event, Progressed
from nfold.storage import LocalStorage
from nfold.verification import verify
from nfold_service.client.steps import Observer, Step
from nfold_service.client.talking import Line
from nfold_service.client.workplace import Workplace
from nfold_service.work.members import ArchiveLimits, refuse
from nfold_service.work.names import NameLimits, shown
from nfold_service.work.packing import MANIFEST
from nfold_service.work.zips import zip_members

_LIMITS: Final = ArchiveLimits(
    files=50_000_000,
    unpacked_bytes=2**62,
    image_bytes=2**62,
    label_bytes=2**62,
    ratio=100.0,
    names=NameLimits(depth=64, bytes=255),
)
"""What the engine itself may have written; the digest of the whole is known to be right."""


def download(line: Line, job: str, result: dict[str, Any], place: Workplace, observe: Observer) -> None:
    """Fetch the zip of a job, from where a former download was cut.

    Raises:
        NfoldError: What the service says; or the bytes are wrong twice.
    """
    for _ in range(2):
        _fetch(line, f"v1/expansions/{job}/result", result, place.partial, observe)
        with place.partial.open("rb") as file:
            is_right = hashlib.file_digest(file, "sha256").hexdigest() == result["sha256"]
        if is_right:
            place.partial.replace(place.archive)
            return
        place.partial.unlink()
    raise NfoldError(
        "The result that was downloaded is not the one that the service made: its SHA-256 is wrong, twice.",
        hint="Something on the way changes files, perhaps a proxy. Use https, or another network.",
        code="result.digest",
    )


def _fetch(line: Line, path: str, result: dict[str, Any], partial: Path, observe: Observer) -> None:
    patience = line.patience()
    total = int(result["bytes"])
    with disk_errors(f"write {partial}"):
        partial.touch()
        file = partial.open("r+b")
    with file:
        there = file.seek(0, os.SEEK_END)
        while there < total:
            headers = {"Range": f"bytes={there}-", "If-Range": f'"{result["sha256"]}"'} if there else {}
            try:
                with line.stream(path, headers) as answer:
                    if answer.is_error:
                        answer.read()
                        patience.refused(answer)
                        continue
                    if answer.status_code != 206:
                        _empty(file)
                    for chunk in answer.iter_raw():  # as they come: what waits for more is lost by a cut
                        with disk_errors(f"write {partial}"):
                            file.write(chunk)
                        patience.progressed()
                        observe(Step(stage="download", done=file.tell(), total=total))
            except httpx.TransportError as error:
                patience.cut(error)
            there = file.tell()


def _empty(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


def unfold(place: Workplace, result: dict[str, Any], source: Path, observe: Observer) -> None:
    """Unpack into the workplace, and prove every file against the manifest.

    Raises:
        NfoldError: The archive holds what it should not, or a file is not as it was written.
    """
    shutil.rmtree(place.tree, ignore_errors=True)
    with disk_errors(f"write {place.tree}"), place.archive.open("rb") as file:
        place.tree.mkdir()
        name = ""
        for member in zip_members(file, place.archive.stat().st_size, _LIMITS):
            name = member.name
            path = place.tree.joinpath(*_safe_parts(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as written:
                for chunk in member.chunks:
                    written.write(chunk)
        if name == MANIFEST:
            # Added by the service behind everything else; its parts are there, as a local run leaves them. A file of
            # the data set that is called so stands in its order, before the card.
            (place.tree / MANIFEST).unlink()

    def told(event: Event) -> None:
        if isinstance(event, Progressed):
            observe(Step(stage="check", done=event.done, total=event.total))

    report = verify(place.tree, observe=told)
    if report.faults_count or report.state != "complete" or report.tree_digest != result["tree_digest"]:
        place.archive.unlink()
        first = f" The first is {shown(report.faults[0].file)}." if report.faults else ""
        raise NfoldError(
            f"The result does not agree with its own manifest: {report.faults_count:,} of {report.files:,} files are missing or changed.{first}",
            hint="Nothing was put in place. Run the same command again; if it stays so, tell whoever runs the service.",
            code="result.damaged",
        )
    _localise(place.tree, source)
    os.sync()
    place.archive.unlink()


def put_in_place(place: Workplace) -> None:
    """Move everything to the target, the card last: whoever sees it sees the whole.

    Raises:
        ForeignFileError: Somebody else wrote there meanwhile.
    """
    names = sorted(path.name for path in place.tree.iterdir())
    with disk_errors(f"write {place.target}"):
        for name in sorted(names, key=lambda name: name == CARD):
            if (place.target / name).exists():
                raise ForeignFileError(
                    f"{place.target / name} came into the way while the service was at work.",
                    hint="Move it away, and run the same command again.",
                )
            (place.tree / name).rename(place.target / name)
    os.sync()


def _safe_parts(name: str) -> list[str]:
    parts = name.split("/")
    if {"", ".", ".."} & set(parts) or "\0" in name:
        raise refuse("name", f"The result holds a file called '{shown(name)}'.", "It is not unpacked.")
    return parts


def _localise(tree: Path, source: Path) -> None:
    """The card names the folder here, so that copies can be made again from it."""
    storage = LocalStorage(tree)
    card = Card.read(storage)
    assert card is not None  # `verify` has read it
    card.source = str(source.resolve())
    card.request["source"] = str(source)
    card.write(storage)
    shutil.rmtree(tree / ".nfold" / "tmp", ignore_errors=True)
