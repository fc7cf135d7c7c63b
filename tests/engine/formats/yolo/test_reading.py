from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats.yolo import Yolo
from tests.engine.formats.label_sets import ReadSet, make_set, read_set

BOX = "0 0.5 0.5 0.25 0.5\n"
OBB = "0 0.5 0.1 0.9 0.5 0.5 0.9 0.1 0.5\n"
NAMES = "names: [cat, dog]\n"


def read(root: Path, files: dict[str, str | bytes], *pictures: str, **options: object) -> ReadSet:
    return read_set(Yolo(), make_set(root, files, *pictures), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("images/a.jpg", "labels/a.txt"),
        ("images/train/a.jpg", "labels/train/a.txt"),
        ("train/images/a.jpg", "train/labels/a.txt"),
        ("obj/a.jpg", "obj/a.txt"),
        ("images/a.jpg", "labels_yolo/a.txt"),
    ],
)
def test_every_layout_is_read(tmp_path: Path, image: str, label: str) -> None:
    found = read(tmp_path, {label: BOX}, image)
    assert found.boxes(image) == [(0.375, 0.25, 0.625, 0.75)]
    labels = found.by_id[image].labels
    assert labels is not None
    assert labels.is_relative
    assert labels.label_file == label
    assert found.info.kinds == {"boxes": 1}
    assert found.info.conventions["task"] == "detect"


def test_a_picture_of_nothing_has_an_empty_label_file_or_none(tmp_path: Path) -> None:
    found = read(tmp_path, {"labels/a.txt": "", "labels/b.txt": BOX}, "images/a.jpg", "images/b.jpg", "images/c.jpg")
    for name, label in (("a", "labels/a.txt"), ("c", None)):
        labels = found.by_id[f"images/{name}.jpg"].labels
        assert labels is not None
        assert (labels.annotations, labels.label_file) == ((), label)


def test_names_come_from_data_yaml_then_from_a_list_and_are_numbers_without_either(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"labels/a.txt": "1 0.5 0.5 0.1 0.1"}
    found = read(tmp_path, files, "images/a.jpg")
    assert found.classes("images/a.jpg") == ["1"]
    assert found.info.conventions["class_names"] == "none: classes are called by their numbers"
    found = read(tmp_path, {"labels/classes.txt": "x\ny\n"}, "images/a.jpg")
    assert found.classes("images/a.jpg") == ["y"]
    found = read(tmp_path, {"data.yaml": NAMES}, "images/a.jpg")
    assert found.classes("images/a.jpg") == ["dog"]
    assert found.info.companions == ("data.yaml", "labels/classes.txt")


def test_lists_of_names_that_differ_are_an_error_unless_data_yaml_settles_it(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "train/labels/classes.txt": "x",
        "val/labels/classes.txt": "y",
        "train/labels/a.txt": BOX,
    }
    with pytest.raises(InputError, match="different classes"):
        read(tmp_path, files, "train/images/a.jpg", "val/images/b.jpg")
    assert len(read(tmp_path, {"data.yaml": NAMES}).sources) == 2


@pytest.mark.parametrize(
    ("file", "text"), [("data.yaml", "names: [car, bus, car, car]\n"), ("classes.txt", "car\nbus\ncar\ncar\n")]
)
def test_classes_of_one_name_are_kept_and_counted(tmp_path: Path, file: str, text: str) -> None:
    found = read(tmp_path, {file: text, "labels/a.txt": BOX.replace("0", "3", 1)}, "images/a.jpg")
    assert found.info.repairs == {f"class that is called like another ({file}: car), kept apart by its number": 2}
    assert [category.name for category in found.info.categories] == ["car", "bus", "car", "car"]
    labels = found.by_id["images/a.jpg"].labels
    assert labels is not None
    assert labels.annotations[0].category == 3


