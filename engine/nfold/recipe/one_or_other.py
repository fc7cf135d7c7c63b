"""OneOrOther that says what it applied: that of Albumentations 2.0.8 leaves it out of `applied_transforms`.

Imports Albumentations, so import it only after `load_albumentations`.
"""

from __future__ import annotations

from typing import Any

import albumentations


class RecordingOneOrOther(albumentations.OneOrOther):  # type: ignore[misc]
    """Applies the first transform with probability p, otherwise the second, with the draws of the original."""

    def __call__(self, *args: Any, force_apply: bool = False, **data: Any) -> dict[str, Any]:
        """Apply one of the two and record its parameters."""
        chosen = self.transforms[0] if self.py_random.random() < self.p else self.transforms[-1]
        result: dict[str, Any] = chosen(force_apply=True, **data)
        self._track_transform_params(chosen, result)
        return result
