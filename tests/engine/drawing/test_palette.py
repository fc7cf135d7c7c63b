from __future__ import annotations

import itertools

import numpy as np
import pytest

from nfold.drawing.palette import (
    DARK,
    FIRST_COLOURS,
    LEFT,
    LIGHT,
    MIDDLE,
    NO_CLASS,
    RIGHT,
    class_colour,
    contrasting,
    luminance,
    object_colour,
)

# Machado, Oliveira and Fernandes (2009), severity 1: what is seen with red, green and blue blindness.
EYES = {
    "all colours": np.eye(3),
    "no red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "no blue": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def seen(colours: list[tuple[int, int, int]], eye: str) -> np.ndarray:
    """Colours as OKLab, where distances are about as large as they look."""
    share = np.array(colours) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ EYES[eye].T, 0, 1)
    to_cones = np.array(
        [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]]
    )  # fmt: skip
    to_lab = np.array(
        [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]]
    )  # fmt: skip
    return np.cbrt(linear @ to_cones.T) @ to_lab.T


def nearest(colours: list[tuple[int, int, int]], eye: str) -> float:
    points = seen(colours, eye)
    return min(float(np.linalg.norm(one - other)) for one, other in itertools.combinations(points, 2))


@pytest.mark.parametrize("eye", EYES)
def test_the_first_twelve_classes_are_told_apart_by_every_eye(eye: str) -> None:
    # 0.02 is about the least difference that is noticed side by side.
    assert nearest([class_colour(index) for index in range(12)], eye) > 0.07


@pytest.mark.parametrize("eye", EYES)
def test_left_right_and_middle_are_told_apart_by_every_eye(eye: str) -> None:
    assert nearest([LEFT, RIGHT, MIDDLE], eye) > 0.1


def test_two_dozen_classes_are_told_apart() -> None:
    assert nearest([class_colour(index) for index in range(24)], "all colours") > 0.04


def test_hundreds_of_classes_have_colours_and_neighbours_never_the_same() -> None:
    colours = [class_colour(index) for index in range(1000)]
    assert len(set(colours[:200])) == 200
    assert all(0 <= value <= 255 for colour in colours for value in colour)
    assert all(one != other for one, other in itertools.pairwise(colours))


def test_later_colours_are_about_equally_light() -> None:
    lightness = seen([class_colour(index) for index in range(len(FIRST_COLOURS), 200)], "all colours")[:, 0]
    assert lightness.max() - lightness.min() < 0.1


def test_a_colour_depends_on_nothing_but_the_place() -> None:
    assert [class_colour(index) for index in (11, 500, 3)] == [class_colour(index) for index in (11, 500, 3)]
    assert class_colour(0) == FIRST_COLOURS[0]


def test_no_class_and_places_that_are_none_have_a_colour_too() -> None:
    assert class_colour(None) == NO_CLASS
    assert len(class_colour(-3)) == len(class_colour(10**12)) == 3


def test_objects_that_are_neighbours_by_number_look_different() -> None:
    assert all(object_colour(number) != object_colour(number + 1) for number in range(1, 500))


@pytest.mark.parametrize("colour", [class_colour(index) for index in range(60)])
def test_letters_and_casings_stand_out_against_the_colour(colour: tuple[int, int, int]) -> None:
    other = contrasting(colour)
    low, high = sorted((luminance(colour), luminance(other)))
    assert other in (DARK, LIGHT)
    assert (high + 0.05) / (low + 0.05) >= 4.2
