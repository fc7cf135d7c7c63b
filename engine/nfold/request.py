"""What a caller asks of `expand`: one model for the Python call, the command line and the REST body."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from nfold.defaults import DEFAULT_NAME, DEFAULT_RECIPE, MOST_WORKERS
from nfold.errors import UsageError
from nfold.plan.naming import NameTemplate
from nfold.randomness import LARGEST_SEED

LARGEST_COPIES = 1_000
LARGEST_TOTAL = 10**12
MOST_BITS = 16
"""Of 64: beyond a quarter, pictures that have nothing to do with each other are taken for alike."""

_MAGNITUDES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


def read_count(value: object) -> object:
    """Read `50M` as 50,000,000; what is no such text passes through to the type's own check."""
    if isinstance(value, str) and (
        found := re.fullmatch(r"(\d{1,18}(?:\.\d{1,18})?)\s*([KMG]?)", value.strip().upper())
    ):
        return round(float(found[1]) * _MAGNITUDES[found[2]])
    if isinstance(value, str):
        raise ValueError(f"'{value}' is no number such as 50M or 2500000")
    return value


def read_class_copies(value: object) -> object:
    """Read `cat=3,dog=0` as a table; a class name may itself hold `=`, the last one counts."""
    if not isinstance(value, str):
        return value
    table: dict[str, str] = {}
    for entry in value.split(","):
        name, equals, count = entry.rpartition("=")
        if not equals or not count.strip().isdecimal():
            raise ValueError(f"'{entry}' is not of the form class=copies, as in cat=3,dog=0")
        if name.strip() in table:
            raise ValueError(f"'{name.strip()}' is there twice")
        table[name.strip()] = count.strip()
    return table


