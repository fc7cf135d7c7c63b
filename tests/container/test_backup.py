"""What docs/deploy.md says about keys and backups of the volume, as it stands there, with podman in the place of docker."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.container.conftest import ROOT, podman
from tests.container.test_readme import docker_in, run

DEPLOY = (ROOT / "docs/deploy.md").read_text()
FIRST_KEY = re.search(r"`(docker run [^`]+ keys add anna)`", DEPLOY)
BACKUP, RESTORE, *_ = re.findall(r"^```text\n(.*?)^```", DEPLOY.partition("\n## Backup\n")[2], re.M | re.S)


@pytest.fixture
def words(image: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment in which `docker` is podman, and the image and the volume are named as in the docs."""
    podman("tag", image, "localhost/nfold:latest")
    podman("volume", "rm", "--force", "nfold", check=False)
    yield docker_in(tmp_path / "words")
    podman("volume", "rm", "--force", "nfold", check=False)


def listed(words: dict[str, str]) -> str:
    call = ["docker", "run", "--rm", "-v", "nfold:/data", "nfold", "keys", "list"]
    return subprocess.run(call, env=words, capture_output=True, text=True, check=True, timeout=60).stdout


def owners_and_sizes(words: dict[str, str]) -> str:
    find = "find /data ! -path '*/staging*' ! -path '*/scratch*' -type f -printf '%P %U %m %s\\n' | sort"
    call = ["docker", "run", "--rm", "-v", "nfold:/data", "--user", "0", "--entrypoint", "sh", "nfold", "-c", find]
    return subprocess.run(call, env=words, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_first_key_is_made_before_anything_runs_and_a_backup_brings_it_back(
    words: dict[str, str], tmp_path: Path
) -> None:
    assert FIRST_KEY is not None
    run(FIRST_KEY[1], tmp_path, words)
    before = listed(words)
    assert "anna" in before
    kept = owners_and_sizes(words)
    assert "nfold.db 10001 " in kept
    stop, backup, start = BACKUP.splitlines()
    assert (stop, start) == ("docker stop CONTAINER", "docker start CONTAINER"), "none runs here"
    run(backup, tmp_path, words)
    podman("volume", "rm", "nfold")
    run(RESTORE, tmp_path, words)
    assert owners_and_sizes(words) == kept
    assert listed(words) == before
