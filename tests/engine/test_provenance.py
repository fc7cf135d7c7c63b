from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import nfold
from nfold.errors import MissingFileError, OutputError, SampleError
from nfold.images import DecodeLimits, decode_image
from nfold.provenance import in_words
from tests.conftest import tree, write_picture
from tests.engine.data_sets import make_coco, make_masks

FLIPS = {"augment": [{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}]}
PREPARED = {
    "name": "small",
    "prepare": [{"Resize": {"height": 20, "width": 24}}],
    "augment": [{"Rotate": {"limit": 30, "p": 1}}],
    "output": {"format": "png"},
}
Expand = Callable[..., Any]


@pytest.fixture
def source(make_folder: Callable[..., Path]) -> Path:
    return make_folder({"cat/a.jpg": 1, "cat/b.png": 2, "dog/c.png": 3})


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out"


def rows_of(target: Path) -> list[dict[str, Any]]:
    parts = (target / ".nfold/parts").iterdir()
    return [json.loads(line) for part in parts for line in part.read_text().splitlines()[1:]]


class TestExplained:
    def test_a_copy(self, source: Path, target: Path, expand_inline: Expand) -> None:
        expand_inline(source, target, copies=2, seed=9)
        told = nfold.explain(target, "cat/a_aug2.jpg")
        assert (told.file, told.source, told.copy, told.seed) == ("cat/a_aug2.jpg", "cat/a.jpg", 2, 9)
        assert (told.split, told.category, told.recipe) == (None, "cat", "flip-rotate")
        assert told.siblings == ("cat/a.jpg", "cat/a_aug1.jpg")
        assert [name for name, _ in told.applied][-1] == "Rotate"
        assert len(told.in_words) == len(told.applied)
        assert json.loads(json.dumps(told.to_json()))["file"] == "cat/a_aug2.jpg"

    def test_an_original(self, source: Path, target: Path, expand_inline: Expand) -> None:
        expand_inline(source, target, copies=1)
        told = nfold.explain(target, "cat/b.png")
        assert (told.copy, told.applied, told.siblings) == (0, (), ("cat/b_aug1.png",))

    def test_a_file_by_any_path_that_leads_to_it(
        self, source: Path, target: Path, expand_inline: Expand, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expand_inline(source, target, copies=1)
        monkeypatch.chdir(target / "cat")
        paths = [target / "cat/a.jpg", "cat/a.jpg", "a.jpg", "../cat/a.jpg", "./a.jpg"]
        assert {nfold.explain(target, path).file for path in paths} == {"cat/a.jpg"}

    def test_no_file_at_all(self, source: Path, target: Path, expand_inline: Expand) -> None:
        expand_inline(source, target, copies=1)
        for name in ("cat/a_aug2.jpg", "cat", "nfold.json", "", "cat/a", "*"):
            with pytest.raises(MissingFileError, match="does not name") as caught:
                nfold.explain(target, name)
            self.assert_hint_leads_to_a_file(target, caught.value)
        with pytest.raises(OutputError, match="was not written by nfold"):
            nfold.explain(source, "cat/a.jpg")

    def assert_hint_leads_to_a_file(self, target: Path, error: MissingFileError) -> None:
        name = str(error.hint).rpartition("such as ")[2].removesuffix(".")
        assert nfold.explain(target, name).copy == 1

    def test_a_file_about_many_pictures_with_a_picture_that_is_there(
        self, tmp_path: Path, target: Path, expand_inline: Expand
    ) -> None:
        make_coco(tmp_path / "coco")
        expand_inline(tmp_path / "coco", target, copies=1)
        for ask in (nfold.explain, nfold.regenerate):
            with pytest.raises(MissingFileError, match="about many pictures") as caught:
                ask(target, "instances.json")
            self.assert_hint_leads_to_a_file(target, caught.value)

    def test_a_picture_with_a_mask_by_the_values_of_its_pixels(
        self, tmp_path: Path, target: Path, expand_inline: Expand
    ) -> None:
        make_masks(tmp_path / "masked")
        expand_inline(tmp_path / "masked", target, copies=1, recipe=FLIPS)
        told = nfold.explain(target, "images/one_aug1.png")
        assert told.mask == "masks/one_aug1.png"
        assert told.mask_values == {"0": 60 * 40 - 16 * 14 - 20 * 24, "2": 20 * 24, "1": 16 * 14}
        assert list(told.mask_values) == ["0", "2", "1"]
        assert nfold.explain(target, "masks/one_aug1.png").mask == "masks/one_aug1.png"
        (target / "masks/one_aug1.png").unlink()
        assert nfold.explain(target, "images/one_aug1.png").mask_values == {}

    def test_a_mask_in_colours_by_these(self, tmp_path: Path, target: Path, expand_inline: Expand) -> None:
        make_masks(tmp_path / "masked")
        for path in (tmp_path / "masked/masks").iterdir():
            pixels = np.zeros((40, 60, 3), np.uint8)
            pixels[:10] = (0, 128, 255)  # blue, green, red
            cv2.imwrite(str(path), pixels)
        expand_inline(tmp_path / "masked", target, copies=1, recipe=FLIPS)
        told = nfold.explain(target, "images/one_aug1.png")
        assert told.mask_values == {"#000000": 30 * 60, "#ff8000": 10 * 60}


class TestMadeAgain:
    def assert_all_come_back(self, target: Path, **options: Any) -> None:
        names = tree(target)
        assert names
        for name in names:
            made = nfold.regenerate(target, name, **options)
            assert (made.same_bytes, made.same_pixels, made.on_disk) == (True, True, True), name
            assert made.data == (target / name).read_bytes()
            assert made.differences == ()
        assert tree(target) == names, "nothing is written"

    def test_originals_and_copies(self, source: Path, target: Path, expand_inline: Expand) -> None:
        expand_inline(source, target, copies=3, seed=5)
        self.assert_all_come_back(target)

    def test_copies_that_were_drawn_again(self, make_folder: Any, target: Path, expand_inline: Expand) -> None:
        expand_inline(make_folder(5), target, copies=3, recipe=FLIPS)
        redrawn = [row["file"] for row in rows_of(target) if row.get("draw")]
        assert redrawn, "no copy had to be drawn again: the test tests nothing"
        assert all(nfold.explain(target, name).draw > 0 for name in redrawn)
        self.assert_all_come_back(target)

    def test_prepared_originals_and_their_copies(self, source: Path, target: Path, expand_inline: Expand) -> None:
        expand_inline(source, target, copies=2, recipe=PREPARED)
        assert set(tree(target)) >= {"cat/a.png", "cat/a_aug1.png"}
        self.assert_all_come_back(target)
        image = decode_image(nfold.regenerate(target, "cat/a.png").data, DecodeLimits())
        assert image.pixels.shape == (20, 24, 3)

    @pytest.mark.parametrize("output", [{"format": "webp"}, {"format": "bmp"}, {"format": "jpeg", "jpeg_quality": 60}])
    def test_another_format(self, output: dict[str, Any], source: Path, target: Path, expand_inline: Expand) -> None:
        expand_inline(source, target, copies=1, recipe={**PREPARED, "prepare": [], "output": output})
        self.assert_all_come_back(target)

    @pytest.mark.parametrize("originals", ["link", "none"])
    def test_however_the_originals_came_in(
        self, originals: str, source: Path, target: Path, expand_inline: Expand
    ) -> None:
        expand_inline(source, target, copies=1, originals=originals)
        self.assert_all_come_back(target)

    def test_odd_names(self, tmp_path: Path, target: Path, expand_inline: Expand) -> None:
        for name in ("\udcff.png", "new\nline.png", "\u0065\u0301.png"):
            write_picture(tmp_path / "plain.png", len(name))
            (tmp_path / "in").mkdir(exist_ok=True)
            os.rename(tmp_path / "plain.png", tmp_path / "in" / name)
        expand_inline(tmp_path / "in", target, copies=1)
        assert "\u00e9_aug1.png" in tree(target)
        self.assert_all_come_back(target)

    def test_damaged_images_that_were_kept(self, source: Path, target: Path, expand_inline: Expand) -> None:
        data = (source / "cat/a.jpg").read_bytes()
        (source / "cat/a.jpg").write_bytes(data[: len(data) * 2 // 3])
        expand_inline(source, target, copies=1, damaged="keep")
        assert "cat/a_aug1.jpg" in tree(target)
        self.assert_all_come_back(target)

    def test_from_the_original_in_the_output_when_the_source_is_gone(
        self, source: Path, target: Path, tmp_path: Path, expand_inline: Expand
    ) -> None:
        expand_inline(source, target, copies=1)
        source.rename(tmp_path / "moved")
        self.assert_all_come_back(target)
        self.assert_all_come_back(target, source=tmp_path / "moved")

    def test_without_any_source_the_hint_says_what_to_give(
        self, source: Path, target: Path, tmp_path: Path, expand_inline: Expand
    ) -> None:
        expand_inline(source, target, copies=1, originals="none")
        source.rename(tmp_path / "moved")
        with pytest.raises(MissingFileError, match=r"cat/a\.jpg, is not in") as caught:
            nfold.regenerate(target, "cat/a_aug1.jpg")
        assert "--source" in (caught.value.hint or "")
        self.assert_all_come_back(target, source=tmp_path / "moved")

    def test_a_source_that_has_changed_is_told_apart_from_one_that_is_gone(
        self, source: Path, target: Path, expand_inline: Expand
    ) -> None:
        expand_inline(source, target, copies=1, originals="none")
        write_picture(source / "cat/b.png", 77)
        with pytest.raises(SampleError, match="has changed since") as caught:
            nfold.regenerate(target, "cat/b_aug1.png")
        assert caught.value.stable_code == "source.changed"

    def test_a_file_that_was_lost_or_edited(self, source: Path, target: Path, expand_inline: Expand) -> None:
        expand_inline(source, target, copies=1)
        whole = (target / "cat/b_aug1.png").read_bytes()
        (target / "cat/b_aug1.png").write_bytes(b"retouched")
        made = nfold.regenerate(target, "cat/b_aug1.png")
        assert (made.same_bytes, made.on_disk, made.data) == (True, False, whole)
        (target / "cat/b_aug1.png").unlink()
        made = nfold.regenerate(target, "cat/b_aug1.png")
        assert (made.same_bytes, made.on_disk, made.data) == (True, None, whole)
        assert "data" not in made.to_json()

    def test_other_versions_are_named(self, source: Path, target: Path, expand_inline: Expand) -> None:
        expand_inline(source, target, copies=1)
        card = json.loads((target / "nfold.json").read_text())
        card["builds"][card["build"]]["libraries"]["numpy"] = "1.0"
        (target / "nfold.json").write_text(json.dumps(card))
        (difference,) = nfold.regenerate(target, "cat/b_aug1.png").differences
        assert difference.startswith("numpy was 1.0, is ")


class TestInWords:
    def test_a_turn_is_said_in_degrees(self) -> None:
        turn = np.deg2rad(12.34)
        matrix = [[np.cos(turn), np.sin(turn), 3.0], [-np.sin(turn), np.cos(turn), 4.0], [0, 0, 1]]
        assert "12.3 degrees" in in_words("Rotate", {"matrix": matrix})
        assert in_words("Rotate", {"matrix": matrix}) != in_words("Rotate", {"matrix": np.transpose(matrix).tolist()})

    @pytest.mark.parametrize(
        ("parameters", "words"),
        [
            ({}, "Blur"),
            ({"kernel": 3, "sigma": 0.123456, "map": [1, 2], "none": None}, "Blur: kernel 3, sigma 0.1235"),
            ({"matrix": [[1, 2], [3, 4]]}, "Blur"),
            ({"matrix": [[1, 0, 0], [0, 1, 0], [0.1, 0, 1]], "fill": 0}, "Blur: fill 0"),
        ],
    )
    def test_other_parameters_are_listed(self, parameters: dict[str, Any], words: str) -> None:
        assert in_words("Blur", parameters) == words
