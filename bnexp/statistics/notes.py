"""What keeps a number of a contrast from being claimed, as values; the words for them are written in `verdicts`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bnexp.statistics.running_statistics import APART, STALE


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
class SeedsIncomplete:
    """The arm of `level` lacks some of its learning rates on `seeds` seeds."""

    level: Any
    seeds: int


@dataclass(frozen=True)
class FewTrained:
    """Of `n` pairs enough for a test, both arms `trained` on too few."""

    trained: int
    n: int


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


@dataclass(frozen=True)
class StaleStatistics:
    """The arm of `level` is evaluated by running statistics of which the `share` is from before training."""

    level: Any
    share: float


@dataclass(frozen=True)
class FallsBehind:
    """The arm of `level`, evaluated by running statistics, is `lag` more behind its training than that of `other`."""

    level: Any
    other: Any
    lag: float


Note = (
    OneSeed
    | TooFewSeeds
    | NoRun
    | NoSharedSeed
    | SeedsLeftOut
    | SeedsIncomplete
    | FewTrained
    | ChosenOnReported
    | DidNotLearn
    | NothingLearned
    | StaleStatistics
    | FallsBehind
)


@dataclass(frozen=True)
class Side:
    """An arm of a contrast: its level, its seeds, the `incomplete` ones, whether those that chose its lr are reported.

    `diverged` and `stuck` count its paired runs. The part `running` of them is evaluated by running statistics, of
    which the `share` is from before training; `lag` is how far they fall behind their training accuracy on average.
    """

    level: Any
    seeds: int
    incomplete: int
    same: bool
    diverged: int
    stuck: int
    running: float
    share: float
    lag: float


def notes(a: Side, b: Side, *, metric: str, n: int, trained: int, fewest: int, family: int) -> tuple[Note, ...]:
    """Return the notes of a contrast with n pairs, both `trained` in some, of which a test needs `fewest`.

    The `family` are the contrasts that have a pair. None if all is well.
    """
    if n == 0:
        missing = [NoRun(side.level) for side in (a, b) if side.seeds == 0]
        return tuple(missing) or (NoSharedSeed(a.level, b.level),)
    reasons: list[Note] = []
    if n == 1:
        reasons.append(OneSeed())
    elif n < fewest:
        reasons.append(TooFewSeeds(n, fewest, family))
    elif trained < fewest:
        reasons.append(FewTrained(trained, n))
    for side in (a, b):
        if side.incomplete:
            reasons.append(SeedsIncomplete(side.level, side.incomplete))
        if side.seeds > n + side.incomplete:
            reasons.append(SeedsLeftOut(side.level, side.seeds - side.incomplete - n))
        if side.same:
            reasons.append(ChosenOnReported(side.level))
    idle = [side for side in (a, b) if side.diverged + side.stuck == n]
    reasons += [DidNotLearn(side.level, n, side.diverged, side.stuck) for side in idle]
    reasons += [NothingLearned(metric)] if len(idle) == 2 else []
    return (*reasons, *_warn_of_running_statistics(a, b))


def _warn_of_running_statistics(a: Side, b: Side) -> Iterator[Note]:
    """Yield what makes the evaluation of an arm by running statistics doubtful."""
    for side, other in ((a, b), (b, a)):
        if side.share > STALE:
            yield StaleStatistics(side.level, side.share)
        elif side.running and side.lag - other.lag > APART:
            yield FallsBehind(side.level, other.level, side.lag - other.lag)
