"""Set up `.venv` from the lock file, with nothing but Python and this checkout.

uv does the work. Where it is not on the path, the exact version in uv.txt, checked by its hashes, is put
into `.venv-tools`; nothing outside this folder is written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
_TOOLS = ROOT / ".venv-tools"


def ensure_environment(*, development: bool) -> None:
    """Bring `.venv` to what uv.lock says; takes a second when it is there already."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs this with an older Python is told so
        sys.exit(
            f"nfold needs Python 3.11 or newer; this is {sys.version.split()[0]}. Run this script with a newer one."
        )
    command = [find_uv(), "sync", "--locked", "--quiet", "--python", sys.executable, "--extra", "service"]
    if development:
        command += ["--extra", "postgres"]
    else:
        # What the tests need stays when it is there: the first command does not undo the second.
        command += ["--no-dev", "--inexact"]
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_PROJECT_ENVIRONMENT": str(ROOT / ".venv")}
    environment.pop("VIRTUAL_ENV", None)
    _run(command, environment)


def find_uv() -> str:
    """Where uv is; puts the exact version of uv.txt into `.venv-tools` when there is none, or an old one."""
    found = shutil.which("uv")
    if found and _is_recent(found):
        return found
    uv = _TOOLS / "bin" / "uv"
    if not uv.exists():
        print(
            "Setting up: uv goes into .venv-tools, then what uv.lock names goes into .venv ...",
            file=sys.stderr,
            flush=True,
        )
        _run([sys.executable, "-m", "venv", "--clear", str(_TOOLS)], None)
        pip = [
            str(_TOOLS / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
        ]
        _run([*pip, "-r", str(ROOT / "scripts" / "uv.txt")], None)
    return str(uv)


def _is_recent(uv: str) -> bool:
    answer = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False).stdout.split()
    return len(answer) > 1 and tuple(int(part) for part in answer[1].split(".")[:2] if part.isdigit()) >= (0, 8)


def _run(command: list[str], environment: dict[str, str] | None) -> None:
    try:
        subprocess.run(command, check=True, cwd=ROOT, env=environment)
    except subprocess.CalledProcessError as error:
        hint = (
            "On Debian and Ubuntu: apt-get install python3-venv."
            if "venv" in command
            else "See the message above; a network with a Python package index is needed once."
        )
        sys.exit(f"Setting up failed at: {' '.join(command)}\n{hint}\n(exit code {error.returncode})")
