from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.errors import UsageError
from nfold.plan.naming import NameParts, NameTemplate, copies_called, split_name

FIXED = st.text("_-a(é .x٢", max_size=3)
NO_DIGIT_FIRST = st.builds(str.__add__, st.sampled_from("_-xé."), st.text("_-a7.0", max_size=3))
FIELDS = st.sampled_from(["{stem}", "{id8}", "{class}", "{split}", ""])
FOLDERS = st.sampled_from(["", "all/", "{class}/", "{split}/{class}/", "x{class}/{id8}/"])


@st.composite
def accepted_templates(draw: st.DrawFn) -> str:
    """Both shapes that are taken: `{copy}` before fixed text and `{ext}`, or at the beginning of the name."""
    name = "".join(draw(st.lists(st.one_of(FIELDS, st.text("_-a1", max_size=2)), max_size=3)))
    if draw(st.booleans()):
        before = name + draw(st.sampled_from("_-xé("))
        return draw(FOLDERS) + before + "{copy}" + draw(st.one_of(st.just(""), NO_DIGIT_FIRST)) + "{ext}"
    return draw(FOLDERS) + "{copy}" + draw(NO_DIGIT_FIRST) + name + draw(FIXED) + "{ext}"


PARTS = st.builds(
    NameParts,
    folder=st.sampled_from(["", "cats", "a/b", "3/4"]),
    stem=st.text("ab12_9.٢é\n\udcff", min_size=1, max_size=6).filter(lambda stem: not stem.startswith(".")),
    ext=st.sampled_from([".jpg", ".PNG", ".jp2", ".x3f", ".tif"]),
    split=st.sampled_from(["", "train", "val"]),
    label=st.sampled_from(["", "cat", "7", "aug1"]),
    id8=st.just("0a1b2c3d"),
)


@settings(deadline=None, max_examples=400)
@given(text=accepted_templates(), parts=PARTS, copy=st.integers(1, 1000))
def test_a_name_tells_its_family_and_its_copy_number(text: str, parts: NameParts, copy: int) -> None:
    template = NameTemplate.parse(text)
    name = template.render(parts, copy)
    assert (template.family(parts), copy) in [*copies_called(name, copy)]
    assert copy not in {number for _, number in copies_called(name, copy - 1)}


@pytest.mark.parametrize(
    ("name", "most", "expected"),
    [
        ("c7/a1_b22.jp2", 50, [("c7/a\0_b22.jp2", 1), ("c7/a1_b\0.jp2", 22), ("c7/a1_b22.jp\0", 2)]),
        ("c7/a1_b22.jp2", 21, [("c7/a\0_b22.jp2", 1), ("c7/a1_b22.jp\0", 2)]),
        ("a01_0_012.png", 50, []),
        ("7", 7, [("\0", 7)]),
        ("a\u0661.png", 50, []),
        ("9" * 5000, 50, []),
    ],
)
def test_any_run_of_digits_in_the_last_part_may_be_a_copy_number(
    name: str, most: int, expected: list[tuple[str, int]]
) -> None:
    assert [*copies_called(name, most)] == expected


@settings(deadline=None)
@given(text=accepted_templates(), parts=PARTS, copies=st.lists(st.integers(1, 1000), unique=True, min_size=2))
def test_copies_of_one_source_have_different_names(text: str, parts: NameParts, copies: list[int]) -> None:
    template = NameTemplate.parse(text)
    assert len({template.render(parts, copy) for copy in copies}) == len(copies)


