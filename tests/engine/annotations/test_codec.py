"""Labels in one line are the same labels, and their digest is about what is said, not about where."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.annotations import Annotation, Category, ImageLabels, Ring, RleMask, kinds_of
from nfold.annotations.codec import (
    decode_categories,
    decode_labels,
    digest_of_labels,
    encode_categories,
    encode_labels,
    placed_from_json,
    shapes_from_json,
    shapes_to_json,
)

number = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(max_size=5)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | number | text | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
small = st.integers(0, 9)
rings = st.lists(number, min_size=6, max_size=8).map(tuple)
annotations = st.builds(
    Annotation,
    category=st.none() | small,
    box=st.none() | st.tuples(number, number, number, number),
    rings=st.lists(rings, max_size=2).map(tuple),
    mask=st.none() | st.builds(RleMask, height=small, width=small, counts=text),
    corners=st.none() | st.lists(number, min_size=8, max_size=8).map(tuple),
    points=st.lists(st.tuples(number, number, st.integers(0, 2)), max_size=3).map(tuple),
    crowd=st.booleans(),
    document=small,
    order=small,
    attributes=st.dictionaries(text, plain, max_size=2),
    raw=plain,
)
labels = st.builds(
    ImageLabels,
    annotations=st.lists(annotations, max_size=3).map(tuple),
    frame_wh=st.none() | st.tuples(small, small),
    is_relative=st.booleans(),
    label_file=st.none() | text,
    mask_file=st.none() | text,
    places=st.dictionaries(small, small, max_size=3),
    raw=st.dictionaries(small, plain, max_size=3),
)
categories = st.lists(
    st.builds(
        Category,
        name=text,
        point_names=st.lists(text, max_size=3).map(tuple),
        flip_index=st.none() | st.lists(small, max_size=3).map(tuple),
        raw=plain,
    ),
    max_size=3,
).map(tuple)


def moved(entry: ImageLabels, by: int) -> ImageLabels:
    """The same labels from other places of the label files."""
    return replace(
        entry,
        places={document: place + by for document, place in entry.places.items()},
        annotations=tuple(replace(annotation, order=annotation.order + by) for annotation in entry.annotations),
    )


@given(labels)
def test_labels_come_back_as_they_were(entry: ImageLabels) -> None:
    line = encode_labels(entry)
    assert "\n" not in line
    assert line.isascii()
    assert decode_labels(line) == entry
    assert encode_labels(decode_labels(line)) == line


@given(labels, st.integers(1, 9))
def test_the_digest_is_not_about_places_in_the_label_files(entry: ImageLabels, by: int) -> None:
    assert digest_of_labels(moved(entry, by)) == digest_of_labels(entry)
    assert digest_of_labels(replace(entry, places={})) == digest_of_labels(entry)
    if entry.places or entry.annotations:
        assert encode_labels(moved(entry, by)) != encode_labels(entry)


@given(labels, labels)
def test_two_digests_are_equal_only_when_the_same_is_said(one: ImageLabels, other: ImageLabels) -> None:
    def said(entry: ImageLabels) -> str:
        return encode_labels(
            replace(entry, places={}, annotations=tuple(replace(found, order=0) for found in entry.annotations))
        )

    assert (digest_of_labels(one) == digest_of_labels(other)) == (said(one) == said(other))


def test_every_word_that_is_said_changes_the_digest() -> None:
    annotation = Annotation(category=1, box=(1.0, 2.0, 3.0, 4.0), raw={"id": 1})
    entry = ImageLabels(annotations=(annotation,), frame_wh=(9, 9), raw={0: {"id": 1}})
    changed: list[Any] = [
        replace(entry, frame_wh=(9, 8)),
        replace(entry, is_relative=True),
        replace(entry, label_file="a.txt"),
        replace(entry, mask_file="a.png"),
        replace(entry, raw={0: {"id": 2}}),
        replace(entry, raw={1: {"id": 1}}),
        replace(entry, annotations=()),
        replace(entry, annotations=(annotation, annotation)),
        *(
            replace(entry, annotations=(replace(annotation, **change),))  # type: ignore[arg-type]
            for change in (
                {"category": 0},
                {"category": None},
                {"box": (1.0, 2.0, 3.0, 4.5)},
                {"crowd": True},
                {"document": 1},
                {"attributes": {"a": 1}},
                {"points": ((1.0, 1.0, 2),)},
                {"raw": {"id": 2}},
            )
        ),
    ]
    digests = {digest_of_labels(found) for found in [entry, *changed]}
    assert len(digests) == len(changed) + 1


def test_labels_without_anything_are_short_and_come_back() -> None:
    assert encode_labels(ImageLabels()) == '{"annotations":[]}'
    assert decode_labels('{"annotations":[]}') == ImageLabels()


@given(categories)
def test_categories_come_back_as_they_were(listed: tuple[Category, ...]) -> None:
    line = encode_categories(listed)
    assert "\n" not in line
    assert decode_categories(line) == listed


@given(st.lists(annotations, min_size=1, max_size=3), annotations, st.data())
def test_shapes_of_a_copy_come_back_with_all_else_of_their_source(
    sources: list[Annotation], shape: Annotation, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(sources) - 1))
    source = sources[index]
    varied = replace(
        source, box=shape.box, rings=shape.rings, mask=shape.mask, corners=shape.corners, points=shape.points
    )
    entry = json.loads(json.dumps(shapes_to_json(varied, index)))
    assert shapes_from_json(entry, ImageLabels(annotations=tuple(sources))) == varied


@given(annotations)
def test_the_manifest_alone_gives_class_and_shapes(annotation: Annotation) -> None:
    entry = json.loads(json.dumps(shapes_to_json(annotation, 3)))
    assert entry["i"] == 3
    assert placed_from_json(entry) == Annotation(
        category=annotation.category,
        box=annotation.box,
        rings=annotation.rings,
        mask=annotation.mask,
        corners=annotation.corners,
        points=annotation.points,
    )


@pytest.mark.parametrize(
    ("ring", "expected"),
    [
        ((10, 20, 40, 20, 40, 60, 10, 60), True),
        ((10, 60, 10, 20, 40, 20, 40, 60), True),
        ((10, 20, 10, 60, 40, 60, 40, 20, 10, 20), True),
        ((10.3, 20, 40, 19.7, 40, 60, 10, 60.4), True),
        ((10, 20, 40, 20, 40, 60, 12, 60), False),
        ((10, 20, 40, 60, 40, 20, 10, 60), False),
        ((10, 20, 40, 20, 10, 20, 40, 60), False),
        ((10, 20, 10, 20, 40, 60, 40, 60), False),
        ((10, 20, 40, 20, 40, 60), False),
        ((25, 20, 40, 40, 25, 60, 10, 40), False),
        ((10, 20, 40, 20, 40, 60, 25, 60, 10, 60), False),
    ],
)
def test_an_outline_that_goes_round_the_box_says_no_more_than_the_box(ring: Ring, expected: bool) -> None:
    annotation = Annotation(box=(10, 20, 40, 60), rings=(ring,))
    assert annotation.repeats_box == expected
    assert annotation.has_shape != expected
    assert ("polygons" in kinds_of(annotation)) != expected


def test_parts_and_outlines_without_a_box_and_pixels_are_shapes() -> None:
    ring = (10.0, 20.0, 40.0, 20.0, 40.0, 60.0, 10.0, 60.0)
    assert kinds_of(Annotation(rings=(ring,))) == ("polygons",)
    assert kinds_of(Annotation(box=(10, 20, 40, 60), rings=(ring, ring))) == ("boxes", "parts")
    assert Annotation(box=(10, 20, 40, 60), rings=(ring,), mask=RleMask(height=1, width=1, counts="01")).has_shape
    # Of coordinates that are shares of the picture, a fiftieth of the side is as little.
    assert not Annotation(box=(0.1, 0.2, 0.4, 0.6), rings=((0.25, 0.2, 0.4, 0.4, 0.25, 0.6, 0.1, 0.4),)).repeats_box
