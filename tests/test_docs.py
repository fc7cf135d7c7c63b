"""The documentation is held against the code: what it names exists, and what it shows runs."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import nfold

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = (README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
PYTHON_FENCES = ("python", "python notest", "python digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    page: Path
    fence: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> Iterator[Block]:
    text = read(page)
    for found in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page=page, fence=found[1].strip(), text=found[2], line=line)


def section(page: Path, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", read(page), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no section '{heading}'"
    return found[1]


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every parser with the command that leads to it."""
    yield parser.prog, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from commands(child)


def all_commands() -> list[tuple[str, argparse.ArgumentParser]]:
    from nfold_cli.parser import make_parser

    return list(commands(make_parser()))


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    return {flag for action in parser._actions for flag in action.option_strings}


def names_of(text: str) -> set[str]:
    """Everything that stands in backticks, word by word."""
    return {
        word for span in re.findall(r"`([^`\n]+)`", text) for word in (span, *re.findall(r"--?[\w-]+|[\w.]+", span))
    }


class TestCommandLine:
    def test_every_command_is_in_the_readme(self) -> None:
        text = section(README, "Commands")
        for command, _ in all_commands():
            first_two = " ".join(command.split()[:2])
            assert f"`{first_two} " in text or f"`{first_two}`" in text or first_two == "nfold", first_two

    def test_every_option_stands_in_the_section_of_its_command(self) -> None:
        page = ROOT / "docs/command-line.md"
        common = names_of(section(page, "Common to all"))
        for command, parser in all_commands():
            words = command.split()
            named = common | (names_of(section(page, " ".join(words[:2]))) if len(words) > 1 else set())
            missing = options_of(parser) - named
            assert not missing, f"{page.name} does not describe {sorted(missing)} of '{command}'"

    def test_no_page_names_an_option_that_does_not_exist(self) -> None:
        known = set().union(*(options_of(parser) for _, parser in all_commands())) | {"--fast"}
        for page in PAGES:
            if page.name == "recipes.md":
                continue
            named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", read(page)))
            assert named <= known, f"{page.name} names {sorted(named - known)}"

    def test_choices_and_exit_codes_are_named(self) -> None:
        from nfold_cli import main

        text = section(ROOT / "docs/command-line.md", "Exit codes")
        for code in (main.DONE, main.FAILED, main.USAGE, main.NOT_WHOLE, main.DISK, main.INTERRUPTED):
            assert f"| {code} |" in text
        named = read(ROOT / "docs/command-line.md").replace("\\|", "|")
        for _, parser in all_commands():
            for action in parser._actions:
                if action.option_strings and action.choices:
                    assert f"{action.option_strings[-1]} {'|'.join(action.choices)}" in named

    def test_every_field_that_is_printed_as_json_is_described(self) -> None:
        from nfold.diagnosis import Diagnosis, Finding
        from nfold.provenance import Explanation, Regeneration
        from nfold.rehearsal import PlannedClass, PlanSummary
        from nfold.report import ClassReport, ExpansionReport, Leak
        from nfold.verification import Fault, VerificationReport

        of_command = {
            "nfold expand": (ExpansionReport, ClassReport, Leak, PlanSummary, PlannedClass),
            "nfold verify": (VerificationReport, Fault),
            "nfold regenerate": (Regeneration,),
            "nfold explain": (Explanation,),
            "nfold doctor": (Diagnosis, Finding),
        }
        for command, kinds in of_command.items():
            named = names_of(section(ROOT / "docs/command-line.md", command))
            for kind in kinds:
                missing = {field.name for field in dataclasses.fields(kind)} - named - {"data"}
                assert not missing, f"'{command}' does not describe {sorted(missing)} of {kind.__name__}"


class TestFiles:
    def test_every_field_of_the_manifest_is_described(self) -> None:
        from nfold.manifest import FileRow, PartHeader, ShortRow, SkipRow, SourceRow
        from nfold.plan.survey import Surveyed

        named = names_of(section(ROOT / "docs/output.md", "The manifest"))
        for row in (SourceRow, FileRow, ShortRow, SkipRow, PartHeader):
            missing = {field.name for field in dataclasses.fields(row)} - named
            assert not missing, f"{sorted(missing)} of {row.__name__}"
        named = names_of(section(ROOT / "docs/output.md", "Skipped sources and the split"))
        assert {field.name for field in dataclasses.fields(Surveyed)} <= named

    def test_every_field_of_the_card_is_described(self) -> None:
        from nfold.card import Card, Identity
        from nfold.versions import BuildFacts

        named = names_of(section(ROOT / "docs/output.md", "The card"))
        for kind in (Card, Identity, BuildFacts):
            missing = {field.name for field in dataclasses.fields(kind)} - named
            assert not missing, f"{sorted(missing)} of {kind.__name__}"

    def test_every_state_of_the_card_and_field_of_a_name_is_described(self) -> None:
        from typing import get_args

        from nfold.card import State
        from nfold.plan.naming import _FIELDS

        text = read(ROOT / "docs/output.md")
        assert all(f"`{state}`" in text for state in get_args(State))
        assert all(f"`{{{field}}}`" in text for field in _FIELDS)

    @pytest.mark.slow
    def test_the_script_for_the_tree_digest_agrees_with_verify(self, workplace: Path) -> None:
        (script,) = (block for block in blocks(ROOT / "docs/output.md") if block.fence == "python digest")
        assert len(script.text.strip().splitlines()) <= 10
        assert run_nfold("nfold expand photos out --copies 2 --quiet", workplace).returncode == 0
        (workplace / "digest.py").write_text(script.text, encoding="utf-8")
        told = subprocess.run(
            [sys.executable, "digest.py", "out"], cwd=workplace, capture_output=True, text=True, check=True
        )
        verified = json.loads(run_nfold("nfold verify out --json", workplace).stdout)
        assert told.stdout.strip() == verified["tree_digest"] == verified["recorded_digest"]


