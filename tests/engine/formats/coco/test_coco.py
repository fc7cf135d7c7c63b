"""COCO from end to end: nothing of a file is lost, copies are right by other readers, and nothing ends in a traceback."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from pycocotools import mask as oracle_mask

from nfold.annotations.rle import encode_rle, rle_runs
from nfold.errors import InputError
from nfold.formats import Source, recognise
from nfold.formats.coco import Coco
from nfold.testing.formats import check_format
from tests.conftest import write_picture
from tests.engine.data_sets import make_coco
from tests.engine.formats.coco_files import (
    CATS,
    coco,
    copies,
    decoded,
    one,
    oracle,
    originals,
    picture,
    pixels_of,
    read,
    thing,
    written,
)
from tests.engine.formats.label_sets import SIZE, make_set, output_of, scan_of

Expand = Callable[..., Any]
MIRROR = {
    "name": "mirror",
    "augment": [{"HorizontalFlip": {"p": 1}}],
    "labels": {"min_visibility": 0, "min_area_px": 0},
}
TURN = {
    "name": "turn",
    "augment": [{"Affine": {"rotate": [-40, 40], "scale": [0.7, 1.2], "translate_percent": [-0.2, 0.2], "p": 1}}],
    "labels": {"min_visibility": 0, "min_area_px": 16},
}


class TestRecognition:
    def test_the_reason_says_what_is_in_the_file(self, tmp_path: Path) -> None:
        make_set(tmp_path, {"x.json": coco([picture(1, "a.jpg")], [thing(1, 1, keypoints=[1, 1, 2])])}, "a.jpg")
        found = recognise(tmp_path, scan_of(tmp_path))
        assert found.format == "coco"
        assert found.reason == "COCO: x.json with 1 image and 1 annotation, key points"

    def test_several_files_are_named(self, tmp_path: Path) -> None:
        make_set(tmp_path, {f"{number}.json": one() for number in range(4)}, "a.jpg")
        assert Coco().recognise(tmp_path, scan_of(tmp_path)) == (
            "COCO: 4 JSON files with images and annotations (0.json, 1.json, 2.json, ...)"
        )

    def test_photos_with_other_json_beside_them_are_photos(self, tmp_path: Path) -> None:
        files = {"a.json": '{"shapes": []}', "list.json": '{"images": ["a.jpg"], "categories": []}', "b.json": "no"}
        make_set(tmp_path, files, "a.jpg")
        assert Coco().recognise(tmp_path, scan_of(tmp_path)) is None

    def test_a_damaged_file_is_still_coco_so_that_its_labels_are_not_forgotten(self, tmp_path: Path) -> None:
        make_set(tmp_path, {"x.json": one()[:-9]}, "a.jpg")
        assert Coco().recognise(tmp_path, scan_of(tmp_path)) == "COCO: x.json"


def test_it_keeps_the_contract_of_formats(tmp_path: Path) -> None:
    make_coco(tmp_path / "data")
    (tmp_path / "work").mkdir()
    check_format("coco", tmp_path / "data", tmp_path / "work")


def pixels(height: int, width: int) -> np.ndarray[Any, Any]:
    found = np.zeros((height, width), np.uint8)
    found[3:20, 5:30] = 1
    return found


def nasty() -> dict[str, Any]:
    """Five pictures with all that libraries lose: see each key."""
    packed = encode_rle(pixels(40, 60))
    images = [
        {"id": 30, "file_name": "a/x.png", "width": 60, "height": 40, "license": 2, "date_captured": "2020-01-01"},
        {"id": 4, "file_name": "b/x.png", "width": 60, "height": 40, "coco_url": "", "own": {"a": [1, None]}},
        {"id": 1000, "file_name": "deep/er/Grüße.PNG", "width": 60, "height": 40},
        {"id": 2, "file_name": "empty.png", "width": 60, "height": 40, "flickr_url": "é"},
        {"id": 77, "file_name": "y.png", "width": 60, "height": 40},
    ]
    rings = [[5.125, 4.0, 30.625, 4.0, 30.625, 20.5, 5.125, 20.5], [40, 20, 55, 20, 55.5, 35.25]]
    annotations = [
        {
            "id": 1002,
            "image_id": 1000,
            "category_id": 90,
            "bbox": [10.333333, 3.25, 40.125, 30.5],
            "area": 1223.8125,
            "iscrowd": 0,
            "segmentation": [],
            "score": 0.875,
            "attributes": {"occluded": True, "track": 7, "deep": {"a": [1, {}]}},
        },
        {
            "id": 9,
            "image_id": 30,
            "category_id": 5,
            "bbox": [5.125, 4.0, 50.375, 31.25],
            "area": 543.210987654321,
            "iscrowd": 0,
            "segmentation": rings,
        },
        {
            "id": 300,
            "image_id": 4,
            "category_id": 1,
            "bbox": [5, 3, 25, 17],
            "area": 425,
            "iscrowd": 1,
            "segmentation": {"size": [40, 60], "counts": rle_runs(packed)},
        },
        {
            "id": 12,
            "image_id": 30,
            "category_id": 1,
            "bbox": [5, 3, 25, 17],
            "area": 425,
            "iscrowd": 0,
            "segmentation": {"counts": packed.counts, "size": [40, 60]},
        },
        {
            "id": 11,
            "image_id": 77,
            "category_id": 5,
            "bbox": [50.5, 30.25, 15, 20],
            "area": 300,
            "iscrowd": 0,
            "keypoints": [51, 31, 2, 0, 0, 0, 58.5, 38.25, 1],
            "num_keypoints": 2,
        },
    ]
    return {
        "info": {"description": "five pictures", "version": "1.0", "year": 2020},
        "licenses": [{"id": 2, "name": "CC BY", "url": "http://example.org"}],
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": 90, "name": "zebra", "supercategory": "animal"},
            {"id": 5, "name": "person", "keypoints": ["nose", "left", "right"], "skeleton": [[1, 2], [2, 3]]},
            {"id": 1, "name": "crowd", "supercategory": "none", "colour": "#ff0000"},
        ],
        "own": {"tool": "x", "list": [0.1, 1e-9, 123456789012345678901]},
    }


def make_nasty(root: Path) -> dict[str, Any]:
    document = nasty()
    for number, entry in enumerate(document["images"]):
        write_picture(root / "images" / entry["file_name"], number, width=60, height=40)
    (root / "annotations").mkdir()
    (root / "annotations/all.json").write_text(json.dumps(document))
    return document


class TestNothingIsLost:
    @pytest.mark.parametrize("number", [1, 3])
    def test_of_five_pictures_with_all_that_libraries_lose(
        self, number: int, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source = make_nasty(tmp_path / "in")
        report = expand_inline(tmp_path / "in", tmp_path / "out", copies=number, recipe=MIRROR if number == 1 else TURN)
        assert report.is_whole
        path = tmp_path / "out/annotations/all.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        assert json.dumps(originals(document, source)) == json.dumps(source)
        assert len(document["images"]) == 5 * (number + 1)
        assert all((tmp_path / "out/images" / entry["file_name"]).is_file() for entry in document["images"])
        oracle(path)

    def test_copies_carry_unknown_keys_and_each_shape_in_its_form(self, tmp_path: Path, expand_inline: Expand) -> None:
        source = make_nasty(tmp_path / "in")
        expand_inline(tmp_path / "in", tmp_path / "out", copies=1, recipe=MIRROR)
        document = json.loads((tmp_path / "out/annotations/all.json").read_text())
        by_id = {entry["id"]: entry for entry in document["annotations"]}
        before = {entry["id"]: entry for entry in source["annotations"]}
        step, image_step = 10**7, 10**6
        assert {entry["id"] for entry in copies(document, source, "annotations")} == {step + key for key in before}
        for identity, was in before.items():
            now = by_id[step + identity]
            assert now["image_id"] == image_step + was["image_id"]
            assert list(now) == list(was)
            unvaried = set(was) - {"id", "image_id", "bbox", "area", "segmentation", "keypoints", "num_keypoints"}
            assert {key: now[key] for key in unvaried} == {key: was[key] for key in unvaried}
        mirrored = pixels(40, 60)[:, ::-1]
        plain, packed = by_id[step + 300]["segmentation"], by_id[step + 12]["segmentation"]
        assert isinstance(plain["counts"], list)
        assert isinstance(packed["counts"], str)
        for form in (oracle_mask.frPyObjects(plain, 40, 60), packed):
            assert np.array_equal(decoded(form), mirrored)
        outline = by_id[step + 9]
        assert outline["segmentation"][1] == [20, 20, 5, 20, 4.5, 35.25]
        assert outline["bbox"] == [4.5, 4.0, 50.38, 31.25]
        # left and right change places; the one that is lost stays lost
        assert by_id[step + 11]["keypoints"] == [8, 31, 2, 0.5, 38.25, 1, 0, 0, 0]
        assert by_id[step + 11]["num_keypoints"] == 2
        assert by_id[step + 11]["bbox"] == [0, 30.25, 9.5, 9.75]

    def test_a_second_run_with_more_copies_keeps_ids(self, tmp_path: Path, expand_inline: Expand) -> None:
        make_nasty(tmp_path / "in")
        expand_inline(tmp_path / "in", tmp_path / "out", copies=1)
        path = tmp_path / "out/annotations/all.json"
        first = {entry["id"]: entry for entry in json.loads(path.read_text())["images"]}
        source = json.loads((tmp_path / "in/annotations/all.json").read_text())
        write_picture(tmp_path / "in/images/new.png", 9, width=60, height=40)
        # Its id would need larger steps, had they not been recorded.
        source["images"].append({"id": 5_000, "file_name": "new.png", "width": 60, "height": 40})
        (tmp_path / "in/annotations/all.json").write_text(json.dumps(source))
        expand_inline(tmp_path / "in", tmp_path / "out", copies=2)
        second = {entry["id"]: entry for entry in json.loads(path.read_text())["images"]}
        assert {identity: second[identity] for identity in first} == first
        assert 2_005_000 in second


class TestAgainstPycocotools:
    def make(self, root: Path) -> None:
        """Painted shapes: white on black, so that the picture itself tells where they are."""
        images, annotations = [], []
        for number in range(4):
            shape = np.zeros((120, 160), np.uint8)
            outline = np.array([[30, 20], [110, 30], [120, 90], [60, 70], [35, 100]], np.int32) + number
            cv2.fillPoly(shape, [outline], (1,))
            image = np.repeat(shape[:, :, None] * 255, 3, axis=2)
            (root / "images").mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / f"images/{number}.png"), image)
            images.append({"id": number + 1, "file_name": f"{number}.png", "width": 160, "height": 120})
            rle = encode_rle(shape)
            ring = (outline + 0.5).reshape(-1).tolist()
            for kind, segmentation in ((0, [ring]), (1, {"size": [120, 160], "counts": rle.counts})):
                x, y, w, h = cv2.boundingRect(outline)
                annotations.append(
                    {
                        "id": 2 * number + kind + 1,
                        "image_id": number + 1,
                        "category_id": kind + 1,
                        "bbox": [x, y, w, h],
                        "area": int(shape.sum()),
                        "iscrowd": 0,
                        "segmentation": segmentation,
                    }
                )
        document = {"images": images, "annotations": annotations, "categories": CATS}
        (root / "x.json").write_text(json.dumps(document))

    def test_area_and_box_of_copies_are_those_of_the_pixels(self, tmp_path: Path, expand_inline: Expand) -> None:
        self.make(tmp_path / "in")
        expand_inline(tmp_path / "in", tmp_path / "out", copies=4, recipe=TURN)
        loaded = oracle(tmp_path / "out/x.json")
        checked = 0
        for entry in loaded.dataset["annotations"]:
            if entry["image_id"] <= 4:
                continue
            drawn = pixels_of(loaded, entry)
            if entry["category_id"] == 2:
                packed, scale, rim = loaded.annToRLE(entry), 1, 0.0
            else:
                # Eight times as large, since pycocotools draws outlines up to half a pixel too wide.
                large = [[8 * value for value in ring] for ring in entry["segmentation"]]
                packed, scale, rim = oracle_mask.merge(oracle_mask.frPyObjects(large, 960, 1280)), 8, 0.4
            area, box = float(oracle_mask.area(packed)) / scale**2, oracle_mask.toBbox(packed) / scale
            assert abs(entry["area"] - area) <= rim * 2 * sum(entry["bbox"][2:])
            assert np.allclose(entry["bbox"], box, atol=rim)
            image = cv2.imread(str(tmp_path / "out/images" / loaded.imgs[entry["image_id"]]["file_name"]))
            assert image is not None
            white = image[:, :, 0] > 200
            # what is painted is where the label says, but for pixels on the rim
            inside = cv2.erode(drawn, np.ones((5, 5), np.uint8)) == 1
            assert white[inside].mean() > 0.99
            checked += 1
        assert checked >= 24


def test_a_mirror_index_that_is_no_exchange_of_pairs_is_refused_naming_entries(
    tmp_path: Path, expand_inline: Expand
) -> None:
    make_coco(tmp_path / "in")
    path = tmp_path / "in/instances.json"
    document = json.loads(path.read_text())
    document["categories"][1]["flip_index"] = [1, 1]
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"entry 0 \('nose'\) is 1, but entry 1 \('tail'\) is 1") as caught:
        expand_inline(tmp_path / "in", tmp_path / "out", copies=1)
    assert caught.value.stable_code == "labels.bad_flip_index"
    assert not (tmp_path / "out/images").exists()


def test_pictures_that_cannot_be_used_are_skipped_and_the_rest_is_right(tmp_path: Path, expand_inline: Expand) -> None:
    make_nasty(tmp_path / "in")
    path = tmp_path / "in/annotations/all.json"
    document = nasty()
    document["annotations"][1]["bbox"] = [1, 1, -5, 5]
    document["images"].append({"id": 5, "file_name": "gone.png", "width": 60, "height": 40})
    path.write_text(json.dumps(document))
    report = expand_inline(tmp_path / "in", tmp_path / "out", copies=1)
    assert {row.code for row in report.skipped} == {"labels.bad_box", "labels.missing_image"}
    out = json.loads((tmp_path / "out/annotations/all.json").read_text())
    assert {entry["id"] % 10**6 for entry in out["images"]} == {4, 1000, 2, 77}
    oracle(tmp_path / "out/annotations/all.json")


@pytest.mark.parametrize("name", ["fly-pose", "keypoints", "nuclei-rle", "tree-crowns"])
def test_real_data_survive(name: str, real_data: Path, tmp_path: Path, expand_inline: Expand) -> None:
    shutil.copytree(real_data / name, tmp_path / "in")
    report = expand_inline(tmp_path / "in", tmp_path / "out", copies=1, format="coco")
    assert report.is_whole
    (source,) = (tmp_path / "in").glob("*.json")
    before, after = (json.loads(path.read_text()) for path in (source, tmp_path / "out" / source.name))
    assert json.dumps(originals(after, before)) == json.dumps(before)
    assert len(after["images"]) == 2 * len(before["images"])
    assert copies(after, before, "annotations")
    oracle(tmp_path / "out" / source.name)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    ring = [[round(10 + number * 1.37, 2) for number in range(60)]]
    count = 12_000
    with (tmp_path / "x.json").open("w") as file:
        file.write('{"images": [' + ",".join(json.dumps(picture(n, f"{n}.jpg")) for n in range(count)))
        file.write('], "annotations": [')
        for number in range(3 * count):
            entry = thing(number, number % count, segmentation=ring)
            file.write(("," if number else "") + json.dumps(entry))
        file.write(f'], "categories": {json.dumps(CATS)}}}')
    assert (tmp_path / "x.json").stat().st_size > 15 * 2**20
    program = (
        "import resource, sqlite3, sys\n"
        "from pathlib import Path\n"
        "from nfold.annotations.rle import rle_runs\n"
        "from nfold.formats import FileIndex, ReadContext, Scan\n"
        "from nfold.formats.coco import Coco\n"
        "root, count = Path(sys.argv[1]), 0\n"
        "scratch = sqlite3.connect('', isolation_level=None)\n"
        "scratch.executescript('pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-2048;')\n"
        "context = ReadContext(root=root, scan=Scan(), has_splits=False, walk=lambda: iter(()), scratch=scratch,\n"
        "    files=FileIndex(scratch, lambda index: index.add_label('x.json')), is_left_out=lambda path: False)\n"
        "def take(source):\n"
        "    global count\n"
        "    count += 1\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "Coco().read(context, take)\n"
        "print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    taken, grown_kib = map(int, run.stdout.split())
    assert taken == count
    assert grown_kib < 24 * 1024


names = st.sampled_from(["a.jpg", "b.jpg", "images/c.jpg", "c.jpg", "lost.jpg", "../a.jpg", "/x/a.jpg"])
odd_names = st.sampled_from(["", "\ud800", "\udcff.jpg", "..", "a\x00.jpg", "/"])
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 120)
    | st.floats()
    | st.text(max_size=3)
    | names
    | odd_names
    | st.just(10**400),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
identities = st.integers(0, 9)
side = st.integers(0, 80)


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 80).flatmap(lambda chance: anything if chance == 80 else usual)


images = st.fixed_dictionaries(
    {"id": mostly(identities), "file_name": mostly(names)},
    optional={"width": mostly(st.just(100)), "height": mostly(st.just(80)), "own": anything},
)
outlines = st.lists(st.lists(side, min_size=6, max_size=6), max_size=2)
runs = st.integers(0, 8000).map(lambda first: {"size": [80, 100], "counts": [first, 8000 - first]})
objects = st.fixed_dictionaries(
    {"id": mostly(st.integers(0, 10**6)), "image_id": mostly(identities)},
    optional={
        "category_id": mostly(st.integers(1, 2)),
        "bbox": mostly(st.tuples(side, side, st.integers(1, 20), st.integers(1, 20)).map(list)),
        "segmentation": mostly(outlines | runs),
        "keypoints": mostly(
            st.lists(st.tuples(side, side, st.integers(0, 2)), min_size=2, max_size=2).map(
                lambda points: [value for point in points for value in point]
            )
        ),
        "area": mostly(side),
        "iscrowd": mostly(st.integers(0, 1)),
        "attributes": anything,
        "own": anything,
    },
)
classes = st.lists(
    st.fixed_dictionaries({"id": mostly(st.integers(1, 2)), "name": mostly(st.sampled_from(["cat", "dog"]))}),
    max_size=2,
)
wholes = st.fixed_dictionaries(
    {
        "images": mostly(st.lists(mostly(images), max_size=4)),
        "annotations": mostly(st.lists(mostly(objects), max_size=4)),
        "categories": mostly(st.just(CATS) | classes),
    },
    optional={"info": anything, "own": anything},
)


def without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    return [without_nan(item) for item in value] if isinstance(value, list) else value


def lies_in_the_picture(source: Source) -> bool:
    """A run asks this once it knows the size of a picture of which the file gives none."""
    boxes = [entry.box for entry in source.labels.annotations if entry.box] if source.labels else []
    return all(box[0] < SIZE[0] and box[1] < SIZE[1] and box[2] > 0 and box[3] > 0 for box in boxes)


def survives(root: Path, data: bytes, other: bytes | None = None) -> None:
    """Refused in words, or read; then each picture that can be used is written as it was and read again."""
    files = {"x.json": data} | ({"y.json": other} if other is not None else {})
    try:
        make_set(root, files, "a.jpg", "b.jpg", "images/c.jpg", "d/lost.jpg")
        Coco().recognise(root, scan_of(root))
        found = read(root, files)
    except InputError as error:
        assert error.stable_code.startswith("labels.")  # noqa: PT017 - either is right
        assert error.hint  # noqa: PT017
        event(str(error.stable_code))
        return
    for source in found.sources:
        if source.problem is not None:
            assert source.problem.code.startswith("labels.")
            assert source.problem.message
            assert source.problem.hint
            event(source.problem.code)
    usable = [source for source in found.sources if source.problem is None and lies_in_the_picture(source)]
    event(f"{len(usable)} usable pictures")
    outputs = [
        image
        for image in output_of(found, copies=1, vary=lambda entry: entry)
        if image.source in {source.id for source in usable}
    ]
    documents = written(found, outputs)
    for number, document in enumerate(found.info.documents):
        before = json.loads(files[document.path])
        places = {source.labels.places[number] for source in usable if source.labels and number in source.labels.places}
        kept = [entry for place, entry in enumerate(before["images"]) if place in places]
        out = documents[document.path]
        assert json.dumps(out["images"][: len(kept)]) == json.dumps(without_nan(kept))
        about = {entry["id"] for entry in kept}
        objects = [entry for entry in before.get("annotations", []) if entry["image_id"] in about]
        assert json.dumps(out.get("annotations", [])[: len(objects)]) == json.dumps(without_nan(objects))
        rest = {key: value for key, value in before.items() if key not in ("images", "annotations")}
        assert {key: out[key] for key in rest} == without_nan(rest)
    again = root / "again"
    texts = {name: json.dumps(document) for name, document in documents.items()}
    reread = read(again, texts, *(image.name for image in outputs))
    assert {source.id for source in reread.sources if source.problem is None} == {image.name for image in outputs}
    written(found, outputs, keeps_layout=False)


@settings(deadline=None, max_examples=300)
@given(wholes, st.none() | wholes)
def test_any_document_is_refused_in_words_or_survives(document: Any, other: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        survives(Path(folder), json.dumps(document).encode(), None if other is None else json.dumps(other).encode())


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=80) | st.tuples(st.binary(max_size=4), st.integers(0, 300)))
def test_any_bytes_are_refused_in_words_or_survive(data: Any) -> None:
    if isinstance(data, tuple):
        junk, place = data
        whole = one().encode()
        data = whole[:place] + junk + whole[place:]
    with tempfile.TemporaryDirectory() as folder:
        survives(Path(folder), data)
