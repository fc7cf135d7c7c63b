from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from nfold.errors import InvalidRecipeError, UnknownNameError, UsageError
from nfold.recipe import Recipe, load_recipe, parse_recipe, preset_named

HANDHELD = """
name: handheld
description: A flip, a tilt of the camera, and now and then a shaky or noisy shot.
prepare: []
augment:
  - HorizontalFlip: {p: 0.5}
  - Rotate: {limit: 15, p: 0.8}
  - OneOf: {p: 0.3, transforms: [GaussianBlur: {blur_limit: [3, 7]}, GaussNoise: {}]}
border: auto
labels: {min_visibility: 0.3, min_area_px: 16, outside: clip}
output: {format: keep, jpeg_quality: 95}
"""


def problems_of(text: str) -> dict[str, tuple[str, str | None]]:
    with pytest.raises(InvalidRecipeError) as caught:
        parse_recipe(text, "test.yaml")
    return {problem.pointer: (problem.message, problem.hint) for problem in caught.value.problems}


def test_the_recipe_of_the_manual_is_read() -> None:
    recipe = parse_recipe(HANDHELD, "handheld.yaml")
    assert recipe.name == "handheld"
    assert [spec.name for spec in recipe.augment] == ["HorizontalFlip", "Rotate", "OneOf"]
    assert recipe.augment[2].children[1].arguments == {"p": 0.5}
    assert recipe.labels.min_visibility == 0.3


def test_a_bare_list_is_a_recipe_named_after_its_file() -> None:
    recipe = parse_recipe("- HorizontalFlip\n- Rotate:\n- VerticalFlip: {p: 1}\n", "my own.yaml")
    assert recipe.name == "my own"
    assert [spec.p for spec in recipe.augment] == [0.5, 0.5, 1]


def test_every_problem_is_named_with_place_line_and_hint() -> None:
    text = "name: x\naugment:\n  - HorizontlFlip: {}\n  - Rotate: {limt: 4, p: 2}\nlabel: {}\noutput: {format: jpg}\n"
    assert problems_of(text) == {
        "/augment/0/HorizontlFlip": (
            "Line 3: There is no transform 'HorizontlFlip'.",
            "Did you mean 'HorizontalFlip'?",
        ),
        "/augment/1/Rotate/limt": ("Line 4: Rotate has no argument 'limt'.", "Did you mean 'limit'?"),
        "/augment/1/Rotate/p": ("Line 4: 2 is too large: the largest value is 1.", None),
        "/label": ("Line 5: There is no field 'label' here.", "Did you mean 'labels'?"),
        "/output/format": (
            "Line 6: output/format should be 'keep', 'jpeg', 'png', 'webp', 'bmp' or 'tiff'.",
            None,
        ),
    }


def test_the_message_says_how_many_problems_there_are() -> None:
    with pytest.raises(InvalidRecipeError, match=r"^a.yaml: Line 1: There is no transform 'A'. \(1 more problem\)$"):
        parse_recipe("[A, B]", "a.yaml")
    with pytest.raises(InvalidRecipeError, match=r"\(2 more problems\)$"):
        parse_recipe("[A, B, C]", "a.yaml")


def test_pointers_into_a_bare_list_start_at_the_list() -> None:
    assert set(problems_of("- Rotat: {}\n")) == {"/0/Rotat"}


def test_a_recipe_without_transforms_is_refused() -> None:
    assert "/augment" in problems_of("augment: []")
    assert "/augment" in problems_of("name: x")
    assert "" in problems_of("just text")
    assert "" in problems_of("")


@pytest.mark.parametrize("mode", ["auto", "reflect_101", "reflect", "replicate", "wrap", "constant"])
def test_a_border_is_a_word_or_a_mapping(mode: str) -> None:
    assert load_recipe({"augment": ["Rotate"], "border": mode}).border.mode == mode
    assert load_recipe({"augment": ["Rotate"], "border": {"mode": mode, "fill": [0, 1, 2]}}).border.fill == (0, 1, 2)


