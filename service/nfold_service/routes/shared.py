"""What routes have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from nfold_service.context import Context
from nfold_service.keys import Caller
from nfold_service.problems import Problem, ServiceError
from nfold_service.store import DatasetRow, JobRow, queue, shelves


def context_of(request: Request) -> Context:
    """The parts of the service that answers."""
    context: Context = request.app.state.context
    return context


TheContext = Annotated[Context, Depends(context_of)]

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words, "content": {"application/problem+json": {}}}
    for status, words in {
        400: "The request cannot be read.",
        401: "A key is missing or unknown.",
        403: "The key has not the scope.",
        404: "It is not there, or belongs to somebody else.",
        409: "It is in another state.",
        413: "It is too large.",
        422: "It makes no sense; `errors` points to the places.",
        429: "Too much at once; try again after `Retry-After`.",
        507: "There is too little room on the disk.",
    }.items()
}


_MORE_ERRORS = {
    408: "The body came too slowly.",
    410: "It has expired.",
    412: "Another version of the protocol.",
    415: "A type of body that is not read here.",
    416: "This part is not in the file.",
    423: "Another request is writing it.",
    460: "The checksum does not match.",
    503: "The service is ending; try again after `Retry-After`.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Errors beyond those that every route may answer with: for `responses`."""
    return {status: {"model": Problem, "description": _MORE_ERRORS[status]} for status in statuses}


def answers_like(
    example: Any, media_type: str = "application/json", status: int = 200
) -> dict[int | str, dict[str, Any]]:
    """What a route answers, where its type says nothing: for `responses`."""
    schema = {"type": "string"} if isinstance(example, str) else {}
    return {status: {"content": {media_type: {"schema": schema, "example": example}}}}


async def own_dataset(context: Context, caller: Caller, identity: str) -> DatasetRow:
    """A data set of the caller's.

    Raises:
        ServiceError: 404, also for somebody else's.
    """
    row = await context.store.run(shelves.dataset_of, identity, caller.owner)
    if row is None:
        raise ServiceError(404, "dataset.missing", f"There is no data set {identity}.", hint="It may have expired.")
    return row


async def own_job(context: Context, caller: Caller, identity: str, kind: str) -> JobRow:
    """A job of the caller's.

    Raises:
        ServiceError: 404, also for somebody else's.
    """
    row = await context.store.run(queue.job_of, identity, caller.owner)
    if row is None or row.kind != kind:
        raise ServiceError(404, f"{kind}.missing", f"There is no {kind} {identity}.", hint="It may have been deleted.")
    return row


def rfc3339(at: float | None) -> str | None:
    """A time as it stands in answers."""
    return (
        None
        if at is None
        else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
