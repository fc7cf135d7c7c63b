from __future__ import annotations

import argparse
import contextlib
import io
import types
import typing
from typing import Any, Literal
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.errors import UsageError
from nfold.request import LARGEST_COPIES, ExpansionRequest, make_request
from nfold_cli.main import USAGE, main
from nfold_cli.options import EXPAND_OPTIONS
from nfold_cli.parser import make_parser

FIELDS = ExpansionRequest.model_fields
BY_FIELD = {option.field: option for option in EXPAND_OPTIONS}


def parser_of_expand() -> argparse.ArgumentParser:
    return make_parser().of_command("expand")


def choices_of(annotation: Any) -> tuple[str, ...] | None:
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    parts = (
        typing.get_args(annotation)
        if typing.get_origin(annotation) in (typing.Union, types.UnionType)
        else [annotation]
    )
    literals = [part for part in parts if typing.get_origin(part) is Literal]
    return tuple(str(value) for value in typing.get_args(literals[0])) if literals else None


def kinds_in(annotation: Any) -> set[Any]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return {kind for part in typing.get_args(annotation) for kind in kinds_in(part)}
    return {typing.get_origin(annotation) or annotation}


def test_there_is_an_option_for_each_field_and_a_field_for_each_option() -> None:
    assert {"source", "target", *BY_FIELD} == set(FIELDS)
    assert len(BY_FIELD) == len(EXPAND_OPTIONS)


@pytest.mark.parametrize("option", EXPAND_OPTIONS, ids=lambda option: option.field)
class TestEachOption:
    def test_its_help_is_the_description_of_the_field(self, option: Any) -> None:
        assert option.help == FIELDS[option.field].description

    def test_its_choices_are_those_of_the_field(self, option: Any) -> None:
        assert option.choices == choices_of(FIELDS[option.field].annotation)

    def test_it_is_a_switch_when_the_field_is_yes_or_no(self, option: Any) -> None:
        assert (option.metavar is None) == (kinds_in(FIELDS[option.field].annotation) == {bool})

    def test_it_stands_in_the_help_under_its_name(self, option: Any) -> None:
        assert option.flag == "--" + option.field.replace("_", "-")
        actions = {action.dest: action for action in parser_of_expand()._actions}
        action = actions[option.field]
        assert action.help == option.help
        assert option.flag in action.option_strings
        assert action.default == argparse.SUPPRESS, "the defaults are the request's own"


def test_places_are_described_as_their_fields_are() -> None:
    actions = {action.dest: action for action in parser_of_expand()._actions}
    for name in ("source", "target"):
        assert actions[name].help == FIELDS[name].description


def test_beside_them_there_are_only_options_about_the_output_of_the_command_and_a_service() -> None:
    actions = {action.dest for action in parser_of_expand()._actions}
    assert actions - set(FIELDS) == {"help", "json", "dry_run", "quiet", "service", "key_file"}


COUNTS = st.integers(1, LARGEST_COPIES)
WORDS = st.text("ab -=,*{}é/'\"\n", min_size=1, max_size=8)
WISHES = st.one_of(
    st.fixed_dictionaries({"copies": st.integers(0, LARGEST_COPIES)}),
    st.fixed_dictionaries({"total": COUNTS}),
    st.fixed_dictionaries({"per_class": COUNTS}),
    st.just({"balance": True}),
    st.fixed_dictionaries(
        {"class_copies": st.dictionaries(st.sampled_from(["cat", "a=b", "é -x"]), COUNTS, min_size=1)},
        optional={"copies": COUNTS},
    ),
)
OTHERS = st.fixed_dictionaries(
    {},
    optional={
        "recipe": st.sampled_from(["light", "my recipe.yaml", "-odd"]),
        "seed": st.integers(0, 2**64 - 1),
        "format": st.sampled_from(["folder", "class-folders"]),
        "split": st.sampled_from(["80/10/10", "90/10"]),
        "splits": st.lists(st.sampled_from(["train", "val", "test"]), min_size=1, max_size=3).map(tuple),
        "originals": st.sampled_from(["copy", "link", "none"]),
        "name": st.sampled_from(["{stem}-{copy}{ext}", "-{stem}-{copy}{ext}", "{class}/{stem} {copy}{ext}"]),
        "include": st.lists(WORDS, min_size=1, max_size=3).map(tuple),
        "exclude": st.lists(WORDS, min_size=1, max_size=3).map(tuple),
        "max_pixels": st.integers(1, 2**30),
        "damaged": st.sampled_from(["skip", "keep"]),
        "keep_removed": st.just(True),
        "workers": st.integers(1, 256),
    },
)
MODES = st.sampled_from([{}, {"rebuild": True}, {"allow_mixed": True}])


def as_words(options: dict[str, Any], *, joined: bool) -> list[str]:
    """The options as somebody would type them."""
    words: list[str] = []
    for field, value in options.items():
        option = BY_FIELD[field]
        values = list(value) if option.repeats else [value]
        for one in values:
            text = str(one)
            if field == "class_copies":
                text = ",".join(f"{name}={count}" for name, count in one.items())
            elif field == "splits":
                text = ",".join(one)
            if one is True:
                words.append(option.flag)
            elif joined or text.startswith("-"):
                words.append(f"{option.flag}={text}")
            else:
                words += [option.flag, text]
    return words


def request_of(arguments: list[str]) -> ExpansionRequest:
    """What a command line asks of the engine."""
    asked: list[ExpansionRequest] = []

    def expand(source: str, target: str, **options: Any) -> None:
        options.pop("observe")
        asked.append(make_request(source=source, target=target, **options))
        raise UsageError("far enough")

    with patch("nfold.api.expand", expand), contextlib.redirect_stderr(io.StringIO()):
        code = main(arguments)
    assert (code, len(asked)) == (USAGE, 1)
    return asked[0]


@settings(deadline=None)
@given(wish=WISHES, others=OTHERS, mode=MODES, grouped=st.booleans(), joined=st.booleans(), last=st.booleans())
def test_a_request_as_text_equals_the_request_in_python(
    wish: dict[str, Any], others: dict[str, Any], mode: dict[str, Any], grouped: bool, joined: bool, last: bool
) -> None:
    options = {**wish, **others, **mode}
    if grouped and "split" in options:
        options["group"] = r"^(\w+)-"
        options["group_similar"] = 3
    words = as_words(options, joined=joined)
    places = ["my photos", "out"]
    arguments = ["expand", *words, "--", *places] if last else ["expand", *places, *words]
    assert request_of(arguments) == make_request(source="my photos", target="out", **options)


def test_a_count_may_be_short_and_wear_a_letter() -> None:
    assert request_of(["expand", "a", "b", "-n", "5", "--max-pixels", "2.5M"]) == make_request(
        source="a", target="b", copies=5, max_pixels=2_500_000
    )
    assert request_of(["expand", "a", "b", "-n5"]).copies == 5


def test_the_last_word_counts_when_an_option_is_given_twice() -> None:
    assert request_of(["expand", "a", "b", "--seed", "1", "-n", "2", "--seed", "3"]).seed == 3


def test_two_dashes_may_be_a_value() -> None:
    assert request_of(["expand", "a", "b", "-n", "1", "--include=--", "--include", "x"]).include == ("--", "x")
