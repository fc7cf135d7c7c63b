from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.contrast.sampling import choose_sample
from nfold.errors import InputError
from nfold.randomness import source_digest
from nfold.stream.opening import OpenedDataSet, open_data_set
from nfold.stream.reading import ItemReader
from nfold.variation import pixel_hash


def opened(source: Path, **options: Any) -> OpenedDataSet:
    return open_data_set(source, options.pop("recipe", "flip-rotate"), seed=0, split=None, varies=True, **options)


def test_the_first_by_the_hash_of_their_ids_and_not_by_the_alphabet(make_folder: Callable[..., Path]) -> None:
    source = make_folder(12)
    names = [f"picture{number}.png" for number in range(12)]
    chosen = choose_sample(opened(source), 4)
    assert list(chosen.order) == sorted(names, key=source_digest)[:4] != names[:4]
    assert (chosen.available, chosen.is_cut) == (12, True)
    assert {place.id for place in chosen.opened.places} == set(chosen.order)


def test_with_more_images_the_sample_stays_what_it_was_but_for_newcomers(make_folder: Callable[..., Path]) -> None:
    few = choose_sample(opened(make_folder(6)), 6).order
    more = choose_sample(opened(make_folder(12)), 12).order
    assert [name for name in more if name in few] == list(few)


def test_a_broken_one_makes_room_for_the_next_and_is_named(make_folder: Callable[..., Path]) -> None:
    source = make_folder(6)
    first = choose_sample(opened(source), 1).order[0]
    (source / first).write_bytes(b"no picture")
    chosen = choose_sample(opened(source), 2)
    assert list(chosen.skipped) == [first]
    assert len(chosen.order) == 2
    assert first not in chosen.order


def test_one_that_the_recipe_cannot_take_is_left_out(make_folder: Callable[..., Path]) -> None:
    from tests.conftest import write_picture

    source = make_folder({"a.png": 1})
    write_picture(source / "small.png", 2, width=8, height=8)
    recipe = {"augment": [{"RandomCrop": {"height": 20, "width": 20}}, {"Rotate": {"limit": 10, "p": 1}}]}
    chosen = choose_sample(opened(source, recipe=recipe), 5)
    assert chosen.order == ("a.png",)
    assert list(chosen.skipped) == ["small.png"]


def test_nothing_usable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="No image in"):
        choose_sample(opened(tmp_path), 5)


def test_originals_are_known_by_their_pixels_as_the_recipe_prepares_them(make_folder: Callable[..., Path]) -> None:
    source = make_folder(2)
    recipe = {"prepare": [{"Resize": {"height": 10, "width": 12}}], "augment": [{"HorizontalFlip": {"p": 1}}]}
    plain, prepared = choose_sample(opened(source), 5), choose_sample(opened(source, recipe=recipe), 5)
    reader = ItemReader(prepared.opened, cache_bytes=0)
    served = {reader.original(place).source: pixel_hash(reader.original(place).picture) for place in range(2)}
    assert {name: digest.hex() for name, digest in prepared.originals.items()} == served
    assert all(prepared.originals[name] != plain.originals[name] for name in served)


def test_the_chosen_places_answer_as_the_whole_would(make_folder: Callable[..., Path]) -> None:
    whole = opened(make_folder({"cat/a.png": 1, "cat/b.png": 2, "dog/c.png": 3}))
    some = whole.places.only(["dog/c.png", "cat/a.png"])
    assert [planned.id for planned in some] == ["cat/a.png", "dog/c.png"]
    assert (len(some), some.place_of("dog/c.png"), some[-1].id) == (2, 1, "dog/c.png")
    assert whole.places.only(["cat/a.png"]).classes == ("cat", "dog")
    assert len(whole.places) == 3
