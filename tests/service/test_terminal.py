"""The command line and the call that the page shows do the same: they are read back by those who read them."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from nfold.request import make_request
from nfold_cli.options import EXPAND_OPTIONS
from nfold_cli.parser import make_parser
from nfold_service.models import Job
from nfold_service.terminal import command_line, curl_call

OWN = {"augment": [{"HorizontalFlip": {"p": 0.5}}]}
REQUESTS: tuple[dict[str, Any], ...] = (
    {"copies": 5, "recipe": "flip-rotate", "seed": 7},
    {"per_class": 40, "recipe": "light", "seed": 0, "splits": ["train", "val"]},
    {"copies": 1, "seed": 3, "rebuild": True, "balance": False, "format": None},
    {"class_copies": {"a cat": 3, "dog": 0}, "include": ["*.jpg", "it's/*"], "exclude": ["$HOME/`id`"]},
    {"copies": 0, "group": "-(\\d+)-", "split": "80/10/10", "name": "{stem} {copy}{ext}"},
)


@pytest.mark.parametrize("asked", REQUESTS)
def test_the_command_line_reads_it_as_it_was_asked(asked: dict[str, Any]) -> None:
    words = shlex.split(command_line(asked))
    assert words[:4] == ["nfold", "expand", "FOLDER", "OUTPUT"]
    read = make_parser().parse_args(words[1:])
    given = {option.field: getattr(read, option.field) for option in EXPAND_OPTIONS if hasattr(read, option.field)}
    paths = {"source": read.source, "target": read.target}
    assert make_request(**given, **paths) == make_request(**asked, **paths)


def test_a_recipe_of_ones_own_is_a_file() -> None:
    assert command_line({"recipe": OWN, "copies": 2}).endswith("--recipe recipe.yaml --copies 2")


def test_the_call_has_the_whole_request_and_survives_the_shell() -> None:
    hostile = {"copies": 5, "recipe": {"name": 'it\'s "mine"; rm -rf $HOME `id`', "augment": []}}
    job = Job.model_construct(dataset="ds_0", request=hostile)
    words = shlex.split(curl_call(job, "https://nfold.example:8443", has_key=False))
    assert words[:4] == ["curl", "-X", "POST", "https://nfold.example:8443/v1/expansions"]
    assert json.loads(words[words.index("-d") + 1]) == {"dataset": "ds_0", **hostile}
    assert "X-API-Key" not in " ".join(words)
    assert '-H "X-API-Key: $NFOLD_API_KEY"' in curl_call(job, "http://a", has_key=True)
    assert shlex.split(curl_call(job, "http://a;id", has_key=False))[3] == "http://a;id/v1/expansions"
