"""COCO files are told from other JSON, and each name in them leads to one picture or to an error that names the candidates."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nfold.errors import InputError
from nfold.formats import json_stream
from nfold.formats.coco.finding import is_document, split_of_document
from tests.engine.formats.coco_files import CATS, coco, one, picture, read, refusal, thing


def looks_like_coco(root: Path, text: str) -> bool:
    (root / "x.json").write_text(text)
    return is_document(root, "x.json")


class TestTelling:
    @pytest.mark.parametrize(
        "document",
        [
            {"images": [picture(1, "a.jpg")], "annotations": [thing(1, 1)], "categories": CATS},
            {"annotations": [thing(1, 1)], "categories": CATS, "images": [picture(1, "a.jpg")]},
            {"info": {}, "licenses": [], "images": [picture(1, "a.jpg")], "categories": []},
            {"images": [], "annotations": []},
            {"images": [picture(1, "a.jpg")], "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]},
        ],
    )
    def test_coco_files_are_told_by_what_they_hold(self, tmp_path: Path, document: object) -> None:
        assert looks_like_coco(tmp_path, json.dumps(document))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "5",
            "{}",
            '{"images": []}',
            '{"images": ["a.jpg"], "categories": ["cat"]}',
            '{"images": {"a.jpg": 1}, "annotations": []}',
            '{"images": [], "annotations": "none"}',
            '{"images": 3, "categories": 4}',
            '{"annotations": [], "categories": []}',
            '[{"image": "a.jpg", "annotations": []}]',
            '{"version": "5.0", "shapes": [], "imagePath": "a.jpg"}',
            '{"name": "photos", "images": [{"path": "a.jpg"}]}',
            "\x00\xff",
        ],
    )
    def test_other_json_is_not_coco(self, tmp_path: Path, text: str) -> None:
        assert not looks_like_coco(tmp_path, text)

    def test_only_the_beginning_of_a_large_file_is_looked_at(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        images = [picture(number, f"{number:09}.jpg") for number in range(40_000)]
        for text in (coco(images), json.dumps({"annotations": [thing(n, n) for n in range(20_000)], "images": images})):
            assert len(text) > 2**21
            assert looks_like_coco(tmp_path, text)
            assert looks_like_coco(tmp_path, text[:-5])
        monkeypatch.setattr(json_stream, "MOST_BYTES", 2**21)
        assert is_document(tmp_path, "x.json"), "a file that is too large would be passed over instead of refused"

    def test_a_damaged_file_is_told_so_that_reading_names_the_damage(self, tmp_path: Path) -> None:
        assert looks_like_coco(tmp_path, '{"images": [{"id": 1, "file_name": "a.jpg"}, {"id": }]}')

    @pytest.mark.parametrize(
        "text",
        [
            '{"images": [',
            '{"images": [{"id": 1, "file_na',
            '{"images": [], "anno',
            '{"images"',
            '{"categories": [{"id": 1, "name": "cat"}], "images": [{"id"',
            '{"annotations": [{"id": 1, "ima',
            '{"info": {"year": 2017}, "images": ',
            '{"type": "instances", "images": [,',
        ],
    )
    def test_a_file_that_breaks_off_before_it_says_much_is_told_by_how_it_opens(
        self, tmp_path: Path, text: str
    ) -> None:
        assert looks_like_coco(tmp_path, text)
        error = refusal(tmp_path, {"x.json": text}, "a.jpg")
        assert error.stable_code == "labels.unreadable"
        assert error.message.startswith("x.json, line 1: ")

    @pytest.mark.parametrize("text", ['{"name": "photos", "imag', '{"info": {"images": [], "annotations": []}}', "[[["])
    def test_other_json_that_breaks_off_is_not_coco(self, tmp_path: Path, text: str) -> None:
        assert not looks_like_coco(tmp_path, text)

    def test_pictures_may_come_after_more_than_is_looked_at_first(self, tmp_path: Path) -> None:
        classes = [{"id": number, "name": f"{number:060}"} for number in range(15_000)]
        text = json.dumps({"info": {}, "categories": classes, "images": [picture(1, "a.jpg")], "annotations": []})
        assert text.index("images") > 2**20
        assert looks_like_coco(tmp_path, text)


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("annotations/instances_train2017.json", "train"),
        ("annotations/instances_val2017.json", "val"),
        ("annotations/image_info_test2017.json", "test"),
        ("annotations/image_info_test-dev2017.json", "test"),
        ("annotations/person_keypoints_val2017.json", "val"),
        ("train/_annotations.coco.json", "train"),
        ("valid/_annotations.coco.json", "val"),
        ("test/_annotations.coco.json", "test"),
        ("data/Train/labels/x.json", "train"),
        ("training.json", "train"),
        ("VALIDATION.json", "val"),
        ("train/val.json", "val"),
        ("annotations.json", None),
        ("contrain.json", None),
        ("train_val.json", None),
        ("test/train_val.json", None),
    ],
)
def test_the_name_of_a_file_says_its_split_else_its_folder_does(path: str, split: str | None) -> None:
    assert split_of_document(path) == split


@pytest.mark.parametrize(
    ("document", "name", "where"),
    [
        ("a.json", "x.jpg", "x.jpg"),
        ("a.json", "deep/er/x.jpg", "deep/er/x.jpg"),
        ("a.json", "./deep//x.jpg", "deep/x.jpg"),
        ("a.json", "deep\\x.jpg", "deep/x.jpg"),
        ("a.json", "x.jpg", "images/x.jpg"),
        ("a.json", "sub/x.jpg", "images/sub/x.jpg"),
        ("labels.json", "x.jpg", "labels/x.jpg"),
        ("annotations/a.json", "x.jpg", "images/x.jpg"),
        ("annotations/a.json", "images/x.jpg", "images/x.jpg"),
        ("annotations/a.json", "../images/x.jpg", "images/x.jpg"),
        ("annotations/a.json", "x.jpg", "annotations/x.jpg"),
        ("train/_annotations.coco.json", "x.jpg", "train/x.jpg"),
        ("data/train/_annotations.coco.json", "x.jpg", "data/train/x.jpg"),
        ("annotations/instances_train2017.json", "x.jpg", "train2017/x.jpg"),
        ("annotations/instances_train2017.json", "x.jpg", "images/train2017/x.jpg"),
        ("annotations/instances_train2017.json", "train2017/x.jpg", "images/train2017/x.jpg"),
        ("coco/annotations/instances_train2017.json", "x.jpg", "coco/train2017/x.jpg"),
        ("annotations/person_keypoints_val2017.json", "x.jpg", "val2017/x.jpg"),
        ("annotations/image_info_test-dev2017.json", "x.jpg", "test2017/x.jpg"),
        ("annotations/train.json", "x.jpg", "train/x.jpg"),
        ("annotations/train.json", "x.jpg", "images/train/x.jpg"),
        ("annotations/valid.json", "x.jpg", "val/x.jpg"),
        ("instances_val.json", "x.jpg", "val/images/x.jpg"),
        ("train/labels.json", "x.jpg", "train/data/x.jpg"),
        ("a.json", "/home/me/data/photos/x.jpg", "photos/x.jpg"),
        ("a.json", "C:\\Users\\me\\photos\\x.jpg", "photos/x.jpg"),
        ("a.json", "http://example.org/pictures/x.jpg", "anywhere/x.jpg"),
        ("a.json", "x.jpg", "any/where/x.jpg"),
    ],
)
def test_a_picture_is_found_in_all_usual_layouts(tmp_path: Path, document: str, name: str, where: str) -> None:
    found = read(tmp_path, {document: coco([picture(1, name)], [thing(1, 1)])}, where, "other/y.jpg")
    (source,) = found.sources
    assert source.problem is None
    assert source.file.path == source.id == where
    assert found.info.passed_over == {"not in the label files": 1}


def test_pictures_of_one_name_in_several_splits_go_to_the_file_of_their_split(tmp_path: Path) -> None:
    files = {f"annotations/instances_{split}2017.json": one() for split in ("train", "val")}
    found = read(tmp_path, files, "train2017/a.jpg", "val2017/a.jpg")
    assert {source.id: source.label.split for source in found.sources} == {
        "train2017/a.jpg": "train",
        "val2017/a.jpg": "val",
    }


def test_a_picture_of_another_split_is_another_picture(tmp_path: Path) -> None:
    found = read(tmp_path, {"train/_annotations.coco.json": one()}, "valid/a.jpg")
    assert found.problem("train/a.jpg").startswith("labels.missing_image")


def test_a_path_that_is_written_in_full_goes_before_usual_folders(tmp_path: Path) -> None:
    found = read(tmp_path, {"annotations/a.json": one()}, "a.jpg", "images/a.jpg", "deep/a.jpg")
    assert [source.id for source in found.sources] == ["a.jpg"]


class TestSeveralCandidates:
    def test_one_name_in_two_folders_is_refused_with_both(self, tmp_path: Path) -> None:
        error = refusal(tmp_path, {"a.json": one()}, "left/a.jpg", "right/a.jpg")
        assert error.message == "a.json names a picture 'a.jpg', which could be any of left/a.jpg, right/a.jpg."
        assert error.stable_code == "labels.ambiguous_image"
        assert "file_name" in str(error.hint)

    def test_two_usual_folders_are_refused_too(self, tmp_path: Path) -> None:
        error = refusal(tmp_path, {"train_val.json": one()}, "train/a.jpg", "val/a.jpg")
        assert "any of train/a.jpg, val/a.jpg" in error.message

    def test_a_path_tells_them_apart(self, tmp_path: Path) -> None:
        text = coco([picture(1, "left/a.jpg"), picture(2, "right/a.jpg")])
        found = read(tmp_path, {"a.json": text}, "left/a.jpg", "right/a.jpg")
        assert [source.id for source in found.sources] == ["left/a.jpg", "right/a.jpg"]

    def test_one_that_the_user_left_out_is_no_candidate(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"a.json": one()}, "left/a.jpg", "right/a.jpg", exclude=("right/*",))
        assert [source.id for source in found.sources] == ["left/a.jpg"]


class TestMissing:
    def test_a_picture_that_is_not_there_is_a_problem_of_its_own(self, tmp_path: Path) -> None:
        text = coco([picture(1, "a.jpg"), picture(2, "b.jpg")])
        found = read(tmp_path, {"annotations/a.json": text}, "images/a.jpg")
        assert found.by_id["images/a.jpg"].problem is None
        assert found.problem("images/b.jpg") == (
            "labels.missing_image: annotations/a.json, images/1 (id 2): the picture images/b.jpg is not there."
        )
        assert found.by_id["images/b.jpg"].file.size == 0

    @pytest.mark.parametrize("name", ["..", ".", "/", "../../etc/x.jpg", "/etc/x.jpg", "a\x00.jpg", "a/" * 3000, "\n"])
    def test_a_name_that_leads_nowhere_or_out_of_the_folder_is_missing(self, tmp_path: Path, name: str) -> None:
        (source,) = read(tmp_path, {"a.json": coco([picture(1, name)])}, "other.jpg").sources
        assert source.problem is not None
        assert source.problem.code == "labels.missing_image"
        assert not os.path.isabs(source.id)
        assert ".." not in source.id.split("/")

    def test_a_picture_that_the_user_left_out_is_not_missing(self, tmp_path: Path) -> None:
        text = coco([picture(1, "a.jpg"), picture(2, "b.jpg"), picture(3, "c.jpg")])
        found = read(tmp_path, {"a.json": text}, "images/a.jpg", "images/b.jpg", exclude=("*b.jpg",))
        assert [source.id for source in found.sources] == ["images/a.jpg", "images/c.jpg"]
        assert found.problem("images/c.jpg").startswith("labels.missing_image")

    def test_another_picture_of_that_name_is_not_taken_for_one_that_was_left_out(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"a.json": coco([picture(1, "b/x.jpg")])}, "a/x.jpg", "b/x.jpg", exclude=("b/*",))
        assert found.sources == []
        assert found.info.passed_over == {"not in the label files": 1}


def test_names_are_compared_whichever_unicode_form_they_have(tmp_path: Path) -> None:
    found = read(tmp_path, {"a.json": coco([picture(1, "ä.JPG")])}, "images/a\u0308.JPG")
    (source,) = found.sources
    assert source.id == "images/ä.JPG"
    assert source.file.path == "images/a\u0308.JPG"


def test_the_error_of_many_candidates_is_short(tmp_path: Path) -> None:
    error = refusal(tmp_path, {"a.json": one()}, *(f"{number}/a.jpg" for number in range(100)))
    assert isinstance(error, InputError)
    assert error.message.count("a.jpg") <= 10


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-be"])
def test_coco_in_another_encoding_is_not_passed_over(tmp_path: Path, encoding: str) -> None:
    text = json.dumps(json.loads(coco([picture(1, "é.jpg")], [thing(1, 1)])), ensure_ascii=False)
    data = text.encode(encoding)
    (tmp_path / "x.json").write_bytes(b"\xfe\xff" + data if encoding == "utf-16-be" else data)
    assert is_document(tmp_path, "x.json")
    (tmp_path / "x.json").write_bytes('{"images": 5, "name": "é"}'.encode(encoding))
    assert not is_document(tmp_path, "x.json")
