"""Everything is decided as for `expand`, and what would spoil a training is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stream_data import TILT

import nfold
from nfold.errors import InputError, StackingWarning, UsageError
from tests.conftest import tree, write_picture
from tests.engine.data_sets import make_coco, make_yolo

Expand = Callable[..., Any]


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    """Two splits, with a class that only validation has."""
    for number in range(4):
        write_picture(tmp_path / f"divided/train/{'cat' if number % 2 else 'dog'}/{number}.png", number)
        write_picture(tmp_path / f"divided/val/{'cat' if number % 2 else 'owl'}/{number}.png", 10 + number)
    return tmp_path / "divided"


class TestSplits:
    def test_the_training_split_is_taken_unless_another_is_asked_for(self, divided: Path) -> None:
        stream = nfold.Stream(divided, recipe=TILT)
        assert all(source.startswith("train/") for source in stream.sources)
        held_out = nfold.Stream(divided, split="val", training=False)
        assert all(source.startswith("val/") for source in held_out.sources)
        assert len(stream) == len(held_out) == 4

    def test_a_class_has_one_number_in_all_splits(self, divided: Path) -> None:
        stream, held_out = nfold.Stream(divided), nfold.Stream(divided, split="val", training=False)
        assert stream.classes == held_out.classes == ("cat", "dog", "owl")
        assert {held_out[1, place].class_index for place in range(4)} == {0, 2}

    @pytest.mark.parametrize("kind", [nfold.Stream, lambda *args, **how: nfold.FrozenDataset(*args, copies=2, **how)])
    def test_validation_is_not_varied(self, divided: Path, kind: Callable[..., Any]) -> None:
        with pytest.raises(UsageError) as caught:
            kind(divided, split="val")
        assert caught.value.stable_code == "stream.not_for_training"
        assert "training=False" in str(caught.value.hint)

    def test_a_split_that_there_is_not_is_refused(self, divided: Path, photos: Path) -> None:
        with pytest.raises(UsageError) as no_splits:
            nfold.Stream(photos, split="train")
        assert no_splits.value.stable_code == "stream.no_splits"
        with pytest.raises(InputError) as empty:
            nfold.Stream(divided, split="test", training=False)
        assert empty.value.stable_code == "stream.empty"


class TestStacking:
    @pytest.mark.parametrize("below", [".", "cat"])
    def test_varying_an_expanded_set_warns(
        self, photos: Path, tmp_path: Path, expand_inline: Expand, below: str
    ) -> None:
        expand_inline(photos, tmp_path / "out", copies=1)
        with pytest.warns(
            StackingWarning,
            match="out was expanded by nfold" if below == "." else "cat lies in .*out, which was expanded by nfold",
        ) as caught:
            nfold.Stream(tmp_path / "out" / below)
        assert caught[0].filename == __file__, "the warning points to whoever opened the stream"
        with pytest.warns(StackingWarning):
            nfold.FrozenDataset(tmp_path / "out" / below, copies=1)
        assert len(nfold.Stream(tmp_path / "out", training=False)) == 18

    def test_what_was_not_expanded_does_not(self, photos: Path) -> None:
        nfold.Stream(photos)


class TestReading:
    def test_labels_that_cannot_be_used_cost_their_sources_by_name(self, tmp_path: Path) -> None:
        make_yolo(tmp_path / "data")
        (tmp_path / "data/labels/one.txt").write_text("0 0.5 0.5 nonsense 0.2\n")
        stream = nfold.Stream(tmp_path / "data", recipe="detection")
        assert list(stream.sources) == ["images/two.png"]
        assert list(stream.unusable) == ["images/one.png"]
        assert stream.unusable["images/one.png"]
        frozen = nfold.FrozenDataset(tmp_path / "data", copies=2, recipe="detection")
        assert (len(frozen), list(frozen.unusable)) == (3, ["images/one.png"])

    def test_a_recipe_that_cannot_keep_labels_in_step_is_refused_as_by_expand(
        self, tmp_path: Path, expand_inline: Expand
    ) -> None:
        make_coco(tmp_path / "data")
        recipe = {"augment": [{"Rotate": {"limit": 20, "p": 1}}], "border": "reflect_101"}
        with pytest.raises(UsageError) as expanding:
            expand_inline(tmp_path / "data", tmp_path / "out", copies=1, recipe=recipe)
        with pytest.raises(UsageError) as streaming:
            nfold.Stream(tmp_path / "data", recipe=recipe)
        assert streaming.value.stable_code == expanding.value.stable_code == "recipe.mirrored_border"

    def test_files_are_chosen_as_by_expand(self, photos: Path) -> None:
        assert list(nfold.Stream(photos, include=["cat/*"], exclude=["*4*"]).sources) == [
            "cat/1.png",
            "cat/2.png",
            "cat/5.png",
            "cat/7.png",
            "cat/8.png",
        ]

    def test_a_folder_that_cannot_be_read_is_refused_as_by_expand(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as caught:
            nfold.Stream(tmp_path / "nowhere")
        assert caught.value.stable_code == "input.missing"

    def test_nothing_is_written_where_the_sources_are(self, photos: Path) -> None:
        before = tree(photos)
        stream = nfold.Stream(photos)
        assert len(list(stream.epoch(1))) == 9
        assert tree(photos) == before

    def test_the_identity_is_of_recipe_seed_and_sources(self, photos: Path) -> None:
        first = nfold.Stream(photos, recipe=TILT, seed=5).reader.opened.identity
        assert nfold.Stream(photos, recipe=dict(TILT), seed=5, cache="1M").reader.opened.identity == first
        others = [
            nfold.Stream(photos, recipe="light", seed=5),
            nfold.Stream(photos, recipe=TILT, seed=6),
            nfold.Stream(photos, recipe=TILT, seed=5, exclude=["cat/1.png"]),
        ]
        assert len({first, *(stream.reader.opened.identity for stream in others)}) == 4
