from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from nfold import Stream
from nfold.errors import UsageError
from nfold.stream.archive import ArchiveReport, member, write_archive
from tests.conftest import paint, write_picture
from tests.engine import data_sets


def archive(stream: Stream, epochs: range = range(1, 2), **options: Any) -> tuple[bytes, ArchiveReport]:
    written = io.BytesIO()
    report = write_archive(stream, written.write, epochs=epochs, **options)
    assert report.bytes == len(written.getvalue())
    return written.getvalue(), report


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
        assert len(found) == len(tar.getmembers())
        return found


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    data_sets.make_class_folders(tmp_path / "source")
    write_picture(tmp_path / "source/dog/five.jpg", 5)
    return tmp_path / "source"


def test_the_pictures_of_epoch_e_are_the_files_that_expand_writes_as_copy_e(
    classes: Path, tmp_path: Path, expand_inline: Callable[..., Any]
) -> None:
    expand_inline(classes, tmp_path / "out", copies=3, seed=7)
    found = members(archive(Stream(classes, seed=7), range(2, 4), by_epoch=True)[0])
    pictures = {name: data for name, data in found.items() if name.endswith((".png", ".jpg"))}
    assert len(pictures) == 10
    for name, data in pictures.items():
        epoch, _, rest = name.partition("/")
        stem, ending = os.path.splitext(rest)
        assert data == (tmp_path / f"out/{stem}_aug{int(epoch[1:])}{ending}").read_bytes()


def test_the_rules_of_the_recipe_for_the_output_hold_here_too(
    classes: Path, tmp_path: Path, expand_inline: Callable[..., Any]
) -> None:
    recipe = {
        "name": "x",
        "prepare": [{"Resize": {"height": 24, "width": 32}}],
        "augment": [{"Rotate": {"limit": 20, "p": 1}}],
        "output": {"format": "jpeg", "jpeg_quality": 60},
    }
    expand_inline(classes, tmp_path / "out", copies=1, recipe=recipe, originals="none")
    found = members(archive(Stream(classes, recipe=recipe))[0])
    assert found["cat/one.jpg"] == (tmp_path / "out/cat/one_aug1.jpg").read_bytes()


def test_each_picture_has_its_class_and_what_is_known_of_it(classes: Path) -> None:
    data, report = archive(Stream(classes), shuffle=False)
    found = members(data)
    assert list(found)[:6] == [
        "cat/one.png",
        "cat/one.cls",
        "cat/one.json",
        "cat/three.png",
        "cat/three.cls",
        "cat/three.json",
    ]
    assert (found["cat/one.cls"], found["dog/two.cls"]) == (b"0", b"1")
    told = json.loads(found["dog/five.json"])
    assert (told["source"], told["epoch"], told["copy"]) == ("dog/five.jpg", 1, 1)
    assert (told["class"], told["class_index"], told["classes"]) == ("dog", 1, 2)
    assert (told["width"], told["height"]) == (48, 36)
    assert [step["name"] for step in told["applied"]][-1] == "Rotate"
    assert (report.items, report.is_whole) == (5, True)


def test_annotations_are_told_in_pixels_with_the_names_of_their_classes(tmp_path: Path) -> None:
    data_sets.make_coco(tmp_path / "source")
    stream = Stream(tmp_path / "source", recipe="detection", seed=3)
    found = members(archive(stream)[0])
    for place in range(2):
        item = stream[1, place]
        told = json.loads(found[item.source.removesuffix(".png") + ".json"])
        assert len(told["annotations"]) == len(item.annotations)
        for shown, annotation in zip(told["annotations"], item.annotations, strict=True):
            assert shown["category"] == stream.categories[annotation.category or 0].name
            assert shown["box"] == pytest.approx(annotation.box, abs=1e-4)
        assert told["dropped"] == [
            {"index": drop.index, "rule": drop.rule, "value": drop.value, "limit": drop.limit} for drop in item.drops
        ]
        assert item.source.removesuffix(".png") + ".cls" not in found


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_mask_goes_with_its_picture_number_by_number(tmp_path: Path, kind: Any) -> None:
    write_picture(tmp_path / "source/images/a.png", 1)
    mask = np.zeros((36, 48), kind)
    mask[5:20, 8:30] = 3 if kind is np.uint8 else 300
    (tmp_path / "source/masks").mkdir()
    cv2.imwrite(str(tmp_path / "source/masks/a.png"), mask)
    stream = Stream(tmp_path / "source", recipe="geometry")
    found = members(archive(stream)[0])
    (name,) = [name for name in found if name.endswith(".mask.png")]
    read = cv2.imdecode(np.frombuffer(found[name], np.uint8), cv2.IMREAD_UNCHANGED)
    expected = stream[1, 0].mask
    assert expected is not None
    assert read.dtype == kind
    assert np.array_equal(read, expected)


