"""Workers that answer at once: errors keep their kind, and whoever dies or takes too long is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.errors import DiskError, InvalidRecipeError, MissingFileError, NfoldError, SampleError
from nfold_service.settings import Settings
from nfold_service.work.crew import SCRATCH, Crew, Worker, raised
from tests.conftest import write_picture

RECIPE = "augment: [{HorizontalFlip: {p: 0.5}}]"


def with_crew(work: Callable[[Crew], Awaitable[None]], **settings: Any) -> int:
    """Deaths that were told of."""
    deaths: list[int] = []

    async def run(data: Path) -> None:
        crew = Crew(settings=Settings(data=data, **settings), on_death=lambda: deaths.append(1))
        try:
            await work(crew)
        finally:
            await crew.close()
        assert not list((data / SCRATCH).iterdir()), "temporary files outlive their workers"

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "data"))
    return len(deaths)


def test_one_worker_does_one_thing_after_the_other_and_errors_keep_their_kind() -> None:
    async def work(crew: Crew) -> None:
        assert (await crew.do("check_recipe", text=RECIPE, document=None))["valid"] is True
        process = crew._idle[0].process.pid
        with pytest.raises(InvalidRecipeError) as caught:
            await crew.do("check_recipe", text="augment: [{NoSuchThing: {}}]", document=None)
        assert caught.value.problems
        assert crew._idle[0].process.pid == process

    assert with_crew(work) == 0


def test_a_death_is_an_error_of_the_request_and_the_next_one_finds_another_worker() -> None:
    async def work(crew: Crew) -> None:
        await crew.warm_up()
        os.kill(crew._idle[0].process.pid, signal.SIGSTOP)
        stopped = crew._idle[0].process.pid
        asking = asyncio.create_task(crew.do("check_recipe", text=RECIPE, document=None))
        await asyncio.sleep(0.2)
        os.kill(stopped, signal.SIGKILL)
        with pytest.raises(SampleError) as caught:
            await asking
        assert caught.value.stable_code == "worker.crashed"
        assert (await crew.do("check_recipe", text=RECIPE, document=None))["valid"] is True

    assert with_crew(work) == 1


def test_a_worker_that_is_killed_leaves_no_temporary_file(tmp_path: Path) -> None:
    for number in range(3):
        write_picture(tmp_path / "pictures" / f"{number}.png", number)

    async def work(crew: Crew) -> None:
        await crew.do(
            "vary",
            source=str(tmp_path / "pictures"),
            read_as=None,
            recipe="light",
            seed=0,
            meaning="on_the_fly",
            epoch=1,
            copies=1,
            first=0,
            most=1,
            side=64,
            max_pixels=10**6,
        )
        worker = crew._idle[0]
        assert [path.name for path in worker.scratch.rglob("*.sqlite")] == ["sources.sqlite"]
        os.kill(worker.process.pid, signal.SIGKILL)
        await worker.process.wait()
        assert (await crew.do("check_recipe", text=RECIPE, document=None))["valid"] is True
        assert not worker.scratch.exists()

    with_crew(work)


def test_a_worker_that_finds_no_room_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    async def begin() -> None:
        await Worker.begin(Settings(data=tmp_path / "data"), is_limited=False, preloads=False)

    with pytest.raises(DiskError, match="cannot write to its disk"):
        asyncio.run(begin())


def test_what_takes_too_long_is_ended_with_its_process() -> None:
    async def work(crew: Crew) -> None:
        await crew.warm_up()
        worker = crew._idle[0]
        os.kill(worker.process.pid, signal.SIGSTOP)
        with pytest.raises(SampleError) as caught:
            await crew.do("check_recipe", text=RECIPE, document=None)
        assert caught.value.stable_code == "worker.timeout"
        assert not worker.is_alive

    with_crew(work, small_seconds=0.5)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("MissingFileError", MissingFileError), ("Path", NfoldError), ("NoSuchError", NfoldError), (None, NfoldError)],
)
def test_only_errors_of_the_engine_are_made_again(kind: str | None, expected: type[Exception]) -> None:
    error = raised({"kind": kind, "code": "a.b", "message": "m", "hint": None})
    assert type(error) is expected
    assert error.stable_code == "a.b"
