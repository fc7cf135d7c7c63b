from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nfold.card import Card, Identity, build_name, refuse_foreign, refuse_other_identity, refuse_other_versions
from nfold.errors import OutputError, OutputMismatchError
from nfold.storage import LocalStorage
from nfold.versions import BuildFacts

IDENTITY = Identity(
    recipe_digest="d", seed=0, name="{stem}_{copy}{ext}", originals="copy", damaged="skip", split=None, group=None
)
FACTS = BuildFacts(pixels_version=1, libraries={"numpy": "2.0"}, cpu="x86_64 AVX2")
OTHERS: dict[str, tuple[Any, str]] = {
    "recipe_digest": ("e", "the recipe is another one"),
    "seed": (5, "the seed was 0, is 5"),
    "name": ("x", "--name was {stem}_{copy}{ext}, is x"),
    "originals": ("none", "--originals was copy, is none"),
    "damaged": ("keep", "--damaged was skip, is keep"),
    "split": ("80/20", "--split was not given, is 80/20"),
    "group": ("a", "--group was not given, is a"),
    "group_similar": (0, "--group-similar was not given, is 0"),
    "to": ("coco", "--to was not given, is coco"),
}


def card(**changes: Any) -> Card:
    known: dict[str, Any] = {"state": "running", "generation": 3, "nfold": "0.1", "identity": IDENTITY}
    known |= {"builds": {build_name(IDENTITY, FACTS): FACTS}, "build": build_name(IDENTITY, FACTS)}
    known |= {"request": {"copies": 1, "source": "\udcff"}, "recipe": {"name": "é"}, "border": {"fill": [1, 2]}}
    return Card(**{**known, "format": "folder", "source": "/in\udcff", **changes})


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    assert Card.read(storage) is None
    card(result={"images_after": 3}).write(storage)
    assert Card.read(storage) == card(result={"images_after": 3})
    assert storage.read("nfold.json").isascii()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "output.not_ours"),
        (b"no json", "output.not_ours"),
        (b"[1]", "output.not_ours"),
        (b"{}", "output.not_ours"),
        (b'{"card_version": 1}', "output.not_ours"),
        (b'{"card_version": 1, "identity": {}}', "output.not_ours"),
        (b"\xff\xfe", "output.not_ours"),
        (b'{"card_version": 2}', "output.version"),
    ],
)
def test_what_is_no_card_is_refused_and_left_alone(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "nfold.json").write_bytes(content)
    with pytest.raises(OutputError) as caught:
        Card.read(LocalStorage(tmp_path))
    assert caught.value.stable_code == code
    assert (tmp_path / "nfold.json").read_bytes() == content


def test_every_part_of_the_identity_is_compared_and_named() -> None:
    assert set(OTHERS) == set(Identity.__dataclass_fields__)
    refuse_other_identity(card(), IDENTITY)
    for name, (value, words) in OTHERS.items():
        with pytest.raises(OutputMismatchError) as caught:
            refuse_other_identity(card(), replace(IDENTITY, **{name: value}))
        assert f": {words}." in caught.value.message
    with pytest.raises(OutputMismatchError) as caught:
        refuse_other_identity(card(), replace(IDENTITY, **{name: value for name, (value, _) in OTHERS.items()}))
    assert all(words in caught.value.message for _, words in OTHERS.values())


def test_other_versions_are_refused_unless_mixed_or_known() -> None:
    newer = replace(FACTS, libraries={"numpy": "2.1"})
    refuse_other_versions(card(), IDENTITY, FACTS, allow_mixed=False)
    with pytest.raises(OutputMismatchError, match=r"numpy was 2\.0, is 2\.1") as caught:
        refuse_other_versions(card(), IDENTITY, newer, allow_mixed=False)
    assert caught.value.stable_code == "output.other_versions"
    refuse_other_versions(card(), IDENTITY, newer, allow_mixed=True)
    mixed = card(builds={"former": FACTS, build_name(IDENTITY, newer): newer}, build="former")
    refuse_other_versions(mixed, IDENTITY, newer, allow_mixed=False)


def test_a_build_is_named_after_all_that_the_bytes_of_a_copy_depend_on() -> None:
    names = {build_name(IDENTITY, FACTS)}
    for name in ("recipe_digest", "seed", "damaged"):
        names.add(build_name(replace(IDENTITY, **{name: OTHERS[name][0]}), FACTS))
    names.add(build_name(IDENTITY, replace(FACTS, pixels_version=2)))
    names.add(build_name(IDENTITY, replace(FACTS, cpu="arm64")))
    names.add(build_name(IDENTITY, replace(FACTS, libraries={})))
    assert len(names) == 7
    assert build_name(replace(IDENTITY, name="x"), FACTS) == build_name(IDENTITY, FACTS)


def test_only_an_empty_folder_or_one_of_ours_is_written_to(tmp_path: Path) -> None:
    refuse_foreign(tmp_path / "new")
    refuse_foreign(tmp_path)
    (tmp_path / ".nfold").mkdir()
    refuse_foreign(tmp_path)
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(OutputError, match=r"it holds 'thesis\.tex'") as caught:
        refuse_foreign(tmp_path)
    assert caught.value.stable_code == "output.not_ours"
    with pytest.raises(OutputError, match="is a file") as caught:
        refuse_foreign(tmp_path / "thesis.tex")
    with pytest.raises(OutputError, match=r"thesis\.tex is a file"):
        refuse_foreign(tmp_path / "thesis.tex" / "below" / "it")
    assert caught.value.stable_code == "output.not_a_folder"
    (tmp_path / "nfold.json").write_text("{}")
    refuse_foreign(tmp_path)


def test_the_card_of_a_run_says_what_was_asked_and_what_came_of_it(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    source = make_folder(2)
    report = expand_inline(source, tmp_path / "out", copies=2, include=["*.png"], seed=2**64 - 1)
    document = json.loads((tmp_path / "out/nfold.json").read_text())
    assert document["state"] == "complete"
    assert document["source"] == str(source.resolve())
    assert (document["request"]["copies"], document["request"]["include"]) == (2, ["*.png"])
    assert document["identity"]["seed"] == 2**64 - 1
    assert document["result"]["tree_digest"] == report.tree_digest
    assert document["result"]["images_after"] == 6
    assert "target" not in document["request"], "an output may be moved"
