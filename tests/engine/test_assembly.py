from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.annotations import DatasetInfo
from nfold.assembly import (
    RECORD,
    AssembledFile,
    Assembler,
    digest_of_assembled,
    is_as_assembled,
    read_assembled,
    refuse_foreign_label_files,
)
from nfold.errors import ForeignFileError, InputError
from nfold.formats import FORMATS
from nfold.manifest import PartHeader, SourceRecord, encode_part, file_digest, part_name
from nfold.plan.table import SourceTable
from nfold.storage import LocalStorage
from nfold.verification import verify
from tests.conftest import tree
from tests.engine.data_sets import make_coco, make_csv, make_yolo
from tests.engine.test_placing import row_of

Expand = Callable[..., Any]


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "out")


def test_originals_come_first_and_as_they_were_and_then_the_copies_of_each(
    tmp_path: Path, expand_inline: Expand
) -> None:
    make_coco(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=2)
    before = json.loads((tmp_path / "data/instances.json").read_text())
    after = json.loads((tmp_path / "out/instances.json").read_text())
    assert list(after) == list(before)
    assert {**after, "images": None, "annotations": None} == {**before, "images": None, "annotations": None}
    assert after["images"][:2] == before["images"]
    assert after["annotations"][:3] == before["annotations"]
    assert [image["file_name"] for image in after["images"][2:]] == [
        "one_aug1.png",
        "one_aug2.png",
        "two_aug1.png",
        "two_aug2.png",
    ]
    assert len({image["id"] for image in after["images"]}) == 6
    ids = {image["id"] for image in after["images"]}
    assert {annotation["image_id"] for annotation in after["annotations"]} <= ids


def test_what_is_assembled_is_on_record_with_its_digest_and_counts_in_the_digest_of_the_tree(
    tmp_path: Path, expand_inline: Expand, storage: LocalStorage
) -> None:
    make_csv(tmp_path / "data")
    report = expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    files = read_assembled(storage)
    assert set(files) == {"boxes.csv"}
    entry = files["boxes.csv"]
    assert entry.sha256 == tree(tmp_path / "out")["boxes.csv"]
    assert is_as_assembled(storage, entry)
    assert digest_of_assembled(files.values()) == file_digest("boxes.csv", entry.sha256 or "")
    (tmp_path / "out/boxes.csv").write_text("x" * entry.size)
    assert not is_as_assembled(storage, entry)
    assert report.bytes_after == sum(
        path.stat().st_size
        for path in (tmp_path / "out").rglob("*")
        if path.is_file() and ".nfold" not in path.parts and path.name != "nfold.json"
    )