@pytest.mark.parametrize(
    ("part", "pointer"),
    [
        ("border: refleckt", "/border/mode"),
        ("border: {mode: constant, fill: 300}", "/border/fill"),
        ("border: {mode: constant, fill: [1, 2]}", "/border/fill"),
        ("border: {colour: 3}", "/border/colour"),
        ("labels: {min_visibility: 2}", "/labels/min_visibility"),
        ("labels: {min_area_px: -1}", "/labels/min_area_px"),
        ("labels: {outside: cut}", "/labels/outside"),
        ("labels: {swap: {left: right}}", "/labels/swap"),
        ("output: {jpeg_quality: 0}", "/output/jpeg_quality"),
        ("output: {jpeg_quality: 101}", "/output/jpeg_quality"),
        ("output: 3", "/output"),
        ("name: ''", "/name"),
        ("name: " + 200 * "x", "/name"),
        ("description: " + 2000 * "x", "/description"),
    ],
)
def test_a_field_outside_its_limits_is_refused(part: str, pointer: str) -> None:
    assert set(problems_of(f"augment: [HorizontalFlip]\n{part}\n")) == {pointer}


def test_presets_files_and_data_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(HANDHELD, encoding="utf-8-sig")
    recipe = load_recipe(path)
    assert recipe == load_recipe(str(path)) == load_recipe(recipe)
    assert load_recipe({"augment": [{"VerticalFlip": {"p": 1}}]}).augment[0].p == 1
    assert load_recipe("light") == preset_named("light")


def test_an_unknown_preset_gets_a_hint() -> None:
    with pytest.raises(UnknownNameError) as caught:
        load_recipe("flip-rotat")
    assert caught.value.hint == "Did you mean 'flip-rotate'?"
    with pytest.raises(UnknownNameError):
        preset_named("../secrets.yaml")


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.yaml cannot be read"):
        load_recipe(str(tmp_path / "missing.yaml"))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRecipeError, match="not UTF-8"):
        load_recipe(tmp_path / "binary.yaml")
    (tmp_path / "large.yaml").write_bytes(b"# \xc3\xa9" * 100_000)
    with pytest.raises(InvalidRecipeError, match="larger than 256 KiB"):
        load_recipe(tmp_path / "large.yaml")


def test_a_recipe_is_frozen_and_travels_to_workers() -> None:
    recipe = parse_recipe(HANDHELD)
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    with pytest.raises(ValueError, match="frozen"):
        recipe.name = "other"  # type: ignore[misc]
    assert (
        Recipe.model_validate(recipe.model_dump(exclude={"augment", "prepare"}) | {"augment": recipe.augment}) == recipe
    )


def test_an_error_survives_the_way_from_a_worker() -> None:
    with pytest.raises(InvalidRecipeError) as caught:
        parse_recipe("- Rotat")
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_reading_a_recipe_imports_no_heavy_library() -> None:
    code = (
        "import sys; from nfold.recipe import *; r = load_recipe('medium'); b = resolve_border(r, annotated=True);"
        "carriage_of(r, grey=True, bits=8, alpha=True); recipe_digest(r, b); recipe_schema();"
        "print([m for m in ('albumentations', 'cv2', 'numpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_data_that_are_too_deep_or_too_large_are_refused() -> None:
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InvalidRecipeError, match="nested more than 32"):
        load_recipe({"augment": [{"Rotate": {"limit": deep}}]})
    with pytest.raises(InvalidRecipeError, match="more than 20000 values"):
        load_recipe({"augment": ["HorizontalFlip"] * 30_000})
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidRecipeError):
        load_recipe({"augment": endless})


def test_points_that_change_places_are_named_both_ways() -> None:
    recipe = load_recipe({"augment": ["HorizontalFlip"], "labels": {"swap": {"a": "b", "b": "a", "c": "c"}}})
    assert recipe.labels.swap == {"a": "b", "b": "a", "c": "c"}
    with pytest.raises(InvalidRecipeError, match="swap does not lead back from where it leads: a: b, b: c") as caught:
        load_recipe({"augment": ["HorizontalFlip"], "labels": {"swap": {"a": "b", "b": "c"}}})
    assert caught.value.problems[0].hint == "Each pair is written both ways: 'b: a'."
