"""Server-sent events, as they come in lines."""

from __future__ import annotations

from nfold_service.client.steps import Note, Step
from nfold_service.client.watching import _tell, events_of


def test_events_are_read_with_their_ids_and_comments_are_passed_over() -> None:
    text = ': ping\n\nid: 3\nevent: progress\ndata: {"done": 1,\ndata: "total": 2}\n\nevent: shutdown\ndata: {}\n\ndata: {"cut'
    assert list(events_of(text.split("\n"))) == [("3", "progress", {"done": 1, "total": 2}), ("", "shutdown", {})]


def test_what_is_no_stage_of_ours_is_not_told() -> None:
    told: list[Step | Note] = []
    _tell("progress", {"stage": "dance", "done": 3}, told.append)
    _tell("progress", {"stage": "expand", "done": 3, "total": 9}, told.append)
    assert told == [Step(stage="expand", done=3, total=9)]
