"""What happens to a job, as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import anyio
from fastapi import Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from nfold_service.context import Context
from nfold_service.problems import ServiceError
from nfold_service.store import JobRow, queue

_SCHEMA = {
    "type": "object",
    "description": "One event; `data` is JSON.",
    "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
}
EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            "text/event-stream": {"schema": _SCHEMA, "example": 'id: 1\nevent: state\ndata: {"state": "queued"}\n\n'}
        }
    }
}
"""What a route that streams them documents: for `responses`."""

_LOOK_S = 5.0
_PING_S = 15
_RETRY_MS = 2_000
_LARGEST_ID = 2**31 - 1


async def event_stream(request: Request, context: Context, row: JobRow) -> Response:
    """Everything since `Last-Event-ID`, then what comes, until the job has ended or the service does.

    Events are read from the store as fast as the client takes them, so that a slow one costs no memory.

    Raises:
        ServiceError: 400, the id is no number; 429, too many streams are open.
    """
    last = request.headers.get("Last-Event-ID", "0").strip() or "0"
    if not (last.isascii() and last.isdecimal()) or len(last) > 12:
        raise ServiceError(400, "request.last_event_id", "Last-Event-ID is no event of this job.")
    if context.streams >= context.settings.max_streams_at_once:
        raise ServiceError(
            429,
            "streams.too_many",
            f"{context.streams} event streams are open, and that is the most.",
            hint="Ask for the state of the job from time to time instead.",
            headers={"Retry-After": "30"},
        )
    return EventSourceResponse(
        _events(context, row.id, min(int(last), _LARGEST_ID)),
        ping=_PING_S,
        headers={"X-Accel-Buffering": "no"},
        # Told by ourselves that the service ends, it says so to its client; it is not to be cut off before that.
        shutdown_event=anyio.Event(),
        shutdown_grace_period=context.settings.drain_seconds,
    )


async def _events(context: Context, job: str, number: int) -> AsyncIterator[ServerSentEvent]:
    with _one_stream(context):
        while True:
            seen = context.changes.get(job)
            found, events = await context.store.run(queue.news, job, number)
            for event in events:
                number = event.number
                yield ServerSentEvent(data=json.dumps(event.data), event=event.kind, id=str(event.number))
            if context.ending.is_set():
                yield ServerSentEvent(event="shutdown", data="{}", retry=_RETRY_MS)
                return
            if events:
                continue  # there may be more of them than are read at once
            if found is None or found.is_final:
                return
            await _something_new(context, job, seen)


@contextlib.contextmanager
def _one_stream(context: Context) -> Iterator[None]:
    context.streams += 1
    try:
        yield
    finally:
        context.streams -= 1


async def _something_new(context: Context, job: str, seen: int | None) -> None:
    """Wait until something happened to this job since, or the service ends; now and then look without being told."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_S), context.job_changed:
            await context.job_changed.wait_for(lambda: context.ending.is_set() or context.changes.get(job) != seen)
