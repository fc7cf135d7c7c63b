"""The entry point: parse, call one command, turn errors into messages and exit codes."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nfold.errors import NfoldError

DONE, FAILED, USAGE, NOT_WHOLE, DISK, INTERRUPTED = 0, 1, 2, 3, 74, 130


def run() -> None:
    """The console script."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # A file name that the terminal cannot show is no reason to end a run that is done with a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    raise SystemExit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Carry out a command line; says its exit code."""
    try:
        try:
            return _main(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has left, as `head` does; nothing more can be printed there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        # The engine tells of its own disk; what is left is the file that our output was sent to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"nfold: The result cannot be printed: {os.strerror(error.errno)}.{os.linesep}")
        return DISK


def _main(arguments: list[str]) -> int:
    from nfold_cli.parser import make_parser

    parser = make_parser()
    options, strange = parser.parse_known_args(arguments)
    if strange:
        parser.of_command(options.command).error(f"unrecognized arguments: {' '.join(strange)}")
    if options.version:
        return _print_version()
    if options.command is None:
        parser.print_help()
        return USAGE
    return _carry_out(options)


def _carry_out(options: argparse.Namespace) -> int:
    from nfold.errors import NfoldError
    from nfold_cli.commands import COMMANDS

    try:
        return COMMANDS[options.command](options)
    except NfoldError as error:
        return _print_error(error, options)
    except KeyboardInterrupt:
        again = (
            f" What is done stays done: run the same command to go on.{os.linesep}"
            if options.command == "expand"
            else os.linesep
        )
        sys.stderr.write(f"{os.linesep}nfold: interrupted.{again}")
        return INTERRUPTED


def _print_version() -> int:
    from nfold.versions import nfold_version

    sys.stdout.write(f"nfold {nfold_version()}\n")
    return DONE


def _print_error(error: NfoldError, options: argparse.Namespace) -> int:
    from nfold.errors import DiskError, InvalidRecipeError, UsageError
    from nfold_cli.text import bold, printable

    problems = error.problems if isinstance(error, InvalidRecipeError) else ()
    if getattr(options, "json", False):
        import dataclasses
        import json

        document = {
            "error": error.stable_code,
            "message": error.message,
            "hint": error.hint,
            "problems": [dataclasses.asdict(problem) for problem in problems],
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    lines = [f"{bold('nfold:', sys.stderr)} {printable(error.message)}"]
    for problem in problems:
        lines.append(
            f"  {problem.pointer or '/'}: {printable(problem.message)}"
            + (f" {printable(problem.hint)}" if problem.hint else "")
        )
    if error.hint and error.hint not in {problem.hint for problem in problems}:
        lines.append(f"  {printable(error.hint)}")
    sys.stderr.write("\n".join(lines) + f"\n  [{error.stable_code}]\n")
    if isinstance(error, DiskError):
        return DISK
    return USAGE if isinstance(error, UsageError) else FAILED
