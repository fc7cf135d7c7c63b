"""The on-the-fly mode over HTTP: an epoch of a data set as a tar."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from nfold.errors import NfoldError
from nfold_service.access import Reader
from nfold_service.context import Context, new_id
from nfold_service.problems import ServiceError
from nfold_service.recipe_text import read_recipe
from nfold_service.routes.shared import ERRORS, TheContext, own_dataset
from nfold_service.work.protocol import Message

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["on the fly"], responses=ERRORS)

DatasetId = Annotated[str, Path(max_length=40, pattern="^ds_[0-9a-f]{20}$", examples=["ds_0123456789abcdef0123"])]

_LUMP = 1 << 18
_MOST_EPOCHS = 1_000


@router.get(
    "/stream",
    operation_id="stream_epoch",
    summary="A fresh variation of each image, nothing stored (tar)",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/x-tar": {}}, "description": "WebDataset naming: KEY.jpg, KEY.cls, KEY.json."}
    },
)
async def stream_epoch(
    dataset: DatasetId,
    context: TheContext,
    caller: Reader,
    epoch: Annotated[int, Query(ge=1, le=2**31, description="Holds what an expansion writes as copy E.")] = 1,
    last: Annotated[int | None, Query(ge=1, le=2**31, description="The last one, for several epochs.")] = None,
    recipe: Annotated[
        str, Query(max_length=8_000, description="A preset, or a recipe as YAML or JSON.")
    ] = "flip-rotate",
    seed: Annotated[int, Query(ge=0, le=2**63)] = 0,
    split: Annotated[Literal["train", "val", "test"] | None, Query()] = None,
    training: Annotated[bool, Query(description="false: images as they are, as inference sees them.")] = True,
    shuffle: bool = True,
) -> Response:
    """The same pixels as `nfold stream` and as the copies of an expansion with that recipe and seed."""
    row = await own_dataset(context, caller, dataset)
    if row.state != "ready":
        raise ServiceError(409, "dataset.not_ready", f"The data set is {row.state}.", hint="Wait until it is ready.")
    end = epoch if last is None else last
    if not epoch <= end < epoch + _MOST_EPOCHS:
        raise ServiceError(
            422,
            "stream.epochs",
            f"Epochs {epoch} to {end}: give the first, then a later last one, {_MOST_EPOCHS} at the most.",
        )
    pipe = context.places.staging / f"{new_id('pipe')}.tar"
    os.mkfifo(pipe)
    messages = context.crew.listen(
        "stream",
        source=str(context.places.dataset(row.id)),
        pipe=str(pipe),
        first=epoch,
        last=end,
        options={"recipe": read_recipe(recipe), "seed": seed, "split": split},
        training=training,
        shuffle=shuffle,
        workers=0,
        max_pixels=context.settings.max_image_pixels,
    )
    try:
        await anext(messages)
    except BaseException:
        pipe.unlink(missing_ok=True)
        await messages.aclose()
        raise
    return StreamingResponse(_relay(context, pipe, messages), media_type="application/x-tar")


async def _relay(context: Context, pipe: FilePath, messages: AsyncGenerator[Message, None]) -> AsyncIterator[bytes]:
    # Opened without waiting: a worker that died before it opened its end must not hold us for ever.
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    reader = asyncio.StreamReader(limit=_LUMP)
    loop = asyncio.get_running_loop()
    file = os.fdopen(descriptor, "rb", buffering=0)
    ended = asyncio.create_task(_drain(messages))
    try:
        while not _has_writer_or_ended(descriptor, ended):
            await asyncio.sleep(0.005)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        with contextlib.closing(transport):
            while lump := await reader.read(_LUMP):
                if context.ending.is_set():
                    raise ConnectionAbortedError("the service is ending")
                yield lump
        await ended  # an error in the middle cuts the answer off, so that nobody takes it for whole
    finally:
        ended.cancel()
        with contextlib.suppress(asyncio.CancelledError, NfoldError):
            await ended
        pipe.unlink(missing_ok=True)


def _has_writer_or_ended(descriptor: int, ended: asyncio.Task[dict[str, Any]]) -> bool:
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    ready = poll.poll(0)
    return bool(ready) or ended.done()


async def _drain(messages: AsyncGenerator[Message, None]) -> dict[str, Any]:
    async with contextlib.aclosing(messages):
        async for message in messages:
            if message.kind == "done":
                return message.data
    return {}
