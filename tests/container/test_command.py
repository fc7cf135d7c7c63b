from __future__ import annotations

import json
import os
from pathlib import Path

from tests.container.conftest import HARDENED, native_digest, podman

CALLER = 4711
"""A user whom no file of the image knows."""


def owners(folder: Path) -> set[tuple[int, int]]:
    return {(path.stat().st_uid, path.stat().st_gid) for path in (folder, *folder.rglob("*"))}


def test_it_writes_over_a_bind_mount_what_the_native_command_writes_and_the_files_are_the_callers(
    image: str, photos: Path, tmp_path: Path
) -> None:
    os.chown(photos.parent, CALLER, CALLER)
    done = podman(
        *("run", "--rm", "--network=none", *HARDENED, "--user", f"{CALLER}:{CALLER}"),
        *("--volume", f"{photos.parent}:/data", image),
        *("expand", "/data/photos", "/data/photos-x6", "-n", "5", "--json"),
    )
    assert json.loads(done.stdout)["tree_digest"] == native_digest(photos, tmp_path / "native", "-n", "5")
    written = photos.parent / "photos-x6"
    assert len([*written.rglob("*")]) > 24
    assert owners(written) == {(CALLER, CALLER)}


def test_started_as_user_0_it_becomes_who_puid_and_pgid_name(image: str, photos: Path) -> None:
    os.chown(photos.parent, CALLER, CALLER + 1)
    podman(
        *("run", "--rm", "--network=none", "--user=0", "--env", f"PUID={CALLER}", "--env", f"PGID={CALLER + 1}"),
        *("--volume", f"{photos.parent}:/data", image),
        *("expand", "/data/photos", "/data/out", "-n", "1"),
    )
    assert owners(photos.parent / "out") == {(CALLER, CALLER + 1)}


def test_started_as_somebody_else_puid_and_pgid_change_nothing(image: str, photos: Path) -> None:
    os.chown(photos.parent, CALLER, CALLER)
    podman(
        *("run", "--rm", "--network=none", "--user", f"{CALLER}:{CALLER}", "--env", "PUID=1", "--env", "PGID=1"),
        *("--volume", f"{photos.parent}:/data", image),
        *("expand", "/data/photos", "/data/out", "-n", "1"),
    )
    assert owners(photos.parent / "out") == {(CALLER, CALLER)}


def test_root_gets_files_of_roots_own_in_a_folder_of_roots_own(image: str, photos: Path) -> None:
    podman(
        *("run", "--rm", "--network=none", "--user", "0:0", "--volume", f"{photos.parent}:/data", image),
        *("expand", "/data/photos", "/data/out", "-n", "1"),
    )
    assert owners(photos.parent / "out") == {(0, 0)}
