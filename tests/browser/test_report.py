"""The report of a contrast in a real browser: on a desk and on a telephone, by day and by night, on paper."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nfold.contrast.model import Contrast
from nfold.contrast.report.page import report_html
from tests.browser.chromium import CHROMIUM, Page, browser
from tests.engine.contrast.sample import measured, training

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(),
    reason=f"THE REPORT WAS NOT LOOKED AT IN A BROWSER: there is no Chromium at {CHROMIUM} (apt-get install chromium, "
    "or name another one in NFOLD_TEST_CHROMIUM)",
)

LONG_NAME = "a_name_without_a_single_break_" * 8 + "\u202eשלום<b>👩\u200d🚀.jpg"
WIDTHS = (320, 390, 800, 1280)
UNFOLD = "document.querySelectorAll('details').forEach(one => one.open = true)"
SIZES = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"

CONTRASTS = """(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => {
    const [r, g, b] = numbers(colour).map(part => part / 255).map(p => p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || element.closest("script, .unseen, svg title, svg desc")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(element.closest("svg") ? style.fill : style.color), light(behind(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) poor.push([texts.currentNode.data, ratio]);
  }
  return poor;
})()"""


@pytest.fixture(scope="module")
def contrast(example_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Contrast:
    """Measured on the photographs of the project."""
    return measured(example_photos, tmp_path_factory.mktemp("contrast"), epochs=3)


@pytest.fixture(scope="module")
def report(contrast: Contrast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    whole = replace(
        contrast,
        training=training(),
        source=LONG_NAME,
        command=f"nfold compare {LONG_NAME}",
        grid=(contrast.grid[0], replace(contrast.grid[1], source=LONG_NAME)),
        skipped={LONG_NAME: "It is damaged.", "b.png": "It is none."},
    )
    path.write_text(report_html(whole), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_page_never_scrolls_sideways_folded_or_unfolded(
    page: Page, report: Path, width: int, scripts: bool
) -> None:
    page.open(report, width=width, scripts=scripts)
    assert page.evaluate(SIZES) == [width, width]
    page.evaluate(UNFOLD)
    assert page.evaluate(SIZES) == [width, width]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(page: Page, report: Path, dark: bool) -> None:
    page.open(report, width=1280, dark=dark)
    page.evaluate(UNFOLD)
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is dark
    assert page.evaluate(CONTRASTS) == []


def test_nothing_is_fetched_and_the_browser_has_nothing_to_complain_about(page: Page, report: Path) -> None:
    page.open(report, width=1280)
    page.evaluate(UNFOLD)
    page.screenshot(report.with_suffix(".png"))
    fetched = [
        event["params"]["request"]["url"] for event in page.events if event.get("method") == "Network.requestWillBeSent"
    ]
    assert [url for url in fetched if not url.startswith("data:")] == [report.resolve().as_uri()]
    assert [
        event for event in page.events if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")
    ] == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_what_is_new_is_in_colour_and_the_same_again_is_pale(
    page: Page, report: Path, tmp_path: Path, scripts: bool
) -> None:
    page.open(report, width=1280, scripts=scripts)
    new = colourfulness(page, tmp_path, "tbody tr:nth-child(1) .m-offline .picture svg")
    again = colourfulness(page, tmp_path, "tbody tr:nth-child(2) .m-offline .picture svg")
    fly = colourfulness(page, tmp_path, "tbody tr:nth-child(2) .m-on-the-fly .picture svg")
    assert new > 60
    assert fly > 60
    assert again < 30


def colourfulness(page: Page, folder: Path, selector: str) -> float:
    """Mean saturation of the pixels of an element."""
    box = page.evaluate(
        f"(b => [b.x + scrollX + 4, b.y + scrollY + 4, b.width - 8, b.height - 8])(document.querySelector('{selector}').getBoundingClientRect())"
    )
    page.screenshot(folder / "page.png")
    left, top, width, height = box
    picture = (
        Image.open(folder / "page.png").convert("RGB").crop((int(left), int(top), int(left + width), int(top + height)))
    )
    values: Any = picture.convert("HSV").getchannel("S").tobytes()
    return sum(values) / len(values)


def test_the_first_column_stays_where_a_table_is_scrolled(page: Page, report: Path) -> None:
    page.open(report, width=390)
    moved = page.evaluate(
        "(() => { const box = document.querySelector('[aria-labelledby=figures-table]'); const head = box.querySelector('tbody th');"
        "const cell = box.querySelector('tbody td'); const before = [head, cell].map(one => one.getBoundingClientRect().left);"
        "box.scrollLeft = 120; return [head, cell].map((one, at) => one.getBoundingClientRect().left - before[at]); })()"
    )
    assert moved == [0, -120]


def test_everything_that_can_be_used_is_reached_by_keyboard(page: Page, report: Path) -> None:
    page.open(report, width=390)
    reached = []
    for _ in range(40):
        for kind in ("rawKeyDown", "keyUp"):
            page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(
            page.evaluate("(one => one.localName + (one.className ? '.' + one.className : ''))(document.activeElement)")
        )
    wanted = page.evaluate(
        "[...document.querySelectorAll('summary, .scroll, button')].filter(one => one.checkVisibility()).length"
    )
    assert (
        reached.count("summary")
        + reached.count("div.scroll")
        + reached.count("div.scroll tall")
        + reached.count("button")
        >= wanted
    )
    assert "button" in reached


def test_the_button_that_copies_is_there_only_with_scripts(page: Page, report: Path) -> None:
    shown = "getComputedStyle(document.querySelector('button')).display !== 'none'"
    page.open(report, width=1280)
    assert page.evaluate(shown) is True
    page.open(report, width=1280, scripts=False)
    assert page.evaluate(shown) is False


def test_on_paper_everything_is_unfolded_and_fits(page: Page, report: Path) -> None:
    page.open(report, width=718, dark=True)
    page.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert page.evaluate(SIZES) == [718, 718]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("[...document.querySelectorAll('details table')].every(one => one.checkVisibility())")
    assert page.evaluate(CONTRASTS) == []
    assert page.printed().startswith(b"%PDF")


def test_a_browser_reads_out_the_charts_the_pictures_and_the_tables(page: Page, report: Path) -> None:
    page.open(report, width=1280)
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    named = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if "role" in node}
    images = {name for role, name in named if role == "image"}
    assert "copy 1, seen for the first time" in images
    assert any(name.startswith("Different images seen up to the end of each epoch Offline"[:49]) for name in images)
    assert "" not in images
    assert ("rowheader", "Epoch 2") in named
    assert [name for role, name in named if role == "columnheader" and name.startswith("Offline")]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pictures_of_the_page_can_be_taken(page: Page, report: Path, tmp_path: Path, width: int, dark: bool) -> None:
    folder = Path(os.environ.get("NFOLD_TEST_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.open(report, width=width, dark=dark)
    target = folder / f"report-{width}-{'dark' if dark else 'light'}.png"
    page.screenshot(target)
    picture = Image.open(io.BytesIO(target.read_bytes())).convert("L")
    assert picture.width == width
    assert picture.height > 2000
    assert (picture.getpixel((2, 2)) < 60) is dark
