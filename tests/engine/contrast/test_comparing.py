from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

import nfold
from nfold.contrast.model import Contrast
from nfold.errors import InputError, MissingExtraError, UsageError
from nfold.stream import Stream
from tests.conftest import tree, write_picture

Run = Callable[..., Contrast]


class TestFigures:
    def test_offline_adds_files_that_come_again_and_on_the_fly_adds_none_and_shows_new_ones(
        self, run: Run, tmp_path: Path, expand_inline: Callable[..., Any]
    ) -> None:
        found = run()
        expand_inline(tmp_path / "photos", tmp_path / "out", copies=2)
        written = [tmp_path / "out" / name for name in tree(tmp_path / "out")]
        offline, on_the_fly, none = found.mode("offline"), found.mode("on-the-fly"), found.mode("none")

        assert offline.files_added == len(written) == 9
        assert offline.bytes_added == sum(path.stat().st_size for path in written)
        assert (offline.images_per_epoch, offline.steps_per_epoch) == (9, 5)
        assert offline.distinct_after == (9, 9, 9)
        assert offline.originals_seen == (3, 3, 3)
        assert offline.repeats == 18
        assert offline.once_s > 0
        assert offline.augmentation_s == (0, 0, 0)
        assert offline.inference is None

        assert (on_the_fly.files_added, on_the_fly.bytes_added) == (0, 0)
        assert (on_the_fly.images_per_epoch, on_the_fly.steps_per_epoch) == (3, 2)
        assert on_the_fly.distinct_after == (3, 6, 9)
        assert on_the_fly.originals_seen == (0, 0, 0)
        assert on_the_fly.repeats == 0
        assert all(
            0 < within < whole for within, whole in zip(on_the_fly.augmentation_s, on_the_fly.epoch_s, strict=True)
        )

        assert none.distinct_after == none.originals_seen == (3, 3, 3)
        assert none.repeats == 6

    def test_frozen_shows_what_offline_shows_and_writes_nothing(self, run: Run) -> None:
        found = run()
        offline, frozen = found.mode("offline"), found.mode("frozen")
        assert (frozen.files_added, frozen.bytes_added, frozen.once_s) == (0, 0, 0)
        same = ("images_per_epoch", "steps_per_epoch", "distinct_after", "originals_seen", "repeats")
        assert [getattr(frozen, name) for name in same] == [getattr(offline, name) for name in same]
        # Of PNG files the very pixels.
        for grid in found.grid:
            for _, modes in grid.rows:
                assert [cell.pixels for cell in modes["frozen"]] == [cell.pixels for cell in modes["offline"]]

    def test_the_answer_has_the_figures_of_the_run(self, run: Run) -> None:
        assert run().answer == (
            "Offline, 3 images became 9 files that a trainer sees again and again, in every epoch the same; on the fly "
            "nothing was added: each epoch showed 3 images, every one new, 9 distinct ones after 3 epochs; at inference "
            "images pass unchanged."
        )

    def test_it_is_the_same_again_but_for_the_times(self, run: Run) -> None:
        assert timeless(run()) == timeless(run())
        assert timeless(run(seed=1))["grid"] != timeless(run())["grid"]

    def test_the_source_is_not_touched_and_nothing_is_left_behind(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "temporary").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
        run()
        before = tree(tmp_path / "photos")
        run()
        assert tree(tmp_path / "photos") == before
        import gc

        gc.collect()
        assert list((tmp_path / "temporary").iterdir()) == []


