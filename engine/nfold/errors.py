"""Every error that a caller of nfold is expected to handle.

* NfoldError
  + UsageError                 what was asked for makes no sense (exit code 2)
    - UnknownNameError         a recipe, format, transform or argument that does not exist
    - InvalidRecipeError       a recipe that cannot be used, with every problem found in it
  + InputError                 the source folder cannot be used
    - SeveralLabelSetsError    it has the labels of its images more than once; `formats` names them
  + OutputError                the target folder cannot be used
    - OutputBusyError          another run holds it
    - OutputMismatchError      it was made with another recipe, seed or version
    - ForeignFileError         a file that nfold did not write stands where one of ours goes
  + DiskError                  no space, read-only, quota, an I/O error (exit code 74)
  + SampleError                one source cannot be used; the run goes on without it
    - ImageError               its bytes cannot be read or written as an image
    - UnsupportedImageError    the recipe cannot take an image of this kind
  + ShortfallError             a source cannot give as many distinct copies as asked for
  + MissingFileError           a file that is asked about is not in the manifest, or not on disk
  + MissingExtraError          an optional part is not installed
  + WorkerError                worker processes cannot be started or kept alive
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self


class NfoldError(Exception):
    """Base of every error a caller is expected to handle.

    `code` is stable and goes over the wire; a class may be renamed, its code may not. An instance
    may carry a finer code of its own, as the codes of single images do (`image.truncated`).
    """

    code: ClassVar[str] = "nfold_error"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self._own_code = code

    @property
    def stable_code(self) -> str:
        """The finest stable code that is known for this error."""
        return self._own_code or self.code


class UsageError(NfoldError, ValueError):
    """What was asked for makes no sense, before any work is done."""

    code = "usage"


class UnknownNameError(UsageError, LookupError):
    """A name that is in no registry."""

    code = "unknown_name"

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str]) -> Self:
        """The error for `name`, with the nearest known names as its hint."""
        names = sorted(known)
        return cls(f"There is no {kind} '{name}'.", hint=did_you_mean(name, names) or f"Known: {', '.join(names)}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a document that a person wrote.

    Attributes:
        pointer: JSON pointer (RFC 6901) to the place, "" for the whole document.
        message: What is wrong.
        hint: What to do about it.
    """

    pointer: str
    message: str
    hint: str | None = None


class InvalidRecipeError(UsageError):
    """A recipe that cannot be used; `problems` names each thing that is wrong."""

    code = "recipe.invalid"

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, problems: tuple[Problem, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.problems = problems


class InputError(NfoldError, OSError):
    """The source folder cannot be used."""

    code = "input"


class SeveralLabelSetsError(InputError):
    """A folder has the labels of its images more than once; `formats` names what each of them is written in."""

    code = "labels.several_sets"

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, formats: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.formats = formats


class OutputError(NfoldError, OSError):
    """The target folder cannot be used."""

    code = "output"


class OutputBusyError(OutputError):
    """Another run holds the target folder."""

    code = "output.busy"


class OutputMismatchError(OutputError):
    """The target folder was made with another recipe, seed or version."""

    code = "output.mismatch"


class ForeignFileError(OutputError):
    """A file that nfold did not write stands where one of ours would go."""

    code = "output.foreign_file"


class DiskError(NfoldError, OSError):
    """The disk refused: full, read-only, over quota, or failing."""

    code = "disk"


class SampleError(NfoldError, ValueError):
    """One source cannot be used. The run records it and goes on."""

    code = "sample"


class ImageError(SampleError):
    """The bytes of one source cannot be read, or its pixels not be written, as an image."""

    code = "image.corrupt"


class UnsupportedImageError(SampleError):
    """The recipe cannot take an image of this kind."""

    code = "image.unsupported"


class ShortfallError(SampleError):
    """A source cannot give as many distinct copies as asked for."""

    code = "copies.short"


class MissingFileError(NfoldError, FileNotFoundError):
    """A file that is asked about is not in the manifest, or not on disk."""

    code = "file.missing"


class MissingExtraError(NfoldError, ImportError):
    """An optional part is not installed."""

    code = "extra.missing"

    @classmethod
    def for_feature(cls, feature: str, extra: str) -> Self:
        """The error for `feature`, which `pip install 'nfold[extra]'` provides."""
        return cls(f"{feature} needs the extra '{extra}'.", hint=f"pip install 'nfold[{extra}]'")


class StackingWarning(UserWarning):
    """An expanded data set is varied once more."""


class WorkerError(NfoldError, RuntimeError):
    """Worker processes cannot be started or kept alive."""

    code = "worker"


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint that names what is spelt most like `name`, or None when nothing is near."""
    by_fold = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), by_fold, n=3, cutoff=0.6)
    if not near:
        return None
    return f"Did you mean {' or '.join(repr(by_fold[match]) for match in near)}?"
