from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import replace

import pytest

from nfold.variation import PIXELS_VERSION
from nfold.versions import PIXEL_LIBRARIES, BuildFacts, build_facts, cpu_class, nfold_version

FACTS = BuildFacts(pixels_version=1, libraries={"numpy": "2.0", "pillow": "13.0"}, cpu="x86_64 AVX2")


def test_the_facts_are_those_of_this_process() -> None:
    facts = build_facts()
    assert facts == build_facts()
    assert facts.pixels_version == PIXELS_VERSION
    assert facts.libraries == {name: importlib.metadata.version(name) for name in PIXEL_LIBRARIES}
    assert BuildFacts(**facts.to_json()) == facts
    assert nfold_version() == importlib.metadata.version("nfold")


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (FACTS, []),
        (replace(FACTS, pixels_version=2), ["pixels_version was 1, is 2"]),
        (replace(FACTS, cpu="arm64"), ["the CPU class was x86_64 AVX2, is arm64"]),
        (
            replace(FACTS, libraries={"numpy": "2.1", "opencv": "5"}),
            ["numpy was 2.0, is 2.1", "opencv was not there, is 5", "pillow was 13.0, is not there"],
        ),
    ],
)
def test_each_difference_is_said(now: BuildFacts, words: list[str]) -> None:
    assert now.differences(FACTS) == words


def test_the_cpu_class_names_the_machine_and_what_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENCV_CPU_DISABLE", raising=False)
    plain = cpu_class()
    assert plain.startswith(f"{platform.machine()} ")
    monkeypatch.setenv("OPENCV_CPU_DISABLE", "AVX512_SKX")
    assert cpu_class() == f"{plain} without AVX512_SKX"
