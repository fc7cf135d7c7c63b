from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import pytest

from nfold.errors import InputError, SeveralLabelSetsError, UnknownNameError
from nfold.formats import FORMATS, FoundFile, Scan, format_named, recognise, scan_folder, summarise
from tests.conftest import write_picture
from tests.engine.formats.label_sets import make_set, read_set

SHAPES = [
    (["a.jpg"], "folder", False),
    (["cat/a.jpg", "dog/a.jpg"], "class-folders", False),
    (["train/cat/a.jpg", "test/dog/a.jpg"], "class-folders", True),
    (["train/a.jpg", "test/a.jpg"], "folder", True),
    (["a/b/c.jpg"], "folder", False),
    (["train/a.jpg", "car/a.jpg"], "class-folders", False),
]


def scan_of(paths: list[str]) -> Scan:
    return summarise(FoundFile(path=path, size=1, mtime_ns=0) for path in paths)


@pytest.mark.parametrize(("paths", "name", "has_splits"), SHAPES)
def test_each_shape_is_recognised_and_the_reason_is_said(paths: list[str], name: str, has_splits: bool) -> None:
    recognition = recognise(Path(), scan_of(paths))
    assert (recognition.format, recognition.has_splits) == (name, has_splits)
    assert recognition.reason


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("paths", [paths for paths, _, _ in SHAPES])
def test_a_format_can_be_forced_on_any_shape(name: str, paths: list[str]) -> None:
    scan = scan_of(paths)
    recognition = recognise(Path(), scan, forced=name)
    assert (recognition.format, recognition.reason) == (name, "asked for by --format")
    assert recognition.has_splits == scan.has_splits


def test_several_label_sets_are_an_error_that_lists_them_and_the_flags(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/a.png", 1)
    (tmp_path / "labels_yolo").mkdir()
    (tmp_path / "labels_yolo/a.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    (tmp_path / "classes.txt").write_text("tree\n")
    (tmp_path / "boxes.csv").write_text("image_path,xmin,ymin,xmax,ymax,label\na.png,1,1,9,9,tree\n")
    with pytest.raises(InputError) as caught:
        recognise(tmp_path, summarise(scan_folder(tmp_path)))
    assert caught.value.stable_code == "labels.several_sets"
    assert "yolo (" in caught.value.message
    assert "csv (" in caught.value.message
    assert caught.value.hint is not None
    assert "--format yolo" in caught.value.hint
    assert "--format csv" in caught.value.hint
    assert isinstance(caught.value, SeveralLabelSetsError)
    assert sorted(caught.value.formats) == ["csv", "yolo"]


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="There is no data set format 'zip'") as caught:
        format_named("zip")
    assert caught.value.hint == "Known: " + ", ".join(sorted(FORMATS)) + "."


@pytest.mark.parametrize("name", FORMATS)
def test_each_entry_goes_by_its_own_name(name: str) -> None:
    assert format_named(name).name == name
    assert isinstance(format_named(name).has_annotations, bool)


OUTSIDE = [
    "/etc/pass.jpg",
    "../../pass.jpg",
    "images/../../../pass.jpg",
    "C:\\set\\pass.jpg",
    "..\\pass.jpg",
    "../a.jpg",
]


def naming(name: str, written: str) -> dict[str, str]:
    """The label files of a data set that names the picture a.jpg, which is there, and another one."""
    box = {"label": "car", "coordinates": {"x": 5, "y": 5, "width": 4, "height": 4}}
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": written}]
    return {
        "csv": {"t.csv": f"filename,label\na.jpg,cat\n{written},dog\n"},
        "hf-metadata": {
            "metadata.jsonl": "".join(json.dumps({"file_name": name}) + "\n" for name in ("a.jpg", written))
        },
        "create-ml": {"l.json": json.dumps([{"image": name, "annotations": [box]} for name in ("a.jpg", written)])},
        "coco": {"c.json": json.dumps({"images": images, "annotations": [], "categories": []})},
        "voc": {"JPEGImages/a.xml": "<annotation/>", "ImageSets/Main/train.txt": f"a\n{written}\n"},
        "yolo": {"data.yaml": "names: [x]\ntrain: train.txt\n", "train.txt": f"a.jpg\n{written}\n"},
    }[name]


@pytest.mark.parametrize("written", OUTSIDE)
@pytest.mark.parametrize("name", ["csv", "hf-metadata", "create-ml", "coco", "voc", "yolo"])
def test_no_id_of_a_picture_that_is_not_there_leads_out_of_any_folder(tmp_path: Path, name: str, written: str) -> None:
    picture = "JPEGImages/a.jpg" if name == "voc" else "a.jpg"
    sources = read_set(format_named(name), make_set(tmp_path, naming(name, written), picture)).sources
    for source in sources:
        assert ".." not in PurePosixPath(source.id).parts
        assert not {":", "\\"} & set(source.id)
        assert not source.id.startswith("/")
        assert source.file.path == source.id
    assert len({source.id for source in sources}) == len(sources)
    if "pass" in written:
        problems = {source.id: source.problem and source.problem.code for source in sources}
        assert len(problems) == 2
        assert problems.pop(picture) is None
        assert list(problems.values()) == ["labels.missing_image"]
