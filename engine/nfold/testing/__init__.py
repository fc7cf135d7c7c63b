"""Checks that whoever plugs something into nfold can run over it; ours run over every entry of our own tables."""

from __future__ import annotations

from nfold.testing.executors import check_executor
from nfold.testing.formats import check_format

__all__ = ["check_executor", "check_format"]
