from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nfold.testing.inline import InlineWorkforce
from nfold_cli.main import main
from tests.conftest import tree, write_picture

NFOLD = [sys.executable, "-m", "nfold_cli"]
FLIP = "augment: [{HorizontalFlip: {p: 0.5}}]"


@pytest.fixture(autouse=True)
def without_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfold.api.begin_workers", lambda **_: InlineWorkforce())


@pytest.fixture
def source(make_folder: Callable[..., Path]) -> Path:
    return make_folder({"a.png": 1, "b.png": 2})


@pytest.fixture
def output(source: Path, tmp_path: Path, expand_inline: Callable[..., Any]) -> Path:
    expand_inline(source, tmp_path / "out", copies=1)
    return tmp_path / "out"


def call(*arguments: object) -> int:
    """Exit code of a command line, however it leaves."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as leave:
        return int(leave.code or 0)


class TestExitCodes:
    @pytest.mark.parametrize("command", [["verify"], ["explain"], ["regenerate"]])
    @pytest.mark.parametrize("below", ["", "below"])
    def test_1_for_a_file_in_the_place_of_an_output(
        self, command: list[str], below: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "thesis.tex"
        file.write_text("precious")
        assert call(*command, file / below, *(["a.png"] if command != ["verify"] else [])) == 1
        said = capsys.readouterr().err
        assert f"{file / below} was not written by nfold" in said
        assert file.read_text() == "precious"

    def test_0_when_all_is_done(self, source: Path, tmp_path: Path) -> None:
        assert call("expand", source, tmp_path / "out", "-n", 1) == 0
        assert call("expand", source, tmp_path / "out", "-n", 1) == 0
        assert call("verify", tmp_path / "out") == 0
        assert call("explain", tmp_path / "out", "a_aug1.png") == 0
        assert call("regenerate", tmp_path / "out", "a_aug1.png") == 0
        assert call("preview", source, "--output", tmp_path / "p.png") == 0
        assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
        assert call("recipes", "list") == call("recipes", "show", "light") == call("recipes", "schema") == 0
        assert call("--version") == 0
        assert call("--help") == call("expand", "--help") == 0

    def test_1_when_something_is_wrong_with_the_files(self, output: Path, tmp_path: Path) -> None:
        (output / "a_aug1.png").unlink()
        assert call("verify", output) == 1
        assert call("explain", output, "nothing.png") == 1
        assert call("expand", tmp_path / "nowhere", tmp_path / "new", "-n", 1) == 1
        assert call("verify", tmp_path / "nowhere") == 1
        assert call("preview", tmp_path / "photos", "--output", tmp_path / "no/folder/p.png") == 1

    def test_1_when_a_copy_cannot_be_made_as_it_was(self, output: Path) -> None:
        part = next(path for path in (output / ".nfold/parts").iterdir() if "a_aug1" in path.read_text())
        row = next(json.loads(line) for line in part.read_text().splitlines() if '"file":"a_aug1.png"' in line)
        part.write_text(part.read_text().replace(row["sha256"], "0" * 64))
        assert call("regenerate", output, "a_aug1.png") == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["fly"],
            ["expand"],
            ["expand", "SRC", "OUT"],
            ["expand", "SRC", "OUT", "-n"],
            ["expand", "SRC", "OUT", "-n", "x"],
            ["expand", "SRC", "OUT", "-n", "1", "--recipe", "lihgt"],
            ["expand", "SRC", "OUT", "-n", "1", "--originals", "move"],
            ["expand", "SRC", "OUT", "-n", "1", "--nothing"],
            ["expand", "SRC", "OUT", "-n", "1", ""],
            ["expand", "SRC", "OUT", "-n", "1", "="],
            ["expand", "SRC", "SRC/out", "-n", "1"],
            ["expand", "SRC", "OUT", "--class-copies", "cow=3"],
            ["expand", "SRC", "OUT", "--cop", "1"],
            ["preview", "SRC"],
            ["preview", "SRC", "--output", "sheet.jpg"],
            ["preview", "SRC", "--output", "sheet.png", "-n", "99"],
            ["recipes"],
            ["recipes", "bake"],
            ["recipes", "show", "lihgt"],
            ["recipes", "list", "more"],
        ],
        ids=" ".join,
    )
    def test_2_when_it_was_asked_for_wrongly(
        self, arguments: list[str], source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        places = {"SRC": str(source), "OUT": str(tmp_path / "out"), "SRC/out": str(source / "out")}
        assert call(*(places.get(word, word) for word in arguments)) == 2
        assert not (tmp_path / "out").exists()
        if arguments:
            assert capsys.readouterr().err.startswith("nfold"), "every refusal says who speaks"

    def test_3_when_sources_are_skipped_or_copies_short(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "flip.yaml").write_text(FLIP)
        assert call("expand", source, tmp_path / "short", "-n", 3, "--recipe", tmp_path / "flip.yaml") == 3
        (source / "broken.jpg").write_bytes(b"\xff\xd8 and no more")
        for _ in range(2):
            assert call("expand", source, tmp_path / "out", "-n", 1) == 3

    def test_74_when_the_disk_refuses(self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from nfold import faults

        def full(name: str) -> None:
            if name == "storage.rename":
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(faults, "hit", full)
        assert call("expand", source, tmp_path / "out", "-n", 1) == 74

    def test_130_when_it_is_interrupted(
        self, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def interrupt(*arguments: object, **options: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("nfold.verification.verify", interrupt)
        assert call("verify", output) == 130
        assert capsys.readouterr().err.endswith("nfold: interrupted.\n")


def processes_of_session(session: int) -> list[str]:
    """Whatever still runs in a session, zombies left out."""
    alive = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, its_session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                alive.append((folder / "cmdline").read_text())
    return alive


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("whom", ["the whole group, as a terminal does", "the command alone, as 'kill -INT' does"])
def test_interrupted_it_says_how_to_go_on_and_leaves_no_process(whom: str, tmp_path: Path) -> None:
    for number in range(30):
        write_picture(tmp_path / f"in/{number}.png", number, width=160, height=120)
    command = [*NFOLD, "expand", str(tmp_path / "in"), str(tmp_path / "out"), "-n", "30", "--workers", "2"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    parts = tmp_path / "out/.nfold/parts"
    deadline = time.monotonic() + 60
    while not (parts.exists() and any(parts.iterdir())) and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert run.poll() is None, "it was done before it could be interrupted"
    (os.killpg if whom.startswith("the whole") else os.kill)(run.pid, signal.SIGINT)
    printed, messages = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "nfold: interrupted. What is done stays done: run the same command to go on." in messages
    assert "Traceback" not in messages
    assert printed == ""
    deadline = time.monotonic() + 5
    while processes_of_session(run.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of_session(run.pid) == []
    again = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert len(tree(tmp_path / "out")) == 30 * 31


class TestJson:
    @pytest.mark.parametrize(
        ("arguments", "keys"),
        [
            (["expand", "SRC", "NEW", "-n", "1"], ["is_whole", "images_after", "tree_digest"]),
            (["expand", "SRC", "NEW", "-n", "1", "--dry-run"], ["files", "classes"]),
            (["expand", "SRC", "NEW", "-n", "1", "--quiet"], ["is_whole"]),
            (["verify", "OUT"], ["is_sound", "faults"]),
            (["explain", "OUT", "a_aug1.png"], ["source", "applied"]),
            (["regenerate", "OUT", "a_aug1.png"], ["same_bytes", "on_disk"]),
            (["preview", "SRC", "--output", "SHEET"], ["output", "shown", "skipped", "note"]),
            (["recipes", "show", "light"], ["name", "augment"]),
            (["recipes", "check", "RECIPE"], ["valid", "problems"]),
            (["recipes", "schema"], ["$schema"]),
            (["doctor"], ["facts", "findings"]),
        ],
        ids=str,
    )
    def test_one_object_on_standard_output_and_nothing_else(
        self,
        arguments: list[str],
        keys: list[str],
        source: Path,
        output: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "flip.yaml").write_text(FLIP)
        places = {"SRC": source, "OUT": output, "NEW": tmp_path / "new", "SHEET": tmp_path / "p.png"}
        places["RECIPE"] = tmp_path / "flip.yaml"
        call(*(places.get(word, word) for word in arguments), "--json")
        printed = capsys.readouterr()
        document = json.loads(printed.out)
        assert isinstance(document, dict)
        assert set(keys) <= set(document)
        assert printed.err == ""
        assert printed.out.isascii()

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["expand", "NOWHERE", "NEW", "-n", "1"], "input.missing"),
            (["expand", "SRC", "NEW"], "usage"),
            (["expand", "SRC", "NEW", "-n", "1", "--recipe", "lihgt"], "unknown_name"),
            (["expand", "SRC", "OUT", "-n", "1", "--seed", "5"], "output.mismatch"),
            (["expand", "SRC", "OUT", "-n", "1", "--seed", "5", "--dry-run"], "output.mismatch"),
            (["verify", "SRC"], "output.not_ours"),
            (["explain", "OUT", "nothing"], "file.missing"),
            (["recipes", "check", "RECIPE"], "recipe.invalid"),
        ],
        ids=str,
    )
    def test_an_error_is_an_object_too_and_its_message_is_on_standard_error(
        self,
        arguments: list[str],
        code: str,
        source: Path,
        output: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "bad.yaml").write_text("augment: [{HorizontalFlipp: {}}, {Rotate: {limt: 3}}]")
        places = {"SRC": source, "OUT": output, "NEW": tmp_path / "new", "NOWHERE": tmp_path / "nowhere"}
        places["RECIPE"] = tmp_path / "bad.yaml"
        assert call(*(places.get(word, word) for word in arguments), "--json") in (1, 2)
        printed = capsys.readouterr()
        document = json.loads(printed.out)
        assert set(document) == {"error", "message", "hint", "problems"}
        assert document["error"] == code
        assert document["message"] in printed.err
        assert f"[{code}]" in printed.err
        assert len(document["problems"]) == (2 if code == "recipe.invalid" else 0)


class TestStreams:
    def test_results_are_on_standard_output_and_messages_on_standard_error(
        self, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert call("expand", source, tmp_path / "out", "-n", 1) == 0
        printed = capsys.readouterr()
        assert printed.out.startswith("2 images became 4: 2 originals + 2 copies")
        assert printed.err == "folder (images without labels in one folder): 2 images, to become 4\n"
        assert call("expand", source, tmp_path / "out", "-n", 1, "--seed", 9) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "the seed was 0, is 9" in printed.err

    def test_a_preview_says_whether_it_shows_what_expand_would_write(
        self, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        call("preview", source, "--output", tmp_path / "p.png", "-n", 1)
        assert "1 copy of each, as 'nfold expand' would write them." in capsys.readouterr().out
        call("preview", source / "a.png", "--output", tmp_path / "p.png", "-n", 1)
        printed = capsys.readouterr().out
        assert "1 image with 1 copy of each, as a picture without labels; give the data set's folder" in printed
        assert "would write" not in printed

    def test_quiet_is_silent_but_for_errors(
        self, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert call("expand", source, tmp_path / "out", "-n", 1, "--quiet") == 0
        assert capsys.readouterr() == ("", "")
        assert call("verify", tmp_path / "out", "--quiet") == 0
        assert capsys.readouterr().err == ""
        assert call("expand", tmp_path / "nowhere", tmp_path / "out", "-n", 1, "--quiet") == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err

    def test_what_goes_is_announced(self, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("expand", source, tmp_path / "out", "-n", 2) == 0
        assert call("expand", source, tmp_path / "out", "-n", 1) == 0
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Removing")]
        assert line.startswith("Removing 2 files of ours no longer asked for: ")
        assert set(line.rpartition(": ")[2].split(", ")) == {"a_aug2.png", "b_aug2.png"}
        assert call("expand", source, tmp_path / "out", "-n", 1, "--seed", 1, "--rebuild") == 0
        assert "Removing 4 files of ours no longer asked for\n" in capsys.readouterr().err

    def test_a_summary_is_coloured_when_asked_for_and_not_when_no_color_is_set(
        self, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        call("verify", output)
        assert "\x1b[1m4 files, each as it was written.\x1b[0m" in capsys.readouterr().out
        monkeypatch.setenv("NO_COLOR", "1")
        call("verify", output)
        assert "\x1b" not in "".join(capsys.readouterr())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
@pytest.mark.parametrize("arguments", [["recipes", "schema"], ["recipes", "list"], ["--version"]])
def test_a_result_that_cannot_be_printed_is_told_without_a_traceback(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "nfold_cli", *arguments]
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 74
    assert run.stderr.strip() == "nfold: The result cannot be printed: No space left on device."


def test_a_number_that_is_none_is_quoted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nfold_cli", "expand", str(tmp_path), str(tmp_path / "out"), "-n", "two"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "--copies: 'two' is no whole number." in run.stderr


class TestDidYouMean:
    @pytest.mark.parametrize(
        ("arguments", "hint"),
        [
            (["verfy", "x"], "Did you mean verify?"),
            (["recipe", "list"], "Did you mean recipes?"),
            (["recipes", "lst"], "Did you mean list?"),
            (["expand", "a", "b", "--copys", "3"], "Did you mean --copies?"),
            (["expand", "a", "b", "--recipee=light"], "Did you mean --recipe?"),
            (["expand", "a", "b", "--originals", "lnik"], "Did you mean link?"),
            (["preview", "a", "--output", "p.png", "--sorces", "3"], "Did you mean --sources?"),
            (["expand", "a", "b", "--xyzzy"], "See nfold expand --help."),
            (["expand", "a", "b", "-n", "1", "--recipe", "lihgt"], "Did you mean 'light'"),
            (["it's"], "See nfold --help."),
        ],
        ids=str,
    )
    def test_what_is_spelt_alike_is_offered(
        self, arguments: list[str], hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        if arguments[1:3] == ["a", "b"]:
            arguments = [*arguments[:1], str(tmp_path), str(tmp_path / "../out"), *arguments[3:]]
        assert call(*arguments) == 2
        assert hint in capsys.readouterr().err


def run_nfold(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **options.pop("environment", {})}
    command = [*NFOLD, *(str(argument) for argument in arguments)]
    return subprocess.run(command, text=True, check=False, env=environment, stderr=subprocess.PIPE, **options)


def test_help_is_instant_since_it_imports_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "nfold_cli", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "nfold expand photos photos-x6 --copies 5" in run.stdout
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in run.stderr.splitlines()}
    assert "nfold_cli" in imported
    assert not imported & {"pydantic", "rich", "numpy", "cv2", "albumentations", "yaml", "PIL", "json"}


class TestOddEnds:
    @pytest.fixture
    def closed_pipe(self) -> Iterator[int]:
        reader, writer = os.pipe()
        os.close(reader)
        yield writer
        os.close(writer)

    @pytest.mark.parametrize(
        ("arguments", "unbuffered"),
        [
            (["--help"], ""),
            (["--help"], "1"),
            (["--version"], ""),
            (["--version"], "1"),
            (["recipes", "schema"], ""),
            (["verify", "OUT"], "1"),
            (["explain", "OUT", "x", "--json"], ""),
            (["explain", "OUT", "x", "--json"], "1"),
        ],
        ids=str,
    )
    def test_a_reader_that_leaves_early_is_no_reason_for_a_traceback(
        self, arguments: list[str], unbuffered: str, closed_pipe: int, output: Path
    ) -> None:
        words = [str(output) if word == "OUT" else word for word in arguments]
        run = run_nfold(*words, stdout=closed_pipe, environment={"PYTHONUNBUFFERED": unbuffered})
        assert "Traceback" not in run.stderr
        assert "BrokenPipe" not in run.stderr

    def test_a_name_that_the_terminal_cannot_show_is_spelt_out(
        self, tmp_path: Path, expand_inline: Callable[..., Any]
    ) -> None:
        write_picture(tmp_path / "in/a.png", 1)
        (tmp_path / "in/a.png").rename(tmp_path / "in/é\udcff.png")
        expand_inline(tmp_path / "in", tmp_path / "out", copies=1)
        run = run_nfold(
            "explain",
            tmp_path / "out",
            "é_aug1.png".replace("é", "é\udcff"),
            stdout=subprocess.PIPE,
            environment={"PYTHONIOENCODING": "ascii"},
        )
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith(r"\xe9\xff_aug1.png is copy 1 of \xe9\xff.png")


def test_a_prepared_original_is_not_said_to_be_the_source_byte_for_byte(
    source: Path, tmp_path: Path, expand_inline: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = {"prepare": [{"Resize": {"height": 9, "width": 9}}], "augment": [{"Rotate": {"limit": 9, "p": 1}}]}
    expand_inline(source, tmp_path / "out", copies=1, recipe=prepared)
    assert (tmp_path / "out/a.png").read_bytes() != (source / "a.png").read_bytes()
    assert call("explain", tmp_path / "out", "a.png") == 0
    assert "byte for byte" not in capsys.readouterr().out


def test_a_recipe_of_letters_that_are_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(r'{"augment": [{"\ud800": {}}]}')
    assert call("recipes", "check", tmp_path / "recipe.json") == 2
