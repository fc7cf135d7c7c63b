from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats import FORMATS
from nfold.formats.hf import HfMetadata
from tests.conftest import write_picture
from tests.engine.formats.label_sets import assembled, make_set, output_of, read_set, scan_of


def recognised(root: Path) -> str | None:
    return HfMetadata().recognise(root, scan_of(root))


def test_it_is_in_the_table_of_formats_before_class_folders() -> None:
    names = list(FORMATS)
    assert names.index("hf-metadata") < names.index("class-folders")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"metadata.jsonl": '{"file_name": "a.jpg"}\n'}, "metadata of an image folder: metadata.jsonl"),
        (
            {"metadata.jsonl": '\n{"file_name": "gone.jpg"}\n{"file_name": "x/b.jpg"}\n'},
            "metadata of an image folder: metadata.jsonl",
        ),
        ({"metadata.jsonl": "{broken"}, "metadata of an image folder: metadata.jsonl"),
        ({"x/metadata.jsonl": "{broken"}, "metadata of an image folder: x/metadata.jsonl"),
        ({"y/metadata.jsonl": "{broken"}, None),
        ({"metadata.jsonl": '{"name": "a.jpg"}\n'}, None),
        ({"metadata.jsonl": '{"file_name": "gone.jpg"}\n'}, None),
        ({"metadata.jsonl": '{"file_name": "../a.jpg"}\n'}, None),
        ({"metadata.jsonl": ""}, None),
        ({"other.jsonl": '{"file_name": "a.jpg"}\n'}, None),
        ({}, None),
    ],
)
def test_a_metadata_file_that_names_pictures_is_recognised(
    tmp_path: Path, files: dict[str, str | bytes], reason: str | None
) -> None:
    assert recognised(make_set(tmp_path, files, "a.jpg", "x/b.jpg")) == reason


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.sampled_from(["a.jpg", "", "\ud800", "x"]),
        st.text(max_size=4),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["bbox", "x", "mask"]), inner, max_size=2)
    ),
    max_leaves=6,
)
BBOX = st.lists(
    st.one_of(st.lists(st.sampled_from([0, 1, 5, 20.5, -3, 300]), min_size=4, max_size=4), VALUES), max_size=3
)
CATEGORIES = st.lists(st.one_of(st.sampled_from([0, 1, "cat"]), VALUES), max_size=3)
OBJECTS = st.one_of(
    st.fixed_dictionaries({"bbox": st.just([[1, 2, 3, 4]]), "categories": st.just(["cat"])}, optional={"area": st.just([12]), "who": st.lists(VALUES, min_size=1, max_size=1)}),
    st.fixed_dictionaries({"bbox": BBOX}, optional={"category": CATEGORIES, "area": CATEGORIES}),
    VALUES,
)  # fmt: skip
RECORDS = st.one_of(
    st.fixed_dictionaries({"file_name": st.sampled_from(["a.jpg", "b.jpg", "c.jpg", "./a.jpg", ""])}, optional={"objects": OBJECTS, "label": VALUES, "width": VALUES, "height": VALUES, "text": VALUES}),
    VALUES,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(RECORDS, max_size=4), st.sampled_from([b""] * 4 + [b"\xff", b"{", b"[" * 3000]))
def test_no_file_brings_a_traceback_and_what_is_read_can_be_written_and_read_again(
    tmp_path_factory: pytest.TempPathFactory, records: list[object], tail: bytes
) -> None:
    root = tmp_path_factory.mktemp("set")
    text = "".join(json.dumps(record) + "\n" for record in records).encode()
    make_set(root, {"metadata.jsonl": text + tail}, "a.jpg", "b.jpg")
    data_format = HfMetadata()
    data_format.recognise(root, scan_of(root))
    try:
        found = read_set(data_format, root)
    except InputError:
        return
    images = output_of(found, copies=1)
    out = assembled(data_format.writer(found.info, keeps_layout=True, splits=(None,)), images)
    again = read_set(data_format, make_set(root / "again", out, *(image.name for image in images)))
    assert len(again.sources) == len(images)
    assert all(source.problem is None for source in again.sources)
    canonical = output_of(found, copies=1)
    assembled(data_format.writer(found.info, keeps_layout=False, splits=(None,)), canonical)


def test_the_datasets_library_reads_what_is_written(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the library 'datasets' is not installed")
    record = {"file_name": "a.png", "objects": {"bbox": [[1, 2, 10, 20]], "categories": [0]}, "text": "x"}
    found = read_set(HfMetadata(), make_set(tmp_path / "in", {"metadata.jsonl": json.dumps(record) + "\n"}, "a.png"))
    writer = HfMetadata().writer(found.info, keeps_layout=True, splits=(None,))
    images = output_of(found, copies=1)
    out = make_set(tmp_path / "out", dict(assembled(writer, images)))
    for seed, image in enumerate(images):
        write_picture(out / image.name, seed)
    loaded = datasets.load_dataset("imagefolder", data_dir=str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert sorted((row["objects"]["bbox"], row["text"]) for row in loaded) == [
        ([[1, 2, 10, 20]], "x"),
        ([[89, 2, 10, 20]], "x"),
    ]