def _as_tuple(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _as_digit(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Copies = Annotated[int, Field(ge=0, le=LARGEST_COPIES)]


class ExpansionRequest(BaseModel):
    """One expansion, fully described. Equal requests on equal sources give equal trees."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)

    source: Path = Field(description="Folder of images to expand. Never modified.")
    target: Path = Field(description="Folder to write: new, empty, or one that nfold wrote before.")
    copies: Copies | None = Field(None, description="Augmented copies of each training image.")
    total: Annotated[int, Field(ge=1, le=LARGEST_TOTAL)] | None = Field(
        None, description="Training images wanted altogether, originals included."
    )
    per_class: Annotated[int, Field(ge=1, le=LARGEST_TOTAL)] | None = Field(
        None, description="Training images wanted in each class, originals included."
    )
    balance: bool = Field(False, description="Bring each class up to the size of the largest.")
    class_copies: Annotated[dict[str, Copies] | None, BeforeValidator(read_class_copies)] = Field(
        None, description="Copies of each image by class, as in cat=3,dog=0; other classes get --copies, or none."
    )
    recipe: str | Path | dict[str, Any] = Field(
        DEFAULT_RECIPE, description="Name of a preset, a recipe file, or (not on the command line) the recipe itself."
    )
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Another seed gives other variations.")
    format: str | None = Field(None, description="Read the source as this format instead of recognising it.")
    to: str | None = Field(None, description="Write the labels in this format instead of the source's own.")
    on_loss: Literal["refuse", "list"] = Field(
        "refuse", description="What --to does with labels that the other format cannot hold: refuse, or list them."
    )
    voc_origin: Annotated[Literal[0, 1] | None, BeforeValidator(_as_digit)] = Field(
        None, description="How Pascal VOC counts pixels, from 0 or from 1, instead of looking at the data."
    )
    split: str | None = Field(
        None, description="Split into train/val/test by these shares before expanding, as in 80/10/10."
    )
    group: str | None = Field(
        None, description="Regular expression; images whose ids give the same match stay in one split."
    )
    group_similar: Annotated[int, Field(ge=0, le=MOST_BITS)] | None = Field(
        None, description="Images of a class that look alike, up to this many of 64 bits, stay in one split (0 to 16)."
    )
    splits: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field(
        ("train",), description="Splits to expand; the others pass through untouched."
    )
    originals: Literal["copy", "link", "none"] = Field("copy", description="How the originals come into the output.")
    name: str = Field(DEFAULT_NAME, description="Name of a copy: {stem} {copy} {ext} {split} {class} {id8}.")
    include: Annotated[tuple[str, ...], BeforeValidator(_one_or_more)] = Field(
        (), description="Take only files that match (may be repeated)."
    )
    exclude: Annotated[tuple[str, ...], BeforeValidator(_one_or_more)] = Field(
        (), description="Leave out files that match (may be repeated)."
    )
    max_pixels: Annotated[int, Field(ge=1, le=2**30), BeforeValidator(read_count)] = Field(
        50_000_000, description="Skip images with more pixels than this (50M = fifty million)."
    )
    damaged: Literal["skip", "keep"] = Field(
        "skip", description="Skip damaged images, or keep what can be decoded of them."
    )
    rebuild: bool = Field(False, description="Start again in an output made with another recipe, seed or version.")
    allow_mixed: bool = Field(
        False, description="Go on in an output made with other library versions; the card lists both."
    )
    keep_removed: bool = Field(False, description="Leave copies on disk that are no longer asked for.")
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)] | None = Field(
        None, description="Worker processes; as many as cores and a container's limits allow by default."
    )

    @model_validator(mode="after")
    def _asks_for_one_thing(self) -> Self:
        wishes = {
            "total": self.total,
            "per-class": self.per_class,
            "balance": self.balance or None,
            "class-copies": self.class_copies or None,
        }
        given = [name for name, value in wishes.items() if value is not None]
        if self.copies is not None and given != ["class-copies"]:
            given.insert(0, "copies")
        if not given:
            raise ValueError("say how many: --copies N (or --total, --per-class, --balance, --class-copies)")
        if len(given) > 1:
            raise ValueError(f"--{given[0]} and --{given[1]} cannot be asked for together")
        if self.rebuild and self.allow_mixed:
            raise ValueError("--rebuild starts again and --allow-mixed goes on: choose one")
        if self.group is not None and self.split is None:
            raise ValueError("--group says which images --split keeps together: give --split, too")
        if self.group_similar is not None and self.split is None:
            raise ValueError("--group-similar says which images --split keeps together: give --split, too")
        return self

    @model_validator(mode="after")
    def _is_readable(self) -> Self:
        NameTemplate.parse(self.name)
        if self.split is not None:
            read_shares(self.split)
        strangers = [name for name in self.splits if name not in SPLIT_NAMES]
        if strangers or not self.splits:
            raise ValueError(f"--splits {','.join(self.splits)}: choose from {', '.join(SPLIT_NAMES)}")
        if self.group is not None:
            try:
                re.compile(self.group)
            except re.error as error:
                raise ValueError(f"--group is no regular expression: {error}") from error
        return self


SPLIT_NAMES = ("train", "val", "test")


def read_shares(text: str) -> tuple[int, ...]:
    """Read `80/10/10` (train/val/test) or `90/10` (train/val) as whole shares."""
    parts = text.split("/")
    if not (2 <= len(parts) <= 3 and all(part.strip().isdecimal() for part in parts)):
        raise ValueError(f"--split {text}: give train/val/test as in 80/10/10, or train/val as in 90/10")
    shares = tuple(int(part) for part in parts)
    if shares[0] == 0 or sum(shares) != 100:
        raise ValueError(f"--split {text}: the shares have to add up to 100, and train cannot be 0")
    return shares


def make_request(**options: object) -> ExpansionRequest:
    """Check options given by name.

    Raises:
        UsageError: One of them is missing, unknown or out of range; the message names each.
    """
    for name, value in options.items():
        if isinstance(value, str) and name not in ("source", "target") and not _is_text(value):
            raise UsageError(f"--{name.replace('_', '-')}: the value holds bytes that are no UTF-8.")
    try:
        return ExpansionRequest.model_validate(options)
    except ValidationError as error:
        lines, hints = [], []
        for problem in error.errors(include_url=False):
            cause = problem.get("ctx", {}).get("error")
            if isinstance(cause, UsageError) and cause.hint:
                hints.append(cause.hint)
            place = "--" + str(problem["loc"][0]).replace("_", "-") + ": " if problem["loc"] else ""
            text = str(problem["msg"]).removeprefix("Value error, ")
            if problem["type"] == "int_parsing":
                text = f"{problem['input']!r} is no whole number"
            lines.append((text if text.startswith("--") else place + text[:1].lower() + text[1:]).rstrip("."))
        raise UsageError("; ".join(lines) + ".", hint="; ".join(hints) or "See 'nfold expand --help'.") from error


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
