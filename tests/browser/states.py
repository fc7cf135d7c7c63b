"""Each state of the page, and how a person gets there: for its tests, and for pictures of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.browser.surfing import Surfer

PHOTOS: Final = Path(__file__).parents[2] / "examples" / "photos"
EPOCH: Final = "document.querySelector('#epoch').textContent === 'Epoch {}'"
ALL_PICTURES: Final = (
    "document.querySelectorAll('.gallery .frame:not(:has(img))').length === 0 || (scrollBy(0, 250), false)"
)
ALL_PRESETS: Final = (
    "document.querySelectorAll('[data-preset] img').length === 12"
    " || (document.querySelector('#choose').scrollIntoView(), false)"
)


def dataset_of(surfer: Surfer) -> str:
    """The data set that the page is about."""
    return str(re.search(r"d=(ds_[0-9a-f]{20})", surfer.page.url)[1])  # type: ignore[index]


def job_of(surfer: Surfer) -> str:
    """The expansion that the page is about."""
    return str(re.search(r"j=(job_[0-9a-f]{20})", surfer.page.url)[1])  # type: ignore[index]


def open_example(surfer: Surfer, url: str, **window: Any) -> str:
    """The five photographs that come with the service; their data set."""
    surfer.go(f"{url}/", **window)
    surfer.click("#try-example")
    meanings_shown(surfer)
    surfer.until("document.querySelectorAll('#found .strip img').length === 5")
    return dataset_of(surfer)


def meanings_shown(surfer: Surfer, epoch: int = 1) -> None:
    """Both meanings are there, in an epoch."""
    surfer.see("#fly-sources .tile")
    surfer.until(EPOCH.format(epoch))


def play(surfer: Surfer) -> None:
    """Ten epochs."""
    surfer.click("#play")
    surfer.until(EPOCH.format(10))
    surfer.until("document.querySelector('#play').textContent !== 'Pause'")


def expand(surfer: Surfer) -> str:
    """The whole way to the gallery; the job."""
    surfer.click("#expand")
    surfer.see("#download")
    surfer.see(".gallery .tile")
    return job_of(surfer)


MARKED: Final[Mapping[str, str]] = {
    "food/coffee.jpg": "0 0.485 0.415 0.40 0.75",
    "nature/chelsea.jpg": "1 0.41 0.5 0.80 1.0",
    "nature/flower.jpg": "2 0.48 0.515 0.44 0.65",
    "people/astronaut.jpg": "3 0.38 0.51 0.70 0.97",
    "people/camera.jpg": "3 0.33 0.55 0.64 0.88",
    "people/friends_by_aitzol_berasategi.jpg": "1 0.415 0.306 0.23 0.156\n1 0.57 0.52 0.21 0.16",
}


def annotated_set(folder: Path) -> Path:
    """Six photographs in the layout of YOLO: seven boxes of four classes."""
    for part in ("images", "labels"):
        (folder / part / "train").mkdir(parents=True)
    for name, boxes in MARKED.items():
        stem = Path(name).stem.split("_")[0]
        shutil.copy(PHOTOS / name, folder / "images" / "train" / f"{stem}.jpg")
        (folder / "labels" / "train" / f"{stem}.txt").write_text(f"{boxes}\n")
    (folder / "data.yaml").write_text("path: .\ntrain: images/train\nnames: [cup, animal, flower, person]\n")
    return folder


def _empty(surfer: Surfer, url: str, held: Path) -> None:
    del held
    surfer.go(f"{url}/")


def _refused(surfer: Surfer, url: str, held: Path) -> None:
    del held
    surfer.go(f"{url}/")
    surfer.drop_made({"a.zip": "none"})
    surfer.see("#bring-problem .problem")


def _found(surfer: Surfer, url: str, held: Path) -> None:
    source = held / "marked photographs"
    if not source.exists():
        annotated_set(source)
        (source / "images" / "train" / "torn.jpg").write_bytes(b"no picture")
        (source / "notes.doc").write_text("no picture either")
    surfer.go(f"{url}/")
    surfer.drop(source)
    meanings_shown(surfer)
    surfer.until("document.querySelectorAll('#found .strip img').length >= 6")
    if surfer.page.locator(".troubles").count():
        surfer.click(".troubles summary")


def _first_epoch(surfer: Surfer, url: str, held: Path) -> None:
    del held
    open_example(surfer, url)
    surfer.until(ALL_PRESETS)


def _ten_epochs(surfer: Surfer, url: str, held: Path) -> None:
    del held
    open_example(surfer, url)
    play(surfer)


def _inference(surfer: Surfer, url: str, held: Path) -> None:
    _ten_epochs(surfer, url, held)
    surfer.click("#inference")
    surfer.until("document.querySelector('#inference').getAttribute('aria-checked') === 'true'")


def _tuned(surfer: Surfer, url: str, held: Path) -> None:
    _first_epoch(surfer, url, held)
    surfer.page.locator("input[name=preset][value=medium]").check(force=True)
    surfer.click("#tune summary")
    surfer.until("document.querySelector('#tuner input') && document.querySelector('#yaml').value.includes('Affine')")
    meanings_shown(surfer)


def _wrong_line(surfer: Surfer, url: str, held: Path) -> None:
    del held
    open_example(surfer, url)
    surfer.click("#tune summary")
    surfer.until("document.querySelector('#tuner input')")
    surfer.page.locator("#yaml").fill("augment:\n  - HorizontalFlip: {p: 0.5}\n  - Rotat: {}\n")
    surfer.click("#use-yaml")
    surfer.see("#yaml-said .problem")


def _running(surfer: Surfer, url: str, held: Path) -> None:
    del held
    open_example(surfer, url)
    surfer.page.locator("#copies").fill("1000")
    surfer.until("document.querySelector('#estimate').textContent.startsWith('5,005 images')")
    surfer.click("#expand")
    surfer.until("/[1-9][0-9]* of 5,005 images/.test(document.querySelector('#job-more')?.textContent)")
    surfer.see("#rate-line canvas")


def _cancelled(surfer: Surfer, url: str, held: Path) -> None:
    if not surfer.stands_before("#cancel"):
        _running(surfer, url, held)
    surfer.click("#cancel")
    surfer.until("document.querySelector('#job-state').textContent === 'Cancelled'")


def _result(surfer: Surfer, url: str, held: Path) -> None:
    _found(surfer, url, held)
    surfer.page.locator("#copies").fill("3")
    surfer.until("document.querySelector('#estimate').textContent.startsWith('28 images')")
    expand(surfer)
    surfer.until(ALL_PICTURES)
    surfer.click(".commands summary")


def _how(surfer: Surfer, url: str, held: Path) -> None:
    if not surfer.stands_before(".gallery .tile"):
        _result(surfer, url, held)
    surfer.click(".gallery .tile:not(.original)")
    surfer.see("#how img")


def _compared(surfer: Surfer, url: str, held: Path) -> None:
    del held
    open_example(surfer, url)
    expand(surfer)
    surfer.click("#compare")
    surfer.see("#comparison a")
    surfer.until(ALL_PICTURES)


def _history(surfer: Surfer, url: str, held: Path) -> None:
    if not surfer.stands_before("#download"):
        _compared(surfer, url, held)
    surfer.click("#history-open")
    surfer.see("#history .past li")


STATES: Final[Mapping[str, Callable[[Surfer, str, Path], None]]] = {
    "empty": _empty,
    "refused": _refused,
    "found": _found,
    "first-epoch": _first_epoch,
    "ten-epochs": _ten_epochs,
    "inference": _inference,
    "tuned": _tuned,
    "wrong-line": _wrong_line,
    "running": _running,
    "cancelled": _cancelled,
    "result": _result,
    "how": _how,
    "compared": _compared,
    "history": _history,
}
"""In an order in which some go on from where the one before ended."""
