"""What holds where nothing is said; here, so that a signature can name it without importing the rest."""

from __future__ import annotations

DEFAULT_RECIPE = "flip-rotate"
DEFAULT_NAME = "{stem}_aug{copy}{ext}"
MOST_WORKERS = 256
