from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nfold.manifest import SkipRow
from nfold.plan.families import SimilarPair
from nfold.rehearsal import PlannedClass, PlanSummary
from nfold.report import ClassReport, ExpansionReport, Leak
from nfold_cli.summary import expansion_summary, plan_summary


@pytest.fixture(autouse=True)
def without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


BARE = ExpansionReport(
    target="out",
    format="folder (images without labels in one folder)",
    recipe="light",
    seed=0,
    images_before=1,
    images_after=2,
    originals=1,
    copies=1,
    classes=(ClassReport(split=None, category=None, before=1, after=2, planned=2),),
    labels=None,
    bytes_before=900,
    bytes_after=2_100,
    written=2,
    removed=0,
    kept=(),
    retained=0,
    set_aside=(),
    skipped=(),
    skipped_count=0,
    skipped_by_code={},
    short={},
    short_count=0,
    copies_missing=0,
    conversions={},
    passed_over={},
    passed_over_examples={},
    empty_splits=(),
    leaks=(),
    leaks_count=0,
    tree_digest="ab" * 32,
    seconds=0.51,
)

FULL = replace(
    BARE,
    target="my photos\udcff",
    format="class-folders (one folder for each class)",
    recipe="flip-rotate",
    seed=7,
    images_before=1200,
    images_after=6990,
    originals=1195,
    copies=5795,
    classes=(
        ClassReport(split="train", category="cat\n", before=1000, after=6790, planned=6800),
        ClassReport(split="val", category="cat\n", before=200, after=200, planned=200),
    ),
    bytes_before=123_000_000,
    bytes_after=734_000_000,
    written=6000,
    removed=12,
    seconds=75.0,
    kept=("a_aug9.jpg",),
    retained=3,
    set_aside=(".nfold/replaced/b_aug1.jpg",),
    skipped=tuple(
        SkipRow(source=f"{number}\udcff.jpg", code="image.truncated", message="It ends.", hint="Fetch\x1b it.")
        for number in range(5)
    ),
    skipped_count=7,
    skipped_by_code={"source.vanished": 1, "image.truncated": 6},
    short={"blank.png": 1, "white.png": 5},
    short_count=2,
    copies_missing=6,
    conversions={"palette expanded": 3, "EXIF orientation applied": 1100},
    passed_over={"not an image": 2, "label or text file": 1},
    passed_over_examples={"not an image": "no\x1btes.md", "label or text file": "boxes.xml"},
    empty_splits=("test",),
    leaks=(
        Leak(kind="bytes", held_out="val/a.jpg", trained_on="train/a.jpg", from_input=True),
        Leak(kind="pixels", held_out="val/b.jpg", trained_on="train/c_aug1.jpg", from_input=False),
    ),
    leaks_count=2,
    similar=(SimilarPair(one="a\x1b.jpg", other="b.jpg", bits=0), SimilarPair(one="a\x1b.jpg", other="c.jpg", bits=3)),
    similar_count=1200,
)

FULL_TEXT = r"""1,200 images became 6,990: 1,195 originals + 5,795 copies in my photos\xff
  123 MB became 734 MB; 6,000 files written, 12 files removed in 75 s, 80 files/s
  recipe flip-rotate, seed 7, read as class-folders (one folder for each class)

  split  class  before  after
  train  cat\n   1,000  6,790
  val    cat\n     200    200

  No image went to test: there are too few for these shares once relatives stay together.

  Passed over: label or text file (1: boxes.xml), not an image (2, such as no\x1btes.md)
  No label format was recognised in those files; if they hold labels, name it with --format.

  Converted in the copies, and recorded: EXIF orientation applied (1,100), palette expanded (3)

  Skipped 7 sources (6 image.truncated, 1 source.vanished):
    0\xff.jpg: It ends.
    1\xff.jpg: It ends.
    2\xff.jpg: It ends.
    3\xff.jpg: It ends.
    4\xff.jpg: It ends.
    and 2 more, all in my photos\xff/.nfold/skipped.jsonl
    What helps with image.truncated: Fetch\x1b it.

  6 copies are missing, since the recipe gives no more distinct pictures of 2 sources:
    blank.png: 1 short
    white.png: 5 short
    (pictures of one colour or of a few pixels have no more to give; nor have recipes of flips alone)

  2 training pictures related to a picture in validation or test:
    train/a.jpg has the bytes of val/a.jpg (already so in the input)
    train/c_aug1.jpg is val/b.jpg (not so in the input)

  1,200 pairs of like pictures kept in one split by --group-similar:
    a\x1b.jpg and b.jpg: 0 of 64 bits apart
    a\x1b.jpg and c.jpg: 3 of 64 bits apart
    and 1,198 more; --json has them

  Left in place, since somebody changed them: a_aug9.jpg

  In the way and kept as: .nfold/replaced/b_aug1.jpg

  3 files no longer asked for, left in place by --keep-removed

Next:  nfold verify 'TARGET'
       nfold explain 'TARGET' FILE
       mend what is named above and run the same command: only the difference is written
"""