def test_one_line_twice_is_kept_and_counted(tmp_path: Path) -> None:
    other = BOX.replace("0.25", "0.3")
    found = read(
        tmp_path,
        {"labels/a.txt": BOX + other + BOX.replace(" ", "  ") + BOX, "labels/b.txt": BOX},
        "images/a.jpg",
        "images/b.jpg",
    )
    assert len(found.boxes("images/a.jpg")) == 4
    assert found.info.repairs == {"line of a label file that repeats another, kept": 2}


def test_a_bad_line_costs_its_picture_and_names_the_line(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {"data.yaml": NAMES, "labels/a.txt": BOX + "2 0.5 0.5 0.1 0.1", "labels/b.txt": BOX},
        "images/a.jpg",
        "images/b.jpg",
    )
    assert found.problem("images/a.jpg").startswith("labels.unknown_class: labels/a.txt, line 2: class 2")
    assert found.boxes("images/b.jpg")
    assert found.info.kinds == {"boxes": 1}


def test_two_pictures_with_one_label_file_are_both_refused(tmp_path: Path) -> None:
    found = read(tmp_path, {"labels/a.txt": BOX}, "images/a.jpg", "images/a.png", "images/b.jpg")
    for name in ("images/a.jpg", "images/a.png"):
        assert found.problem(name).startswith(
            "labels.shared_file: labels/a.txt belongs to images/a.jpg and to images/a.png"
        )
    assert found.by_id["images/b.jpg"].problem is None


def test_a_label_file_without_an_image_is_counted_and_text_that_is_none_is_not(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "labels/a.txt": BOX,
        "labels/b.txt": BOX,
        "labels/c.txt": BOX,
        "README.txt": "hello",
        "classes.txt": "cat",
    }
    found = read(tmp_path, files, "images/a.jpg", "images/c.jpg", exclude=("c.jpg",))
    assert found.info.passed_over == {"label file without an image": 1}
    assert found.info.examples == {"label file without an image": "labels/b.txt"}


def test_nine_values_everywhere_are_oriented_boxes_unless_data_yaml_says_segment(tmp_path: Path) -> None:
    found = read(tmp_path, {"labels/a.txt": OBB * 2, "labels/b.txt": OBB}, "images/a.jpg", "images/b.jpg")
    assert found.info.kinds == {"oriented": 3}
    assert found.info.conventions["task"] == "obb"
    assert "task: segment" in found.info.conventions["task_reason"]
    found = read(tmp_path, {"data.yaml": f"task: segment\n{NAMES}"})
    assert found.info.kinds == {"polygons": 3}


@pytest.mark.parametrize("other", [BOX, "0 0.1 0.1 0.9 0.1 0.5 0.9"])
def test_one_other_line_makes_nine_values_an_outline(tmp_path: Path, other: str) -> None:
    found = read(tmp_path, {"labels/a.txt": OBB, "labels/b.txt": other}, "images/a.jpg", "images/b.jpg")
    assert found.info.kinds["polygons"]
    assert "oriented" not in found.info.kinds
    assert found.info.conventions["task"] == "segment"


def test_what_was_decided_at_the_first_run_stays_so(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {"labels/a.txt": OBB, "labels/b.txt": BOX},
        "images/a.jpg",
        "images/b.jpg",
        recorded={"format": "yolo", "task": "obb", "task_reason": "x"},
    )
    assert found.info.kinds == {"oriented": 1}
    assert found.problem("images/b.jpg").startswith("labels.bad_value")
    found = read(
        tmp_path,
        {"labels/b.txt": OBB},
        recorded={"format": "yolo", "task": "segment", "task_reason": "told from the lines"},
    )
    assert found.info.kinds == {"polygons": 2}


def test_nothing_is_decided_where_there_is_nothing_to_tell_from(tmp_path: Path) -> None:
    found = read(tmp_path, {"labels/a.txt": "", "classes.txt": "cat"}, "images/a.jpg")
    assert "task" not in found.info.conventions


