from __future__ import annotations

from pathlib import Path

import pytest

from nfold.errors import InputError
from nfold.formats import recognise
from tests.engine.formats.label_sets import make_set, scan_of


@pytest.mark.parametrize(
    "text", ["", " \n", "<annotat", '<?xml version="1.0"?>', "<?xml ver", bytes(40), "\ufeff<annot".encode("utf-16")]
)
@pytest.mark.parametrize(
    ("label", "image"),
    [
        ("Annotations/a.xml", "JPEGImages/a.jpg"),
        ("Annotations/z.xml", "JPEGImages/a.jpg"),
        ("a.xml", "a.jpg"),
        ("boxes/a.xml", "pictures/a.JPG"),
    ],
)
def test_annotations_that_are_empty_or_cut_before_they_begin_are_refused(
    tmp_path: Path, text: str | bytes, label: str, image: str
) -> None:
    make_set(tmp_path, {label: text}, image)
    with pytest.raises(InputError, match="is empty, or cut before its first element ends") as caught:
        recognise(tmp_path, scan_of(tmp_path))
    assert caught.value.stable_code == "labels.unreadable"
    assert caught.value.message.startswith(label)
    assert "--format class-folders" in str(caught.value.hint)
    assert recognise(tmp_path, scan_of(tmp_path), forced="folder").format == "folder"


def test_an_annotation_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    make_set(tmp_path, {}, "JPEGImages/a.jpg")
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations/a.xml").symlink_to("gone.xml")
    with pytest.raises(InputError, match=r"Annotations/a\.xml .*cannot be read: No such file"):
        recognise(tmp_path, scan_of(tmp_path))


def test_one_whole_annotation_among_many_empty_ones_makes_a_label_set(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"Annotations/{number}.xml": "" for number in range(40)}
    make_set(tmp_path, files | {"Annotations/7.xml": "<annotation></annotation>"}, "JPEGImages/7.jpg")
    assert recognise(tmp_path, scan_of(tmp_path)).format == "voc"


@pytest.mark.parametrize(
    "files", [{"a.xml": "<xmp:meta/>"}, {"project.xml": ""}, {"x/settings.xml": "<?xml version='1.0'?>"}]
)
def test_other_xml_beside_pictures_makes_no_label_set(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    make_set(tmp_path, files, "a.jpg")
    assert recognise(tmp_path, scan_of(tmp_path)).format == "folder"
