"""Sources by their place: on disk, open to every thread and process, and gone with whoever made them."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import nfold
from nfold.errors import InputError
from nfold.stream.places import SourcePlaces


@pytest.fixture
def places(stream: nfold.Stream) -> SourcePlaces:
    return stream.reader.opened.places


def folder_of(places: SourcePlaces) -> Path:
    return places.__getstate__()["path"].parent


def test_sources_stand_in_the_order_of_their_names(places: SourcePlaces, photos: Path) -> None:
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    assert [planned.id for planned in places] == names
    assert [places[number].id for number in range(len(places))] == names
    assert [places.place_of(name) for name in names] == list(range(9))
    assert places[-1].id == names[-1]


@pytest.mark.parametrize("place", [9, -10, 1000])
def test_there_is_nothing_beyond_the_last(places: SourcePlaces, place: int) -> None:
    with pytest.raises(IndexError, match="of 9 sources"):
        places[place]
    with pytest.raises(KeyError):
        places.place_of("cat/nobody.png")


def test_threads_read_side_by_side(places: SourcePlaces) -> None:
    wanted = [planned.id for planned in places]
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append([planned.id for planned in places])) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 5


def test_a_pickle_is_small_and_reads_the_same_file(places: SourcePlaces) -> None:
    pickled = pickle.dumps(places)
    assert len(pickled) < 1000
    clone = pickle.loads(pickled)
    assert [planned.id for planned in clone] == [planned.id for planned in places]
    assert (clone.classes, clone.digest) == (places.classes, places.digest) == (("cat", "dog"), places.digest)


def test_another_set_of_sources_has_another_digest(places: SourcePlaces, photos: Path) -> None:
    (photos / "cat/1.png").rename(photos / "cat/1a.png")
    assert nfold.Stream(photos).reader.opened.places.digest != places.digest


def test_the_folder_goes_with_the_stream(photos: Path) -> None:
    stream = nfold.Stream(photos)
    folder = folder_of(stream.reader.opened.places)
    clone = pickle.loads(pickle.dumps(stream))
    inference = stream.inference()
    assert folder.is_dir()
    del stream
    gc.collect()
    assert folder.is_dir(), "the stream without variation still needs it"
    del inference
    gc.collect()
    assert not folder.exists()
    with pytest.raises(InputError) as caught:
        clone[1, 0]
    assert caught.value.stable_code == "stream.closed"


def test_a_clone_does_not_take_the_folder_with_it(places: SourcePlaces) -> None:
    clone = pickle.loads(pickle.dumps(places))
    assert clone[0].id == places[0].id
    del clone
    gc.collect()
    assert folder_of(places).is_dir()
    if hasattr(os, "fork"):
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        assert folder_of(places).is_dir()


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(3)", "1 / 0"])
def test_the_folder_is_gone_after_the_process_ends(photos: Path, tmp_path: Path, ending: str) -> None:
    code = f"import nfold\nstream = nfold.Stream({str(photos)!r})\nassert stream[1, 0]\n{ending}\n"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(temporary)}, capture_output=True, check=False
    )
    assert list(temporary.iterdir()) == []


def test_a_folder_that_cannot_be_opened_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    temporary, empty = tmp_path / "temporary", tmp_path / "empty"
    temporary.mkdir()
    empty.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with pytest.raises(InputError):
        nfold.Stream(empty)
    gc.collect()
    assert list(temporary.iterdir()) == []
