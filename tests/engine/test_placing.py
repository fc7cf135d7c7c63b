from __future__ import annotations

import os
from pathlib import Path

import pytest

from nfold.errors import ForeignFileError
from nfold.manifest import FileRow, PartHeader, SourceRecord, encode_part, part_name
from nfold.placing import Placer, is_unmodified
from nfold.storage import LocalStorage
from tests.engine.test_manifest import file_row


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "out")


@pytest.fixture
def placer(storage: LocalStorage) -> Placer:
    return Placer(storage=storage)


def row_of(storage: LocalStorage, name: str, data: bytes, source: str = "s") -> FileRow:
    """Write a file and give the row that the manifest would have for it."""
    import hashlib

    facts = storage.put(name, data)
    sha256 = hashlib.sha256(data).hexdigest()
    return file_row(source, file=name, sha256=sha256, size=facts.size, mtime_ns=facts.mtime_ns)


def test_a_new_file_is_written(placer: Placer, storage: LocalStorage) -> None:
    facts = placer.put("a.png", b"data", [])
    assert storage.facts("a.png") == facts
    assert (placer.written, placer.set_aside) == (["a.png"], [])


def test_a_file_of_ours_is_replaced(placer: Placer, storage: LocalStorage) -> None:
    row = row_of(storage, "a.png", b"former")
    placer.put("a.png", b"new", [row])
    assert storage.read("a.png") == b"new"
    assert placer.set_aside == []


def test_a_file_of_ours_that_somebody_changed_is_kept(placer: Placer, storage: LocalStorage) -> None:
    row = row_of(storage, "a.png", b"former")
    storage.put("a.png", b"edited by hand")
    placer.put("a.png", b"new", [row])
    assert storage.read("a.png") == b"new"
    assert [storage.read(name) for name in placer.set_aside] == [b"edited by hand"]


def test_a_file_that_has_the_right_bytes_is_taken_over_and_not_written(placer: Placer, storage: LocalStorage) -> None:
    storage.put("a.png", b"data")
    os.utime(storage.path("a.png"), ns=(1, 1))
    facts = placer.put("a.png", b"data", [])
    assert facts.mtime_ns == 1
    assert placer.set_aside == []


@pytest.mark.parametrize("what", ["file", "folder", "link", "broken link"])
def test_what_nfold_did_not_write_is_never_touched(what: str, placer: Placer, storage: LocalStorage) -> None:
    path = Path(storage.path("a.png"))
    storage.put("theirs.png", b"theirs")
    if what == "file":
        path.write_bytes(b"theirs")
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to("theirs.png" if what == "link" else "nowhere")
    with pytest.raises(ForeignFileError, match="nfold did not write it"):
        placer.put("a.png", b"new", [])
    assert storage.exists("a.png")
    assert storage.read("theirs.png") == b"theirs"


def test_what_a_run_that_was_cut_short_had_meant_to_write_is_kept_aside(storage: LocalStorage) -> None:
    placer = Placer(storage=storage, known={"a.png"})
    storage.put("a.png", b"perhaps ours")
    placer.put("a.png", b"new", [])
    assert storage.read("a.png") == b"new"
    assert [storage.read(name) for name in placer.set_aside] == [b"perhaps ours"]


def test_the_former_copy_of_another_source_makes_way(placer: Placer, storage: LocalStorage) -> None:
    row = row_of(storage, "a_aug1.png", b"a copy of a.png", source="a.png")
    header = PartHeader(bits="", generation=1, digest="0")
    storage.put(part_name(""), encode_part(header, [SourceRecord(files=[row])]))
    placer.put("a_aug1.png", b"an original of that name", [])
    assert storage.read("a_aug1.png") == b"an original of that name"


def test_whether_a_file_was_modified_is_told_by_its_bytes_when_its_time_has_changed(storage: LocalStorage) -> None:
    row = row_of(storage, "a.png", b"data")

    def judged() -> bool:
        facts = storage.facts("a.png")
        assert facts is not None
        return is_unmodified(storage, row, facts)

    assert judged()
    os.utime(storage.path("a.png"), ns=(5, 5))
    assert judged(), "copied with another time, and the same"
    Path(storage.path("a.png")).write_bytes(b"dat4")
    assert not judged()
    Path(storage.path("a.png")).write_bytes(b"longer")
    assert not judged()
