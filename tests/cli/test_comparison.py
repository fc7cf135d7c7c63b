from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nfold
from nfold.testing.inline import InlineWorkforce
from tests.cli.test_main import call
from tests.engine.contrast.test_comparing import timeless


@pytest.fixture(autouse=True)
def without_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfold.contrast.modes.begin_workers", lambda **_: InlineWorkforce())


@pytest.fixture
def source(make_folder: Callable[..., Path]) -> Path:
    return make_folder({"a.png": 1, "b.png": 2})


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that is quickly written."""
    module: Any = types.ModuleType("nfold.contrast.report")
    module.report_html = lambda contrast: f"<p>{contrast.answer}</p>"
    monkeypatch.setitem(sys.modules, "nfold.contrast.report", module)


def test_json_and_python_say_the_same(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("-n", 1, "--epochs", 2, "--recipe", "light", "--seed", 4, "--sample", 1, "--batch", 3)
    assert call("compare", source, *arguments, "--exclude", "x*", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    found = nfold.compare(source, copies=1, epochs=2, recipe="light", seed=4, sample=1, batch=3, exclude=["x*"])

    class Printed:
        def to_json(self) -> Any:
            return printed

    assert timeless(Printed()) == json.loads(json.dumps(timeless(found)))  # type: ignore[arg-type]


def test_defaults_are_those_of_python(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import inspect

    from nfold.contrast import comparing

    asked: dict[str, Any] = {}

    def remember(source: Any, **options: Any) -> Any:
        asked.update(options)
        raise nfold.NfoldError("enough")

    defaults = {name: parameter.default for name, parameter in inspect.signature(comparing.compare).parameters.items()}
    monkeypatch.setattr(comparing, "compare", remember)
    assert call("compare", source) == 1
    del asked["observe"]
    assert asked == {name: defaults[name] for name in asked}
    call("compare", source, "--format", "folder", "--max-pixels", "1M", "--damaged", "keep", "--voc-origin", 0)
    assert {"format": "folder", "max_pixels": "1M", "damaged": "keep", "voc_origin": "0"}.items() <= asked.items()
    left = set(defaults) - set(asked) - {"source", "observe", "include", "exclude"}
    assert left == {"split"}, "expand's --split divides a folder, which is something else"


def test_the_table_is_printed_and_with_quiet_it_is_not(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", source, "-n", 1, "--epochs", 1) == 0
    assert capsys.readouterr().out.startswith("Offline, 2 images became 4 files")
    assert call("compare", source, "-n", 1, "--epochs", 1, "--quiet") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("page")
def test_a_report_is_written_and_named(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", source, "-n", 1, "--epochs", 1, "--report", tmp_path / "out.html") == 0
    assert (tmp_path / "out.html").read_text(encoding="utf-8").startswith("<p>Offline, 2 images")
    assert f"The report with pictures is in {tmp_path / 'out.html'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("out.pdf", 2, "an HTML page is written"), ("missing/out.html", 1, "there is no such folder")],
)
def test_a_report_that_cannot_be_written_is_refused_before_any_work(
    source: Path, tmp_path: Path, name: str, code: int, words: str, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr("nfold.contrast.comparing.compare", lambda *_, **__: pytest.fail("it began"))
    assert call("compare", source, "--report", tmp_path / name) == code
    assert words in capsys.readouterr().err


@pytest.mark.usefixtures("page")
def test_a_report_that_is_a_folder_is_told(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out.html").mkdir()
    assert call("compare", source, "-n", 1, "--epochs", 1, "--report", tmp_path / "out.html") == 1
    assert "Cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--epochs", 0], 2, "--epochs is 0; it goes from 1 to 1,000"),
        (["-n", 0], 2, "--copies is 0"),
        (["--recipe", "lihgt"], 2, "Did you mean"),
        (["--epochs", "many"], 2, "invalid int value"),
        (["--format", "yoolo"], 2, "Did you mean"),
    ],
)
def test_bad_use_is_told(source: Path, arguments: list[object], code: int, words: str, capsys: Any) -> None:
    assert call("compare", source, *arguments) == code
    assert words in capsys.readouterr().err


def test_an_error_is_json_with_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", tmp_path / "nowhere", "--json") == 1
    assert json.loads(capsys.readouterr().out)["error"] == "input.missing"


def test_the_report_never_goes_into_the_source(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(source.rglob("*"))
    assert call("compare", source, "--report", source / "found.html") == 2
    assert "output.inside_input" in capsys.readouterr().err
    assert sorted(source.rglob("*")) == before
