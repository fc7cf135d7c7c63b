from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from nfold.annotations import Annotation, ImageLabels
from nfold.annotations.codec import digest_of_labels, encode_labels
from nfold.errors import ImageError, SampleError
from nfold.images import DecodeLimits
from nfold.loading import labels_state, load_image, load_labels
from nfold.plan.table import PlannedSource
from tests.conftest import write_picture

LIMITS = DecodeLimits()


def planned(root: Path, labels: ImageLabels | None = None, **changes: Any) -> PlannedSource:
    facts = (root / "a.png").stat()
    known: dict[str, Any] = {
        "id": "a.png",
        "path": "a.png",
        "size": facts.st_size,
        "mtime_ns": facts.st_mtime_ns,
        "split": None,
        "category": None,
        "copies": 1,
        "target": "a.png",
        "labels": None if labels is None else encode_labels(labels),
        "labels_digest": None if labels is None else digest_of_labels(labels),
    }
    return PlannedSource(**{**known, **changes})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_picture(tmp_path / "a.png", 1)
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    cv2.imwrite(str(tmp_path / "mask.png"), np.full((36, 48), 3, np.uint8))
    return tmp_path


def test_a_picture_is_read_with_its_digest(root: Path) -> None:
    loaded = load_image(str(root), planned(root), LIMITS)
    assert loaded.data == (root / "a.png").read_bytes()
    assert loaded.size == len(loaded.data)


def test_what_cannot_be_read_costs_the_source_alone(root: Path) -> None:
    source = planned(root)
    with pytest.raises(ImageError, match="bytes"):
        load_image(str(root), source, replace(LIMITS, max_bytes=3))
    (root / "a.png").unlink()
    with pytest.raises(SampleError) as caught:
        load_image(str(root), source, LIMITS)
    assert caught.value.stable_code == "source.vanished"


def test_without_annotations_there_is_nothing_to_load(root: Path) -> None:
    assert load_labels(str(root), planned(root), LIMITS) is None
    assert labels_state(str(root), planned(root)) is None


def test_labels_come_with_the_bytes_of_their_files_and_the_mask(root: Path) -> None:
    labels = ImageLabels(annotations=(Annotation(box=(1, 2, 3, 4)),), label_file="a.txt", mask_file="mask.png")
    loaded = load_labels(str(root), planned(root, labels), LIMITS)
    assert loaded is not None
    assert loaded.labels == labels
    assert loaded.files == {"labels": (root / "a.txt").read_bytes(), "mask": (root / "mask.png").read_bytes()}
    assert loaded.mask is not None
    assert (loaded.mask.pixels == 3).all()
    (root / "a.txt").unlink()
    with pytest.raises(SampleError, match=r"a\.txt"):
        load_labels(str(root), planned(root, labels), LIMITS)


def test_the_digest_changes_with_the_labels_their_files_and_what_holds_for_all(root: Path) -> None:
    labels = ImageLabels(annotations=(Annotation(box=(1, 2, 3, 4), order=5),), label_file="a.txt")

    def digest(labels: ImageLabels, context: str = "") -> str:
        loaded = load_labels(str(root), planned(root, labels), LIMITS, context)
        assert loaded is not None
        return loaded.sha256

    first = digest(labels)
    moved = replace(labels, annotations=(replace(labels.annotations[0], order=9),))
    assert digest(moved) == first, "where it stands in the label file says nothing about the picture"
    assert digest(replace(labels, annotations=(Annotation(box=(1, 2, 3, 5), order=5),))) != first
    assert digest(labels, "other classes") != first
    (root / "a.txt").write_text("0 0.5 0.5 0.5 0.5 \n")
    assert digest(labels) != first


def test_the_state_changes_with_size_and_time_of_the_label_file(root: Path) -> None:
    labels = ImageLabels(label_file="a.txt")
    first = labels_state(str(root), planned(root, labels))
    assert labels_state(str(root), planned(root, labels)) == first
    assert labels_state(str(root), planned(root, labels), "other classes") != first
    os.utime(root / "a.txt", ns=(1, 1))
    second = labels_state(str(root), planned(root, labels))
    assert second != first
    (root / "a.txt").unlink()
    assert labels_state(str(root), planned(root, labels)) not in (first, second)


def load_both(root: Path, source: PlannedSource) -> None:
    load_image(str(root), source, LIMITS)
    load_labels(str(root), source, LIMITS)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["a.png", "a.txt", "mask.png"])
@pytest.mark.parametrize("is_link", [False, True])
def test_a_pipe_that_took_the_place_of_a_file_is_not_waited_for(root: Path, name: str, is_link: bool) -> None:
    labels = ImageLabels(label_file="a.txt", mask_file="mask.png")
    source = planned(root, labels)
    (root / name).unlink()
    if is_link:
        os.mkfifo(root / "pipe")
        (root / name).symlink_to("pipe")
    else:
        os.mkfifo(root / name)
    with pytest.raises(SampleError, match="it is not a plain file") as caught:
        load_both(root, source)
    assert caught.value.stable_code == "source.unreadable"
    assert name == "a.png" or name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "code"), [("a.png", "image.too_large"), ("a.txt", "labels.too_large"), ("mask.png", "image.too_large")]
)
def test_a_file_that_grew_beyond_the_limit_since_the_plan_is_not_read(root: Path, name: str, code: str) -> None:
    source = planned(root, ImageLabels(label_file="a.txt", mask_file="mask.png"))
    with (root / name).open("ab") as file:
        file.truncate(1 << 40)
    with pytest.raises(SampleError, match="bytes, which is the most") as caught:
        load_both(root, source)
    assert caught.value.stable_code == code
    assert caught.value.hint
    assert name == "a.png" or name in str(caught.value)


def test_a_broken_mask_is_said_to_be_broken_and_not_its_picture(root: Path) -> None:
    data = (root / "mask.png").read_bytes()
    (root / "mask.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match=r"The mask mask\.png cannot be used\. ") as caught:
        load_labels(str(root), planned(root, ImageLabels(mask_file="mask.png")), LIMITS)
    assert caught.value.stable_code.startswith("image.")
    assert caught.value.hint == "Fetch the mask again, or leave its picture out with --exclude."
    ok, jpeg = cv2.imencode(".jpg", np.zeros((36, 48), np.uint8))
    assert ok
    (root / "mask.png").write_bytes(jpeg.tobytes())
    with pytest.raises(ImageError, match=r"mask\.png cannot be used\. .*JPEG") as caught:
        load_labels(str(root), planned(root, ImageLabels(mask_file="mask.png")), LIMITS)
    assert caught.value.hint == "Save it as PNG or TIFF."
