"""What can be said of arms that were trained with several seeds, and no more than that."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from nfold.contrast.model import ArmResult

# Student's t, two-sided 95 %, for 1, 2, 3 ... degrees of freedom.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
_T_MANY = 2.228


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much better one arm is than another, over the same seeds.

    Attributes:
        mean: Of the differences of accuracy, seed by seed.
        spread: Half the width of its 95 % interval (Student's t, paired).
    """

    mean: float
    spread: float

    @property
    def is_real(self) -> bool:
        """Whether it is larger than its spread."""
        return abs(self.mean) > self.spread


def difference(better: Sequence[float], worse: Sequence[float], *, held_out: int) -> Difference:
    """Compare two arms, seed by seed: both began with the same weights.

    The spread is never below one image of the held-out ones, as accuracy cannot tell less.

    Raises:
        ValueError: Fewer than two seeds, or not the same number of them.
    """
    differences = [one - other for one, other in zip(better, worse, strict=True)]
    if len(differences) < 2:
        raise ValueError("one seed tells nothing of the spread")
    freedom = len(differences) - 1
    factor = _T[freedom - 1] if freedom <= len(_T) else _T_MANY
    spread = factor * statistics.stdev(differences) / math.sqrt(len(differences))
    return Difference(mean=statistics.fmean(differences), spread=max(spread, 1 / held_out))


def verdict(arms: Sequence[ArmResult], *, held_out: int) -> str:
    """One sentence or two on every pair of arms, the later against the earlier.

    An arm is called better only where the paired difference is larger than its 95 % interval over the seeds.
    """
    seeds = len(arms[0].accuracies)
    if seeds < 2:
        return (
            "One seed tells nothing of the spread, so nothing is said of a difference: train with three seeds or more."
        )
    real, unclear = [], []
    for number, first in enumerate(arms):
        for second in arms[number + 1 :]:
            found = difference(second.accuracies, first.accuracies, held_out=held_out)
            better, worse = (second, first) if found.mean >= 0 else (first, second)
            points = f"{100 * abs(found.mean):.1f} points (± {100 * found.spread:.1f})"
            if found.is_real:
                real.append(f"{better.title} is better than {worse.title} by {points}")
            else:
                unclear.append(
                    f"{better.title} and {worse.title} ({100 * abs(found.mean):.1f} ± {100 * found.spread:.1f})"
                )
    head = f"After {arms[0].steps:,} gradient steps each, over {seeds} seeds and {held_out:,} held-out images: "
    tail = "no difference larger than the spread between " + ", ".join(unclear) if unclear else ""
    if not real:
        return f"{head}no gain that can be told from chance; {tail}."
    return head + "; ".join([*real, *([tail] if tail else [])]) + "."
