from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nfold.errors import UsageError
from nfold.plan.collisions import name_parts, refuse_collisions
from nfold.plan.naming import NameTemplate
from nfold.plan.table import SourceTable
from tests.engine.plan.tables import table_of

# Made to collide: copies of copies, numbers in front, letters that differ in case alone, digits of other scripts.
STEMS = [
    "a",
    "A",
    "a_aug1",
    "a_AUG2",
    "a_aug12",
    "a_aug01",
    "a_aug1_aug1",
    "1_a",
    "12_a",
    "a1",
    "a_aug1٢",
    "ß_aug1",
    "a_aug1X",
]
EXTENSIONS = [".png", ".jpg", ".PNG", ".jp2", ".x3f"]
FOLDERS = ["", "c/", "C/", "c/d/"]
TEMPLATES = [
    *(
        "{stem}_aug{copy}{ext}",
        "{stem}_aug{copy}x{ext}",
        "{copy}_a{ext}",
        "{copy}_{stem}{ext}",
        "{stem}_{copy}.v1{ext}",
    ),
    *("a_aug{copy}{ext}", "c/{stem}_aug{copy}{ext}", "{class}/{stem}_aug{copy}{ext}", "{stem}_{id8}_{copy}{ext}"),
]


@st.composite
def crowded_sources(draw: st.DrawFn) -> dict[str, int]:
    """Sources with their copies, few folders and endings among them, so that many collide."""
    folders = draw(st.lists(st.sampled_from(FOLDERS), min_size=1, max_size=2))
    extensions = draw(st.lists(st.sampled_from(EXTENSIONS), min_size=1, max_size=2))
    names = ["".join(parts) for parts in itertools.product(folders, STEMS, extensions)]
    return draw(st.dictionaries(st.sampled_from(names), st.sampled_from([0, 1, 2, 13]), min_size=1, max_size=5))


def all_targets(
    table: SourceTable, template: NameTemplate, *, extension: str | None, fold_case: bool, originals: bool
) -> Counter[str]:
    """The oracle: every single name that would be written."""
    names: Counter[str] = Counter()
    for source in table.all():
        if originals:
            names[source.target] += 1
        for copy in range(1, source.copies + 1):
            names[template.render(name_parts(source, extension=extension), copy)] += 1
    if not fold_case:
        return names
    folded: Counter[str] = Counter()
    for name, count in names.items():
        folded[name.casefold()] += count
    return folded


@settings(deadline=None, max_examples=600)
@given(
    sources=crowded_sources(),
    template=st.sampled_from(TEMPLATES).map(NameTemplate.parse),
    extension=st.sampled_from([None, ".png", ".jpg"]),
    fold_case=st.booleans(),
    originals=st.booleans(),
)
def test_it_is_refused_if_and_only_if_two_files_would_have_one_name(
    sources: dict[str, int], template: NameTemplate, extension: str | None, fold_case: bool, originals: bool
) -> None:
    with table_of(sources) as table:
        options = {"extension": extension, "fold_case": fold_case, "originals": originals}
        doubles = [name for name, count in all_targets(table, template, **options).items() if count > 1]
        event("collides" if doubles else "does not collide")
        try:
            refuse_collisions(table, template, **options)
        except UsageError:
            assert doubles, "refused, and every name is different"
        else:
            assert not doubles, "two files would get one name, and nobody says so"


def refusal(sources: dict[str, int], text: str = "{stem}_aug{copy}{ext}", **options: object) -> str:
    settings_of_run = {"extension": None, "fold_case": False, "originals": True, **options}
    with table_of(sources) as table, pytest.raises(UsageError) as caught:
        refuse_collisions(table, NameTemplate.parse(text), **settings_of_run)
    assert caught.value.stable_code == "plan.name_collision"
    assert "--name" in (caught.value.hint or "")
    return caught.value.message


def passes(sources: dict[str, int], text: str = "{stem}_aug{copy}{ext}", **options: object) -> bool:
    with table_of(sources) as table:
        refuse_collisions(
            table, NameTemplate.parse(text), **{"extension": None, "fold_case": False, "originals": True, **options}
        )
    return True


class TestNamed:
    def test_a_source_that_is_called_like_a_copy(self) -> None:
        message = refusal({"photo.jpg": 1, "photo_aug1.jpg": 1})
        assert message == "'photo_aug1.jpg' and 'photo.jpg' would both write 'photo_aug1.jpg'."
        assert passes({"photo.jpg": 1, "photo_aug2.jpg": 1}), "copy 2 is not asked for"
        assert passes({"photo.jpg": 1, "photo_aug1.jpg": 1}, originals=False)
        assert passes({"photo.jpg": 1, "photo_aug01.jpg": 1}), "no copy is called 01"

    def test_two_formats_of_one_stem_when_the_format_changes(self) -> None:
        message = refusal({"c/a.jpg": 1, "c/a.png": 1}, extension=".png")
        assert "'c/a.jpg'" in message
        assert "'c/a.png'" in message
        assert message.endswith("would both write 'c/a_aug1.png'.")
        assert passes({"c/a.jpg": 1, "c/a.png": 1})
        assert passes({"c/a.jpg": 1, "c/a.png": 0}, extension=".png"), "one of them gets no copies"
        assert passes({"c/a.jpg": 1, "d/a.png": 1}, extension=".png")

    def test_names_that_differ_in_case_alone_where_case_does_not_count(self) -> None:
        assert "would both write" in refusal({"a.jpg": 0, "A.jpg": 0}, fold_case=True)
        assert "would both write" in refusal({"a.jpg": 1, "A.jpg": 1}, fold_case=True, originals=False)
        assert passes({"a.jpg": 1, "A.jpg": 1})

    def test_an_ending_with_a_digit_does_not_hide_a_collision(self) -> None:
        assert "'photo_aug1.jp2'" in refusal({"photo.jp2": 1, "photo_aug1.jp2": 0})

    def test_bytes_that_are_no_utf_8_are_named_as_they_are(self) -> None:
        assert repr("p\udcff_aug1.jpg") in refusal({"p\udcff.jpg": 1, "p\udcff_aug1.jpg": 0})
