"""Interactions: by how much the difference of two levels in one cell is above that in another, and the test of it.

Letters as in `whole_procedure`; `I` pairs of cells that differ in one axis, `C` contrasts, one per cell.

That pre is better in one cell and post in another, each with p ≤ 0.05, or that one is significant and the other is not,
does not say that the two differ (Gelman & Stern 2006, The American Statistician 60). The estimate here is
t = t₁ − t₂, t₁ and t₂ the estimates of a − b in the two cells, every arm at the best of its learning rates, over the
seeds that all four arms have; both references are those of a contrast, with the same exchange of a seed in both cells:

- *exchanged curves*: a's and b's curves change places in both cells at once. A difference that is the same in both
  changes its sign in both and cancels, and it moves no choice, so p is exact where the curves of a and b are
  exchangeable but for one shift that both cells share;
- *flipped deviations*: the deviations of all four arms on a seed change sign together, each arm keeps its own profile.

The larger p counts and the wider ends, as for contrasts; with one learning rate both are the sign-flip test of the
differences of differences. Where an exchange leaves other seeds trained in the two cells, the mean of their slopes is
taken.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from bnexp.choices import Placement
from bnexp.statistics import deviations, exchange, families, whole_procedure
from bnexp.statistics.design import Design
from bnexp.statistics.exchange import Reference
from bnexp.statistics.grid import Grid
from bnexp.statistics.intervals_and_tests import Floats
from bnexp.statistics.pairs import PairedCurves, Pairs, pair_arms, pair_curves
from bnexp.statistics.power import smallest_n
from bnexp.statistics.selection import Booleans, Integers
from bnexp.statistics.whole_procedure import Curves

COLUMNS: Final = ("axis", "first", "second", "a", "b", "n", "mean", "low", "high", "p", "p_family")


def choose_levels(design: Design) -> tuple[object, object] | None:
    """Return a and b whose difference is compared between cells: post and pre, or the two levels that there are.

    None where the levels are more: which two of them to take would have to be chosen on what is tested.
    """
    if {Placement.pre, Placement.post} <= set(design.levels):
        return Placement.post, Placement.pre
    return (design.levels[1], design.levels[0]) if len(design.levels) == 2 else None


def compare_cells(grid: Grid, metric: str = "test_accuracy", *, draws: int = exchange.DRAWS) -> pd.DataFrame:
    """Return a row per pair of cells that differ in one axis: by how much a − b in the `first` is above the `second`.

    Columns: those of `design.cells`, the axis in which they differ missing; `axis`, its name, with the values `first`
    and `second`; `a`, `b`; `n` seeds on which all four arms are complete, at least one; `mean` with `low`, `high`
    (95 %); `p`, and `p_family`, by the step-down maximum over all rows. No p where fewer than
    `power.smallest_n` seeds trained in one of the cells, or nothing was learned there.
    """
    levels = choose_levels(grid.design)
    pairs = pair_arms(grid)
    if levels is None or not grid.design.cells:
        return pd.DataFrame(columns=[*grid.design.cells, *COLUMNS])
    a, b = (grid.design.levels.index(level) for level in levels)
    chosen_C = (pairs.a_C == max(a, b)) & (pairs.b_C == min(a, b))
    pairs = Pairs(*(column[chosen_C] for column in (pairs.cell_C, pairs.lr_C, pairs.a_C, pairs.b_C)))
    cells = grid.cell_rows(pairs.cell_C)
    axes, first_I, second_I = _pair_cells(cells)
    rows = cells.iloc[first_I].reset_index(drop=True).astype(object)
    rows["axis"], rows["a"], rows["b"] = axes, grid.design.levels[max(a, b)], grid.design.levels[min(a, b)]
    for name, number_I in (("first", first_I), ("second", second_I)):
        rows[name] = [cells[axis].iloc[number] for axis, number in zip(axes, number_I, strict=True)]
    for row, axis in enumerate(axes):
        rows.loc[row, axis] = None
    curves = pair_curves(grid, pairs, grid.column(metric))
    rows = rows.join(test_interactions(curves, first_I, second_I, draws=draws))[[*grid.design.cells, *COLUMNS]]
    return rows[rows["n"] > 0].reset_index(drop=True)


def test_interactions(
    curves: PairedCurves, first_I: Integers, second_I: Integers, *, draws: int = exchange.DRAWS
) -> pd.DataFrame:
    """Return `n`, `mean`, `low`, `high`, `p`, `p_family` of the contrasts `first_I` of `curves` minus `second_I`.

    All rows are one family.
    """
    shared_IS = curves.compared_CS[first_I] & curves.compared_CS[second_I]
    frame = pd.DataFrame(np.nan, range(len(first_I)), ["mean", "low", "high", "p", "p_family"])
    frame.insert(0, "n", shared_IS.sum(axis=1))
    swap_RS = families.draw_swaps(np.asarray(shared_IS.any(axis=0)), draws)
    statistics: list[list[Floats | None]] = [[None] * len(first_I) for _ in range(2)]
    for of_I, mask_S, part in _group(curves, first_I, second_I, shared_IS):
        trained_C = families.count_trained(part)
        learned_C = np.asarray((~np.isnan(part.outcome_C2TS) & ~part.failed_C2TS).any(axis=(1, 2, 3)))
        tested_C = (trained_C >= smallest_n()) & learned_C
        ((_, _, dense),) = part.groups()
        numbers = np.unique([first_I[of_I], second_I[of_I]])
        one_I, other_I = (np.searchsorted(numbers, side_I[of_I]) for side_I in (first_I, second_I))
        references = subtract_contrasts(dense, swap_RS[:, mask_S], one_I, other_I)
        for place, reference in zip(statistics, references, strict=True):
            for row, statistic_R in zip(of_I.tolist(), reference.statistic_CR, strict=True):
                place[row] = statistic_R
        frame.loc[of_I, "mean"] = references[0].observed_C
        ends = zip(*(exchange.find_interval(reference) for reference in references), strict=True)
        for name, sides, take in zip(("low", "high"), ends, (np.minimum, np.maximum), strict=True):
            end_I = take.reduce(sides)
            frame.loc[of_I, name] = np.where(np.isfinite(end_I), end_I, np.nan)
        p_I = np.maximum.reduce([exchange.find_p(reference) for reference in references])
        frame.loc[of_I, "p"] = np.where(tested_C[one_I] & tested_C[other_I], p_I, np.nan)
    if len(first_I):
        frame["p_family"] = np.maximum.reduce([_adjust(place, frame["p"].notna().to_numpy()) for place in statistics])
    return frame


def subtract_contrasts(curves: Curves, swap_Rn: Booleans, first_I: Integers, second_I: Integers) -> list[Reference]:
    """Return both references of the contrasts `first_I` of `curves` minus `second_I`, the same exchanges in both."""
    one, _ = whole_procedure.exchange_curves(curves, swap_Rn)
    both_Rn = np.concatenate([swap_Rn, ~swap_Rn]) if swap_Rn.shape[1] <= exchange.EXACT else swap_Rn
    tuned = curves.outcome_C2Tn.shape[2] > 1
    other = deviations.flip_deviations(curves, both_Rn, one.observed_C) if tuned else one
    return [
        Reference(
            reference.statistic_CR[first_I] - reference.statistic_CR[second_I],
            (reference.slope_CR[first_I] + reference.slope_CR[second_I]) / 2,
        )
        for reference in (one, other)
    ]


def _pair_cells(cells: pd.DataFrame) -> tuple[list[str], Integers, Integers]:
    """Return the pairs of `cells` that differ in one axis: its name, and the numbers of both."""
    codes = np.column_stack([pd.factorize(cells[name])[0] for name in cells.columns])
    differs_KKA = codes[:, None] != codes[None]
    first_I, second_I = np.nonzero(np.triu(differs_KKA.sum(axis=2) == 1))
    axes = [str(cells.columns[number]) for number in differs_KKA[first_I, second_I].argmax(axis=1)]
    return axes, first_I, second_I


def _group(
    curves: PairedCurves, first_I: Integers, second_I: Integers, shared_IS: Booleans
) -> Iterator[tuple[Integers, Booleans, PairedCurves]]:
    """Yield pairs of cells with the same shared seeds: their numbers, these seeds, and the curves of their cells."""
    masks, group_I = np.unique(shared_IS, axis=0, return_inverse=True)
    for group, mask_S in enumerate(masks):
        of_I = np.flatnonzero(group_I.reshape(-1) == group)
        if mask_S.any():
            numbers = np.unique([first_I[of_I], second_I[of_I]])
            compared_CS = np.broadcast_to(mask_S, (len(numbers), len(mask_S)))
            values = {
                name: np.where(mask_S, getattr(curves, name)[numbers], np.nan)
                for name in ("validation_C2TS", "outcome_C2TS")
            }
            failed_C2TS, candidates_C2T = curves.failed_C2TS[numbers] & mask_S, curves.candidates_C2T[numbers]
            fields = {"failed_C2TS": failed_C2TS, "candidates_C2T": candidates_C2T, "compared_CS": compared_CS}
            yield of_I, mask_S, replace(curves, **values, **fields)


def _adjust(statistics: list[Floats | None], tested_I: Booleans) -> Floats:
    """Return the adjusted p [I] of one family; statistics of all lengths, as both flips may be there, are repeated."""
    longest = max((len(one) for one in statistics if one is not None), default=1)
    known = [np.full(longest, np.nan) if one is None else np.tile(one, longest // len(one)) for one in statistics]
    return np.asarray(exchange.adjust_family(np.where(tested_I[:, None], np.stack(known), np.nan)[None])[0])
