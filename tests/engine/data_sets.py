"""A small data set of each format, made on the spot: two pictures with three objects of two classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from tests.conftest import write_picture

WIDTH, HEIGHT = 60, 40
BOXES = {"one": [(6, 4, 22, 18), (30, 10, 50, 34)], "two": [(12, 8, 40, 30)]}
CLASSES = {"one": [0, 1], "two": [1]}
NAMES = ("cat", "dog")


def pictures(folder: Path) -> None:
    for number, name in enumerate(BOXES):
        write_picture(folder / f"{name}.png", number, width=WIDTH, height=HEIGHT)


def make_class_folders(root: Path) -> None:
    write_picture(root / "cat/one.png", 1)
    write_picture(root / "cat/three.png", 3)
    write_picture(root / "dog/two.png", 2)
    write_picture(root / "dog/four.png", 4)


def make_folder(root: Path) -> None:
    pictures(root)


def make_yolo(root: Path) -> None:
    pictures(root / "images")
    (root / "labels").mkdir()
    for name, boxes in BOXES.items():
        lines = []
        for (x0, y0, x1, y1), number in zip(boxes, CLASSES[name], strict=True):
            values = (x0 + x1) / 2 / WIDTH, (y0 + y1) / 2 / HEIGHT, (x1 - x0) / WIDTH, (y1 - y0) / HEIGHT
            lines.append(f"{number} " + " ".join(f"{value:.6f}" for value in values))
        (root / f"labels/{name}.txt").write_text("\n".join(lines) + "\n")
    (root / "classes.txt").write_text("\n".join(NAMES) + "\n")


def make_coco(root: Path) -> None:
    pictures(root / "images")
    annotations = []
    for number, (name, boxes) in enumerate(BOXES.items()):
        for (x0, y0, x1, y1), category in zip(boxes, CLASSES[name], strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number + 1,
                    "category_id": category + 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "segmentation": [[x0, y0, x1, y0, x1, y1, x0 + 3, y1, x0, y1 - 3]],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                    "keypoints": [x0 + 1, y0 + 1, 2, x1 - 2, y1 - 2, 1],
                    "num_keypoints": 2,
                }
            )
    images = [
        {"id": number + 1, "file_name": f"{name}.png", "width": WIDTH, "height": HEIGHT}
        for number, name in enumerate(BOXES)
    ]
    categories = [{"id": number + 1, "name": name, "keypoints": ["nose", "tail"]} for number, name in enumerate(NAMES)]
    document = {"info": {"year": 2026}, "images": images, "annotations": annotations, "categories": categories}
    (root / "instances.json").write_text(json.dumps(document))


def make_voc(root: Path) -> None:
    pictures(root / "JPEGImages")
    (root / "Annotations").mkdir()
    for name, boxes in BOXES.items():
        objects = "".join(
            f"<object><name>{NAMES[number]}</name><bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin><xmax>{x1}</xmax>"
            f"<ymax>{y1}</ymax></bndbox></object>"
            for (x0, y0, x1, y1), number in zip(boxes, CLASSES[name], strict=True)
        )
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
        text = f"<annotation><filename>{name}.png</filename>{size}{objects}</annotation>"
        (root / f"Annotations/{name}.xml").write_text(text)


def make_masks(root: Path) -> None:
    pictures(root / "images")
    (root / "masks").mkdir()
    for name, boxes in BOXES.items():
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        for (x0, y0, x1, y1), number in zip(boxes, CLASSES[name], strict=True):
            mask[y0:y1, x0:x1] = number + 1
        cv2.imwrite(str(root / f"masks/{name}.png"), mask)


def make_csv(root: Path) -> None:
    pictures(root / "images")
    lines = ["image_path,xmin,ymin,xmax,ymax,label"]
    for name, boxes in BOXES.items():
        for box, number in zip(boxes, CLASSES[name], strict=True):
            lines.append(f"{name}.png,{','.join(map(str, box))},{NAMES[number]}")
    (root / "boxes.csv").write_text("\n".join(lines) + "\n")


def make_hf_metadata(root: Path) -> None:
    pictures(root)
    lines = []
    for name, boxes in BOXES.items():
        objects = {
            "bbox": [[x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in boxes],
            "categories": [NAMES[number] for number in CLASSES[name]],
        }
        lines.append(json.dumps({"file_name": f"{name}.png", "objects": objects, "text": f"a picture of {name}"}))
    (root / "metadata.jsonl").write_text("\n".join(lines) + "\n")


def make_create_ml(root: Path) -> None:
    pictures(root)
    entries = []
    for name, boxes in BOXES.items():
        annotations = [
            {
                "label": NAMES[number],
                "coordinates": {"x": (x0 + x1) / 2, "y": (y0 + y1) / 2, "width": x1 - x0, "height": y1 - y0},
            }
            for (x0, y0, x1, y1), number in zip(boxes, CLASSES[name], strict=True)
        ]
        entries.append({"image": f"{name}.png", "annotations": annotations})
    (root / "annotations.json").write_text(json.dumps(entries))


MAKERS: dict[str, Callable[[Path], None]] = {
    "class-folders": make_class_folders,
    "coco": make_coco,
    "create-ml": make_create_ml,
    "csv": make_csv,
    "folder": make_folder,
    "hf-metadata": make_hf_metadata,
    "masks": make_masks,
    "voc": make_voc,
    "yolo": make_yolo,
}