@settings(deadline=None)
@given(text=accepted_templates(), parts=PARTS)
def test_a_name_never_leads_out_of_the_output_or_into_its_private_folder(text: str, parts: NameParts) -> None:
    folders = NameTemplate.parse(text).render(parts, 1).split("/")[:-1]
    assert not {"", ".", "..", ".nfold"} & {*folders}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{stem}{ext}", "{copy} has to stand in it exactly once"),
        ("{copy}_{stem}_{copy}{ext}", "{copy} has to stand in it exactly once"),
        ("{stem}_aug{copy}", "has to end in {ext}"),
        ("{stem}{ext}_aug{copy}{ext}", "has to end in {ext}"),
        ("{stem}_aug{copy}.jpg", "has to end in {ext}"),
        ("", "{copy} has to stand in it exactly once"),
        ("{stem}{copy}{ext}", "two names could be equal"),
        ("{stem}_1{copy}{ext}", "two names could be equal"),
        ("{stem}_{copy}1{ext}", "two names could be equal"),
        ("{stem}_{copy}{stem}{ext}", "two names could be equal"),
        ("{copy}{stem}{ext}", "two names could be equal"),
        ("{copy}5{stem}{ext}", "two names could be equal"),
        ("{copy}/{stem}{ext}", "two names could be equal"),
        ("{copy}{ext}", "two names could be equal"),
        ("../{stem}_aug{copy}{ext}", "has to stay inside the output folder"),
        ("a/../{stem}_aug{copy}{ext}", "has to stay inside the output folder"),
        ("./{stem}_aug{copy}{ext}", "has to stay inside the output folder"),
        ("/tmp/{stem}_aug{copy}{ext}", "has to stay inside the output folder"),
        ("a//{stem}_aug{copy}{ext}", "has to stay inside the output folder"),
        ("..{class}/{stem}_aug{copy}{ext}", "has to stay inside the output folder"),
        ("{class}.{split}./{stem}_aug{copy}{ext}", "has to stay inside the output folder"),
        (".nfold/parts/{stem}_aug{copy}{ext}", "has to stay inside the output folder"),
        ("{class}/.NFOLD/tmp/{stem}_aug{copy}{ext}", "has to stay inside the output folder"),
        ("{stem}_{number}{ext}", "there is no field {number}"),
        ("{stem}_{}{ext}", "there is no field {}"),
        ("{stem.upper}_{copy}{ext}", "there is no field {stem.upper}"),
        ("{stem}_{copy:03}{ext}", "there are no widths"),
        ("{stem!r}_{copy}{ext}", "there are no widths"),
        ("{{copy}}_{copy}{ext}", "no other braces"),
        ("{stem_{copy}{ext}", "--name {stem_{copy}{ext}: "),
        ("{stem}_{copy}{ext", "--name {stem}_{copy}{ext: "),
    ],
)
def test_a_template_that_proves_nothing_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        NameTemplate.parse(text)
    assert words in caught.value.message
    assert caught.value.message.startswith(f"--name {text}: ")
    assert caught.value.hint


def test_without_a_slash_a_copy_stands_beside_its_original_and_with_one_where_the_template_says() -> None:
    parts = NameParts(folder="train/cat", stem="tom", ext=".jpg", split="train", label="cat", id8="0a1b2c3d")
    assert NameTemplate.parse("{stem}_aug{copy}{ext}").render(parts, 3) == "train/cat/tom_aug3.jpg"
    assert NameTemplate.parse("{copy}-{id8}{ext}").render(parts, 3) == "train/cat/3-0a1b2c3d.jpg"
    assert NameTemplate.parse("all/{class}/{stem}_{copy}{ext}").render(parts, 3) == "all/cat/tom_3.jpg"


def test_folders_of_fields_that_are_empty_fall_away() -> None:
    parts = NameParts(folder="deep", stem="tom", ext=".jpg", split="", label="", id8="0a1b2c3d")
    assert NameTemplate.parse("{split}/{class}/{stem}_{copy}{ext}").render(parts, 1) == "tom_1.jpg"


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a.jpg", ("", "a", ".jpg")),
        ("c/d/a.tar.JPG", ("c/d", "a.tar", ".JPG")),
        ("c.d/a b.png", ("c.d", "a b", ".png")),
        ("a..jpg", ("", "a.", ".jpg")),
    ],
)
def test_a_path_falls_into_folder_stem_and_last_ending(path: str, parts: tuple[str, str, str]) -> None:
    assert split_name(path) == parts
