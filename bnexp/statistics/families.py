"""The tests of one family of contrasts, rates chosen anew in each: see `whole_procedure` and `deviations`.

Letters: `C` contrasts, `S` seeds, `R` exchanges, the same ones for all contrasts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.statistics import deviations, exchange, intervals_and_tests, whole_procedure
from bnexp.statistics.exchange import Reference
from bnexp.statistics.intervals_and_tests import ALPHA, Floats
from bnexp.statistics.pairs import PairedCurves
from bnexp.statistics.power import seeds_needed, smallest_n
from bnexp.statistics.selection import Booleans, Integers

COLUMNS: Final = ("low", "high", "equivalence_low", "equivalence_high", "p")


@dataclass(frozen=True)
class _Tests:
    """What each reference says of all C contrasts: statistics [C, R] that families are adjusted by, and a frame."""

    estimates: pd.DataFrame
    references: tuple[Floats, ...]


def test_effects(
    curves: PairedCurves,
    d_z_C: Floats,
    learned_C: Booleans,
    margin: float | Callable[[pd.DataFrame], float],
    *,
    families: int = 1,
    draws: int = exchange.DRAWS,
) -> pd.DataFrame:
    """Return intervals and tests of one family of contrasts, a row per contrast, or of equally large ones in order.

    `margin` may follow from the intervals: then it is called with a frame of them, and returns it.

    Columns: `low`, `high`, the ends of the 95 % interval, outside of which 0 lies just where `p` ≤ 0.05;
    `equivalence_low`, `equivalence_high` (90 %) with `p_equivalence`, and `p_equivalence_holm`, corrected by Holm over
    the family, for `equivalent`; `p`, `p_holm`, `p_family` (step-down maximum over the family, which decides),
    `p_risk` (Holm); `seeds_needed`, `fewest`.

    The family are the contrasts with a pair. One with fewer than `fewest` pairs in which both arms trained has no p,
    and neither has one of which no arm `learned_C` anything. Ends that so few pairs cannot have are missing.
    `seeds_needed` in all for the observed d_z is at the level that Holm leaves to those not yet significant, and at
    least `fewest`; where rates are chosen, d_z is smaller by as much as the interval is wider than Student's.
    """
    fewest, n_C = smallest_n(), curves.compared_CS.sum(axis=1)
    swap_RS = draw_swaps(np.asarray(curves.compared_CS.any(axis=0)), draws)
    tests, trained_C = _test(curves, swap_RS, margin), count_trained(curves)
    tested_C = (trained_C >= fewest) & learned_C
    rows = tests.estimates.assign(p=tests.estimates["p"].where(tested_C))
    rows["p_equivalence"] = rows["p_equivalence"].where(learned_C)
    for name, by in (("p_holm", "p"), ("p_equivalence_holm", "p_equivalence"), ("p_risk", "p_risk")):
        corrected = [_correct(*family) for family in zip(*_split(families, rows[by], n_C > 0), strict=True)]
        rows[name] = np.concatenate(corrected)
    rows["equivalent"] = rows["p_equivalence_holm"] <= ALPHA
    adjusted = [_adjust(statistic_CR, tested_C, families) for statistic_CR in tests.references]
    rows["p_family"] = np.maximum.reduce(adjusted)
    undecided_C = (n_C > 0) & ~(rows["p_family"].to_numpy() <= ALPHA)
    (by_family,) = _split(families, undecided_C)
    level_C = np.repeat([ALPHA / max(1, int(part.sum())) for part in by_family], len(n_C) // families)
    needed_C = seeds_needed(d_z_C / _measure_doubt(curves, rows), level_C)
    return rows.assign(seeds_needed=np.where(learned_C, np.maximum(needed_C, fewest), np.nan), fewest=fewest)


def count_trained(curves: PairedCurves) -> Integers:
    """Return the number of pairs [C] in which both arms trained at their learning rates."""
    failed_C2S = curves.choose().take(curves.failed_C2TS.astype(float)) == 1
    return np.asarray((curves.compared_CS & ~failed_C2S.any(axis=1)).sum(axis=1))


def draw_swaps(seeds_S: Booleans, draws: int) -> Booleans:
    """Return the exchanges [R, S] of the seeds that some contrast has."""
    drawn = exchange.draw_swaps(int(seeds_S.sum()), draws)
    swap_RS = np.zeros((len(drawn), len(seeds_S)), dtype=bool)
    swap_RS[:, seeds_S] = drawn
    return swap_RS


def _test(curves: PairedCurves, swap_RS: Booleans, margin: float | Callable[[pd.DataFrame], float]) -> _Tests:
    """Return the estimates of each contrast, those of two references made one, and the statistics of both."""
    C, seeds_S = len(curves.compared_CS), curves.compared_CS.any(axis=0)
    frame = pd.DataFrame(np.nan, index=range(C), columns=[*COLUMNS[:-1], "p_equivalence", "p", "p_risk"])
    # An exchange of everything only turns a statistic around; a flip of everything changes what is chosen.
    both_RS = np.concatenate([swap_RS, ~swap_RS & seeds_S]) if seeds_S.sum() <= exchange.EXACT else swap_RS
    statistics = [np.full((C, len(swaps)), np.nan) for swaps in (swap_RS, both_RS)]
    groups = []
    for chosen, mask_S, part in curves.groups():
        first, risk_CR = whole_procedure.exchange_curves(part, swap_RS[:, mask_S])
        tuned = part.outcome_C2Tn.shape[2] > 1
        second = deviations.flip_deviations(part, both_RS[:, mask_S], first.observed_C) if tuned else first
        for place, reference in zip(statistics, (first, second), strict=True):
            copies = place.shape[1] // reference.statistic_CR.shape[1]
            place[chosen] = np.tile(reference.statistic_CR, (1, copies))
        groups.append((chosen, (first, second)))
        frame.loc[chosen, list(COLUMNS)] = np.column_stack([*_estimate((first, second))])
        fails_C = risk_CR[:, 0] != 0
        p_risk_C = exchange.find_p(Reference(risk_CR, np.zeros(risk_CR.shape)))
        frame.loc[chosen, "p_risk"] = np.where(fails_C, p_risk_C, np.nan)
    width = margin(frame) if callable(margin) else margin
    for chosen, references in groups:
        p_C = np.maximum.reduce([exchange.find_equivalence(reference, width) for reference in references])
        frame.loc[chosen, "p_equivalence"] = p_C
    return _Tests(frame, tuple(statistics))


def _estimate(references: tuple[Reference, Reference]) -> Iterator[Floats]:
    """Yield the columns `COLUMNS` of some contrasts: of two references the wider ends and the larger p."""
    for alpha in (ALPHA, 2 * ALPHA):
        lows, highs = zip(*(exchange.find_interval(reference, alpha) for reference in references), strict=True)
        yield from (_finite(np.minimum.reduce(lows)), _finite(np.maximum.reduce(highs)))
    yield np.maximum.reduce([exchange.find_p(reference) for reference in references])


def _finite(ends_C: Floats) -> Floats:
    return np.where(np.isfinite(ends_C), ends_C, np.nan)


def _split(families: int, *columns: Any) -> tuple[list[NDArray[Any]], ...]:
    """Return each column by family."""
    return tuple(np.split(np.asarray(column), families) for column in columns)


def _correct(p_M: Floats, member_M: Booleans) -> Floats:
    """Return the p of one family corrected by Holm, missing for what is no member."""
    if len(p_M) == 1:  # a family of one needs no correction
        return np.where(member_M, p_M, np.nan)
    corrected_M = np.full(len(p_M), np.nan)
    corrected_M[member_M] = intervals_and_tests.holm(p_M[member_M])
    return corrected_M


def _adjust(statistic_CR: Floats, tested_C: Booleans, families: int) -> Floats:
    """Return the adjusted p [C] of the contrasts that are tested, by family."""
    tested_CR = np.where(tested_C[:, None], statistic_CR, np.nan)
    return exchange.adjust_family(tested_CR.reshape(families, -1, tested_CR.shape[1])).reshape(-1)


def _measure_doubt(curves: PairedCurves, rows: pd.DataFrame) -> Floats:
    """Return how many times wider the interval is than Student's of the same differences, at least 1."""
    if curves.outcome_C2TS.shape[2] == 1:
        return np.ones(len(rows))
    taken_C2S = curves.choose().take(np.where(curves.failed_C2TS, np.nan, curves.outcome_C2TS))
    low_C, high_C = intervals_and_tests.student(*intervals_and_tests.moments(taken_C2S[:, 0] - taken_C2S[:, 1]))
    width_C = (rows["high"] - rows["low"]).to_numpy() / np.where(high_C > low_C, high_C - low_C, np.nan)
    return np.where(width_C > 1, width_C, 1.0)