class TestErrorCodes:
    def test_every_code_is_described(self) -> None:
        documented = names_of("".join(read(page) for page in PAGES))
        missing = error_codes() - documented
        assert not missing, f"no page describes {sorted(missing)}"

    def test_no_page_describes_a_code_that_does_not_exist(self) -> None:
        tables = section(ROOT / "docs/command-line.md", "Error codes") + section(
            ROOT / "docs/inputs.md", "Why an image is skipped"
        )
        first_cells = re.findall(r"^\| (`[^|]+) \|", tables, re.MULTILINE)
        described = {code for cell in first_cells for code in re.findall(r"`([^`]+)`", cell)}
        assert described <= error_codes(), sorted(described - error_codes())


def error_codes() -> set[str]:
    """Codes of classes, of single errors, and of images."""
    from nfold.errors import NfoldError
    from nfold.images import IMAGE_ERROR_CODES

    codes = {kind.code for kind in subclasses(NfoldError)} | set(IMAGE_ERROR_CODES)
    for path in sorted((ROOT / "engine").rglob("*.py")):
        if path.name == "testing.py":
            continue  # its errors are made up, to be caught by itself
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                codes.add(node.value.value)
    return codes


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__.startswith("nfold"):
            yield from subclasses(child)


class TestPython:
    def test_every_public_name_is_described(self) -> None:
        named = names_of(read(ROOT / "docs/python.md"))
        assert set(nfold.__all__) <= named, sorted(set(nfold.__all__) - named)

    def test_every_argument_of_expand_is_described(self) -> None:
        from nfold.request import ExpansionRequest

        named = names_of(section(ROOT / "docs/python.md", "expand"))
        missing = set(ExpansionRequest.model_fields) - {"source", "target"} - named
        assert not missing, sorted(missing)

    def test_every_error_and_event_is_described(self) -> None:
        from typing import get_args

        from nfold.errors import NfoldError
        from nfold.events import Event

        text = read(ROOT / "docs/python.md")
        for kind in (*subclasses(NfoldError), *get_args(Event)):
            assert kind.__name__ in text, kind.__name__

    def test_every_snippet_is_python(self) -> None:
        for page in PAGES:
            for block in blocks(page):
                if block.fence.startswith("python"):
                    assert block.fence in PYTHON_FENCES, f"{block}: no test knows the fence '{block.fence}'"
                    compile(block.text, str(block), "exec")

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "block", [block for page in PAGES for block in blocks(page) if block.fence == "python"], ids=str
    )
    def test_every_snippet_runs(self, block: Block, workplace: Path) -> None:
        (workplace / "snippet.py").write_text(block.text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error", "snippet.py"],
            cwd=workplace,
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"


class TestShell:
    def test_the_readme_gives_the_two_commands_word_for_word(self) -> None:
        first = next(blocks(README))
        assert first.text.splitlines() == ["python3 scripts/demo", "python3 scripts/test"]
        for command in first.text.splitlines():
            assert (ROOT / command.split()[1]).is_file()

    def test_the_demo_does_what_the_readme_says(self) -> None:
        source = read(ROOT / "scripts/demo")
        text = read(README)
        assert '"expand", "examples/photos", "out/photos-x6", "--copies", "5"' in source
        for words in ("`examples/photos`", "`out/photos-x6`", "six-fold"):
            assert words in text

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "page",
        [page for page in PAGES if any(b.fence in ("sh", "console") for b in blocks(page))],
        ids=lambda page: page.name,
    )
    def test_every_command_that_is_shown_succeeds(self, page: Path, workplace: Path) -> None:
        for block in blocks(page):
            if block.fence not in ("sh", "console"):
                continue
            for line in block.text.splitlines():
                command = line.removeprefix("$ ").strip()
                if command.startswith("nfold "):
                    done = run_nfold(command, workplace)
                    assert done.returncode == 0, f"{block}: {command}\n{done.stdout}{done.stderr}"

    def test_every_nfold_command_that_is_shown_can_be_parsed(self) -> None:
        from nfold_cli.parser import make_parser

        for page in PAGES:
            for block in blocks(page):
                for line in block.text.splitlines() if block.fence in ("sh", "console") else ():
                    words = shlex.split(line.removeprefix("$ "), comments=True)
                    if words and words[0] == "nfold":
                        make_parser().parse_args(words[1:])