def test_key_points_are_read_as_data_yaml_shapes_them(tmp_path: Path) -> None:
    yaml = "kpt_shape: [2, 3]\nflip_idx: [1, 0]\nnames: [fly]\n"
    found = read(tmp_path, {"data.yaml": yaml, "labels/a.txt": "0 0.5 0.5 0.5 0.5 0.25 0.25 2 0 0 0"}, "images/a.jpg")
    labels = found.by_id["images/a.jpg"].labels
    assert labels is not None
    assert labels.annotations[0].points == ((0.25, 0.25, 2), (0.0, 0.0, 0))
    assert found.info.categories[0].flip_index == (1, 0)
    assert found.info.categories[0].point_names == ("0", "1")
    assert found.info.kinds == {"boxes": 1, "points": 1}


def test_an_unreadable_label_file_costs_its_picture(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels/b.txt": BOX}, "images/a.jpg", "images/b.jpg")
    (tmp_path / "labels/a.txt").symlink_to("nowhere.txt")
    found = read_set(Yolo(), tmp_path)
    assert found.problem("images/a.jpg").startswith("labels.unreadable: labels/a.txt")


def test_data_yaml_stays_as_it_is_where_it_leads_from_its_own_folder(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {"data.yaml": f"path: .\ntrain: images/train\nval: images/val\ntest: images/test\n{NAMES}"},
        "images/train/a.jpg",
        "images/val/b.jpg",
    )
    assert found.info.companions == ("data.yaml",)
    assert found.info.documents == ()


@pytest.mark.parametrize(
    "text", ["path: /old/place\ntrain: images/train\n", "train: ../images/train\n", "train: /old/images/train\n"]
)
def test_data_yaml_that_leads_elsewhere_is_written_anew(tmp_path: Path, text: str) -> None:
    found = read(
        tmp_path,
        {"data.yaml": f"{text}val: images/val\ntest: gone\nother: kept # too\n{NAMES}"},
        "images/train/a.jpg",
        "images/val/b.jpg",
    )
    (document,) = found.info.documents
    assert document.raw == {"text": f"train: images/train\nval: images/val\ntest: gone\nother: kept # too\n{NAMES}"}
    assert found.info.companions == ()


any_text = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [BOX, OBB, "", NAMES, "./images/a.jpg\n", "train: train.txt\nnames: [a]", "path: ..\ntrain: .\nnc: 1"]
    ).map(str.encode),
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("data.yaml", "classes.txt", "train.txt", "obj.data", "images/a.txt", "labels/a.txt", "labels/b.txt"),
            any_text,
        ),
    )
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_files_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    root = make_set(tmp_path_factory.mktemp("any"), files, "images/a.jpg", "images/b.png")
    from tests.engine.formats.label_sets import scan_of

    Yolo().recognise(root, scan_of(root))
    try:
        found = read_set(Yolo(), root)
    except InputError:
        return
    passed = sum(count for reason, count in found.info.passed_over.items() if "split" in reason)
    listed = [
        source for source in found.sources if source.problem is None or source.problem.code != "labels.missing_image"
    ]
    assert len(listed) + passed == 2, "each picture is a source or counted"


def test_a_folder_in_the_place_of_a_label_file_is_no_picture_without_objects(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels/b.txt": "0 0.5 0.5 0.1 0.1"}, "images/a.jpg", "images/b.jpg")
    (tmp_path / "labels/a.txt").mkdir()
    found = read_set(Yolo(), tmp_path)
    assert found.problem("images/a.jpg") == "labels.unreadable: labels/a.txt is a folder, not a label file."
    assert found.by_id["images/b.jpg"].problem is None


def test_a_label_file_that_is_a_link_to_nowhere_is_called_so(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels/b.txt": "0 0.5 0.5 0.1 0.1"}, "images/a.jpg", "images/b.jpg")
    (tmp_path / "labels/a.txt").symlink_to("gone.txt")
    problem = read_set(Yolo(), tmp_path).by_id["images/a.jpg"].problem
    assert problem is not None
    assert "a link that leads nowhere" in problem.hint
