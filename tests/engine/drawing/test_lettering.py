from __future__ import annotations

from collections.abc import Iterator

import PIL.Image
import PIL.ImageDraw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.drawing import lettering
from nfold.drawing.lettering import distinct_names, drawable, font_of, shortened, width_of, wrapped

ODD = [
    "",
    "日本の船",
    "سفينة",
    "ספינה",
    "🚢 emoji 👩‍👩‍👧",
    "\udcff\ud800",
    "two\nlines\tand\x00more",
    "e\u0301\u202eabc",
    "\U0010ffff\ue000",
    "x" * 5000,
]


@pytest.fixture(params=["a system font", "Pillow's own font"])
def any_font(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Everything below also holds on a machine without fonts."""
    if request.param == "Pillow's own font":
        monkeypatch.setattr(lettering, "_FONTS", ())
    font_of.cache_clear()
    lettering._drawable_letter.cache_clear()
    yield request.param
    font_of.cache_clear()
    lettering._drawable_letter.cache_clear()


def draw(text: str, size: int = 13) -> PIL.Image.Image:
    picture = PIL.Image.new("L", (400, 60))
    PIL.ImageDraw.Draw(picture).text((5, 5), text, fill=255, font=font_of(size))
    return picture


@pytest.mark.usefixtures("any_font")
@pytest.mark.parametrize("text", ODD)
def test_any_text_can_be_drawn_on_one_line(text: str) -> None:
    shown = drawable(text)
    assert not {"\n", "\t", "\x00"} & set(shown)
    assert len(shown) <= 403
    draw(shown)


@given(st.text(st.characters(), max_size=30))
def test_no_character_at_all_makes_it_fail(text: str) -> None:
    draw(drawable(text))
    assert width_of(shortened(drawable(text), 13, 50), 13) <= 50 or len(shortened(drawable(text), 13, 50)) <= 3


@pytest.mark.usefixtures("any_font")
def test_what_the_font_lacks_is_a_placeholder_that_is_seen() -> None:
    shown = drawable("日本")
    assert shown in ("\N{WHITE SQUARE}" * 2, "??", "日本")
    assert draw(shown).getbbox() is not None


@pytest.mark.usefixtures("any_font")
def test_an_accent_is_given_up_before_its_letter() -> None:
    assert drawable("éà") in ("éà", "ea")


def test_marks_that_turn_the_direction_of_text_are_left_out() -> None:
    assert drawable("a\u202eb\u200fc") == "abc"


def test_plain_text_stays() -> None:
    assert drawable("Tree crown, 12.5 % (dead)") == "Tree crown, 12.5 % (dead)"


@given(text=st.text("abcdefghij klmno", max_size=80), room=st.floats(0, 300))
def test_a_shortened_text_fits_or_is_next_to_nothing(text: str, room: float) -> None:
    short = shortened(text, 13, room)
    assert width_of(short, 13) <= max(room, 13)
    if width_of(text, 13) <= room:
        assert short == text


def test_a_name_loses_its_middle_and_keeps_both_ends() -> None:
    short = shortened("car-seen-from-behind-left", 13, 100)
    assert short.startswith("car")
    assert short.endswith("left")
    assert len(short) < 25


def test_wrapping_keeps_every_word_in_order() -> None:
    text = "Rotate: turned 12.3 degrees clockwise, then HorizontalFlip and GaussNoise"
    lines = wrapped(text, 13, 150)
    assert " ".join(lines) == text
    assert len(lines) > 2
    assert all(width_of(line, 13) <= 150 for line in lines)
    assert wrapped("", 13, 100) == [""]


def test_a_word_longer_than_the_line_is_shortened() -> None:
    assert all(width_of(line, 13) <= 60 for line in wrapped("a " + "x" * 100 + " b", 13, 60))


def test_names_that_look_the_same_get_their_number() -> None:
    names = distinct_names(["cat", "\ud800", "\ud801", "dog", ""])
    assert names[0] == "cat"
    assert names[3] == "dog"
    assert names[4] == "(no name)"
    assert names[1].endswith(" #1")
    assert names[2].endswith(" #2")
    assert len(set(names)) == 5
