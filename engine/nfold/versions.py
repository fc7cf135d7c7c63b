"""What pixels depend on besides recipe, seed and source: library versions and the instructions OpenCV picks."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import asdict, dataclass
from typing import Any

PIXEL_LIBRARIES = ("albumentations", "albucore", "numpy", "opencv-python-headless", "simplejpeg", "pillow")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """Equal facts, recipe, seed and source give equal bytes.

    Attributes:
        pixels_version: Our own, raised when pixels change between releases.
        libraries: Versions by distribution.
        cpu: Machine and the instruction sets that OpenCV dispatches to.
    """

    pixels_version: int
    libraries: dict[str, str]
    cpu: str

    def to_json(self) -> dict[str, Any]:
        """For the card."""
        return asdict(self)

    def differences(self, other: BuildFacts) -> list[str]:
        """In words, `self` being now and `other` then."""
        found = []
        if self.pixels_version != other.pixels_version:
            found.append(f"pixels_version was {other.pixels_version}, is {self.pixels_version}")
        for name in sorted({*self.libraries, *other.libraries}):
            then, now = other.libraries.get(name, "not there"), self.libraries.get(name, "not there")
            if then != now:
                found.append(f"{name} was {then}, is {now}")
        if self.cpu != other.cpu:
            found.append(f"the CPU class was {other.cpu}, is {self.cpu}")
        return found


def nfold_version() -> str:
    """The version of the installed distribution."""
    return importlib.metadata.version("nfold")


def build_facts() -> BuildFacts:
    """The facts of this process; imports OpenCV."""
    from nfold.variation import PIXELS_VERSION

    libraries = {name: importlib.metadata.version(name) for name in PIXEL_LIBRARIES}
    return BuildFacts(pixels_version=PIXELS_VERSION, libraries=libraries, cpu=cpu_class())


def cpu_class() -> str:
    """Machine and dispatch level: OpenCV's bytes differ between, say, AVX2 and SSE4."""
    import cv2

    features = " ".join(
        part.lstrip("*")
        for part in cv2.getCPUFeaturesLine().split()
        if not part.startswith("-") and not part.endswith("?")
    )
    disabled = os.environ.get("OPENCV_CPU_DISABLE")
    return f"{platform.machine()} {features}" + (f" without {disabled}" if disabled else "")
