from __future__ import annotations

from pathlib import Path

import pytest

from nfold_service.routes.results import file_below


@pytest.mark.parametrize(
    "name",
    ["x" * 300, "/".join(["d" * 200] * 30), "../secret", "a/../../secret", "/etc/passwd", "a\0b", ".nfold/x", ""],
)
def test_a_name_that_can_be_no_file_of_the_output_is_not_there(tmp_path: Path, name: str) -> None:
    root = tmp_path / "output"
    (root / ".nfold").mkdir(parents=True)
    (root / ".nfold" / "x").write_text("private")
    (tmp_path / "secret").write_text("secret")
    assert file_below(root, name) is None
