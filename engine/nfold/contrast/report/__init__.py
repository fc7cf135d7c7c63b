"""A contrast as one HTML page that opens anywhere, offline."""

from __future__ import annotations

from nfold.contrast.report.page import report_html

__all__ = ["report_html"]