class TestEveryRowIsMeasured:
    """Each test breaks a mode, and sees its row change."""

    def test_a_file_that_offline_does_not_write(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        from nfold.expansion import run_expansion

        def one_fewer(request: Any, **options: Any) -> Any:
            report = run_expansion(request, **options)
            (request.target / "cat/a_aug2.png").unlink()
            return report

        whole = run().mode("offline")
        monkeypatch.setattr("nfold.contrast.modes.run_expansion", one_fewer)
        found = run()
        offline = found.mode("offline")
        assert (offline.files_added, offline.images_per_epoch, offline.steps_per_epoch) == (8, 8, 4)
        assert offline.bytes_added < whole.bytes_added
        assert offline.distinct_after == (8, 8, 8)
        assert "3 images became 8 files" in found.answer

    def test_a_stream_that_serves_its_first_epoch_for_ever(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        serve = Stream.__getitem__
        monkeypatch.setattr(Stream, "__getitem__", lambda stream, address: serve(stream, (1, address[1])))
        found = run()
        assert found.mode("on-the-fly").distinct_after == (3, 3, 3)
        assert found.mode("on-the-fly").repeats == 6
        assert (
            "each epoch showed 3 images, the same ones in every epoch, 3 distinct ones after 3 epochs" in found.answer
        )
        for grid in found.grid:
            assert [cell.is_new for _, modes in grid.rows for cell in modes["on-the-fly"]] == [True, False, False]

    def test_a_stream_that_leaves_one_out(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        from nfold.contrast.modes import OnTheFly

        whole = OnTheFly.epoch

        def all_but_one(mode: OnTheFly, epoch: int) -> Iterator[Any]:
            coming = whole(mode, epoch)
            next(coming)
            yield from coming

        monkeypatch.setattr(OnTheFly, "epoch", all_but_one)
        found = run()
        assert (found.mode("on-the-fly").images_per_epoch, found.mode("on-the-fly").steps_per_epoch) == (2, 1)
        assert "each epoch showed 2 images" in found.answer

    def test_a_stream_that_does_not_vary(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        from nfold.stream.reading import ItemReader

        monkeypatch.setattr(ItemReader, "variation", lambda reader, place, copy, **_: reader.original(place))
        found = run()
        assert found.mode("on-the-fly").originals_seen == (3, 3, 3)
        assert found.mode("on-the-fly").distinct_after == (3, 3, 3)
        assert found.mode("frozen").originals_seen == (9, 9, 9)

    def test_inference_that_flips(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        import numpy as np

        from nfold.contrast.modes import OnTheFly

        plain = OnTheFly.inference

        def flipped(mode: OnTheFly) -> Iterator[Any]:
            for served in plain(mode):
                pixels = np.ascontiguousarray(served.picture.pixels[:, ::-1])
                yield replace(served, picture=replace(served.picture, pixels=pixels))

        before = run().mode("on-the-fly").inference
        assert before is not None
        assert (before.images, before.identical) == (3, 3)
        assert before.original_hash == before.served_hash
        monkeypatch.setattr(OnTheFly, "inference", flipped)
        found = run()
        inference = found.mode("on-the-fly").inference
        assert inference is not None
        assert (inference.images, inference.identical) == (3, 0)
        assert inference.original_hash != inference.served_hash
        assert found.answer.endswith("at inference only 0 of 3 images passed unchanged.")

    def test_originals_that_are_not_what_they_were(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        from nfold.stream.reading import ItemReader

        monkeypatch.setattr(ItemReader, "original", lambda reader, place: reader.variation(place, 1))
        found = run()
        assert found.mode("none").originals_seen == (0, 0, 0)
        assert found.mode("offline").originals_seen == (0, 0, 0)
        inference = found.mode("on-the-fly").inference
        assert inference is not None
        assert inference.identical == 0

    def test_an_expansion_that_takes_its_time(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        from nfold.expansion import run_expansion

        def slowly(request: Any, **options: Any) -> Any:
            time.sleep(0.5)
            return run_expansion(request, **options)

        monkeypatch.setattr("nfold.contrast.modes.run_expansion", slowly)
        assert run().mode("offline").once_s > 0.5

    def test_variations_that_take_their_time(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        from nfold.variation import vary

        monkeypatch.setattr("nfold.stream.reading.vary", lambda *arguments: (time.sleep(0.1), vary(*arguments))[1])
        found = run(copies=1, epochs=2)
        stream, frozen = found.mode("on-the-fly"), found.mode("frozen")
        assert all(seconds > 0.3 for seconds in (*stream.augmentation_s, *stream.epoch_s, *frozen.augmentation_s))
        assert stream.images_per_s < 10
        assert found.mode("offline").images_per_s > 10
        assert found.break_even.images is not None

    def test_reading_that_takes_its_time_is_no_augmentation(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        from nfold.loading import load_image

        monkeypatch.setattr(
            "nfold.stream.reading.load_image", lambda *arguments: (time.sleep(0.1), load_image(*arguments))[1]
        )
        found = run(copies=1, epochs=1)
        for mode in found.modes:
            assert mode.epoch_s[0] > 0.3
            assert mode.augmentation_s[0] < 0.3


class TestSample:
    def test_all_modes_run_on_the_same_few_and_the_copies_are_those_of_a_run_on_the_whole(
        self, tmp_path: Path, expand_inline: Callable[..., Any]
    ) -> None:
        """One picture of five is boxed: whichever two are run, the border is that of a boxed data set."""
        from nfold.contrast.modes import MODES
        from nfold.images import DecodeLimits, decode_image
        from nfold.variation import pixel_hash

        source = boxed_set(tmp_path / "boxed")
        expand_inline(source, tmp_path / "out", copies=2)
        known = {
            pixel_hash(decode_image((tmp_path / "out" / name).read_bytes(), DecodeLimits()))
            for name in tree(tmp_path / "out")
            if name.endswith(".png")
        }
        for sample in (1, 2):
            found = nfold.compare(source, copies=2, epochs=2, sample=sample)
            assert (found.sources, found.sampled, len(found.grid)) == (5, sample, sample)
            assert "images/p1.png" not in {grid.source for grid in found.grid}
            assert found.mode("offline").images_per_epoch == 3 * sample
            for grid in found.grid:
                cells = [cell for _, modes in grid.rows for name in MODES for cell in modes[name]]
                assert {cell.pixels for cell in cells} <= known
            assert any(f"{sample} of 5 training images were run" in note for note in found.notes)

    def test_only_the_training_split_is_run(self, tmp_path: Path) -> None:
        for number, name in enumerate(("train/cat/a.png", "train/dog/b.png", "val/cat/c.png")):
            write_picture(tmp_path / "split" / name, number)
        found = nfold.compare(tmp_path / "split", copies=1, epochs=1)
        assert (found.sources, found.mode("offline").files_added) == (2, 4)
        assert {grid.source for grid in found.grid} == {"train/cat/a.png", "train/dog/b.png"}

    def test_what_cannot_be_used_is_in_no_mode_and_is_named(self, make_folder: Callable[..., Path]) -> None:
        source = make_folder({"a.png": 1, "b.png": 2})
        (source / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        found = nfold.compare(source, copies=1, epochs=1)
        assert list(found.skipped) == ["broken.png"]
        assert [mode.images_per_epoch for mode in found.modes if mode.mode in ("none", "offline")] == [2, 4]
        assert not any("training images were run" in note for note in found.notes)

    def test_a_picture_of_one_colour_is_a_shortfall_and_no_skipped_source(self, tmp_path: Path) -> None:
        import cv2
        import numpy as np

        write_picture(tmp_path / "photos/a.png", 1)
        cv2.imwrite(str(tmp_path / "photos/plain.png"), np.full((20, 20, 3), 90, np.uint8))
        found = nfold.compare(tmp_path / "photos", copies=2, epochs=2)
        assert found.mode("offline").images_per_epoch == found.mode("frozen").images_per_epoch == 4
        assert found.mode("on-the-fly").originals_seen == (1, 1)
        assert any("2 copies are missing" in note and "plain.png" in note for note in found.notes)
        assert found.skipped == {}


class TestBadUse:
    @pytest.mark.parametrize(
        ("option", "number"),
        [("copies", 0), ("copies", 1001), ("epochs", 0), ("epochs", -1), ("sample", 0), ("sample", 1001), ("batch", 0)],
    )
    def test_a_number_out_of_range_is_refused(self, run: Run, option: str, number: int) -> None:
        with pytest.raises(UsageError, match=f"--{option} is {number}; it goes from 1 to") as caught:
            run(**{option: number})
        assert caught.value.stable_code == "compare.range"

    def test_an_expanded_folder_and_what_lies_in_it_are_refused(
        self, make_folder: Callable[..., Path], tmp_path: Path, expand_inline: Callable[..., Any]
    ) -> None:
        expand_inline(make_folder({"cat/a.png": 1}), tmp_path / "out", copies=1)
        for folder in (tmp_path / "out", tmp_path / "out/cat"):
            with pytest.raises(InputError, match="expanded by nfold already") as caught:
                nfold.compare(folder)
            assert caught.value.stable_code == "input.already_expanded"

    def test_validation_is_not_for_augmentation(self, tmp_path: Path) -> None:
        for number, name in enumerate(("train/cat/a.png", "val/cat/c.png")):
            write_picture(tmp_path / "split" / name, number)
        with pytest.raises(UsageError, match="'val' is not for training"):
            nfold.compare(tmp_path / "split", split="val")

    def test_a_folder_of_broken_files_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "broken.png").write_bytes(b"no picture")
        with pytest.raises(InputError, match=r"No image in .* can be used. broken.png: ") as caught:
            nfold.compare(tmp_path)
        assert caught.value.stable_code == "input.nothing_usable"

    def test_training_without_keras_is_refused_before_any_work(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nfold.contrast.comparing.keras_is_missing", lambda: "not there")
        monkeypatch.setattr("nfold.contrast.comparing.measure", lambda *_, **__: pytest.fail("it began"))
        with pytest.raises(MissingExtraError) as caught:
            run(train=True)
        assert caught.value.hint == "pip install 'nfold[keras]'"


class TestCommand:
    def test_it_names_every_option_that_tells_runs_apart(self, run: Run, tmp_path: Path) -> None:
        told = run(include=["*.png", "*x y*"], format="class-folders", damaged="keep", sample=7).command
        assert told == (
            f"nfold compare {tmp_path / 'photos'} --copies 2 --epochs 3 --recipe flip-rotate --seed 0 --batch 2 "
            "--sample 7 --format class-folders '--include=*.png' '--include=*x y*' --damaged keep"
        )

    def test_it_can_be_parsed_and_says_the_same_again(self, run: Run) -> None:
        import shlex

        from nfold_cli.parser import make_parser

        found = run(seed=3)
        options = make_parser().parse_args(shlex.split(found.command)[1:])
        assert (options.command, options.source, options.seed, options.batch) == ("compare", found.source, 3, 2)

    def test_a_recipe_that_was_given_as_a_document_is_named_as_a_file(self, run: Run) -> None:
        tilt = {"name": "tilt", "augment": [{"Rotate": {"limit": 10, "p": 1}}]}
        found = run(recipe=tilt, epochs=1)
        assert found.recipe == "tilt"
        assert "--recipe tilt.yaml" in found.command


def test_training_gets_the_same_options_and_its_result_is_in_the_contrast(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {}

    def train(source: Any, **options: Any) -> Any:
        asked.update(options, source=source)
        return "the result"

    monkeypatch.setattr("nfold.contrast.comparing.keras_is_missing", lambda: None)
    monkeypatch.setattr("nfold.contrast.comparing._train", train)
    found = run(train=True, seed=5, exclude=["x*"])
    assert found.training == "the result"  # type: ignore[comparison-overlap]
    assert found.command.endswith("--train")
    del asked["observe"]
    assert asked == {
        "source": tmp_path / "photos",
        "copies": 2,
        "epochs": 3,
        "recipe": "flip-rotate",
        "seed": 5,
        "batch": 2,
        "format": None,
        "voc_origin": None,
        "include": (),
        "exclude": ("x*",),
        "max_pixels": 50_000_000,
        "damaged": "skip",
    }


def test_it_can_be_written_as_json(run: Run) -> None:
    found = run()
    document = json.loads(json.dumps(found.to_json()))
    assert set(document) == set(asdict(found))
    assert "jpeg" not in json.dumps(document["grid"])


def timeless(found: Contrast) -> dict[str, Any]:
    """A contrast without what a clock said."""
    document = found.to_json()
    for mode in document["modes"]:
        for name in ("once_s", "epoch_s", "augmentation_s", "images_per_s"):
            del mode[name]
    del document["break_even"]
    document["notes"] = document["notes"][1:]
    return document


def boxed_set(root: Path) -> Path:
    """Five pictures in the layout of YOLO, one with a box and four with nothing in them."""
    for number in range(5):
        write_picture(root / f"images/p{number}.png", number)
        label = root / f"labels/p{number}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("0 0.5 0.5 0.4 0.4\n" if number == 1 else "", encoding="utf-8")
    (root / "data.yaml").write_text("train: images\nnames: {0: thing}\n", encoding="utf-8")
    return root
