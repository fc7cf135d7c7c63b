"""Recipes tuned, expansions watched through reloads and deaths of the service, and results looked through."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.browser.states import (
    ALL_PICTURES,
    expand,
    job_of,
    meanings_shown,
    open_example,
)
from tests.browser.surfing import Surfer, needs_a_browser
from tests.conftest import write_picture
from tests.service.conftest import Server

pytestmark = needs_a_browser

MORE = "(document.querySelector('#job-more')?.textContent ?? '')"
STATE = "document.querySelector('#job-state')?.textContent"


def order(surfer: Surfer, copies: int) -> str:
    surfer.page.locator("#copies").fill(str(copies))
    surfer.until(f"document.querySelector('#estimate').textContent.startsWith('{5 + 5 * copies:,} images')")
    before = surfer.page.url
    surfer.click("#expand")
    surfer.until(f"location.href !== {json.dumps(before)} && document.querySelector('#job-state')")
    return job_of(surfer)


def test_a_job_goes_on_through_a_reload_and_the_death_of_the_service(
    surfer: Surfer, make_server: Callable[..., Server]
) -> None:
    server = make_server()
    open_example(surfer, server.url)
    order(surfer, 200)
    surfer.until(f"{MORE}.includes('of 1,005 images') || {MORE}.includes('of 1,000 images')")
    surfer.page.reload()
    surfer.until(f"/[1-9]\\d* of 1,00/.test({MORE})")
    meanings_shown(surfer)
    assert surfer.page.locator("#copies").input_value() == "200"
    server.kill()
    server.begin(port=server.port)
    # Nobody touches the page: it finds its way back by itself.
    surfer.until(f"{STATE} === 'Done'", seconds=150)
    surfer.see("#download")
    assert "5 images became 1,005 images" in surfer.text("#result")
    assert [one for one in surfer.complaints() if "ERR_" not in one] == []


def test_several_jobs_run_and_are_found_again_in_the_history(surfer: Surfer, server: Server) -> None:
    dataset = open_example(surfer, server.url)
    first = order(surfer, 1_000)
    second = order(surfer, 1)
    assert first != second
    surfer.until(f"{STATE} === 'Waiting for its turn'")
    surfer.click("#history-open")
    surfer.until("document.querySelectorAll('#history .past li').length >= 3")
    surfer.click("#history .past li:has-text('1,000 copies') .link")
    surfer.until(f"location.hash.includes('{first}')")
    surfer.click("#cancel")
    surfer.until(f"{STATE} === 'Cancelled'")
    surfer.page.go_back()
    surfer.until(f"location.hash.includes('{second}') && {STATE} === 'Done'")
    surfer.see("#download")
    surfer.click("#result button.quiet:text('Delete')")
    surfer.click("#result button.quiet:text('Really delete?')")
    surfer.until("!document.querySelector('#work').checkVisibility()")
    assert httpx.get(f"{server.url}/v1/expansions/{second}").status_code == 404
    surfer.click("#history-open")
    data = surfer.page.locator(f"#history li:has(a[href='#d={dataset}']) button")
    data.click()
    data.click()
    surfer.until("document.querySelector('#history').textContent.includes('a data set that is gone')")
    assert surfer.page.locator(f"#history a[href='#d={dataset}']").count() == 0
    surfer.until("!document.querySelector('#both').checkVisibility()")
    # What was deleted while its pictures were on their way is not found any more.
    assert [one for one in surfer.complaints() if "/thumbnails/" not in one] == []


def test_both_meanings_are_measured_and_the_report_opens(surfer: Surfer, server: Server) -> None:
    open_example(surfer, server.url)
    expand(surfer)
    surfer.click("#compare")
    surfer.see("#comparison a")
    assert "50 distinct ones after 10 epochs" in surfer.text("#comparison")
    surfer.page.reload()
    surfer.see("#comparison a")
    with surfer.page.context.expect_page() as coming:
        surfer.click("#comparison a")
    report = coming.value
    report.wait_for_load_state()
    assert "added or replaced" in report.content().lower() or "offline" in report.content().lower()
    report.close()
    assert surfer.complaints() == []


def test_a_slider_changes_the_recipe_its_text_and_the_pictures(surfer: Surfer, server: Server) -> None:
    open_example(surfer, server.url)
    pixels = "[...document.querySelectorAll('#fly-sources .tile')].map(one => one.dataset.pixels).join()"
    before = surfer.evaluate(pixels)
    surfer.click("#tune summary")
    limit = surfer.page.get_by_label("rotate: limit", exact=True)
    limit.wait_for()
    assert limit.input_value() == "36"
    limit.fill("90")
    surfer.until("document.querySelector('#yaml').value.includes('Rotate: {limit: 90, p: 1}')")
    surfer.until(f"document.querySelector('#fly-sources .tile[data-pixels]') && {pixels} !== '{before}'")
    surfer.page.get_by_label("horizontal flip", exact=True).uncheck()
    surfer.until("!document.querySelector('#yaml').value.includes('HorizontalFlip')")
    surfer.click("#drop-yaml")
    surfer.until("document.querySelector('#yaml').value.includes('HorizontalFlip')")
    surfer.until(f"document.querySelector('#fly-sources .tile[data-pixels]') && {pixels} === '{before}'")
    assert surfer.complaints() == []


def test_every_preset_has_its_sliders_and_they_make_recipes_that_are_valid(surfer: Surfer, server: Server) -> None:
    surfer.go(f"{server.url}/")
    texts = surfer.evaluate(
        """(async () => {
          const base = document.querySelector('script[type=module]').src.replace('page.js', '');
          const {tuner} = await import(`${base}tuner.js`), {yamlOf} = await import(`${base}tuner.js`);
          const schema = await (await fetch('/v1/recipes/schema')).json();
          const found = {};
          for (const {name} of await (await fetch('/v1/recipes')).json()) {
            const {recipe} = await (await fetch(`/v1/recipes/${name}`)).json();
            const made = [];
            const list = tuner(recipe, schema, changed => made.push(yamlOf(changed)));
            const texts = [];
            for (const share of [0.2, 0.6, 0.95]) {
              for (const field of list.querySelectorAll('input[type=range]')) {
                field.value = Number(field.min) + share * (field.max - field.min);
                field.dispatchEvent(new Event('input'));
                field.dispatchEvent(new Event('change'));
              }
              texts.push(made.at(-1));
            }
            found[name] = {knobs: list.querySelectorAll('.knob-row').length, fields: list.querySelectorAll('input[type=range]').length,
                           unnamed: [...list.querySelectorAll('input[type=range], select')].filter(one => !one.ariaLabel).length, texts};
          }
          return found;
        })()"""
    )
    assert len(texts) == 12
    for name, found in texts.items():
        assert found["fields"] >= 4, name
        assert found["unnamed"] == 0
        for text in found["texts"]:
            answer = httpx.post(
                f"{server.url}/v1/recipes/check", content=text, headers={"Content-Type": "application/yaml"}, timeout=60
            )
            assert answer.status_code == 200, (name, text, answer.text)


def test_a_wrong_recipe_is_marked_at_its_line(surfer: Surfer, server: Server) -> None:
    open_example(surfer, server.url)
    surfer.click("#tune summary")
    surfer.until("document.querySelector('#yaml').value.includes('HorizontalFlip') && document.querySelector('.tuner')")
    surfer.page.locator("#yaml").fill("augment:\n  - HorizontalFlip: {p: 0.5}\n  - Rotat: {}\n")
    surfer.click("#use-yaml")
    surfer.see("#yaml-said .problem")
    assert "Line 3" in surfer.text("#yaml-said")
    selected = "(() => { const one = document.querySelector('#yaml'); return one.value.slice(one.selectionStart, one.selectionEnd); })()"
    assert surfer.evaluate(selected) == "  - Rotat: {}"
    surfer.page.locator("#yaml").fill("augment:\n  - VerticalFlip: {p: 1}\n")
    surfer.click("#use-yaml")
    surfer.until("document.querySelector('.tuner').textContent.includes('vertical flip')")
    meanings_shown(surfer)
    assert "own-" in surfer.page.url


def test_a_target_for_each_class_is_estimated_and_made(surfer: Surfer, server: Server) -> None:
    open_example(surfer, server.url)
    surfer.page.locator("#per-class").fill("4")
    surfer.until("document.querySelector('#estimate').textContent.startsWith('16 images from 5')")
    assert surfer.page.locator("#copies").is_disabled()
    expand(surfer)
    assert "5 images became 16 images" in surfer.text("#result")
    surfer.page.locator(".gallery-head select").select_option("=people")
    surfer.until("document.querySelectorAll('.gallery > li').length === 2")
    assert "astronaut" in surfer.text(".gallery")


def test_a_gallery_of_many_stays_small_and_quick(surfer: Surfer, server: Server, tmp_path: Path) -> None:
    for number in range(60):
        write_picture(tmp_path / "many" / f"c{number % 3}" / f"s{number:02}.jpg", number)
    surfer.go(f"{server.url}/")
    surfer.drop(tmp_path / "many")
    meanings_shown(surfer)
    surfer.page.locator("#copies").fill("20")
    surfer.until("document.querySelector('#estimate').textContent.startsWith('1,260 images')")
    expand(surfer)
    seen: set[str] = set()
    for page in range(8):
        surfer.until(
            f"document.querySelector('.gallery-head .hint').textContent.startsWith('Sources {page * 8 + 1} to')"
        )
        surfer.until(ALL_PICTURES)
        seen |= set(surfer.page.locator(".gallery .source-name > bdi").all_text_contents())
        assert surfer.evaluate("document.querySelectorAll('*').length") < 2_500
        following = surfer.page.locator(".gallery-head button:text('Next')")
        assert following.is_disabled() == (page == 7)
        if page < 7:
            following.click()
    assert len(seen) == 60
    assert surfer.complaints() == []
