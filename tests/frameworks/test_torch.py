"""PyTorch: workers that stay alive serve the right epoch, and nothing comes twice or is missing."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nfold

torch = pytest.importorskip("torch", reason="PyTorch is not installed here: run scripts/test-frameworks")

import serving  # noqa: E402
from torch.utils.data import BatchSampler, DataLoader, RandomSampler  # noqa: E402

from nfold.adapters.torch import (  # noqa: E402
    EpochSampler,
    FrozenMapDataset,
    IterableStreamDataset,
    StreamDataset,
    collate_detection,
    collate_stacked,
)
from nfold.errors import SampleError, UsageError  # noqa: E402
from nfold.stream import UnusableSourceWarning  # noqa: E402

Make = Callable[[str], Path]
pytestmark = pytest.mark.filterwarnings(
    # Four workers on whatever machine this is: it is about being right.
    "ignore:This DataLoader will create 4 worker processes:UserWarning"
)

METHODS = ("fork", "spawn")


@pytest.fixture
def stream(photos: Path) -> nfold.Stream:
    return nfold.Stream(photos, recipe="flip-rotate", seed=7)


def as_pixels(image: Any) -> np.ndarray:
    return np.round(image.permute(1, 2, 0).numpy() * 255).astype(np.uint8)


def loader_of(dataset: Any, method: str = "fork", **options: Any) -> Any:
    return DataLoader(
        dataset,
        batch_size=options.pop("batch_size", 2),
        num_workers=4,
        persistent_workers=True,
        multiprocessing_context=method,
        **options,
    )


def told(loader: Any) -> list[tuple[int, int, str]]:
    """Worker, epoch and source of everything that comes."""
    return [
        row
        for _, target in loader
        for row in zip(target["worker"].tolist(), target["epoch"].tolist(), target["source"], strict=True)
    ]


class TestPersistentWorkers:
    @pytest.mark.parametrize("method", METHODS)
    def test_each_worker_serves_the_epoch_that_was_set_and_every_source_comes_once(
        self, stream: nfold.Stream, method: str
    ) -> None:
        dataset = StreamDataset(stream, target=serving.who)
        loader = loader_of(dataset, method, shuffle=True)
        for epoch in (1, 2, 3, 9):
            dataset.set_epoch(epoch)
            rows = told(loader)
            assert {served for _, served, _ in rows} == {epoch}
            assert {worker for worker, _, _ in rows} == {0, 1, 2, 3}
            assert sorted(source for *_, source in rows) == list(stream.sources)

    def test_three_epochs_are_the_very_pixels_of_the_stream(self, stream: nfold.Stream) -> None:
        dataset = StreamDataset(stream)
        loader = loader_of(dataset, shuffle=False, batch_size=1)
        for epoch in (1, 2, 3):
            dataset.set_epoch(epoch)
            for place, (image, label) in enumerate(loader):
                item = stream[epoch, place]
                assert np.array_equal(as_pixels(image[0]), item.image)
                assert label.tolist() == [item.class_index]

    def test_an_epoch_that_was_left_early_does_not_reach_into_the_next(self, stream: nfold.Stream) -> None:
        dataset = StreamDataset(stream, target=serving.slowly)
        loader = loader_of(dataset, shuffle=False, prefetch_factor=2)
        for epoch in (1, 2, 3):
            dataset.set_epoch(epoch)
            iterator = iter(loader)
            assert next(iterator)[1]["epoch"].tolist() == [epoch] * 2
        dataset.set_epoch(4)
        assert {epoch for _, epoch, _ in told(loader)} == {4}

    @pytest.mark.parametrize("method", METHODS)
    def test_an_iterable_data_set_divides_each_epoch_among_the_workers(self, stream: nfold.Stream, method: str) -> None:
        dataset = IterableStreamDataset(stream, target=serving.who)
        loader = loader_of(dataset, method)
        orders = []
        for epoch in (1, 2, 5):
            dataset.set_epoch(epoch)
            rows = told(loader)
            assert {served for _, served, _ in rows} == {epoch}
            assert {worker for worker, _, _ in rows} == {0, 1, 2, 3}
            assert sorted(source for *_, source in rows) == list(stream.sources)
            orders.append([source for *_, source in rows])
        assert orders[0] != orders[1] != orders[2]

    def test_the_sampler_sends_the_epoch_along(self, stream: nfold.Stream) -> None:
        dataset = StreamDataset(stream, target=serving.who)
        sampler = EpochSampler(dataset)
        loader = loader_of(dataset, sampler=sampler)
        names = list(stream.sources)
        for epoch in (1, 2):
            sampler.set_epoch(epoch)
            rows = told(loader)
            assert {served for _, served, _ in rows} == {epoch}
            assert [source for *_, source in rows] == [names[place] for place in stream.order(epoch)]

    def test_a_frozen_data_set_is_the_same_in_each_epoch(self, photos: Path) -> None:
        frozen = nfold.FrozenDataset(photos, copies=2, seed=7)
        dataset = FrozenMapDataset(frozen)
        assert len(dataset) == 51
        loader = loader_of(dataset, batch_size=5)
        for _ in range(2):
            images = [image for batch, _ in loader for image in batch]
            assert all(
                np.array_equal(as_pixels(image), frozen[number].image)
                for number, image in zip(range(51), images, strict=True)
            )


class TestEpochs:
    def test_the_sampler_is_right_when_the_epoch_changes_in_the_middle(self, stream: nfold.Stream) -> None:
        dataset = StreamDataset(stream, target=serving.slowly)
        sampler = EpochSampler(dataset)
        loader = loader_of(dataset, sampler=sampler, prefetch_factor=1)
        iterator = iter(loader)
        first = next(iterator)
        dataset.set_epoch(2)
        rest = [first, *iterator]
        assert {epoch for _, target in rest for epoch in target["epoch"].tolist()} == {1}

    def test_an_iteration_keeps_the_epoch_it_began_with(self, stream: nfold.Stream) -> None:
        dataset = IterableStreamDataset(stream, target=serving.who)
        iterator = iter(dataset)
        dataset.set_epoch(5)
        assert {target["epoch"] for _, target in iterator} == {1}

    def test_there_is_no_epoch_0(self, stream: nfold.Stream) -> None:
        for dataset in (StreamDataset(stream), IterableStreamDataset(stream), EpochSampler(StreamDataset(stream))):
            with pytest.raises(UsageError) as caught:
                dataset.set_epoch(0)
            assert caught.value.stable_code == "stream.epoch"
            assert dataset.epoch == 1

    def test_a_trainer_that_counts_from_0_can_say_so(self, stream: nfold.Stream) -> None:
        dataset = StreamDataset(stream)
        sampler = EpochSampler(dataset, first_epoch=0)
        sampler.set_epoch(0)
        assert (sampler.epoch, dataset.epoch) == (1, 1)
        sampler.set_epoch(4)
        assert (sampler.epoch, dataset.epoch) == (5, 5)

    def test_validation_is_as_it_is_whatever_the_epoch(self, photos: Path) -> None:
        stream = nfold.Stream(photos, training=False)
        dataset = StreamDataset(stream)
        dataset.set_epoch(3)
        assert np.array_equal(as_pixels(dataset[0][0]), stream[1, 0].image)

    @pytest.mark.parametrize("clone", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
    def test_a_clone_has_an_epoch_of_its_own_that_reaches_its_workers(
        self, stream: nfold.Stream, clone: Callable[[Any], Any]
    ) -> None:
        dataset = StreamDataset(stream, target=serving.who)
        dataset.set_epoch(3)
        other = clone(dataset)
        assert other.epoch == 3
        dataset.set_epoch(4)
        assert other.epoch == 3
        loader = loader_of(other)
        for epoch in (5, 6):
            other.set_epoch(epoch)
            assert {served for _, served, _ in told(loader)} == {epoch}


class TestShares:
    @pytest.mark.parametrize("replicas", [2, 3, 5])
    def test_ranks_and_workers_together_serve_each_source_once(self, stream: nfold.Stream, replicas: int) -> None:
        served: list[str] = []
        for rank in range(replicas):
            dataset = IterableStreamDataset(stream, target=serving.who, num_replicas=replicas, rank=rank)
            served += [source for *_, source in told(DataLoader(dataset, batch_size=2, num_workers=2))]
        assert sorted(served) == list(stream.sources)

    def test_the_sampler_makes_shares_equal(self, stream: nfold.Stream) -> None:
        dataset = StreamDataset(stream)
        padded = [list(EpochSampler(dataset, num_replicas=4, rank=rank)) for rank in range(4)]
        assert [len(share) for share in padded] == [5, 5, 5, 5]
        assert {place for share in padded for _, place in share} == set(range(17))
        cut = [EpochSampler(dataset, num_replicas=4, rank=rank, drop_last=True) for rank in range(4)]
        places = [place for share in cut for _, place in share]
        assert [len(share) for share in cut] == [4, 4, 4, 4]
        assert len(set(places)) == len(places) == 16

    def test_there_is_no_rank_beyond_the_last(self, stream: nfold.Stream) -> None:
        with pytest.raises(UsageError, match="rank"):
            EpochSampler(StreamDataset(stream), num_replicas=2, rank=2)
        with pytest.raises(UsageError, match="rank"):
            IterableStreamDataset(stream, rank=1)

    def test_other_samplers_work_as_they_do(self, stream: nfold.Stream) -> None:
        dataset = StreamDataset(stream, target=serving.who)
        batches = BatchSampler(RandomSampler(dataset), batch_size=4, drop_last=True)
        assert len({row[2] for row in told(DataLoader(dataset, batch_sampler=batches))}) == 16


class TestItems:
    def test_a_picture_is_float_from_0_to_1_or_bytes(self, stream: nfold.Stream) -> None:
        image, label = StreamDataset(stream)[1, 0]
        assert (image.dtype, tuple(image.shape), label) == (torch.float32, (3, 36, 48), stream[1, 0].class_index)
        assert 0 <= float(image.min()) < float(image.max()) <= 1
        image = StreamDataset(stream, pixels="uint8")[1, 0][0]
        assert image.dtype == torch.uint8
        assert np.array_equal(image.permute(1, 2, 0).numpy(), stream[1, 0].image)
        assert tuple(StreamDataset(stream, channels=1)[0][0].shape) == (1, 36, 48)
        assert StreamDataset(stream, target="none")[0].shape == (3, 36, 48)

    def test_classes_are_collated_to_int64(self, stream: nfold.Stream) -> None:
        _, labels = next(iter(DataLoader(StreamDataset(stream), batch_size=4, collate_fn=collate_stacked)))
        assert labels.dtype == torch.int64

    def test_detection_is_what_torchvisions_references_take(self, make_set: Make) -> None:
        stream = nfold.Stream(make_set("yolo"), recipe="detection", seed=3)
        images, targets = next(iter(DataLoader(StreamDataset(stream), batch_size=2, collate_fn=collate_detection)))
        assert (len(images), len(targets)) == (2, 2)
        for place, target in enumerate(targets):
            item = stream[1, place]
            assert target["boxes"].dtype == target["area"].dtype == torch.float32
            assert target["labels"].dtype == target["iscrowd"].dtype == torch.int64
            assert np.allclose(target["boxes"].numpy(), [annotation.box for annotation in item.annotations], atol=1e-4)
            assert target["labels"].tolist() == [annotation.category + 1 for annotation in item.annotations]
            assert target["image_id"] == place
            assert (target["boxes"][:, 2:] > target["boxes"][:, :2]).all()

    def test_pictures_without_objects_have_empty_boxes_of_the_right_shape(self, make_set: Make) -> None:
        root = make_set("yolo")
        (root / "labels/two.txt").write_text("")
        target = StreamDataset(nfold.Stream(root, recipe="detection"))[1][1]
        assert tuple(target["boxes"].shape) == (0, 4)
        assert tuple(target["labels"].shape) == (0,)
        assert target["labels"].dtype == torch.int64

    def test_instances_have_a_mask_each_and_key_points_their_visibility(self, make_set: Make) -> None:
        stream = nfold.Stream(make_set("coco"), recipe="detection")
        item = stream[1, 0]
        target = StreamDataset(stream, target="instances")[1, 0][1]
        assert target["masks"].dtype == torch.uint8
        assert tuple(target["masks"].shape) == (len(item.annotations), *item.image.shape[:2])
        for mask, box in zip(target["masks"], target["boxes"].tolist(), strict=True):
            rows, columns = np.nonzero(mask.numpy())
            assert np.allclose([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], box, atol=1.01)
        points = StreamDataset(stream)[1, 0][1]["keypoints"]
        assert tuple(points.shape) == (len(item.annotations), 2, 3)
        assert points[..., 2].tolist() == [[point[2] for point in annotation.points] for annotation in item.annotations]

    def test_masks_are_int64(self, make_set: Make) -> None:
        stream = nfold.Stream(make_set("masks"), recipe="detection")
        images, masks = next(iter(DataLoader(StreamDataset(stream), batch_size=2)))
        assert masks.dtype == torch.int64
        assert masks.shape == (2, *images.shape[2:])
        assert np.array_equal(masks[0].numpy(), stream[1, 0].mask)

    def test_transforms_come_last(self, stream: nfold.Stream) -> None:
        dataset = StreamDataset(stream, transform=lambda image: image * 0)
        assert float(dataset[0][0].max()) == 0
        dataset = StreamDataset(stream, transforms=lambda image, target: (image, target + 40))
        assert dataset[0][1] >= 40
        with pytest.raises(UsageError, match="transforms"):
            StreamDataset(stream, transform=lambda it: it, transforms=lambda it, target: (it, target))

    def test_changing_a_tensor_does_not_change_what_comes_next(self, photos: Path) -> None:
        dataset = StreamDataset(nfold.Stream(photos, training=False, cache="1G"), pixels="uint8")
        before = dataset[0][0].clone()
        dataset[0][0].zero_()
        assert torch.equal(dataset[0][0], before)


class TestErrors:
    def test_pictures_of_several_sizes_cannot_be_stacked_and_the_error_says_what_to_do(self, photos: Path) -> None:
        from tests.conftest import write_picture

        write_picture(photos / "cat/large.png", 5, width=64, height=50)
        loader = loader_of(StreamDataset(nfold.Stream(photos)), batch_size=18, collate_fn=collate_stacked)
        with pytest.raises(UsageError, match="Put a Resize into the recipe's prepare"):
            list(loader)

    def test_an_unreadable_source_raises_in_the_main_process_or_is_left_out(self, photos: Path) -> None:
        broken = photos / "cat/01.png"
        broken.write_bytes(broken.read_bytes()[:200])
        stream = nfold.Stream(photos)
        with pytest.raises(SampleError):
            list(loader_of(StreamDataset(stream)))
        with pytest.raises(SampleError):
            list(IterableStreamDataset(stream))
        with pytest.warns(UnusableSourceWarning, match=r"cat/01\.png"):
            assert len(list(IterableStreamDataset(stream, on_unusable="skip"))) == 16

    def test_a_target_that_there_is_no_label_for_is_refused(self, stream: nfold.Stream) -> None:
        with pytest.raises(UsageError, match="no labels for target 'mask'") as caught:
            StreamDataset(stream, target="mask")
        assert caught.value.stable_code == "stream.target"
