"""What happens to a job, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from nfold_service.context import Context
from nfold_service.problems import ServiceError
from nfold_service.store import JobRow, queue

EVENT_SCHEMA = {
    "type": "object",
    "description": "One event; `data` is JSON.",
    "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
}
EVENT_EXAMPLE = 'id: 1\nevent: state\ndata: {"state": "queued"}\n\n'

_LOOK_S = 2.0
_PING_S = 15


async def event_stream(request: Request, context: Context, row: JobRow) -> Response:
    """Everything since `Last-Event-ID`, then what comes, until the job has ended or the service does.

    Raises:
        ServiceError: The id is no number.
    """
    last = request.headers.get("Last-Event-ID", "0").strip() or "0"
    if not last.isdecimal() or len(last) > 12:
        raise ServiceError(400, "request.last_event_id", "Last-Event-ID is no event of this job.")

    async def tell() -> AsyncIterator[ServerSentEvent]:
        number = int(last)
        while True:
            found = await context.store.run(queue.job_of, row.id, None)
            for event in await context.store.run(queue.events_after, row.id, number):
                number = event.number
                yield ServerSentEvent(data=json.dumps(event.data), event=event.kind, id=str(event.number))
            if found is None or found.is_final:
                return
            if context.ending.is_set():
                yield ServerSentEvent(event="shutdown", data="{}", retry=2000)
                return
            await _something_new(context)

    return EventSourceResponse(tell(), ping=_PING_S, headers={"X-Accel-Buffering": "no"})


async def _something_new(context: Context) -> None:
    try:
        async with asyncio.timeout(_LOOK_S), context.job_changed:
            await context.job_changed.wait()
    except TimeoutError:
        return
