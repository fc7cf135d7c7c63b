from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.annotations import ImageLabels
from nfold.errors import UsageError
from nfold.formats import FORMATS
from nfold.plan.layout import companion_names, label_name, lay_out, refuse_scattered_names
from nfold.plan.naming import NameParts, NameTemplate, copies_called
from nfold.plan.reading import DatasetInfo
from nfold.plan.table import SourceTable
from tests.engine.plan.tables import sources_of


@pytest.mark.parametrize(
    ("label", "original", "copy", "expected"),
    [
        ("labels/a.txt", "images/a.jpg", "images/a_aug1.jpg", "labels/a_aug1.txt"),
        ("a_mask.png", "a.png", "a_aug2.png", "a_aug2_mask.png"),
        ("masks/mask_a.png", "a.png", "a_aug2.png", "masks/mask_a_aug2.png"),
        ("Annotations/other.xml", "a.jpg", "a_aug1.jpg", "Annotations/a_aug1_other.xml"),
        ("a.txt", "a.b.jpg", "a.b_aug1.jpg", "a.b_aug1_a.txt"),
        ("ab.xml", "a.png", "a_aug1.png", "a_aug1_ab.xml"),
        ("ba.xml", "a.png", "a_aug1.png", "a_aug1_ba.xml"),
        ("a1.xml", "a.png", "a_aug1.png", "a_aug1_a1.xml"),
        ("ab-a.xml", "a.png", "a_aug1.png", "ab-a_aug1.xml"),
        ("a.b.xml", "a.png", "a_aug1.png", "a_aug1.b.xml"),
        ("mask7a.png", "a.png", "3_a.png", "3_a_mask7a.png"),
    ],
)
def test_a_label_file_is_called_after_its_copy(label: str, original: str, copy: str, expected: str) -> None:
    assert label_name(label, original, copy) == expected


@given(
    label=st.text("a1_m", min_size=1, max_size=4),
    original=st.text("a1_", min_size=1, max_size=2),
    name=st.sampled_from(["{stem}_aug{copy}{ext}", "{copy}_{stem}{ext}", "{stem}-{copy}x{ext}"]),
    copy=st.integers(1, 200),
)
def test_the_number_of_a_copy_stays_legible_in_the_name_of_its_label_file(
    label: str, original: str, name: str, copy: int
) -> None:
    """The proof that no two files share a name rests on it."""
    parts = NameParts(folder="", stem=original, ext=".png", split="", label="", id8="0a1b2c3d")
    template = NameTemplate.parse(name)
    families = [
        label_name(f"{label}.xml", f"{original}.png", picture)
        for picture in (template.family(parts), template.render(parts, copy))
    ]
    assert (families[0], copy) in [*copies_called(families[1], 200)]


@given(stem=st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True), suffix=st.sampled_from(["", "_mask", "-gt"]))
def test_different_copies_never_share_a_label_file(stem: str, suffix: str) -> None:
    names = {label_name(f"l/{stem}{suffix}.txt", f"{stem}.png", f"{stem}_aug{k}.png") for k in range(1, 30)}
    assert len(names) == 29
    assert f"l/{stem}{suffix}.txt" not in names


def table_with_labels() -> SourceTable:
    table = SourceTable()
    labels = ImageLabels(label_file="labels/a.txt", mask_file="masks/a.png")
    table.add(replace(sources_of(["images/a.png"])[0], labels=labels))
    table.add(replace(sources_of(["images/b.png"])[0], labels=ImageLabels()))
    return table


def test_the_original_keeps_its_label_file_and_a_copy_gets_one_of_its_own() -> None:
    with table_with_labels() as table:
        first, second = table.get("images/a.png"), table.get("images/b.png")
        assert first is not None
        assert second is not None
        assert companion_names(first, "images/a.png") == {"labels": "labels/a.txt", "mask": "masks/a.png"}
        assert companion_names(first, "images/a_aug1.png") == {
            "labels": "labels/a_aug1.txt",
            "mask": "masks/a_aug1.png",
        }
        assert companion_names(second, "images/b_aug1.png") == {}


def test_a_template_with_a_folder_is_refused_only_where_there_are_label_files() -> None:
    scattered, plain = NameTemplate.parse("all/{stem}_{copy}{ext}"), NameTemplate.parse("{stem}_{copy}{ext}")
    with table_with_labels() as table:
        refuse_scattered_names(table, plain)
        with pytest.raises(UsageError, match="away from their label files"):
            refuse_scattered_names(table, scattered)
        table.connection.execute("update sources set label_target = null, mask_target = null")
        refuse_scattered_names(table, scattered)


def test_every_source_gets_the_place_that_the_format_has_for_it() -> None:
    writer = FORMATS["yolo"].writer(DatasetInfo(), keeps_layout=False, splits=("train", "val"))
    with table_with_labels() as table:
        table.connection.execute("update sources set split = 'val'")
        lay_out(table, writer)
        places = {source.id: (source.target, source.label_target, source.mask_target) for source in table.all()}
    assert places == {
        "images/a.png": ("images/val/a.png", "labels/val/a.txt", None),
        "images/b.png": ("images/val/b.png", "labels/val/b.txt", None),
    }
