"""Freezing: from what is explored to a plan of which nothing is left to choose once its runs are trained.

Letters: `K` cells, `L` levels, `T` learning rates, `S` explored seeds; `C` contrasts.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import scipy
from numpy.typing import ArrayLike

from bnexp.choices import Placement
from bnexp.errors import UserError
from bnexp.labels import value_label
from bnexp.statistics.cells import rows_of
from bnexp.statistics.grid import Grid
from bnexp.statistics.intervals_and_tests import ALPHA, Floats, deviation, moments
from bnexp.statistics.pairs import find_counted
from bnexp.statistics.power import power, seeds_needed, smallest_n
from bnexp.statistics.selection import Integers, choose_best, find_edges, find_failures
from bnexp.store.frozen import FrozenArm, FrozenContrast, FrozenPlan, freeze_settings
from bnexp.store.rows import to_run

METRIC: Final = "test_accuracy"
"""What is tested; what is chosen is chosen on validation."""

FEWEST: Final = 3
"""Least explored seeds with which a learning rate is chosen and the deviation of a contrast is known."""

CAUTION: Final = 0.8
"""Confidence with which the deviation of the differences is below the one that the seeds are counted for.

At 10 explored seeds it is 1.29 times the observed one. Counted from the observed one itself, half of all studies would
have less than the stated power (Browne 1995, Statistics in Medicine 14, who proposes this limit).
"""

MOST: Final = 1_000
"""Most fresh seeds of an arm: an effect that needs more is none that an experiment would ask about."""


MODEST: Final = 100
"""Most fresh seeds of an arm that are proposed."""

EFFECTS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Smallest differences of accuracy that may matter, of which one is proposed."""


@dataclass(frozen=True)
class Wish:
    """What is stated before a confirmation: fractions of accuracy, a power, and what is left to be counted (`None`).

    `scope` is `question`, for one contrast per cell, or `all`, for every pair of levels.
    """

    effect: float = 0.002
    power: float = 0.9
    margin: float = 0.001
    scope: str = "question"
    n: int | None = None
    first_seed: int | None = None


DEFAULT: Final = Wish()


def freeze_plan(grid: Grid, wish: Wish, *, used: Sequence[int], frozen: str, rests_on: Sequence[str]) -> FrozenPlan:
    """Return the plan that confirms what `grid` explored.

    `used` are the seeds that any arm of the store had. Raises `UserError` if there is no contrast of two arms that
    learn at a rate which `FEWEST` seeds explored, or if the effect cannot be found with `MOST` seeds.
    """
    rates_KL = choose_rates(grid)
    explored = _explore_pairs(grid, rates_KL, wish.scope)
    kept = list(explored)
    places = list(dict.fromkeys((k, level) for k, b, a in kept for level in (b, a)))
    arms, contrasts = _merge_equal_arms(
        [_freeze_arm(grid, rates_KL, *place) for place in places],
        [
            _freeze_contrast(grid, (k, places.index((k, b)), places.index((k, a))), explored[k, b, a])
            for k, b, a in kept
        ],
    )
    upper_sd_C = np.array([contrast.upper_sd for contrast in contrasts])
    n, sure = count_seeds(upper_sd_C, wish)
    return FrozenPlan(
        frozen=frozen,
        compared=grid.design.compared,
        metric=METRIC,
        scope=wish.scope,
        arms=arms,
        contrasts=contrasts,
        effect=wish.effect,
        power=sure,
        alpha=ALPHA,
        margin=wish.margin,
        n=n,
        first_seed=_choose_first_seed(used, wish.first_seed, n),
        rests_on=rests_on,
        left_out=_list_left_out(grid, rates_KL, kept),
    )


def propose_effect(grid: Grid, wish: Wish = DEFAULT) -> float:
    """Return the smallest of `EFFECTS` that no more than `MODEST` seeds show with the power of `wish`.

    It follows from how much paired differences deviate, not from how large they are. The largest if none is shown.
    """
    explored = _explore_pairs(grid, choose_rates(grid), wish.scope)
    upper_sd_C = np.array([float(limit_deviation(deviation(d_S), len(d_S))) for d_S in explored.values()])
    return _propose_effect(upper_sd_C, wish)


def _propose_effect(upper_sd_C: Floats, wish: Wish) -> float:
    d_z_E = np.array(EFFECTS) / max(float(upper_sd_C.max()), 1e-9)
    few_E = seeds_needed(d_z_E, ALPHA / len(upper_sd_C), wish.power) <= MODEST
    return EFFECTS[int(few_E.argmax())] if few_E.any() else EFFECTS[-1]


def _explore_pairs(grid: Grid, rates_KL: Integers, scope: str) -> dict[tuple[int, int, int], Floats]:
    """Return the explored differences of each contrast, by cell, b and a, that enough seeds explored."""
    pairs = {pair: measure_explored(grid, rates_KL, *pair) for pair in _choose_pairs(grid, rates_KL, scope)}
    kept = {pair: d_S for pair, d_S in pairs.items() if len(d_S) >= FEWEST}
    if not kept:
        raise _nothing_to_confirm(grid)
    return kept


