"""One item at a time: read a source, vary it, hand it out. Any number of threads and processes may ask at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from nfold.distinct import draw_copy
from nfold.errors import ShortfallError
from nfold.images import decode_image
from nfold.labelling import make_sample
from nfold.loading import load_image, load_labels
from nfold.plan.table import PlannedSource
from nfold.randomness import variation_generators
from nfold.stream.decoded import DecodedPictures
from nfold.stream.item import Item
from nfold.stream.memory import keep_freed_memory
from nfold.stream.opening import OpenedDataSet
from nfold.variation import RecipeInForce, Sample, Variation, blamed_on_image, pixel_hash, prepare, vary


class ItemReader:
    """Makes items of an opened data set. Pickled, it begins anew with nothing in memory."""

    def __init__(self, opened: OpenedDataSet, cache_bytes: int) -> None:
        import cv2

        # Threads and processes run side by side already; and it is what `expand` does. It is done here, before anybody
        # forks: in a forked process OpenCV would wait for threads that are not there any more.
        cv2.setNumThreads(1)
        keep_freed_memory()
        self.opened = opened
        self.decoded = DecodedPictures(cache_bytes)
        self._here = threading.local()
        self._class_index = {name: index for index, name in enumerate(opened.classes)}

    def __getstate__(self) -> dict[str, Any]:
        return {"opened": self.opened, "cache_bytes": self.decoded.most_bytes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["opened"], state["cache_bytes"])  # type: ignore[misc]

    def original(self, place: int) -> Item:
        """A source as `expand` writes it: decoded, upright, prepared, not varied.

        Raises:
            SampleError: It cannot be used.
        """
        planned = self.opened.places[place]
        sample = self._sample(place, planned)
        made = Variation(
            image=sample.image,
            applied=(),
            carried=(),
            annotations=sample.labels.annotations if sample.labels else (),
            drops=sample.drops,
            mask=sample.mask,
        )
        return self._item(planned, 0, made, sample)

    def variation(self, place: int, copy: int, *, draw: int = 0) -> Item:
        """A variation of a source by its address.

        Raises:
            SampleError: The source cannot be used, or the recipe cannot take it.
        """
        planned = self.opened.places[place]
        sample = self._sample(place, planned)
        generators = variation_generators(seed=self.opened.seed, source_id=planned.id, copy=copy, draw=draw)
        return self._item(planned, copy, blamed_on_image(vary, sample, self._recipe(), generators), sample)

    def draws(self, place: int, copies: int) -> bytes:
        """Which draw of each copy, 1 to `copies`, is the first that adds something, as `expand` would choose it.

        Raises:
            ShortfallError: The recipe cannot give so many distinct pictures of this source.
        """
        planned = self.opened.places[place]
        sample = self._sample(place, planned)
        taken = {pixel_hash(sample.image)}
        draws = bytearray()
        for copy in range(1, copies + 1):
            drawn = blamed_on_image(draw_copy, sample, self._recipe(), seed=self.opened.seed, copy=copy, taken=taken)
            if drawn is None:
                raise ShortfallError(
                    f"{planned.id} gives {len(draws)} distinct copies with recipe '{self.opened.recipe.name}', "
                    f"not {copies}.",
                    hint="Ask for fewer copies, or use a recipe that varies more.",
                )
            taken.add(drawn.pixels)
            draws.append(drawn.draw)
        return bytes(draws)

    def _sample(self, place: int, planned: PlannedSource) -> Sample:
        kept = self.decoded.get(place)
        if kept is not None:
            return kept
        opened = self.opened
        loaded = load_image(opened.root, planned, opened.limits)
        labels = load_labels(opened.root, planned, opened.limits)
        image = decode_image(loaded.data, opened.limits, damaged=opened.damaged)
        unprepared = make_sample(planned.id, image, loaded, labels, opened.limits)
        sample: Sample = blamed_on_image(prepare, unprepared, self._recipe())
        if self.decoded.most_bytes:
            self.decoded.offer(place, sample)
        return sample

    def _recipe(self) -> RecipeInForce:
        """Compiled pipelines hold state while they run: each thread has its own."""
        recipe: RecipeInForce | None = getattr(self._here, "recipe", None)
        if recipe is None:
            opened = self.opened
            recipe = RecipeInForce(
                recipe=opened.recipe,
                border=opened.border,
                categories=opened.categories,
                documents=opened.documents,
            )
            self._here.recipe = recipe
        return recipe

    def _item(self, planned: PlannedSource, copy: int, made: Variation, sample: Sample) -> Item:
        if self.decoded.most_bytes:
            made = _apart(made, sample)
        return Item(
            source=planned.id,
            copy=copy,
            picture=made.image,
            label=planned.category,
            class_index=None if planned.category is None else self._class_index[planned.category],
            annotations=made.annotations,
            mask=made.mask,
            applied=made.applied,
            drops=made.drops,
        )


def _apart(made: Variation, sample: Sample) -> Variation:
    """The same with arrays of its own: whoever gets it may write into it, and the sample may stay in memory."""
    image = replace(
        made.image,
        pixels=_copied(made.image.pixels, sample.image.pixels),
        alpha=_copied(made.image.alpha, sample.image.alpha),
    )
    return replace(made, image=image, mask=_copied(made.mask, sample.mask))


def _copied(array: Any, kept: Any) -> Any:
    import numpy as np

    return array.copy() if array is not None and kept is not None and np.may_share_memory(array, kept) else array