class TestPages:
    def test_the_question_is_answered_in_three_sentences(self) -> None:
        text = " ".join(section(README, "Are images added or replaced?").split())
        assert len(re.findall(r"[.!?](?= [A-Z`]|$)", text)) == 3

    def test_links_and_pictures_lead_somewhere(self) -> None:
        for page in PAGES:
            text = re.sub(r"^```.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
            for link in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"https?://", link):
                    continue
                path, _, anchor = link.partition("#")
                target = (page.parent / path) if path else page
                assert target.exists(), f"{page.name}: {link}"
                if anchor:
                    assert anchor in anchors(target), f"{page.name}: {link}"

    def test_every_page_is_linked_from_the_readme(self) -> None:
        text = read(README)
        for page in PAGES[1:]:
            assert f"]({page.relative_to(ROOT).as_posix()})" in text, page.name

    def test_the_picture_of_the_readme_is_small(self) -> None:
        import PIL.Image

        path = ROOT / "docs/pictures/preview.jpg"
        assert path.stat().st_size < 250_000
        with PIL.Image.open(path) as picture:
            assert 900 <= picture.width <= 1200

    def test_nothing_is_said_about_the_machine_it_was_written_on(self) -> None:
        for page in PAGES:
            found = re.search(r"/(?:home|root|work|tmp|Users)/|issue \d|(?<!\w)#\d|pypi\.org|TODO|FIXME", read(page))
            assert not found, f"{page.name}: {found and found[0]}"

    def test_the_laws_name_tests_that_exist(self) -> None:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", read(ROOT / "docs/laws.md"))
        assert len(named) > 6
        for path, name in named:
            assert (ROOT / path).is_file(), path
            assert not name or f"class {name}" in read(ROOT / path), f"{path}::{name}"
        assert "def test_inputs_are_never_modified" in read(ROOT / "tests/engine/test_laws.py")

    def test_every_preset_is_shown(self) -> None:
        from nfold.recipe import PRESETS

        text = read(ROOT / "docs/recipes.md")
        assert all(f"### {name}\n" in text for name in PRESETS)

    def test_every_dependency_stands_with_its_reason(self) -> None:
        project = tomllib.loads(read(ROOT / "pyproject.toml"))
        wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
        text = read(ROOT / "docs/dependencies.md")
        for requirement in wanted:
            name = re.split(r"[<>=\[ ]", requirement)[0]
            assert re.search(rf"^\| {re.escape(name)}[ |]", text, re.MULTILINE), name
        assert len(re.findall(r"^\| (?!package|--)", text, re.MULTILINE)) == len(wanted), (
            "a dependency that is not there any more"
        )

    def test_the_changelog_begins_with_this_version(self) -> None:
        version = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["version"]
        found = re.search(r"^## \[([^\]]+)\]", read(ROOT / "CHANGELOG.md"), re.MULTILINE)
        assert found
        assert found[1] in (version, "Unreleased")

    def test_splits_and_endings_are_those_of_the_code(self) -> None:
        from nfold.formats.base import SPLIT_SPELLINGS
        from nfold.images import EXTENSIONS

        named = names_of(read(ROOT / "docs/inputs.md"))
        endings = {word for span in re.findall(r"`([^`]+)`", read(ROOT / "docs/inputs.md")) for word in span.split()}
        assert set(SPLIT_SPELLINGS) <= named
        assert set(EXTENSIONS) <= endings


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1"}


def run_nfold(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = shlex.split(command, comments=True)[1:]
    if arguments[0] == "expand" and "--workers" not in arguments:
        arguments += ["--workers", "1"]
    return subprocess.run(
        [sys.executable, "-m", "nfold_cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )


@pytest.fixture
def workplace(tmp_path: Path, example_photos: Path) -> Path:
    """A folder as the pages have it: `photos` with a folder for each class, smaller than the real ones."""
    import PIL.Image

    for original in sorted(example_photos.glob("*/*.jpg")):
        copy = tmp_path / "photos" / original.relative_to(example_photos)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with PIL.Image.open(original) as picture:
            picture.resize((picture.width // 4, picture.height // 4)).save(copy, quality=90)
    shutil.copytree(tmp_path / "photos", tmp_path / "examples" / "photos")
    return tmp_path
