from __future__ import annotations

import pytest

from nfold.recipe import catalogue
from nfold.recipe.constants import CONSTANTS_OF_ARGUMENT
from nfold.recipe.values import check_value

ENTRIES = catalogue().entries


def test_it_was_measured_with_the_version_that_is_pinned() -> None:
    assert catalogue().albumentations == "2.0.8"
    assert len(ENTRIES) == 100


def test_no_name_is_both_known_and_excluded() -> None:
    assert not set(ENTRIES) & set(catalogue().excluded)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_default_fits_its_own_schema_and_numbers_are_bounded(name: str) -> None:
    assert "p" in ENTRIES[name].arguments
    for argument, schema in ENTRIES[name].arguments.items():
        if "default" in schema:
            assert check_value(schema["default"], schema, argument) == []
        assert check_value(10**9, schema, argument), f"{argument} takes any number"


def test_constants_are_named() -> None:
    for entry in ENTRIES.values():
        for argument in CONSTANTS_OF_ARGUMENT.keys() & entry.arguments.keys():
            assert isinstance(entry.arguments[argument]["default"], str | dict)


def test_the_known_weaknesses_are_in_the_table() -> None:
    def measured(name: str) -> object:
        capabilities = ENTRIES[name].capabilities
        assert capabilities is not None
        return capabilities

    grey_fails = {name for name, entry in ENTRIES.items() if entry.capabilities and not entry.capabilities.grey}
    assert grey_fails == {
        "ChannelDropout", "ChromaticAberration", "HEStain", "HueSaturationValue", "ISONoise", "PlanckianJitter",
        "RandomFog", "RandomGravel", "RandomRain", "RandomSnow", "RandomSunFlare", "Spatter", "ToGray",
    }  # fmt: skip
    loses = {name for name, entry in ENTRIES.items() if entry.capabilities and entry.capabilities.float_loss}
    assert loses == {
        "AutoContrast", "CLAHE", "ChromaticAberration", "Downscale", "Equalize", "HueSaturationValue",
        "ImageCompression", "MedianBlur", "Posterize", "RandomFog", "RandomGravel", "RandomRain", "RandomShadow",
        "RandomSnow", "RandomSunFlare", "RandomToneCurve", "ShotNoise", "Superpixels",
    }  # fmt: skip
    assert measured("Rotate")
