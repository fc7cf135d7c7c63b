from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats.yolo.data import Declaration, declared_for_darknet, declared_in_yaml, name_files, names_in
from nfold.formats.yolo.lines import PoseShape
from tests.engine.formats.label_sets import make_set, scan_of


def declared(root: Path, text: str | bytes, name: str = "data.yaml") -> Declaration | None:
    make_set(root, {name: text})
    return declared_in_yaml(root, scan_of(root))


def refused(root: Path, text: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        declared(root, text)
    assert caught.value.hint
    assert "data.yaml" in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    "names", ["[cat, no, 3]", "{0: cat, 1: no, 2: 3}", "\n  2: 3\n  0: cat\n  1: 'no'", "\n- cat\n- no\n- 3"]
)
def test_names_are_a_list_or_a_mapping_and_words_as_written(tmp_path: Path, names: str) -> None:
    found = declared(tmp_path, f"nc: 3\nnames: {names}\n")
    assert found is not None
    assert found.names == ("cat", "no", "3")


def test_folders_of_splits_are_one_or_several_and_empty_ones_are_none(tmp_path: Path) -> None:
    found = declared(tmp_path, "path: x\ntrain: [a, b]\nvalidation: c\ntest:  # none\nnames: [cat]\n")
    assert found is not None
    assert found.path == "x"
    assert found.entries == (("train", ("a", "b")), ("validation", ("c",)))


def test_without_names_the_number_of_classes_names_them_as_ultralytics_does(tmp_path: Path) -> None:
    found = declared(tmp_path, "nc: 2\ntrain: a\n")
    assert found is not None
    assert found.names == ("class_0", "class_1")


def test_key_points_have_a_shape_a_mirror_and_names(tmp_path: Path) -> None:
    found = declared(
        tmp_path, "names: [fly, bee]\nkpt_shape: [3, 2]\nflip_idx: [0, 2, 1]\nkpt_names: {0: [head, left, right]}\n"
    )
    assert found is not None
    assert found.task == "pose"
    assert found.pose == PoseShape(points=3, dimensions=2)
    fly, bee = found.categories(("fly", "bee"))
    assert fly.point_names == ("head", "left", "right")
    assert bee.point_names == ("0", "1", "2")
    assert fly.flip_index == bee.flip_index == (0, 2, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("names: [a]\nkpt_shape: [3, 3]\nflip_idx: [0, 1]", "2 entries"),
        ("names: [a]\nkpt_shape: [3, 3]\nflip_idx: [1, 2, 0]", "0 -> 1, 1 -> 2, 2 -> 0"),
        ("names: [a]\nkpt_shape: [3, 3]\nflip_idx: [0, 2, 7]", "1 -> 2, 2 -> 7"),
        ("names: [a]\nkpt_shape: [3]", "kpt_shape"),
        ("names: [a]\nkpt_shape: [3, 4]", "kpt_shape"),
        ("names: [a]\nkpt_shape: [0, 3]", "kpt_shape"),
        ("names: [a]\nkpt_shape: {a: b}", "kpt_shape"),
        ("names: [a]\nkpt_shape: [3, 3]\nkpt_names: {0: [a]}", "kpt_names"),
        ("names: [a]\ntask: pose", "kpt_shape"),
        ("nc: 3\nnames: [a]", "nc: 3"),
        ("nc: x\nnames: [a]", "nc"),
        ("names: {0: a, 2: b}", "each class"),
        ("names: {a: b}", "whole number"),
        ("names: [[a]]", "words"),
        ("names: a", "neither"),
        ("names: []", "0 classes"),
        ("names: [" + "a, " * 20_000 + "]", "names 20,000 classes; from 1 to 10,000 are read"),
        (
            "names:\n" + "".join(f"  {n}: a{n}\n" for n in range(10_001)),
            "names 10,001 classes; from 1 to 10,000 are read",
        ),
        ("nc: 100000\ntrain: a", "says 'nc: 100000'; from 1 to 10,000 are read"),
        ("nc: -1\ntrain: a", "says 'nc: -1'"),
        ("nc: 2\nnames: [a]", "names 1 class."),
        ("names: " + "[" * 40 + "]" * 40, "32 levels deep"),
        ("names: [", "line 1"),
        (b"names: [\xff]", "line 1"),
    ],
)
def test_what_contradicts_itself_is_an_error_that_names_the_place(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_any_yaml_with_names_counts_and_data_yaml_goes_first(tmp_path: Path) -> None:
    make_set(tmp_path, {"hyp.yaml": "lr0: 0.01\n", "broken.yaml": "a: [", "coco8.yaml": "names: [a]\n"})
    found = declared_in_yaml(tmp_path, scan_of(tmp_path))
    assert found is not None
    assert found.file == "coco8.yaml"
    make_set(tmp_path, {"sub/data.yaml": "names: [c]\n"})
    with pytest.raises(InputError, match=r"coco8\.yaml and sub/data\.yaml"):
        declared_in_yaml(tmp_path, scan_of(tmp_path))
    make_set(tmp_path, {"data.yaml": "names: [b]\n"})
    found = declared_in_yaml(tmp_path, scan_of(tmp_path))
    assert found is not None
    assert found.file == "data.yaml"


def test_a_yaml_of_any_name_that_breaks_off_after_its_classes_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"coco8\.yaml, line 3, cannot be read as YAML"):
        declared(tmp_path, "train: images\nnames: [cat, dog\n", "coco8.yaml")


def test_a_list_of_too_many_names_says_how_many(tmp_path: Path) -> None:
    make_set(tmp_path, {"classes.txt": "a\n" * 100_000})
    with pytest.raises(InputError, match=r"classes\.txt names 100,000 classes; from 1 to 10,000 are read") as caught:
        names_in(tmp_path, "classes.txt")
    assert caught.value.stable_code == "labels.too_many_classes"


def test_a_yaml_of_something_else_is_none(tmp_path: Path) -> None:
    assert declared(tmp_path, "services: {web: {image: nginx}}\n", "compose.yaml") is None
    assert declared(tmp_path, "", "empty.yaml") is None


def test_darknet_says_where_its_lists_are(tmp_path: Path) -> None:
    make_set(
        tmp_path,
        {
            "obj.data": "classes = 2\n# a note = x\ntrain  = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\n",
            "other.data": "x",
        },
    )
    (found,) = declared_for_darknet(tmp_path, scan_of(tmp_path))
    assert found.entries == (("train", ("data/train.txt",)), ("valid", ("data/valid.txt",)))


def test_names_stand_in_lines_and_the_nearest_file_goes_first(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels/classes.txt": "x", "obj.names": "cat\r\n dog \n\n\n", "a.txt": ""})
    assert name_files(scan_of(tmp_path)) == ["obj.names", "labels/classes.txt"]
    assert names_in(tmp_path, "obj.names") == ("cat", "dog")
    make_set(tmp_path, {"obj.names": "cat\n\ndog\n"})
    with pytest.raises(InputError, match=r"obj\.names, line 2"):
        names_in(tmp_path, "obj.names")


@given(
    content=st.one_of(
        st.binary(max_size=100), st.text("names: []{}0a\n-kpt_shapeflip_idx,3", max_size=80).map(str.encode)
    )
)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    root = tmp_path_factory.mktemp("any")
    for text in (content, b"names: [a]\nkpt_shape: [2, 3]\n" + content):
        with suppress(InputError):
            declared(root, text)
    make_set(root, {"obj.names": content, "obj.data": content})
    for read in (lambda: names_in(root, "obj.names"), lambda: declared_for_darknet(root, scan_of(root))):
        with suppress(InputError):
            read()
