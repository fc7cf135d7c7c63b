"""Look at this installation and name what is wrong with it, and what to do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import sys
from dataclasses import asdict, dataclass
from typing import Any

from nfold.capacity import memory_limit, usable_workers
from nfold.formats.wording import counted
from nfold.images import DecodeLimits
from nfold.versions import PIXEL_LIBRARIES, cpu_class, nfold_version

_OPENCV_BUILDS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
_FILES_WANTED = 256
_MEMORY_PER_WORKER = 600 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and what to do about it."""

    problem: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What an installation is made of.

    Attributes:
        facts: What was looked at, by name, in words.
        findings: What is wrong; empty when all is well.
    """

    facts: dict[str, str]
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return asdict(self)


def doctor() -> Diagnosis:
    """Look at versions, OpenCV builds, the CPU class and the limits that hold here."""
    builds = [name for name in _OPENCV_BUILDS if _version(name)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = DecodeLimits()
    facts = {
        "nfold": nfold_version(),
        "Python": f"{platform.python_version()} at {sys.executable}",
        **{name: _version(name) or "not installed" for name in PIXEL_LIBRARIES},
        "OpenCV builds": ", ".join(f"{name} {_version(name)}" for name in builds) or "none",
        "CPU class": _guarded_cpu_class(),
        "cores": str(cores),
        "workers": str(usable_workers()),
        "memory": f"{_memory() / 2**30:.1f} GiB",
        "open files": str(_open_files()),
        "SQLite": sqlite3.sqlite_version,
        "largest image": f"{limits.max_pixels:,} pixels, {limits.max_bytes / 2**20:.0f} MiB",
        "platform": platform.platform(),
    }
    return Diagnosis(facts=facts, findings=tuple(_findings(builds, usable_workers())))


def _findings(builds: list[str], workers: int) -> list[Finding]:
    found = []
    if len(builds) > 1:
        found.append(
            Finding(
                problem=f"{len(builds)} builds of OpenCV share one folder ({', '.join(builds)}); which one is imported is chance.",
                hint=f"pip uninstall -y {' '.join(builds)} && pip install opencv-python-headless",
            )
        )
    if not builds:
        found.append(Finding(problem="OpenCV is not installed.", hint="pip install opencv-python-headless"))
    if (_version("albumentations") or "") != "2.0.8":
        found.append(
            Finding(
                problem=f"Albumentations is {_version('albumentations') or 'not installed'}, and recipes are measured against 2.0.8.",
                hint="pip install albumentations==2.0.8",
            )
        )
    if _version("albumentationsx"):
        found.append(
            Finding(
                problem="AlbumentationsX shares the folder of Albumentations.",
                hint="pip uninstall -y albumentationsx && pip install --force-reinstall albumentations==2.0.8",
            )
        )
    if _open_files() < _FILES_WANTED:
        found.append(
            Finding(problem=f"Only {_open_files()} files may be open at once.", hint=f"ulimit -n {_FILES_WANTED}")
        )
    if _memory() < workers * _MEMORY_PER_WORKER:
        found.append(
            Finding(
                problem=f"{_memory() / 2**30:.1f} GiB of memory are little for {counted(workers, 'worker')}.",
                hint=f"nfold expand --workers {max(1, int(_memory() // _MEMORY_PER_WORKER))}",
            )
        )
    if not sys.platform.startswith(("linux", "darwin")):
        found.append(Finding(problem=f"nfold is not supported on {sys.platform}.", hint="Use the container."))
    return found


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _guarded_cpu_class() -> str:
    try:
        return cpu_class()
    except ImportError as error:
        return f"unknown, since OpenCV cannot be imported: {error}"


def _memory() -> int:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(machine, memory_limit() or machine)


def _open_files() -> int:
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
