from __future__ import annotations

import contextlib

import defusedxml.ElementTree
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.formats.voc import xml as voc_xml
from nfold.formats.voc.xml import Edit, Node, VocXmlError, applied, escaped, parse_xml, with_text, without

names = st.sampled_from(["a", "b", "xmin", "größe"])
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8).map(escaped)
leaves = st.one_of(
    names.map(lambda name: f"<{name}/>"),
    names.map(lambda name: f"<{name} k='1>2' />"),
    st.builds(lambda name, text: f'<{name} k="/>">{text}</{name}\n>', names, texts),
    st.just("<!-- <a> -->"),
    st.just("<a><![CDATA[<b/>]]></a>"),
)
trees = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>", names, st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)


def everything(node: Node) -> list[Node]:
    return [node, *(deeper for child in node.children for deeper in everything(child))]


@given(trees.filter(lambda tree: not tree.startswith("<!--")), st.sampled_from(["utf-8", "utf-16"]))
def test_each_element_knows_its_place_and_its_text_as_another_parser_sees_it(tree: str, encoding: str) -> None:
    text = parse_xml(tree.encode(encoding))
    expected = list(defusedxml.ElementTree.fromstring(tree.encode()).iter())
    for node, element in zip(everything(text.root), expected, strict=True):
        assert node.tag == element.tag
        alone = defusedxml.ElementTree.fromstring(text.data[node.start : node.end])
        assert "".join(alone.itertext()) == "".join(element.itertext())


@given(trees.filter(lambda tree: not tree.startswith("<!--")), texts, st.integers(0, 11))
def test_words_can_be_put_into_any_element(tree: str, words: str, which: int) -> None:
    text = parse_xml(tree.encode())
    nodes = everything(text.root)
    number = which % len(nodes)
    changed = defusedxml.ElementTree.fromstring(applied(text, [with_text(text, nodes[number], words)]))
    assert ("".join(list(changed.iter())[number].itertext())) == words


def test_an_element_is_taken_out_with_the_space_before_it_and_nothing_else() -> None:
    text = parse_xml(b"<a>\n  <b>1</b>\n  <b>2</b>\n</a>\n")
    assert applied(text, [without(text, text.root.children[0])]) == b"<a>\n  <b>2</b>\n</a>\n"


def test_without_an_edit_every_byte_stays() -> None:
    stored = '﻿<?xml version="1.0"?>\r\n<a  x = "1"><!-- é --><b></b>\r\n</a>'.encode()
    assert applied(parse_xml(stored), []) == stored


def test_of_two_edits_that_overlap_the_first_counts() -> None:
    text = parse_xml(b"<a><b>1</b></a>")
    assert applied(text, [Edit(start=6, end=7, text="2"), Edit(start=3, end=11)]) == b"<a></a>"


def test_an_encoding_that_the_file_declares_is_read_and_kept() -> None:
    stored = '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1")
    text = parse_xml(stored)
    assert text.root.text == "é"
    assert applied(text, [with_text(text, text.root, "éя")]).endswith(b"<a>\xe9&#1103;</a>")


@pytest.mark.parametrize(
    ("stored", "code", "line"),
    [
        (b"", "labels.unreadable", 1),
        (b"<a>\n<b>\n</a>", "labels.unreadable", 3),
        (b"<a>\n&nothing;</a>", "labels.unreadable", 2),
        (b"<a>\n\x00</a>", "labels.unreadable", 2),
        (b"<a/>\n<a/>", "labels.unreadable", 2),
        (b"<a>\n\n\xff</a>", "labels.encoding", 3),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', "labels.encoding", 1),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "labels.encoding", 1),
        (b'<?xml version="1.0" encoding="rot13"?><a/>', "labels.encoding", 1),
        (b'<?xml version="1.0" encoding="gbk"?>\n<a>\xff\xff</a>', "labels.encoding", 2),
        (b"<a>" * 200, "labels.too_large", 1),
    ],
)
def test_what_cannot_be_read_says_why_and_in_which_line(stored: bytes, code: str, line: int) -> None:
    with pytest.raises(VocXmlError) as caught:
        parse_xml(stored)
    assert caught.value.code == code
    assert f"(line {line})" in caught.value.message


def test_bombs_are_refused() -> None:
    lol = "".join(f'<!ENTITY l{n} "&l{n - 1};&l{n - 1};&l{n - 1};">' for n in range(1, 30))
    with pytest.raises(VocXmlError, match="entities"):
        parse_xml(f'<!DOCTYPE a [<!ENTITY l0 "lol">{lol}]><a>&l29;</a>'.encode())
    with pytest.raises(VocXmlError, match=r"refused|undefined"):
        parse_xml(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>')


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voc_xml, "_MOST_ELEMENTS", 10)
    with pytest.raises(VocXmlError, match="more than 10 elements"):
        parse_xml(b"<a>" + b"<b/>" * 11 + b"</a>")
    monkeypatch.setattr(voc_xml, "MOST_LABEL_BYTES", 10)
    with pytest.raises(VocXmlError, match="the limit is 10"):
        parse_xml(b"<a>          </a>")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(stored: bytes) -> None:
    for data in (stored, b"<annotation>" + stored + b"</annotation>"):
        with contextlib.suppress(VocXmlError):
            parse_xml(data)


@given(st.text(max_size=20))
def test_any_text_can_be_escaped(words: str) -> None:
    assert defusedxml.ElementTree.fromstring(f"<a>{escaped(words)}</a>".encode("utf-8", "replace")) is not None
