"""Interactions: against a slow reference, the sign-flip test, and simulations in which there is none."""

from collections.abc import Callable

import numpy as np
import pytest

from bnexp.runs import Run
from bnexp.statistics import exchange, interactions, resampling
from bnexp.statistics.whole_procedure import Curves
from tests.statistics.test_whole_procedure import BROAD, FLAT, draw, estimate_slowly
from tests.support.synthetic import grid, product, rows

LEFT = (0.940, 0.938, 0.930, 0.915, 0.90)
"""A cell in which all is lower, with its best learning rate elsewhere."""


def join(*parts: Curves) -> Curves:
    """Return the contrasts of all `parts`."""
    return Curves(
        np.concatenate([part.validation_C2Tn for part in parts]),
        np.concatenate([part.outcome_C2Tn for part in parts]),
        np.concatenate([part.lacking_C2Tn for part in parts]),
    )


def test_an_exchange_makes_choice_and_estimate_anew_in_both_cells() -> None:
    curves = join(draw(BROAD, FLAT, 7), draw(LEFT, BROAD, 7, seed=1))
    swap_Rn = exchange.draw_swaps(7)
    first, _ = interactions.subtract_contrasts(curves, swap_Rn, np.array([0]), np.array([1]))
    for r in (0, 5, 40):
        ends = []
        for cell in (0, 1):
            part = curves.part(slice(cell, cell + 1))
            values = [
                np.where(swap_Rn[r], array[:, ::-1], array)
                for array in (part.validation_C2Tn, part.outcome_C2Tn, part.lacking_C2Tn)
            ]
            ends.append(estimate_slowly(Curves(*values)))
        assert first.statistic_CR[0, r] == pytest.approx(ends[0] - ends[1], abs=1e-12)


def test_with_one_learning_rate_it_is_the_sign_flip_test_of_the_differences_of_differences() -> None:
    curves = draw((0.97,), (0.968,), 9, sweeps=20)
    d_Cn = curves.outcome_C2Tn[:, 0, 0] - curves.outcome_C2Tn[:, 1, 0]
    first_I, second_I = np.arange(0, 20, 2), np.arange(1, 20, 2)
    expected = resampling.sign_flip(d_Cn[first_I] - d_Cn[second_I])
    assert np.ptp(expected) > 0.1
    for reference in interactions.subtract_contrasts(curves, exchange.draw_swaps(9), first_I, second_I):
        assert exchange.find_p(reference) == pytest.approx(expected, abs=1e-12)
        low, high = exchange.find_interval(reference)
        assert ((exchange.find_p(reference, 0.001) > 0.05) == ((low <= 0.001) & (high >= 0.001))).all()


def find_shares(one: tuple[tuple[float, ...], ...], other: tuple[tuple[float, ...], ...]) -> tuple[float, float]:
    """Return in how many of 600 sweeps an interaction of two cells is found, whose arms have these accuracies.

    By exchanged curves alone, and by the larger p of both references.
    """
    sweeps, n = 600, 8
    curves = join(draw(*one, n, sweeps), draw(*other, n, sweeps, seed=1))
    pair = np.arange(sweeps), np.arange(sweeps, 2 * sweeps)
    first, second = interactions.subtract_contrasts(curves, exchange.draw_swaps(n), *pair)
    p = exchange.find_p(first)
    return float((p <= 0.05).mean()), float((np.maximum(p, exchange.find_p(second)) <= 0.05).mean())


def test_where_both_cells_have_the_same_difference_few_interactions_are_found() -> None:
    """In both cells a is 1 point better than b at the best rates; best rates and heights differ, shapes at the end."""
    above, below = tuple(x + 0.01 for x in BROAD), tuple(x - 0.01 for x in LEFT)
    exact, slack = 6 / 128, 3.3 * np.sqrt(0.05 * 0.95 / 600)
    alone, both = find_shares((above, BROAD), (LEFT, below))
    assert alone == pytest.approx(exact, abs=slack)
    assert 0 < both <= alone
    assert find_shares((above, FLAT), (LEFT, tuple(x - 0.04 for x in BROAD)))[1] <= exact + slack
    assert find_shares((above, BROAD), (LEFT, LEFT))[1] > 0.3


def accuracy(effects: dict[str, float], sd: float = 0.001) -> Callable[[Run], float]:
    rng = np.random.default_rng(0)
    return lambda run: (
        0.9
        + effects[run.activation] * (run.placement == "post")
        - 0.01 * abs(np.log10(run.lr / 0.1))
        + rng.normal(0, sd)
    )


def test_cells_that_differ_in_the_sign_of_the_difference_differ_and_equal_ones_are_not_shown_to() -> None:
    effects = {"relu": -0.01, "tanh": 0.01, "sigmoid": 0.01}
    sweep = product(activations=list(effects), lrs=[0.03, 0.1, 0.3], seeds=range(10))
    frame = interactions.compare_cells(grid(rows(sweep, accuracy(effects))[0]))
    assert list(frame["axis"].unique()) == ["activation"]
    assert [*zip(frame["first"], frame["second"], strict=True)] == [
        *[("relu", "tanh"), ("relu", "sigmoid"), ("tanh", "sigmoid")]
    ]
    assert frame["mean"].to_numpy() == pytest.approx([-0.02, -0.02, 0.0], abs=0.002)
    assert (frame["p_family"] <= 0.05).tolist() == [True, True, False]
    assert (frame["p_family"] >= frame["p"]).all()
    assert ((frame["low"] <= frame["mean"]) & (frame["mean"] <= frame["high"])).all()
    assert (frame["n"] == 10).all()


def test_seeds_that_one_cell_lacks_are_left_out_and_too_few_give_no_p() -> None:
    sweep = product(["pre", "post"], ["relu"], seeds=range(10)) + product(["pre", "post"], ["tanh"], seeds=range(4, 9))
    frame = interactions.compare_cells(grid(rows(sweep, accuracy({"relu": 0.0, "tanh": 0.01}))[0]))
    assert frame["n"].tolist() == [5]
    assert frame["p"].isna().all()
    assert frame["p_family"].isna().all()
    assert frame["mean"].notna().all()


def test_no_two_of_several_levels_are_picked_out() -> None:
    sweep = product(["pre"], ["relu", "tanh", "elu"], seeds=range(3))
    assert interactions.compare_cells(grid(rows(sweep)[0], "activation")).empty
