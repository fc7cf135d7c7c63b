from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nfold.contrast.held_out import Division, divide
from nfold.errors import UsageError
from tests.conftest import write_picture


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    for number in range(20):
        write_picture(tmp_path / f"source/{'cat' if number % 2 else 'dog'}/{number:02}.png", number)
    return tmp_path / "source"


def ids(division: Division) -> tuple[set[str], set[str]]:
    trained, tested = list(division.trained.sources), list(division.tested.sources)
    return {trained[place] for place in division.train_places}, {tested[place] for place in division.held_out_places}


def cut(source: Path, **options: object) -> Division:
    return divide(source, **{"recipe": "light", "seed": 0, "held_out": 0.2, **options})  # type: ignore[arg-type]


def test_a_share_of_each_class_is_held_out_and_nothing_is_on_both_sides(classes: Path) -> None:
    trained, held_out = ids(cut(classes))
    assert not trained & held_out
    assert len(trained | held_out) == 20
    assert sorted(name.partition("/")[0] for name in held_out) == ["cat", "cat", "dog", "dog"]


def test_the_seed_of_the_variations_does_not_change_what_is_held_out(classes: Path) -> None:
    assert ids(cut(classes, seed=5)) == ids(cut(classes, seed=6))


def test_equal_files_are_never_on_both_sides(classes: Path) -> None:
    for number in range(20):
        folder = "cat" if number % 2 else "dog"
        shutil.copy(classes / f"{folder}/{number:02}.png", classes / f"{folder}/{number:02}-again.png")
    trained, held_out = ids(cut(classes))
    assert {name.replace("-again", "") for name in trained}.isdisjoint({n.replace("-again", "") for n in held_out})
    assert len(trained | held_out) == 40


def test_groups_are_never_on_both_sides(classes: Path) -> None:
    trained, held_out = ids(cut(classes, group=r"/(\d)", held_out=0.5))
    assert {name.partition("/")[2][0] for name in trained}.isdisjoint({name.partition("/")[2][0] for name in held_out})


@pytest.mark.parametrize(("splits", "expected"), [(("train", "val", "test"), "val"), (("train", "test"), "test")])
def test_the_splits_of_the_data_set_are_taken_as_they_are(
    tmp_path: Path, splits: tuple[str, ...], expected: str
) -> None:
    for number in range(12):
        write_picture(tmp_path / f"s/{splits[number % len(splits)]}/{'ab'[number % 4 // 2]}/{number}.png", number)
    division = cut(tmp_path / "s")
    trained, held_out = ids(division)
    assert all(name.startswith("train/") for name in trained)
    assert all(name.startswith(f"{expected}/") for name in held_out)
    assert len(trained) == len(held_out) == 12 // len(splits)
    assert division.how == f"its split '{expected}'"
    assert not division.tested.training


def test_what_cannot_be_trained_on_is_refused_with_a_hint(
    tmp_path: Path, make_folder: Callable[..., Path], classes: Path
) -> None:
    with pytest.raises(UsageError) as no_classes:
        cut(make_folder(3, folder="flat"))
    assert no_classes.value.stable_code == "training.no_classes"
    for share in (0.0, 1.0, 2.0):
        with pytest.raises(UsageError, match="held_out"):
            cut(classes, held_out=share)
    for number in range(4):
        write_picture(tmp_path / f"only/train/{'ab'[number % 2]}/{number}.png", number)
    with pytest.raises(UsageError) as nothing_held_out:
        cut(tmp_path / "only")
    assert nothing_held_out.value.stable_code == "training.no_held_out"
