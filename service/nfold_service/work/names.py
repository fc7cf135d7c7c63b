"""Names of files that come from outside: checked, normalised, and told apart from their twins.

What only Windows refuses (`CON`, a trailing dot) is kept: class folders such as `Carabus sp.` are common, and harmless here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from nfold.errors import InputError
from nfold.images.kinds import EXTENSIONS, UNSUPPORTED_EXTENSIONS

Kind = Literal["image", "label"]

LABEL_EXTENSIONS: Final = frozenset(
    {".txt", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".names", ".data"}
)
MOST_PATH_BYTES: Final = 1_024
_DRIVE = re.compile(r"[A-Za-z]:(/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameLimits:
    """How long and deep a name may be.

    Attributes:
        depth: Folders above a file.
        bytes: UTF-8 bytes of each part.
    """

    depth: int
    bytes: int


def checked_name(text: str, limits: NameLimits) -> str:
    """The name as it will stand on disk: relative, `/`-separated, Unicode NFC, without `.` and empty parts; "" for the root.

    Raises:
        InputError: It leads outside, cannot be a file's name, or is too long or too deep.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _refused(text, "is not UTF-8") from error
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise _refused(text, "holds control characters")
    if "\\" in text:
        raise _refused(text, "holds a backslash", hint="Pack with a tool that writes '/' between folders.")
    if text.startswith("/") or _DRIVE.match(text):
        raise _refused(text, "is absolute", hint="Give names relative to the folder of the data set.")
    parts = [part for part in unicodedata.normalize("NFC", text).split("/") if part not in ("", ".")]
    if ".." in parts:
        raise _refused(text, "leads out of its folder", hint="Give names relative to the folder of the data set.")
    if len(parts) - 1 > limits.depth:
        raise _refused(text, f"lies more than {limits.depth} folders deep", code="archive.depth")
    name = "/".join(parts)
    if any(len(part.encode()) > limits.bytes for part in parts) or len(name.encode()) > MOST_PATH_BYTES:
        raise _refused(text, f"is longer than {limits.bytes} bytes a part or {MOST_PATH_BYTES:,} in all")
    return name


def kind_of(name: str) -> Kind | None:
    """Whether a file is kept as an image or as labels; None when it is neither, or hidden."""
    *folders, file = name.split("/")
    if any(part.startswith(".") or part == "__MACOSX" for part in (*folders, file)):
        return None
    ending = ending_of(name)
    if ending in UNSUPPORTED_EXTENSIONS:
        return "image"  # an expansion names it among what it skipped, as a local run does
    return "image" if ending in EXTENSIONS else "label" if ending in LABEL_EXTENSIONS else None


def ending_of(name: str) -> str:
    """The extension in small letters with its dot, "" without."""
    _, dot, ending = name.rpartition("/")[2].rpartition(".")
    return f".{ending.lower()}" if dot else ""


def folded(name: str) -> str:
    """What two names have in common that some disks cannot tell apart: letter case and Unicode forms."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def shown(name: str) -> str:
    """A name for a message: short, and without what a terminal would obey."""
    safe = name.encode("utf-8", "backslashreplace").decode()
    safe = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in safe)
    return safe if len(safe) <= 120 else f"{safe[:100]}...{safe[-15:]}"


def _refused(name: str, why: str, *, hint: str | None = None, code: str = "archive.name") -> InputError:
    return InputError(f"The name '{shown(name)}' {why}.", hint=hint or "Give this file another name.", code=code)
