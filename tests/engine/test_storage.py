from __future__ import annotations

import errno
import hashlib
import os
import tracemalloc
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold import faults
from nfold import storage as storage_module
from nfold.errors import DiskError, OutputError
from nfold.storage import LocalStorage, WrittenText, normal_id
from tests.conftest import tree


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "out")


def refuse_at(monkeypatch: pytest.MonkeyPatch, point: str, number: int = errno.ENOSPC) -> None:
    def fail(name: str) -> None:
        if name == point:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(faults, "hit", fail)


def temporaries(storage: LocalStorage) -> list[str]:
    return storage.names_in(".nfold/tmp")


class TestPut:
    def test_what_is_put_can_be_read_with_its_facts(self, storage: LocalStorage) -> None:
        facts = storage.put("a/b/c.bin", b"data")
        assert storage.read("a/b/c.bin") == b"data"
        assert storage.facts("a/b/c.bin") == facts
        assert facts.size == 4
        assert temporaries(storage) == []

    @pytest.mark.parametrize("point", ["storage.open", "storage.write", "storage.rename"])
    @pytest.mark.parametrize("method", ["put", "put_durably"])
    def test_when_it_fails_the_former_file_stands_and_nothing_else(
        self, method: str, point: str, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage.put("a.bin", b"former")
        refuse_at(monkeypatch, point)
        with pytest.raises(DiskError, match=r"Cannot write a\.bin: the disk is full"):
            getattr(storage, method)("a.bin", b"new")
        with pytest.raises(DiskError):
            getattr(storage, method)("other.bin", b"new")
        assert storage.read("a.bin") == b"former"
        assert not storage.exists("other.bin")
        assert temporaries(storage) == []

    def test_a_reader_sees_the_old_file_or_the_new_one(
        self, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage.put("a.bin", b"old")
        seen = []
        monkeypatch.setattr(faults, "hit", lambda name: seen.append((name, storage.read("a.bin"))))
        storage.put("a.bin", b"new")
        assert {content for _, content in seen} == {b"old"}
        assert "storage.rename" in {name for name, _ in seen}
        assert storage.read("a.bin") == b"new"

    def test_a_short_write_is_gone_on_with(self, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
        write = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:3]))
        storage.put("a.bin", b"0123456789")
        assert storage.read("a.bin") == b"0123456789"


