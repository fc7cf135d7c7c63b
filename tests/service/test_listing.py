"""Pages of names: what a full listing, sorted, would give from there on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold_service.listing import names_after

NAMES = st.lists(
    st.lists(st.sampled_from(["a", "a.b", "a-b", "b", "\u00e9", "Z", "a b", "\U0001f408"]), min_size=1, max_size=3),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(paths=NAMES, most=st.integers(1, 4))
def test_pages_put_together_are_all_names_in_order(
    tmp_path_factory: pytest.TempPathFactory, paths: list[list[str]], most: int
) -> None:
    root = tmp_path_factory.mktemp("output")
    wanted = []
    for path in paths:
        name = "/".join([*(f"{part}.d" for part in path[:-1]), path[-1]])
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"12")
        wanted.append(name)
    (root / ".nfold").mkdir()
    (root / ".nfold" / "part").write_bytes(b"")
    found: list[str] = []
    while page := names_after(root, found[-1] if found else "", most, private=".nfold"):
        assert len(page) <= most
        assert {size for _, size in page} == {2}
        found += [name for name, _ in page]
    assert found == sorted(set(wanted))


def test_a_page_looks_into_no_folder_that_it_does_not_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        for number in range(3):
            (tmp_path / folder / f"{number}.jpg").write_bytes(b"")
    looked = []
    scandir = os.scandir

    def counted(path: Path) -> os.ScandirIterator[str]:
        looked.append(path.relative_to(tmp_path).as_posix())
        return scandir(str(path))

    monkeypatch.setattr("nfold_service.listing.os.scandir", counted)
    assert [name for name, _ in names_after(tmp_path, "b/0.jpg", 2, private=".nfold")] == ["b/1.jpg", "b/2.jpg"]
    assert looked == [".", "b"]
