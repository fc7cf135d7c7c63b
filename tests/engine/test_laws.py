"""The laws of the design, each in a form that fails when the law is broken."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from nfold.images import DecodeLimits, decode_image
from nfold.randomness import variation_generators
from nfold.recipe import load_recipe, resolve_border
from nfold.variation import RecipeInForce, Sample, vary
from tests.conftest import paint, tree, tree_digest, write_picture

LOSSLESS = {"augment": [{"HorizontalFlip": {"p": 0.5}}, {"Rotate": {"limit": 36, "p": 1}}], "output": {"format": "png"}}


def in_force(recipe: object) -> RecipeInForce:
    loaded = load_recipe(recipe)  # type: ignore[arg-type]
    return RecipeInForce(recipe=loaded, border=resolve_border(loaded, annotated=False))


def sample_of(seed: int = 1, source: str = "cat.png") -> Sample:
    import cv2

    data = cv2.imencode(".png", paint(seed))[1].tobytes()
    return Sample(source=source, image=decode_image(data, DecodeLimits()))


class TestPure:
    def test_equal_addresses_give_equal_pixels_whatever_ran_before(self) -> None:
        recipe, sample = in_force("strong"), sample_of()

        def once() -> np.ndarray:
            return vary(sample, recipe, variation_generators(seed=3, source_id="cat.png", copy=2)).image.pixels

        first = once()
        for copy in range(5, 9):
            vary(sample_of(2), recipe, variation_generators(seed=9, source_id="x", copy=copy))
        fresh = vary(sample_of(), in_force("strong"), variation_generators(seed=3, source_id="cat.png", copy=2))
        assert np.array_equal(first, once())
        assert np.array_equal(first, fresh.image.pixels)

    def test_the_sample_is_never_written_to(self) -> None:
        sample = sample_of()
        before = sample.image.pixels.copy()
        for copy in range(20):
            vary(sample, in_force("strong"), variation_generators(seed=0, source_id="cat.png", copy=copy))
        assert np.array_equal(before, sample.image.pixels)

    def test_the_global_generators_are_neither_read_nor_set(self) -> None:
        recipe, sample = in_force("strong"), sample_of()
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002 - it is this state that has to stay as it is
        states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        pixels = vary(sample, recipe, variation_generators(seed=0, source_id="cat.png", copy=1)).image.pixels
        assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002
        random.seed(2)
        np.random.seed(2)  # noqa: NPY002
        again = vary(sample, recipe, variation_generators(seed=0, source_id="cat.png", copy=1)).image.pixels
        assert np.array_equal(pixels, again)

    @pytest.mark.slow
    def test_any_number_of_workers_gives_the_same_tree(self, example_photos: Path, tmp_path: Path) -> None:
        import nfold

        digests = set()
        for workers in (1, 2, 5):
            report = nfold.expand(example_photos, tmp_path / str(workers), copies=3, recipe="medium", workers=workers)
            assert report.tree_digest == tree_digest(tmp_path / str(workers))
            digests.add(report.tree_digest)
        assert len(digests) == 1

    def test_the_order_of_shards_and_sources_does_not_matter(
        self, make_folder, tmp_path, expand_inline, monkeypatch
    ) -> None:
        source = make_folder(12)
        straight = expand_inline(source, tmp_path / "straight", copies=2)
        import nfold.expansion

        original = nfold.expansion.make_shards

        def shuffled(*arguments):
            shards = list(original(*arguments))
            random.Random(5).shuffle(shards)
            return iter(shards)

        monkeypatch.setattr(nfold.expansion, "make_shards", shuffled)
        assert expand_inline(source, tmp_path / "shuffled", copies=2).tree_digest == straight.tree_digest
        assert tree(tmp_path / "shuffled") == tree(tmp_path / "straight")

    def test_eight_copies_at_once_equal_five_and_then_three_more(self, make_folder, tmp_path, expand_inline) -> None:
        source = make_folder(5)
        expand_inline(source, tmp_path / "grown", copies=5)
        five = {path: path.stat().st_mtime_ns for path in (tmp_path / "grown").glob("*.png")}
        grown = expand_inline(source, tmp_path / "grown", copies=8)
        at_once = expand_inline(source, tmp_path / "at_once", copies=8)
        assert tree(tmp_path / "grown") == tree(tmp_path / "at_once")
        assert grown.tree_digest == at_once.tree_digest == tree_digest(tmp_path / "grown")
        assert grown.written == 5 * 3
        assert all(path.stat().st_mtime_ns == time for path, time in five.items()), "the first five were touched"

    def test_from_ten_sources_to_many_and_back_nothing_else_changes(self, make_folder, tmp_path, expand_inline) -> None:
        source, target = make_folder(10), tmp_path / "out"
        ten = expand_inline(source, target, copies=2)
        before = tree(target)
        times = {name: (target / name).stat().st_mtime_ns for name in before}
        for number in range(10, 400):
            shutil.copy(source / f"picture{number % 10}.png", source / f"more{number}.png")
        many = expand_inline(source, target, copies=2)
        assert many.images_after == 400 * 3
        assert many.written == 390 * 3
        assert {name: digest for name, digest in tree(target).items() if name in before} == before
        for number in range(10, 400):
            (source / f"more{number}.png").unlink()
        back = expand_inline(source, target, copies=2)
        assert back.written == 0
        assert back.removed == 390 * 3
        assert tree(target) == before
        assert back.tree_digest == ten.tree_digest
        assert {name: (target / name).stat().st_mtime_ns for name in before} == times


class TestIndependent:
    @pytest.mark.parametrize("axis", ["seed", "copy", "source"])
    def test_two_even_chances_fall_in_all_four_ways_alike(self, axis: str) -> None:
        recipe = in_force({"augment": [{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}]})
        sample = sample_of()
        counts = dict.fromkeys(itertools.product((False, True), repeat=2), 0)
        draws = 800
        for number in range(draws):
            address = {"seed": 0, "source_id": "cat.png", "copy": 1}
            address.update(
                {"seed": {"seed": number}, "copy": {"copy": number}, "source": {"source_id": f"{number}.png"}}[axis]
            )
            variation = vary(sample, recipe, variation_generators(**address))
            fired = {transform.name for transform in variation.applied}
            counts["HorizontalFlip" in fired, "VerticalFlip" in fired] += 1
        expected = draws / 4
        chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
        assert chi_square < 16.27, f"three degrees of freedom, one in a thousand: {counts}"

    def test_neighbouring_seeds_share_nothing(self) -> None:
        recipe, sample = in_force("flip-rotate"), sample_of()
        seen = set()
        for seed, copy in itertools.product(range(6), range(1, 7)):
            seen.add(
                vary(
                    sample, recipe, variation_generators(seed=seed, source_id="cat.png", copy=copy)
                ).image.pixels.tobytes()
            )
        assert len(seen) == 36

    def test_words_of_the_address_do_not_run_into_each_other(self) -> None:
        def first_draw(**address: int) -> float:
            return float(variation_generators(source_id="a", **address).numpy.random())

        pairs = [
            {"seed": 7, "copy": 0, "draw": 0},
            {"seed": 0, "copy": 7, "draw": 0},
            {"seed": 0, "copy": 0, "draw": 7},
        ]
        pairs += [
            {"seed": 2**32, "copy": 5, "draw": 1},
            {"seed": 0, "copy": 5, "draw": 1},
            {"seed": 1, "copy": 5, "draw": 1},
        ]
        assert len({first_draw(**pair) for pair in pairs}) == len(pairs)


class TestAdded:
    def test_originals_are_there_byte_for_byte_and_the_count_is_exact(
        self, make_folder, tmp_path, expand_inline
    ) -> None:
        source = make_folder({"cats/a.jpg": 1, "cats/b.png": 2, "dogs/a.jpg": 3, "dogs/c.webp": 4})
        report = expand_inline(source, tmp_path / "out", copies=4)
        assert report.images_after == 4 * (4 + 1) == len(tree(tmp_path / "out"))
        for path in source.rglob("*.*"):
            assert (tmp_path / "out" / path.relative_to(source)).read_bytes() == path.read_bytes()

    def test_an_unreadable_source_gives_no_file_at_all_and_is_named_on_every_run(
        self, make_folder, tmp_path, expand_inline
    ) -> None:
        source = make_folder(3)
        (source / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
        for _ in range(2):
            report = expand_inline(source, tmp_path / "out", copies=2)
            assert not report.is_whole
            assert [row.source for row in report.skipped] == ["broken.jpg"]
            assert not list((tmp_path / "out").glob("broken*"))
            rows = [json.loads(line) for line in (tmp_path / "out/.nfold/skipped.jsonl").read_text().splitlines()]
            assert [(row["source"], row["code"].split(".")[0]) for row in rows] == [("broken.jpg", "image")]

    def test_a_source_that_breaks_later_loses_its_files_and_gets_them_back(
        self, make_folder, tmp_path, expand_inline
    ) -> None:
        source, target = make_folder(3), tmp_path / "out"
        expand_inline(source, target, copies=2)
        whole = tree(target)
        good = (source / "picture1.png").read_bytes()
        (source / "picture1.png").write_bytes(good[: len(good) // 2])
        assert expand_inline(source, target, copies=2).removed == 3
        assert tree(target) == {name: digest for name, digest in whole.items() if "picture1" not in name}
        (source / "picture1.png").write_bytes(good)
        assert expand_inline(source, target, copies=2).is_whole
        assert tree(target) == whole

    def test_inputs_are_never_modified(self, make_folder, tmp_path, expand_inline) -> None:
        source = make_folder({"cats/a.jpg": 1, "dogs/b.png": 2})
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.rglob("*.*")}
        for originals in ("copy", "link", "none"):
            expand_inline(source, tmp_path / originals, copies=2, originals=originals)
            expand_inline(source, tmp_path / originals, copies=1, originals=originals)
        assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.rglob("*.*")} == before


class TestDistinct:
    def test_a_recipe_that_has_one_other_picture_gives_one_copy_and_says_so(
        self, make_folder, tmp_path, expand_inline
    ) -> None:
        flip = {"augment": [{"HorizontalFlip": {"p": 0.5}}]}
        source = make_folder(3)
        for _ in range(2):
            report = expand_inline(source, tmp_path / "out", copies=5, recipe=flip)
            assert report.images_after == 3 * 2
            assert report.short == dict.fromkeys(sorted(report.short), 4)
            assert set(report.short) == {path.name for path in source.iterdir()}
            assert not report.is_whole

    def test_no_copy_equals_its_source_or_a_sibling(self, make_folder, tmp_path, expand_inline) -> None:
        # Four pictures can be reached by two flips: three copies are distinct only if twins are drawn again.
        flips = {"augment": [{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}]}
        source = make_folder(8)
        report = expand_inline(source, tmp_path / "out", copies=3, recipe=flips)
        assert report.is_whole
        import cv2

        for picture in source.iterdir():
            paths = [tmp_path / "out" / picture.name, *(tmp_path / "out").glob(f"{picture.stem}_aug*.png")]
            pixels = {cv2.imread(str(path)).tobytes() for path in paths}
            assert len(paths) == len(pixels) == 4

    def test_a_lost_copy_that_was_drawn_again_comes_back_as_it_was(self, make_folder, tmp_path, expand_inline) -> None:
        flips = {"augment": [{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}]}
        source, target = make_folder(6), tmp_path / "out"
        expand_inline(source, target, copies=3, recipe=flips)
        whole = tree(target)
        rows = [
            json.loads(line)
            for part in (target / ".nfold/parts").iterdir()
            for line in part.read_text().splitlines()[1:]
        ]
        redrawn = [row["file"] for row in rows if row.get("draw")]
        assert redrawn, "no copy had to be drawn again: the test tests nothing"
        for name in redrawn:
            (target / name).unlink()
        report = expand_inline(source, target, copies=3, recipe=flips)
        assert report.written == len(redrawn)
        assert tree(target) == whole


class TestNoLeak:
    def test_only_the_training_split_is_expanded(self, make_folder, tmp_path, expand_inline) -> None:
        places = itertools.product(("train", "valid", "Test"), "ab", range(2))
        source = make_folder(
            {f"{split}/{label}/{number}.png": seed for seed, (split, label, number) in enumerate(places)}
        )
        report = expand_inline(source, tmp_path / "out", copies=3)
        found = tree(tmp_path / "out")
        assert report.format.startswith("class-folders")
        assert len(found) == 4 * 4 + 4 + 4
        assert not [name for name in found if "_aug" in name and not name.startswith("train/")]

    def test_splitting_comes_first_and_keeps_relatives_together(self, make_folder, tmp_path, expand_inline) -> None:
        names = {
            f"{label}/scene{scene}_{frame}.png": 100 * scene + frame
            for label in ("cat", "dog")
            for scene in range(12)
            for frame in range(3)
        }
        source = make_folder(names)
        shutil.copy(source / "cat/scene1_0.png", source / "cat/other_name.png")
        write_picture(source / "cat/same_pixels.bmp", 100 * 2 + 1)
        report = expand_inline(source, tmp_path / "out", copies=2, split="70/20/10", group=r"(scene\d+)_")
        where = {}
        for name in tree(tmp_path / "out"):
            split, _, rest = name.partition("/")
            if "_aug" not in name:
                where[rest] = split
            assert "_aug" not in name or split == "train"
        for scene in range(12):
            assert (
                len({where[f"{label}/scene{scene}_{frame}.png"] for label in ("cat", "dog") for frame in range(3)}) == 1
            )
        assert where["cat/other_name.png"] == where["cat/scene1_0.png"]
        assert where["cat/same_pixels.bmp"] == where["cat/scene2_1.png"]
        assert set(where.values()) == {"train", "val", "test"}
        assert report.leaks_count == 0

    def test_no_source_ever_moves_to_another_split(self, make_folder, tmp_path, expand_inline) -> None:
        source, target = (
            make_folder(
                {f"{label}/{number}.png": number + 100 * (label == "b") for label in "ab" for number in range(20)}
            ),
            tmp_path / "out",
        )
        expand_inline(source, target, copies=1, split="60/20/20")
        before = {name.partition("/")[2]: name for name in tree(target) if "_aug" not in name}
        for number in range(20, 60):
            write_picture(source / f"a/{number}.png", 1000 + number)
        (source / "a/3.png").unlink()
        expand_inline(source, target, copies=1, split="60/20/20")
        after = {name.partition("/")[2]: name for name in tree(target) if "_aug" not in name}
        assert {rest: name for rest, name in after.items() if rest in before} == {
            rest: name for rest, name in before.items() if rest != "a/3.png"
        }
        assert {after[f"a/{number}.png"].split("/")[0] for number in range(20, 60)} == {"train", "val", "test"}

    def test_a_newcomer_related_to_two_splits_is_named_and_left_out(self, make_folder, tmp_path, expand_inline) -> None:
        source, target = make_folder({f"{number}.png": number for number in range(30)}), tmp_path / "out"
        expand_inline(source, target, copies=1, split="50/50")
        where = {name.partition("/")[2]: name.split("/")[0] for name in tree(target) if "_aug" not in name}
        train, val = (next(name for name, split in where.items() if split == wanted) for wanted in ("train", "val"))
        # The group of one and the pixels of the other.
        shutil.copy(source / val, source / f"x{train}")
        report = expand_inline(source, target, copies=1, split="50/50", group=r"(\d+)\.png", rebuild=True)
        assert report.skipped_count == 0, "when all are split together the two simply stay together"
        shutil.rmtree(target)
        (source / f"x{train}").unlink()
        expand_inline(source, target, copies=1, split="50/50", group=r"(\d+)\.png")
        where = {name.partition("/")[2]: name.split("/")[0] for name in tree(target) if "_aug" not in name}
        train, val = (next(name for name, split in where.items() if split == wanted) for wanted in ("train", "val"))
        shutil.copy(source / val, source / f"x{train}")
        report = expand_inline(source, target, copies=1, split="50/50", group=r"(\d+)\.png")
        assert [(row.source, row.code) for row in report.skipped] == [(f"x{train}", "split.bridge")]
        assert f"x{train}" not in {Path(name).name for name in tree(target)}

    def test_leaks_that_are_in_the_input_are_reported(self, make_folder, tmp_path, expand_inline) -> None:
        source = make_folder({"train/a/1.png": 1, "train/a/2.png": 2, "val/a/9.bmp": 2, "val/a/3.png": 3})
        report = expand_inline(source, tmp_path / "out", copies=1)
        assert [(leak.trained_on, leak.held_out, leak.from_input) for leak in report.leaks] == [
            ("train/a/2.png", "val/a/9.bmp", True)
        ]


class TestNothingHidden:
    def test_no_network_is_ever_asked(self, make_folder, tmp_path, expand_inline, monkeypatch) -> None:
        import socket

        def refuse(*arguments: object, **options: object) -> None:
            raise AssertionError(f"the network was asked: {arguments}")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        expand_inline(make_folder(2), tmp_path / "out", copies=1)
        assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"
