"""A PostgreSQL of the test run's own: made from the installed binaries in a temporary folder, ended with the run."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLAGS = "-c listen_addresses='' -c fsync=off -c max_connections=20"


class NoPostgresError(Exception):
    """Why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A server that runs; `fresh` makes a database of its own for each test."""

    socket: Path
    user: str
    binaries: Path
    as_user: dict[str, Any]

    def fresh(self, encoding: str = "UTF8") -> str:
        """Address of a new, empty database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        subprocess.run(
            [self.binaries / "createdb", "-h", self.socket, "-U", self.user, *_locale(encoding), name],
            check=True,
            capture_output=True,
            **self.as_user,
        )
        return f"postgresql://{self.user}@/{name}?host={self.socket}"

    def begin(self) -> None:
        """Start the server, on what an earlier one left."""
        options = f"{FLAGS} -k {self.socket}"
        _run([self._control, "-D", self._data, "-w", "-o", options, "-l", self.socket / "log", "start"], self.as_user)

    def end_at_once(self) -> None:
        """End it without a word to those that are connected, and without writing anything down, as a crash does."""
        _run([self._control, "-D", self._data, "-m", "immediate", "-w", "stop"], self.as_user)

    @property
    def _control(self) -> Path:
        return self.binaries / "pg_ctl"

    @property
    def _data(self) -> Path:
        return self.socket / "data"


def _locale(encoding: str) -> list[str]:
    return ["--encoding", encoding, "--locale", "C", "--template", "template0"]


def binaries() -> Path:
    """The folder of initdb and pg_ctl."""
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which("initdb")
    if found:
        folders.append(Path(found).parent)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "createdb")):
            return folder
    raise NoPostgresError("PostgreSQL is not installed (apt-get install postgresql)")


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start one; root starts it as another user, since PostgreSQL refuses to be root's.

    Raises:
        NoPostgresError: It cannot be had here.
    """
    folder = binaries()
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        name = next((name for name in ("postgres", "nobody") if _is_user(name)), None)
        if name is None:
            raise NoPostgresError("there is no user to run PostgreSQL as; it refuses root")
        as_user = {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": [], "cwd": "/"}
    root = Path(tempfile.mkdtemp(prefix="nfold-pg-", dir="/tmp"))
    try:
        if as_user:
            os.chown(root, pwd.getpwnam(as_user["user"]).pw_uid, as_user["group"])
        _run([folder / "initdb", "-D", root / "data", "-U", "nfold", "-A", "trust", "--no-sync"], as_user)
        server = Postgres(socket=root, user="nfold", binaries=folder, as_user=as_user)
        server.begin()
        try:
            yield server
        finally:
            server.end_at_once()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _run(command: list[Any], as_user: dict[str, Any]) -> None:
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False, **as_user)
        if done.returncode:
            said.seek(0)
            raise NoPostgresError(f"{command[0].name} fails: {said.read().decode()[-500:]}")


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
