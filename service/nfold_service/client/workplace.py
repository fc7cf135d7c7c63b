"""What is known between two runs of the same command: a hidden folder in the target, which is gone at the end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from nfold.disk import disk_errors, make_folder
from nfold.errors import OutputBusyError, OutputError, OutputMismatchError

HOME: Final = ".nfold-service"
_VERSION = 1


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far it is; what is empty was not reached.

    Attributes:
        service: Address.
        asked: Digest of the options.
        source: Fingerprint of the source.
        nonce: Idempotency-Keys begin with it, so that nothing is made twice.
        dataset: Its id.
        upload: Of the data set.
        is_uploaded: Whether all bytes are there.
        job: Its id.
        is_checked: Whether everything lies in `tree`, as it was written.
    """

    service: str
    asked: str
    source: str = ""
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)
    dataset: str = ""
    upload: str = ""
    is_uploaded: bool = False
    job: str = ""
    is_checked: bool = False


class Workplace:
    """The hidden folder, held by this process."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.home = target / HOME
        self.archive = self.home / "result.zip"
        self.partial = self.home / "result.partial"
        self.tree = self.home / "tree"
        self.report = self.home / "report.json"
        self._state = self.home / "state.json"

    @classmethod
    @contextlib.contextmanager
    def held(cls, target: Path) -> Iterator[Workplace]:
        """Take a target that is new, empty, or begun in this way.

        Raises:
            OutputError: There is something else in it, or another run holds it.
        """
        place = cls(target)
        made = not target.exists()
        if (
            not place._state.exists() and not made
        ):  # killed at its very end, a run leaves an empty place beside the result
            _refuse_filled(target)
        make_folder(place.home)
        with disk_errors(f"make {place.home}"):
            descriptor = os.open(place.home / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OutputBusyError(
                    f"{target} is being written by another run.", hint="Wait for it to end, or choose another folder."
                ) from error
            yield place
            if not place._state.exists():
                shutil.rmtree(place.home)
        except BaseException:
            if place.home.exists() and not place._state.exists():
                shutil.rmtree(place.home)
                if made:
                    with contextlib.suppress(OSError):
                        target.rmdir()
            raise
        finally:
            os.close(descriptor)

    def recall(self, service: str, asked: str) -> Progress:
        """How far a former run came; a new beginning when there was none.

        Raises:
            OutputMismatchError: It was asked for something else.
        """
        if not self._state.exists():
            return Progress(service=service, asked=asked)
        try:
            document = json.loads(self._state.read_text())
            is_known = document.pop("version") == _VERSION
            found = Progress(**document)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise OutputError(
                f"{self._state} cannot be read.", hint=f"Remove {self.home} to begin anew.", code="output.not_ours"
            ) from error
        if not is_known or (found.service, found.asked) != (service, asked):
            raise OutputMismatchError(
                f"{self.target} was begun through {found.service} with other options.",
                hint=f"Give the same command as then, or remove {self.home} to begin anew.",
            )
        return found

    def note(self, progress: Progress) -> None:
        """Put down how far it is, durably."""
        with disk_errors(f"write {self._state}"):
            partial = self._state.with_suffix(".partial")
            with partial.open("w") as file:
                json.dump({"version": _VERSION, **asdict(progress)}, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._state)

    def forget(self) -> None:
        """Begin anew: nothing of this is of use any more."""
        self._state.unlink(missing_ok=True)
        self.archive.unlink(missing_ok=True)
        self.partial.unlink(missing_ok=True)
        self.report.unlink(missing_ok=True)
        shutil.rmtree(self.tree, ignore_errors=True)


def _refuse_filled(target: Path) -> None:
    if not target.is_dir():
        raise OutputError(f"{target} is a file, not a folder.", hint="Give a new folder.", code="output.not_a_folder")
    if any(path.name != HOME for path in target.iterdir()):
        is_done = (target / "nfold.json").exists()
        raise OutputError(
            f"{target} holds an expansion already." if is_done else f"{target} is not empty.",
            hint="Through a service, a new folder is written. To bring an older one up to date, leave --service away.",
            code="output.not_empty",
        )