def test_any_number_of_workers_writes_the_same_bytes_without_time_or_owner(classes: Path) -> None:
    once = archive(Stream(classes, seed=4), range(1, 3), by_epoch=True)[0]
    for workers in (1, 3):
        assert archive(Stream(classes, seed=4), range(1, 3), by_epoch=True, workers=workers)[0] == once
    with tarfile.open(fileobj=io.BytesIO(once)) as tar:
        facts = {(info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode) for info in tar}
    assert facts == {(0, 0, 0, "", "", 0o644)}
    assert len(once) % 10240 == 0


def test_a_shuffled_epoch_comes_in_the_order_of_the_stream(classes: Path) -> None:
    stream = Stream(classes, seed=4)
    found = members(archive(stream, range(2, 3))[0])
    served = [json.loads(data)["source"] for name, data in found.items() if name.endswith(".json")]
    assert served == [item.source for item in stream.epoch(2)]


def test_pictures_that_are_not_varied_are_the_very_files(classes: Path) -> None:
    found = members(archive(Stream(classes, training=False))[0])
    assert found["dog/five.jpg"] == (classes / "dog/five.jpg").read_bytes()
    told = json.loads(found["dog/five.json"])
    assert (told["epoch"], told["copy"], told["applied"]) == (None, 0, [])


def test_a_picture_that_lies_on_its_side_is_turned_upright_as_its_labels_are(tmp_path: Path) -> None:
    import PIL.Image

    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "source").mkdir()
    PIL.Image.fromarray(paint(1)).save(tmp_path / "source/a.jpg", exif=exif)
    recipe = {"name": "x", "augment": [{"Rotate": {"limit": 20, "p": 1}}], "output": {"format": "png"}}
    stream = Stream(tmp_path / "source", training=False, recipe=recipe)
    found = members(archive(stream)[0])
    read = cv2.imdecode(np.frombuffer(found["a.jpg"], np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert read.shape[:2] == (48, 36) == stream[1, 0].image.shape[:2]
    assert (json.loads(found["a.json"])["width"], json.loads(found["a.json"])["height"]) == (36, 48)


def test_sources_that_cannot_be_read_are_left_out_and_named_once(classes: Path) -> None:
    (classes / "cat/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    data, report = archive(Stream(classes), range(1, 3), by_epoch=True)
    assert list(report.skipped) == ["cat/broken.png"]
    assert (report.skipped_count, report.items, report.is_whole) == (1, 10, False)
    assert not any("broken" in name for name in members(data))


def test_long_names_and_names_that_are_no_utf_8_come_back_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "source" / ("long " * 30)
    names = ["x" * 120 + ".png", "größe.png", os.fsdecode(b"bad\xff.png")]
    for number, name in enumerate(names):
        write_picture(tmp_path / "source/plain.png", number)
        folder.mkdir(exist_ok=True)
        (tmp_path / "source/plain.png").rename(folder / name)
    found = members(archive(Stream(tmp_path / "source"))[0])
    assert {name for name in found if name.endswith(".png")} == {f"{'long ' * 30}/{name}" for name in names}


def test_a_member_is_padded_to_whole_blocks() -> None:
    for length in (0, 1, 511, 512, 513):
        written = member("a.cls", bytes(length))
        assert len(written) == 512 + -(-length // 512) * 512


def test_numbers_that_json_does_not_know_are_null(classes: Path) -> None:
    import dataclasses

    from nfold.applied import AppliedTransform
    from nfold.stream.archive import describe

    item = dataclasses.replace(
        Stream(classes)[1, 0],
        applied=(AppliedTransform(name="X", parameters={"a": float("nan"), "b": [float("inf")]}),),
    )
    told = json.loads(describe(item, classes=("cat",), categories=(), epoch=1))
    assert told["applied"] == [{"name": "X", "parameters": {"a": None, "b": [None]}}]


def test_what_makes_no_sense_is_refused(classes: Path) -> None:
    stream = Stream(classes)
    for epochs, by_epoch, workers in (
        (range(1), False, 0),
        (range(3, 3), False, 0),
        (range(1, 3), False, 0),
        (range(1, 2), False, -1),
    ):
        with pytest.raises(UsageError):
            archive(stream, epochs, by_epoch=by_epoch, workers=workers)


def test_a_writer_that_fails_leaves_no_thread_behind(classes: Path) -> None:
    import threading

    before = threading.active_count()
    with pytest.raises(BrokenPipeError):
        write_archive(Stream(classes), fail, epochs=range(1, 2), workers=2)
    assert threading.active_count() == before


def fail(data: bytes) -> None:
    raise BrokenPipeError(len(data))
