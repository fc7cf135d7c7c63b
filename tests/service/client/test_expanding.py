"""An expansion through a service is what a local one is, whatever happens on the way."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from nfold import expand, verify
from nfold.errors import InputError, NfoldError, OutputError, OutputMismatchError, UsageError
from nfold_service.client import expand_through
from nfold_service.client.refusals import ServiceUnreachableError
from nfold_service.client.steps import Note, Step
from nfold_service.client.workplace import HOME
from tests.conftest import write_picture
from tests.engine.data_sets import MAKERS, make_class_folders
from tests.service.conftest import Server
from tests.service.proxy import proxy_to

PHOTOS = Path(__file__).parents[3] / "examples/photos"


def visible(root: Path) -> dict[str, bytes]:
    """Every file but the card and the records, which name times and folders."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] not in (".nfold", "nfold.json")
    }


def assert_same(target: Path, other: Path) -> None:
    assert visible(target) == visible(other)
    checked = verify(target)
    assert checked.is_sound
    assert checked.tree_digest == verify(other).tree_digest
    assert not (target / HOME).exists()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    make_class_folders(tmp_path / "in")
    return tmp_path / "in"


@pytest.mark.usefixtures("nothing_left")
class TestOutcome:
    def test_of_photographs_it_is_that_of_a_local_run(
        self, shared: Server, local: Callable[..., Path], tmp_path: Path
    ) -> None:
        recipe = tmp_path / "mine.yaml"
        recipe.write_text("name: mine\naugment:\n  - HorizontalFlip: {p: 0.5}\n  - Rotate: {limit: 20, p: 1}\n")
        options: dict[str, Any] = {"copies": 2, "recipe": str(recipe), "seed": 3}
        report = expand_through(shared.url, PHOTOS, tmp_path / "out", **options)
        assert_same(tmp_path / "out", local(PHOTOS, **options))
        assert (report.images_before, report.images_after) == (9, 27)
        assert report.target == str(tmp_path / "out")

    @pytest.mark.parametrize("kind", ["coco", "masks", "yolo"])
    def test_of_labelled_sets_it_is_that_of_a_local_run(
        self, shared: Server, local: Callable[..., Path], tmp_path: Path, kind: str
    ) -> None:
        MAKERS[kind](tmp_path / "in")
        report = expand_through(shared.url, tmp_path / "in", tmp_path / "out", copies=2)
        assert_same(tmp_path / "out", local(tmp_path / "in", copies=2))
        assert report.is_whole

    def test_a_source_that_is_one_folder_of_folders_keeps_it(
        self, shared: Server, local: Callable[..., Path], tmp_path: Path
    ) -> None:
        make_class_folders(tmp_path / "in/pets")
        expand_through(shared.url, tmp_path / "in", tmp_path / "out", copies=1)
        assert_same(tmp_path / "out", local(tmp_path / "in", copies=1))

    def test_a_local_run_afterwards_has_nothing_to_do_and_copies_can_be_made_again(
        self, shared: Server, source: Path, tmp_path: Path
    ) -> None:
        from nfold import regenerate

        expand_through(shared.url, source, tmp_path / "out", copies=1)
        assert expand(source, tmp_path / "out", copies=1, workers=1).written == 0
        assert regenerate(tmp_path / "out", "cat/one_aug1.png").same_bytes

    def test_what_a_local_run_would_skip_is_skipped_and_named(
        self, shared: Server, source: Path, local: Callable[..., Path], tmp_path: Path
    ) -> None:
        (source / "cat/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
        (source / "cat/later.heic").write_bytes(b"no picture either")
        report = expand_through(shared.url, source, tmp_path / "out", copies=1)
        assert not report.is_whole
        assert sorted(row.source for row in report.skipped) == ["cat/broken.png", "cat/later.heic"]
        assert_same(tmp_path / "out", local(source, copies=1))

    def test_stages_are_told_in_their_order(self, shared: Server, source: Path, tmp_path: Path) -> None:
        told: list[Step | Note] = []
        expand_through(shared.url, source, tmp_path / "out", copies=1, observe=told.append)
        stages = list(dict.fromkeys(step.stage for step in told if isinstance(step, Step)))
        assert [stage for stage in stages if stage in ("upload", "download", "check")] == [
            "upload",
            "download",
            "check",
        ]
        assert any(isinstance(step, Note) and "class-folders" in step.text for step in told)


@pytest.mark.usefixtures("nothing_left")
class TestRefusals:
    def test_what_the_service_refuses_has_its_code_and_leaves_nothing(
        self, shared: Server, source: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(InputError) as caught:
            expand_through(shared.url, source, tmp_path / "out", copies=1, format="coco")
        with pytest.raises(InputError) as here:
            expand(source, tmp_path / "out", copies=1, format="coco", workers=1)
        assert caught.value.stable_code == here.value.stable_code
        assert caught.value.message == here.value.message.replace(str(source), "The data set")
        assert not (tmp_path / "out").exists()

    def test_an_option_of_a_local_run_is_refused(self, shared: Server, source: Path, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="--workers"):
            expand_through(shared.url, source, tmp_path / "out", copies=1, workers=2)

    def test_a_target_with_something_in_it_is_not_touched(self, shared: Server, source: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out/mine.txt").write_text("mine")
        with pytest.raises(OutputError) as caught:
            expand_through(shared.url, source, tmp_path / "out", copies=1)
        assert caught.value.stable_code == "output.not_empty"
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]

    def test_a_source_without_images_is_refused_here(self, shared: Server, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        with pytest.raises(InputError):
            expand_through(shared.url, tmp_path / "in", tmp_path / "out", copies=1)
        assert not (tmp_path / "out").exists()

    def test_nobody_at_the_address(self, source: Path, tmp_path: Path) -> None:
        with pytest.raises(ServiceUnreachableError) as caught:
            expand_through("http://127.0.0.1:9", source, tmp_path / "out", copies=1, patience_s=0.2)
        assert caught.value.stable_code == "service.unreachable"
        assert not (tmp_path / "out").exists()


def test_a_key_is_asked_for_and_taken(make_server: Callable[..., Server], source: Path, tmp_path: Path) -> None:
    server = make_server(api_key="secret-of-the-team", workers=1)
    with pytest.raises(NfoldError) as caught:
        expand_through(server.url, source, tmp_path / "out", copies=1)
    assert caught.value.stable_code == "key.missing"
    assert "--key-file" in str(caught.value.hint)
    expand_through(server.url, source, tmp_path / "out", key="secret-of-the-team", copies=1)
    assert verify(tmp_path / "out").is_sound


def big_source(root: Path, images: int = 12) -> Path:
    for number in range(images):
        write_picture(root / f"{'ab'[number % 2]}/{number}.png", number, width=120, height=90)
    return root


@pytest.mark.usefixtures("nothing_left")
class TestCuts:
    @pytest.mark.parametrize("seed", range(3))
    def test_a_line_that_breaks_all_the_time_gives_the_same_in_the_end(
        self, shared: Server, local: Callable[..., Path], tmp_path: Path, seed: int
    ) -> None:
        source = big_source(tmp_path / "in")
        dice = random.Random(seed)
        with proxy_to(shared.port) as proxy:
            proxy.cut_after = lambda: dice.choice([0, 100, 700, 20_000, 60_000, 200_000])
            expand_through(proxy.url, source, tmp_path / "out", copies=3, patience_s=60)
            assert proxy.cuts > 3
        assert_same(tmp_path / "out", local(source, copies=3))

    @pytest.mark.parametrize("seed", range(2))
    def test_a_client_that_is_killed_goes_on_when_it_is_begun_again(
        self, shared: Server, local: Callable[..., Path], tmp_path: Path, seed: int
    ) -> None:
        source = big_source(tmp_path / "in")
        dice = random.Random(seed)
        command = [sys.executable, "-m", "nfold_cli", "expand", str(source), str(tmp_path / "out")]
        command += ["--copies", "3", "--service", shared.url, "--quiet"]
        kills = 0
        for attempt in range(40):
            process = subprocess.Popen(command)
            try:
                assert process.wait(dice.uniform(0.5, 2) * (1 + attempt / 3)) == 0  # slow machines need longer
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                if (tmp_path / "out" / "nfold.json").exists() and not (tmp_path / "out" / HOME / "state.json").exists():
                    shutil.rmtree(tmp_path / "out" / HOME, ignore_errors=True)
                    break  # it had done everything, and was about to end
        assert kills
        assert_same(tmp_path / "out", local(source, copies=3))

    @pytest.mark.parametrize("stage", ["upload", "expand", "download", "check"])
    def test_a_client_that_ends_in_a_stage_goes_on_in_it(
        self, shared: Server, local: Callable[..., Path], tmp_path: Path, stage: str
    ) -> None:
        source = big_source(tmp_path / "in")

        def stop(step: Step | Note) -> None:
            if isinstance(step, Step) and step.stage == stage:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            expand_through(shared.url, source, tmp_path / "out", copies=2, observe=stop)
        assert (tmp_path / "out" / HOME).exists()
        assert not (tmp_path / "out/nfold.json").exists()
        expand_through(shared.url, source, tmp_path / "out", copies=2)
        assert_same(tmp_path / "out", local(source, copies=2))

    def test_a_source_that_has_changed_since_is_uploaded_anew(
        self, shared: Server, source: Path, local: Callable[..., Path], tmp_path: Path
    ) -> None:
        def stop(step: Step | Note) -> None:
            if isinstance(step, Step) and step.stage == "download":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            expand_through(shared.url, source, tmp_path / "out", copies=1, observe=stop)
        write_picture(source / "dog/five.png", 5)
        expand_through(shared.url, source, tmp_path / "out", copies=1)
        assert (tmp_path / "out/dog/five_aug1.png").exists()
        assert_same(tmp_path / "out", local(source, copies=1))

    def test_what_expired_at_the_service_is_made_again(
        self, shared: Server, source: Path, local: Callable[..., Path], tmp_path: Path
    ) -> None:
        def stop(step: Step | Note) -> None:
            if isinstance(step, Step) and step.stage == "download":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            expand_through(shared.url, source, tmp_path / "out", copies=1, observe=stop)
        for row in httpx.get(f"{shared.url}/v1/expansions").json()["jobs"]:
            httpx.delete(f"{shared.url}/v1/expansions/{row['id']}")
        expand_through(shared.url, source, tmp_path / "out", copies=1)
        assert_same(tmp_path / "out", local(source, copies=1))

    def test_other_options_do_not_go_on_where_these_stopped(self, shared: Server, source: Path, tmp_path: Path) -> None:
        def stop(step: Step | Note) -> None:
            if isinstance(step, Step):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            expand_through(shared.url, source, tmp_path / "out", copies=1, observe=stop)
        with pytest.raises(OutputMismatchError):
            expand_through(shared.url, source, tmp_path / "out", copies=2)
        expand_through(shared.url, source, tmp_path / "out", copies=1)


@pytest.fixture
def restarted(make_server: Callable[..., Server]) -> Server:
    return make_server(workers=1)


@pytest.mark.parametrize("stage", ["upload", "expand", "download"])
def test_a_server_that_is_killed_and_begun_again_loses_nothing(
    restarted: Server, local: Callable[..., Path], tmp_path: Path, stage: str
) -> None:
    source = big_source(tmp_path / "in")
    reached = threading.Event()

    def watch(step: Step | Note) -> None:
        if isinstance(step, Step) and step.stage == stage:
            reached.set()

    with proxy_to(restarted.port) as proxy:
        proxy.latency_s = 0.01

        def kill() -> None:
            reached.wait(60)
            restarted.kill()
            time.sleep(0.5)
            restarted.begin()
            proxy.backend = restarted.port

        killer = threading.Thread(target=kill)
        killer.start()
        expand_through(proxy.url, source, tmp_path / "out", copies=3, observe=watch)
        killer.join()
    assert_same(tmp_path / "out", local(source, copies=3))
    assert httpx.get(f"{restarted.url}/v1/expansions").json()["jobs"] == []


def test_the_limits_that_the_client_asks_for_are_those_of_the_service() -> None:
    from nfold_service.client.expanding import NEEDED_LIMITS
    from nfold_service.settings import Settings, limits

    assert set(limits(Settings())) >= NEEDED_LIMITS


def test_the_client_knows_no_web_framework() -> None:
    code = (
        "import sys, nfold_service.client\n"
        "assert not {'fastapi', 'starlette', 'sqlalchemy', 'uvicorn'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
