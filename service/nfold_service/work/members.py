"""What a reader of archives gives, and how it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nfold.errors import InputError
from nfold_service.work.names import NameLimits, shown

LUMP = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What an archive may hold.

    Attributes:
        files: Entries, folders too.
        unpacked_bytes: Of all entries together, kept or not.
        image_bytes: Of one image file.
        label_bytes: Of one label file.
        ratio: Unpacked over packed bytes of the whole, beyond the first MiB.
        names: Of names.
    """

    files: int
    unpacked_bytes: int
    image_bytes: int
    label_bytes: int
    ratio: float
    names: NameLimits

    def most_bytes(self, packed: int) -> int:
        """What an archive of that many bytes may grow to."""
        return min(self.unpacked_bytes, (1 << 20) + int(self.ratio * packed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A regular file of an archive.

    Attributes:
        name: As the archive spells it.
        size: Unpacked bytes as the archive says; what comes may not be more.
        chunks: Its bytes; to be read before the next member is asked for, or left alone.
    """

    name: str
    size: int
    chunks: Iterator[bytes]


def refuse(code: str, message: str, hint: str | None = None) -> InputError:
    """An error of an archive."""
    return InputError(message, hint=hint, code=f"archive.{code}")


def damaged(what: str) -> InputError:
    """The archive is cut off or broken."""
    return refuse("damaged", f"The archive is damaged: {what}.", "Pack it again, and check that the upload was whole.")


def too_many(most: int) -> InputError:
    """There are more entries than allowed."""
    return refuse("too_many_files", f"The archive has more than {most:,} entries, which is the most.", "Split it up.")


def too_big(limits: ArchiveLimits, packed: int) -> InputError:
    """It unpacks to more than allowed."""
    most = limits.most_bytes(packed)
    if most < limits.unpacked_bytes:
        return refuse(
            "ratio",
            f"The archive unpacks to more than {limits.ratio:g} times its size.",
            "Such archives are made to fill disks. Compress the images themselves, as PNG.",
        )
    return refuse("too_large", f"The archive unpacks to more than {most:,} bytes, which is the most.", "Split it up.")


def no_regular_file(name: str, kind: str) -> InputError:
    """Links, devices and the like."""
    return refuse(
        "special",
        f"'{shown(name)}' in the archive is {kind}, and only files and folders are taken.",
        "Pack without it.",
    )
