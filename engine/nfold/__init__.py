"""Expand an image data set N-fold, and see what "augmentation" means while doing it.

    import nfold

    report = nfold.expand("photos", "photos-x6", copies=5, recipe="flip-rotate", seed=7)
    print(report.images_before, "->", report.images_after)

Importing this package is cheap: numpy, OpenCV and Albumentations are imported by what needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nfold.api import expand
    from nfold.contact_sheet import preview
    from nfold.contrast.comparing import compare
    from nfold.contrast.model import Contrast
    from nfold.diagnosis import doctor
    from nfold.errors import NfoldError
    from nfold.provenance import explain
    from nfold.recipe import load_recipe
    from nfold.regeneration import regenerate
    from nfold.rehearsal import dry_run
    from nfold.report import ExpansionReport
    from nfold.request import ExpansionRequest
    from nfold.stream import FrozenDataset, Stream
    from nfold.verification import verify

_MODULE_OF = {
    "Contrast": "nfold.contrast.model",
    "ExpansionReport": "nfold.report",
    "FrozenDataset": "nfold.stream",
    "Stream": "nfold.stream",
    "ExpansionRequest": "nfold.request",
    "NfoldError": "nfold.errors",
    "compare": "nfold.contrast.comparing",
    "doctor": "nfold.diagnosis",
    "expand": "nfold.api",
    "explain": "nfold.provenance",
    "load_recipe": "nfold.recipe",
    "dry_run": "nfold.rehearsal",
    "preview": "nfold.contact_sheet",
    "regenerate": "nfold.regeneration",
    "verify": "nfold.verification",
}

__all__ = [
    "Contrast",
    "ExpansionReport",
    "ExpansionRequest",
    "FrozenDataset",
    "NfoldError",
    "Stream",
    "compare",
    "doctor",
    "dry_run",
    "expand",
    "explain",
    "load_recipe",
    "preview",
    "regenerate",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'nfold' has no attribute '{name}'")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    # `nfold.verify` is a function and a module: the function has to win after the import, too.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
