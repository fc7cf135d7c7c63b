"""What the Dockerfile and the compose files say, without building anything."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from nfold_service.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker/Dockerfile").read_text()
COMPOSE = ("compose.yaml", "compose.postgres.yaml")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def services(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker" / name).read_text())["services"]
    return found


def test_the_dockerfile_needs_nothing_but_a_plain_builder() -> None:
    assert not re.search(r"--link|--exclude|--mount|<<", DOCKERFILE)
    assert DOCKERFILE.splitlines()[2] == "ARG BASE=python:3.11-slim-bookworm"
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}"}


def test_the_version_is_that_of_the_project() -> None:
    assert f"ARG VERSION={VERSION}\n" in DOCKERFILE
    assert services("compose.yaml")["nfold"]["image"] == f"nfold:{VERSION}"


def test_every_setting_that_is_named_exists() -> None:
    known = {f"NFOLD_{name.upper()}" for name in Settings.model_fields}
    given = set(re.findall(r"NFOLD_[A-Z_]+", DOCKERFILE))
    for name in COMPOSE:
        given |= {key for key in services(name)["nfold"]["environment"] if key.startswith("NFOLD_")}
    assert given <= known


@pytest.mark.parametrize("name", COMPOSE)
def test_every_service_has_limits_and_may_not_gain_rights(name: str) -> None:
    for service, told in services(name).items():
        if "image" not in told:
            continue  # it adds to the service of the other file
        assert {"cpus", "mem_limit", "pids_limit", "restart"} <= told.keys(), service
        assert told["security_opt"] == ["no-new-privileges:true"], service


def test_the_health_check_is_the_same_for_engines_whose_images_have_none() -> None:
    said = re.search(r"^HEALTHCHECK (.*) \\\n  CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert said is not None
    times = dict(part.removeprefix("--").split("=") for part in said[1].split())
    told = services("compose.yaml")["nfold"]["healthcheck"]
    assert told.pop("test") == ["CMD", *json.loads(said[2])]
    assert {name.replace("_", "-"): str(value) for name, value in told.items()} == times


def test_the_proxy_gives_up_a_connection_before_the_service_does() -> None:
    kept = re.search(r"^\s+keepalive (\d+)s$", (ROOT / "docker/Caddyfile").read_text(), re.MULTILINE)
    assert kept is not None
    assert int(kept[1]) < Settings().keep_alive_seconds


def test_what_is_copied_is_let_through_to_the_builder() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [line.split()[1:-1] for line in re.findall(r"^COPY (?!--from).*", DOCKERFILE, re.MULTILINE)]
    assert {source for line in copied for source in line} == let_through
