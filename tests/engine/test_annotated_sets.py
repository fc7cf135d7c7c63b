"""From end to end with labels: what holds for pictures holds for what is marked in them."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from nfold.errors import ForeignFileError, InputError, OutputMismatchError, UsageError
from nfold.formats import FORMATS
from nfold.provenance import explain
from nfold.regeneration import regenerate
from nfold.verification import verify
from tests.conftest import tree, tree_digest, write_picture
from tests.engine.data_sets import MAKERS, make_coco, make_masks, make_voc, make_yolo

ANNOTATED = sorted(name for name in MAKERS if FORMATS[name].has_annotations)
Expand = Callable[..., Any]

LOSING = {
    "name": "losing",
    "augment": [{"Affine": {"translate_px": {"x": [300, 400], "y": [300, 400]}, "p": 1}}, {"GaussNoise": {"p": 1}}],
}


def make(name: str, tmp_path: Path) -> Path:
    root = tmp_path / f"data-{name}"
    MAKERS[name](root)
    return root


@pytest.mark.parametrize("name", ANNOTATED)
class TestEveryFormat:
    def test_a_second_run_writes_nothing(self, name: str, tmp_path: Path, expand_inline: Expand) -> None:
        source, target = make(name, tmp_path), tmp_path / "out"
        first = expand_inline(source, target, copies=3)
        times = {path: path.stat().st_mtime_ns for path in target.rglob("*") if path.is_file()}
        again = expand_inline(source, target, copies=3)
        assert (again.written, again.removed, again.set_aside) == (0, 0, ())
        assert again.tree_digest == first.tree_digest == tree_digest(target)
        unchanged = {path for path in times if path.stat().st_mtime_ns == times[path]}
        assert {path.name for path in set(times) - unchanged} <= {
            "nfold.json",
            "skipped.jsonl",
            "assembled.jsonl",
            "lock",
        }
        assert verify(target).is_sound

    def test_more_copies_leave_the_first_ones_as_they_are(
        self, name: str, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source = make(name, tmp_path)
        expand_inline(source, tmp_path / "grown", copies=2)
        expand_inline(source, tmp_path / "grown", copies=5)
        expand_inline(source, tmp_path / "at-once", copies=5)
        assert tree(tmp_path / "grown") == tree(tmp_path / "at-once")
        expand_inline(source, tmp_path / "grown", copies=2)
        expand_inline(source, tmp_path / "small", copies=2)
        assert tree(tmp_path / "grown") == tree(tmp_path / "small")

    def test_the_source_is_never_modified(self, name: str, tmp_path: Path, expand_inline: Expand) -> None:
        source = make(name, tmp_path)
        before = tree(source)
        expand_inline(source, tmp_path / "out", copies=2, split="50/50")
        assert tree(source) == before

    def test_folders_that_lie_elsewhere_and_are_linked_are_read_as_if_they_were_here(
        self, name: str, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source = make(name, tmp_path)
        here = expand_inline(source, tmp_path / "here", copies=2)
        for folder in [path for path in source.iterdir() if path.is_dir()]:
            folder.rename(tmp_path / f"elsewhere-{folder.name}")
            folder.symlink_to(tmp_path / f"elsewhere-{folder.name}")
        linked = expand_inline(source, tmp_path / "linked", copies=2)
        assert linked.tree_digest == here.tree_digest

    def test_what_prepare_does_to_the_originals_is_done_to_their_labels(
        self, name: str, tmp_path: Path, expand_inline: Expand
    ) -> None:
        recipe = {"name": "half", "prepare": [{"Resize": {"height": 20, "width": 30}}], "augment": ["HorizontalFlip"]}
        report = expand_inline(
            make(name, tmp_path),
            tmp_path / "out",
            copies=1,
            recipe={**recipe, "augment": [{"Rotate": {"limit": 9, "p": 1}}]},
        )
        assert report.images_after == 4
        assert verify(tmp_path / "out").is_sound
        rows = [
            json.loads(line)
            for part in (tmp_path / "out/.nfold/parts").iterdir()
            for line in part.read_text().splitlines()[1:]
        ]
        originals = [row for row in rows if row["kind"] == "file" and row["copy"] == 0 and "role" not in row]
        assert [row["size_wh"] for row in originals] == [[30, 20], [30, 20]]
        boxes = [entry["box"] for row in originals for entry in row.get("annotations", []) if "box" in entry]
        assert all(x1 <= 30 and y1 <= 20 for _, _, x1, y1 in boxes)

    def test_without_originals_there_are_no_label_files_of_originals(
        self, name: str, tmp_path: Path, expand_inline: Expand
    ) -> None:
        report = expand_inline(make(name, tmp_path), tmp_path / "out", copies=2, originals="none")
        assert (report.originals, report.copies) == (0, 4)
        names = {Path(path).stem for path in tree(tmp_path / "out")}
        assert not {"one", "two"} & names

    def test_fewer_sources_take_their_label_files_with_them(
        self, name: str, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source = make(name, tmp_path)
        expand_inline(source, tmp_path / "out", copies=2)
        expand_inline(source, tmp_path / "out", copies=2, exclude=["*two*"])
        expand_inline(source, tmp_path / "fresh", copies=2, exclude=["*two*"])
        assert tree(tmp_path / "out") == tree(tmp_path / "fresh")

    def test_a_lost_or_changed_label_file_is_found_and_made_again(
        self, name: str, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source, target = make(name, tmp_path), tmp_path / "out"
        expand_inline(source, target, copies=2)
        before = tree(target)
        labels = sorted(
            path
            for path in before
            if (not path.endswith(("one.png", "two.png")) and "aug" in path)
            or path.endswith((".json", ".jsonl", ".csv"))
        )
        labels = [path for path in labels if not path.startswith(("images/", "JPEGImages/"))]
        for path in labels[:2]:
            (target / path).write_bytes(b"somebody's own words")
        report = verify(target)
        assert not report.is_sound
        assert {fault.file for fault in report.faults} == set(labels[:2])
        mended = expand_inline(source, target, copies=2)
        assert tree(target) == before
        assert len(mended.set_aside) == len(labels[:2])
        assert (target / mended.set_aside[0]).read_bytes() == b"somebody's own words"
        (target / labels[0]).unlink()
        expand_inline(source, target, copies=2)
        assert tree(target) == before

    def test_every_annotation_is_kept_or_dropped_by_a_rule(
        self, name: str, tmp_path: Path, expand_inline: Expand
    ) -> None:
        report = expand_inline(make(name, tmp_path), tmp_path / "out", copies=2, recipe=LOSING)
        labels = report.labels
        assert labels is not None
        if name == "masks":
            assert labels.came == 0
            return
        assert (labels.came, labels.kept) == (6, 0)
        assert labels.dropped == {"outside": 6}
        assert labels.backgrounds == 4

    @pytest.mark.parametrize("other", ANNOTATED)
    def test_it_can_be_written_as_any_other(self, name: str, other: str, tmp_path: Path, expand_inline: Expand) -> None:
        source, target = make(name, tmp_path), tmp_path / "out"
        if "masks" in (name, other) and (name, other) not in {("masks", "masks"), ("masks", "voc"), ("coco", "masks")}:
            # Boxes are no pixels, and pixels no boxes: there would be nothing left.
            with pytest.raises(UsageError) as nothing:
                expand_inline(source, target, copies=1, to=other, on_loss="list")
            assert nothing.value.stable_code == "labels.nothing_left"
            assert not target.exists()
            return
        report = expand_inline(source, target, copies=1, to=other, on_loss="list")
        if report.labels.losses:
            with pytest.raises(UsageError) as caught:
                expand_inline(source, tmp_path / "refused", copies=1, to=other)
            assert caught.value.stable_code == "labels.loss"
            assert not (tmp_path / "refused").exists()
        assert report.images_after == 4
        assert verify(target).is_sound
        (target / "nfold.json").rename(tmp_path / "card")
        again = expand_inline(target, tmp_path / "again", copies=0)
        assert again.images_before == 4
        held = set(report.labels.kinds) & FORMATS[other].holds
        if held:
            assert again.format.startswith(f"{other} ("), again.format
            assert not again.skipped


class TestLosses:
    @pytest.mark.parametrize("name", ANNOTATED)
    def test_a_plain_folder_is_refused_since_nothing_would_be_left(
        self, name: str, tmp_path: Path, expand_inline: Expand
    ) -> None:
        with pytest.raises(UsageError) as caught:
            expand_inline(make(name, tmp_path), tmp_path / "out", copies=1, to="folder", on_loss="list")
        assert caught.value.stable_code == "labels.nothing_left"
        assert not (tmp_path / "out").exists()

    def test_boxes_that_class_folders_have_no_place_for_are_not_counted_as_kept(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source, target = make("hf-metadata", tmp_path), tmp_path / "out"
        lines = [json.loads(line) for line in (source / "metadata.jsonl").read_text().splitlines()]
        text = "".join(json.dumps({**line, "label": "indoors"}) + "\n" for line in lines)
        (source / "metadata.jsonl").write_text(text)
        report = expand_inline(source, target, copies=2, to="class-folders", on_loss="list")
        assert (report.images_after, report.labels.losses["boxes"]) == (6, 3)
        assert (report.labels.came, report.labels.kept, report.labels.backgrounds) == (6, 0, 0)
        assert report.labels.dropped == {"format": 6}
        assert {row.objects_after for row in report.labels.classes} == {0}
        told = explain(target, "indoors/one_aug1.png")
        assert (told.annotations_in, dict(told.annotations)) == (2, {})
        assert verify(target).is_sound
        assert regenerate(target, "indoors/one_aug1.png").same_bytes

    def test_crowds_and_boxes_that_another_format_leaves_out_are_not_counted_as_kept(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source = make("coco", tmp_path)
        document = json.loads((source / "instances.json").read_text())
        document["annotations"][0] |= {"iscrowd": 1}
        del document["annotations"][1]["segmentation"]
        (source / "instances.json").write_text(json.dumps(document))
        for target, kept in (("yolo", 2), ("csv", 2), ("masks", 2), ("voc", 2)):
            report = expand_inline(source, tmp_path / target, copies=1, to=target, on_loss="list")
            assert (report.labels.came, report.labels.kept) == (3, kept), target
            assert report.labels.dropped == {"format": 1}, target


def with_outlines_of_boxes(root: Path) -> Path:
    make_coco(root)
    document = json.loads((root / "instances.json").read_text())
    for entry in document["annotations"]:
        x, y, width, height = entry["bbox"]
        entry["segmentation"] = [[x, y, x + width, y, x + width, y + height, x, y + height]]
        del entry["keypoints"], entry["num_keypoints"]
    (root / "instances.json").write_text(json.dumps(document))
    return root


class TestOutlinesThatRepeatTheBox:
    def test_they_are_boxes_to_every_other_format(self, tmp_path: Path, expand_inline: Expand) -> None:
        source = with_outlines_of_boxes(tmp_path / "data")
        report = expand_inline(source, tmp_path / "voc", copies=1, to="voc")
        assert (report.labels.kinds, report.labels.losses) == ({"boxes": 3}, {})
        expand_inline(source, tmp_path / "yolo", copies=1, to="yolo")
        assert all(len(line.split()) == 5 for line in (tmp_path / "yolo/labels/one_aug1.txt").read_text().splitlines())
        with pytest.raises(UsageError) as caught:
            expand_inline(source, tmp_path / "masks", copies=1, to="masks", on_loss="list")
        assert caught.value.stable_code == "labels.nothing_left"

    def test_the_file_of_the_original_says_what_it_said_and_a_copy_has_the_turned_box(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source = with_outlines_of_boxes(tmp_path / "data")
        recipe = {"augment": [{"Affine": {"rotate": [30, 30], "p": 1}}], "labels": {"min_visibility": 0}}
        report = expand_inline(source, tmp_path / "out", copies=1, recipe=recipe)
        before = json.loads((source / "instances.json").read_text())["annotations"]
        after = json.loads((tmp_path / "out/instances.json").read_text())["annotations"]
        assert after[:3] == before
        assert report.labels.loose_boxes == 3
        assert report.labels.looseness_mean > 1.5
        for entry in after[3:]:
            [ring] = entry["segmentation"]
            width, height = entry["bbox"][2:]
            assert max(ring[0::2]) - min(ring[0::2]) == pytest.approx(width, abs=0.02)
            assert entry["area"] < width * height / 1.3

    def test_beside_real_outlines_they_are_painted_as_such(self, tmp_path: Path, expand_inline: Expand) -> None:
        source = with_outlines_of_boxes(tmp_path / "data")
        document = json.loads((source / "instances.json").read_text())
        document["annotations"][0]["segmentation"] = [[6, 4, 22, 4, 6, 18]]
        (source / "instances.json").write_text(json.dumps(document))
        report = expand_inline(source, tmp_path / "masks", copies=1, to="masks", on_loss="list")
        assert (report.labels.came, report.labels.kept) == (3, 3)
        for name in ("two", "two_aug1"):
            assert cv2.imread(str(tmp_path / f"masks/masks/{name}.png")).any()


class TestAskedTwice:
    def test_another_format_in_the_same_folder_is_refused(self, tmp_path: Path, expand_inline: Expand) -> None:
        source = make("yolo", tmp_path)
        expand_inline(source, tmp_path / "out", copies=1)
        with pytest.raises(OutputMismatchError, match="--to"):
            expand_inline(source, tmp_path / "out", copies=1, to="coco")

    def test_its_own_format_is_no_other_one(self, tmp_path: Path, expand_inline: Expand) -> None:
        source = make("yolo", tmp_path)
        first = expand_inline(source, tmp_path / "out", copies=1)
        assert expand_inline(source, tmp_path / "out", copies=1, to="yolo").tree_digest == first.tree_digest

    def test_an_unknown_format_is_told_with_the_known_ones(self, tmp_path: Path, expand_inline: Expand) -> None:
        with pytest.raises(UsageError, match="no data set format 'yolov5'"):
            expand_inline(make("yolo", tmp_path), tmp_path / "out", copies=1, to="yolov5")


class TestChanges:
    def test_a_changed_label_makes_the_files_of_its_picture_again_and_no_others(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source, target = make("yolo", tmp_path), tmp_path / "out"
        expand_inline(source, target, copies=2)
        (source / "labels/one.txt").write_text("1 0.5 0.5 0.5 0.5\n")
        report = expand_inline(source, target, copies=2)
        expand_inline(source, tmp_path / "fresh", copies=2)
        assert tree(target) == tree(tmp_path / "fresh")
        assert (target / "labels/one.txt").read_text() == "1 0.5 0.5 0.5 0.5\n"
        # The pictures have the same bytes as before and count as written by this run; those of `two` are left alone.
        assert report.written <= 6

    def test_a_comment_in_an_xml_file_reaches_the_original_too(self, tmp_path: Path, expand_inline: Expand) -> None:
        source, target = make("voc", tmp_path), tmp_path / "out"
        expand_inline(source, target, copies=1)
        file = source / "Annotations/one.xml"
        file.write_text(file.read_text().replace("<annotation>", "<annotation><!-- looked at -->"))
        expand_inline(source, target, copies=1)
        assert (target / "Annotations/one.xml").read_bytes() == file.read_bytes()

    def test_an_image_added_to_a_label_file_about_all_leaves_other_files_alone(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source, target = make("coco", tmp_path), tmp_path / "out"
        expand_inline(source, target, copies=2)
        document = json.loads((source / "instances.json").read_text())
        write_picture(source / "images/three.png", 3, width=60, height=40)
        document["images"].insert(0, {"id": 9, "file_name": "three.png", "width": 60, "height": 40})
        (source / "instances.json").write_text(json.dumps(document))
        before = {path: path.stat().st_mtime_ns for path in (target / "images").iterdir()}
        expand_inline(source, target, copies=2)
        assert all(path.stat().st_mtime_ns == then for path, then in before.items())
        expand_inline(source, tmp_path / "fresh", copies=2)
        assert tree(target) == tree(tmp_path / "fresh")

    def test_a_label_file_of_somebody_else_in_the_way_is_refused_before_any_work(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source, target = make("coco", tmp_path), tmp_path / "out"
        expand_inline(source, target, copies=1, include=["*one*"])
        (target / "notes").mkdir()
        other = tmp_path / "other"
        make_coco(other)
        shutil.move(other / "instances.json", other / "labels.json")
        (target / "labels.json").write_text("{}")
        with pytest.raises(ForeignFileError, match=r"labels\.json"):
            expand_inline(other, target, copies=1, include=["*one*"], rebuild=True)
        assert (target / "labels.json").read_text() == "{}"


class TestRules:
    def test_a_copy_that_lost_everything_is_drawn_again_when_the_recipe_says_so(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source = make("yolo", tmp_path)
        recipe = {
            "name": "half the time",
            "augment": [
                {"Affine": {"translate_px": {"x": [400, 400], "y": [0, 0]}, "p": 0.5}},
                {"GaussNoise": {"p": 1}},
            ],
        }
        background = expand_inline(source, tmp_path / "background", copies=12, recipe=recipe)
        redrawn = expand_inline(
            source, tmp_path / "redrawn", copies=12, recipe={**recipe, "labels": {"all_lost": "redraw"}}
        )
        assert background.labels.backgrounds > 5
        assert redrawn.labels.backgrounds < background.labels.backgrounds / 3
        assert redrawn.labels.came == redrawn.labels.kept + sum(redrawn.labels.dropped.values())

    def test_a_background_has_an_empty_label_file(self, tmp_path: Path, expand_inline: Expand) -> None:
        expand_inline(make("yolo", tmp_path), tmp_path / "out", copies=1, recipe=LOSING)
        assert (tmp_path / "out/labels/one_aug1.txt").read_bytes() == b""

    def test_a_mirrored_border_is_refused_on_marked_pictures_with_the_reason(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        recipe = {"augment": [{"Rotate": {"p": 1}}], "border": "reflect_101"}
        with pytest.raises(UsageError, match="ghosts would have no labels"):
            expand_inline(make("coco", tmp_path), tmp_path / "out", copies=1, recipe=recipe)
        assert not (tmp_path / "out").exists()
        masks = tmp_path / "plain"
        write_picture(masks / "a.png", 1)
        assert expand_inline(masks, tmp_path / "plain-out", copies=1, recipe=recipe).is_whole

    def test_a_transform_that_cannot_keep_a_kind_in_step_is_refused_before_the_run(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        recipe = {"augment": [{"RandomGridShuffle": {"grid": [3, 3], "p": 1}}]}
        with pytest.raises(UsageError, match="RandomGridShuffle"):
            expand_inline(make("yolo", tmp_path), tmp_path / "out", copies=1, recipe=recipe)
        assert not (tmp_path / "out").exists()
        assert expand_inline(make("masks", tmp_path), tmp_path / "masks-out", copies=1, recipe=recipe).is_whole

    def test_a_name_with_a_folder_is_refused_where_label_files_would_be_left_behind(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        with pytest.raises(UsageError, match="away from their label files"):
            expand_inline(make("yolo", tmp_path), tmp_path / "out", copies=1, name="all/{stem}_{id8}_aug{copy}{ext}")

    def test_two_pictures_that_share_a_label_file_are_both_named(self, tmp_path: Path, expand_inline: Expand) -> None:
        source = make("yolo", tmp_path)
        write_picture(source / "images/one.jpg", 5, width=60, height=40)
        report = expand_inline(source, tmp_path / "out", copies=1)
        told = {row.source: row.message for row in report.skipped}
        assert set(told) == {"images/one.jpg", "images/one.png"}
        assert all("one.jpg" in message and "one.png" in message for message in told.values())

    def test_ids_that_would_be_too_large_are_refused_before_any_work(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        source = make("coco", tmp_path)
        document = json.loads((source / "instances.json").read_text())
        document["annotations"][0]["id"] = 900_000_000_000
        (source / "instances.json").write_text(json.dumps(document))
        with pytest.raises(InputError, match="larger than 2\\*\\*53"):
            expand_inline(source, tmp_path / "out", copies=10)
        assert not list(tmp_path.glob("out/images/*"))
        assert expand_inline(source, tmp_path / "out", copies=9, include=["*two*"]).copies == 9


def test_masks_in_colour_follow_and_never_get_a_new_colour(tmp_path: Path, expand_inline: Expand) -> None:
    colours = {(0, 0, 0), (10, 200, 30), (200, 0, 90)}
    for number in range(2):
        write_picture(tmp_path / f"data/images/{number}.png", number, width=60, height=40)
        mask = np.zeros((40, 60, 3), np.uint8)
        mask[5:20, 10:40], mask[22:35, 5:30] = (10, 200, 30), (200, 0, 90)
        (tmp_path / "data/masks").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f"data/masks/{number}.png"), mask)
    report = expand_inline(tmp_path / "data", tmp_path / "out", copies=3, recipe="geometry")
    assert report.is_whole
    for path in (tmp_path / "out/masks").iterdir():
        found = {tuple(int(value) for value in colour) for colour in cv2.imread(str(path)).reshape(-1, 3)}
        assert found <= colours


@pytest.mark.parametrize("label", ["../../evil", ".nfold", "..", "x/../../../evil"])
@pytest.mark.parametrize("options", [{"to": "class-folders"}, {"name": "{class}/{stem}_aug{copy}{ext}"}])
def test_a_class_cannot_lead_out_of_the_output(
    label: str, options: dict[str, str], tmp_path: Path, expand_inline: Expand
) -> None:
    for number, name in enumerate(("a", "b")):
        write_picture(tmp_path / f"deep/data/{name}.png", number)
    (tmp_path / "deep/data/labels.csv").write_text(f"filename,label\na.png,{label}\nb.png,dog\n")
    before = tree(tmp_path)
    with pytest.raises(UsageError) as caught:
        expand_inline(tmp_path / "deep/data", tmp_path / "deep/out", copies=1, **options)
    assert caught.value.stable_code == "plan.name_outside"
    assert {name for name in tree(tmp_path) if "out/" not in name} == {name for name in before if "out/" not in name}
    assert not list(tmp_path.rglob("evil*"))


def test_a_split_never_opens_what_a_label_file_names_outside_the_source(tmp_path: Path, expand_inline: Expand) -> None:
    secret = write_picture(tmp_path / "secret.png", 9)
    source = make("csv", tmp_path)
    with (source / "boxes.csv").open("a") as table:
        table.write(f"{secret},1,1,5,5,cat\n")
    expand_inline(source, tmp_path / "out", copies=1, split="50/50")
    digest = hashlib.sha256(secret.read_bytes()).hexdigest()
    assert digest not in (tmp_path / "out/.nfold/split.jsonl").read_text()


class TestManyWorkers:
    @pytest.mark.slow
    @pytest.mark.parametrize("maker", [make_coco, make_yolo, make_voc, make_masks])
    def test_one_worker_and_three_give_one_tree(self, maker: Callable[[Path], None], tmp_path: Path) -> None:
        import nfold

        maker(tmp_path / "data")
        digests = {
            nfold.expand(tmp_path / "data", tmp_path / f"out-{count}", copies=9, workers=count).tree_digest
            for count in (1, 3)
        }
        assert len(digests) == 1


FORMS = {
    "voc": ("annotations_voc",),
    "yolo": ("labels_yolo", "classes.txt"),
    "coco": ("instances.json",),
    "csv": ("boxes.csv",),
}
SETS = {
    "blood-cells": "voc",
    "fly-pose": "coco",
    "keypoints": "coco",
    "nuclei": "masks",
    "nuclei-rle": "coco",
    "segmentation": "masks",
    "classification": "class-folders",
}


class TestRealData:
    def test_the_same_trees_in_four_forms_give_the_same_pictures_and_the_same_ledger(
        self, real_data: Path, tmp_path: Path, expand_inline: Expand
    ) -> None:
        counts, pictures = [], []
        for form, parts in FORMS.items():
            source = tmp_path / form
            source.mkdir()
            for part in ("images", *parts):
                (source / part).symlink_to(real_data / "tree-crowns" / part) if part.endswith(
                    (".json", ".csv", ".txt")
                ) else shutil.copytree(real_data / "tree-crowns" / part, source / part)
            report = expand_inline(source, tmp_path / f"out-{form}", copies=1)
            assert report.format.startswith(f"{form} (")
            assert report.is_whole
            counts.append((report.labels.came, report.labels.kept, report.labels.dropped))
            found = tree(tmp_path / f"out-{form}")
            pictures.append({name: digest for name, digest in found.items() if name.endswith(".jpg")})
        assert counts[0][0] == 788
        assert all(count == counts[0] for count in counts[1:])
        assert all(found == pictures[0] for found in pictures[1:])

    def test_boxes_with_outlines_that_repeat_them_lose_nothing_in_voc(
        self, real_data: Path, tmp_path: Path, expand_inline: Expand
    ) -> None:
        options = {"format": "coco", "to": "voc", "include": ["*1*"]}
        report = expand_inline(real_data / "tree-crowns", tmp_path / "out", copies=1, **options)
        assert (set(report.labels.kinds), report.labels.losses) == ({"boxes"}, {})
        assert report.labels.looseness_mean > 1.2

    @pytest.mark.parametrize(("folder", "form"), SETS.items())
    def test_every_set_works_without_a_flag(
        self, folder: str, form: str, real_data: Path, tmp_path: Path, expand_inline: Expand
    ) -> None:
        report = expand_inline(real_data / folder, tmp_path / "out", copies=1)
        assert report.format.startswith(f"{form} (")
        assert report.is_whole
        assert verify(tmp_path / "out").is_sound

    def test_a_folder_with_several_label_sets_lists_them(
        self, real_data: Path, tmp_path: Path, expand_inline: Expand
    ) -> None:
        with pytest.raises(InputError) as caught:
            expand_inline(real_data / "tree-crowns", tmp_path / "out", copies=1)
        assert caught.value.hint is not None
        for form in FORMS:
            assert f"--format {form}" in caught.value.hint
            report = expand_inline(real_data / "tree-crowns", tmp_path / form, copies=0, format=form)
            assert report.images_after == 36


def test_the_order_in_which_files_are_found_changes_nothing(
    tmp_path: Path, expand_inline: Expand, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    source = make("coco", tmp_path)
    first = expand_inline(source, tmp_path / "one", copies=2)
    real = os.scandir

    class Shuffled:
        def __init__(self, path: Any) -> None:
            with real(path) as entries:
                self.entries = list(entries)
            random.Random(7).shuffle(self.entries)

        def __enter__(self) -> Any:
            return iter(self.entries)

        def __exit__(self, *details: object) -> None:
            return None

    monkeypatch.setattr("nfold.formats.scan.os.scandir", Shuffled)
    assert expand_inline(source, tmp_path / "two", copies=2).tree_digest == first.tree_digest


def test_labels_behind_a_link_to_another_folder_of_the_set_are_read(tmp_path: Path, expand_inline: Expand) -> None:
    source = make("yolo", tmp_path)
    expected = expand_inline(source, tmp_path / "here", copies=2)
    assert expected.labels is not None
    labels = next(path for path in source.rglob("labels") if path.is_dir())
    labels.rename(labels.with_name("labels_v2"))
    labels.symlink_to("labels_v2")
    linked = expand_inline(source, tmp_path / "linked", copies=2)
    assert linked.tree_digest == expected.tree_digest


@pytest.mark.parametrize(
    ("name", "file", "before", "after"),
    [
        ("coco", "instances.json", '"bbox": [6, 4, 16, 14]', '"bbox": [606, 4, 16, 14]'),
        ("csv", "boxes.csv", "6,4,22,18", "606,4,622,18"),
        ("hf-metadata", "metadata.jsonl", "[6, 4, 16, 14]", "[606, 4, 16, 14]"),
        ("create-ml", "annotations.json", '"x": 14.0', '"x": 614.0'),
        (
            "voc",
            "Annotations/one.xml",
            "<xmin>7</xmin><ymin>5</ymin><xmax>22<",
            "<xmin>607</xmin><ymin>5</ymin><xmax>622<",
        ),
    ],
)
def test_a_box_found_outside_once_the_picture_is_read_is_named_with_its_label_file(
    name: str, file: str, before: str, after: str, tmp_path: Path, expand_inline: Expand
) -> None:
    source = make(name, tmp_path)
    path = next(source.rglob(Path(file).name))
    text = path.read_text().replace('"width": 60, "height": 40', '"flickr": 1')
    text = re.sub("<size>.*?</size>", "", text)
    assert before in text
    path.write_text(text.replace(before, after))
    (skip,) = expand_inline(source, tmp_path / "out", copies=1).skipped
    assert skip.code == "labels.bad_box"
    assert skip.message.startswith(f"{file}: the box of object 1")
    assert "606, 4 to 622, 18, lies outside the picture of" in skip.message


def test_a_mask_that_is_cut_off_is_named_and_costs_its_picture(tmp_path: Path, expand_inline: Expand) -> None:
    source = make("masks", tmp_path)
    data = (source / "masks/one.png").read_bytes()
    (source / "masks/one.png").write_bytes(data[: len(data) // 2])
    (skip,) = expand_inline(source, tmp_path / "out", copies=1).skipped
    assert skip.message.startswith("The mask masks/one.png cannot be used. ")
    assert skip.hint == "Fetch the mask again, or leave its picture out with --exclude."
