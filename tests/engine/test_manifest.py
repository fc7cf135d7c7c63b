from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.manifest import (
    DIGEST_MODULUS,
    FileRow,
    PartHeader,
    ShortRow,
    SkipRow,
    SourceRecord,
    SourceRow,
    all_records,
    digest_of,
    encode_part,
    file_digest,
    group_rows,
    list_parts,
    parse_row,
    part_name,
    read_part,
    read_records,
)
from nfold.plan.table import KEY_BITS, source_key
from nfold.storage import LocalStorage
from tests.conftest import tree_digest

NAMES = st.text('aé\n\udcff"\\/ 9', min_size=1, max_size=8)
TEXT = st.text("abc 9é", max_size=8)
NUMBERS = st.integers(0, 2**63)
ROWS = {
    SourceRow: st.builds(
        SourceRow,
        **dict.fromkeys(("source", "sha256", "pixels", "build"), NAMES),
        size=NUMBERS,
        mtime_ns=NUMBERS,
        path=st.none() | NAMES,
        split=st.none() | st.sampled_from(["train", "val"]),
        category=st.none() | NAMES,
        conversions=st.lists(NAMES, max_size=2).map(tuple),
    ),
    FileRow: st.builds(
        FileRow,
        **dict.fromkeys(("file", "source", "source_sha256", "sha256", "pixels", "build"), NAMES),
        **dict.fromkeys(("copy", "draw", "size", "mtime_ns"), NUMBERS),
        applied=st.lists(
            st.tuples(TEXT, st.dictionaries(TEXT, st.floats(allow_nan=False) | st.lists(NUMBERS) | TEXT)).map(list),
            max_size=2,
        ).map(tuple),
        carried=st.lists(NAMES, max_size=2).map(tuple),
        retained=st.booleans(),
    ),
    ShortRow: st.builds(ShortRow, source=NAMES, source_sha256=TEXT, copy=NUMBERS, draws=NUMBERS, build=TEXT),
    SkipRow: st.builds(SkipRow, source=NAMES, code=TEXT, message=TEXT, hint=st.none() | TEXT),
}


def file_row(source: str, copy: int = 0, **changes: Any) -> FileRow:
    known: dict[str, Any] = {
        "file": f"{source}_{copy}",
        "source": source,
        "source_sha256": "5",
        "copy": copy,
        "draw": 0,
    }
    known |= {"sha256": "ab", "size": 1, "mtime_ns": 2, "pixels": "p", "build": "b"}
    return FileRow(**{**known, **changes})


def record(source: str, **changes: Any) -> SourceRecord:
    return SourceRecord(files=[file_row(source, **changes)])


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.kind)
@given(data=st.data())
def test_a_row_is_read_as_it_was_written(kind: Any, data: st.DataObject) -> None:
    row = data.draw(ROWS[kind])
    storage_form = encode_part(PartHeader(bits="", generation=1, digest="0"), [_record_of(row)]).splitlines()[1]
    assert parse_row(storage_form) == row
    assert set(row.to_json()) <= {"kind", *(field.name for field in fields(row))}


def _record_of(row: Any) -> SourceRecord:
    match row:
        case SourceRow():
            return SourceRecord(source=row)
        case FileRow():
            return SourceRecord(files=[row])
        case ShortRow():
            return SourceRecord(shorts=[row])
        case _:
            return SourceRecord(skip=row)


def test_keys_of_a_later_version_are_ignored() -> None:
    assert parse_row('{"kind":"skip","source":"a","code":"c","message":"m","mood":"good"}') == SkipRow(
        source="a", code="c", message="m"
    )


@settings(deadline=None)
@given(sources=st.lists(NAMES, unique=True, max_size=6), copies=st.integers(0, 3), order=st.randoms())
def test_a_part_gives_back_its_records(sources: list[str], copies: int, order: Any) -> None:
    records = {}
    for source in sources:
        files = [file_row(source, copy) for copy in range(copies + 1)]
        order.shuffle(files)
        records[source] = SourceRecord(files=files, skip=SkipRow(source=source, code="c", message="m"))
    header = PartHeader(bits="01", generation=3, digest="77")
    rows = [parse_row(line) for line in encode_part(header, records.values()).splitlines()[1:]]
    read = dict(group_rows(rows))
    assert list(read) == sources
    for source, found in read.items():
        assert [row.copy for row in found.files] == list(range(copies + 1))
        assert sorted(found.files, key=lambda row: row.copy) == found.files
        assert set(found.files) == set(records[source].files)
        assert found.skip == records[source].skip


