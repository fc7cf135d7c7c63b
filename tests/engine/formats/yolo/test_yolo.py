"""The whole format: what is recognised, what other programs read from what is written, and runs from end to end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nfold.annotations import Annotation, Category, DatasetInfo, ImageLabels, LabelKind, OutputImage, Ring
from nfold.formats.yolo import Yolo
from nfold.plan.losses import find_losses
from tests.conftest import tree, write_picture
from tests.engine.formats.label_sets import assembled, make_set, output_of, read_set, scan_of

BOX = "0 0.500000 0.500000 0.250000 0.500000\n"


def recognised(root: Path, files: dict[str, str], *pictures: str) -> str | None:
    make_set(root, files, *pictures)
    return Yolo().recognise(root, scan_of(root))


@pytest.mark.parametrize(
    ("files", "pictures"),
    [
        ({"labels/a.txt": BOX}, ("images/a.jpg",)),
        ({"labels/train/a.txt": BOX}, ("images/train/a.jpg", "images/val/b.jpg")),
        ({"train/labels/a.txt": BOX}, ("train/images/a.jpg",)),
        ({"a.txt": BOX}, ("a.jpg",)),
        ({"obj/a.txt": BOX, "obj/notes.txt": "hello", "obj.names": "cat"}, ("obj/a.JPG",)),
        ({"labels_yolo/a.txt": BOX, "classes.txt": "cat"}, ("images/a.jpg",)),
        ({"labels/a.txt": "", "classes.txt": "cat"}, ("images/a.jpg",)),
        ({"mine.yaml": "train: images\nval: images\nnames: [cat]"}, ("images/a.jpg",)),
        ({"labels_box/a.txt": BOX, "labels_seg/a.txt": BOX}, ("images/a.jpg",)),
        (
            {"labels/a.txt": BOX, "labels/b.txt": "oops", "labels/c.txt": BOX},
            ("images/a.jpg", "images/b.jpg", "images/c.jpg"),
        ),
    ],
)
def test_a_yolo_data_set_is_recognised(tmp_path: Path, files: dict[str, str], pictures: tuple[str, ...]) -> None:
    reason = recognised(tmp_path, files, *pictures)
    assert reason is not None
    assert "YOLO" in reason


@pytest.mark.parametrize(
    ("files", "pictures"),
    [
        ({}, ("a.jpg", "cat/b.jpg")),
        ({"a.txt": "a photo of a cat"}, ("a.jpg",)),
        ({"notes.txt": "0 0.5 0.5 0.1 0.1"}, ("a.jpg",)),
        ({"a.txt": ""}, ("a.jpg",)),
        ({"ImageSets/Main/train.txt": "a\n", "Annotations/a.xml": "<annotation/>"}, ("JPEGImages/a.jpg",)),
        ({"labelTxt/a.txt": "1.0 1.0 2.0 1.0 2.0 2.0 1.0 2.0 ship 0"}, ("images/a.jpg",)),
        ({"label_2/a.txt": "Car 0.00 0 -1.5 1 2 3 4 1 1 1 1 1 1 1"}, ("image_2/a.png",)),
        ({"annotations/list.txt": "a 1 1 1\nb 1 1 1"}, ("images/a.jpg",)),
        ({"recipe.yaml": "names: [cat]"}, ("a.jpg",)),
        ({"compose.yaml": "services: {}", "broken.yaml": "["}, ("a.jpg",)),
        ({"labels/a.txt": BOX, "data.yaml": "train: images\nnames: [cat]"}, ()),
    ],
)
def test_other_folders_are_not(tmp_path: Path, files: dict[str, str], pictures: tuple[str, ...]) -> None:
    assert recognised(tmp_path, files, *pictures) is None


def test_real_labels_are_written_as_they_were_read(real_data: Path) -> None:
    root = real_data / "tree-crowns"
    reason = Yolo().recognise(root, scan_of(root))
    assert reason is not None
    assert "36 text files of labels, labels_yolo beside images" in reason
    read = read_set(Yolo(), root)
    assert read.info.kinds == {"boxes": 788}
    assert [category.name for category in read.info.categories] == ["Tree", "Alive", "Dead"]
    assert all(source.problem is None for source in read.sources)
    for keeps_lines in (True, False):
        info = replace(read.info, conventions={**read.info.conventions, "format": "yolo" if keeps_lines else "x"})
        writer = Yolo().writer(info, keeps_layout=False, splits=(None,))
        for image in output_of(read, size=(400, 400)):
            assert image.label_name is not None
            assert writer.encode(image) == (root / image.label_name).read_bytes()


@pytest.mark.parametrize(
    ("kinds", "lost"),
    [
        ({"boxes": 1}, set()),
        ({"boxes": 1, "polygons": 2, "masks": 3}, set()),
        ({"boxes": 1, "polygons": 2, "points": 3}, {"polygons"}),
        ({"boxes": 1, "points": 2, "oriented": 3}, {"points"}),
        ({"boxes": 1, "points": 0, "parts": 2, "crowd": 3}, {"parts", "crowd"}),
    ],
)
def test_what_the_one_kind_of_line_cannot_say_is_a_loss(kinds: dict[LabelKind, int], lost: set[LabelKind]) -> None:
    assert set(find_losses(kinds, Yolo())) == lost
    assert Yolo().holds_among(kinds) <= Yolo().holds


def recipe_of(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def test_a_mirror_moves_the_labels_of_a_run(tmp_path: Path, expand_inline: Callable[..., Any]) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    make_set(
        source,
        {
            "data.yaml": "path: /old/place\ntrain: images/train\nval: images/val\nnames: [cat]\n",
            "labels/train/a.txt": "0  0.25 0.5 0.1 0.2\n",
            "labels/val/c.txt": BOX,
            "labels/train/bad.txt": "7 0.5 0.5 0.1 0.1\n",
            "labels/train/empty.txt": "",
        },
    )
    for seed, name in enumerate(("train/a", "train/b", "train/bad", "train/empty", "val/c")):
        write_picture(source / f"images/{name}.png", seed, width=100, height=80)
    mirror = recipe_of(tmp_path, "name: mirror\naugment: [HorizontalFlip: {p: 1}]\n")
    expand_inline(source, target, recipe=str(mirror), copies=1)
    found = tree(target)
    assert set(found) == {
        "data.yaml",
        *(f"images/train/{name}{copy}.png" for name in ("a", "b", "empty") for copy in ("", "_aug1")),
        *(f"labels/train/{name}{copy}.txt" for name in ("a", "empty") for copy in ("", "_aug1")),
        "images/val/c.png",
        "labels/val/c.txt",
    }
    assert (target / "labels/train/a.txt").read_text() == "0  0.25 0.5 0.1 0.2\n"
    assert (target / "labels/train/a_aug1.txt").read_text() == "0 0.750000 0.500000 0.100000 0.200000\n"
    assert (target / "labels/train/empty_aug1.txt").read_text() == ""
    assert (target / "data.yaml").read_text() == "train: images/train\nval: images/val\nnames: [cat]\n"


# What Ultralytics itself makes of what is written. It brings PyTorch, so it is asked for by hand.


@pytest.fixture
def ultralytics() -> Any:
    return pytest.importorskip("ultralytics", reason="ultralytics is not installed: it brings PyTorch")


def dataset(root: Path, task: str, split: str = "train") -> Any:
    """What a trainer would be given."""
    from ultralytics.cfg import get_cfg
    from ultralytics.data import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    data = check_det_dataset(str(root / "data.yaml"), autodownload=False)
    return YOLODataset(img_path=data[split], data=data, task=task, augment=False, hyp=get_cfg(), imgsz=64), data


def write_out(root: Path, info: DatasetInfo, *annotations: Annotation, split: str = "train") -> None:
    writer = Yolo().writer(info, keeps_layout=False, splits=("train", "val"))
    images = []
    for name, chosen in (("train", split), ("val", "val")):
        place = writer.place(f"{name}.png", split=chosen, category=None)
        image = OutputImage(
            name=place.image,
            label_name=place.label,
            source=f"{name}.png",
            copy=0,
            rank=0,
            size_wh=(100, 80),
            split=chosen,
            category=None,
            labels=ImageLabels(),
            annotations=annotations,
            is_untouched=False,
        )
        write_picture(root / place.image, len(name), width=100, height=80)
        assert place.label is not None
        (root / place.label).parent.mkdir(parents=True, exist_ok=True)
        (root / place.label).write_bytes(writer.encode(image))
        images.append(image)
    for name, text in assembled(writer, images).items():
        (root / name).write_text(text)


CLASSES = (Category(name="cat"), Category(name="no"))
POINTED = tuple(Category(name=name, point_names=("x", "y"), flip_index=(1, 0)) for name in ("cat", "no"))


def described(*kinds: LabelKind, categories: tuple[Category, ...] = CLASSES) -> DatasetInfo:
    return DatasetInfo(categories=categories, kinds=dict.fromkeys(kinds, 1))


@pytest.mark.parametrize("corner", [(0, 0, 100, 80), (0, 0, 1e-3, 1e-3), (99.9999, 79.9999, 100, 80), (10, 20, 60, 70)])
def test_ultralytics_reads_boxes(ultralytics: Any, tmp_path: Path, corner: tuple[float, float, float, float]) -> None:
    write_out(tmp_path, described("boxes"), Annotation(category=1, box=corner))
    loaded, data = dataset(tmp_path, "detect")
    assert data["names"] == {0: "cat", 1: "no"}
    (label,) = loaded.labels
    assert label["cls"].tolist() == [[1.0]]
    x, y, width, height = (label["bboxes"][0] * (100, 80, 100, 80)).tolist()
    assert (x - width / 2, y - height / 2, x + width / 2, y + height / 2) == pytest.approx(corner, abs=2e-4)


def test_ultralytics_reads_outlines_of_parts_pixels_and_boxes_in_one_file(ultralytics: Any, tmp_path: Path) -> None:
    from ultralytics.data.utils import polygon2mask

    from nfold.annotations.rle import encode_rle

    parts: tuple[Ring, ...] = ((10, 10, 30, 10, 30, 30, 10, 30), (50, 10, 70, 10, 70, 60, 50, 60))
    mask = np.zeros((80, 100), bool)
    mask[5:40, 20:60] = True
    mask[15:25, 30:40] = False
    write_out(
        tmp_path,
        described("parts", "masks"),
        Annotation(category=0, rings=parts),
        Annotation(category=0, mask=encode_rle(mask)),
        Annotation(category=0, box=(5, 5, 15, 15)),
    )
    loaded, _ = dataset(tmp_path, "segment")
    segments = [segment * (100, 80) for segment in loaded.labels[0]["segments"]]
    assert len(segments) == 3
    drawn = [polygon2mask((80, 100), [segment.reshape(-1)]).astype(bool) for segment in segments]
    wanted = np.zeros((80, 100), bool)
    wanted[10:30, 10:30] = wanted[10:60, 50:70] = True
    # OpenCV paints the lines as well: half a pixel round each shape, and the bridge
    areas = sorted(int(one.sum()) for one in drawn)
    assert areas[0] == pytest.approx(100, abs=30)
    for expected in (wanted, mask):
        assert max((one & expected).sum() / (one | expected).sum() for one in drawn) > 0.87


def test_ultralytics_reads_key_points(ultralytics: Any, tmp_path: Path) -> None:
    point = ((20.5, 40.5, 2), (0.0, 0.0, 0))
    write_out(
        tmp_path,
        described("boxes", "points", categories=POINTED),
        Annotation(category=0, box=(10, 10, 60, 70), points=point),
    )
    loaded, data = dataset(tmp_path, "pose")
    assert data["kpt_shape"] == [2, 3]
    assert data["flip_idx"] == [1, 0]
    assert loaded.labels[0]["keypoints"][0].tolist() == pytest.approx(np.array([[0.2, 0.5, 2], [0, 0, 0]]), abs=1e-6)


def test_ultralytics_takes_lost_points_without_visibility_for_lost(ultralytics: Any, tmp_path: Path) -> None:
    info = replace(
        described("points", categories=POINTED), conventions={"format": "yolo", "task": "pose", "kpt_shape": [2, 2]}
    )
    write_out(tmp_path, info, Annotation(category=0, box=(10, 10, 60, 70), points=((20.5, 40.5, 2), (0.0, 0.0, 0))))
    loaded, _ = dataset(tmp_path, "pose")
    assert loaded.labels[0]["keypoints"][0][:, 2].tolist() == [1.0, 0.0]


def test_ultralytics_reads_oriented_boxes(ultralytics: Any, tmp_path: Path) -> None:
    corners: Ring = (50, 10, 90, 40, 50, 70, 10, 40)
    write_out(tmp_path, described("oriented"), Annotation(category=1, corners=corners))
    loaded, _ = dataset(tmp_path, "obb")
    (segment,) = loaded.labels[0]["segments"]
    assert (segment * (100, 80)).reshape(-1).tolist()[:8] == pytest.approx(corners, abs=1e-4)


def test_ultralytics_loads_an_output_that_was_moved(
    ultralytics: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_out(tmp_path / "one", described("boxes"), Annotation(category=1, box=(0, 0, 10, 10)))
    shutil.move(tmp_path / "one", tmp_path / "other")
    monkeypatch.chdir(tmp_path)
    loaded, _ = dataset(tmp_path / "other", "detect", "val")
    assert len(loaded.labels) == 1


@pytest.mark.parametrize(
    "text",
    [
        "path: /old/place\ntrain: images/train\nval: images/val\n",
        "train: ../images/train\nval: ../images/val\n",
        "path: ../elsewhere\ntrain: [images/train]\nval: images/val\n",
        "train: train.txt\nval: val.txt\n",
    ],
)
def test_ultralytics_loads_what_keeps_its_tree(
    ultralytics: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    source = tmp_path / "in"
    files = {"data.yaml": f"{text}names: [cat]\n", "labels/train/a.txt": BOX, "labels/val/b.txt": BOX}
    files |= {"train.txt": "./images/train/a.png\n", "val.txt": f"{source}/images/val/b.png\n"}
    make_set(source, files)
    for name in ("train/a", "val/b"):
        write_picture(source / f"images/{name}.png", 1, width=100, height=80)
    read = read_set(Yolo(), source)
    target = tmp_path / "out"
    shutil.copytree(source, target)
    images = [image for image in output_of(read, copies=1) if not image.copy or image.split == "train"]
    writer = Yolo().writer(read.info, keeps_layout=True, splits=("train", "val"))
    shutil.copy(target / "images/train/a.png", target / "images/train/a_aug1.png")
    (target / "labels/train/a_aug1.txt").write_bytes(writer.encode(images[-1]))
    for name, content in assembled(writer, images).items():
        (target / name).write_text(content)
    shutil.rmtree(source)
    monkeypatch.chdir(tmp_path)
    loaded, _ = dataset(target, "detect")
    assert sorted(Path(label["im_file"]).name for label in loaded.labels) == ["a.png", "a_aug1.png"]
    assert all(len(label["cls"]) == 1 for label in loaded.labels)
    loaded, _ = dataset(target, "detect", "val")
    assert [Path(label["im_file"]).name for label in loaded.labels] == ["b.png"]