def test_a_summary_with_everything_in_it() -> None:
    assert expansion_summary(FULL) == FULL_TEXT.replace("TARGET", FULL.target)


def test_a_summary_with_nothing_in_it_is_short() -> None:
    assert expansion_summary(BARE) == (
        "1 image became 2: 1 original + 1 copy in out\n"
        "  900 bytes became 2.1 kB; 2 files written in 0.5 s\n"
        "  recipe light, seed 0, read as folder (images without labels in one folder)\n"
        "\n"
        "Next:  nfold verify out\n"
        "       nfold explain out FILE\n"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"written": 0}, "everything was there already, nothing was written, in 0.5 s"),
        ({"written": 0, "removed": 1}, "0 files written, 1 file removed in 0.5 s"),
        ({"originals": 0, "copies": 3}, "1 image became 2: 3 copies in out"),
        (
            {"short_count": 9, "short": {f"{n}": 1 for n in range(9)}, "copies_missing": 9},
            "    and 4 more; --json has them\n",
        ),
        ({"short_count": 1, "short": {"a": 1}, "copies_missing": 1}, "  1 copy is missing, since"),
        ({"target": "it's"}, """Next:  nfold verify 'it'"'"'s'\n"""),
    ],
)
def test_each_case_has_its_words(changes: dict[str, Any], words: str) -> None:
    assert words in expansion_summary(replace(BARE, **changes))


def test_many_classes_are_cut_off() -> None:
    classes = tuple(ClassReport(split=None, category=f"c{n:02}", before=1, after=2, planned=2) for n in range(22))
    text = expansion_summary(replace(BARE, classes=classes))
    assert "c19" in text
    assert "c20" not in text
    assert "  and 2 more classes; --json has them all\n" in text


PLAN = PlanSummary(
    format="folder (images without labels in split folders)",
    recipe="light",
    sources=3,
    files=7,
    classes=(
        PlannedClass(split="train", category=None, before=2, after=6),
        PlannedClass(split="val", category=None, before=1, after=1),
    ),
    objects=(),
    balanced=(),
    losses={},
    notes=(),
    bytes_estimate=7_000,
    already_there=4,
    passed_over={"hidden": 1},
    passed_over_examples={"hidden": ".git"},
)


def test_a_plan_says_what_would_be_and_that_nothing_was_written() -> None:
    assert plan_summary(PLAN) == (
        "3 images would become 7, roughly 7.0 kB\n"
        "  recipe light, read as folder (images without labels in split folders)\n"
        "  4 images there already; only the difference would be written\n"
        "\n"
        "  split  before  after\n"
        "  train       2      6\n"
        "  val         1      1\n"
        "\n"
        "  Passed over: hidden (1: .git)\n"
        "\n"
        "Nothing was written.\n"
    )


def test_a_plan_says_what_to_know_about_the_labels() -> None:
    assert "  Note: Left and right stay.\n" in plan_summary(replace(PLAN, notes=("Left and right stay.",)))


def test_classes_that_some_pictures_lack_are_said_to_be_lacking() -> None:
    plan = replace(
        PLAN,
        classes=(
            PlannedClass(split="train", category="cat", before=2, after=6),
            PlannedClass(split=None, category=None, before=1, after=1),
        ),
    )
    assert "  train              cat       2      6\n  (no split)  (no class)       1      1\n" in plan_summary(plan)


def test_each_hint_is_printed_once_and_no_reason_is_left_without_its_own() -> None:
    def skip(code: str, hint: str | None, number: int) -> SkipRow:
        return SkipRow(source=f"{number}.jpg", code=code, message="It is so.", hint=hint)

    skipped = (
        *(skip("labels.bad_box", "Mend it.", number) for number in range(4)),
        skip("labels.bad_box", "Take it out.", 4),
        skip("labels.bad_box", "Too far down to be told.", 5),
        skip("labels.bad_polygon", "Mend it.", 6),
        skip("source.vanished", "Put it back.", 7),
        skip("sample", None, 8),
    )
    report = replace(BARE, skipped=skipped, skipped_count=9, skipped_by_code={"labels.bad_box": 9})
    told = [line for line in expansion_summary(report).splitlines() if "What helps" in line]
    assert told == [
        "    What helps with labels.bad_box, labels.bad_polygon: Mend it.",
        "    What helps with labels.bad_box: Take it out.",
        "    What helps with source.vanished: Put it back.",
    ]
