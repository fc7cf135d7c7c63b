from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.annotations import Annotation, Document, ImageLabels, OutputImage
from nfold.errors import InputError
from nfold.formats.voc.lists import SCHEMA, assemble_list, find_lists, listing_of, read_lists, renamed


def read(root: Path, files: dict[str, str | bytes], known: set[str]) -> tuple[tuple[Document, ...], sqlite3.Connection]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    scratch = sqlite3.connect("", isolation_level=None)
    scratch.executescript(SCHEMA)

    def resolve(prefix: str, name: str) -> str | None:
        path = f"{prefix}JPEGImages/{name}.jpg"
        return path if path in known else None

    return read_lists(find_lists(iter(sorted(files))), root=root, scratch=scratch, resolve=resolve), scratch


def listed(scratch: sqlite3.Connection) -> dict[str, tuple[Any, ...]]:
    query = "select id, split, split_place, clash from voc_listed order by rank"
    return {row[0].decode(): row[1:] for row in scratch.execute(query)}


def image_of(
    identity: str, scratch: sqlite3.Connection, documents: tuple[Document, ...], copy: int = 0, **options: Any
) -> OutputImage:
    name = identity.replace(".jpg", f"_aug{copy}.jpg") if copy else identity
    annotations = options.pop("annotations", ())
    kept = options.pop("kept", annotations)
    labels = ImageLabels(annotations=annotations, raw=listing_of(scratch, identity, documents))
    return OutputImage(
        name=name,
        label_name=None,
        source=identity,
        copy=copy,
        rank=0,
        size_wh=(9, 9),
        split=None,
        category=None,
        labels=labels,
        annotations=kept,
        is_untouched=not copy,
    )


def assembled(number: int, documents: tuple[Document, ...], images: list[OutputImage]) -> str:
    parts: list[str] = []
    assemble_list(number, documents[number], lambda: iter(images), parts.append, sqlite3.connect(""))
    return "".join(parts)


def test_only_the_lists_called_after_a_split_give_splits(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "ImageSets/Main/train.txt": "a\nb\n",
        "ImageSets/Main/val.txt": "c\n",
        "ImageSets/Main/trainval.txt": "a\nb\nc\n",
        "ImageSets/Main/cat_train.txt": "a  1\nb -1\nd  1\n",
        "ImageSets/Segmentation/val.txt": "a\n",
        "readme.txt": "a\n",
    }
    documents, scratch = read(tmp_path, files, {f"JPEGImages/{stem}.jpg" for stem in "abcd"})
    assert [(entry.path, entry.split) for entry in documents] == [
        ("ImageSets/Main/cat_train.txt", "train"),
        ("ImageSets/Main/train.txt", "train"),
        ("ImageSets/Main/trainval.txt", None),
        ("ImageSets/Main/val.txt", "val"),
        ("ImageSets/Segmentation/val.txt", "val"),
    ]
    found = listed(scratch)
    assert {key: value[0] for key, value in found.items()} == {
        "JPEGImages/a.jpg": "train",
        "JPEGImages/b.jpg": "train",
        "JPEGImages/c.jpg": "val",
        "JPEGImages/d.jpg": None,
    }
    assert not any(value[2] for value in found.values())
    assert listing_of(scratch, "JPEGImages/b.jpg", documents) == {
        0: [["", "b", " -1"]],
        1: [["", "b", ""]],
        2: [["", "b", ""]],
    }


def test_lists_of_a_task_give_splits_when_main_gives_none(tmp_path: Path) -> None:
    _, scratch = read(tmp_path, {"ImageSets/Segmentation/test.txt": "a\n", "ImageSets/Main/all.txt": "b\n"}, set())
    assert {key: value[0] for key, value in listed(scratch).items()} == {
        "JPEGImages/a.jpg": "test",
        "JPEGImages/b.jpg": None,
    }


def test_trainval_is_trained_on_when_there_is_no_train(tmp_path: Path) -> None:
    _, scratch = read(tmp_path, {"ImageSets/Main/trainval.txt": "a\n", "ImageSets/Main/test.txt": "b\n"}, set())
    assert {key[11]: value[0] for key, value in listed(scratch).items()} == {"a": "train", "b": "test"}


