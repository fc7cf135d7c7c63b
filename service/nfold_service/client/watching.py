"""What happens to a data set and a job, until nothing more happens to it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any, cast, get_args

import httpx

from nfold_service.client.refusals import error_of_work
from nfold_service.client.steps import Note, Observer, Stage, Step
from nfold_service.client.talking import EVENTS_TIMEOUT, Line

_FINAL = frozenset({"succeeded", "succeeded_with_errors", "failed", "cancelled", "expired"})
_STAGES = frozenset(get_args(Stage))


def wait_until_ready(line: Line, dataset: str, observe: Observer) -> None:
    """Until a data set that was uploaded is unpacked and looked at.

    Raises:
        NfoldError: It cannot be used; the message is the service's.
    """
    pause = 0.05
    while True:
        found = line.ask("GET", f"v1/datasets/{dataset}").json()
        if found["state"] == "ready":
            return
        if found["state"] == "broken" or found.get("problem"):
            raise error_of_work(found["problem"])
        observe(Step(stage="unpack", done=found["files"]))
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)


def watch(line: Line, job: str, observe: Observer) -> dict[str, Any]:
    """The job once it has succeeded. A stream that is cut goes on with the event after the last one that came.

    Raises:
        NfoldError: It failed, or was cancelled.
    """
    patience = line.patience()
    path, last = f"v1/expansions/{job}", "0"
    while True:
        try:
            with line.stream(f"{path}/events", {"Last-Event-ID": last}, timeout=EVENTS_TIMEOUT) as answer:
                if answer.is_error:
                    answer.read()
                    patience.refused(answer)
                    continue
                for number, kind, data in events_of(answer.iter_lines()):
                    patience.progressed()
                    last = number or last
                    _tell(kind, data, observe)
        except httpx.TransportError as error:
            patience.cut(error)
        found: dict[str, Any] = line.ask("GET", path).json()
        if found["state"] in _FINAL:
            break
        time.sleep(0.1)
    if found["state"] in ("succeeded", "succeeded_with_errors"):
        # A job that was done before anybody watched has told of no step; whoever watches sees it end all the same.
        images = int(found["result"]["images_after"])
        observe(Step(stage="expand", done=images, total=images))
        return found
    if found["state"] == "failed":
        raise error_of_work(found["problem"])
    raise error_of_work(
        {
            "kind": "NfoldError",
            "code": f"job.{found['state']}",
            "message": f"The expansion was {found['state']} at the service.",
            "hint": "Run the same command to begin anew.",
        }
    )


def events_of(lines: Iterable[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Id, kind and data of each server-sent event; comments are passed over."""
    number, kind, data = "", "message", [""]
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if any(data):
                yield number, kind, json.loads("\n".join(data[1:]))
            number, kind, data = "", "message", [""]
        elif name == "id":
            number = value
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)


def _tell(kind: str, data: dict[str, Any], observe: Observer) -> None:
    if kind == "state" and data.get("state") == "queued":
        observe(Step(stage="wait"))
    if kind != "progress":
        return
    stage = data.get("stage")
    if "format" in data and stage == "scan":
        observe(Note(text=f"{data['format']} ({data.get('reason', '')}): {data.get('sources', 0):,} images"))
    if stage in _STAGES:
        observe(Step(stage=cast("Stage", stage), done=int(data.get("done") or 0), total=data.get("total")))
