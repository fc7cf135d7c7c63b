"""One unit of work: the sources of a shard become files and one part of the manifest, whose mark comes last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from nfold import faults, ledger
from nfold.annotations.codec import decode_categories
from nfold.build import BuildSettings, SourceBuilder
from nfold.errors import SampleError
from nfold.executors import WorkerFailure
from nfold.label_counts import LabelCounts, count_labels
from nfold.ledger import INTENTS, SURPLUS, list_name, names_in_lists
from nfold.manifest import (
    PartHeader,
    SkipRow,
    SourceRecord,
    digest_of,
    encode_part,
    part_name,
    read_records,
)
from nfold.placing import Placer
from nfold.plan.sharding import Shard
from nfold.plan.table import source_key
from nfold.recipe import Border, parse_recipe
from nfold.storage import LocalStorage
from nfold.variation import RecipeInForce


@dataclass(slots=True, kw_only=True)
class ClassCount:
    """Images of one class in one split, before and after."""

    sources: int = 0
    originals: int = 0
    copies: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardReport:
    """What became of a shard.

    Attributes:
        bits: The range of keys.
        classes: Counts by (split, class).
        input_bytes: What the sources that were used weigh.
        output_bytes: What the files weigh.
        files: How many pictures the output has for it.
        written: How many of them this run wrote.
        removed: How many files are no longer asked for.
        retained: How many of those stay, by --keep-removed.
        skipped: Sources that could not be used.
        short: Sources that gave fewer distinct copies than asked for, with how many are missing.
        set_aside: Where files are kept that were in the way.
        conversions: Changes of form that copies do not carry as they were, with counts.
        digest: Share in the tree digest.
        labels: What became of annotations.
        changed: Whether a part was written.
    """

    bits: str
    classes: dict[tuple[str | None, str | None], ClassCount]
    input_bytes: int
    output_bytes: int
    files: int
    written: int
    removed: int
    retained: int
    skipped: tuple[SkipRow, ...]
    short: dict[str, int]
    set_aside: tuple[str, ...]
    conversions: dict[str, int]
    digest: int
    labels: LabelCounts
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTask:
    """Brings one shard up to date; sent to each worker once.

    Attributes:
        target_root: The output folder.
        recipe: The recipe as JSON.
        border: Settled for the whole data set.
        categories: Classes of objects as JSON.
        settings: What all sources have in common.
        generation: Of this run.
        documents: Paths of the label files about many pictures, by their number.
    """

    target_root: str
    recipe: str
    border: Border
    categories: str
    settings: BuildSettings
    generation: int
    documents: tuple[str, ...] = ()

    def __call__(self, shard: Shard, blamed: Mapping[str, WorkerFailure], step: Callable[[str], None]) -> ShardReport:
        """Bring a shard up to date and commit it.

        Raises:
            DiskError: The disk refused.
            ForeignFileError: A file that nfold did not write is in the way.
        """
        storage = LocalStorage(Path(self.target_root))
        former = read_records(storage, shard.former_parts, first=shard.range.first, end=shard.range.end)
        faults.hit("shard.started")
        intents = list_name(INTENTS, self.generation, shard.range.bits)
        known = names_in_lists(storage, (*shard.former_lists, intents))
        placer = Placer(storage=storage, known=known)
        recipe = _recipe_in_force(self.recipe, self.border, self.categories, self.documents)
        builder = SourceBuilder(settings=self.settings, recipe=recipe, placer=placer, step=step)

        def declare() -> None:
            claimed = {row.file for record in former.values() for row in record.files}
            wanted = {name for planned in shard.sources for name in builder.wanted_names(planned).values()}
            # What stands there and is not ours is refused when its turn comes, and not to be swept before.
            mine = [name for name in wanted - claimed if name in known or not storage.exists(name)]
            ledger.declare(storage, intents, sorted(mine))

        placer.declare = declare
        records: dict[str, SourceRecord] = {}
        for planned in shard.sources:
            step(planned.id)
            failure = blamed.get(planned.id)
            before = former.get(planned.id, SourceRecord())
            if failure is None:
                records[planned.id] = builder.build(planned, before)
            else:
                error = SampleError(
                    failure.message,
                    hint="The file may be made to crash its reader. Leave it out with --exclude.",
                    code=failure.code,
                )
                records[planned.id] = builder.skip(planned.id, before, error)
            faults.hit("shard.between_sources")
        # From here on no source is at work: a death is not to be blamed on the last one.
        step("")
        self._let_go_of_vanished(builder, former, records)
        ordered = [records[source] for source in sorted(records, key=lambda source: (source_key(source), source))]
        changed = self._commit(storage, shard, former, records, ordered, builder)
        names = tuple(category.name for category in recipe.categories)
        return _report(shard, ordered, builder, count_labels(ordered, names), changed=changed)

    def _let_go_of_vanished(
        self, builder: SourceBuilder, former: Mapping[str, SourceRecord], records: dict[str, SourceRecord]
    ) -> None:
        for source, record in former.items():
            if source in records or not record.files:
                continue
            if self.settings.keep_removed:
                records[source] = SourceRecord(files=[replace(row, retained=True) for row in record.files])
            else:
                builder.surplus.update((row.file, row) for row in record.files)

    def _commit(
        self,
        storage: LocalStorage,
        shard: Shard,
        former: Mapping[str, SourceRecord],
        records: Mapping[str, SourceRecord],
        ordered: list[SourceRecord],
        builder: SourceBuilder,
    ) -> bool:
        name = part_name(shard.range.bits)
        if records == former and shard.former_parts == (name,):
            return False
        faults.hit("shard.files_written")
        storage.sync(builder.placer.written)
        faults.hit("shard.files_synced")
        if builder.surplus:
            name_of_list = list_name(SURPLUS, self.generation, shard.range.bits)
            ledger.let_go(storage, name_of_list, builder.surplus.values())
        digest = digest_of(row for record in ordered for row in record.files)
        header = PartHeader(bits=shard.range.bits, generation=self.generation, digest=f"{digest:064x}")
        storage.put_durably(name, encode_part(header, ordered))
        faults.hit("shard.committed")
        storage.remove(list_name(INTENTS, self.generation, shard.range.bits))
        return True


@lru_cache(maxsize=4)
def _recipe_in_force(text: str, border: Border, categories: str, documents: tuple[str, ...]) -> RecipeInForce:
    recipe = parse_recipe(text, origin="the request")
    known = decode_categories(categories)
    return RecipeInForce(recipe=recipe, border=border, categories=known, documents=documents)


def _report(
    shard: Shard, ordered: list[SourceRecord], builder: SourceBuilder, labels: LabelCounts, *, changed: bool
) -> ShardReport:
    classes: dict[tuple[str | None, str | None], ClassCount] = {}
    conversions: dict[str, int] = {}
    short: dict[str, int] = {}
    for planned in shard.sources:
        classes.setdefault((planned.split, planned.category), ClassCount()).sources += 1
    for record in ordered:
        if record.source is None:
            continue
        count = classes[record.source.split, record.source.category]
        for row in record.files:
            if not row.retained and row.role is None:
                count.originals += row.copy == 0
                count.copies += row.copy > 0
        for conversion in record.source.conversions:
            conversions[conversion] = conversions.get(conversion, 0) + 1
        if record.shorts:
            short[record.source.source] = len(record.shorts)
    rows = [row for record in ordered for row in record.files]
    return ShardReport(
        bits=shard.range.bits,
        classes=classes,
        input_bytes=sum(record.source.size for record in ordered if record.source),
        output_bytes=sum(row.size for row in rows if not row.retained),
        files=sum(not row.retained and row.role is None for row in rows),
        written=len(builder.placer.written),
        removed=len(builder.surplus),
        retained=sum(row.retained for row in rows),
        skipped=tuple(record.skip for record in ordered if record.skip),
        short=short,
        set_aside=tuple(builder.placer.set_aside),
        conversions=conversions,
        digest=digest_of(rows),
        labels=labels,
        changed=changed,
    )
