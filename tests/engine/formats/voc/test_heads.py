from __future__ import annotations

from pathlib import Path

import pytest

from nfold.formats.voc.heads import outermost_element


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<annotation><x/></annotation>", "annotation"),
        (b"<?xml version='1.0'?><!-- <x> --><!DOCTYPE y [<!ENTITY z 'w'>]>\n<annotation verified='yes'>", "annotation"),
        ("\ufeff<annotation>".encode("utf-16-le"), "annotation"),
        ("<größe/>".encode(), "größe"),
        (b"<annotation", None),
        (b"", None),
        (b"words < and > others", None),
    ],
)
def test_the_outermost_element_is_told_from_the_beginning(tmp_path: Path, data: bytes, name: str | None) -> None:
    (tmp_path / "a.xml").write_bytes(data)
    assert outermost_element(tmp_path / "a.xml") == name


def test_what_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        outermost_element(tmp_path / "gone.xml")
