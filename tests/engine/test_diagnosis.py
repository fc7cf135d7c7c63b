from __future__ import annotations

import importlib.metadata
import json
from typing import Any

import pytest

from nfold import diagnosis
from nfold.diagnosis import doctor
from nfold.versions import PIXEL_LIBRARIES, cpu_class, nfold_version


def findings(monkeypatch: pytest.MonkeyPatch, **installed: str | None) -> dict[str, str]:
    """What is wrong, with these versions in place of the real ones (None: not installed)."""
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name.replace("-", "_") in installed:
            if (there := installed[name.replace("-", "_")]) is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return there
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(diagnosis, "_memory", lambda: 2**40)
    monkeypatch.setattr(diagnosis, "_open_files", lambda: 1024)
    return {finding.problem: finding.hint for finding in doctor().findings}


def test_the_facts_are_those_of_this_installation() -> None:
    facts = doctor().facts
    assert facts["nfold"] == nfold_version()
    assert facts["CPU class"] == cpu_class()
    assert set(PIXEL_LIBRARIES) <= set(facts)
    assert all(facts.values())
    assert json.loads(json.dumps(doctor().to_json()))["facts"] == facts


def test_nothing_is_wrong_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(monkeypatch) == {}


@pytest.mark.parametrize(
    ("installed", "problem", "remedy"),
    [
        (
            {"opencv_python": "4.12.0"},
            "2 builds of OpenCV share one folder",
            "pip uninstall -y opencv-python opencv-python-headless",
        ),
        ({"opencv_python_headless": None}, "OpenCV is not installed", "pip install opencv-python-headless"),
        ({"albumentations": "1.4.0"}, "Albumentations is 1.4.0", "pip install albumentations==2.0.8"),
        ({"albumentations": None}, "Albumentations is not installed", "pip install albumentations==2.0.8"),
        ({"albumentationsx": "2.0.9"}, "AlbumentationsX shares the folder", "pip uninstall -y albumentationsx"),
    ],
)
def test_what_is_wrong_comes_with_the_command_that_mends_it(
    installed: dict[str, str | None], problem: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = findings(monkeypatch, **installed)
    assert any(text.startswith(problem) and hint.startswith(remedy) for text, hint in found.items()), found


@pytest.mark.parametrize(
    ("limit", "value", "problem"),
    [("_memory", 2**28, "GiB of memory are little"), ("_open_files", 64, "Only 64 files may be open")],
)
def test_limits_that_are_too_low_are_named(
    limit: str, value: int, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, limit, lambda: value)
    assert any(problem in finding.problem for finding in doctor().findings)


def test_an_opencv_that_cannot_be_imported_does_not_stop_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(diagnosis, "cpu_class", fail)
    assert "libGL.so.1" in doctor().facts["CPU class"]
