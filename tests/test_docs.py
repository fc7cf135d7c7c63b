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
FRAMEWORK_FENCES = ("python torch", "python keras", "python tensorflow")
"""They run in tests/frameworks."""

PYTHON_FENCES = ("python", "python notest", "python digest", *FRAMEWORK_FENCES)


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


OF_OTHERS = {
    "--build", "--build-arg", "--clean", "--data-binary", "--detach", "--cap-drop", "--cpus", "--entrypoint", "--env",
    "--extra", "--format", "--if-exists", "--init", "--install",
    "--locked", "--log-opt", "--memory", "--network", "--no-dev", "--pids-limit", "--pull", "--read-only", "--rm",
    "--security-opt", "--tmpfs", "--user", "--userns",
}  # fmt: skip
"""Options of docker, podman, uv, curl, pg_restore and scripts/test-container."""


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
            others = OF_OTHERS if page in (README, ROOT / "docs/deploy.md", ROOT / "docs/service-tour.md") else set()
            assert named <= known | others, f"{page.name} names {sorted(named - known - others)}"

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
        from nfold.contrast.model import (
            ArmResult,
            BreakEven,
            Contrast,
            GridCell,
            Inference,
            ModeFigures,
            TrainingResult,
        )
        from nfold.diagnosis import Diagnosis, Finding
        from nfold.provenance import Explanation
        from nfold.regeneration import Regeneration
        from nfold.rehearsal import PlannedClass, PlanSummary
        from nfold.report import ClassReport, ExpansionReport, Leak
        from nfold.verification import Fault, VerificationReport

        of_command = {
            "nfold expand": (ExpansionReport, ClassReport, Leak, PlanSummary, PlannedClass),
            "nfold verify": (VerificationReport, Fault),
            "nfold regenerate": (Regeneration,),
            "nfold explain": (Explanation,),
            "nfold doctor": (Diagnosis, Finding),
            "nfold compare": (Contrast, ModeFigures, Inference, BreakEven, TrainingResult, ArmResult, GridCell),
        }
        for command, kinds in of_command.items():
            named = names_of(section(ROOT / "docs/command-line.md", command))
            for kind in kinds:
                missing = {field.name for field in dataclasses.fields(kind)} - named - {"data", "jpeg"}
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
        if "testing" in path.parts:
            continue  # its errors are made up, to be caught by itself
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                codes.add(node.value.value)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                # Formats hand codes on as plain arguments, too; `labels.txt` is a file.
                codes.update(re.findall(r"^labels\.(?!txt$|json$)[a-z_]+$", node.value) and [node.value])
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

    @pytest.mark.parametrize(
        ("page", "heading"), [("python.md", "Stream and FrozenDataset"), ("on-the-fly.md", "Stream")]
    )
    def test_every_argument_of_stream_and_frozen_data_set_is_described(self, page: str, heading: str) -> None:
        import inspect

        named = names_of(section(ROOT / "docs" / page, heading)) | {"copies"}
        for kind in (nfold.Stream, nfold.FrozenDataset):
            missing = set(inspect.signature(kind).parameters) - named
            assert not missing, f"{sorted(missing)} of {kind.__name__}"

    def test_every_adapter_is_described(self) -> None:
        text = read(ROOT / "docs/on-the-fly.md")
        for name in ("torch", "keras", "tensorflow"):
            source = ast.parse(read(ROOT / f"engine/nfold/adapters/{name}.py"))
            public = {node.name for node in source.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
            for each in public - {"Handing", "output_signature"}:
                assert each.startswith("_") or f"`{each}`" in text, each
            assert [block.fence for block in blocks(ROOT / "docs/on-the-fly.md")].count(f"python {name}") == 1

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
        extras = [name for names in project["project"]["optional-dependencies"].values() for name in names]
        of_page = json.loads(read(ROOT / "service/nfold_service/web/vendor/vendored.json")).values()
        wanted = [*project["project"]["dependencies"], *extras, *project["dependency-groups"]["dev"]]
        wanted += [entry["package"] for entry in of_page]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A data set as docs/formats.md shows it: a tree, and the files whose contents stand behind it."""

    format: str
    kinds: frozenset[str]
    tree: tuple[str, ...]
    files: dict[str, str]
    line: int

    def __str__(self) -> str:
        return f"{self.format}:{self.line}"

    def build(self, root: Path) -> Path:
        """Pictures are painted, masks with numbers 0 to 2 and 255, all other files have to be on the page."""
        import numpy as np
        import PIL.Image

        for number, path in enumerate(self.tree):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path in self.files:
                target.write_text(self.files[path], encoding="utf-8")
            elif path.startswith("masks/"):
                mask = np.zeros((48, 64), np.uint8)
                mask[8:32, 10:40], mask[20:40, 36:60], mask[:2] = 1, 2, 255
                PIL.Image.fromarray(mask).save(target)
            else:
                assert path.endswith(".jpg"), f"{self}: the page does not say what is in {path}"
                noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
                PIL.Image.fromarray(noise).resize((64, 48)).save(target, quality=95)
        assert set(self.files) <= set(self.tree)
        return root


def examples() -> list[Example]:
    found: list[Example] = []
    for block in blocks(ROOT / "docs/formats.md"):
        if begins := re.fullmatch(r"text example ([\w-]+): (.+)", block.fence):
            kinds = frozenset(begins[2].split(", "))
            tree = tuple(block.text.split())
            found.append(Example(format=begins[1], kinds=kinds, tree=tree, files={}, line=block.line))
        elif " " in block.fence and not block.fence.startswith("python"):
            found[-1].files[block.fence.partition(" ")[2]] = block.text
    return found


def rows_of(text: str) -> list[list[str]]:
    """The cells of the first table in a text, without its head."""
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()  # type: ignore[index]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


class TestFormats:
    def test_there_is_an_example_of_each_format_with_label_files(self) -> None:
        from nfold.formats import FORMATS

        wanted = {name for name, known in FORMATS.items() if known.has_annotations}
        assert {example.format for example in examples()} == wanted

    @pytest.mark.parametrize("example", examples(), ids=str)
    def test_every_example_is_read_as_the_page_says(self, example: Example, tmp_path: Path) -> None:
        source = example.build(tmp_path / "source")
        report = nfold.expand(source, tmp_path / "target", copies=1, recipe="detection", workers=1)
        pictures = [path for path in example.tree if path.endswith(".jpg")]
        assert report.format.partition(" ")[0] == example.format
        assert report.is_whole, report.skipped
        assert report.images_before == len(pictures)
        if example.kinds == {"class"}:
            assert {row.category for row in report.classes} >= {"cat", "dog"}
        else:
            assert report.labels is not None
            assert set(report.labels.kinds) == example.kinds
            assert report.labels.came == report.labels.kept + sum(report.labels.dropped.values())
        for path in example.tree:
            assert (tmp_path / "target" / path).is_file(), path
        assert nfold.verify(tmp_path / "target").is_sound

    def test_another_format_is_laid_out_as_the_page_says(self, tmp_path: Path) -> None:
        from nfold.formats import FORMATS

        sources = {
            example.format: example.build(tmp_path / f"source-{example.format}")
            for example in examples()
            if example.format in ("create-ml", "coco")
        }
        rows = rows_of(section(ROOT / "docs/formats.md", "Another format"))
        assert {row[0].strip("`") for row in rows} == {name for name, it in FORMATS.items() if it.has_annotations}
        for name, files in rows:
            target = tmp_path / name.strip("`")
            nfold.expand(
                # Of boxes alone nothing would be left in masks.
                sources["coco" if name == "`masks`" else "create-ml"],
                target,
                copies=0,
                split=None if name == "`masks`" else "100/0",
                to=name.strip("`"),
                on_loss="list",
                recipe="detection",
                workers=1,
            )
            for path in re.findall(r"`([^`]+)`", files):
                assert (target / path).is_file(), f"{name}: {path}"

    def test_the_table_of_what_is_lost_is_that_of_the_code(self) -> None:
        from typing import get_args

        from nfold.annotations import LabelKind
        from nfold.formats import FORMATS

        text = section(ROOT / "docs/formats.md", "What is lost")
        head = re.findall(r"^\| kind \|(.*)\|$", text, re.MULTILINE)[0]
        names = re.findall(r"`([\w-]+)`", head)
        assert set(names) == set(FORMATS)
        rows = {row[0].strip("`"): row[1:] for row in rows_of(text)}
        assert set(rows) == set(get_args(LabelKind))
        for kind, cells in rows.items():
            for name, cell in zip(names, cells, strict=True):
                assert (cell != "no") == (kind in FORMATS[name].holds), f"{kind} in {name}"

    def test_every_format_and_every_rule_is_named(self) -> None:
        from typing import get_args

        from nfold.annotations.drops import DropRule
        from nfold.formats import FORMATS

        assert {row[0].strip("`") for row in rows_of(section(ROOT / "docs/formats.md", "All of them"))} == set(FORMATS)
        named = names_of(section(ROOT / "docs/labels.md", "What is dropped"))
        assert set(get_args(DropRule)) <= named


class TestLabels:
    def test_the_table_of_agreement_is_that_of_the_catalogue(self) -> None:
        measured = {}
        for name, entry in json.loads(read(ROOT / "engine/nfold/recipe/catalogue.json"))["transforms"].items():
            follows = entry["capabilities"]["follows"] if entry.get("capabilities") else None
            if follows:
                measured[name] = follows
        shown = {row[0]: row[1:] for row in rows_of(section(ROOT / "docs/labels.md", "How well they follow"))}
        assert shown == {name: agreement_cells(follows) for name, follows in measured.items()}

    def test_every_field_of_the_ledger_is_described(self) -> None:
        from nfold.report import LabelsReport, ObjectClassReport

        named = names_of(section(ROOT / "docs/command-line.md", "nfold expand"))
        for kind in (LabelsReport, ObjectClassReport):
            missing = {field.name for field in dataclasses.fields(kind)} - named
            assert not missing, f"{sorted(missing)} of {kind.__name__}"

    def test_the_picture_of_labels_is_small_and_has_its_licences(self) -> None:
        assert (ROOT / "docs/pictures/labels.jpg").stat().st_size < 300_000
        assert "labels.jpg" in read(ROOT / "docs/pictures/LICENSES.md")


def agreement_cells(follows: dict[str, Any]) -> list[str]:
    """The figures of one transform as docs/labels.md shows them."""
    pairs = [follows[target] for target in ("boxes", "oriented", "polygons", "masks")]
    return [*("-" if pair is None else f"{pair[0]:.3f} / {pair[1]:.3f}" for pair in pairs), f"{follows['points']:.2f}"]


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
    make_trees(tmp_path / "trees")
    return tmp_path


def make_trees(root: Path) -> None:
    """A small YOLO set: `images/train`, `images/val`, `labels/...`, data.yaml."""
    import numpy as np
    import PIL.Image

    lines = {"train": ("0 0.5 0.5 0.4 0.4", "0 0.4 0.4 0.3 0.3\n1 0.7 0.7 0.2 0.2", "1 0.5 0.6 0.3 0.3"), "val": ("",)}
    for split, files in lines.items():
        for number, text in enumerate(files):
            picture, label = root / f"images/{split}/{number}.jpg", root / f"labels/{split}/{number}.txt"
            for path in (picture, label):
                path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng([len(split), number]).integers(0, 256, (12, 16, 3), np.uint8)
            PIL.Image.fromarray(noise).resize((160, 120)).save(picture, quality=90)
            label.write_text(f"{text}\n" if text else "", encoding="utf-8")
    (root / "data.yaml").write_text(
        "train: images/train\nval: images/val\nnames: {0: alive, 1: dead}\n", encoding="utf-8"
    )
