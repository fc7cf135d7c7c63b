"""The running service against its own OpenAPI document: every check that schemathesis knows, over every operation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from nfold_service.context import Places
from nfold_service.store import Store
from tests.conftest import write_picture
from tests.service.conftest import Server
from tests.service.stored import ready_dataset

KEY = "a-key-for-the-conformance-test"
EXAMPLES = int(os.environ.get("NFOLD_EXAMPLES") or 25)
"""Of each operation and phase."""

CONFIGURATION = """\
# The document says what form a value has. That it makes sense as well is for the service to say: 422 for a cursor of
# another list, for text that is no recipe, and for an Idempotency-Key that was used before; 460 for a checksum.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "401", "403", "404", "409", "410", "413", "415", "416", "422", "429", "460"]

# 412 is what tus answers to a client of another version, or of none.
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "429", "5xx"]

[checks.missing_required_header]
expected-statuses = ["400", "401", "403", "406", "412", "415", "422"]

[[operations]]
include-method = "GET"
parameters = {{ "path.job" = "{job}", "path.dataset" = "{dataset}" }}
"""

PROGRAM = """
import schemathesis
from schemathesis.cli import schemathesis as run

@schemathesis.serializer("application/offset+octet-stream", "application/x-tar", "application/gzip", "application/zip")
def as_it_is(context, value):
    return value if isinstance(value, bytes) else str(value).encode()

@schemathesis.hook
def filter_case(context, case):
    # The 0 that breaks the type of a header becomes a text on the line, and is then taken for a valid one, whatever
    # form the document asks of it.
    return not (case.meta.generation.mode.is_positive and (case.headers or {}).get("Upload-Checksum") == "0")

run()
"""


@pytest.fixture
def served(tmp_path: Path) -> tuple[Server, str, str]:
    """A server with a data set and an expansion that has succeeded, so that there is something to find."""
    server = Server(data=tmp_path / "server")
    server.data.mkdir()
    store = Store(f"sqlite:///{server.data / 'nfold.db'}")
    dataset = ready_dataset(store)
    store.close()
    for number in range(2):
        write_picture(Places(server.data).dataset(dataset) / f"picture{number}.png", number)
    server.begin(api_key=KEY)
    with httpx.Client(base_url=server.url, headers={"X-API-Key": KEY}, timeout=60) as client:
        job = client.post("/v1/expansions", json={"dataset": dataset, "copies": 1}).json()
        until = time.monotonic() + 120
        while client.get(job["links"]["self"]).json()["state"] != "succeeded":
            assert time.monotonic() < until, client.get(job["links"]["self"]).text
            time.sleep(0.2)
    return server, dataset, job["id"]


@pytest.mark.slow
@pytest.mark.timeout(300 + 10 * EXAMPLES)
def test_the_service_does_what_its_document_says(served: tuple[Server, str, str], tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    server, dataset, job = served
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION.format(job=job, dataset=dataset))
    try:
        ran = subprocess.run(
            [
                sys.executable, "-W", "ignore", "-c", PROGRAM,
                "--config-file", str(configuration),
                "run", f"{server.url}/openapi.json",
                "--header", f"X-API-Key: {KEY}",
                "--checks", "all",
                "--max-examples", str(EXAMPLES),
                "--seed", "20261123",
                "--generation-database", "none",
                "--no-color",
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=200 + 10 * EXAMPLES, check=False,
        )  # fmt: skip
    finally:
        server.end()
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2_000:]
    selected, tested = (re.search(rf"{word}: (\d+)", ran.stdout) for word in ("Selected", "Tested"))
    assert selected is not None, ran.stdout[-3_000:]
    assert tested is not None, ran.stdout[-3_000:]
    assert int(tested[1]) == int(selected[1]) > 40, ran.stdout[-3_000:]
