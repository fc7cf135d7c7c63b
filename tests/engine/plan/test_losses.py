from __future__ import annotations

import typing

import pytest

from nfold.annotations import LabelKind
from nfold.errors import UsageError
from nfold.formats import FORMATS
from nfold.plan.losses import IN_WORDS, find_losses, in_words, refuse_losses, refuse_nothing_left, written_kinds


def test_what_a_format_holds_is_no_loss_and_what_is_not_there_neither() -> None:
    assert find_losses({"boxes": 3, "points": 0}, FORMATS["voc"]) == {}
    assert find_losses({"boxes": 3, "points": 2}, FORMATS["create-ml"]) == {"points": 2}
    refuse_losses({}, FORMATS["voc"])


def test_a_loss_is_refused_with_what_and_how_much_and_the_way_out() -> None:
    with pytest.raises(UsageError, match=r"--to create-ml: .* 1,200 key points and 3 crowd regions") as caught:
        refuse_losses({"points": 1200, "crowd": 3}, FORMATS["create-ml"])
    assert caught.value.stable_code == "labels.loss"
    assert "--on-loss list" in (caught.value.hint or "")


def test_a_format_in_which_nothing_would_be_left_is_refused_whatever_is_said_of_losses() -> None:
    for kinds, name in (
        ({"boxes": 3, "attributes": 1}, "masks"),
        ({"boxes": 3}, "class-folders"),
        ({"boxes": 3}, "folder"),
        ({"class": 3}, "folder"),
        ({"points": 3}, "csv"),
    ):
        if not set(kinds) & FORMATS[name].holds - {"attributes"}:
            with pytest.raises(UsageError, match="nothing of these labels would be left") as caught:
                refuse_nothing_left(kinds, FORMATS[name])  # type: ignore[arg-type]
            assert caught.value.stable_code == "labels.nothing_left"
    refuse_nothing_left({"polygons": 3}, FORMATS["masks"])
    refuse_nothing_left({"boxes": 3, "points": 3}, FORMATS["voc"])
    refuse_nothing_left({"attributes": 3}, FORMATS["voc"])
    refuse_nothing_left({}, FORMATS["folder"])


def test_a_plain_folder_says_how_to_have_pictures_without_labels() -> None:
    with pytest.raises(UsageError, match="this format holds no labels, and there are only boxes") as caught:
        refuse_nothing_left({"boxes": 3}, FORMATS["folder"])
    assert "--format folder" in (caught.value.hint or "")


def test_what_is_written_of_other_kinds_is_what_is_held_and_what_is_painted() -> None:
    assert written_kinds(FORMATS["voc"]) == FORMATS["voc"].holds
    assert written_kinds(FORMATS["masks"]) == {"semantic", "polygons", "parts", "masks", "crowd"}


def test_every_kind_has_words() -> None:
    assert set(IN_WORDS) == set(typing.get_args(LabelKind))
    assert in_words({"boxes": 1}) == "1 box"
    for kind in typing.get_args(LabelKind):
        assert in_words({kind: 1}) != in_words({kind: 2}).replace("2", "1", 1)
    assert in_words({"boxes": 1, "crowd": 2, "masks": 1000}) == "1 box, 2 crowd regions and 1,000 masks of objects"


def test_what_a_format_holds_is_listed_with_commas() -> None:
    with pytest.raises(UsageError) as caught:
        refuse_nothing_left({"semantic": 3}, FORMATS["yolo"])
    assert "holds boxes, masks of objects, oriented boxes, key points and outlines, and there are only masks" in str(
        caught.value
    )


@pytest.mark.parametrize("name", FORMATS)
def test_formats_hold_kinds_that_there_are(name: str) -> None:
    assert FORMATS[name].holds <= set(typing.get_args(LabelKind))