def choose_rates(grid: Grid) -> Integers:
    """Return the learning rate [K, L] at which an arm is confirmed, −1 for none.

    It is the one that all explored seeds choose, as everywhere (`selection.choose_best`), of those that `FEWEST` of
    them tried: first go the rates at which the fewest runs failed or fell far behind, because next to a cliff one of
    the fresh runs diverges and costs the whole contrast. A rate at which every run diverged is none.
    """
    rates_KL = choose_best(grid, fewest=FEWEST)
    lost_KLT = (~grid.present_KLTS | (grid.column("diverged") == 1)).all(axis=3)
    lost_KL = np.take_along_axis(lost_KLT, np.maximum(rates_KL, 0)[:, :, None], axis=2)[:, :, 0]
    return np.where(lost_KL, -1, rates_KL)


def measure_explored(grid: Grid, rates_KL: Integers, k: int, b: int, a: int) -> Floats:
    """Return the explored differences a − b of cell `k`, each at its rate, over the seeds on which both trained.

    Where one of them never did, over the seeds that both have: as a confirmation counts them.
    """
    values_KLTS, trained_KLTS = grid.column(METRIC), grid.present_KLTS & ~find_failures(grid)
    (a_S, trained_a_S), (b_S, trained_b_S) = (
        (values_KLTS[k, level, rates_KL[k, level]], trained_KLTS[k, level, rates_KL[k, level]]) for level in (a, b)
    )
    d_S = np.where(find_counted(trained_a_S[None], trained_b_S[None])[0], a_S - b_S, np.nan)
    return np.asarray(d_S[~np.isnan(d_S)])


def limit_deviation(sd: ArrayLike, n: ArrayLike) -> Floats:
    """Return the one-sided upper limit at `CAUTION` of a deviation that was seen as `sd` with n values.

    sd · √((n − 1) / q), q the 1 − CAUTION quantile of χ² with n − 1 degrees of freedom.
    """
    n = np.asarray(n, dtype=float)
    return np.asarray(sd * np.sqrt((n - 1) / scipy.stats.chi2.ppf(1 - CAUTION, n - 1)))


def measure_seconds(rows: pd.DataFrame, plan: FrozenPlan) -> float:
    """Return the seconds of one core that `plan` takes, from those of the explored runs; NaN if they are not stored."""
    if "seconds" not in rows:
        return math.nan
    settings = [{**arm.settings, "hidden": arm.level("hidden")} for arm in plan.arms]
    return float(sum(plan.n * rows_of(rows, arm)["seconds"].mean() for arm in settings))


def count_seeds(upper_sd_C: Floats, wish: Wish) -> tuple[int, float]:
    """Return n, the same for all contrasts, and the power that each of them has at least for the stated effect.

    The power is that of the paired t test at the level that the family leaves to the smallest p, ALPHA / C, for the
    deviation `upper_sd_C`: nothing of the observed effect enters. At least as many as make a test possible.
    """
    family = len(upper_sd_C)
    d_z = wish.effect / max(float(upper_sd_C.max()), 1e-9)
    possible = smallest_n(family)
    if wish.n is not None:
        if not possible <= wish.n <= MOST:
            raise UserError(
                f"n must be at least {possible}, below which no test of {family} contrasts can be significant, and at "
                f"most {MOST:,}; got {wish.n}"
            )
        return wish.n, _round_down(float(power(wish.n, d_z, ALPHA / family)))
    needed = float(seeds_needed(d_z, ALPHA / family, wish.power))
    if not max(needed, possible) <= MOST:
        raise UserError(
            f"the stated effect must be one that {MOST:,} seeds can show; got {100 * wish.effect:g} points where "
            f"paired differences deviate by up to {100 * float(upper_sd_C.max()):.2g}: state a larger one, such as "
            f"effect={100 * _propose_effect(upper_sd_C, wish):g}, or n=…"
        )
    return max(int(needed), possible), wish.power


def _round_down(share: float) -> float:
    """Return a power with two digits, never one that the plan does not have; within the range of a share."""
    return min(max(math.floor(100 * share) / 100, 0.01), 0.99)


def _choose_pairs(grid: Grid, rates_KL: Integers, scope: str) -> Iterator[tuple[int, int, int]]:
    """Yield cell, b and a (the later level) of each contrast of arms that have a rate."""
    levels = list(grid.design.levels)
    mean_KLT, _, _ = moments(grid.column("validation_accuracy"))
    for k, rates_L in enumerate(rates_KL):
        usable = np.flatnonzero(rates_L >= 0)
        if scope == "question" and {Placement.pre, Placement.post} <= set(levels):
            asked = {levels.index(Placement.pre), levels.index(Placement.post)}
            usable = usable[np.isin(usable, list(asked))]
        elif scope == "question":
            best = np.argsort(-mean_KLT[k, usable, rates_L[usable]], kind="stable")[:2]
            usable = np.sort(usable[best])
        for place, b in enumerate(usable):
            yield from ((k, int(b), int(a)) for a in usable[place + 1 :])


