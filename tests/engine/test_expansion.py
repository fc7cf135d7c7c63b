"""What the laws and guards leave over: places and names that a run meets on its way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nfold
from nfold.errors import NfoldError
from nfold.events import Event, Planned, Progressed, StageBegan
from nfold.expansion import run_expansion
from nfold.request import make_request
from nfold.testing.inline import InlineWorkforce
from tests.conftest import tree, write_picture

Expand = Callable[..., Any]


def test_folders_of_any_name_can_be_expanded_into_folders_of_any_name(
    tmp_path: Path, expand_inline: Expand, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "in\udcff\n", tmp_path / "out\udcfe"
    write_picture(tmp_path / "a.png", 1)
    source.mkdir()
    (tmp_path / "a.png").rename(source / "a.png")
    report = expand_inline(source, target, copies=1, exclude=["\udcff*"])
    assert report.images_after == 2
    assert expand_inline(source, target, copies=1, exclude=["\udcff*"]).written == 0
    assert nfold.regenerate(target, "a_aug1.png").same_bytes
    monkeypatch.chdir(tmp_path)
    assert expand_inline(Path("in\udcff\n"), Path("out\udcfe"), copies=2).written == 1


def test_events_come_in_the_order_of_the_stages_and_progress_never_goes_back(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    seen: list[Event] = []
    request = make_request(source=make_folder(9), target=tmp_path / "out", copies=2, split="60/40")
    report = run_expansion(request, observe=seen.append, workforce=InlineWorkforce())
    assert [event.stage for event in seen if isinstance(event, StageBegan)] == ["scan", "survey", "expand", "finish"]
    assert [event.files for event in seen if isinstance(event, Planned)] == [report.images_after]
    began = next(number for number, event in enumerate(seen) if event == StageBegan(stage="expand"))
    done = [event.done for event in seen[began:] if isinstance(event, Progressed)]
    assert done == sorted(done)
    assert done[-1] == report.images_after


def test_an_observer_that_raises_stops_the_run_and_the_next_one_goes_on(
    make_folder: Callable[..., Path], expand_inline: Expand, tmp_path: Path
) -> None:
    source = make_folder(6)

    def stop(event: Event) -> None:
        if isinstance(event, Progressed) and event.done >= 4:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run_expansion(
            make_request(source=source, target=tmp_path / "out", copies=2),
            observe=stop,
            workforce=InlineWorkforce(),
        )
    assert json.loads((tmp_path / "out/nfold.json").read_text())["state"] == "running"
    assert expand_inline(source, tmp_path / "out", copies=2).images_after == 18
    expand_inline(source, tmp_path / "fresh", copies=2)
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_a_link_to_a_picture_becomes_a_picture(
    make_folder: Callable[..., Path], expand_inline: Expand, tmp_path: Path
) -> None:
    source = make_folder({"a.png": 1})
    (source / "b.png").symlink_to("a.png")
    for originals in ("copy", "link"):
        expand_inline(source, tmp_path / originals, copies=1, originals=originals)
        assert set(tree(tmp_path / originals)) == {"a.png", "a_aug1.png", "b.png", "b_aug1.png"}
        assert not (tmp_path / originals / "b.png").is_symlink()
    assert os.path.samefile(tmp_path / "link/b.png", source / "a.png")


def test_a_copy_that_has_the_name_of_a_folder_is_refused(
    make_folder: Callable[..., Path], expand_inline: Expand, tmp_path: Path
) -> None:
    source = make_folder({"x.png": 1, "x_aug1.png/y.png": 2})
    with pytest.raises(NfoldError):
        expand_inline(source, tmp_path / "out", copies=1)


def test_a_rebuild_that_was_cut_short_can_be_begun_again_with_other_settings(
    make_folder: Callable[..., Path], expand_inline: Expand, tmp_path: Path
) -> None:
    source, target = make_folder(3), tmp_path / "out"
    expand_inline(source, target, copies=1)
    card = json.loads((target / "nfold.json").read_text())
    (target / "nfold.json").write_text(json.dumps({**card, "state": "rebuilding"}))
    assert expand_inline(source, target, copies=1, seed=5, rebuild=True).is_whole


def test_some_sources_alone_give_the_files_that_they_give_among_all(
    make_folder: Callable[..., Path], tmp_path: Path, expand_inline: Expand
) -> None:
    source = make_folder({"cat/a.png": 1, "cat/b.png": 2, "dog/c.png": 3})
    expand_inline(source, tmp_path / "all", copies=2)
    request = make_request(source=source, target=tmp_path / "some", copies=2)
    report = run_expansion(request, workforce=InlineWorkforce(), only=["cat/b.png"])
    assert (report.images_before, report.images_after) == (1, 3)
    whole = tree(tmp_path / "all")
    names = ("cat/b.png", "cat/b_aug1.png", "cat/b_aug2.png")
    assert tree(tmp_path / "some") == {name: whole[name] for name in names}
