"""The tests stand as the code stands: each module has a file of its own in the mirror place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"engine": ROOT / "engine/nfold", "cli": ROOT / "cli/nfold_cli", "service": ROOT / "service/nfold_service"}
MOST_LINES = 350

ELSEWHERE = {
    # module: the file that tests it, since it says or does nothing that could be tested alone
    "engine/currency.py": "tests/engine/test_annotated_sets.py",
    "engine/labelling.py": "tests/engine/test_annotated_sets.py",
    "engine/contrast/report/__init__.py": "tests/engine/contrast/report/test_page.py",
    "engine/formats/links.py": "tests/engine/formats/test_scan.py",
    "engine/annotations/model.py": "tests/engine/annotations/test_codec.py",
    "engine/annotations/__init__.py": "tests/engine/annotations/test_codec.py",
    "engine/testing/__init__.py": "tests/engine/testing/test_formats.py",
    "engine/testing/inline.py": "tests/engine/test_expansion.py",
    "engine/build.py": "tests/engine/test_laws.py",
    "engine/annotations/drops.py": "tests/engine/annotations/test_following.py",
    "engine/defaults.py": "tests/engine/test_api.py",
    "engine/distinct.py": "tests/engine/test_laws.py",
    "engine/events.py": "tests/engine/test_expansion.py",
    "engine/faults.py": "tests/cli/test_killed.py",
    "engine/shard.py": "tests/engine/test_guards.py",
    "engine/__init__.py": "tests/engine/test_api.py",
    # `check_executor` runs over every executor there
    "engine/executors/__init__.py": "tests/engine/testing/test_executors.py",
    "engine/executors/contract.py": "tests/engine/testing/test_executors.py",
    "engine/executors/inline.py": "tests/engine/testing/test_executors.py",
    "engine/executors/local.py": "tests/engine/testing/test_executors.py",
    # both sides of the border between processes
    "engine/executors/messages.py": "tests/engine/executors/test_channel.py",
    "engine/executors/worker.py": "tests/engine/executors/test_workforce.py",
    "engine/executors/zygote.py": "tests/engine/executors/test_workforce.py",
    "engine/executors/zygote_link.py": "tests/engine/executors/test_workforce.py",
    # against the frameworks themselves, which the ordinary environment does not have
    "engine/adapters/torch.py": "tests/frameworks/test_torch.py",
    "engine/adapters/keras.py": "tests/frameworks/test_keras.py",
    "engine/adapters/tensorflow.py": "tests/frameworks/test_tensorflow.py",
    "engine/stream/served.py": "tests/engine/stream/test_streaming.py",
    "engine/stream/__init__.py": "tests/engine/stream/test_streaming.py",
    "engine/stream/item.py": "tests/engine/stream/test_reading.py",
    # nothing but names of what lies below
    "engine/images/__init__.py": "tests/engine/images/test_decode.py",
    "engine/recipe/__init__.py": "tests/engine/recipe/test_form.py",
    "engine/recipe/constants.py": "tests/engine/recipe/test_values.py",
    # measured by hand; what comes out is committed, and held against Albumentations
    "engine/recipe/measure/__main__.py": "tests/engine/recipe/measure/test_table.py",
    "engine/recipe/measure/capabilities.py": "tests/engine/recipe/measure/test_table.py",
    "engine/recipe/measure/selection.py": "tests/engine/recipe/measure/test_table.py",
    # as a whole, against a server that runs
    "service/client/__init__.py": "tests/service/client/test_expanding.py",
    "service/client/steps.py": "tests/service/client/test_expanding.py",
    "cli/__main__.py": "tests/cli/test_main.py",
    "cli/commands.py": "tests/cli/test_main.py",
    "cli/parser.py": "tests/cli/test_main.py",
    "cli/service_commands.py": "tests/service/test_settings.py",
    # the service: what has no answer of its own is tested by the requests that pass through it
    "service/app.py": "tests/service/test_access.py",
    "service/routes/looks.py": "tests/service/routes/test_variations.py",
    "service/work/estimating.py": "tests/service/routes/test_variations.py",
    "service/work/tiles.py": "tests/service/routes/test_variations.py",
    "service/work/varying.py": "tests/service/routes/test_variations.py",
    "service/server.py": "tests/service/test_ending.py",
    "service/context.py": "tests/service/test_repeating.py",
    "service/epochs.py": "tests/service/routes/test_streams.py",
    "service/filling.py": "tests/service/routes/test_contents.py",
    "service/forms.py": "tests/service/routes/test_contents.py",
    "service/landing.py": "tests/service/routes/test_datasets.py",
    "service/models.py": "tests/service/test_openapi.py",
    "service/pictures.py": "tests/service/routes/test_small.py",
    "service/preparing.py": "tests/service/test_arrivals.py",
    "service/receiving.py": "tests/service/test_bodies.py",
    "service/recipe_text.py": "tests/service/routes/test_small.py",
    "service/reference_page.py": "tests/service/test_openapi.py",
    "service/resumable.py": "tests/service/routes/test_uploads.py",
    "service/taking.py": "tests/service/routes/test_contents.py",
    "service/routes/__init__.py": "tests/service/test_access.py",
    "service/routes/reference.py": "tests/service/test_openapi.py",
    "service/routes/shared.py": "tests/service/test_access.py",
    "service/store/__init__.py": "tests/service/store/test_queue.py",
    "service/store/rows.py": "tests/service/store/test_queue.py",
    "service/store/schema.py": "tests/service/store/test_queue.py",
    "service/store/shelves.py": "tests/service/routes/test_datasets.py",
    "service/store/figures.py": "tests/service/test_metrics.py",
    "service/store/idempotency.py": "tests/service/test_repeating.py",
    "service/store/keyring.py": "tests/service/test_keys.py",
    "service/work/protocol.py": "tests/service/work/test_crew.py",
    "service/work/checking.py": "tests/service/routes/test_recipes.py",
    "service/work/comparing.py": "tests/service/routes/test_comparisons.py",
    "service/work/expanding.py": "tests/service/routes/test_expansions.py",
    "service/work/inspecting.py": "tests/service/routes/test_datasets.py",
    "service/work/previewing.py": "tests/service/routes/test_small.py",
    "service/work/small.py": "tests/service/routes/test_small.py",
    "service/work/streaming.py": "tests/service/routes/test_streams.py",
    "service/work/catalogue.py": "tests/service/work/test_unpacking.py",
    "service/work/members.py": "tests/service/work/test_unpacking.py",
    "service/work/names.py": "tests/service/work/test_unpacking.py",
    "service/work/signatures.py": "tests/service/work/test_unpacking.py",
    "service/work/tars.py": "tests/service/work/test_unpacking.py",
    "service/work/zips.py": "tests/service/work/test_unpacking.py",
}


def modules() -> Iterator[tuple[str, Path]]:
    """Each module with code in it, by its name as in ELSEWHERE."""
    for part, package in PACKAGES.items():
        for path in sorted(package.rglob("*.py")):
            statements = ast.parse(path.read_text()).body
            if any(not isinstance(statement, ast.Expr) for statement in statements):
                yield f"{part}/{path.relative_to(package).as_posix()}", path


MODULES = dict(modules())


def mirror_of(module: str) -> Path:
    folder, _, name = module.rpartition("/")
    stem = folder.rpartition("/")[2] if name == "__init__.py" else name.removesuffix(".py")
    return ROOT / "tests" / folder / f"test_{stem}.py"


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_its_tests_in_the_mirror_place(module: str) -> None:
    if module not in ELSEWHERE:
        assert mirror_of(module).exists(), f"write {mirror_of(module)}, or say in ELSEWHERE where {module} is tested"


@pytest.mark.parametrize("module", ELSEWHERE)
def test_an_exception_is_one_and_names_a_file_that_there_is(module: str) -> None:
    assert module in MODULES
    assert not mirror_of(module).exists(), "it has a file of its own by now: strike it off the list"
    assert (ROOT / ELSEWHERE[module]).exists()


@pytest.mark.parametrize("module", MODULES)
def test_no_module_is_longer_than_can_be_read_at_one_sitting(module: str) -> None:
    lines = len(MODULES[module].read_text().splitlines())
    assert lines <= MOST_LINES, f"{module} has {lines} lines; divide it by what its parts are for"


def undocumented(path: Path) -> Iterator[str]:
    """Public functions, classes and methods without a docstring."""
    module = ast.parse(path.read_text())
    if not ast.get_docstring(module):
        yield "the module itself"
    pending: list[tuple[str, ast.AST]] = [("", module)]
    while pending:
        prefix, parent = pending.pop()
        for node in ast.iter_child_nodes(parent):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node):
                yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                pending.append((f"{prefix}{node.name}.", node))


@pytest.mark.parametrize("module", MODULES)
def test_whatever_is_public_says_what_it_is_for(module: str) -> None:
    assert list(undocumented(MODULES[module])) == []


def test_every_test_file_that_mirrors_something_mirrors_something_that_is_there() -> None:
    mirrors = {mirror_of(module) for module in MODULES}
    strays = {
        path
        for folder in ("plan", "formats")
        for path in (ROOT / "tests/engine" / folder).glob("test_*.py")
        if path not in mirrors
    }
    assert strays == set()
