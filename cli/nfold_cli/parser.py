"""The command line, described; importing this costs milliseconds, so that help is instant."""

from __future__ import annotations

import argparse
import difflib
import sys
from typing import Any, NoReturn

from nfold_cli.options import EXPAND_OPTIONS, READING

DESCRIPTION = """\
Expand an image data set N-fold: N augmented copies of each training image, on disk, with their labels."""

EPILOG = """\
start here:
  nfold preview photos --output preview.png    see originals and copies before any run
  nfold expand photos photos-x6 --copies 5     write five copies of each image
  nfold compare photos                         see what a trainer gets from it, beside on the fly
  nfold verify photos-x6                       prove that every file is as it was written
  nfold stream photos --epoch 1 --output -     fresh variations for a trainer, nothing stored

exit codes: 0 done, 1 failed, 2 usage, 3 done but sources were skipped or distinct copies are short,
74 disk, 130 interrupted (the same command goes on where it stopped)"""


class Parser(argparse.ArgumentParser):
    """Errors in one line with a hint, instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Print and leave with exit code 2."""
        hint = self._hint(message)
        sys.stderr.write(f"{self.prog}: {message}\n  {hint or f'See {self.prog} --help.'}\n")
        raise SystemExit(2)

    def of_command(self, name: str | None) -> Parser:
        """The parser of a command; this one when there is none."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction) and name in action.choices:
                parser: Parser = action.choices[name]
                return parser
        return self

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        # Before Python 3.13, argparse drops the value of `--include=--`.
        if action.option_strings and arg_strings == ["--"]:
            value = self._get_value(action, "--")
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)

    def _hint(self, message: str) -> str | None:
        _, found, rest = message.partition("unrecognized arguments: ")
        flags = [flag for action in self._all_actions() for flag in action.option_strings if flag.startswith("--")]
        if found:
            near = difflib.get_close_matches(f"{rest} ".split("=")[0].split(" ")[0], flags, n=1)
            return f"Did you mean {near[0]}?" if near else None
        if "invalid choice: " in message:
            given = message.split("invalid choice: ")[1].split("'")[1]
            choices = [name for action in self._actions for name in (action.choices or ())]
            near = difflib.get_close_matches(given, choices, n=1)
            return f"Did you mean {near[0]}?" if near else None
        return None

    def _all_actions(self) -> list[argparse.Action]:
        actions = list(self._actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    actions += parser._all_actions()
        return actions


def make_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="nfold",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    _add_expand(commands)
    _add_verify(commands)
    _add_regenerate(commands)
    _add_explain(commands)
    _add_preview(commands)
    _add_compare(commands)
    _add_stream(commands)
    _add_recipes(commands)
    _add_serve(commands)
    _add_keys(commands)
    _add_command(commands, "doctor", "name versions, OpenCV builds, CPU class and limits, and what is wrong with them")
    return parser


Commands = argparse._SubParsersAction  # the only name that argparse gives it


def _add_command(commands: Commands[Parser], name: str, help_text: str, description: str | None = None) -> Parser:
    parser: Parser = commands.add_parser(
        name, help=help_text, description=description or help_text[:1].upper() + help_text[1:] + ".", allow_abbrev=False
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _add_expand(commands: Commands[Parser]) -> None:
    description = "Write augmented copies of every training image, or bring an expanded folder up to date. The same command goes on where it was cut short, and writes nothing when all is there."
    parser = _add_command(commands, "expand", "write N augmented copies of each training image", description)
    parser.add_argument("source", metavar="SRC", help="Folder of images to expand. Never modified.")
    parser.add_argument("target", metavar="DST", help="Folder to write: new, empty, or one that nfold wrote before.")
    sections: dict[str, argparse._ArgumentGroup] = {}
    for option in EXPAND_OPTIONS:
        section = sections.setdefault(
            option.section,
            parser.add_argument_group(option.section) if option.section not in sections else sections[option.section],
        )
        flags = [option.short, option.flag] if option.short else [option.flag]
        # Absent stays absent: the defaults are the request's own.
        if option.metavar is None:
            section.add_argument(
                *flags, dest=option.field, action="store_true", default=argparse.SUPPRESS, help=option.help
            )
        else:
            section.add_argument(
                *flags,
                dest=option.field,
                metavar=option.metavar,
                choices=option.choices,
                action="append" if option.repeats else "store",
                default=argparse.SUPPRESS,
                help=option.help,
            )
    section = parser.add_argument_group("through a service")
    section.add_argument(
        "--service", metavar="URL", help="Have it done by the service at this address ('nfold serve')."
    )
    section.add_argument(
        "--key-file", metavar="FILE", help="File with its API key in the first line; or set NFOLD_API_KEY."
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
    parser.add_argument("--quiet", action="store_true", help="no progress and no summary; only errors")


def _add_verify(commands: Commands[Parser]) -> None:
    parser = _add_command(commands, "verify", "prove that every file of an expanded folder is there, with its digest")
    parser.add_argument("target", metavar="DST", help="folder that nfold wrote")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _add_regenerate(commands: Commands[Parser]) -> None:
    parser = _add_command(commands, "regenerate", "make one copy again from its source, and compare")
    parser.add_argument("target", metavar="DST", help="folder that nfold wrote")
    parser.add_argument("file", metavar="FILE", help="the copy, by its path in DST or on this machine")
    parser.add_argument("--output", metavar="P", help="write what was made to this file")
    parser.add_argument("--source", metavar="SRC", help="folder of the sources, when it is not where it was")


def _add_explain(commands: Commands[Parser]) -> None:
    parser = _add_command(commands, "explain", "say what a file is made from, and how")
    parser.add_argument("target", metavar="DST", help="folder that nfold wrote")
    parser.add_argument("file", metavar="FILE", help="the file, by its path in DST or on this machine")
    parser.add_argument("--output", metavar="P.png", help="draw the picture with its annotations into this PNG file")


def _add_preview(commands: Commands[Parser]) -> None:
    parser = _add_command(commands, "preview", "draw originals and their copies on one sheet, before any run")
    parser.add_argument("source", metavar="SRC", help="folder of images, or one image")
    parser.add_argument("--output", metavar="P.png", required=True, help="PNG file to write")
    parser.add_argument("-n", "--copies", type=int, default=5, metavar="N", help="copies of each image (default 5)")
    parser.add_argument("--sources", type=int, default=4, metavar="K", help="how many images (default 4)")
    parser.add_argument(
        "--recipe", default="flip-rotate", metavar="NAME|FILE", help="name of a preset, or a recipe file"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="as for expand")
    parser.add_argument("--format", metavar="FORMAT", help="as for expand")
    parser.add_argument("--voc-origin", choices=("0", "1"), metavar="0|1", help="as for expand")
    parser.add_argument(
        "--include", action="append", default=[], metavar="GLOB", help="take only files that match (may be repeated)"
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="leave out files that match (may be repeated)"
    )


def _add_compare(commands: Commands[Parser]) -> None:
    description = "Run every meaning of augmentation on your own images (offline, on the fly, frozen, none, and the layers of Keras where it is installed) and count what a trainer sees in each epoch."
    parser = _add_command(
        commands, "compare", "offline and on the fly side by side, measured on your images", description
    )
    parser.add_argument("source", metavar="SRC", help="folder of images; never modified")
    parser.add_argument("-n", "--copies", type=int, default=5, metavar="N", help="copies of each image (default 5)")
    parser.add_argument("--epochs", type=int, default=10, metavar="E", help="epochs of each mode (default 10)")
    parser.add_argument(
        "--recipe", default="flip-rotate", metavar="NAME|FILE", help="name of a preset, or a recipe file"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="as for expand")
    parser.add_argument("--sample", type=int, default=200, metavar="K", help="run at most K images (default 200)")
    parser.add_argument("--batch", type=int, default=32, metavar="B", help="images of a gradient step (default 32)")
    parser.add_argument("--train", action="store_true", help="train a small network on each, too (needs Keras)")
    parser.add_argument("--report", metavar="P.html", help="write a page with pictures to this file")
    parser.add_argument("--quiet", action="store_true", help="no progress and no table; only errors")
    for option in EXPAND_OPTIONS:
        if option.field in READING:
            parser.add_argument(
                option.flag,
                dest=option.field,
                metavar=option.metavar,
                choices=option.choices,
                action="append" if option.repeats else "store",
                default=argparse.SUPPRESS,
                help=option.help,
            )


def _add_stream(commands: Commands[Parser]) -> None:
    description = "Write an epoch of the on-the-fly mode, or several, as a tar archive in WebDataset's naming: fresh variations of each image, for a trainer in any language to read; nothing else is stored."
    parser = _add_command(commands, "stream", "write epochs of fresh variations as a tar archive", description)
    parser.add_argument("source", metavar="SRC", help="folder of images; never modified")
    parser.add_argument(
        "--output", metavar="FILE.tar|-", required=True, help="archive to write, or - for standard output"
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--epoch", metavar="E", help="which epoch, from 1: it holds what expand writes as copy E")
    which.add_argument("--epochs", metavar="E..F", help="several epochs, both ends included; keys begin with the epoch")
    which.add_argument("--as-is", action="store_true", help="images as they are, as inference and validation see them")
    parser.add_argument(
        "--recipe", default="flip-rotate", metavar="NAME|FILE", help="name of a preset, or a recipe file"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="as for expand")
    parser.add_argument("--split", choices=("train", "val", "test"), metavar="train|val|test", help="which split")
    parser.add_argument("--no-shuffle", action="store_true", help="in the order of the names, the same in each epoch")
    parser.add_argument("--format", metavar="FORMAT", help="as for expand")
    parser.add_argument("--voc-origin", choices=("0", "1"), metavar="0|1", help="as for expand")
    parser.add_argument(
        "--include", action="append", default=[], metavar="GLOB", help="take only files that match (may be repeated)"
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="leave out files that match (may be repeated)"
    )
    parser.add_argument("--max-pixels", default="50M", metavar="50M", help="as for expand")
    parser.add_argument(
        "--damaged", choices=("skip", "keep"), default="skip", metavar="skip|keep", help="as for expand"
    )
    parser.add_argument("--workers", metavar="W", help="threads; as many as there are cores by default")
    parser.add_argument("--quiet", action="store_true", help="no progress and no summary; only errors")


def _add_recipes(commands: Commands[Parser]) -> None:
    parser = commands.add_parser(
        "recipes", help="list, show and check recipes", description="List, show and check recipes.", allow_abbrev=False
    )
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", title="actions", required=True, parser_class=Parser
    )
    _add_command(actions, "list", "name the presets, each with what it does")
    show = _add_command(actions, "show", "print a recipe in full")
    show.add_argument("name", metavar="NAME", help="name of a preset, or a recipe file")
    check = _add_command(actions, "check", "check a recipe and name every problem in it")
    check.add_argument("file", metavar="FILE", help="recipe file, or - for standard input")
    _add_command(actions, "schema", "print the JSON Schema of a recipe")


def _add_serve(commands: Commands[Parser]) -> None:
    parser = _add_command(commands, "serve", "serve HTTP: upload, expand, watch, download")
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", metavar="PORT", help="port to listen on; 0 takes a free one (default 8000)")
    parser.add_argument("--data", metavar="DIR", help="folder of everything that is kept (default nfold-data)")
    parser.add_argument("--workers", metavar="W", help="worker processes of a job (default: one for each core)")
    parser.add_argument("--show-config", action="store_true", help="print every setting with its origin, and leave")


def _add_keys(commands: Commands[Parser]) -> None:
    parser = commands.add_parser(
        "keys",
        help="make, list and take back API keys",
        description="Make, list and take back API keys.",
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", title="actions", required=True, parser_class=Parser
    )
    add = _add_command(actions, "add", "make a key and print it, once")
    add.add_argument("owner", metavar="OWNER", help="whose data sets and expansions it reaches")
    add.add_argument("--scopes", default="read,write", metavar="LIST", help="read, write or both (default read,write)")
    add.add_argument("--label", default="", metavar="TEXT", help="what it is for")
    listed = _add_command(actions, "list", "list keys by their ids; the keys themselves are kept nowhere")
    revoke = _add_command(actions, "revoke", "take a key back")
    revoke.add_argument("id", metavar="ID", help="id of the key, as in 'nfold keys list'")
    for action in (add, listed, revoke):
        action.add_argument("--data", metavar="DIR", help="data folder of the service (default nfold-data)")
