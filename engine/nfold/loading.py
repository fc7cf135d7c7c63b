"""Read the files of one source: the picture, and what goes with it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from nfold.annotations import ImageLabels
from nfold.annotations.codec import decode_labels
from nfold.errors import ImageError, SampleError
from nfold.formats.mask_files import MaskImage, read_mask
from nfold.images import DecodeLimits
from nfold.plan.table import PlannedSource


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedImage:
    """A picture file as it was read.

    Attributes:
        data: Its bytes.
        sha256: Of these.
        size: How many.
        mtime_ns: Time of its last change.
    """

    data: bytes
    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedLabels:
    """The labels of one picture with the files that hold them.

    Attributes:
        labels: As the format read them.
        files: Bytes of the label file and of the mask, by role; only those that are there.
        mask: The mask, decoded.
        sha256: Over all of that.
    """

    labels: ImageLabels
    files: dict[str, bytes]
    mask: MaskImage | None
    sha256: str


def load_image(root: str, planned: PlannedSource, limits: DecodeLimits) -> LoadedImage:
    """Read the picture of a source.

    Raises:
        SampleError: It is too large, gone, or cannot be read.
    """
    if planned.size > limits.max_bytes:
        raise ImageError(
            f"The file has {planned.size:,} bytes; {limits.max_bytes:,} is the most.",
            hint="Leave it out with --exclude, or make it smaller.",
            code="image.too_large",
        )
    data, size, mtime_ns = _read(root, planned.path, "The file")
    return LoadedImage(data=data, sha256=hashlib.sha256(data).hexdigest(), size=size, mtime_ns=mtime_ns)


def load_labels(root: str, planned: PlannedSource, limits: DecodeLimits, context: str = "") -> LoadedLabels | None:
    """Read what goes with the picture; None in formats without annotations.

    Args:
        root: The source folder.
        planned: The source.
        limits: Of masks.
        context: Digest of what holds for all label files; part of the digest of these labels.

    Raises:
        SampleError: A label file is gone or cannot be read, or a mask is none.
    """
    if planned.labels is None:
        return None
    labels = decode_labels(planned.labels)
    digest = hashlib.sha256(f"{planned.labels_digest}{context}".encode())
    files: dict[str, bytes] = {}
    for role, path in _files_of(labels):
        files[role] = _read(root, path, f"The file {path}")[0]
        digest.update(role.encode() + hashlib.sha256(files[role]).digest())
    mask = read_mask(files["mask"], limits) if "mask" in files else None
    return LoadedLabels(labels=labels, files=files, mask=mask, sha256=digest.hexdigest())


def labels_state(root: str, planned: PlannedSource, context: str = "") -> str | None:
    """What tells, without reading label files, that labels are as they were: digest, sizes and times."""
    if planned.labels is None or planned.labels_digest is None:
        return None
    state = [planned.labels_digest, *([context] if context else [])]
    for role, path in _files_of(decode_labels(planned.labels)):
        try:
            found = (Path(root) / path).stat()
        except OSError:
            state.append(f"{role}:gone")
        else:
            state.append(f"{role}:{found.st_size}:{found.st_mtime_ns}")
    return " ".join(state)


def _files_of(labels: ImageLabels) -> list[tuple[str, str]]:
    pairs = (("labels", labels.label_file), ("mask", labels.mask_file))
    return [(role, path) for role, path in pairs if path is not None]


def _read(root: str, path: str, subject: str) -> tuple[bytes, int, int]:
    try:
        with (Path(root) / path).open("rb") as file:
            facts = os.fstat(file.fileno())
            return file.read(), facts.st_size, facts.st_mtime_ns
    except FileNotFoundError as error:
        raise SampleError(
            f"{subject} was there when the run began and is gone now.",
            hint="Put it back and run the same command.",
            code="source.vanished",
        ) from error
    except OSError as error:
        raise SampleError(
            f"{subject} cannot be read: {error.strerror}.",
            hint="Check its permissions and its disk, then run the same command.",
            code="source.unreadable",
        ) from error
