"""What one contrast says, as values: who is better, that both are equivalent, or how many seeds are lacking."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bnexp.labels import is_accuracy
from bnexp.statistics.intervals_and_tests import ALPHA
from bnexp.statistics.notes import FallsBehind, Note, StaleStatistics

Kind = Literal["better", "equivalent", "undecided", "nothing"]

BADGES: Final[dict[Kind, str]] = {
    "better": "difference",
    "equivalent": "no difference",
    "undecided": "undecided",
    "nothing": "nothing to compare",
}
"""Each kind in a word or two."""

Outcome = Literal["learned", "mixed", "stuck", "diverged"]
"""How the paired runs of an arm ended: all learned, some did, none did, all diverged."""


@dataclass(frozen=True)
class Claim:
    """The core of what a contrast says, without numbers: equal claims about several cells are one.

    `first` and `second` are levels of `compared`: the better one and the other where one is better, else b and a.
    `margin` is the one that matters to the claim, if one does. `idle` are the levels of which no run learned, where
    this is what the claim is about: the second one, or both. `few` says that there are too few seeds for any test,
    `doubtful` that running statistics may have made it. `examples` is the number of test examples, where it is shown
    for other trainings that these judge, and not for other test examples. `edges` are the levels whose learning rate is
    the lowest or the highest that was tried: a better one may lie beyond it, and what is claimed is about those tried.
    """

    kind: Kind
    compared: str
    metric: str
    first: Any
    second: Any
    margin: float | None = None
    idle: tuple[Any, ...] = ()
    few: bool = False
    doubtful: bool = False
    examples: int | None = None
    edges: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Side:
    """An arm of a contrast; `lr` is a text, empty if none is tuned; `diverged` and `stuck` count its n paired runs.

    `mean` is of the metric, `validation` of validation accuracy: what picks an arm out looks at this one.
    """

    level: Any
    mean: float
    validation: float
    lr: str
    edge: bool
    diverged: int
    stuck: int
    n: int

    @property
    def outcome(self) -> Outcome:
        """How its runs ended; stuck, too, if some of the runs that did not learn diverged."""
        if self.diverged + self.stuck < self.n:
            return "mixed" if self.diverged + self.stuck else "learned"
        return "diverged" if self.diverged == self.n else "stuck"

    @property
    def idle(self) -> bool:
        """Whether there are runs and none of them learned."""
        return self.n > 0 and self.outcome in ("stuck", "diverged")


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Two levels of `compared` over `n` paired seeds: numbers of a row of `comparisons.compare_at_best`.

    `mean`, `low` and `high` are of a − b over the `n_trained` pairs in which both trained, `probability` is P(a > b).
    What is said of `test_examples` is missing where the runs do not say which of them they predict correctly.
    """

    compared: str
    metric: str
    margin: float
    a: Side
    b: Side
    n: int
    n_trained: int
    mean: float
    low: float
    high: float
    probability: float
    p_holm: float
    p_family: float
    p_risk: float
    equivalent: bool
    p_equivalence_holm: float
    equivalence_low: float
    equivalence_high: float
    fewest: int
    seeds_needed: float
    notes: tuple[Note, ...]
    crossed_low: float = math.nan
    crossed_high: float = math.nan
    crossed_equivalent: bool = False
    test_examples: float = math.nan

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

        Better: the family-wise p is at most 0.05. Equivalent: it is not, and two one-sided tests at the margin are
        significant, corrected by Holm over all contrasts, so that it does not matter which of them the question is
        about; the 90 % interval lies inside the margin. Undecided: neither. Nothing: no seed is shared, no
        run of either arm learned, or none of the one that would be better did: a run that did not learn counts by
        convention.
        """
        if self.n == 0 or len(self.idle) == 2:
            return "nothing"
        if self.p_family <= ALPHA:
            return "nothing" if self._ahead.idle else "better"
        return "equivalent" if self.equivalent else "undecided"

    @property
    def idle(self) -> tuple[Side, ...]:
        """The arms of which no run learned, b first as it is told first."""
        return tuple(side for side in (self.b, self.a) if side.idle)

    @property
    def _edges(self) -> tuple[Any, ...]:
        """The levels whose learning rate is at an end of those tried, b first as it is told first."""
        return tuple(side.level for side in (self.b, self.a) if side.edge)

    @property
    def _ahead(self) -> Side:
        """The arm with the better mean."""
        return self.a if (self.mean > 0) == self.is_gain else self.b

    @property
    def winner(self) -> Side | None:
        """The better arm, if one is."""
        return self._ahead if self.kind == "better" else None

    @property
    def loser(self) -> Side | None:
        """The other arm, if one is better."""
        return None if self.winner is None else self.b if self.winner is self.a else self.a

    @property
    def doubts(self) -> tuple[StaleStatistics | FallsBehind, ...]:
        """Why running statistics may have made the difference, or hidden it."""
        return tuple(note for note in self.notes if isinstance(note, StaleStatistics | FallsBehind))

    @property
    def crossed(self) -> tuple[float, float] | None:
        """The interval over seeds and test examples, if there is one."""
        return None if math.isnan(self.crossed_low) else (self.crossed_low, self.crossed_high)

    @property
    def confined(self) -> bool:
        """Whether a finding is about these test examples alone: over others, too, the interval leaves it open."""
        if self.crossed is None or self.kind not in ("better", "equivalent"):
            return False
        return self.crossed_low <= 0 <= self.crossed_high if self.kind == "better" else not self.crossed_equivalent

    @property
    def too_few(self) -> bool:
        """Whether it is undecided because no test can be significant with so few seeds, whatever they say."""
        return self.kind == "undecided" and self.n < self.fewest

    @property
    def rarely_trained(self) -> bool:
        """Whether there are seeds enough for a test, but not of those on which both arms trained."""
        return self.kind == "undecided" and not self.too_few and self.n_trained < self.fewest

    @property
    def safer(self) -> Side | None:
        """The arm whose runs fail less often, if a test says so."""
        if not self.p_risk <= ALPHA:
            return None
        return min(self.sides, key=lambda side: side.diverged + side.stuck)

    @property
    def seeds_in_all(self) -> float:
        """How many seeds would make a test possible, or decide an undecided contrast where one is; NaN if none would.

        How many an effect needs is not read off from seeds too few to test it.
        """
        return self.fewest if self.too_few else max(self.n + 1, self.seeds_needed)

    @property
    def claim(self) -> Claim:
        """The core of what it says."""
        first, second = (self.b, self.a) if self.winner is None or self.loser is None else (self.winner, self.loser)
        beyond = self.crossed is None or self.crossed_equivalent or self.confined
        bounded = self.kind == "equivalent" or (self.kind == "better" and self.equivalent and beyond)
        return Claim(
            self.kind,
            self.compared,
            self.metric,
            first.level,
            second.level,
            margin=self.margin if bounded else None,
            idle=tuple(side.level for side in self.idle) if self.kind in ("better", "nothing") else (),
            few=self.too_few,
            doubtful=bool(self.doubts),
            examples=int(self.test_examples) if self.confined else None,
            edges=() if self.kind == "nothing" or self.too_few else self._edges,
        )


def read_contrast(row: Mapping[Any, Any], compared: str) -> Contrast:
    """Return the contrast of two levels of `compared` that a row of `comparisons.compare_at_best` holds."""
    a, b = (
        Side(
            row[side],
            n=row["n"],
            **{name: row[f"{name}_{side}"] for name in ("mean", "validation", "lr", "edge", "diverged", "stuck")},
        )
        for side in "ab"
    )
    return Contrast(compared=compared, a=a, b=b, **{name: row[name] for name in _NUMBERS})


_NUMBERS: Final = tuple(name for name in Contrast.__dataclass_fields__ if name not in ("compared", "a", "b"))
