"""What keeps a number of a contrast from being claimed, as values; the words for them are written in `verdicts`."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OneSeed:
    """One pair of runs has no interval."""


@dataclass(frozen=True)
class TooFewSeeds:
    """No test of a family of `contrasts` can be significant with `n` pairs: that takes `fewest`."""

    n: int
    fewest: int
    contrasts: int


@dataclass(frozen=True)
class NoRun:
    """An arm, that of `level`, has no run."""

    level: Any


@dataclass(frozen=True)
class NoSharedSeed:
    """Both arms have runs, none of the same seed."""

    a: Any
    b: Any


@dataclass(frozen=True)
class SeedsLeftOut:
    """The arm of `level` has runs of `seeds` more seeds, which the other arm has not."""

    level: Any
    seeds: int


@dataclass(frozen=True)
class ChosenOnReported:
    """The learning rate of the arm of `level` was chosen on the seeds that are reported."""

    level: Any


@dataclass(frozen=True)
class DidNotLearn:
    """None of the `n` paired runs of the arm of `level` learned: some `diverged`, the others were `stuck` at chance."""

    level: Any
    n: int
    diverged: int
    stuck: int


@dataclass(frozen=True)
class NothingLearned:
    """Neither arm has a run that learned: their `metric` says by what convention it counts, and nothing of the arms."""

    metric: str


Note = OneSeed | TooFewSeeds | NoRun | NoSharedSeed | SeedsLeftOut | ChosenOnReported | DidNotLearn | NothingLearned


@dataclass(frozen=True)
class Side:
    """An arm of a contrast: its level, its seeds, and whether those that chose its learning rate are reported.

    `diverged` and `stuck` count its paired runs.
    """

    level: Any
    seeds: int
    same: bool
    diverged: int
    stuck: int


def notes(a: Side, b: Side, *, metric: str, n: int, fewest: int, family: int) -> tuple[Note, ...]:
    """Return the notes of a contrast with n pairs in a `family` of which each needs `fewest`; none if all is well."""
    if n == 0:
        missing = [NoRun(side.level) for side in (a, b) if side.seeds == 0]
        return tuple(missing) or (NoSharedSeed(a.level, b.level),)
    reasons: list[Note] = []
    if n == 1:
        reasons.append(OneSeed())
    elif n < fewest:
        reasons.append(TooFewSeeds(n, fewest, family))
    for side in (a, b):
        if side.seeds > n:
            reasons.append(SeedsLeftOut(side.level, side.seeds - n))
        if side.same:
            reasons.append(ChosenOnReported(side.level))
    idle = [side for side in (a, b) if side.diverged + side.stuck == n]
    reasons += [DidNotLearn(side.level, n, side.diverged, side.stuck) for side in idle]
    reasons += [NothingLearned(metric)] if len(idle) == 2 else []
    return tuple(reasons)
