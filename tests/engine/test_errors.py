from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

import nfold.errors as errors_module
from nfold.errors import (
    DiskError,
    ImageError,
    InputError,
    InvalidRecipeError,
    MissingExtraError,
    MissingFileError,
    NfoldError,
    OutputError,
    Problem,
    UnknownNameError,
    UsageError,
    did_you_mean,
)


def subclasses(kind: type[NfoldError]) -> Iterator[type[NfoldError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from subclasses(child)


KINDS = sorted(
    {kind for kind in subclasses(NfoldError) if kind.__module__ == "nfold.errors"}, key=lambda kind: kind.__name__
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_crosses_a_process_border_with_hint_and_code(kind: type[NfoldError]) -> None:
    for error in (kind("It failed: é\udcff.", hint="Do this.", code="a.finer.code"), kind("It failed.")):
        back = pickle.loads(pickle.dumps(error))
        assert type(back) is kind
        assert (back.message, back.hint, back.stable_code) == (error.message, error.hint, error.stable_code)
        assert str(back) == str(error) == error.message


def test_the_problems_of_a_recipe_cross_it_too() -> None:
    problems = (Problem(pointer="/augment/0", message="m", hint="h"), Problem(pointer="", message="n"))
    assert pickle.loads(pickle.dumps(InvalidRecipeError("x", problems=problems))).problems == problems


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert len(codes) > 15


def test_a_finer_code_goes_before_that_of_the_class() -> None:
    assert ImageError("x").stable_code == "image.corrupt"
    assert ImageError("x", code="image.truncated").stable_code == "image.truncated"


@pytest.mark.parametrize(
    ("kind", "resembles"),
    [
        (UsageError, ValueError),
        (UnknownNameError, LookupError),
        (InputError, OSError),
        (OutputError, OSError),
        (DiskError, OSError),
        (MissingFileError, FileNotFoundError),
        (MissingExtraError, ImportError),
    ],
)
def test_each_is_also_the_built_in_kind_it_resembles(kind: type[NfoldError], resembles: type[Exception]) -> None:
    with pytest.raises(resembles, match=r"^what happened$"):
        raise kind("what happened")


def test_the_tree_in_the_docstring_names_each_error() -> None:
    assert all(kind.__name__ in (errors_module.__doc__ or "") for kind in KINDS)


def test_an_unknown_name_hints_at_the_nearest_or_lists_all() -> None:
    assert UnknownNameError.among("recipe", "Ligth", ["light", "strong"]).hint == "Did you mean 'light'?"
    assert UnknownNameError.among("recipe", "zzz", ["light", "a"]).hint == "Known: a, light."
    assert did_you_mean("ROTATE", ["Rotate", "Blur"]) == "Did you mean 'Rotate'?"
    assert did_you_mean("x", []) is None


def test_a_missing_extra_says_the_command_to_run() -> None:
    error = MissingExtraError.for_feature("the 'ray' executor", "ray")
    assert error.hint == "pip install 'nfold[ray]'"
