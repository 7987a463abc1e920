"""What one contrast says, as values: who is better, that both are equivalent, or how many seeds are lacking."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bnexp.labels import is_accuracy
from bnexp.statistics.intervals_and_tests import ALPHA
from bnexp.statistics.notes import Note

REACH: Final = 1_000
"""Most seeds that are asked for: an effect that needs more is none that an experiment would ask about."""

Kind = Literal["better", "equivalent", "undecided", "nothing"]


@dataclass(frozen=True)
class Claim:
    """The core of what a contrast says, without numbers: equal claims about several cells are one.

    `first` and `second` are levels of `compared`: the better one and the other where one is better, else b and a.
    `margin` is the one that matters to the claim, if one does; `diverged` says that there is nothing to compare because
    every run of both did.
    """

    kind: Kind
    compared: str
    metric: str
    first: Any
    second: Any
    margin: float | None = None
    diverged: bool = False


@dataclass(frozen=True)
class Side:
    """An arm of a contrast; `lr` is a text, empty if none is tuned; `diverged` and `stuck` count paired runs."""

    level: Any
    mean: float
    lr: str
    edge: bool
    diverged: int
    stuck: int


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Two levels of `compared` over `n` paired seeds: numbers of a row of `comparisons.compare_at_best`.

    `mean`, `low` and `high` are of a − b, `probability` is P(a > b).
    """

    compared: str
    metric: str
    margin: float
    a: Side
    b: Side
    n: int
    mean: float
    low: float
    high: float
    probability: float
    p_holm: float
    equivalent: bool
    p_equivalence: float
    equivalence_low: float
    equivalence_high: float
    fewest: int
    seeds_needed: float
    notes: tuple[Note, ...]

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both arms, a first."""
        return self.a, self.b

    @property
    def is_gain(self) -> bool:
        """Whether more of the metric is better."""
        return is_accuracy(self.metric)

    @property
    def kind(self) -> Kind:
        """What is known.

        Better: Holm's p is at most 0.05. Equivalent: it is not, and two one-sided tests at the margin are significant,
        for which the 90 % interval stands. Undecided: neither. Nothing: no seed is shared, or all runs of both
        diverged.
        """
        if self.n == 0 or self.all_diverged:
            return "nothing"
        if self.p_holm <= ALPHA:
            return "better"
        return "equivalent" if self.equivalent else "undecided"

    @property
    def all_diverged(self) -> bool:
        """Whether there are runs and every one of them diverged."""
        return self.n > 0 and min(side.diverged for side in self.sides) == self.n

    @property
    def winner(self) -> Side | None:
        """The better arm, if one is."""
        if self.kind != "better":
            return None
        return self.a if (self.mean > 0) == self.is_gain else self.b

    @property
    def loser(self) -> Side | None:
        """The other arm, if one is better."""
        return None if self.winner is None else self.b if self.winner is self.a else self.a

    @property
    def seeds_lacking(self) -> int:
        """How many more seeds would decide an undecided contrast, 0 if more than `REACH` in all would be needed."""
        unknown = math.isnan(self.seeds_needed) and self.n < self.fewest
        needed = self.fewest if unknown else self.seeds_needed
        return max(1, int(needed) - self.n) if needed <= REACH else 0

    @property
    def claim(self) -> Claim:
        """The core of what it says."""
        first, second = (self.b, self.a) if self.winner is None or self.loser is None else (self.winner, self.loser)
        bounded = self.kind == "equivalent" or (self.kind == "better" and self.equivalent)
        return Claim(
            self.kind,
            self.compared,
            self.metric,
            first.level,
            second.level,
            margin=self.margin if bounded else None,
            diverged=self.all_diverged,
        )


def read_contrast(row: Mapping[Any, Any], compared: str) -> Contrast:
    """Return the contrast of two levels of `compared` that a row of `comparisons.compare_at_best` holds."""
    a, b = (
        Side(row[side], *(row[f"{name}_{side}"] for name in ("mean", "lr", "edge", "diverged", "stuck")))
        for side in "ab"
    )
    return Contrast(compared=compared, a=a, b=b, **{name: row[name] for name in _NUMBERS})


_NUMBERS: Final = tuple(name for name in Contrast.__dataclass_fields__ if name not in ("compared", "a", "b"))
