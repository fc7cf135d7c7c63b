"""The page's own files: no key, no scripts within, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

WEB = Path(__file__).parents[3] / "service/nfold_service/web"
FILES = sorted((WEB / "static").iterdir())


def test_the_page_is_html_that_a_strict_policy_lets_pass(client: Any) -> None:
    answer = client.get("/")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*src=)", answer.text)
    assert "{{" not in answer.text


def test_its_files_are_there_and_may_be_kept(client: Any) -> None:
    page = client.get("/").text
    addresses = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
    assert len(addresses) >= 3
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
    module = next(address for address in addresses if address.endswith("page.js"))
    assert client.get(module).headers["Content-Type"].startswith("text/javascript")
    assert client.get(module.replace("page.js", "none.js")).status_code == 404
    assert client.get("/static/0123/page.js").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere_and_no_name_becomes_html(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert len(text.splitlines()) <= 350


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".js"], ids=lambda path: path.name)
def test_each_module_imports_what_is_there(path: Path) -> None:
    for names, module in re.findall(r'import (?:\{([^}]*)\}|\* as \w+) from "\./([\w.]+)"', path.read_text()):
        text = (WEB / "static" / module).read_text(encoding="utf-8")
        for name in filter(None, (one.strip() for one in names.split(","))):
            assert re.search(rf"export (async )?(function|const|let|class) {re.escape(name)}\b", text), (module, name)
