from __future__ import annotations

import json
from importlib.resources import files

import pytest

from nfold.recipe.measure.capabilities import measure_capabilities
from nfold.recipe.measure.table import describe_transforms

SHIPPED = json.loads(files("nfold.recipe").joinpath("catalogue.json").read_text(encoding="utf-8"))
DESCRIBED = describe_transforms()


def test_the_shipped_arguments_are_those_of_the_installed_library() -> None:
    shipped = {
        name: {key: value for key, value in entry.items() if key != "capabilities"}
        for name, entry in SHIPPED["transforms"].items()
    }
    assert json.loads(json.dumps(DESCRIBED)) == shipped


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED["transforms"])
def test_the_shipped_capabilities_can_be_measured_again(name: str) -> None:
    measured = measure_capabilities(name, DESCRIBED[name]["kind"], DESCRIBED[name]["arguments"])
    assert measured == SHIPPED["transforms"][name]["capabilities"]
