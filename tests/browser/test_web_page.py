"""The page of the service, used as a person would: by drops, clicks and keys, on the real server, with real photographs."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from typing import Any

import httpx

from tests.browser.states import ALL_PICTURES, EPOCH, PHOTOS, dataset_of, expand, meanings_shown, open_example, play
from tests.browser.surfing import Surfer, needs_a_browser
from tests.service.conftest import Server

pytestmark = needs_a_browser

COUNTS = """Object.fromEntries(['offline', 'fly'].map(side => [side, Object.fromEntries(
  [...document.querySelectorAll(`#${side}-counters dd`)].map(one => [one.dataset.count, one.textContent]))]))"""
SHOWN = "[...document.querySelectorAll('#SIDE-sources .tile')].map(one => one.dataset.pixels)"

TABLE = """[...document.querySelectorAll('#curves tbody tr')].map(
  row => [...row.children].map(one => Number(one.textContent)))"""
DRAWN = """(() => {
  const canvas = document.querySelector('#chart canvas'), pen = canvas.getContext('2d');
  const {data} = pen.getImageData(0, 0, canvas.width, canvas.height);
  const wanted = ['--offline', '--fly'].map(name => {
    pen.save(); pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const hex = pen.fillStyle; pen.restore();
    return [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
  });
  const found = wanted.map(() => 0);
  for (let at = 0; at < data.length; at += 4) wanted.forEach((one, place) => {
    if (data[at + 3] === 255 && one.every((value, part) => data[at + part] === value)) found[place] += 1;
  });
  return {found, width: canvas.width, shown: canvas.getBoundingClientRect().width};
})()"""
"""How many pixels of the chart have the colours that the two meanings have now."""


def variations(server: Server, dataset: str, **query: Any) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/v1/datasets/{dataset}/variations", params=query, timeout=60)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def hashes(answer: dict[str, Any]) -> list[str]:
    return [tile["pixels"] for source in answer["sources"] for tile in source["tiles"]]


def test_from_dropped_photographs_to_a_zip_that_opens(surfer: Surfer, server: Server) -> None:
    surfer.go(f"{server.url}/")
    surfer.drop(PHOTOS)
    meanings_shown(surfer)
    surfer.until("document.querySelectorAll('#found .strip img').length === 9")
    assert "photos: 9 images" in surfer.text("#found")
    assert "people 3" in surfer.text("#found")
    surfer.page.locator("#copies").fill("2")
    surfer.until(
        "/^27 images from 9 images, about .* and \\d+ s$/.test(document.querySelector('#estimate').textContent)"
    )
    expand(surfer)
    assert "9 images became 27 images" in surfer.text("#result")
    with surfer.page.expect_download() as coming:
        surfer.click("#download")
    with zipfile.ZipFile(coming.value.path()) as archive:
        assert archive.testzip() is None
        pictures = [name for name in archive.namelist() if name.endswith(".jpg")]
        assert len(pictures) == 27
        assert all(archive.read(name).startswith(b"\xff\xd8\xff") for name in pictures)
    surfer.until(ALL_PICTURES)
    surfer.click(".gallery .tile:not(.original)")
    surfer.see("#how img")
    assert "Rotate" in surfer.text("#how")
    surfer.click("#how-close")
    surfer.click("details.commands summary")
    assert "nfold expand FOLDER OUTPUT --copies 2 --recipe flip-rotate --seed 0" in surfer.text(".commands")
    assert f"curl -X POST {server.url}/v1/expansions" in surfer.text(".commands")
    assert surfer.complaints() == []


def test_the_counters_are_those_of_the_api(surfer: Surfer, server: Server) -> None:
    dataset = open_example(surfer, server.url)
    seen: dict[str, list[str]] = {"offline": [], "fly": []}
    for number in (1, 2, 3):
        if number > 1:
            surfer.click("#next-epoch")
        surfer.until(EPOCH.format(number))
        for side, meaning in (("offline", "offline"), ("fly", "on_the_fly")):
            answer = variations(server, dataset, meaning=meaning, epoch=number, copies=5, most=3)
            assert surfer.evaluate(SHOWN.replace("SIDE", side)) == hashes(answer)
            seen[side] += hashes(answer)
            shown = surfer.evaluate(COUNTS)[side]
            assert shown["images"] == str(sum(source["disk"]["images"] for source in answer["sources"]))
            assert shown["bytes"] == surfer.evaluate(
                f"import('/static/any/dom.js').then(dom => dom.bytes({sum(one['disk']['bytes'] for one in answer['sources'])}))"
            )
            assert shown["seen"] == str(len(seen[side]))
            assert shown["distinct"] == str(len(set(seen[side])))
    assert surfer.evaluate(COUNTS)["offline"]["distinct"] == "18"
    assert surfer.evaluate(COUNTS)["fly"]["distinct"] == "9"
    surfer.click("#inference")
    surfer.until("document.querySelector('#inference').getAttribute('aria-checked') === 'true'")
    unchanged = hashes(variations(server, dataset, meaning="inference", most=3))
    assert surfer.evaluate(SHOWN.replace("SIDE", "fly")) == unchanged
    surfer.click("#inference")
    surfer.until(EPOCH.format(3))
    play(surfer)
    assert surfer.evaluate(COUNTS)["fly"]["distinct"] == "30"
    distinct = surfer.evaluate(TABLE)
    assert distinct[:3] == [[1, 18, 3], [2, 18, 6], [3, 18, 9]], "the curves are what was counted"
    assert distinct[-1] == [10, 18, 30]
    assert surfer.complaints() == []


def test_offline_every_epoch_shows_the_same_tiles_and_on_the_fly_others(surfer: Surfer, server: Server) -> None:
    open_example(surfer, server.url)
    before = {side: surfer.evaluate(SHOWN.replace("SIDE", side)) for side in ("offline", "fly")}
    surfer.click("#next-epoch")
    surfer.until(EPOCH.format(2))
    after = {side: surfer.evaluate(SHOWN.replace("SIDE", side)) for side in ("offline", "fly")}
    assert before["offline"] == after["offline"]
    assert not set(before["fly"]) & set(after["fly"])
    assert surfer.page.locator("#offline-sources .is-new").count() == 0
    assert surfer.page.locator("#fly-sources .is-seen").count() == 0


def test_the_first_time_both_meanings_play_by_themselves(surfer: Surfer, server: Server) -> None:
    surfer.go(f"{server.url}/", moves=True)
    surfer.click("#try-example")
    surfer.see("#fly-sources .tile")
    surfer.page.locator("#both").scroll_into_view_if_needed()
    surfer.page.locator("#meanings").evaluate("one => one.scrollIntoView({block: 'center', behavior: 'instant'})")
    surfer.until(EPOCH.format(10))
    surfer.see("#chart canvas")


def test_the_curves_are_drawn_in_the_colours_of_the_page_and_fit_into_it(surfer: Surfer, server: Server) -> None:
    open_example(surfer, server.url)
    assert surfer.page.locator("#curves").is_hidden(), "one epoch makes no curve"
    play(surfer)
    light = surfer.evaluate(DRAWN)
    assert min(light["found"]) > 100, light
    surfer.size(1280, dark=True)
    surfer.until(f"Math.min(...{DRAWN}.found) > 100")
    surfer.size(390)
    surfer.until(f"{DRAWN}.shown < 360 && Math.min(...{DRAWN}.found) > 100")
    assert [one for one in surfer.complaints() if "willReadFrequently" not in one] == []


def test_the_variations_are_the_files_of_the_expansion(surfer: Surfer, server: Server) -> None:
    dataset = open_example(surfer, server.url)
    job = expand(surfer)
    listed = httpx.get(f"{server.url}/v1/expansions/{job}/sources?limit=100").json()["sources"]
    made = {source["source"]: [file["pixels"] for file in source["files"]] for source in listed}
    shown = variations(server, dataset, meaning="offline", copies=5, most=20)["sources"]
    assert {one["source"]: [tile["pixels"] for tile in one["tiles"]] for one in shown} == made


def test_a_service_with_keys_is_asked_with_one(surfer: Surfer, make_server: Callable[..., Server]) -> None:
    server = make_server(api_key="the-key-of-this-service")
    surfer.go(f"{server.url}/")
    surfer.click("#try-example")
    surfer.see("#ask-key[open]")
    surfer.page.locator("#key").fill("the-key-of-this-service")
    surfer.click("#key-form button")
    meanings_shown(surfer)
    expand(surfer)
    surfer.until(ALL_PICTURES)
    with surfer.page.expect_download() as coming:
        surfer.click("button#download")
    assert zipfile.is_zipfile(coming.value.path())
    assert [one for one in surfer.complaints() if "401" not in one] == []


def test_a_key_that_was_taken_back_is_asked_for_again(surfer: Surfer, make_server: Callable[..., Server]) -> None:
    server = make_server(api_key="the-key-of-this-service")
    surfer.go(f"{server.url}/")
    surfer.click("#history-open")
    surfer.see("#ask-key[open]")
    surfer.page.keyboard.press("Escape")
    surfer.until("document.querySelector('#history').textContent.includes('This service asks for a key.')")
    surfer.page.locator("#history-close").click()
    surfer.evaluate("sessionStorage.setItem('nfold-key', 'a-key-that-nobody-knows')")
    surfer.click("#history-open")
    surfer.see("#ask-key[open]")
    assert "not known" in surfer.text("#key-say")
    surfer.page.locator("#key").fill("the-key-of-this-service")
    surfer.click("#key-form button")
    surfer.until("document.querySelector('#history').textContent.split('None yet.').length === 3")
    assert [one for one in surfer.complaints() if "401" not in one] == []


def test_of_two_data_sets_that_are_opened_quickly_the_last_one_is_shown(surfer: Surfer, server: Server) -> None:
    first = open_example(surfer, server.url)
    surfer.go(f"{server.url}/")
    surfer.drop(PHOTOS)
    meanings_shown(surfer)
    second = dataset_of(surfer)
    surfer.page.route("**/page/datasets/**", lambda route: (surfer.page.wait_for_timeout(300), route.continue_()))
    for identity in (first, second, first):
        surfer.evaluate(f"location.hash = 'd={identity}'")
    meanings_shown(surfer)
    surfer.until("document.querySelectorAll('#found .strip img').length === 5")
    assert "five photographs: 5 images" in surfer.text("#found")


def test_nothing_but_the_service_is_needed_for_the_first_paint(surfer: Surfer, server: Server) -> None:
    surfer.go(f"{server.url}/")
    surfer.until("performance.getEntriesByName('first-contentful-paint').length")
    asked = surfer.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    assert asked
    assert all(one.startswith(f"{server.url}/static/") for one in asked)
    assert surfer.complaints() == []


def test_what_the_page_is_about_stands_in_its_address(surfer: Surfer, server: Server) -> None:
    open_example(surfer, server.url)
    surfer.page.locator("#copies").fill("3")
    surfer.page.locator("#seed").fill("11")
    surfer.page.locator("input[name=preset][value=color]").check(force=True)
    surfer.until("location.hash.includes('r=color') && location.hash.includes('n=3') && location.hash.includes('s=11')")
    dataset = dataset_of(surfer)
    surfer.page.reload()
    meanings_shown(surfer)
    assert dataset_of(surfer) == dataset
    assert surfer.page.locator("#copies").input_value() == "3"
    assert surfer.page.locator("#seed").input_value() == "11"
    assert surfer.page.locator("input[name=preset][value=color]").is_checked()
    assert surfer.page.locator("#offline-sources .tile").count() == 12
