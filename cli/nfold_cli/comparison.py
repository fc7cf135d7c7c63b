"""`nfold compare`: options to one engine call, and the contrast printed, as a table, as JSON and as a page."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from nfold_cli.main import DONE
from nfold_cli.options import READING


def compare(options: argparse.Namespace) -> int:
    """`nfold compare`."""
    from nfold.contrast.comparing import compare as compare_modes
    from nfold_cli.contrast_summary import contrast_summary
    from nfold_cli.progress import ProgressDisplay

    # TensorFlow, where Keras stands on it, says on standard error which instructions it was built for.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if options.report is not None:
        _refuse_unwritable(options.report, options.source)
    reading = {name: getattr(options, name) for name in READING if hasattr(options, name)}
    with ProgressDisplay(quiet=options.quiet or options.json, noun="epochs") as display:
        contrast = compare_modes(
            options.source,
            copies=options.copies,
            epochs=options.epochs,
            recipe=options.recipe,
            seed=options.seed,
            sample=options.sample,
            batch=options.batch,
            train=options.train,
            observe=display.observe,
            **reading,
        )
    if options.report is not None:
        from nfold.contrast.report import report_html

        _write(options.report, report_html(contrast))
    if options.json:
        sys.stdout.write(json.dumps(contrast.to_json(), indent=2) + "\n")
    elif not options.quiet:
        sys.stdout.write(contrast_summary(contrast))
        if options.report is not None:
            sys.stdout.write(f"\n  The report with pictures is in {options.report}\n")
    return DONE


def _refuse_unwritable(path: str, source: str) -> None:
    """Before minutes of measuring, not after."""
    from nfold.errors import OutputError, UsageError

    if not path.lower().endswith((".html", ".htm")):
        raise UsageError(f"--report {path}: an HTML page is written.", hint="Give a name that ends in .html.")
    if Path(source).resolve() in Path(path).resolve().parents:
        raise UsageError(
            f"--report {path} lies in the source folder, which is never modified.",
            hint="Give a file elsewhere.",
            code="output.inside_input",
        )
    if not Path(path).absolute().parent.is_dir():
        raise OutputError(f"Cannot write {path}: there is no such folder.", hint="Give a file in a folder that exists.")


def _write(path: str, text: str) -> None:
    from nfold.errors import OutputError

    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {error.strerror}.", hint="Give a file in a folder that exists."
        ) from error
