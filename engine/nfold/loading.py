"""Read the files of one source: the picture, and what goes with it."""

from __future__ import annotations

import errno
import hashlib
from dataclasses import dataclass
from pathlib import Path

from nfold.annotations import ImageLabels
from nfold.annotations.codec import decode_labels
from nfold.errors import ImageError, SampleError
from nfold.formats.base import MOST_LABEL_BYTES
from nfold.formats.mask_files import MaskImage, read_mask
from nfold.images import DecodeLimits
from nfold.plain_files import read_plain
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
    data, size, mtime_ns = _read(root, planned.path, "The file", limits.max_bytes, "image.too_large")
    return LoadedImage(data=data, sha256=hashlib.sha256(data).hexdigest(), size=size, mtime_ns=mtime_ns)


def load_labels(root: str, planned: PlannedSource, limits: DecodeLimits, context: str = "") -> LoadedLabels | None:
    """Read what goes with the picture; None in formats without annotations.

    Args:
        root: The source folder.
        planned: The source.
        limits: Of masks; label files have their own.
        context: Digest of what holds for all label files; part of the digest of these labels.

    Raises:
        SampleError: A label file or a mask is gone, too large, no plain file or cannot be read, or a mask is none; the
            message names it.
    """
    if planned.labels is None:
        return None
    labels = decode_labels(planned.labels)
    digest = hashlib.sha256(f"{planned.labels_digest}{context}".encode())
    files: dict[str, bytes] = {}
    for role, path in _files_of(labels):
        if role == "mask":
            files[role], _, _ = _read(root, path, f"The mask {path}", limits.max_bytes, "image.too_large")
        else:
            files[role], _, _ = _read(root, path, f"The label file {path}", MOST_LABEL_BYTES, "labels.too_large")
        digest.update(role.encode() + hashlib.sha256(files[role]).digest())
    mask = None
    if labels.mask_file is not None:
        mask = _decoded_mask(files["mask"], labels.mask_file, limits)
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


def _decoded_mask(data: bytes, path: str, limits: DecodeLimits) -> MaskImage:
    try:
        return read_mask(data, limits)
    except ImageError as error:
        # To keep what can be decoded of it, as of a picture, would be to make up labels.
        is_damaged = error.stable_code in ("image.empty", "image.truncated", "image.corrupt", "image.unknown_format")
        raise ImageError(
            f"The mask {path} cannot be used. {error.message}",
            hint="Fetch the mask again, or leave its picture out with --exclude." if is_damaged else error.hint,
            code=error.stable_code,
        ) from error


def _read(root: str, path: str, subject: str, most_bytes: int, code: str) -> tuple[bytes, int, int]:
    """Bytes, their number and the time of their last change; `code` is for a file of more than `most_bytes`."""
    try:
        data, facts = read_plain(Path(root) / path, most_bytes)
        return data, facts.st_size, facts.st_mtime_ns
    except FileNotFoundError as error:
        raise SampleError(
            f"{subject} was there when the run began and is gone now.",
            hint="Put it back and run the same command.",
            code="source.vanished",
        ) from error
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise SampleError(
                f"{subject} has more than {most_bytes:,} bytes, which is the most.",
                hint="Make it smaller, or leave the picture out with --exclude.",
                code=code,
            ) from error
        raise SampleError(
            f"{subject} cannot be read: {error.strerror}.",
            hint="Check what it is, its permissions and its disk, then run the same command.",
            code="source.unreadable",
        ) from error
