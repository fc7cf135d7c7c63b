"""The page for everybody: axe over each state, light and dark, on a desk and a telephone; widths; the keyboard."""

from __future__ import annotations

import functools
import importlib.resources
from pathlib import Path
from typing import Any

import pytest

from tests.browser.states import STATES, expand, meanings_shown, open_example
from tests.browser.surfing import Surfer, needs_a_browser
from tests.service.conftest import Server

pytestmark = needs_a_browser

SIZES = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
GRAVE = ("serious", "critical")
RULES = (
    "{resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"
)


@functools.cache
def axe() -> str:
    return (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def found_by_axe(surfer: Surfer) -> list[tuple[str, str, Any]]:
    """Impact, rule and places of what axe finds; it comes in by the DevTools, which no policy of the page holds back."""
    if not surfer.evaluate("'axe' in window"):
        surfer.evaluate(axe())
    violations = surfer.evaluate(f"axe.run(document, {RULES}).then(found => found.violations)")
    return [
        (one["impact"], one["id"], [(node["target"], node["failureSummary"]) for node in one["nodes"]][:3])
        for one in violations
    ]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("held")


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_and_nothing_sticks_out(surfer: Surfer, server: Server, held: Path, state: str) -> None:
    STATES[state](surfer, server.url, held)
    for width in (1280, 390, 320):
        for dark in (False, True):
            surfer.size(width, dark=dark)
            wide, window = surfer.evaluate(SIZES)
            assert wide <= window, width
            if width != 320:
                assert found_by_axe(surfer) == [], (width, dark)
    assert [one for one in surfer.complaints() if "status of 4" not in one] == []


def test_all_is_reached_by_keys_and_the_place_is_seen(surfer: Surfer, server: Server) -> None:
    surfer.go(f"{server.url}/")
    press = surfer.page.keyboard.press
    active = "document.activeElement.id || document.activeElement.textContent.trim()"
    reached = []
    for _ in range(7):
        press("Tab")
        reached.append(surfer.evaluate(active))
        assert surfer.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == ["To the content", "nfold", "history-open", "API", "try-example", "pick-files", "pick-folder"]
    surfer.page.locator("#try-example").focus()
    press("Enter")
    meanings_shown(surfer)
    surfer.page.locator("#inference").focus()
    press("Space")
    surfer.until("document.querySelector('#inference').getAttribute('aria-checked') === 'true'")
    surfer.page.locator("input[name=preset]:checked").focus()
    press("ArrowRight")
    surfer.until("location.hash.includes('r=light')")
    surfer.page.locator("#copies").focus()
    press("Enter")  # sends the form
    surfer.see(".gallery .tile")
    surfer.page.locator(".gallery .tile").first.focus()
    press("Enter")
    surfer.see("#how img")
    press("Escape")
    surfer.until("!document.querySelector('#how').open")
    assert surfer.evaluate("document.activeElement.classList.contains('tile')")


def test_what_happens_is_said_to_whoever_does_not_see_it(surfer: Surfer, server: Server) -> None:
    open_example(surfer, server.url)
    surfer.click("#next-epoch")
    surfer.until(
        "document.querySelector('#both-said').textContent.startsWith('Epoch 2. Offline: 36 seen, 18 distinct.')"
    )
    assert surfer.page.locator("#both-said").get_attribute("role") == "status"
    tree = surfer.page.locator("#fly-sources").aria_snapshot()
    assert "variation 2, not seen before" in tree
    assert "the original, seen before" in surfer.page.locator("#offline-sources").aria_snapshot()
    expand(surfer)
    assert "how it was made" in surfer.page.locator(".gallery").aria_snapshot()
