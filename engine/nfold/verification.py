"""Prove an output: every file of its manifest is there, with its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from nfold.card import CARD, Card
from nfold.errors import OutputError
from nfold.events import Observer, Progressed, ignore
from nfold.manifest import DIGEST_MODULUS, FileRow, all_records, file_digest
from nfold.report import MOST_LISTED
from nfold.storage import LocalStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A file that is not as the manifest says."""

    file: str
    problem: Literal["missing", "changed", "unreadable"]
    source: str
    copy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """What a verification found.

    Attributes:
        target: The output folder.
        state: Of its card: `complete`, or what a run that was cut short left.
        files: How many files the manifest names.
        faults: Those that are missing or changed (at most MOST_LISTED).
        faults_count: How many there are.
        tree_digest: Over the files as they are now.
        recorded_digest: As the card has it; None while a run is not complete.
    """

    target: str
    state: str
    files: int
    faults: tuple[Fault, ...]
    faults_count: int
    tree_digest: str
    recorded_digest: str | None

    @property
    def is_sound(self) -> bool:
        """Whether every file that is marked as committed is there, byte for byte."""
        return self.faults_count == 0 and self.recorded_digest in (None, self.tree_digest)

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {"is_sound": self.is_sound, **asdict(self)}


def verify(target: str | Path, *, observe: Observer = ignore) -> VerificationReport:
    """Read every file of an output again and compare it with the manifest. May run while the output is written.

    Raises:
        OutputError: The folder was not written by nfold.
    """
    storage, card = open_output(target)
    total = int(card.result.get("images_after", 0))
    files, digest, faults_count = 0, 0, 0
    faults: list[Fault] = []
    for row in _files(storage):
        files += 1
        sha256 = _sha256(storage, row)
        if sha256 == row.sha256:
            digest = (digest + file_digest(row.file, sha256)) % DIGEST_MODULUS
        else:
            faults_count += 1
            if len(faults) < MOST_LISTED:
                faults.append(Fault(file=row.file, problem=_problem(sha256), source=row.source, copy=row.copy))
        observe(Progressed(done=files, total=max(total, files)))
    return VerificationReport(
        target=str(target),
        state=card.state,
        files=files,
        faults=tuple(faults),
        faults_count=faults_count,
        tree_digest=f"{digest:064x}",
        recorded_digest=card.result.get("tree_digest") if card.state == "complete" else None,
    )


def open_output(target: str | Path) -> tuple[LocalStorage, Card]:
    """The storage and the card of an output.

    Raises:
        OutputError: The folder was not written by nfold.
    """
    storage = LocalStorage(Path(target))
    card = Card.read(storage)
    if card is None:
        raise OutputError(
            f"{target} was not written by nfold: there is no {CARD} in it.",
            hint="Give the folder that 'nfold expand' wrote to.",
            code="output.not_ours",
        )
    return storage, card


def _files(storage: LocalStorage) -> Iterator[FileRow]:
    for _, record in all_records(storage):
        yield from (row for row in record.files if not row.retained)


def _sha256(storage: LocalStorage, row: FileRow) -> str | None:
    """Digest of a file as it is; None when it is not there, "" when it cannot be read."""
    try:
        with Path(storage.path(row.file)).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ""


def _problem(sha256: str | None) -> Literal["missing", "changed", "unreadable"]:
    if sha256 is None:
        return "missing"
    return "changed" if sha256 else "unreadable"
