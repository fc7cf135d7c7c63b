"""Markup: closed, escaped, encodable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.contrast.report.markup import join, name, raw, tag, text
from tests.engine.contrast.parsing import parse


@given(st.text(st.characters(exclude_characters="\r"), max_size=30))
def test_any_text_comes_back_as_plain_text_in_one_element_and_can_be_encoded(value: str) -> None:
    markup = tag("p", value, title=value)
    markup.encode("utf-8")
    paragraph = parse(markup).one("p")
    assert all(isinstance(child, str) for child in paragraph.children)
    if value.isprintable():
        assert paragraph.text == value
        assert paragraph.attributes == {"title": value}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ('a & b\'s "c"', "a &amp; b&#x27;s &quot;c&quot;"),
        ("broken\udcff.jpg", "broken\\udcff.jpg"),
        ("bell\x07", "bell\\x07"),
        ("photo\u202egpj.exe", "photo\\u202egpj.exe"),
        ("עברית.jpg", "עברית.jpg"),
        ("👩\u200d🚀.png", "👩\u200d🚀.png"),
    ],
)
def test_a_hostile_name_is_shown_and_does_nothing(value: str, shown: str) -> None:
    assert text(value) == shown


def test_a_name_has_a_direction_of_its_own() -> None:
    assert name("עברית") == "<bdi>עברית</bdi>"


def test_attributes_are_spelled_as_html_does() -> None:
    markup = tag(
        "svg", class_="chart", aria_label='"', viewBox="0 0 1 1", hidden=True, open=False, title=None, tabindex=0
    )
    assert markup == '<svg class="chart" aria-label="&quot;" viewBox="0 0 1 1" hidden tabindex="0"></svg>'


def test_markup_is_not_escaped_again_and_nothing_is_left_out_quietly() -> None:
    assert tag("p", tag("b", "a<"), None, " ", raw("&hellip;")) == "<p><b>a&lt;</b> &hellip;</p>"
    assert join("<", tag("i", "x"), between=", ") == "&lt;, <i>x</i>"


def test_what_has_no_content_is_not_closed() -> None:
    assert tag("col", class_="epoch") == '<col class="epoch">'
