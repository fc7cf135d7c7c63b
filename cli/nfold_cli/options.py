"""The options of `nfold expand`, one for each field of ExpansionRequest; a test holds both equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option.

    Attributes:
        field: Of ExpansionRequest.
        section: Heading in the help.
        help: What it does, as the field's description has it.
        metavar: What stands for its value, None for a switch.
        short: A one-letter form.
        choices: The only values, if so.
        repeats: Whether it may be given several times.
    """

    field: str
    section: Literal["how many", "what is done", "which images", "the output", "the run"]
    help: str
    metavar: str | None = None
    short: str | None = None
    choices: tuple[str, ...] | None = None
    repeats: bool = False

    @property
    def flag(self) -> str:
        """The long form."""
        return "--" + self.field.replace("_", "-")


READING = ("format", "voc_origin", "include", "exclude", "max_pixels", "damaged")
"""Those that say how a folder is read, which `nfold compare` has, too."""

EXPAND_OPTIONS: tuple[Option, ...] = (
    Option(
        field="copies", section="how many", short="-n", metavar="N", help="Augmented copies of each training image."
    ),
    Option(
        field="total", section="how many", metavar="T", help="Training images wanted altogether, originals included."
    ),
    Option(
        field="per_class",
        section="how many",
        metavar="M",
        help="Training images wanted in each class, originals included.",
    ),
    Option(field="balance", section="how many", help="Bring each class up to the size of the largest."),
    Option(
        field="class_copies",
        section="how many",
        metavar="a=3,b=0",
        help="Copies of each image by class, as in cat=3,dog=0; other classes get --copies, or none.",
    ),
    Option(
        field="recipe",
        section="what is done",
        metavar="NAME|FILE",
        help="Name of a preset, a recipe file, or (not on the command line) the recipe itself.",
    ),
    Option(field="seed", section="what is done", metavar="S", help="Another seed gives other variations."),
    Option(
        field="split",
        section="which images",
        metavar="80/10/10",
        help="Split into train/val/test by these shares before expanding, as in 80/10/10.",
    ),
    Option(
        field="group",
        section="which images",
        metavar="REGEX",
        help="Regular expression; images whose ids give the same match stay in one split.",
    ),
    Option(
        field="group_similar",
        section="which images",
        metavar="BITS",
        help="Images of a class that look alike, up to this many of 64 bits, stay in one split (0 to 16).",
    ),
    Option(
        field="splits",
        section="which images",
        metavar="train",
        help="Splits to expand; the others pass through untouched.",
    ),
    Option(
        field="include",
        section="which images",
        metavar="GLOB",
        repeats=True,
        help="Take only files that match (may be repeated).",
    ),
    Option(
        field="exclude",
        section="which images",
        metavar="GLOB",
        repeats=True,
        help="Leave out files that match (may be repeated).",
    ),
    Option(
        field="format",
        section="which images",
        metavar="FORMAT",
        help="Read the source as this format instead of recognising it.",
    ),
    Option(
        field="voc_origin",
        section="which images",
        choices=("0", "1"),
        metavar="0|1",
        help="How Pascal VOC counts pixels, from 0 or from 1, instead of looking at the data.",
    ),
    Option(
        field="max_pixels",
        section="which images",
        metavar="50M",
        help="Skip images with more pixels than this (50M = fifty million).",
    ),
    Option(
        field="damaged",
        section="which images",
        choices=("skip", "keep"),
        metavar="skip|keep",
        help="Skip damaged images, or keep what can be decoded of them.",
    ),
    Option(
        field="to",
        section="the output",
        metavar="FORMAT",
        help="Write the labels in this format instead of the source's own.",
    ),
    Option(
        field="on_loss",
        section="the output",
        choices=("refuse", "list"),
        metavar="refuse|list",
        help="What --to does with labels that the other format cannot hold: refuse, or list them.",
    ),
    Option(
        field="originals",
        section="the output",
        choices=("copy", "link", "none"),
        metavar="copy|link|none",
        help="How the originals come into the output.",
    ),
    Option(
        field="name",
        section="the output",
        metavar="TEMPLATE",
        help="Name of a copy: {stem} {copy} {ext} {split} {class} {id8}.",
    ),
    Option(
        field="rebuild",
        section="the output",
        help="Start again in an output made with another recipe, seed or version.",
    ),
    Option(
        field="allow_mixed",
        section="the output",
        help="Go on in an output made with other library versions; the card lists both.",
    ),
    Option(field="keep_removed", section="the output", help="Leave copies on disk that are no longer asked for."),
    Option(
        field="workers",
        section="the run",
        metavar="W",
        help="Worker processes; as many as cores and a container's limits allow by default.",
    ),
)
