from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import nfold
from nfold.leaks import count_leaks, find_leaks
from nfold.manifest import PartHeader, SourceRecord, SourceRow, encode_part, part_name
from nfold.report import Leak
from nfold.storage import LocalStorage
from tests.conftest import write_picture
from tests.engine.test_manifest import file_row


@dataclass(frozen=True)
class Shown:
    """A source with one file of its name."""

    split: str | None
    pixels: str
    copy: int = 0
    sha256: str = ""
    source_pixels: str = ""
    group: str | None = None
    retained: bool = False
    known: bool = True
    role: str | None = None

    def record(self, name: str) -> SourceRecord:
        sha256 = self.sha256 or f"of {name!a}"
        row = SourceRow(
            source=name,
            sha256=sha256,
            size=1,
            mtime_ns=1,
            pixels=self.source_pixels or f"of {name!a}",
            build="b",
            split=self.split,
            group=self.group,
        )
        file = file_row(
            name, self.copy, file=name, pixels=self.pixels, source_sha256=sha256, retained=self.retained, role=self.role
        )
        return SourceRecord(source=row if self.known else None, files=[file])


@pytest.fixture
def leaks_among(tmp_path: Path) -> Callable[..., list[Leak]]:
    """Leaks of an output of these files, by name."""

    def find(files: dict[str, Shown], *, had_splits: bool = True) -> list[Leak]:
        storage = LocalStorage(tmp_path)
        records = [shown.record(name) for name, shown in files.items()]
        storage.put(part_name(""), encode_part(PartHeader(bits="", generation=1, digest="0"), records))
        found = list(find_leaks(storage, had_splits=had_splits))
        tally = count_leaks(storage, had_splits=had_splits)
        assert (list(tally.listed), tally.count) == (found, len(found))
        assert tally.made == sum(not leak.from_input for leak in found)
        return found

    return find


def test_equal_pixels_in_train_and_elsewhere_are_a_leak(leaks_among: Callable[..., list[Leak]]) -> None:
    found = leaks_among(
        {
            "t1": Shown("train", "A"),
            "t2": Shown("train", "B", copy=1),
            "t3": Shown("train", "C"),
            "v": Shown("val", "A"),
            "e": Shown("test", "B"),
        }
    )
    assert found == [
        Leak(kind="pixels", held_out="v", trained_on="t1", from_input=True),
        Leak(kind="pixels", held_out="e", trained_on="t2", from_input=False),
    ]


@pytest.mark.parametrize("copies", [(0, 1), (1, 0), (1, 1)])
def test_what_a_copy_has_in_common_was_not_in_the_input(
    copies: tuple[int, int], leaks_among: Callable[..., list[Leak]]
) -> None:
    (leak,) = leaks_among({"t": Shown("train", "A", copy=copies[0]), "v": Shown("val", "A", copy=copies[1])})
    assert not leak.from_input


def test_equal_bytes_or_pixels_are_a_leak_though_only_copies_are_there(leaks_among: Callable[..., list[Leak]]) -> None:
    (leak,) = leaks_among({"t": Shown("train", "A", copy=1, sha256="x"), "v": Shown("val", "B", copy=1, sha256="x")})
    assert leak == Leak(kind="bytes", held_out="v", trained_on="t", from_input=True)
    (leak,) = leaks_among(
        {"t": Shown("train", "A", copy=1, source_pixels="x"), "v": Shown("val", "B", copy=1, source_pixels="x")}
    )
    assert leak == Leak(kind="pixels", held_out="v", trained_on="t", from_input=True)


def test_one_group_in_two_splits_is_a_leak(leaks_among: Callable[..., list[Leak]]) -> None:
    files = {
        "t": Shown("train", "A", group="1"),
        "u": Shown("train", "C", group="2"),
        "v": Shown("val", "B", group="1"),
    }
    assert leaks_among(files, had_splits=False) == [Leak(kind="group", held_out="v", trained_on="t", from_input=False)]


def test_the_closest_relation_is_told(leaks_among: Callable[..., list[Leak]]) -> None:
    files = {
        "t": Shown("train", "A", sha256="x", group="1"),
        "v": Shown("val", "A", sha256="x", group="1"),
        "e": Shown("test", "A", group="1"),
    }
    (leak,) = leaks_among(files)
    assert (leak.kind, leak.held_out) == ("bytes", "v")


def test_where_nfold_divided_the_images_no_leak_is_the_input_s(leaks_among: Callable[..., list[Leak]]) -> None:
    files = {"t": Shown("train", "A", sha256="x"), "v": Shown("val", "A", sha256="x")}
    assert [leak.from_input for leak in leaks_among(files)] == [True]
    assert [leak.from_input for leak in leaks_among(files, had_splits=False)] == [False]


def test_a_new_leak_does_not_hide_behind_one_of_the_input(leaks_among: Callable[..., list[Leak]]) -> None:
    found = leaks_among({"t": Shown("train", "A"), "v": Shown("val", "A"), "w": Shown("val", "A", copy=1)})
    assert {(leak.held_out, leak.from_input) for leak in found} == {("v", True), ("w", False)}


