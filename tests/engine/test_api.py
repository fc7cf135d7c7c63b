from __future__ import annotations

import inspect
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

import nfold
from nfold.api import expand
from nfold.errors import UsageError
from nfold.request import ExpansionRequest


def in_a_fresh_process(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_arguments_are_the_fields_of_the_request_with_their_defaults() -> None:
    parameters = dict(inspect.signature(expand).parameters)
    assert parameters.pop("observe").kind is inspect.Parameter.KEYWORD_ONLY
    assert list(parameters) == list(ExpansionRequest.model_fields)
    for name, field in ExpansionRequest.model_fields.items():
        parameter = parameters[name]
        if field.is_required():
            assert parameter.default is inspect.Parameter.empty
            assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        else:
            assert parameter.default == field.default, name
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("options", [{}, {"copies": -1}, {"copies": 1, "workers": "²"}, {"copies": 1, "workers": 0}])
def test_a_bad_request_is_refused_before_anything_is_written(options: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        nfold.expand(tmp_path / "in", tmp_path / "out", **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


NAMES_IN_ORDER = """
import importlib, inspect, json, random, sys, types
import nfold
names = list(nfold.__all__)
random.Random({seed}).shuffle(names)
for name in names:
    getattr(nfold, name)
for module in {modules}:
    importlib.import_module(module)
print(json.dumps({{name: type(getattr(nfold, name)).__name__ for name in names}}))
"""


@pytest.mark.parametrize("seed", random.Random(20261123).sample(range(1000), 2))
def test_every_public_name_is_a_function_or_a_class_in_whatever_order_they_are_asked_for(seed: int) -> None:
    modules = sorted(f"nfold.{path.stem}" for path in Path(nfold.__path__[0]).glob("[!_]*.py"))
    kinds = json.loads(in_a_fresh_process(NAMES_IN_ORDER.format(seed=seed, modules=modules)))
    assert set(kinds) == set(nfold.__all__)
    assert set(kinds.values()) <= {"function", "type", "ABCMeta", "ModelMetaclass"}


def test_importing_the_package_is_cheap() -> None:
    before = "import sys; before = set(sys.modules); import nfold; "
    loaded = json.loads(
        in_a_fresh_process(before + "import json; print(json.dumps(sorted(set(sys.modules) - before)))")
    )
    assert len(loaded) < 60
    assert not {"numpy", "cv2", "albumentations", "pydantic"} & {name.split(".")[0] for name in loaded}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'nfold' has no attribute 'expandd'"):
        _ = nfold.expandd  # type: ignore[attr-defined]
    assert dir(nfold) == sorted(nfold.__all__)
