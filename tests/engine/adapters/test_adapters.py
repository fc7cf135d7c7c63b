"""A framework that is missing is named with the extra that brings it; nothing else is imported."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nfold.errors import MissingExtraError

FRAMEWORKS = ("torch", "keras", "tensorflow")
ROOT = Path(__file__).parent.parent.parent.parent


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_missing_framework_is_named_with_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"nfold.adapters.{name}", raising=False)
    with pytest.raises(MissingExtraError) as caught:
        importlib.import_module(f"nfold.adapters.{name}")
    assert caught.value.stable_code == "extra.missing"
    assert f"nfold.adapters.{name} needs the extra '{name}'" in caught.value.message
    assert caught.value.hint == f"pip install 'nfold[{name}]'"


def test_keras_without_its_back_end_says_which_one_it_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras/__init__.py").write_text("raise ModuleNotFoundError('no tensorflow', name='tensorflow')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "keras"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "nfold.adapters.keras", raising=False)
    with pytest.raises(MissingExtraError, match="back end 'tensorflow'") as caught:
        importlib.import_module("nfold.adapters.keras")
    assert "KERAS_BACKEND" in str(caught.value.hint)


def test_a_framework_that_is_broken_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("import something_that_it_needs\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.delitem(sys.modules, "nfold.adapters.torch", raising=False)
    with pytest.raises(ModuleNotFoundError, match="something_that_it_needs") as caught:
        importlib.import_module("nfold.adapters.torch")
    assert not isinstance(caught.value, MissingExtraError)


def test_nobody_else_imports_a_framework() -> None:
    code = (
        "import sys, nfold, nfold.stream, nfold.adapters, nfold.adapters.collate, nfold.adapters.form\n"
        f"print([name for name in {FRAMEWORKS!r} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"


def test_every_adapter_has_its_extra_and_its_place_in_the_script() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    script = (ROOT / "scripts/test-frameworks").read_text()
    for name in FRAMEWORKS:
        assert extras[name][0].startswith(name)
        assert f'"{name}": (' in script
        assert (ROOT / f"tests/frameworks/test_{name}.py").exists()
