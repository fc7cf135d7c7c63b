"""`nfold stream`: epochs of the on-the-fly mode as a tar archive, to a file or to standard output."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nfold_cli.main import DONE, NOT_WHOLE
from nfold_cli.text import bold, count, printable, size

if TYPE_CHECKING:
    from nfold.stream import Stream
    from nfold.stream.archive import ArchiveReport

_MOST_SHOWN = 20


def stream(options: argparse.Namespace) -> int:
    """`nfold stream`."""
    from nfold.events import StageBegan
    from nfold.stream.archive import write_archive
    from nfold_cli.progress import ProgressDisplay

    _refuse_what_cannot_be_written(options)
    epochs, workers = _epochs(options), _workers(options.workers)
    with ProgressDisplay(quiet=options.quiet or options.json, noun="images") as display:
        display.observe(StageBegan(stage="scan"))
        opened = _open(options)
        with _output(options.output) as write:
            display.observe(StageBegan(stage="stream"))
            report = write_archive(
                opened,
                write,
                epochs=epochs,
                by_epoch=options.epochs is not None,
                shuffle=not options.no_shuffle,
                workers=workers,
                observe=display.observe,
            )
    left_out = {**opened.unusable, **report.skipped}
    number = opened.reader.opened.unusable_count + report.skipped_count
    if options.json:
        _print_json(options, opened, report, left_out, number)
    else:
        _say(options, opened, report, left_out, number)
    return NOT_WHOLE if number else DONE


def _refuse_what_cannot_be_written(options: argparse.Namespace) -> None:
    from nfold.errors import OutputError, UsageError

    output = options.output
    if output == "-":
        if sys.stdout.isatty():
            raise UsageError(
                "A tar archive is not for a terminal to show.",
                hint="Give --output FILE.tar, or let a program read it: nfold stream ... --output - | tar -t",
            )
        if options.json:
            raise UsageError(
                "--json and --output - both go to standard output.", hint="Give --output FILE.tar, or leave out --json."
            )
        return
    if not output.lower().endswith(".tar"):
        raise UsageError(f"--output {output}: a tar archive is written.", hint="Give a name that ends in .tar, or -.")
    target, source = Path(output).resolve(), Path(options.source).resolve()
    if source in target.parents:
        raise UsageError(
            f"{output} lies inside the source, which is never modified.",
            hint="Give a file elsewhere.",
            code="output.inside_input",
        )
    problem = "it is a folder" if target.is_dir() else f"there is no folder '{Path(output).parent}'"
    if target.is_dir() or not target.parent.is_dir():
        raise OutputError(f"Cannot write {output}: {problem}.", hint="Give a file in a folder that exists.")


def _epochs(options: argparse.Namespace) -> range:
    from nfold.errors import UsageError
    from nfold.stream.order import check_epoch

    if options.as_is:
        # Whatever the epoch, they are the same; it only decides about the order.
        return range(1, 2)
    text = options.epoch if options.epochs is None else options.epochs
    found = re.fullmatch(r"(-?\d{1,18})" if options.epochs is None else r"(-?\d{1,18})\.\.(-?\d{1,18})", text.strip())
    if found is None:
        option, example = ("--epoch", "--epoch 3") if options.epochs is None else ("--epochs", "--epochs 1..10")
        raise UsageError(f"{option} {text}: that is no epoch.", hint=f"Example: {example}", code="stream.epoch")
    first, last = int(found[1]), int(found[found.lastindex or 1])
    check_epoch(first)
    if last < first:
        raise UsageError(
            f"--epochs {text}: the last epoch comes before the first.",
            hint=f"Did you mean --epochs {last}..{first}?",
            code="stream.epoch",
        )
    check_epoch(last)
    return range(first, last + 1)


def _workers(text: str | None) -> int:
    from nfold.defaults import MOST_WORKERS
    from nfold.errors import UsageError
    from nfold.workers import worker_count

    if text is None:
        return worker_count(None)
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise UsageError(f"--workers {text}: it goes from 1 to {MOST_WORKERS}.")
    return int(text)


def _open(options: argparse.Namespace) -> Stream:
    from nfold.errors import StackingWarning
    from nfold.stream import Stream

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", StackingWarning)
        opened = Stream(
            options.source,
            recipe=options.recipe,
            seed=options.seed,
            training=not options.as_is,
            split=options.split,
            format=options.format,
            voc_origin=None if options.voc_origin is None else (0 if options.voc_origin == "0" else 1),
            include=options.include,
            exclude=options.exclude,
            max_pixels=options.max_pixels,
            damaged=options.damaged,
        )
    for warning in told:
        sys.stderr.write(f"{bold('nfold:', sys.stderr)} {printable(str(warning.message))}\n")
    return opened


@contextlib.contextmanager
def _output(name: str) -> Iterator[Callable[[bytes], object]]:
    """Where the bytes go; a file takes its name when it is whole, and there is none otherwise."""
    if name == "-":
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    from nfold.disk import disk_errors

    target = Path(name)
    temporary = target.with_name(f".{os.getpid()}.nfold.tmp")
    with disk_errors(f"write {name}"), contextlib.ExitStack() as undo:
        undo.callback(temporary.unlink, missing_ok=True)
        with temporary.open("wb") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)


def _print_json(
    options: argparse.Namespace, opened: Stream, report: ArchiveReport, left_out: dict[str, str], number: int
) -> None:
    document = {
        "output": options.output,
        "format": opened.reader.opened.format,
        "sources": len(opened),
        "items": report.items,
        "bytes": report.bytes,
        "classes": list(opened.classes),
        "categories": [category.name for category in opened.categories],
        "left_out": left_out,
        "left_out_count": number,
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def _say(
    options: argparse.Namespace, opened: Stream, report: ArchiveReport, left_out: dict[str, str], number: int
) -> None:
    """On standard error, since standard output may be the archive; what is left out is an error, quiet or not."""
    lines = []
    if not options.quiet:
        lines.append(
            f"{bold(count(report.items, 'image'), sys.stderr)} of {count(len(opened), 'source')}, {size(report.bytes)}."
        )
    if number:
        lines.append(f"Left out: {count(number, 'source')}.")
        lines += [f"  {printable(name)}: {printable(why)}" for name, why in list(left_out.items())[:_MOST_SHOWN]]
        if number > _MOST_SHOWN:
            lines.append(f"  and {number - _MOST_SHOWN:,} more")
    sys.stderr.write("".join(line + "\n" for line in lines))
