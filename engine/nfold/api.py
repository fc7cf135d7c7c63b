"""The Python face of the main job; its arguments are the fields of ExpansionRequest, which a test holds equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nfold.defaults import DEFAULT_NAME, DEFAULT_RECIPE, MOST_WORKERS
from nfold.events import Observer, ignore
from nfold.workers import begin_workers

if TYPE_CHECKING:
    from nfold.report import ExpansionReport


def expand(
    source: str | Path,
    target: str | Path,
    *,
    copies: int | None = None,
    total: int | None = None,
    per_class: int | None = None,
    balance: bool = False,
    class_copies: Mapping[str, int] | str | None = None,
    recipe: str | Path | Mapping[str, Any] = DEFAULT_RECIPE,
    seed: int = 0,
    format: str | None = None,
    to: str | None = None,
    on_loss: Literal["refuse", "list"] = "refuse",
    voc_origin: Literal[0, 1] | None = None,
    split: str | None = None,
    group: str | None = None,
    group_similar: int | None = None,
    splits: Sequence[str] = ("train",),
    originals: Literal["copy", "link", "none"] = "copy",
    name: str = DEFAULT_NAME,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    max_pixels: int = 50_000_000,
    damaged: Literal["skip", "keep"] = "skip",
    rebuild: bool = False,
    allow_mixed: bool = False,
    keep_removed: bool = False,
    workers: int | None = None,
    observe: Observer = ignore,
) -> ExpansionReport:
    """Write augmented copies of every training image to disk, or bring an expanded folder up to date.

    The same call goes on where a run was cut short, and writes nothing when all is there. Every
    option is described by the field of the same name in ExpansionRequest.

    Args:
        source: Folder of images; never modified.
        target: Folder to write.
        observe: Told about stages and progress, see nfold.events; everything else is an option of the command.

    Raises:
        UsageError: The options make no sense, or not for this data set.
        InputError: The source folder cannot be used.
        OutputError: The target folder cannot be used.
        DiskError: The disk refused; the same call goes on where it stopped.
    """
    options = {field: value for field, value in locals().items() if field != "observe"}
    with begin_workers(target=target, copies=copies, workers=_whole(workers)) as workforce:
        # Imported only now: two thirds of a second in the workers' process pass meanwhile.
        from nfold.expansion import run_expansion
        from nfold.request import make_request

        return run_expansion(make_request(**options), observe=observe, workforce=workforce)


def _whole(workers: object) -> int | None:
    """A number of workers that is worth starting; what is none is refused with the rest of the request."""
    text = str(workers)
    return int(text) if text.isdecimal() and len(text) < 5 and 1 <= int(text) <= MOST_WORKERS else None