def test_companions_are_copied_byte_for_byte_and_follow_their_source(tmp_path: Path, expand_inline: Expand) -> None:
    make_yolo(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    assert (tmp_path / "out/classes.txt").read_bytes() == (tmp_path / "data/classes.txt").read_bytes()
    (tmp_path / "data/classes.txt").write_text("cat\ndog\nbird\n")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    assert (tmp_path / "out/classes.txt").read_text() == "cat\ndog\nbird\n"


def test_large_files_are_copied_and_compared_without_being_held_in_memory(
    tmp_path: Path, storage: LocalStorage
) -> None:
    (tmp_path / "names.txt").write_bytes(b"cat\n" * 4_000_000)
    writer = FORMATS["folder"].writer(DatasetInfo(), keeps_layout=True, splits=(None,))
    with SourceTable() as table:
        assembler = Assembler(
            storage=storage, table=table, writer=writer, source_root=tmp_path, companions=("names.txt",)
        )
        tracemalloc.start()
        try:
            reports = [assembler.carry_out() for _ in range(2)]
            os.utime(storage.path("names.txt"))
            assert is_as_assembled(storage, read_assembled(storage)["names.txt"])
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert [report.written for report in reports] == [1, 0]
    assert (tmp_path / "out/names.txt").read_bytes() == (tmp_path / "names.txt").read_bytes()
    assert peak < 4_000_000, "the file has 16 MB"


def test_a_companion_that_somebody_changed_is_set_aside(tmp_path: Path, expand_inline: Expand) -> None:
    make_yolo(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    (tmp_path / "out/classes.txt").write_text("mine\n")
    report = expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    (kept,) = report.set_aside
    assert (tmp_path / "out" / kept).read_text() == "mine\n"
    assert (tmp_path / "out/classes.txt").read_bytes() == (tmp_path / "data/classes.txt").read_bytes()


def test_a_companion_that_has_gone_is_told_as_such(tmp_path: Path, storage: LocalStorage) -> None:
    writer = FORMATS["folder"].writer(DatasetInfo(), keeps_layout=True, splits=(None,))
    with SourceTable() as table, pytest.raises(InputError, match=r"names\.txt cannot be read") as caught:
        Assembler(
            storage=storage, table=table, writer=writer, source_root=tmp_path, companions=("names.txt",)
        ).carry_out()
    assert caught.value.stable_code == "source.vanished"
    assert not storage.exists("names.txt")


def test_a_new_class_in_front_renumbers_the_labels_of_all_pictures(tmp_path: Path, expand_inline: Expand) -> None:
    """Numbers of classes stand in every label file: none may be left with those of a former run."""
    make_csv(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1, to="yolo")
    table = tmp_path / "data/boxes.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], "two.png,1,1,9,9,ant", *lines[1:]]) + "\n")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1, to="yolo")
    expand_inline(tmp_path / "data", tmp_path / "fresh", copies=1, to="yolo")
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_a_class_with_another_name_is_renamed_in_the_labels_of_all_pictures(
    tmp_path: Path, expand_inline: Expand
) -> None:
    make_yolo(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1, to="voc")
    (tmp_path / "data/classes.txt").write_text("kitten\ndog\n")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1, to="voc")
    expand_inline(tmp_path / "data", tmp_path / "fresh", copies=1, to="voc")
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")
    assert "kitten" in (tmp_path / "out/Annotations/one_aug1.xml").read_text()


def test_a_label_file_that_is_no_longer_asked_for_goes_unless_somebody_changed_it(
    tmp_path: Path, expand_inline: Expand
) -> None:
    for number in (1, 2):
        make_csv(tmp_path / "data")
        shutil.copy(tmp_path / "data/boxes.csv", tmp_path / "data/more.csv")
        (tmp_path / "data/boxes.csv").write_text("image_path,xmin,ymin,xmax,ymax,label\none.png,1,2,30,20,cat\n")
        (tmp_path / "data/more.csv").write_text("image_path,xmin,ymin,xmax,ymax,label\ntwo.png,1,2,30,20,cat\n")
        target = tmp_path / f"out{number}"
        expand_inline(tmp_path / "data", target, copies=1)
        if number == 2:
            (target / "more.csv").write_text("mine")
        (tmp_path / "data/more.csv").unlink()
        report = expand_inline(tmp_path / "data", target, copies=1)
        assert (target / "more.csv").exists() == (number == 2)
        assert report.kept == (("more.csv",) if number == 2 else ())
        shutil.rmtree(tmp_path / "data")


class TestKeepRemoved:
    """Label files about many pictures stay as pictures and their own label files do."""

    def make(self, root: Path) -> None:
        make_csv(root)
        (root / "boxes.csv").write_text("image_path,xmin,ymin,xmax,ymax,label\none.png,1,2,30,20,cat\n")
        (root / "more.csv").write_text("image_path,xmin,ymin,xmax,ymax,label\ntwo.png,1,2,30,20,cat\n")

    def test_a_label_file_that_is_no_longer_asked_for_stays_and_is_taken_up_again(
        self, tmp_path: Path, expand_inline: Expand, storage: LocalStorage
    ) -> None:
        source, target = tmp_path / "data", tmp_path / "out"
        self.make(source)
        first = expand_inline(source, target, copies=1)
        before = (target / "more.csv").read_bytes()
        (source / "more.csv").rename(tmp_path / "away.csv")
        for _ in range(2):
            report = expand_inline(source, target, copies=1, keep_removed=True)
            assert (report.removed, report.retained, report.kept) == (0, 3, ()), "with the picture and its copy"
            assert (target / "more.csv").read_bytes() == before
            assert read_assembled(storage)["more.csv"].retained
        sound = verify(target)
        assert (sound.is_sound, sound.tree_digest) == (True, report.tree_digest)
        assert report.tree_digest == expand_inline(source, tmp_path / "fresh", copies=1).tree_digest
        assert report.bytes_after + len(before) <= first.bytes_after
        (tmp_path / "away.csv").rename(source / "more.csv")
        again = expand_inline(source, target, copies=1)
        assert again.tree_digest == first.tree_digest
        assert not read_assembled(storage)["more.csv"].retained

    def test_without_it_they_go(self, tmp_path: Path, expand_inline: Expand, storage: LocalStorage) -> None:
        source, target = tmp_path / "data", tmp_path / "out"
        self.make(source)
        expand_inline(source, target, copies=1)
        (source / "more.csv").unlink()
        expand_inline(source, target, copies=1, keep_removed=True)
        report = expand_inline(source, target, copies=1)
        assert (report.removed, report.retained) == (3, 0)
        assert not (target / "more.csv").exists()
        assert set(read_assembled(storage)) == {"boxes.csv"}

    def test_what_a_killed_run_left_unfinished_goes_all_the_same(self, tmp_path: Path, storage: LocalStorage) -> None:
        storage.put("half.csv", b"image")
        with storage.lines(RECORD) as write:
            write(json.dumps({"file": "half.csv", "sha256": None, "size": 0, "mtime_ns": 0}))
        writer = FORMATS["folder"].writer(DatasetInfo(), keeps_layout=True, splits=(None,))
        with SourceTable() as table:
            report = Assembler(
                storage=storage, table=table, writer=writer, source_root=tmp_path, keep_removed=True
            ).carry_out()
        assert (report.removed, report.retained) == (1, 0)
        assert not storage.exists("half.csv")


def test_what_a_picture_claims_by_now_is_not_removed(tmp_path: Path, storage: LocalStorage) -> None:
    row = row_of(storage, "x_aug1.txt", b"0 0.5 0.5 0.2 0.2", source="x.png")
    part = encode_part(PartHeader(bits="", generation=1, digest="0"), [SourceRecord(files=[row])])
    storage.put(part_name(""), part)
    with storage.lines(RECORD) as write:
        write(json.dumps({"file": "x_aug1.txt", "sha256": None, "size": 0, "mtime_ns": 0}))
    writer = FORMATS["folder"].writer(DatasetInfo(), keeps_layout=True, splits=(None,))
    with SourceTable() as table:
        report = Assembler(storage=storage, table=table, writer=writer, source_root=tmp_path).carry_out()
    assert (report.removed, report.kept) == (0, ())
    assert storage.exists("x_aug1.txt")
    assert read_assembled(storage) == {}


def test_what_stands_in_the_way_and_is_not_ours_is_refused(storage: LocalStorage) -> None:
    refuse_foreign_label_files(storage, ["labels.json"])
    storage.put("labels.json", b"{}")
    with pytest.raises(ForeignFileError, match=r"labels\.json"):
        refuse_foreign_label_files(storage, ["labels.json"])
    with storage.lines(RECORD) as write:
        write(json.dumps({"file": "labels.json", "sha256": None, "size": 0, "mtime_ns": 0}))
    refuse_foreign_label_files(storage, ["labels.json"])
    assert is_as_assembled(storage, AssembledFile(file="labels.json")), "what was intended is a leftover of ours"
