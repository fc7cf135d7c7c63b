from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from nfold.errors import InputError, UnknownNameError, UsageError
from nfold.plan.making import Plan, make_plan, refuse_nesting
from nfold.plan.table import KEY_BITS, SourceTable
from nfold.recipe import load_recipe
from nfold.request import make_request

PREPARED = {
    "prepare": [{"Resize": {"height": 20, "width": 20}}],
    "augment": [{"Rotate": {"limit": 10, "p": 1}}],
    "output": {"format": "png"},
}


def folder_of(root: Path, *names: str) -> Path:
    """Files of these names; what they hold is not looked at before a run."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"picture")
    return root


@contextmanager
def planned(root: Path, recipe: Any = "flip-rotate", **options: Any) -> Iterator[Plan]:
    request = make_request(source=root, target=root.parent / "out", **{"copies": 1, **options})
    with SourceTable() as table:
        yield make_plan(request, load_recipe(recipe), table)


class TestRefused:
    def refusal(self, root: Path, kind: type[Exception], **options: Any) -> Any:
        with pytest.raises(kind) as caught, planned(root, **options):
            pass
        return caught.value

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        assert self.refusal(tmp_path / "nowhere", InputError).stable_code == "input.missing"

    def test_a_file(self, tmp_path: Path) -> None:
        error = self.refusal(folder_of(tmp_path, "a.png") / "a.png", InputError)
        assert error.stable_code == "input.not_a_folder"

    def test_a_folder_without_images_with_what_is_in_it(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "in", "notes.md", "more.md", "boxes.csv", ".hidden.png")
        error = self.refusal(root, InputError)
        assert error.stable_code == "input.no_images"
        assert "(found: 2 not an image, 1 " in error.message
        (tmp_path / "empty").mkdir()
        assert "(found: nothing at all)" in self.refusal(tmp_path / "empty", InputError).message

    def test_a_folder_that_was_expanded_already(self, tmp_path: Path) -> None:
        error = self.refusal(folder_of(tmp_path / "in", "a.png", "nfold.json"), InputError)
        assert error.stable_code == "input.already_expanded"

    def test_a_split_of_what_is_split(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "in", "train/a.png", "val/b.png")
        assert "is split already" in self.refusal(root, UsageError, split="80/20").message

    def test_a_format_that_there_is_not(self, tmp_path: Path) -> None:
        error = self.refusal(folder_of(tmp_path / "in", "a.png"), UnknownNameError, format="class-folder")
        assert error.hint is not None
        assert error.hint.startswith("Did you mean 'class-folders'")

    def test_two_prepared_originals_of_one_name(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "in", "a.jpg", "a.png")
        with planned(root, PREPARED, copies=0) as plan, pytest.raises(UsageError, match=r"would both write 'a\.png'"):
            plan.settle(fold_case=False)
        with planned(root, PREPARED, copies=0, originals="none") as plan:
            plan.settle(fold_case=False)

    def test_names_that_are_one_where_case_does_not_count(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "in", "a.png", "A.png")
        with planned(root) as plan:
            plan.settle(fold_case=False)
        with planned(root) as plan, pytest.raises(UsageError, match="would both write"):
            plan.settle(fold_case=True)

    def test_a_list_of_pictures_that_is_called_like_the_label_file_of_a_copy(self, tmp_path: Path) -> None:
        for name, list_name in (("in", "x_aug1.txt"), ("other", "x_aug2.txt")):
            root = folder_of(tmp_path / name, "x.png")
            (root / "x.txt").write_text("0 0.5 0.5 0.2 0.2\n")
            (root / list_name).write_text("x.png\n")
            (root / "data.yaml").write_text(f"train: {list_name}\nval: {list_name}\nnames: [cat]\n")
            with planned(root) as plan:
                assert list_name in plan.writer().assembled()
                if name == "in":
                    with pytest.raises(UsageError, match=r"'x_aug1\.txt' and 'x\.png' would both write 'x_aug1\.txt'"):
                        plan.settle(fold_case=False)
                else:
                    plan.settle(fold_case=False)

    def test_a_class_that_is_called_like_the_card(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "in", "x.png")
        (root / "labels.csv").write_text("filename,label\nx.png,nfold.json\n")
        with (
            planned(root, to="class-folders") as plan,
            pytest.raises(UsageError, match=r"would both write 'nfold\.json'"),
        ):
            plan.settle(fold_case=False)


class TestNesting:
    @pytest.mark.parametrize(("source", "target"), [("a", "a"), ("a", "a/out"), ("a", "a/b/../out"), (".", "a")])
    def test_an_output_in_the_input_is_refused(
        self, source: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UsageError) as caught:
            refuse_nesting(Path(source), Path(target))
        assert caught.value.stable_code == "output.inside_input"

    def test_an_input_in_the_output_is_refused_and_neighbours_are_not(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError) as caught:
            refuse_nesting(tmp_path / "a/b", tmp_path / "a")
        assert caught.value.stable_code == "input.inside_output"
        refuse_nesting(tmp_path / "a", tmp_path / "ab")
        refuse_nesting(tmp_path / "a", tmp_path / "b/a")


def test_a_plan_is_the_same_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    names = [f"{label}/{number}.png" for label in "ab" for number in range(9)]
    settled = []
    for folder, order in (("one", names), ("other", list(reversed(names)))):
        with planned(folder_of(tmp_path / folder, *order), copies=None, total=50) as plan:
            ranges = plan.settle(fold_case=False)
            rows = [(row.id, row.copies, row.target) for row in plan.table.all()]
            settled.append(([wanted.bits for wanted in ranges], rows, plan.tally()))
    assert settled[0] == settled[1]
    assert sum(copies for _, copies, _ in settled[0][1]) == 50 - 18


def test_prepared_originals_take_the_ending_of_the_output_and_others_keep_theirs(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "c/a.jpg", "c/b.tar.bmp", "c/k.png")
    with planned(root, PREPARED) as plan:
        plan.settle(fold_case=False)
        assert {row.target for row in plan.table.all()} == {"c/a.png", "c/b.tar.png", "c/k.png"}
    with planned(root, {**PREPARED, "prepare": []}) as plan:
        plan.settle(fold_case=False)
        assert {row.target for row in plan.table.all()} == {"c/a.jpg", "c/b.tar.bmp", "c/k.png"}


def test_the_identity_changes_with_whatever_changes_files_and_with_nothing_else(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "a.png", "b.png")

    def identity(recipe: Any = "flip-rotate", **options: Any) -> dict[str, object]:
        with planned(root, recipe, **options) as plan:
            return asdict(plan.identity())

    plain = identity()
    alike = [
        {"copies": 7},
        {"workers": 3},
        {"include": "a*"},
        {"keep_removed": True},
        {"max_pixels": 9},
        {"rebuild": True},
    ]
    assert all(identity(**options) == plain for options in alike)
    others = [
        {"seed": 1},
        {"name": "{stem}-{copy}{ext}"},
        {"originals": "none"},
        {"damaged": "keep"},
        {"split": "50/50"},
    ]
    others += [{"split": "50/50", "group": "x"}]
    changed = [identity(**options) for options in others] + [identity("light")]
    assert all(one != other for number, one in enumerate([plain, *changed]) for other in changed[number:])


def test_the_scan_and_the_table_agree(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "train/a/1.png", "Val/a/2.jpg", "test/b/3.webp", "test/b/notes.md")
    with planned(root) as plan:
        assert plan.has_splits
        assert not plan.annotated
        assert plan.scan.images == 3
        assert {(row.split, row.category, row.size) for row in plan.table.between(0, 1 << KEY_BITS)} == {
            ("train", "a", 7),
            ("val", "a", 7),
            ("test", "b", 7),
        }
