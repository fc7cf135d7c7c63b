"""Which entry means which picture when names alone would not tell, and which split a file is of."""

from __future__ import annotations

from pathlib import Path

from tests.engine.formats.coco_files import coco, one, picture, read

GUESSED = "file_name that leads nowhere, picture found by its name alone"


class TestGuesses:
    def test_a_picture_found_by_its_name_alone_is_counted(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"a.json": coco([picture(1, "x.jpg"), picture(2, "y.jpg")])}, "p/x.jpg", "y.jpg")
        assert [source.id for source in found.sources] == ["p/x.jpg", "y.jpg"]
        assert found.info.repairs == {GUESSED: 1}

    def test_one_that_another_entry_names_by_its_path_is_not_meant(self, tmp_path: Path) -> None:
        text = coco([picture(1, "lost/x.jpg"), picture(2, "here/x.jpg")])
        found = read(tmp_path, {"a.json": text}, "here/x.jpg")
        assert found.by_id["here/x.jpg"].problem is None
        assert found.problem("lost/x.jpg").startswith("labels.missing_image")
        assert not found.info.repairs

    def test_nor_one_that_an_entry_of_another_file_names_by_its_path(self, tmp_path: Path) -> None:
        files = {"a.json": coco([picture(1, "lost/x.jpg")]), "b.json": coco([picture(2, "here/x.jpg")])}
        found = read(tmp_path, files, "here/x.jpg")
        assert found.by_id["here/x.jpg"].problem is None
        assert found.problem("lost/x.jpg").startswith("labels.missing_image: a.json")

    def test_unless_both_files_give_it_one_id(self, tmp_path: Path) -> None:
        files = {"a.json": coco([picture(1, "/data/x.jpg")]), "b.json": coco([picture(1, "here/x.jpg")])}
        (source,) = read(tmp_path, files, "here/x.jpg").sources
        assert source.labels is not None
        assert set(source.labels.raw) == {0, 1}

    def test_two_entries_that_can_only_mean_one_picture_are_told(self, tmp_path: Path) -> None:
        text = coco([picture(1, "b/x.jpg"), picture(2, "c/x.jpg")])
        found = read(tmp_path, {"a.json": text}, "here/x.jpg")
        assert found.problem("here/x.jpg").startswith("labels.duplicate: a.json, images/1 (id 2): images/0 is the same")

    def test_a_missing_picture_does_not_take_the_place_of_one_that_is_there(self, tmp_path: Path) -> None:
        text = coco([picture(1, "/data/x.jpg"), picture(2, "x.jpg")])
        found = read(tmp_path, {"a.json": text}, "x.jpg")
        assert found.by_id["x.jpg"].problem is None
        assert found.problem("data/x.jpg").startswith("labels.missing_image")

    def test_nor_does_one_whose_path_leads_out_of_the_folder(self, tmp_path: Path) -> None:
        files = {"x.json": coco([picture(1, "../a.jpg")]), "y.json": coco([picture(2, "a.jpg")])}
        found = read(tmp_path, files, "a.jpg")
        assert found.by_id["a.jpg"].problem is None
        assert found.problem("x.json/a.jpg").startswith("labels.missing_image: x.json")


def test_more_pictures_than_are_placed_at_once(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(1_100)]
    found = read(tmp_path, {"a.json": coco([picture(n, name) for n, name in enumerate(names)])}, *names[:-1])
    assert len(found.sources) == 1_100
    assert [source.id for source in found.sources if source.problem] == ["1099.jpg"]


class TestSplits:
    def test_the_name_of_the_file_says_it(self, tmp_path: Path) -> None:
        files = {"annotations/instances_train.json": one(), "annotations/instances_val.json": one()}
        found = read(tmp_path, files, "train/a.jpg", "val/a.jpg")
        assert {source.id: source.label.split for source in found.sources} == {
            "train/a.jpg": "train",
            "val/a.jpg": "val",
        }
        assert [document.split for document in found.info.documents] == ["train", "val"]

    def test_else_the_folders_of_its_pictures_do(self, tmp_path: Path) -> None:
        text = coco([picture(1, "train/a.jpg"), picture(2, "val/b.jpg"), picture(3, "train/lost.jpg")])
        found = read(tmp_path, {"all.json": text}, "train/a.jpg", "val/b.jpg")
        assert [source.label.split for source in found.sources] == ["train", "val", "train"]
        assert found.info.documents[0].split is None

    def test_one_split_for_all_pictures_is_the_split_of_the_file(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"all.json": coco([picture(1, "val/b.jpg")])}, "val/b.jpg")
        assert found.info.documents[0].split == "val"

    def test_one_picture_beside_the_folders_and_there_are_none(self, tmp_path: Path) -> None:
        text = coco([picture(1, "train/a.jpg"), picture(2, "b.jpg")])
        found = read(tmp_path, {"all.json": text}, "train/a.jpg", "b.jpg")
        assert {source.label.split for source in found.sources} == {None}

    def test_pictures_of_a_file_without_a_split_beside_files_with_one_are_for_training(self, tmp_path: Path) -> None:
        files = {"val.json": coco([picture(1, "a.jpg")]), "rest.json": coco([picture(2, "b.jpg")])}
        found = read(tmp_path, files, "a.jpg", "b.jpg")
        assert {source.id: source.label.split for source in found.sources} == {"a.jpg": "val", "b.jpg": "train"}
        assert found.info.conventions["split_of_other_pictures"] == "train"
