"""`nfold expand --service`: the key, the progress, and nothing else; the client does the work."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nfold.errors import InputError, MissingExtraError, UsageError
from nfold_cli.text import printable

if TYPE_CHECKING:
    from nfold.report import ExpansionReport
    from nfold_cli.progress import ProgressDisplay
    from nfold_service.client.steps import Note, Step

_WORDS: Final = {
    "upload": ("Uploading", "kB"),
    "unpack": ("Unpacking there", "files"),
    "wait": ("Waiting for its turn", "images"),
    "scan": ("Looking through the folder there", "images"),
    "survey": ("Comparing images there", "images"),
    "expand": ("Expanding there", "images"),
    "finish": ("Finishing there", "images"),
    "publish": ("Packing there", "images"),
    "download": ("Downloading", "kB"),
    "check": ("Checking", "files"),
}


def refuse_key_alone(options: argparse.Namespace) -> None:
    """Options that make sense only with, or only without, a service.

    Raises:
        UsageError: One of them is given.
    """
    if options.key_file is not None and options.service is None:
        raise UsageError("--key-file is for --service.", hint="Give --service URL, too, or leave it out.")
    if options.dry_run and options.service is not None:
        raise UsageError(
            "--dry-run cannot be given together with --service.",
            hint="Leave --service away: a rehearsal reads the folder here and writes nothing.",
        )


def expand_there(options: argparse.Namespace, given: dict[str, Any], display: ProgressDisplay) -> ExpansionReport:
    """Have it done by a service.

    Raises:
        NfoldError: As a local run; or what is wrong with the service, or the line to it.
    """
    _need_client()
    from nfold_service.client import expand_through

    key = _key(options.key_file)
    observe = _Telling(display).observe
    return expand_through(options.service, options.source, options.target, key=key, observe=observe, **given)


class _Telling:
    """Steps of the client on the display of the command line."""

    def __init__(self, display: ProgressDisplay) -> None:
        self._display, self._stage = display, ""

    def observe(self, step: Step | Note) -> None:
        from nfold_service.client.steps import Note

        if self._display.quiet:
            return
        if isinstance(step, Note):
            self._display.say(printable(step.text))
            return
        words, noun = _WORDS[step.stage]
        if step.stage != self._stage:
            self._stage = step.stage
            self._display.begin(words, noun)
        if step.total:
            unit = 1000 if noun == "kB" else 1
            self._display.show(-(-step.done // unit), -(-step.total // unit))


def _key(path: str | None) -> str | None:
    if path is None:
        return os.environ.get("NFOLD_API_KEY") or None
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(
            f"--key-file {path} cannot be read: {reason}.", hint="Give a file with the key in it."
        ) from error
    key = lines[0].strip() if lines else ""
    if not key:
        raise InputError(f"--key-file {path}: there is no key in its first line.", hint="Write the key there.")
    return key


def _need_client() -> None:
    import importlib.util

    if importlib.util.find_spec("httpx") is None:
        raise MissingExtraError.for_feature("--service", "service")
