"""What a run refuses, what it stops at, and what it never loses."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nfold
from nfold.errors import (
    DiskError,
    ForeignFileError,
    InputError,
    OutputBusyError,
    OutputError,
    OutputMismatchError,
    UsageError,
)
from tests.conftest import tree, write_picture


class TestPlaces:
    def test_an_output_inside_the_input_is_refused(self, make_folder: Any, expand_inline: Any) -> None:
        source = make_folder()
        with pytest.raises(UsageError, match="inside the input"):
            expand_inline(source, source / "out", copies=1)
        with pytest.raises(UsageError, match="inside the input"):
            expand_inline(source, source, copies=1)
        assert sorted(path.name for path in source.iterdir()) == [f"picture{number}.png" for number in range(6)]

    def test_an_input_inside_the_output_is_refused(self, make_folder: Any, expand_inline: Any) -> None:
        source = make_folder()
        with pytest.raises(UsageError, match="inside the output"):
            expand_inline(source, source.parent, copies=1)

    def test_a_link_does_not_hide_that_the_output_is_inside(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source = make_folder()
        (tmp_path / "link").symlink_to(source)
        with pytest.raises(UsageError, match="inside the input"):
            expand_inline(source, tmp_path / "link" / "out", copies=1)

    def test_a_folder_that_is_not_ours_is_refused_and_not_touched(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        target = tmp_path / "theirs"
        target.mkdir()
        (target / "thesis.tex").write_text("precious")
        with pytest.raises(OutputError, match="not empty and was not written by nfold"):
            expand_inline(make_folder(), target, copies=1)
        assert [path.name for path in target.iterdir()] == ["thesis.tex"]

    def test_an_empty_folder_is_taken(self, make_folder: Any, expand_inline: Any, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert expand_inline(make_folder(), tmp_path / "empty", copies=1).is_whole

    def test_a_refused_run_leaves_no_folder_behind(self, make_folder: Any, expand_inline: Any, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="there is no class 'cow'"):
            expand_inline(make_folder({"cat/a.png": 1}), tmp_path / "out", class_copies="cow=3")
        assert not (tmp_path / "out").exists()

    def test_a_folder_without_images_says_what_it_found(self, tmp_path: Path, expand_inline: Any) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in/notes.txt").write_text("x")
        with pytest.raises(InputError, match=r"no images in .* \(found: 1 label or text file\)"):
            expand_inline(tmp_path / "in", tmp_path / "out", copies=1)
        with pytest.raises(InputError, match="There is no folder"):
            expand_inline(tmp_path / "nowhere", tmp_path / "out", copies=1)

    def test_when_no_image_can_be_used_the_run_is_refused_and_leaves_nothing(
        self, tmp_path: Path, expand_inline: Any
    ) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in/a.jpg").write_bytes(b"not a picture")
        with pytest.raises(InputError, match="The only image cannot be used"):
            expand_inline(tmp_path / "in", tmp_path / "out", copies=1)
        assert not (tmp_path / "out").exists()


class TestOtherwiseMade:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"recipe": "light"}, "the recipe is another one"),
            ({"seed": 5}, "the seed was 0, is 5"),
            ({"originals": "none"}, "--originals was copy, is none"),
        ],
    )
    def test_another_recipe_seed_or_layout_is_refused_with_the_difference_named(
        self, change: dict[str, Any], words: str, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(), tmp_path / "out"
        expand_inline(source, target, copies=1)
        before = tree(target)
        with pytest.raises(OutputMismatchError, match=words):
            expand_inline(source, target, copies=1, **change)
        assert tree(target) == before
        rebuilt = expand_inline(source, target, copies=1, rebuild=True, **change)
        fresh = expand_inline(source, tmp_path / "fresh", copies=1, **change)
        assert rebuilt.tree_digest == fresh.tree_digest
        assert tree(target) == tree(tmp_path / "fresh")

    def test_the_name_and_description_of_a_recipe_do_not_matter(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source = make_folder()
        recipe: dict[str, Any] = {"name": "a", "augment": [{"Rotate": {"limit": 10, "p": 1}}]}
        expand_inline(source, tmp_path / "out", copies=1, recipe=recipe)
        assert (
            expand_inline(
                source, tmp_path / "out", copies=1, recipe={**recipe, "name": "b", "description": "c"}
            ).written
            == 0
        )

    def test_other_versions_are_refused_unless_mixed_on_purpose(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(), tmp_path / "out"
        expand_inline(source, target, copies=1)
        before = tree(target)
        card = json.loads((target / "nfold.json").read_text())
        card["builds"][card["build"]]["libraries"]["opencv-python-headless"] = "4.12.0"
        card["builds"] = {"former": card["builds"].pop(card["build"])}
        card["build"] = "former"
        (target / "nfold.json").write_text(json.dumps(card))
        for part in (target / ".nfold/parts").iterdir():
            part.write_text(part.read_text().replace(_only_build(part), "former"))
        with pytest.raises(OutputMismatchError, match=r"opencv-python-headless was 4\.12\.0, is"):
            expand_inline(source, target, copies=2)
        mixed = expand_inline(source, target, copies=2, allow_mixed=True)
        assert mixed.written == 6
        assert {name: digest for name, digest in tree(target).items() if name in before} == before
        assert len(json.loads((target / "nfold.json").read_text())["builds"]) == 2
        assert expand_inline(source, target, copies=2).written == 0, "once mixed, it goes on"

    def test_a_changed_split_is_refused(self, make_folder: Any, expand_inline: Any, tmp_path: Path) -> None:
        source = make_folder(20)
        expand_inline(source, tmp_path / "out", copies=1, split="80/20")
        with pytest.raises(OutputMismatchError, match="--split was 80/20, is 50/50"):
            expand_inline(source, tmp_path / "out", copies=1, split="50/50")


def _only_build(part: Path) -> str:
    builds = {json.loads(line)["build"] for line in part.read_text().splitlines()[1:]}
    return builds.pop() if builds else "none"


class TestNothingLost:
    def test_a_file_of_somebody_else_is_never_overwritten(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(3), tmp_path / "out"
        expand_inline(source, target, copies=1)
        (target / "picture0_aug2.png").write_bytes(b"theirs")
        for _ in range(2):
            with pytest.raises(ForeignFileError, match=r"picture0_aug2\.png stands where"):
                expand_inline(source, target, copies=2)
        assert (target / "picture0_aug2.png").read_bytes() == b"theirs"
        (target / "picture0_aug2.png").unlink()
        assert expand_inline(source, target, copies=2).is_whole

    def test_a_copy_that_somebody_changed_is_kept_aside_when_it_is_mended(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(3), tmp_path / "out"
        expand_inline(source, target, copies=1)
        whole = tree(target)
        (target / "picture0_aug1.png").write_bytes(b"retouched by hand")
        report = expand_inline(source, target, copies=1)
        assert tree(target) == whole
        assert [(target / name).read_bytes() for name in report.set_aside] == [b"retouched by hand"]

    def test_a_surplus_copy_that_somebody_changed_stays(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(3), tmp_path / "out"
        expand_inline(source, target, copies=2)
        (target / "picture0_aug2.png").write_bytes(b"retouched by hand")
        report = expand_inline(source, target, copies=1)
        assert report.kept == ("picture0_aug2.png",)
        assert report.removed == 2
        assert (target / "picture0_aug2.png").read_bytes() == b"retouched by hand"

    def test_what_goes_is_announced_first(self, make_folder: Any, tmp_path: Path) -> None:
        from nfold.events import Event, Removing
        from nfold.expansion import run_expansion
        from nfold.request import make_request
        from nfold.testing.inline import InlineWorkforce

        source, target, there = make_folder(3), tmp_path / "out", []

        def watch(event: Event) -> None:
            if isinstance(event, Removing):
                there.extend((target / name).exists() for name in event.names)

        for copies in (2, 1):
            run_expansion(
                make_request(source=source, target=target, copies=copies), observe=watch, workforce=InlineWorkforce()
            )  # type: ignore[arg-type]
        assert there == [True] * 3

    def test_keep_removed_leaves_copies_and_takes_them_up_again(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(3), tmp_path / "out"
        expand_inline(source, target, copies=3)
        three = tree(target)
        kept = expand_inline(source, target, copies=1, keep_removed=True)
        assert (kept.removed, kept.retained, kept.images_after) == (0, 6, 6)
        assert tree(target) == three
        (source / "picture0.png").rename(tmp_path / "away.png")
        gone = expand_inline(source, target, copies=1, keep_removed=True)
        assert (gone.images_after, gone.retained) == (4, 4 + 4)
        (tmp_path / "away.png").rename(source / "picture0.png")
        again = expand_inline(source, target, copies=3)
        assert again.written == 0
        assert tree(target) == three

    def test_a_lost_file_and_a_changed_source_are_mended_and_nothing_else_is_written(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(4), tmp_path / "out"
        expand_inline(source, target, copies=2)
        (target / "picture1_aug1.png").unlink()
        write_picture(source / "picture2.png", 99)
        report = expand_inline(source, target, copies=2)
        assert report.written == 1 + 3
        expand_inline(source, tmp_path / "fresh", copies=2)
        assert tree(target) == tree(tmp_path / "fresh")

    def test_a_source_deleted_meanwhile_is_named(self, make_folder: Any, tmp_path: Path) -> None:
        from nfold.events import Event, Planned
        from nfold.expansion import run_expansion
        from nfold.request import make_request
        from nfold.testing.inline import InlineWorkforce

        source = make_folder(4)

        def delete(event: Event) -> None:
            if isinstance(event, Planned):
                (source / "picture2.png").unlink()

        report = run_expansion(
            make_request(source=source, target=tmp_path / "out", copies=2), observe=delete, workforce=InlineWorkforce()
        )  # type: ignore[arg-type]
        assert [(row.source, row.code) for row in report.skipped] == [("picture2.png", "source.vanished")]
        assert report.images_after == 9


class TestMoves:
    def test_a_copy_that_becomes_a_source_keeps_its_file(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(8), tmp_path / "out"
        expand_inline(source, target, copies=2)
        for number in range(4):
            (source / f"picture{number}_aug1.png").write_bytes((target / f"picture{number}_aug1.png").read_bytes())
            (source / f"picture{number}.png").unlink()
        assert expand_inline(source, target, copies=2).is_whole
        assert nfold.verify(target).is_sound
        expand_inline(source, tmp_path / "fresh", copies=2)
        assert tree(target) == tree(tmp_path / "fresh")

    def test_a_folder_that_moves_under_names_of_its_own_loses_nothing(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = (
            make_folder({f"c/{folder}/{number}.png": number for number, folder in enumerate(["k", *"s" * 14])}),
            tmp_path / "out",
        )
        options: dict[str, Any] = {"name": "{class}/{stem}_aug{copy}{ext}", "format": "class-folders", "copies": 2}
        for recipe in (
            {"augment": [{"HorizontalFlip": {"p": 1}}, {"Rotate": {"limit": [9, 9], "p": 1}}]},
            "flip-rotate",
        ):
            out = target / ("a" if isinstance(recipe, dict) else "b")
            expand_inline(source, out, **options, recipe=recipe)
            (source / "c/s").rename(source / "c/u")
            report = expand_inline(source, out, **options, recipe=recipe)
            assert not report.kept
            assert nfold.verify(out).is_sound
            (source / "c/u").rename(source / "c/s")

    def test_a_lost_split_record_is_read_back_from_the_manifest(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(30), tmp_path / "out"
        expand_inline(source, target, copies=1, split="60/20/20")
        before = tree(target)
        (target / ".nfold/split.jsonl").unlink()
        for number in range(30, 50):
            write_picture(source / f"picture{number}.png", number)
        expand_inline(source, target, copies=1, split="60/20/20")
        assert {name: digest for name, digest in tree(target).items() if name in before} == before

    def test_a_damaged_part_is_named_with_the_way_out(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(4), tmp_path / "out"
        expand_inline(source, target, copies=1)
        whole = tree(target)
        part = next((target / ".nfold/parts").iterdir())
        part.write_bytes(part.read_bytes()[:-40])
        for look in (lambda: expand_inline(source, target, copies=1), lambda: nfold.verify(target)):
            with pytest.raises(OutputError, match="is damaged") as caught:
                look()
            assert caught.value.stable_code == "output.damaged"
        part.unlink()
        assert expand_inline(source, target, copies=1).is_whole
        assert tree(target) == whole

    def test_a_source_that_breaks_keeps_its_files_when_asked_to(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(4), tmp_path / "out"
        expand_inline(source, target, copies=1)
        whole = tree(target)
        (source / "picture2.png").write_bytes(b"")
        report = expand_inline(source, target, copies=1, keep_removed=True)
        assert (report.skipped_count, report.retained, report.images_after) == (1, 2, 6)
        assert tree(target) == whole

    def test_fewer_pixels_allowed_take_back_what_is_larger(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source, target = make_folder(3), tmp_path / "out"
        write_picture(source / "large.png", 5, width=100, height=80)
        expand_inline(source, target, copies=1)
        report = expand_inline(source, target, copies=1, max_pixels=5000)
        assert [(row.source, row.code) for row in report.skipped] == [("large.png", "image.too_large")]
        assert not list(target.glob("large*"))

    def test_masks_beside_images_are_not_taken_for_a_class(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source = make_folder({"images/1.png": 1, "masks/1.png": 2})
        with pytest.raises(InputError, match="others that belong to them"):
            expand_inline(source, tmp_path / "out", copies=1)
        assert expand_inline(source, tmp_path / "out", copies=1, format="class-folders").is_whole

    def test_a_name_that_is_too_long_costs_its_source(
        self, make_folder: Any, expand_inline: Any, tmp_path: Path
    ) -> None:
        source = make_folder(2)
        (source / ("x" * 250 + ".png")).write_bytes((source / "picture0.png").read_bytes())
        report = expand_inline(source, tmp_path / "out", copies=1)
        assert [row.code for row in report.skipped] == ["copies.name_too_long"]
        assert report.images_after == 4


class TestDisk:
    @pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE"])
    def test_the_n_th_call_fails_and_then_all_goes_well(
        self, error: str, make_folder: Any, tmp_path: Path, expand_inline: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """SQLite's method: let call number n fail, for n = 1, 2, 3 ... until a run is undisturbed."""
        import errno

        from nfold import faults

        source = make_folder(3)
        expand_inline(source, tmp_path / "undisturbed", copies=2)
        whole = tree(tmp_path / "undisturbed")
        real_hit = faults.hit
        for number in range(1, 400):
            target, calls = tmp_path / f"{number}", 0

            def failing(name: str, number: int = number) -> None:
                nonlocal calls
                if name.startswith("storage."):
                    calls += 1
                    if calls == number:
                        raise OSError(getattr(errno, error), os.strerror(getattr(errno, error)))
                real_hit(name)

            monkeypatch.setattr(faults, "hit", failing)
            try:
                expand_inline(source, target, copies=2)
            except DiskError:
                pass
            else:
                assert calls < number, "a failing disk was not noticed"
                assert tree(target) == whole
                break
            finally:
                monkeypatch.setattr(faults, "hit", real_hit)
            assert not list(target.glob(".nfold/tmp/*")), f"call {number} left a temporary file"
            report = expand_inline(source, target, copies=2)
            assert report.is_whole
            assert tree(target) == whole
        else:
            raise AssertionError("it never came to an undisturbed run")
        assert number > 30

    @pytest.mark.skipif(
        os.geteuid() != 0, reason="mounting a small disk needs root: the full-disk test is skipped here"
    )
    @pytest.mark.slow
    @pytest.mark.parametrize("kilobytes", [64, 200, 400, 700])
    def test_a_full_disk_stops_with_74_and_goes_on_when_there_is_room(self, kilobytes: int, tmp_path: Path) -> None:
        source = tmp_path / "photos"
        for number in range(12):
            write_picture(source / f"{number}.jpg", number, width=320, height=240)
        target = tmp_path / "small"
        target.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(target)], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
        try:
            command = [
                sys.executable,
                "-m",
                "nfold_cli",
                "expand",
                str(source),
                str(target / "out"),
                "-n",
                "4",
                "--quiet",
            ]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            assert run.returncode == 74, run.stderr
            assert "the disk is full" in run.stderr
            subprocess.run(["mount", "-o", "remount,size=40m", str(target)], check=True)
            assert subprocess.run(command, check=False).returncode == 0
            nfold.expand(source, tmp_path / "roomy", copies=4)
            assert tree(target / "out") == tree(tmp_path / "roomy")
        finally:
            subprocess.run(["umount", str(target)], check=True)

    def test_a_read_only_folder_is_an_error_with_a_hint(
        self, make_folder: Any, tmp_path: Path, expand_inline: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import errno

        def refuse(*arguments: Any, **options: Any) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(Path, "mkdir", refuse)
        with pytest.raises(DiskError, match="the file system is read-only"):
            expand_inline(
                make_folder.__self__ if hasattr(make_folder, "__self__") else _ready(tmp_path),
                tmp_path / "out",
                copies=1,
            )


def _ready(tmp_path: Path) -> Path:
    import cv2

    from tests.conftest import paint

    folder = str(tmp_path / "ready")
    os.makedirs(folder)
    cv2.imwrite(f"{folder}/a.png", paint(1))
    return Path(folder)


class TestOneAtATime:
    def test_a_second_run_fails_at_once_and_names_the_first(
        self, make_folder: Any, tmp_path: Path, expand_inline: Any
    ) -> None:
        source, target = make_folder(3), tmp_path / "out"
        expand_inline(source, target, copies=1)
        with (target / ".nfold/lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write(json.dumps({"host": "elsewhere", "pid": 4711}))
            lock.flush()
            with pytest.raises(OutputBusyError, match="process 4711 on elsewhere"):
                expand_inline(source, target, copies=1)
            assert nfold.verify(target).is_sound, "looking is allowed meanwhile"
            assert nfold.explain(target, "picture0_aug1.png").copy == 1
        assert expand_inline(source, target, copies=1).is_whole
