from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nfold.errors import UsageError
from nfold.plan.collisions import name_parts, refuse_collisions
from nfold.plan.layout import companion_names, label_name
from nfold.plan.naming import NameTemplate, split_name
from nfold.plan.table import SourceTable, to_blob
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


# Label files and masks of one source, by its stem: called after it, after another, in mid-word, or not at all.
LABELS = [None, "l/{stem}.txt", "{stem}.xml", "{stem}b.xml", "{stem}1.xml", "b{stem}.xml", "a_aug1b.xml"]
MASKS = [None, "{stem}_mask.png", "mask_{stem}.png", "mask1{stem}.png", "m/{stem}.png", "other.png", "a_mask1.png"]
SHARED = ["a_aug1.txt", "A_AUG1.xml", "classes.txt", "c", "c/a_aug1.png", "l/a_aug2.txt", "a_aug1_mask.png", "a_aug1"]
OWN_FOLDERS = [*FOLDERS, "a_aug1.png/", "a_aug1_mask.png/", "classes.txt/d/"]

Files = dict[str, tuple[int, str | None, str | None]]


@st.composite
def crowded_sources(draw: st.DrawFn) -> Files:
    """Sources with copies, label file and mask; few folders and endings among them, so that many collide."""
    folders = draw(st.lists(st.sampled_from(OWN_FOLDERS), min_size=1, max_size=2))
    extensions = draw(st.lists(st.sampled_from(EXTENSIONS), min_size=1, max_size=2))
    stems = ["a", *draw(st.lists(st.sampled_from(STEMS), max_size=3))]
    names = ["".join(parts) for parts in itertools.product(folders, stems, extensions)]
    labels = draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=2))
    masks = draw(st.lists(st.sampled_from(MASKS), min_size=1, max_size=2))
    source = st.tuples(st.sampled_from([0, 1, 2, 13]), st.sampled_from(labels), st.sampled_from(masks))
    drawn = draw(st.dictionaries(st.sampled_from(names), source, min_size=1, max_size=5))
    files: Files = {}
    for name, (copies, label, mask) in drawn.items():
        folder, stem, _ = split_name(name)
        beside = [
            None if file is None else "/".join([*folder.split("/")[:1], file.format(stem=stem)])
            for file in (label, mask)
        ]
        files[name] = (copies, *[file and file.removeprefix("/") for file in beside])
    return files


@contextmanager
def table_with_files(files: Files) -> Iterator[SourceTable]:
    with table_of({name: copies for name, (copies, _, _) in files.items()}) as table:
        for name, (_, label, mask) in files.items():
            table.connection.execute(
                "update sources set label_target = ?, mask_target = ? where id = ?",
                (label and to_blob(label), mask and to_blob(mask), to_blob(name)),
            )
        yield table


def all_targets(
    table: SourceTable,
    template: NameTemplate,
    *,
    extension: str | None,
    fold_case: bool,
    originals: bool,
    shared: Iterable[str] = (),
) -> Counter[str]:
    """The oracle: every single name that would be written, and once more what is a folder of another."""
    names = Counter(set(shared))
    for source in table.all():
        if originals:
            names.update([source.target, *companion_names(source, source.target).values()])
        for copy in range(1, source.copies + 1):
            picture = template.render(name_parts(source, extension=extension), copy)
            names[picture] += 1
            for original in (source.label_target, source.mask_target):
                if original is not None:
                    names[label_name(original, source.target, picture)] += 1
    folded: Counter[str] = Counter()
    for name, count in names.items():
        folded[name.casefold() if fold_case else name] += count
    folders = {
        "/".join(parts[:length]) for parts in (name.split("/") for name in folded) for length in range(1, len(parts))
    }
    folded.update(folders & set(folded))
    return folded


@settings(deadline=None, max_examples=800)
@given(
    sources=crowded_sources(),
    template=st.sampled_from(TEMPLATES).map(NameTemplate.parse),
    extension=st.sampled_from([None, ".png", ".jpg"]),
    fold_case=st.booleans(),
    originals=st.booleans(),
    shared=st.lists(st.sampled_from(SHARED), max_size=2),
)
def test_it_is_refused_if_and_only_if_two_files_would_have_one_name(
    sources: Files,
    template: NameTemplate,
    extension: str | None,
    fold_case: bool,
    originals: bool,
    shared: list[str],
) -> None:
    with table_with_files(sources) as table:
        options = {"extension": extension, "fold_case": fold_case, "originals": originals, "shared": shared}
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


