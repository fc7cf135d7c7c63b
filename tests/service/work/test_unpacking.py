"""Archives are unpacked within bounds, or refused without a trace."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nfold.errors import InputError
from nfold_service.work.catalogue import opened
from nfold_service.work.unpacking import unpack
from tests.service.archives import HARMLESS, PNG, REFUSED, make_tar, make_zip

LIMITS: dict[str, Any] = {
    "files": 200_000,
    "unpacked_bytes": 50 << 30,
    "image_bytes": 50 << 20,
    "label_bytes": 1 << 30,
    "ratio": 100.0,
    "names": {"depth": 16, "bytes": 255},
}


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def unpacked(folder: Path, archive: bytes, **limits: Any) -> dict[str, Any]:
    (folder / "archive").write_bytes(archive)
    return unpack(
        archive=str(folder / "archive"),
        staging=str(folder / "staging"),
        limits={**LIMITS, **limits},
        say=lambda data: None,
    )


@pytest.mark.parametrize("name", REFUSED)
def test_a_crafted_archive_is_refused_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    make, code = REFUSED[name]
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    archive = make()
    began = time.monotonic()
    with pytest.raises(InputError) as caught:
        unpacked(inner, archive)
    assert caught.value.stable_code == code, caught.value.message
    assert time.monotonic() - began < 10  # two seconds alone on a core, see the memory test; others work here, too
    assert tree(tmp_path) == {"a", "a/b", "a/b/archive"}
    assert "\0" not in caught.value.message


@pytest.mark.parametrize("name", HARMLESS)
def test_an_odd_archive_gives_only_images_under_checked_names(name: str, tmp_path: Path) -> None:
    make, expected = HARMLESS[name]
    unpacked(tmp_path, make())
    files = tmp_path / "staging" / "files"
    assert {path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file()} == expected
    with opened(tmp_path / "staging" / "catalogue.db") as catalogue:
        assert {path for path, _ in catalogue.page("", 100)} == expected
        assert catalogue.totals() == (len(expected), len(PNG) * len(expected))


def test_crafted_archives_cost_little_time_and_memory(tmp_path: Path) -> None:
    """Each in a process of its own, as the service does it, measured by the system: CPU seconds and peak memory."""
    program = (
        "import resource, sys, json, time\n"
        "from nfold_service.work.unpacking import unpack\n"
        "from nfold.errors import InputError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF)\n"
        "try:\n"
        "    unpack(archive=sys.argv[1], staging=sys.argv[2], limits=json.loads(sys.argv[3]), say=print)\n"
        "except InputError: pass\n"
        "after = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss - before.ru_maxrss)\n"
    )
    heavy = (
        "zip 1e6 entries",
        "zip 1e6 entries, one told",
        "zip overlapping",
        "zip 1000:1",
        "tar.gz bomb",
        "tar.bz2 bomb",
    )
    for name in heavy:
        archive = tmp_path / "archive"
        archive.write_bytes(REFUSED[name][0]())
        done = subprocess.run(
            [sys.executable, "-c", program, str(archive), str(tmp_path / "staging"), json.dumps(LIMITS)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        seconds, kib = done.stdout.split()[-2:]
        assert float(seconds) < 2.0, (name, seconds)
        assert int(kib) < 64 * 1024, (name, kib)


def test_what_is_no_image_and_no_label_is_counted_and_not_kept(tmp_path: Path) -> None:
    archive = make_zip(
        ("a.png", PNG), ("labels/a.txt", b"0 .5 .5 1 1\n"), ("x.exe", b"MZ"), ("y.exe", b"MZ"), ("n", b"")
    )
    result = unpacked(tmp_path, archive)
    assert result["files"] == 2
    assert result["passed_over"] == {".exe": 2, "": 1}


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"files": 2}, "archive.too_many_files"),
        ({"unpacked_bytes": 100}, "archive.too_large"),
        ({"image_bytes": 10}, "archive.file_too_large"),
        ({"ratio": 1.0}, "archive.ratio"),
        ({"names": {"depth": 16, "bytes": 4}}, "archive.name"),
    ],
)
def test_each_limit_holds_for_zip_and_tar(limits: dict[str, Any], code: str, tmp_path: Path) -> None:
    big = ("d.bmp", bytes(2 << 20)) if code == "archive.ratio" else ("c.png", PNG)
    for archive in (make_zip(("a.png", PNG), ("b.png", PNG), big), make_tar(("a.png", PNG), ("b.png", PNG), big)):
        if code == "archive.ratio" and archive.startswith(b"PK") is False:
            continue  # a tar that is not compressed has no ratio
        with pytest.raises(InputError) as caught:
            unpacked(tmp_path, archive, **limits)
        assert caught.value.stable_code == code


def test_files_get_modes_of_our_own_and_no_links(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("d/a.png")
        info.external_attr = 0o104777 << 16  # set user id, and everybody may write
        archive.writestr(info, PNG)
    umask = os.umask(0o022)
    os.umask(umask)
    unpacked(tmp_path, buffer.getvalue())
    mode = (tmp_path / "staging" / "files" / "d" / "a.png").stat().st_mode
    assert mode & 0o7777 == 0o666 & ~umask


def test_progress_is_told_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfold_service.work.unpacking._TELL_S", -1.0)
    (tmp_path / "archive").write_bytes(make_zip(("a.png", PNG), ("b.png", PNG)))
    told: list[dict[str, Any]] = []
    unpack(archive=str(tmp_path / "archive"), staging=str(tmp_path / "s"), limits=LIMITS, say=told.append)
    assert told == [{"files": 1, "bytes": len(PNG)}, {"files": 2, "bytes": 2 * len(PNG)}]


def test_damage_anywhere_is_an_error_of_ours_or_a_whole_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfold_service.work.unpacking._sync", lambda folder: None)  # 200 times is long
    good = make_zip(("a/b.png", PNG), ("a/c.png", PNG))
    tar = make_tar(("a/b.png", PNG), ("a/c.png", PNG))
    rng = random.Random(5)
    for archive in (good, tar):
        for _ in range(100):
            broken = bytearray(archive)
            for _ in range(rng.randrange(1, 4)):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            codes = {"archive."}
            try:
                unpacked(tmp_path, bytes(broken))
            except InputError as error:
                codes.add(error.stable_code)
            assert all(code.startswith("archive.") for code in codes)
            assert {path.name for path in tmp_path.iterdir()} <= {"archive", "staging"}
