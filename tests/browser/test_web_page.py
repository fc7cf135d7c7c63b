"""The page of the service, used as a person would: by clicks and keys, on the real server, with the example's pictures."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.browser.chromium import CHROMIUM, Page, browser
from tests.browser.surfing import Surfer
from tests.browser.test_report import CONTRASTS
from tests.service.conftest import Server, make_server

__all__ = ["make_server"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM.exists(),
        reason=f"THE WEB PAGE WAS NOT LOOKED AT IN A BROWSER: there is no Chromium at {CHROMIUM} (apt-get install "
        "chromium, or name another one in NFOLD_TEST_CHROMIUM)",
    ),
]

SIZES = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
HOSTILE = "<img src=x onerror=alert(1)> \u202eשלום 👩\u200d🚀.jpg"
COUNTS = """Object.fromEntries(['offline', 'fly'].map(side => [side, Object.fromEntries(
  [...document.querySelectorAll(`#${side}-counters dd`)].map(one => [one.dataset.count, one.textContent]))]))"""
SHOWN = "[...document.querySelectorAll('#SIDE-sources .tile')].map(one => one.dataset.pixels)"
UNNAMED = """[...document.querySelectorAll('button, a, input, select, textarea, [role=img], img')].filter(one =>
  one.checkVisibility() && !one.hasAttribute('alt') && !(one.textContent.trim() || one.getAttribute('aria-label')
  || one.labels?.length || one.getAttribute('title'))).map(one => one.outerHTML)"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def surfer(page: Page) -> Surfer:
    return Surfer(page)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that leave it as it is."""
    running = Server(data=tmp_path_factory.mktemp("service") / "server")
    running.begin()
    yield running
    running.end()


def open_example(surfer: Surfer, server: Server, **window: Any) -> str:
    """The example is there, and both meanings are shown; the id of its data set."""
    surfer.go(f"{server.url}/", **window)
    surfer.click("#try-example")
    surfer.see("#fly-sources .tile")
    return str(re.search(r"d=(ds_[0-9a-f]{20})", surfer.page.evaluate("location.hash"))[1])  # type: ignore[index]


def variations(server: Server, dataset: str, **query: Any) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/v1/datasets/{dataset}/variations", params=query, timeout=60)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def hashes(answer: dict[str, Any]) -> list[str]:
    return [tile["pixels"] for source in answer["sources"] for tile in source["tiles"]]


def epoch(surfer: Surfer, number: int) -> None:
    surfer.until(f"document.querySelector('#epoch').textContent === 'Epoch {number}'")


def test_from_the_example_to_a_zip_that_opens(surfer: Surfer, server: Server) -> None:
    open_example(surfer, server)
    surfer.until("document.querySelectorAll('#found .strip img').length === 5")
    assert "5 images" in surfer.text("#found")
    surfer.until("document.querySelector('#estimate').textContent.startsWith('30 images from 5')")
    surfer.click("#expand")
    surfer.see("#download")
    assert "5 images became 30 images" in surfer.text("#result")
    link = surfer.page.evaluate("document.querySelector('#download').href")
    with zipfile.ZipFile(io.BytesIO(httpx.get(link, timeout=60).content)) as archive:
        assert archive.testzip() is None
        assert sum(name.endswith(".jpg") for name in archive.namelist()) == 30
    surfer.until("document.querySelectorAll('.gallery img').length >= 6 || (scrollBy(0, 300), false)")
    surfer.click(".gallery .tile:not(.original)")
    surfer.see("#how img")
    assert "Rotate" in surfer.text("#how")
    surfer.click("#how-close")
    surfer.click("details.commands summary")
    assert "nfold expand FOLDER OUTPUT --copies 5 --recipe flip-rotate --seed 0" in surfer.text(".commands")
    surfer.click("#history-open")
    surfer.until("document.querySelectorAll('#history .past li').length >= 2")
    surfer.click("#history-close")
    assert surfer.complaints() == []


def test_the_counters_are_those_of_the_api(surfer: Surfer, server: Server) -> None:
    dataset = open_example(surfer, server)
    seen: dict[str, list[str]] = {"offline": [], "fly": []}
    for number in (1, 2, 3):
        if number > 1:
            surfer.click("#next-epoch")
        epoch(surfer, number)
        for side, meaning in (("offline", "offline"), ("fly", "on_the_fly")):
            answer = variations(server, dataset, meaning=meaning, epoch=number, copies=5, most=3)
            assert surfer.page.evaluate(SHOWN.replace("SIDE", side)) == hashes(answer)
            seen[side] += hashes(answer)
            shown = surfer.page.evaluate(COUNTS)[side]
            assert shown["images"] == str(sum(source["disk"]["images"] for source in answer["sources"]))
            assert shown["seen"] == str(len(seen[side]))
            assert shown["distinct"] == str(len(set(seen[side])))
    assert surfer.page.evaluate(COUNTS)["offline"]["distinct"] == "18"
    assert surfer.page.evaluate(COUNTS)["fly"]["distinct"] == "9"
    surfer.click("#inference")
    surfer.until("document.querySelector('#inference').getAttribute('aria-checked') === 'true'")
    assert surfer.page.evaluate(SHOWN.replace("SIDE", "fly")) == hashes(
        variations(server, dataset, meaning="inference", most=3)
    )
    surfer.click("#inference")
    epoch(surfer, 3)
    surfer.click("#play")
    epoch(surfer, 10)
    assert surfer.page.evaluate(COUNTS)["fly"]["distinct"] == "30"
    surfer.until("document.querySelectorAll('#curves .line').length === 2")
    assert surfer.complaints() == []


def test_the_variations_are_the_files_of_the_expansion(surfer: Surfer, server: Server) -> None:
    dataset = open_example(surfer, server)
    surfer.click("#expand")
    surfer.see("#download")
    job = re.search(r"j=(job_[0-9a-f]{20})", surfer.page.evaluate("location.hash"))[1]  # type: ignore[index]
    listed = httpx.get(f"{server.url}/v1/expansions/{job}/sources?limit=100").json()["sources"]
    made = {source["source"]: [file["pixels"] for file in source["files"]] for source in listed}
    shown = variations(server, dataset, meaning="offline", copies=5, most=20)["sources"]
    assert {one["source"]: [tile["pixels"] for tile in one["tiles"]] for one in shown} == made


def test_a_reload_in_the_middle_of_a_job_loses_nothing(surfer: Surfer, make_server: Callable[..., Server]) -> None:
    server = make_server()
    open_example(surfer, server)
    surfer.page.evaluate("document.querySelector('#copies').select()")
    surfer.page.call("Input.insertText", text="300")
    surfer.until("document.querySelector('#estimate').textContent.startsWith('1,505 images')")
    surfer.click("#expand")
    surfer.until("document.querySelector('#job-more')?.textContent.includes('of 1,50')")
    surfer.page.call("Page.reload")
    surfer.until("document.querySelector('#job-more')?.textContent.includes('of 1,50')")
    surfer.see("#fly-sources .tile")
    assert surfer.page.evaluate("document.querySelector('#copies').value") == "300"
    server.end()
    server.begin()
    # Another port is another origin: the address is the same but for it.
    address = surfer.page.evaluate("location.hash")
    surfer.go(f"{server.url}/{address}")
    surfer.until("/At work|Making copies|Done/.test(document.querySelector('#job-state')?.textContent)")
    surfer.click("#cancel")
    surfer.until("document.querySelector('#job-state').textContent === 'Cancelled'")
    assert surfer.complaints() == []


def test_a_dropped_folder_with_hostile_names_is_harmless(surfer: Surfer, server: Server) -> None:
    surfer.go(f"{server.url}/")
    surfer.page.evaluate(
        f"""(async () => {{
          const canvas = Object.assign(document.createElement('canvas'), {{width: 60, height: 40}});
          canvas.getContext('2d').fillRect(5, 5, 20, 30);
          const blob = await new Promise(done => canvas.toBlob(done, 'image/jpeg'));
          const given = new DataTransfer();
          given.items.add(new File([blob], {json.dumps(HOSTILE)}));
          given.items.add(new File(['no picture'], 'notes.doc'));
          dispatchEvent(new DragEvent('drop', {{dataTransfer: given, bubbles: true, cancelable: true}}));
        }})()"""
    )
    surfer.see("#fly-sources .tile")
    surfer.until("document.querySelector('#found').textContent.includes('notes.doc')")
    surfer.until("document.querySelectorAll('#found .strip img').length === 1")
    assert surfer.page.evaluate("document.querySelector('#found .strip bdi').textContent") == HOSTILE
    assert surfer.page.evaluate("document.querySelectorAll('[onerror]').length") == 0
    assert [one for one in surfer.complaints() if "422" not in one and "415" not in one] == []


def test_what_is_no_archive_is_refused_in_plain_words(surfer: Surfer, server: Server) -> None:
    surfer.go(f"{server.url}/")
    surfer.page.evaluate(
        """(() => { const given = new DataTransfer(); given.items.add(new File(['none'], 'a.zip'));
        dispatchEvent(new DragEvent('drop', {dataTransfer: given, bubbles: true, cancelable: true})); })()"""
    )
    surfer.see("#bring-problem .problem")
    assert "archive" in surfer.text("#bring-problem").lower()


def test_a_wrong_recipe_is_marked_at_its_line(surfer: Surfer, server: Server) -> None:
    open_example(surfer, server)
    surfer.click("#tune summary")
    surfer.until("document.querySelector('#yaml').value.includes('HorizontalFlip') && document.querySelector('.tuner')")
    surfer.page.evaluate(
        "document.querySelector('#yaml').value = 'augment:\\n  - HorizontalFlip: {p: 0.5}\\n  - Rotat: {}\\n'"
    )
    surfer.click("#use-yaml")
    surfer.see("#yaml-said .problem")
    assert "Line 3" in surfer.text("#yaml-said")
    surfer.page.evaluate("document.querySelector('#yaml').value = 'augment:\\n  - VerticalFlip: {p: 1}\\n'")
    surfer.click("#use-yaml")
    surfer.until("document.querySelector('.tuner').textContent.includes('vertical flip')")
    surfer.see("#fly-sources .tile")
    assert "own-" in surfer.page.evaluate("location.hash")


def test_a_service_with_keys_is_asked_with_one(surfer: Surfer, make_server: Callable[..., Server]) -> None:
    server = make_server(api_key="the-key-of-this-service")
    surfer.go(f"{server.url}/")
    surfer.click("#try-example")
    surfer.see("#ask-key[open]")
    surfer.page.evaluate("document.querySelector('#key').focus()")
    surfer.page.call("Input.insertText", text="the-key-of-this-service")
    surfer.click("#key-form button")
    surfer.see("#fly-sources .tile")
    surfer.click("#expand")
    surfer.see("button#download")
    surfer.until("document.querySelectorAll('.gallery img').length >= 6 || (scrollBy(0, 300), false)")
    assert [one for one in surfer.complaints() if "401" not in one] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_readable_at_any_width_and_by_keyboard(surfer: Surfer, server: Server, *, dark: bool) -> None:
    open_example(surfer, server, width=390, dark=dark)
    surfer.click("#next-epoch")
    epoch(surfer, 2)
    surfer.click("#expand")
    surfer.see("#download")
    surfer.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    surfer.until("document.querySelector('.tuner')")
    for width in (320, 390, 800, 1280):
        surfer.size(width, dark=dark)
        wide, window = surfer.page.evaluate(SIZES)
        assert wide <= window, width
    assert surfer.page.evaluate(UNNAMED) == []
    poor = surfer.page.evaluate(CONTRASTS.replace(".unseen,", ".unseen, .skip, option, :disabled,"))
    assert poor == []
    surfer.page.evaluate("document.activeElement.blur()")
    for _ in range(3):
        for kind in ("rawKeyDown", "keyUp"):
            surfer.page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert (
        surfer.page.evaluate(
            "document.activeElement !== document.body && getComputedStyle(document.activeElement).outlineStyle"
        )
        == "solid"
    )