class TestWhatGoesWithPictures:
    """Label files and masks of copies, and files that all share, are as much in the way as pictures are."""

    def refusal(self, sources: Files, *shared: str, text: str = "{stem}_aug{copy}{ext}", **options: object) -> str:
        settings_of_run = {"extension": None, "fold_case": False, "originals": True, "shared": shared, **options}
        with table_with_files(sources) as table, pytest.raises(UsageError) as caught:
            refuse_collisions(table, NameTemplate.parse(text), **settings_of_run)
        assert caught.value.stable_code == "plan.name_collision"
        return caught.value.message

    def passes(self, sources: Files, *shared: str, **options: object) -> bool:
        settings_of_run = {"extension": None, "fold_case": False, "originals": True, "shared": shared, **options}
        with table_with_files(sources) as table:
            refuse_collisions(table, NameTemplate.parse("{stem}_aug{copy}{ext}"), **settings_of_run)
        return True

    def test_the_label_file_of_a_copy_is_that_of_another_original(self) -> None:
        sources: Files = {"a.png": (1, "a-b.xml", None), "q.png": (1, "a_aug1-b.xml", None)}
        assert self.refusal(sources) == "'q.png' and 'a.png' would both write 'a_aug1-b.xml'."
        assert self.passes({"a.png": (1, "a-b.xml", None), "q.png": (1, "a_aug2-b.xml", None)})
        assert self.passes({"a.png": (1, "ab.xml", None), "q.png": (1, "a_aug1b.xml", None)})

    def test_the_mask_of_a_copy_is_another_picture(self) -> None:
        sources: Files = {"a.png": (1, None, "a_mask.png"), "a_aug1_mask.png": (0, None, None)}
        assert self.refusal(sources) == "'a_aug1_mask.png' and 'a.png' would both write 'a_aug1_mask.png'."

    def test_the_label_file_of_a_copy_is_one_that_all_pictures_share(self) -> None:
        sources: Files = {"x.png": (1, "x.txt", None)}
        assert self.refusal(sources, "x_aug1.txt") == "'x_aug1.txt' and 'x.png' would both write 'x_aug1.txt'."
        assert self.refusal(sources, "x_aug1.txt", originals=False)
        assert self.passes(sources, "x_aug2.txt", "x_aug2.txt"), "a file that is named twice is one"
        assert self.passes(sources, "X_AUG1.txt")
        assert "would both write 'X_AUG1.txt'" in self.refusal(sources, "X_AUG1.txt", fold_case=True)

    def test_a_label_file_of_an_original_is_one_that_all_pictures_share(self) -> None:
        sources: Files = {"x.png": (0, "classes.txt", None)}
        assert "'x.png' and 'classes.txt'" in self.refusal(sources, "classes.txt")
        assert self.passes(sources, "classes.txt", originals=False)

    def test_a_folder_is_called_like_a_file(self) -> None:
        assert "'a_aug1.png'" in self.refusal({"a.png": (1, None, None), "a_aug1.png/b.png": (0, None, None)})
        assert "'list'" in self.refusal({"list/b.png": (0, None, None)}, "list")
        assert self.passes({"a.png": (1, None, None), "a_aug1.png/b.png": (0, None, None)}, originals=False)


class TestClassesFromLabelFiles:
    """They may be called anything, and become folders with --to class-folders and with {class} in --name."""

    def refusal(self, category: str, target: str, text: str = "{stem}_aug{copy}{ext}") -> UsageError:
        with self.table(category, target) as table, pytest.raises(UsageError) as caught:
            self.refuse(table, text)
        return caught.value

    def refuse(self, table: SourceTable, text: str = "{stem}_aug{copy}{ext}") -> None:
        refuse_collisions(table, NameTemplate.parse(text), extension=None, fold_case=False, originals=True)

    def table(self, category: str, target: str) -> SourceTable:
        table = table_of({"a.png": 1})
        table.connection.execute("update sources set category = ?, target = ?", (to_blob(category), to_blob(target)))
        return table

    @pytest.mark.parametrize("category", ["a\0b", "a\nb", "\x1b[31m", "a\x7f", "a\x85b"])
    def test_a_control_character_is_refused_before_the_run(self, category: str) -> None:
        for error in (
            self.refusal(category, f"{category}/a.png"),
            self.refusal(category, "a.png", "{class}/{stem}_{copy}{ext}"),
            self.refusal(category, "a.png", "{class}_{stem}_{copy}{ext}"),
        ):
            assert error.stable_code == "plan.control_character"
            assert error.message.isprintable()
            assert "another name" in (error.hint or "")
        with self.table(category, "a.png") as table:
            self.refuse(table)

    def test_a_folder_of_the_source_may_be_called_so(self) -> None:
        with table_of({"a\nb/x.png": 1}) as table:
            assert [source.category for source in table.all()] == ["a\nb"]
            self.refuse(table)
            self.refuse(table, "{class}/{stem}_{copy}{ext}")

    @pytest.mark.parametrize("category", ["x" * 300, "é" * 150, "a/" + "x" * 256, "a/" * 2500 + "b"])
    def test_a_folder_that_no_file_system_takes_is_refused_before_the_run(self, category: str) -> None:
        for error in (
            self.refusal(category, f"{category}/a.png"),
            self.refusal(category, "a.png", "{class}/{stem}_{copy}{ext}"),
        ):
            assert error.stable_code == "plan.name_too_long"
            assert len(error.message) < 300
        assert self.refusal("cat", "a.png", f"{'x' * 256}/{{stem}}_{{copy}}{{ext}}").stable_code == "plan.name_too_long"

    @pytest.mark.parametrize("category", [".", "..", "a/..", "/a", ".nfold", ".NFOLD"])
    def test_a_folder_outside_the_output_is_refused_before_the_run(self, category: str) -> None:
        assert self.refusal(category, f"{category}/a.png").stable_code == "plan.name_outside"

    @pytest.mark.parametrize("category", ["cat.", "...", "a/b", "x" * 255, "كلب", "a b"])
    def test_other_names_are_taken_as_they_are(self, category: str) -> None:
        with self.table(category, f"{category}/a.png") as table:
            self.refuse(table)