class TestLines:
    def test_lines_are_there_when_all_are_written(self, storage: LocalStorage) -> None:
        with storage.lines("list.jsonl") as write:
            write("one")
            assert not storage.exists("list.jsonl")
            write("two")
        assert storage.read("list.jsonl") == b"one\ntwo\n"
        assert temporaries(storage) == []

    def test_nothing_is_left_when_the_writer_fails(self, storage: LocalStorage) -> None:
        storage.put("list.jsonl", b"former\n")
        with pytest.raises(UnicodeEncodeError), storage.lines("list.jsonl") as write:
            write("é is no ASCII")
        assert storage.read("list.jsonl") == b"former\n"
        assert temporaries(storage) == []

    @pytest.mark.parametrize("point", ["storage.rename", "storage.sync"])
    def test_nothing_is_left_when_the_disk_fails(
        self, point: str, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refuse_at(monkeypatch, point)
        with pytest.raises(DiskError), storage.lines("list.jsonl") as write:
            write("one")
        assert temporaries(storage) == []


class TestSetAside:
    def test_nothing_that_was_kept_is_overwritten(self, storage: LocalStorage) -> None:
        kept = []
        for content in (b"first", b"second", b"third"):
            storage.put("cats/a.png", content)
            kept.append(storage.set_aside("cats/a.png"))
            assert not storage.exists("cats/a.png")
        assert len(set(kept)) == 3
        assert [storage.read(name) for name in kept] == [b"first", b"second", b"third"]

    def test_a_link_is_moved_and_not_what_it_shows(self, storage: LocalStorage, tmp_path: Path) -> None:
        storage.put("b.png", b"data")
        (tmp_path / "out/a.png").symlink_to("b.png")
        kept = storage.set_aside("a.png")
        assert Path(storage.path(kept)).is_symlink()
        assert storage.read("b.png") == b"data"


@pytest.mark.parametrize("has_syncfs", [True, False])
class TestSync:
    @pytest.fixture(autouse=True)
    def choose(self, has_syncfs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        if has_syncfs and storage_module._syncfs is None:
            pytest.skip("this system has no syncfs that tells of errors")
        if not has_syncfs:
            monkeypatch.setattr(storage_module, "_syncfs", None)

    def test_every_file_and_every_folder_above_it_is_made_durable(
        self, has_syncfs: bool, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = ["a.png", "c/d/e.png"]
        for name in names:
            storage.put(name, b"data")
        synced: set[str] = set()
        real = os.fsync
        monkeypatch.setattr(
            os, "fsync", lambda number: (synced.add(os.readlink(f"/proc/self/fd/{number}")), real(number))
        )
        storage.sync(names)
        root = str(storage.root)
        wanted = {root, f"{root}/c", f"{root}/c/d", *(f"{root}/{name}" for name in names)}
        assert synced == (set() if has_syncfs else wanted)

    def test_a_run_ends_with_the_same_tree(
        self, has_syncfs: bool, make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
    ) -> None:
        source = make_folder({"a/x.png": 1, "b/y.png": 2})
        report = expand_inline(source, tmp_path / "out", copies=2)
        assert report.is_whole
        assert len(tree(tmp_path / "out")) == 6

    def test_a_disk_that_fails_to_sync_is_an_error(
        self, has_syncfs: bool, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import ctypes

        storage.put("a.png", b"data")

        def fail(descriptor: int) -> int:
            ctypes.set_errno(errno.EIO)
            if has_syncfs:
                return -1
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(storage_module, "_syncfs", fail) if has_syncfs else monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(DiskError, match="input/output error"):
            storage.sync(["a.png"])


class TestErrors:
    def test_a_name_that_is_too_long_is_told_as_such(self, storage: LocalStorage) -> None:
        with pytest.raises(OutputError) as caught:
            storage.put("x" * 300 + ".png", b"")
        assert caught.value.stable_code == "output.name_too_long"
        assert temporaries(storage) == []


class TestText:
    def test_a_text_is_there_whole_with_its_digest_or_not_at_all(self, storage: LocalStorage) -> None:
        with storage.text("a/labels.json") as write:
            write('{"name": "')
            assert not storage.exists("a/labels.json")
            write('é"}')
        assert storage.read("a/labels.json") == '{"name": "é"}'.encode()
        assert write.sha256 == hashlib.sha256('{"name": "é"}'.encode()).hexdigest()
        assert write.facts == storage.facts("a/labels.json")
        with pytest.raises(ZeroDivisionError), storage.text("b.json") as write:
            write(str(1 / 0))
        assert not storage.exists("b.json")
        assert temporaries(storage) == []

    def test_one_that_has_these_bytes_already_stays_as_it_is(self, storage: LocalStorage) -> None:
        with storage.text("a.json") as write:
            write("same")
        before = os.stat(storage.path("a.json"))
        with storage.text("a.json", former=write.sha256) as again:
            again("same")
        after = os.stat(storage.path("a.json"))
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
        assert again.facts == write.facts

    def test_a_former_one_is_compared_without_being_held_in_memory(self, storage: LocalStorage) -> None:
        def write_on(text: WrittenText) -> None:
            for _ in range(64):
                text("x" * 250_000)

        with storage.text("big.json") as first:
            write_on(first)
        tracemalloc.start()
        try:
            with storage.text("big.json", former=first.sha256) as again:
                write_on(again)
            assert storage.sha256("big.json") == first.sha256
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert again.facts == first.facts
        assert peak < 4_000_000, "the file has 16 MB"

    def test_bytes_and_text_make_up_one_file(self, storage: LocalStorage) -> None:
        with storage.text("a.txt") as text:
            text.add(b"\xff\n")
            text("é")
        assert storage.read("a.txt") == b"\xff\n" + "é".encode()
        assert text.sha256 == storage.sha256("a.txt")

    def test_one_that_somebody_changed_is_set_aside(self, storage: LocalStorage) -> None:
        with storage.text("a.json") as first:
            first("one")
        Path(storage.path("a.json")).write_text("mine")
        with storage.text("a.json", former=first.sha256) as second:
            second("two")
        assert second.set_aside is not None
        assert storage.read(second.set_aside) == b"mine"
        assert storage.read("a.json") == b"two"


class TestLink:
    def test_one_file_gets_two_names(self, storage: LocalStorage, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"data")
        facts = storage.link("c/a.png", str(tmp_path / "a.png"))
        assert (tmp_path / "out/c/a.png").samefile(tmp_path / "a.png")
        assert facts == storage.facts("c/a.png")
        assert storage.link("c/a.png", str(tmp_path / "a.png")) == facts, "again, over the former link"

    def test_where_it_cannot_be_the_hint_says_what_can(
        self, storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setattr(os, "link", refuse)
        with pytest.raises(OutputError, match="Cannot link") as caught:
            storage.link("a.png", str(tmp_path / "a.png"))
        assert caught.value.stable_code == "originals.cannot_link"
        assert "--originals copy" in (caught.value.hint or "")


class TestFolders:
    def test_folders_are_removed_as_far_as_they_are_empty_and_made_again(self, storage: LocalStorage) -> None:
        storage.put("a/b/c/d.png", b"")
        storage.put("a/e.png", b"")
        storage.remove("a/b/c/d.png")
        storage.remove("a/b/c/d.png")
        storage.remove_empty_folders_above("a/b/c/d.png")
        assert sorted(path.name for path in (storage.root / "a").iterdir()) == ["e.png"]
        storage.put("a/b/c/d.png", b"back")
        assert storage.read("a/b/c/d.png") == b"back"

    def test_a_folder_a_link_and_nothing_are_no_files(self, storage: LocalStorage) -> None:
        storage.put("a/b.png", b"")
        (storage.root / "link.png").symlink_to("a/b.png")
        (storage.root / "broken.png").symlink_to("nowhere")
        assert [storage.facts(name) for name in ("a", "link.png", "broken.png", "none", "a/b.png/x")] == [None] * 5
        assert [storage.exists(name) for name in ("a", "link.png", "broken.png", "none")] == [True, True, True, False]

    def test_what_a_killed_run_left_is_swept(self, storage: LocalStorage) -> None:
        assert storage.sweep_temporaries() == 0
        storage.put("a.png", b"")
        for name in ("1-1", "1-2"):
            (storage.root / ".nfold/tmp" / name).write_bytes(b"half")
        assert storage.sweep_temporaries() == 2
        assert temporaries(storage) == []
        assert storage.exists("a.png")

    def test_whether_case_counts_is_found_out_without_a_trace(
        self, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage.put("x", b"")
        before = sorted(path.name for path in (storage.root / ".nfold").rglob("*"))
        has_case = not (storage.root / "X").exists()
        assert storage.ignores_case() is not has_case
        assert sorted(path.name for path in (storage.root / ".nfold").rglob("*")) == before
        lexists = os.path.lexists
        probe = [".nfold/case-Probe", ".nfold/CASE-pROBE"]
        monkeypatch.setattr(os.path, "lexists", lambda path: lexists(str(path).replace(probe[1], probe[0])))
        assert storage.ignores_case()


def test_an_id_is_the_name_in_nfc_and_odd_bytes_stay() -> None:
    assert normal_id(unicodedata.normalize("NFD", "café/é.png")) == "café/é.png"
    assert normal_id("a\udcff/é.png") == "a\udcff/é.png"