def _freeze_arm(grid: Grid, rates_KL: Integers, k: int, level: int) -> FrozenArm:
    rate = rates_KL[k, level]
    rows = grid.rows.iloc[[row for row in grid.row_KLTS[k, level, rate] if row >= 0]]
    first = rows.iloc[:1].to_dict("records")[0]  # plain values, not numpy's
    run = to_run({**first, "hidden": tuple(map(int, first["hidden"].split("-")))})
    edge = str(find_edges(grid, rates_KL)[k, level])
    return FrozenArm(settings=freeze_settings(run), edge=edge, tried=len(rows), diverged=int(rows["diverged"].sum()))


def _freeze_contrast(grid: Grid, place: tuple[int, int, int], d_S: Floats) -> FrozenContrast:
    k, b, a = place
    sd = float(deviation(d_S))
    cell = {str(name): _plain(value) for name, value in grid.cells.iloc[k].items() if pd.notna(value)}
    return FrozenContrast(
        cell=cell,
        a=a,
        b=b,
        direction=1 if d_S.mean() > 0 else -1,
        n=len(d_S),
        mean=float(d_S.mean()),
        sd=sd,
        upper_sd=float(limit_deviation(sd, len(d_S))),
    )


def _plain(value: Any) -> Any:
    """Return a value of a frame as JSON holds it."""
    return value.item() if isinstance(value, np.generic) else str(value) if isinstance(value, str) else value


def _merge_equal_arms(
    arms: Sequence[FrozenArm], contrasts: Sequence[FrozenContrast]
) -> tuple[tuple[FrozenArm, ...], tuple[FrozenContrast, ...]]:
    """Return each arm once: one in which a part of its cell cannot act stands in several."""
    runs = [arm.run(0) for arm in arms]
    first = {run: runs.index(run) for run in runs}
    kept = list(dict.fromkeys(first.values()))
    number = [kept.index(first[run]) for run in runs]
    once = {(number[c.a], number[c.b]): dataclasses.replace(c, a=number[c.a], b=number[c.b]) for c in contrasts}
    return tuple(arms[place] for place in kept), tuple(once.values())


def _choose_first_seed(used: Sequence[int], asked: int | None, n: int) -> int:
    """Return the first of n seeds of which none is `used`: the one that was asked for, or that after the largest."""
    first = max(used, default=-1) + 1 if asked is None else asked
    if taken := sorted(set(range(first, first + n)) & set(used)):
        raise UserError(
            f"seed must begin {n} seeds that no arm of the store has used; got {first}, and seed {taken[0]} is used: "
            f"take seed={max(used) + 1}"
        )
    return first


def _list_left_out(grid: Grid, rates_KL: Integers, kept: Sequence[tuple[int, int, int]]) -> tuple[str, ...]:
    """Return a sentence about each arm that has runs and no rate to be confirmed at, and each cell without contrast."""
    design, texts = grid.design, []
    for k, level in zip(*np.nonzero(grid.tried_KLT.any(axis=2) & (rates_KL < 0)), strict=True):
        many = (grid.present_KLTS[k, level].sum(axis=1) >= FEWEST).any()
        why = (
            "every run diverged at every learning rate"
            if many
            else f"no rate has {FEWEST} explored seeds, and half of the arm's"
        )
        texts.append(f"{_name_cell(grid, k)}{value_label(design.compared, design.levels[level])}: {why}")
    lost = sorted(set(range(len(grid.cells))) - {k for k, _, _ in kept})
    texts += [f"{_name_cell(grid, k)}no two arms that share {FEWEST} explored seeds" for k in lost]
    return tuple(texts)


def _name_cell(grid: Grid, k: int) -> str:
    acting = [value_label(str(name), value) for name, value in grid.cells.iloc[k].items() if pd.notna(value)]
    return f"{' / '.join(acting)}: " if acting else ""


def _nothing_to_confirm(grid: Grid) -> UserError:
    """Return the error about a store of which no contrast can be frozen, with the reason that is nearest."""
    tried_KL = grid.tried_KLT.any(axis=2)
    if not (tried_KL.sum(axis=1) > 1).any():
        found = "one arm in each cell"
        hint = "train another one first"
    elif grid.rows["diverged"].all():
        found, hint = "runs that all diverged", "explore smaller learning rates first"
    elif (grid.present_KLTS.sum(axis=3).max(axis=2)[tried_KL] < FEWEST).any():
        seeds = int(grid.present_KLTS.sum(axis=3).max())
        found, hint = f"at most {seeds} of a learning rate", f"explore at least {FEWEST} seeds of both arms first"
    else:
        found = "no two arms that share them at learning rates at which not every run diverges"
        hint = "explore more seeds or other learning rates first"
    return UserError(f"a confirmation must rest on two arms with {FEWEST} explored seeds or more; got {found}: {hint}")
