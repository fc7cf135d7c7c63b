from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats import FoundFile, PassedOver, scan_folder, summarise
from nfold.formats.base import Scan
from nfold.formats.links import CIRCLE, TOO_DEEP
from tests.conftest import tree, write_picture


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x" * 7)
    return root


def found(root: Path, **patterns: Any) -> set[str]:
    return {entry.path for entry in scan_folder(root, **patterns) if isinstance(entry, FoundFile)}


def passed_over(root: Path, **patterns: Any) -> dict[str, str]:
    return {entry.path: entry.reason for entry in scan_folder(root, **patterns) if isinstance(entry, PassedOver)}


class TestFiles:
    def test_images_at_any_depth_with_their_size_and_time(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.jpg", "c/b.PNG", "c/d/e.TifF")
        os.utime(tmp_path / "a.jpg", ns=(5, 1_234_567_891))
        entries = {entry.path: entry for entry in scan_folder(tmp_path) if isinstance(entry, FoundFile)}
        assert set(entries) == {"a.jpg", "c/b.PNG", "c/d/e.TifF"}
        assert (entries["a.jpg"].size, entries["a.jpg"].mtime_ns) == (7, 1_234_567_891)

    def test_images_that_cannot_be_read_are_sources_too_so_that_they_are_reported(self, tmp_path: Path) -> None:
        assert found(touch(tmp_path, "a.gif", "b.HEIC", "c.cr2")) == {"a.gif", "b.HEIC", "c.cr2"}

    def test_other_files_are_passed_over_and_labels_are_told_apart(self, tmp_path: Path) -> None:
        touch(tmp_path, "README", "a.md", "b.csv", "c/d.XML", "e.jpg.zip", "f.jpg")
        assert passed_over(tmp_path) == {
            "README": "not an image",
            "a.md": "not an image",
            "b.csv": "label or text file",
            "c/d.XML": "label or text file",
            "e.jpg.zip": "not an image",
        }

    def test_a_folder_that_is_called_like_an_image_is_a_folder(self, tmp_path: Path) -> None:
        assert found(touch(tmp_path, "x.jpg/y.png")) == {"x.jpg/y.png"}
        assert passed_over(tmp_path) == {}

    def test_what_is_hidden_is_passed_over_with_all_below_it(self, tmp_path: Path) -> None:
        touch(tmp_path, ".a.jpg", ".git/b.jpg", "c/._d.jpg", "c/e.jpg")
        assert found(tmp_path) == {"c/e.jpg"}
        assert passed_over(tmp_path) == {".a.jpg": "hidden", ".git": "hidden", "c/._d.jpg": "hidden"}

    def test_pipes_and_sockets_are_not_opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        os.mkfifo(tmp_path / "pipe.jpg")
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as door:
            door.bind("socket.png")
            assert passed_over(tmp_path) == {"pipe.jpg": "not a regular file", "socket.png": "not a regular file"}


class TestLinks:
    def test_links_to_files_are_followed_inside_and_outside(self, tmp_path: Path) -> None:
        touch(tmp_path, "in/a.jpg", "out/b.jpg")
        (tmp_path / "in/same.png").symlink_to("a.jpg")
        (tmp_path / "in/other.png").symlink_to(tmp_path / "out/b.jpg")
        (tmp_path / "in/chain.png").symlink_to("other.png")
        assert found(tmp_path / "in") == {"a.jpg", "same.png", "other.png", "chain.png"}

    def test_links_to_folders_are_followed_but_never_in_a_circle(self, tmp_path: Path) -> None:
        touch(tmp_path, "in/c/a.jpg", "out/b.jpg", "out/d/e.txt")
        for name, goal in {"round": ".", "up": "..", "other": "../out", "c/back": "../c"}.items():
            (tmp_path / "in" / name).symlink_to(goal)
        (tmp_path / "out/home").symlink_to(tmp_path / "in")
        (tmp_path / "out/d/home").symlink_to(tmp_path / "out")
        assert found(tmp_path / "in") == {"c/a.jpg", "other/b.jpg"}
        assert passed_over(tmp_path / "in") == {
            "other/d/e.txt": "label or text file",
            **dict.fromkeys(["round", "up", "c/back", "other/home", "other/d/home"], CIRCLE),
        }

    def test_a_link_to_elsewhere_in_the_data_set_gives_labels_but_no_picture_twice(self, tmp_path: Path) -> None:
        touch(tmp_path, "images/a.jpg", "labels_2/a.txt", "labels_2/b.jpg")
        (tmp_path / "labels").symlink_to("labels_2")
        (tmp_path / "f.jpg").symlink_to("images")
        assert found(tmp_path) == {"images/a.jpg", "labels_2/b.jpg"}
        assert passed_over(tmp_path) == {
            **dict.fromkeys(["labels/a.txt", "labels_2/a.txt"], "label or text file"),
            **dict.fromkeys(["labels/b.jpg", "f.jpg/a.jpg"], "shown a second time by a link to a folder"),
        }

    def test_links_that_lead_across_each_other_come_to_an_end(self, tmp_path: Path) -> None:
        folders = [f"f{number}" for number in range(7)]
        for folder in folders:
            touch(tmp_path, f"{folder}/a.jpg")
            for other in folders:
                (tmp_path / folder / f"to_{other}").symlink_to(tmp_path / other)
        assert found(tmp_path) == {f"{folder}/a.jpg" for folder in folders}
        assert TOO_DEEP in passed_over(tmp_path).values()

    def test_a_link_to_a_folder_is_left_out_by_its_name(self, tmp_path: Path) -> None:
        touch(tmp_path, "in/a.jpg", "out/b.jpg")
        (tmp_path / "in/other").symlink_to(tmp_path / "out")
        assert found(tmp_path / "in", exclude=["other"]) == {"a.jpg"}

    def test_links_that_lead_nowhere_or_round_are_passed_over(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.jpg")
        goals = {"gone.jpg": "nowhere", "self.jpg": "self.jpg", "one.jpg": "two.jpg", "two.jpg": "one.jpg"}
        goals |= {"through.jpg": "a.jpg/x", "long.jpg": "x" * 300, "self": "self"}
        for name, goal in goals.items():
            (tmp_path / name).symlink_to(goal)
        assert found(tmp_path) == {"a.jpg"}
        reasons = passed_over(tmp_path)
        assert reasons.pop("self") == "not an image"
        assert reasons == dict.fromkeys([name for name in goals if name != "self"], "broken link")

    def test_the_root_itself_may_be_a_link(self, tmp_path: Path) -> None:
        touch(tmp_path, "in/a.jpg")
        (tmp_path / "link").symlink_to("in")
        assert found(tmp_path / "link") == {"a.jpg"}


class TestPatterns:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return touch(tmp_path, "a.jpg", "b.png", "cats/a.jpg", "cats/line\nend.png", "dogs/[x].jpg")

    @pytest.mark.parametrize(
        ("patterns", "names"),
        [
            ({"include": ["*.png"]}, {"b.png", "cats/line\nend.png"}),
            ({"include": ["cats/*"]}, {"cats/a.jpg", "cats/line\nend.png"}),
            ({"include": ["a.jpg"]}, {"a.jpg", "cats/a.jpg"}),
            ({"include": ["a.jpg", "b.*"]}, {"a.jpg", "b.png", "cats/a.jpg"}),
            ({"exclude": ["cats/*", "b*"]}, {"a.jpg", "dogs/[x].jpg"}),
            ({"include": ["*.jpg"], "exclude": ["cats/*"]}, {"a.jpg", "dogs/[x].jpg"}),
            ({"include": ["[[]x].jpg"]}, {"dogs/[x].jpg"}),
            ({"include": ["*.PNG"]}, set()),
            ({"include": []}, {"a.jpg", "b.png", "cats/a.jpg", "cats/line\nend.png", "dogs/[x].jpg"}),
        ],
    )
    def test_path_and_name_are_matched(self, patterns: dict[str, list[str]], names: set[str], root: Path) -> None:
        assert found(root, **patterns) == names
        left_out = {"a.jpg", "b.png", "cats/a.jpg", "cats/line\nend.png", "dogs/[x].jpg"} - names
        assert passed_over(root, **patterns) == dict.fromkeys(left_out, "left out by --include or --exclude")


class TestRefused:
    def test_a_file_is_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as caught:
            found(touch(tmp_path, "a.jpg") / "a.jpg")
        assert caught.value.stable_code == "input.not_a_folder"

    def test_a_folder_that_may_not_be_listed_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        touch(tmp_path, "a.jpg", "secret/b.jpg")
        real = os.scandir

        def refuse(path: Any) -> Any:
            if str(path).endswith("secret"):
                raise PermissionError(13, "Permission denied")
            return real(path)

        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(InputError, match="secret: permission denied") as caught:
            found(tmp_path)
        assert caught.value.stable_code == "input.permission"


@given(
    files=st.lists(
        st.sampled_from(["a.jpg", "c/a.jpg", "train/a.jpg", "Train/c/a.jpg", "VAL/a.jpg", "train.jpg", "c/train/a.jpg"])
    ),
    others=st.lists(st.tuples(st.sampled_from(["x", "y/z"]), st.sampled_from(["hidden", "not an image"]))),
)
def test_a_summary_counts_every_entry_once(files: list[str], others: list[tuple[str, str]]) -> None:
    entries = [FoundFile(path=path, size=3, mtime_ns=0) for path in files]
    scan = summarise([*entries, *(PassedOver(path=path, reason=reason) for path, reason in others)])
    assert scan.images == sum(scan.shapes.values()) == len(files)
    assert scan.bytes == 3 * len(files)
    assert sum(scan.passed_over.values()) == len(others)
    assert set(scan.examples) == {reason for _, reason in others}
    assert scan.has_splits == (bool(files) and all(path.split("/")[0].lower() in ("train", "val") for path in files))


def test_an_empty_scan_has_no_splits() -> None:
    assert not Scan().has_splits
    assert Scan().depths_below_splits == set()


ODD_NAMES = [
    *(
        "new\nline.png",
        "tab\there.png",
        "🎉 party.png",
        "\u202egnp.exe.png",
        "עברית.png",
        "日本語/写真.png",
        "a b'c\"d.png",
    ),
    *(
        "x" * 200 + ".png",
        "*?[a].png",
        "$(rm -rf ~).png",
        "-n.png",
        "a.tar.gz.png",
        "UPPER.PNG",
        "ｆｕｌｌ.png",
        "%s{copy}.png",
    ),
    *("x.jpg/y.png", "\\back\\slash.png", "caf\u00e9.png", "~.png", "trailing .png", "c;d|e&f.png"),
]


def test_odd_names_go_through_a_whole_run(tmp_path: Path, expand_inline: Callable[..., Any]) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    for seed, name in enumerate(ODD_NAMES):
        write_picture(source / name, seed)
    raw = os.fsencode(source) + b"/cl\xff\xfe/na\xffme.png"
    os.makedirs(os.path.dirname(raw))
    write_picture(tmp_path / "plain.png", 99)
    os.rename(tmp_path / "plain.png", raw)
    names = [*ODD_NAMES, os.fsdecode(b"cl\xff\xfe/na\xffme.png")]
    report = expand_inline(source, target, copies=1)
    copies = [f"{os.path.splitext(name)[0]}_aug1{os.path.splitext(name)[1]}" for name in names]
    assert set(tree(target)) == {*names, *copies}
    assert report.is_whole
    assert all((target / name).read_bytes() == (source / name).read_bytes() for name in names)
    assert expand_inline(source, target, copies=1).written == 0
    import nfold

    assert nfold.verify(target).is_sound
    assert all(nfold.explain(target, name).copy == 1 for name in copies)


@pytest.mark.parametrize("is_link", [False, True])
def test_a_pipe_that_is_called_like_a_label_file_is_refused_and_never_opened(tmp_path: Path, is_link: bool) -> None:
    pipe = tmp_path / ("pipe" if is_link else "in/a.txt")
    (tmp_path / "in").mkdir()
    os.mkfifo(pipe)
    if is_link:
        (tmp_path / "in/a.txt").symlink_to(pipe)
    with pytest.raises(InputError, match=r"a\.txt is called like a label file, and is a pipe") as raised:
        list(scan_folder(tmp_path / "in"))
    assert raised.value.stable_code == "labels.unreadable"


def test_a_label_file_behind_a_link_that_leads_nowhere_is_left_to_its_reader(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("nowhere")
    (tmp_path / "b.txt").symlink_to("b.txt")
    assert passed_over(tmp_path) == dict.fromkeys(["a.txt", "b.txt"], "label or text file")