def test_a_picture_in_two_splits_is_a_clash(tmp_path: Path) -> None:
    _, scratch = read(tmp_path, {"ImageSets/Main/train.txt": "a\nb\n", "ImageSets/Main/val.txt": "b\n"}, set())
    assert listed(scratch)["JPEGImages/b.jpg"] == ("train", "ImageSets/Main/train.txt", "ImageSets/Main/val.txt")


def test_names_may_hold_spaces_and_end_with_numbers(tmp_path: Path) -> None:
    documents, scratch = read(
        tmp_path,
        {"ImageSets/Main/train.txt": "my cat 1 -1\nmy cat 1\n"},
        {"JPEGImages/my cat 1.jpg", "JPEGImages/my cat.jpg"},
    )
    assert listing_of(scratch, "JPEGImages/my cat 1.jpg", documents) == {0: [["", "my cat 1", ""]]}
    assert listing_of(scratch, "JPEGImages/my cat.jpg", documents) == {0: [["", "my cat", " 1 -1"]]}


@pytest.mark.parametrize(
    ("content", "code"), [(b"a\n\xff\n", "labels.encoding"), (b"a\n" + b"x" * 70_000, "labels.too_large")]
)
def test_a_list_that_cannot_be_read_names_its_line(content: bytes, code: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.txt, line 2") as caught:
        read(tmp_path, {"ImageSets/Main/train.txt": content}, set())
    assert caught.value.stable_code == code


@given(st.binary(max_size=120))
def test_any_bytes_are_a_list_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(InputError):
        read(Path(folder), {"ImageSets/Main/train.txt": content}, set())


def test_copies_are_named_behind_with_the_columns_of_their_original(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "ImageSets/Main/cat_trainval.txt": "b  1\r\nc -1\r\n\r\ngone -1\r\n",
        "ImageSets/Main/val.txt": "b\n",
    }
    documents, scratch = read(tmp_path, files, {"JPEGImages/b.jpg", "JPEGImages/c.jpg"})
    images = [image_of(f"JPEGImages/{stem}.jpg", scratch, documents, copy) for copy in (0, 1, 2) for stem in "bc"]
    assert assembled(0, documents, images) == "b  1\nc -1\nb_aug1  1\nc_aug1 -1\nb_aug2  1\nc_aug2 -1\n"
    assert assembled(1, documents, images) == "b\n"


@given(st.permutations(["a", "b", "c", "d"]), st.permutations(["a", "b", "c", "d"]))
def test_a_list_keeps_its_order_whatever_the_order_of_the_others(first: list[str], second: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files: dict[str, str | bytes] = {
            "ImageSets/Main/train.txt": "\n".join(first),
            "ImageSets/Main/cat_train.txt": "".join(f"{stem} 1\n" for stem in second),
        }
        documents, scratch = read(Path(folder), files, {f"JPEGImages/{stem}.jpg" for stem in "abcd"})
        originals = [image_of(identity, scratch, documents) for identity in listed(scratch)]
        copies = [image_of(identity, scratch, documents, 1) for identity in listed(scratch)]
    assert [image.name[11] for image in originals] == first
    assert documents[0].raw == {"is_sorted": first == second}
    assert assembled(0, documents, originals + copies).split("\n")[:4] == [f"{stem} 1" for stem in second]
    assert assembled(0, documents, originals + copies).split("\n")[4:8] == [f"{stem}_aug1 1" for stem in second]


def test_a_list_of_objects_counts_those_that_are_left(tmp_path: Path) -> None:
    documents, scratch = read(tmp_path, {"ImageSets/Layout/train.txt": "a 1\na 3\na 9\n"}, {"JPEGImages/a.jpg"})
    annotations = tuple(Annotation(order=order, raw={"part_of": 0} if order == 1 else None) for order in range(4))
    copy = image_of("JPEGImages/a.jpg", scratch, documents, 1, annotations=annotations, kept=annotations[2:])
    assert assembled(0, documents, [copy]) == "a_aug1 2\na_aug1 9\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.b", "a.b_1"),
        ("a.b.jpg", "a.b_1.jpg"),
        ("JPEGImages/a.b.jpg", "JPEGImages/a.b_1.jpg"),
        ("C:\\x\\a.b.jpg", "C:\\x\\a.b_1.jpg"),
        ("other", "a.b_1"),
    ],
)
def test_a_copy_is_named_in_the_manner_of_its_original(name: str, expected: str) -> None:
    assert renamed(name, original="JPEGImages/a.b.jpg", copy="JPEGImages/a.b_1.jpg") == expected
