"""What a model is given at inference: hashes side by side, and an honest sentence."""

from __future__ import annotations

from dataclasses import replace

from nfold.contrast.report.inference_part import inference_section
from tests.engine.contrast.parsing import Node, parse
from tests.engine.contrast.sample import small


def rows(page: Node) -> list[list[str]]:
    return [[child.text for child in row.children if isinstance(child, Node)] for row in page.one("tbody").every("tr")]


def test_the_hashes_stand_side_by_side_and_are_compared() -> None:
    page = parse(str(inference_section(small())))
    table = rows(page)
    assert table[0] == [
        "No augmentation",
        "aa11aa11aa11",
        "aa11aa11aa11",
        "the same",
        "2 of 2 images as they are",
        "cats/a.png",
    ]
    assert table[-1][:4] == ["Keras layers", "aa11aa11aa11", "bb22bb22bb22", "different"]
    assert [code.attributes["title"] for code in page.every("code")][:2] == ["aa11" * 8] * 2


def test_a_mode_that_changes_images_is_named() -> None:
    assert "not every image comes as it is: Keras layers" in parse(str(inference_section(small()))).text


def test_where_all_come_as_they_are_that_is_said_and_files_are_explained() -> None:
    modes = tuple(figures for figures in small().modes if figures.mode != "keras-layers")
    text = parse(str(inference_section(small(modes=modes)))).text
    assert "every image comes with the pixels of the original" in text
    assert "Offline: there is nothing to switch off." in text


def test_where_no_mode_has_anything_of_the_kind_there_is_no_section() -> None:
    assert inference_section(small(modes=tuple(replace(figures, inference=None) for figures in small().modes))) is None
