"""Prove an output: every file of its manifest is there with its digest, and nothing held out is also trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from nfold.assembly import read_assembled
from nfold.card import CARD, Card
from nfold.errors import OutputError
from nfold.events import Observer, Progressed, ignore
from nfold.leaks import count_leaks
from nfold.manifest import DIGEST_MODULUS, all_records, file_digest
from nfold.report import MOST_LISTED, Leak
from nfold.storage import LocalStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A file that is not as the manifest says; a label file about many pictures has no source."""

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
        leaks: Training files that are related to a held-out one, by what the manifest says of both (at most MOST_LISTED).
        leaks_count: How many there are.
        leaks_made: How many of them were not so in the input.
        tree_digest: Over the files as they are now.
        recorded_digest: As the card has it; None while a run is not complete.
    """

    target: str
    state: str
    files: int
    faults: tuple[Fault, ...]
    faults_count: int
    leaks: tuple[Leak, ...]
    leaks_count: int
    leaks_made: int
    tree_digest: str
    recorded_digest: str | None

    @property
    def is_sound(self) -> bool:
        """Whether every file that is marked as committed is there, byte for byte, and nfold made no leak.

        Leaks that were in the input are told, and are the input's own.
        """
        return self.faults_count == 0 and self.leaks_made == 0 and self.recorded_digest in (None, self.tree_digest)

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
        sha256 = _sha256(storage, row.file)
        if sha256 == row.sha256:
            digest = (digest + file_digest(row.file, sha256)) % DIGEST_MODULUS
        else:
            faults_count += 1
            if len(faults) < MOST_LISTED:
                faults.append(Fault(file=row.file, problem=_problem(sha256), source=row.source, copy=row.copy))
        observe(Progressed(done=files, total=max(total, files)))
    leaks = count_leaks(storage, had_splits=card.identity.split is None)
    return VerificationReport(
        target=str(target),
        state=card.state,
        files=files,
        faults=tuple(faults),
        faults_count=faults_count,
        leaks=leaks.listed,
        leaks_count=leaks.count,
        leaks_made=leaks.made,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    file: str
    sha256: str
    source: str = ""
    copy: int = 0


def _files(storage: LocalStorage) -> Iterator[_Recorded]:
    for _, record in all_records(storage):
        for row in record.files:
            if not row.retained:
                yield _Recorded(file=row.file, sha256=row.sha256, source=row.source, copy=row.copy)
    for entry in read_assembled(storage).values():
        if entry.sha256 is not None and not entry.retained:
            yield _Recorded(file=entry.file, sha256=entry.sha256)


def _sha256(storage: LocalStorage, name: str) -> str | None:
    """Digest of a file as it is; None when it is not there, "" when it cannot be read."""
    try:
        with Path(storage.path(name)).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ""


def _problem(sha256: str | None) -> Literal["missing", "changed", "unreadable"]:
    if sha256 is None:
        return "missing"
    return "changed" if sha256 else "unreadable"