def test_one_source_in_two_splits_is_a_leak(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    for bits, split in (("0", "train"), ("1", "val")):
        record = Shown(split, split, sha256=split).record("same")
        storage.put(part_name(bits), encode_part(PartHeader(bits=bits, generation=1, digest="0"), [record]))
    assert list(find_leaks(storage)) == [Leak(kind="source", held_out="same", trained_on="same", from_input=False)]


def test_what_is_merely_retained_is_in_the_output_and_not_in_the_input(leaks_among: Callable[..., list[Leak]]) -> None:
    moved = {
        "train/x": Shown(None, "A", sha256="x", retained=True, known=False),
        "val/x": Shown("val", "A", sha256="x"),
    }
    assert leaks_among(moved) == [Leak(kind="bytes", held_out="val/x", trained_on="train/x", from_input=False)]
    back = {
        "images/valid/x": Shown(None, "A", sha256="x", retained=True, known=False),
        "images/train/x": Shown("train", "A", sha256="x"),
    }
    assert [leak.kind for leak in leaks_among(back)] == ["bytes"]
    no_splits = {
        "train/x": Shown(None, "A", sha256="x", retained=True, known=False),
        "val/x": Shown(None, "A", sha256="x", retained=True, known=False),
        "ship/x": Shown(None, "A", sha256="x"),
    }
    assert leaks_among(no_splits) == [], "classes that are called so"


@pytest.mark.parametrize(
    "files",
    [
        {"a": Shown("train", "A"), "b": Shown("train", "A")},
        {"a": Shown("val", "A"), "b": Shown("test", "A")},
        {"a": Shown(None, "A"), "b": Shown(None, "A")},
        {"a": Shown("train", "A"), "b": Shown("val", "B")},
        {"a": Shown("train", "", role="labels"), "b": Shown("val", "", role="labels")},
        {"a": Shown("train", "A", group="1"), "b": Shown("train", "B", group="1"), "c": Shown("val", "C", group="2")},
    ],
    ids=["both trained on", "both held out", "no splits", "unlike", "no pictures", "each group in one split"],
)
def test_anything_else_is_none(files: dict[str, Shown], leaks_among: Callable[..., Any]) -> None:
    assert leaks_among(files) == []


def test_a_name_that_is_no_utf_8_does_no_harm(leaks_among: Callable[..., list[Leak]]) -> None:
    (leak,) = leaks_among({"t\udcff": Shown("train", "A"), "v\udcff": Shown("val", "A")})
    assert leak.from_input


def test_many_are_counted_and_some_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfold.leaks.MOST_LISTED", 3)
    storage = LocalStorage(tmp_path)
    records = [Shown("train", "A", copy=number % 2).record(f"t{number}") for number in range(9)]
    records.append(Shown("val", "A").record("v"))
    storage.put(part_name(""), encode_part(PartHeader(bits="", generation=1, digest="0"), records))
    tally = count_leaks(storage, had_splits=True)
    assert (len(tally.listed), tally.count, tally.made) == (3, 9, 4)


def test_a_run_reports_what_the_input_leaks_and_a_split_of_its_own_leaks_nothing(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    source = make_folder({"train/a/x.png": 1, "train/a/y.png": 2, "test/a/z.png": 3})
    shutil.copy(source / "train/a/y.png", source / "test/a/twin.png")
    report = expand_inline(source, tmp_path / "out", copies=1)
    assert [(leak.kind, leak.held_out, leak.trained_on) for leak in report.leaks] == [
        ("bytes", "test/a/twin.png", "train/a/y.png")
    ]
    flat = make_folder(8, folder="flat")
    for number in range(8):
        shutil.copy(flat / f"picture{number}.png", flat / f"twin{number}.png")
    assert expand_inline(flat, tmp_path / "split", copies=1, split="50/50").leaks_count == 0


def test_a_picture_that_is_replaced_by_one_of_the_other_split_is_left_out(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    source, target = make_folder(12), tmp_path / "out"
    expand_inline(source, target, copies=1, split="50/50")
    trained, held_out = (
        min(path.name for path in (target / split).iterdir() if "_aug" not in path.name) for split in ("train", "val")
    )
    shutil.copy(source / trained, source / held_out)
    for _ in range(2):
        report = expand_inline(source, target, copies=1, split="50/50")
        assert [(row.source, row.code) for row in report.skipped] == [(held_out, "split.bridge")]
        assert report.leaks_count == 0
        assert not (target / "val" / held_out).exists()
        assert nfold.verify(target).is_sound


def test_like_pictures_stay_on_one_side_and_are_listed(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    source = make_folder({f"{label}/{number}.png": number for label in "a" for number in range(20)})
    for number in range(20):
        write_picture(source / f"a/again{number}.jpg", number)
    report = expand_inline(source, tmp_path / "out", copies=1, split="50/50", group_similar=3)
    where = {path.name: path.parent.parent.name for path in (tmp_path / "out").rglob("*.*g") if "_aug" not in path.name}
    assert all(where[f"{number}.png"] == where[f"again{number}.jpg"] for number in range(20))
    assert report.similar_count == len(report.similar) == 20
    assert {Path(pair.other).stem.removeprefix("again") for pair in report.similar} | {
        Path(pair.one).stem.removeprefix("again") for pair in report.similar
    } == {str(number) for number in range(20)}
    again = expand_inline(source, tmp_path / "out", copies=1, split="50/50", group_similar=3)
    assert (again.written, again.similar) == (0, report.similar)
    apart = expand_inline(source, tmp_path / "plain", copies=1, split="50/50")
    assert (apart.similar, apart.similar_count) == ((), 0)
    plain = {path.name: path.parent.parent.name for path in (tmp_path / "plain").rglob("*.*g")}
    assert any(plain[f"{number}.png"] != plain[f"again{number}.jpg"] for number in range(20))
