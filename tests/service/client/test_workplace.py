"""What is kept between two runs of the same command."""

from __future__ import annotations

from pathlib import Path

import pytest

from nfold.errors import OutputBusyError, OutputError, OutputMismatchError
from nfold_service.client.workplace import HOME, Progress, Workplace


def test_what_was_noted_is_recalled(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with Workplace.held(target) as place:
        progress = place.recall("http://here", "digest")
        progress.dataset = "ds_1"
        place.note(progress)
    with Workplace.held(target) as place:
        assert place.recall("http://here", "digest") == progress
        with pytest.raises(OutputMismatchError):
            place.recall("http://here", "another")
        place.forget()
    assert list(target.iterdir()) == []


def test_a_run_that_noted_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Workplace.held(tmp_path / "out"):
        raise KeyError
    assert not (tmp_path / "out").exists()


def test_two_runs_do_not_share_a_target(tmp_path: Path) -> None:
    with Workplace.held(tmp_path / "out") as place:
        place.note(Progress(service="http://here", asked="digest"))
        with pytest.raises(OutputBusyError), Workplace.held(tmp_path / "out"):
            pass


def test_a_note_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / HOME).mkdir()
    (tmp_path / HOME / "state.json").write_text("{")
    with Workplace.held(tmp_path) as place, pytest.raises(OutputError) as caught:
        place.recall("http://here", "digest")
    assert caught.value.stable_code == "output.not_ours"


def test_a_run_that_was_killed_when_all_was_done_is_not_begun_anew_over_its_result(tmp_path: Path) -> None:
    with Workplace.held(tmp_path / "out") as place:
        place.note(Progress(service="http://here", asked="digest"))
        (tmp_path / "out" / "nfold.json").write_text("{}")
        place.forget()
        (tmp_path / "copied").mkdir()
        (place.home / "lock").rename(tmp_path / "copied" / "lock")
    (tmp_path / "copied").rename(tmp_path / "out" / HOME)  # as it is between the last step and the end
    with pytest.raises(OutputError, match="holds an expansion already") as caught, Workplace.held(tmp_path / "out"):
        pass
    assert caught.value.stable_code == "output.not_empty"
    assert (tmp_path / "out" / "nfold.json").exists()
