"""An archive is read by the package whose naming it follows."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nfold
from nfold.images import encode_image
from nfold.stream.archive import write_archive
from tests.conftest import write_picture

webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed: pip install webdataset")

# It leaves files to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    names = [
        "cat/a.b.jpg",
        "cat/a_b.jpg",
        "cat/c.png",
        "dog.v1/v.2.png",
        "dog.v1/größe.png",
        "__x__/" + "l" * 150 + ".png",
    ]
    for number, name in enumerate(names):
        write_picture(tmp_path / "source" / name, number)
    write_picture(tmp_path / "source/cat/plain.png", 9)
    (tmp_path / "source/cat/plain.png").rename(tmp_path / "source/cat" / os.fsdecode(b"bad\xff.png"))
    return tmp_path / "source"


def samples(path: Path) -> list[dict[str, Any]]:
    return list(webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False))


def test_each_item_is_one_sample_with_the_bytes_of_its_variation(source: Path, tmp_path: Path) -> None:
    stream = nfold.Stream(source, seed=3)
    with (tmp_path / "epoch.tar").open("wb") as file:
        write_archive(stream, file.write, epochs=range(2, 3), workers=2)
    read = samples(tmp_path / "epoch.tar")
    assert len({sample["__key__"] for sample in read}) == len(read) == 7
    served = {item.source: item for item in stream.epoch(2)}
    for sample in read:
        told = json.loads(sample["json"])
        ending = Path(told["source"]).suffix[1:]
        assert sample[ending] == encode_image(served[told["source"]].picture)
        assert int(sample["cls"]) == told["class_index"]
        assert set(sample) == {"__key__", "__url__", "__local_path__", ending, "cls", "json"}


def test_several_epochs_are_as_many_samples(source: Path, tmp_path: Path) -> None:
    written = io.BytesIO()
    write_archive(nfold.Stream(source), written.write, epochs=range(1, 4), by_epoch=True)
    (tmp_path / "epochs.tar").write_bytes(written.getvalue())
    keys = [sample["__key__"] for sample in samples(tmp_path / "epochs.tar")]
    assert len(set(keys)) == len(keys) == 21
    assert [key[:7] for key in keys[::7]] == ["e00001/", "e00002/", "e00003/"]


def test_its_decoder_knows_the_members(source: Path, tmp_path: Path) -> None:
    with (tmp_path / "epoch.tar").open("wb") as file:
        write_archive(nfold.Stream(source, seed=3), file.write, epochs=range(1, 2))
    decoded = webdataset.WebDataset(str(tmp_path / "epoch.tar"), shardshuffle=False, empty_check=False).decode("rgb8")
    for sample in decoded:
        picture = sample.get("png", sample.get("jpg"))
        assert isinstance(picture, np.ndarray)
        assert picture.shape == (sample["json"]["height"], sample["json"]["width"], 3)
        assert isinstance(sample["cls"], int)
