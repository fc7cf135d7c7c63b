from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.contrast.modes import MODES, Mode, Setting
from nfold.contrast.sampling import choose_sample
from nfold.stream.opening import open_data_set
from nfold.variation import pixel_hash
from tests.conftest import tree
from tests.engine.data_sets import make_coco, make_masks, make_yolo

READING: dict[str, Any] = {
    "format": None,
    "voc_origin": None,
    "include": (),
    "exclude": (),
    "max_pixels": 50_000_000,
    "damaged": "skip",
}


def setting(source: Path, *, recipe: Any = "flip-rotate", sample: int = 200, **reading: Any) -> Setting:
    options = {**READING, **reading}
    opened = open_data_set(source, recipe, seed=0, split=None, varies=True, **options)
    return Setting(sample=choose_sample(opened, sample), copies=2, seed=0, reading=options)


def served(mode: Mode, epoch: int) -> Counter[tuple[str, int, str]]:
    return Counter((came.source, came.copy, pixel_hash(came.picture)) for came in mode.epoch(epoch))


@pytest.fixture
def photos(make_folder: Callable[..., Path]) -> Path:
    return make_folder({"cat/a.png": 1, "dog/b.png": 2})


def test_each_is_in_the_registry_by_its_own_name() -> None:
    assert list(MODES) == ["none", "offline", "on-the-fly", "frozen"]
    assert all(kind.name == name and kind.title for name, kind in MODES.items())


@pytest.mark.parametrize("name", MODES)
def test_each_serves_only_the_sample_and_cleans_up(name: str, photos: Path, tmp_path: Path, monkeypatch: Any) -> None:
    chosen = setting(photos, sample=1)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with MODES[name](chosen) as mode:
        prepared = mode.prepare()
        came = served(mode, 1)
        assert {source for source, _, _ in came} == set(chosen.sample.order)
        assert sum(came.values()) == (3 if mode.counts_copies else 1)
        assert bool(prepared.files) == (name == "offline")
        assert served(mode, 2).keys() == came.keys() if name != "on-the-fly" else served(mode, 2).keys() != came.keys()
    assert not list((tmp_path / "temporary").glob("nfold-compare-*"))


def test_offline_serves_the_files_of_an_expansion(
    photos: Path, tmp_path: Path, expand_inline: Callable[..., Any]
) -> None:
    from nfold.images import DecodeLimits, decode_image

    expand_inline(photos, tmp_path / "out", copies=2)
    files = {
        name: pixel_hash(decode_image((tmp_path / "out" / name).read_bytes(), DecodeLimits()))
        for name in tree(tmp_path / "out")
    }
    with MODES["offline"](setting(photos)) as mode:
        prepared = mode.prepare()
        came = served(mode, 1)
    assert sorted(pixels for _, _, pixels in came) == sorted(files.values())
    assert ("cat/a.png", 2, files["cat/a_aug2.png"]) in came
    assert prepared.files == len(files)
    assert prepared.bytes == sum((tmp_path / "out" / name).stat().st_size for name in files)


@pytest.mark.parametrize("make", [make_yolo, make_coco, make_masks])
def test_offline_reads_images_and_no_labels_or_masks_of_a_labelled_set(
    make: Callable[[Path], None], tmp_path: Path, expand_inline: Callable[..., Any]
) -> None:
    make(tmp_path / "set")
    chosen = setting(tmp_path / "set")
    expand_inline(tmp_path / "set", tmp_path / "out", copies=2)
    with MODES["offline"](chosen) as mode:
        prepared = mode.prepare()
        came = served(mode, 1)
    assert Counter(source for source, _, _ in came) == dict.fromkeys(chosen.sample.order, 3)
    if all(planned.split is None for planned in chosen.sample.opened.places):
        assert prepared.files == len(tree(tmp_path / "out")) > sum(came.values())


def test_what_a_recipe_prepares_is_prepared_once(photos: Path) -> None:
    recipe = {"prepare": [{"HorizontalFlip": {"p": 1}}], "augment": [{"Rotate": {"limit": 10, "p": 1}}]}
    chosen = setting(photos, recipe=recipe)
    with MODES["offline"](chosen) as offline, MODES["frozen"](chosen) as frozen:
        offline.prepare()
        frozen.prepare()
        assert served(offline, 1) == served(frozen, 1)


def test_a_sample_does_not_pay_for_listing_the_whole_folder(
    make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from nfold.plan.making import make_plan

    def slowly(*arguments: Any, **options: Any) -> Any:
        time.sleep(3)
        return make_plan(*arguments, **options)

    source = make_folder(3)
    whole, some = setting(source), setting(source, sample=2)
    monkeypatch.setattr("nfold.expansion.make_plan", slowly)
    with MODES["offline"](whole) as mode:
        assert mode.prepare().once_s > 3
    with MODES["offline"](some) as mode:
        assert mode.prepare().once_s < 3
