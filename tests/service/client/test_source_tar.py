"""The tar of a source: known in length, the same each time, readable from anywhere."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from nfold.errors import InputError
from nfold_service.client.source_tar import WRAPPER, SourceTar
from nfold_service.work.names import NameLimits

NAMES = NameLimits(depth=16, bytes=255)


def tar_of(root: Path, *, most_files: int = 100, exclude: tuple[str, ...] = ()) -> SourceTar:
    return SourceTar.of_folder(root, include=(), exclude=exclude, names=NAMES, most_files=most_files)


def write(root: Path, **files: int) -> Path:
    for name, size in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(index % 251 for index in range(size)))
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    long = "ä" * 90
    write(tmp_path, a__one_dot_jpg=1000, a__two_dot_png=512, b__empty_dot_jpg=0, notes_dot_txt=7, c__film_dot_mp4=9)
    return write(tmp_path, **{f"{long}__{long}_dot_jpg": 3})


def test_python_reads_what_it_holds(root: Path) -> None:
    tar = tar_of(root)
    content = tar.read(0, tar.length)
    assert len(content) == tar.length
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        found = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    wanted = [path for path in root.rglob("*") if path.is_file() and path.suffix != ".mp4"]
    assert found == {path.relative_to(root).as_posix(): path.read_bytes() for path in wanted}


@pytest.mark.parametrize("size", [1, 511, 512, 700, 100_000])
def test_pieces_make_the_whole(root: Path, size: int) -> None:
    tar = tar_of(root)
    pieces = [tar.read(offset, size) for offset in range(0, tar.length, size)]
    assert b"".join(pieces) == tar.read(0, tar.length)
    assert all(len(piece) == size for piece in pieces[:-1])


def test_a_lone_folder_of_folders_is_put_into_another_that_the_service_takes_off(tmp_path: Path) -> None:
    tar = tar_of(write(tmp_path, pets__cat__one_dot_jpg=3))
    assert tar.read(0, 100).startswith(f"{WRAPPER}/pets/cat/one.jpg".encode())


def test_it_tells_when_a_file_was_changed(root: Path) -> None:
    before = tar_of(root)
    (root / "a/one.jpg").write_bytes(b"other")
    assert tar_of(root).fingerprint != before.fingerprint
    with pytest.raises(InputError) as caught:
        before.read(0, before.length)
    assert caught.value.stable_code == "input.changed"


def test_what_is_left_out_is_not_sent(root: Path) -> None:
    tar = tar_of(root, exclude=("a/*",))
    assert b"one.jpg" not in tar.read(0, tar.length)


def test_more_files_than_the_service_takes_are_refused_before_the_upload(root: Path) -> None:
    with pytest.raises(InputError) as caught:
        tar_of(root, most_files=2)
    assert caught.value.stable_code == "archive.too_many_files"


def test_names_that_the_service_refuses_are_refused_before_the_upload(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        tar_of(write(tmp_path, **{"back\\slash_dot_jpg": 3}))
    assert caught.value.stable_code == "archive.name"
