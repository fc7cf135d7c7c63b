from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nfold.errors import InputError, OutputMismatchError, UsageError
from nfold.plan.reading import DataSet, read_data_set
from nfold.plan.table import SourceTable
from nfold.request import make_request
from tests.conftest import write_picture
from tests.engine.data_sets import make_coco, make_voc, make_yolo


def read(root: Path, recorded: dict[str, Any] | None = None, **options: Any) -> tuple[DataSet, list[str]]:
    with SourceTable() as table:
        found = read_data_set(make_request(source=root, target="out", copies=1, **options), table, recorded or {})
        return found, sorted(source.id for source in table.all())


def test_a_data_set_is_recognised_and_its_kinds_are_counted(tmp_path: Path) -> None:
    make_coco(tmp_path)
    found, sources = read(tmp_path)
    assert found.recognition.format == "coco"
    assert not found.recognition.has_splits
    assert sources == ["images/one.png", "images/two.png"]
    assert {kind: found.info.kinds[kind] for kind in ("boxes", "polygons", "points")} == {
        "boxes": 3,
        "polygons": 3,
        "points": 3,
    }
    assert "label or text file" not in found.scan.passed_over


def test_classes_of_pictures_are_a_kind_too(tmp_path: Path) -> None:
    write_picture(tmp_path / "cat/a.png", 1)
    write_picture(tmp_path / "dog/a.png", 2)
    assert read(tmp_path)[0].info.kinds == {"class": 2}


def test_a_label_file_that_no_format_knows_stays_told(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", 1)
    (tmp_path / "notes.txt").write_text("hello")
    assert read(tmp_path)[0].scan.passed_over == {"label or text file": 1}


def test_the_files_of_a_set_of_nothing_but_background_are_not_called_unrecognised(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/a.png", 1)
    (tmp_path / "data.yaml").write_text("names: [cat]\ntrain: images\n")
    found, _ = read(tmp_path)
    assert found.recognition.format == "yolo"
    assert found.scan.passed_over == {}


def test_pictures_that_the_labels_do_not_name_are_passed_over_and_counted(tmp_path: Path) -> None:
    make_coco(tmp_path)
    write_picture(tmp_path / "images/stranger.png", 7)
    found, sources = read(tmp_path)
    assert "images/stranger.png" not in sources
    assert found.scan.passed_over["not in the label files"] == 1
    assert found.scan.examples["not in the label files"] == "images/stranger.png"


def test_patterns_leave_out_pictures_without_a_word_about_missing_ones(tmp_path: Path) -> None:
    make_coco(tmp_path)
    found, sources = read(tmp_path, exclude=["*two*"])
    assert sources == ["images/one.png"]
    assert found.recognition.format == "coco"


def test_labels_that_name_nothing_that_is_there_are_refused(tmp_path: Path) -> None:
    make_coco(tmp_path)
    for path in (tmp_path / "images").iterdir():
        path.rename(path.with_name("x" + path.name))
    with SourceTable() as table:
        request = make_request(source=tmp_path, target="out", copies=1)
        try:
            read_data_set(request, table, {})
        except InputError as error:
            assert error.stable_code.startswith("labels.")  # noqa: PT017 - either is right
        else:
            assert all(source.problem is not None for source in table.all())


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda root: None, "input.missing"),
        (lambda root: root.mkdir(), "input.no_images"),
        (lambda root: (root.mkdir(), (root / "nfold.json").write_text("{}")), "input.already_expanded"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(make: Any, code: str, tmp_path: Path) -> None:
    make(tmp_path / "data")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "data")
    assert caught.value.stable_code == code


class TestOptions:
    def test_the_origin_of_voc_is_for_voc_alone(self, tmp_path: Path) -> None:
        make_yolo(tmp_path)
        with pytest.raises(UsageError, match="--voc-origin"):
            read(tmp_path, voc_origin=1, format="yolo")

    def test_what_an_earlier_run_decided_holds(self, tmp_path: Path) -> None:
        make_voc(tmp_path)
        assert read(tmp_path)[0].info.conventions["voc_origin"] == 1
        assert read(tmp_path, {"voc_origin": 0})[0].info.conventions["voc_origin"] == 0
        with pytest.raises(OutputMismatchError, match="voc_origin was 0, is 1"):
            read(tmp_path, {"voc_origin": 0}, voc_origin=1)
        assert read(tmp_path, {"voc_origin": 0}, voc_origin=0)[0].info.conventions["voc_origin"] == 0
