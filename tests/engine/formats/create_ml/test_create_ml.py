from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats import FORMATS
from nfold.formats.create_ml import CreateMl
from tests.engine.formats.label_sets import assembled, make_set, output_of, read_set, scan_of


def recognised(root: Path) -> str | None:
    return CreateMl().recognise(root, scan_of(root))


def test_it_is_in_the_table_of_formats_before_class_folders() -> None:
    names = list(FORMATS)
    assert names.index("create-ml") < names.index("class-folders")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"l.json": '[{"image": "a.jpg", "annotations": []}]'}, "lists of pictures with boxes: l.json"),
        ({"x/l.json": '[{"imagefilename": "b.jpg", "annotation": []}]'}, "lists of pictures with boxes: x/l.json"),
        ({"labels/l.json": '[{"image": "b.jpg", "annotations": []}]'}, "lists of pictures with boxes: labels/l.json"),
        ({"_annotations.createml.json": "[{broken"}, "lists of pictures with boxes: _annotations.createml.json"),
        ({"l.json": '{"images": [], "annotations": []}'}, None),
        ({"l.json": '[{"image": "gone.jpg", "annotations": []}]'}, None),
        ({"l.json": '[{"image": "a.jpg", "label": "x"}]'}, None),
        (
            {"l.json": '[{"image": "../a.jpg", "annotations": []}]', "x/b.json": "[]"},
            "lists of pictures with boxes: l.json",
        ),
        ({"l.json": "[{broken"}, None),
        ({"l.json": ""}, None),
        ({}, None),
    ],
)
def test_a_list_that_names_a_picture_is_recognised(
    tmp_path: Path, files: dict[str, str | bytes], reason: str | None
) -> None:
    assert recognised(make_set(tmp_path, files, "a.jpg", "x/b.jpg")) == reason


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    make_set(tmp_path, {}, "a.jpg")
    os.mkfifo(tmp_path / "l.json")
    with pytest.raises(InputError, match="pipe"):
        recognised(tmp_path)


def test_real_coco_files_are_not_taken_for_lists(real_data: Path) -> None:
    for folder in ("keypoints", "fly-pose", "tree-crowns", "nuclei-rle"):
        assert recognised(real_data / folder) is None


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.sampled_from(["a.jpg", "", "\ud800"]),
        st.text(max_size=4),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["x", "label", "mask"]), inner, max_size=2)
    ),
    max_leaves=6,
)
SIDE = st.one_of(*[st.sampled_from([5, 10, 20.5, 30])] * 20, VALUES)
ANNOTATIONS = st.lists(
    st.one_of(
        *[
            st.fixed_dictionaries(
                {
                    "label": st.sampled_from(["cat", "dog"]),
                    "coordinates": st.fixed_dictionaries({"x": SIDE, "y": SIDE, "width": SIDE, "height": SIDE}),
                },
                optional={"who": VALUES},
            )
        ]
        * 10,
        VALUES,
    ),
    max_size=3,
)
ENTRIES = st.one_of(
    *[
        st.fixed_dictionaries(
            {"image": st.sampled_from(["a.jpg", "b.jpg", "c.jpg", "./a.jpg"]), "annotations": ANNOTATIONS},
            optional={"note": VALUES},
        )
    ]
    * 10,
    st.fixed_dictionaries({"image": VALUES, "annotations": VALUES}),
    VALUES,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ENTRIES, max_size=4), st.sampled_from([b""] * 8 + [b"\xff", b"x"]), st.sampled_from([0] * 8 + [1, 7]))
def test_no_list_brings_a_traceback_and_what_is_read_can_be_written_and_read_again(
    tmp_path_factory: pytest.TempPathFactory, entries: list[object], tail: bytes, cut: int
) -> None:
    root = tmp_path_factory.mktemp("set")
    text = json.dumps(entries).encode()
    make_set(root, {"x.createml.json": text[: len(text) - cut] + tail}, "a.jpg", "b.jpg")
    data_format = CreateMl()
    data_format.recognise(root, scan_of(root))
    try:
        found = read_set(data_format, root)
    except InputError as error:
        event(f"{error.stable_code}, with a hint: {error.hint is not None}")
        return
    images = output_of(found, copies=1)
    event(f"{len(images)} pictures written")
    out = assembled(data_format.writer(found.info, keeps_layout=True, splits=(None,)), images)
    again = read_set(data_format, make_set(root / "again", out, *(image.name for image in images)))
    assert len(again.sources) == len(images)
    assert all(source.problem is None for source in again.sources)
    assembled(data_format.writer(found.info, keeps_layout=False, splits=(None,)), images)
