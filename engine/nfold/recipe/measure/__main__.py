"""Writes engine/nfold/recipe/catalogue.json from the Albumentations that is installed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Measure every transform and write the table beside the module that reads it."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    from nfold.recipe.measure.table import measure_catalogue

    target = Path(__file__).parent.parent / "catalogue.json"
    table = measure_catalogue()
    target.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{target}: {len(table['transforms'])} transforms\n")


if __name__ == "__main__":
    main()
