"""Pictures brought to the page: with labels, in archives that are cut, with hostile names, and what cannot be used."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.states import ALL_PICTURES, PHOTOS, annotated_set, dataset_of, expand, meanings_shown
from tests.browser.surfing import Surfer, needs_a_browser
from tests.conftest import write_picture
from tests.service.conftest import Server

pytestmark = needs_a_browser

HOSTILE = "<img src=x onerror=alert(1)> \u202eשלום 👩\u200d🚀.jpg"
COLOURS = "new Set([...document.querySelectorAll('SELECTOR .mark')].map(one => getComputedStyle(one).stroke)).size"


def test_labels_are_drawn_over_pictures_and_what_is_broken_is_named(
    surfer: Surfer, server: Server, tmp_path: Path
) -> None:
    source = annotated_set(tmp_path / "marked")
    (source / "images" / "train" / "torn.jpg").write_bytes(b"no picture")
    surfer.go(f"{server.url}/")
    surfer.drop(source)
    meanings_shown(surfer)
    surfer.until("document.querySelectorAll('#found .strip img').length === 6")
    found = surfer.text("#found")
    assert "marked: 7 images" in found
    assert "yolo" in found.lower()
    assert "animal 3, cup 1, flower 1, person 2" in found
    assert "The bytes are not an image" in found
    assert surfer.page.locator("#found .strip .mark").count() == 7
    assert surfer.evaluate(COLOURS.replace("SELECTOR", "#found .strip")) == 4
    surfer.page.locator("#copies").fill("2")
    surfer.until("document.querySelector('#estimate').textContent.startsWith('21 images')")
    expand(surfer)
    surfer.until("document.querySelectorAll('.gallery img').length === 18 || (scrollBy(0, 250), false)")
    assert surfer.evaluate(COLOURS.replace("SELECTOR", ".gallery")) == 4
    assert "1 source skipped" in surfer.text("#result")
    assert "Skipped: The bytes are not an image" in surfer.text(".gallery")
    surfer.click(".gallery .tile:not(.original)")
    surfer.see("#how img")
    assert "dropped" in surfer.text("#how")
    assert surfer.complaints() == []


def test_a_published_set_in_coco_is_dropped_and_seen(
    surfer: Surfer, server: Server, real_data: Path, tmp_path: Path
) -> None:
    whole = json.loads(next(iter(sorted((real_data / "tree-crowns").rglob("*.json")))).read_text())
    kept = sorted(whole["images"], key=lambda one: one["file_name"])[:3]
    numbers = {one["id"] for one in kept}
    labels = [one for one in whole["annotations"] if one["image_id"] in numbers]
    for one in kept:
        name = Path(one["file_name"]).name
        shutil.copy(next((real_data / "tree-crowns").rglob(name)), tmp_path / name)
        one["file_name"] = name
    target = tmp_path / "crowns"
    target.mkdir()
    for picture in tmp_path.glob("*.jp*g"):
        picture.rename(target / picture.name)
    (target / "annotations.json").write_text(json.dumps({**whole, "images": kept, "annotations": labels}))
    surfer.go(f"{server.url}/")
    surfer.drop(target)
    meanings_shown(surfer)
    surfer.until("document.querySelectorAll('#found .strip img').length === 3")
    assert "coco" in surfer.text("#found").lower()
    assert surfer.page.locator("#offline-sources .mark").count() > 3


def test_of_several_label_sets_one_is_chosen(surfer: Surfer, server: Server, real_data: Path) -> None:
    surfer.go(f"{server.url}/")
    surfer.drop(real_data / "tree-crowns")
    surfer.see("#bring-problem .problem")
    assert "holds several label sets" in surfer.text("#bring-problem")
    surfer.page.reload()  # the choice is still to be made
    surfer.click("#bring-problem button:text('Follow coco')")
    meanings_shown(surfer)
    assert "coco as was chosen" in surfer.text("#found")
    assert surfer.page.locator("#offline-sources .mark").count() > 3
    assert surfer.page.locator("#bring-problem .problem").count() == 0
    surfer.page.locator("#copies").fill("1")
    expand(surfer)
    surfer.click("details.commands summary")
    assert "--format coco" in surfer.text(".commands")
    assert surfer.complaints() == []


def test_names_with_html_right_to_left_text_and_emoji_are_harmless(surfer: Surfer, server: Server) -> None:
    surfer.go(f"{server.url}/")
    surfer.evaluate(
        f"""(async () => {{
          const canvas = Object.assign(document.createElement('canvas'), {{width: 60, height: 40}});
          const pen = canvas.getContext('2d');
          pen.fillStyle = 'white';
          pen.fillRect(5, 5, 20, 30);
          const blob = await new Promise(done => canvas.toBlob(done, 'image/jpeg'));
          const given = new DataTransfer();
          given.items.add(new File([blob], {json.dumps(HOSTILE)}));
          given.items.add(new File(['no picture'], 'notes.doc'));
          dispatchEvent(new DragEvent('drop', {{dataTransfer: given, bubbles: true, cancelable: true}}));
        }})()"""
    )
    meanings_shown(surfer)
    surfer.until("document.querySelector('#found').textContent.includes('notes.doc')")
    surfer.until("document.querySelectorAll('#found .strip img').length === 1")
    assert surfer.page.locator("#found .strip bdi").text_content() == HOSTILE
    surfer.page.locator("#copies").fill("1")
    expand(surfer)
    surfer.until(ALL_PICTURES)
    assert surfer.page.locator(".gallery .source-name bdi").text_content() == HOSTILE
    surfer.click(".gallery .tile:not(.original)")
    surfer.see("#how img")
    surfer.click("#how-close")
    surfer.click("#history-open")
    surfer.see("#history .past li")
    assert surfer.evaluate("document.querySelectorAll('[onerror]').length") == 0
    assert [one for one in surfer.complaints() if "415" not in one] == []


def large_archive(path: Path) -> Path:
    """Photographs, and a picture of noise that no packing makes small: 19 MB."""
    held = io.BytesIO()
    noise = np.random.default_rng(7).integers(0, 256, (2_500, 2_500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(held, "bmp")
    with zipfile.ZipFile(path, "w") as archive:
        for photo in sorted(PHOTOS.rglob("*.jpg"))[:3]:
            archive.write(photo, f"a/{photo.name}")
        archive.writestr("z/noise.bmp", held.getvalue())
    return path


def test_an_archive_that_a_reload_cut_goes_on_where_it_was(surfer: Surfer, server: Server, tmp_path: Path) -> None:
    archive = large_archive(tmp_path / "holiday.zip")
    surfer.go(f"{server.url}/")
    sent: list[int] = []

    def count(route: Any) -> None:
        if route.request.method == "PATCH":
            sent.append(int(route.request.headers["upload-offset"]))
            if len(sent) == 2:
                return  # it hangs, as a bad line does
        route.continue_()

    surfer.page.route("**/uploads/*", count)
    surfer.drop(archive)
    surfer.until("document.querySelector('#bring-say').textContent.includes('8.4 MB of 19 MB')")
    surfer.page.wait_for_timeout(0)
    while len(sent) < 2:
        surfer.page.wait_for_timeout(20)
    surfer.page.reload()
    surfer.see("#unfinished p")
    assert "holiday.zip was cut at 8.4 MB of 19 MB" in surfer.text("#unfinished")
    surfer.drop(archive)
    meanings_shown(surfer)
    assert sent[0] == 0
    assert sent[2] == sent[1] == 8 * 1024 * 1024
    assert "holiday.zip: 4 images" in surfer.text("#found")
    assert surfer.page.locator("#unfinished p").count() == 0


def test_a_folder_that_a_reload_cut_goes_on_with_what_is_missing(
    surfer: Surfer, server: Server, tmp_path: Path
) -> None:
    for number in range(30):
        write_picture(tmp_path / "holiday" / f"c{number % 2}" / f"{number}.png", number)
    surfer.go(f"{server.url}/")
    sent: list[str] = []

    def count(route: Any) -> None:
        sent.append(route.request.url.rpartition("/files/")[2])
        if len(sent) <= 16:
            route.continue_()  # the others hang, as on a bad line

    surfer.page.route("**/files/**", count)
    surfer.drop(tmp_path / "holiday")
    surfer.until("document.querySelector('#bring-say').textContent.startsWith('Uploading 30 files: 16 there')")
    while len(sent) < 20:
        surfer.page.wait_for_timeout(20)
    came = set(sent[:16])
    surfer.page.reload()
    surfer.see("#unfinished p")
    assert "The upload of holiday was cut at 10 of 30 files" in surfer.text("#unfinished")
    surfer.page.unroute("**/files/**")
    again: list[str] = []
    surfer.page.on(
        "request", lambda one: again.append(one.url.rpartition("/files/")[2]) if one.method == "PUT" else None
    )
    surfer.drop(tmp_path / "holiday")
    meanings_shown(surfer)
    assert len(again) == 14
    assert not came & set(again), "what had come was sent once more"
    assert "holiday: 30 images" in surfer.text("#found")
    assert surfer.page.locator("#unfinished p").count() == 0
    surfer.page.reload()
    meanings_shown(surfer)
    assert surfer.page.locator("#unfinished p").count() == 0


def test_another_folder_of_that_name_is_no_rest_of_the_one_that_was_cut(
    surfer: Surfer, server: Server, tmp_path: Path
) -> None:
    for number in range(12):
        write_picture(tmp_path / "holiday" / f"{number}.png", number)
    surfer.go(f"{server.url}/")
    surfer.page.route("**/files/**", lambda route: None)
    surfer.drop(tmp_path / "holiday")
    surfer.until("document.querySelector('#bring-say').textContent.startsWith('Uploading 12 files: 0 there')")
    surfer.page.reload()
    surfer.see("#unfinished p")
    surfer.page.unroute("**/files/**")
    write_picture(tmp_path / "holiday" / "0.png", 99, width=11)
    surfer.drop(tmp_path / "holiday")
    meanings_shown(surfer)
    assert "holiday: 12 images" in surfer.text("#found")
    surfer.page.reload()
    surfer.see("#unfinished p")  # the other one is still to be had, or to be given up
    surfer.click("#unfinished button")
    surfer.until("document.querySelectorAll('#unfinished p').length === 0")


def test_an_upload_can_be_stopped_and_given_up(surfer: Surfer, server: Server, tmp_path: Path) -> None:
    archive = large_archive(tmp_path / "holiday.zip")
    surfer.go(f"{server.url}/")
    surfer.page.route("**/uploads/*", lambda route: None if route.request.method == "PATCH" else route.continue_())
    with surfer.page.expect_request(lambda request: request.method == "PATCH"):
        surfer.drop(archive)
    surfer.click("#bring-stop")
    surfer.see("#unfinished p")
    assert "The upload was stopped" in surfer.text("#bring-problem")
    surfer.click("#unfinished button")
    surfer.until("document.querySelectorAll('#unfinished p').length === 0")


def test_files_and_folders_are_chosen_as_well_as_dropped(surfer: Surfer, server: Server) -> None:
    surfer.go(f"{server.url}/")
    surfer.page.locator("#folder").set_input_files(PHOTOS)
    meanings_shown(surfer)
    assert "photos: 9 images" in surfer.text("#found")
    surfer.go(f"{server.url}/")
    surfer.page.locator("#files").set_input_files(sorted(PHOTOS.rglob("*.jpg"))[:2])
    meanings_shown(surfer)
    assert "2 files: 2 images" in surfer.text("#found")
    assert surfer.page.locator("#fly-sources .tile").count() == 2
    assert dataset_of(surfer)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.zip": "none"}, "no zip and no tar archive"),
        ({"notes.doc": "words"}, "None of these files could be taken"),
        ({"a.zip": "none", "b.jpg": "none"}, "An archive came together with other files"),
    ],
    ids=["no archive", "no picture", "both"],
)
def test_what_cannot_be_used_is_refused_in_plain_words(
    surfer: Surfer, server: Server, files: dict[str, str], words: str
) -> None:
    surfer.go(f"{server.url}/")
    surfer.drop_made(files)
    surfer.see("#bring-problem .problem")
    assert words in surfer.text("#bring-problem")
    # What to do stands beside what happened.
    assert surfer.page.locator("#bring-problem .problem p").count() == 2


def test_a_service_that_is_gone_is_said_to_be_gone(surfer: Surfer, make_server: Callable[..., Server]) -> None:
    server = make_server()
    surfer.go(f"{server.url}/")
    server.end()
    surfer.click("#try-example")
    surfer.see("#bring-problem .problem")
    assert "The service does not answer" in surfer.text("#bring-problem")
    server.begin(port=server.port)
    surfer.click("#try-example")
    meanings_shown(surfer)
    assert surfer.page.locator("#bring-problem .problem").count() == 0