@given(st.lists(st.tuples(NAMES, st.sampled_from(["00", "ff"]), st.booleans()), max_size=8), st.randoms())
def test_the_tree_digest_is_a_sum_in_any_order_over_what_is_not_retained(
    files: list[tuple[str, str, bool]], order: Any
) -> None:
    rows = [file_row("s", file=name, sha256=sha256, retained=retained) for name, sha256, retained in files]
    shuffled = list(rows)
    order.shuffle(shuffled)
    cut = len(rows) // 2
    total = sum(
        int.from_bytes(hashlib.sha256(os.fsencode(name) + b"\0" + sha256.encode()).digest(), "big")
        for name, sha256, retained in files
        if not retained
    )
    assert digest_of(rows) == digest_of(shuffled) == total % DIGEST_MODULUS
    assert digest_of(rows) == (digest_of(rows[:cut]) + digest_of(rows[cut:])) % DIGEST_MODULUS


def test_a_digest_tells_name_and_content_apart() -> None:
    assert (
        len({file_digest("ab", "cd"), file_digest("a", "bcd"), file_digest("cd", "ab"), file_digest("ab", "ce")}) == 4
    )


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path)


def put_part(storage: LocalStorage, bits: str, generation: int, sources: list[str]) -> None:
    inside = [source for source in sources if f"{source_key(source):0{KEY_BITS}b}".startswith(bits)]
    header = PartHeader(bits=bits, generation=generation, digest="0")
    records = [record(source, build=f"{bits or 'all'}@{generation}") for source in sorted(inside, key=source_key)]
    storage.put(part_name(bits), encode_part(header, records))


def builds(storage: LocalStorage) -> dict[str, str]:
    found: dict[str, str] = {}
    for source, one in all_records(storage):
        assert source not in found, "two parts speak of one source"
        found[source] = one.files[0].build
    return found


class TestOverlap:
    SOURCES = tuple(f"{number}.png" for number in range(40))

    def expected(self, parts: dict[str, int]) -> dict[str, str]:
        """The oracle: of all parts that cover a source, the newest."""
        found = {}
        for source in self.SOURCES:
            bits = f"{source_key(source):0{KEY_BITS}b}"
            covering = [(generation, part) for part, generation in parts.items() if bits.startswith(part)]
            if covering:
                generation, part = max(covering)
                found[source] = f"{part or 'all'}@{generation}"
        return found

    @pytest.mark.parametrize(
        "parts",
        [
            {"": 1},
            {"0": 1, "1": 4},
            {"": 1, "0": 2},
            {"": 3, "0": 2, "1": 1},
            {"": 1, "0": 2, "1": 2, "00": 3},
            {"00": 5, "01": 2, "0": 4, "1": 1, "110": 3},
            {"": 2, "1111": 1, "11": 3, "1": 4},
        ],
        ids=str,
    )
    def test_where_parts_overlap_the_newest_speaks(self, parts: dict[str, int], storage: LocalStorage) -> None:
        for bits, generation in parts.items():
            put_part(storage, bits, generation, list(self.SOURCES))
        assert builds(storage) == self.expected(parts)
        half = 1 << (KEY_BITS - 1)
        read: dict[str, SourceRecord] = {}
        for first, end in ((0, half), (half, 1 << KEY_BITS)):
            in_half = read_records(storage, list_parts(storage).values(), first=first, end=end)
            assert all(first <= source_key(source) < end for source in in_half)
            read |= in_half
        assert {source: one.files[0].build for source, one in read.items()} == self.expected(parts)

    def test_a_newer_part_that_no_longer_names_a_source_has_the_last_word(self, storage: LocalStorage) -> None:
        put_part(storage, "", 1, list(self.SOURCES))
        put_part(storage, "0", 2, [])
        assert builds(storage) == {
            source: build for source, build in self.expected({"": 1}).items() if source_key(source) >> (KEY_BITS - 1)
        }


def test_other_files_among_the_parts_are_no_parts(storage: LocalStorage) -> None:
    put_part(storage, "01", 1, [])
    storage.put(".nfold/parts/notes.txt", b"")
    storage.put(".nfold/parts/s01.jsonl.bak", b"")
    assert list_parts(storage) == {"01": ".nfold/parts/s01.jsonl"}


def test_the_parts_of_a_run_add_up_to_its_tree_digest(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    report = expand_inline(make_folder(20), tmp_path / "out", copies=2)
    storage = LocalStorage(tmp_path / "out")
    shares = [int(read_part(storage, name)[0].digest, 16) for name in list_parts(storage).values()]
    assert len(shares) > 4
    assert f"{sum(shares) % DIGEST_MODULUS:064x}" == report.tree_digest == tree_digest(tmp_path / "out")
