"""docs/service.md against the code: settings, codes, figures."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nfold_service.metrics import Metrics
from nfold_service.settings import LIMITS, PREFIX, Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/service.md").read_text(encoding="utf-8")
CODE = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*|disk")


def setting_row(name: str) -> str:
    """The row of a setting, as it stands in the table."""
    field = Settings.model_fields[name]
    default = "" if field.default is None else f"`{field.default}`"
    return f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |"


def codes_in(tree: ast.AST) -> Iterator[str]:
    """Codes that are given to an error, as they stand in the source."""
    for node in ast.walk(tree):
        given: list[ast.AST] = []
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given += node.args[:2] if name in ("ServiceError", "_unauthorised") else []
            given += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        elif isinstance(node, ast.Dict):
            given += [
                value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and key.value == "code"
            ]
        for one in given:
            for inner in ast.walk(one):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and CODE.fullmatch(inner.value):
                    yield inner.value


def codes() -> set[str]:
    sources = sorted((ROOT / "service").rglob("*.py"))
    return {code for path in sources for code in codes_in(ast.parse(path.read_text(encoding="utf-8")))}


def described() -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", PAGE))


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_stands_in_the_table_as_the_model_has_it(name: str) -> None:
    assert setting_row(name) in PAGE


def test_no_setting_is_described_that_does_not_exist() -> None:
    named = set(re.findall(r"NFOLD_[A-Z_]+", PAGE)) - {"NFOLD_TEST_DATA", "NFOLD_"}
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields}


def test_every_code_is_described() -> None:
    assert len(codes()) > 30
    missing = codes() - described()
    assert not missing, f"docs/service.md does not describe {sorted(missing)}"


def test_every_figure_is_described() -> None:
    names = {family.name for family in Metrics().registry.collect()}
    assert len(names) >= 15
    missing = {name for name in names if f"`{name}" not in PAGE}
    assert not missing, f"docs/service.md does not describe {sorted(missing)}"


def test_what_limits_shows_is_told() -> None:
    assert "/v1/limits" in PAGE
    assert LIMITS
