from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats.yolo.yaml import compose_yaml, kind_of, pairs_of, scalar_of, whole_of, with_entries

BLOCK = """\
# Our data
path: ../datasets/mine  # dataset root dir
train: images/train # some
val:
  - images/val
  - images/more
# the classes
names:
  0: 'no'
  1: dog
download: |
  echo hello
"""


def test_path_goes_and_folders_change_while_all_else_stays() -> None:
    text = with_entries("data.yaml", BLOCK, {"train": ["a b/train"], "val": ["x", "y"]})
    assert text == BLOCK.replace("path: ../datasets/mine  # dataset root dir\n", "").replace(
        "train: images/train #", 'train: "a b/train" #'
    ).replace("val:\n  - images/val\n  - images/more", "val: [x, y]")
    assert yaml.safe_load(text)["train"] == "a b/train"


@pytest.mark.parametrize(
    "text",
    [
        "{path: /x, train: a, val: b, names: [cat]}",
        "names: [cat]\ntrain: a\nval: b\npath: /x",
        "names: [cat]\r\npath: /x\r\ntrain: a\r\nval: b\r\n",
        "---\nnames: [cat]\n'path': /x\n\"train\": a\nval: [b]\n",
        "names: [cat]\npath: |\n  /x\ntrain: >\n  a\nval: b\n",
        "names: [cat]\npath: &p /x\ntrain: a\nval: b\n",
        "names: [cat]\ntrain: &a a\nval: b\n",
        "anchor: &a a\nnames: [cat]\ntrain: *a\nval: b\npath: x\n",
    ],
)
def test_every_style_of_yaml_is_edited(text: str) -> None:
    new = yaml.safe_load(with_entries("data.yaml", text, {"train": ["new/train"], "val": ["new/val"]}))
    assert not new.get("path")
    assert (new["train"], new["val"], new["names"]) == ("new/train", "new/val", ["cat"])


def test_an_anchor_that_is_needed_elsewhere_is_an_error() -> None:
    with pytest.raises(InputError, match="line 4") as caught:
        with_entries("data.yaml", "names: [cat]\ntrain: &a a\nval: *a\nextra: *a\n", {"train": ["b"], "val": ["b"]})
    assert "anchors" in (caught.value.hint or "")


def test_values_are_taken_as_written() -> None:
    values = dict(pairs_of(compose_yaml("a", "yes: no\nnothing: ~\nempty:\nnumber: 1.0\nlist: [1]")))
    assert scalar_of(values["yes"]) == "no"
    assert scalar_of(values["nothing"]) is None
    assert scalar_of(values["empty"]) is None
    assert whole_of("a", "number", values["number"]) == 1
    assert kind_of(values["list"]) == "sequence"
    assert kind_of(None) is None


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\0", "[" * 100, "a: &a [" + "*a," * 300_000])
def test_what_is_no_yaml_is_an_error_with_the_name_of_the_file(text: str) -> None:
    with pytest.raises(InputError, match=r"data\.yaml"):
        compose_yaml("data.yaml", text)


def test_the_limits_are_told_apart() -> None:
    with pytest.raises(InputError, match="more than 200,000 keys and values"):
        compose_yaml("data.yaml", "[" + "a," * 200_001 + "]")
    with pytest.raises(InputError, match="more than 32 levels deep"):
        compose_yaml("data.yaml", "[" * 40)


@pytest.mark.parametrize("text", ["1.5", "x", "-", "99999999999", "", "٣", "[1]"])
def test_what_is_no_whole_number_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(InputError, match=r"data\.yaml, line 1"):
        whole_of("data.yaml", "nc", compose_yaml("data.yaml", text or "''"))


@given(st.text(alphabet="abc:-[]{}&*'\"|>#\n 01/,?!", max_size=60))
def test_any_text_is_edited_or_refused(text: str) -> None:
    try:
        new = with_entries("data.yaml", f"{text}\ntrain: a\npath: b\n", {"train": ["c"]})
    except InputError:
        return
    assert isinstance(new, str)
