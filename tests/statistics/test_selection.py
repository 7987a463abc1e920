"""The best learning rate: chosen on validation, by seeds that are not reported."""

import numpy as np
import pandas as pd
import pytest

from bnexp.statistics import comparisons, selection
from bnexp.statistics.notes import ChosenOnReported
from tests.support.synthetic import grid, product, rows

LRS = (0.01, 0.1, 1.0)


def sweep(validation: dict[float, list[float]], **changes: object) -> pd.DataFrame:
    """Return runs of pre and post at these validation accuracies by learning rate and seed; test is 0.5 + lr/100."""
    n = len(next(iter(validation.values())))
    runs, _ = rows(product(["pre", "post"], lrs=validation, seeds=range(n)))
    accuracy = [validation[lr][seed] for lr, seed in zip(runs["lr"], runs["seed"], strict=True)]
    return runs.assign(validation_accuracy=accuracy, test_accuracy=0.5 + runs["lr"] / 100, **changes)


def test_each_seed_is_reported_at_what_the_others_chose() -> None:
    # Seeds 0 and 2 do best at 0.1, seeds 1 and 3 at 1.
    runs = sweep({0.01: [0.5] * 4, 0.1: [0.9, 0.6, 0.9, 0.6], 1.0: [0.7, 0.8, 0.7, 0.8]})
    chosen = selection.choose_cross_fitted(grid(runs))
    assert chosen.lr_KLS.tolist() == [[[2, 1, 2, 1]] * 2]
    row = comparisons.compare_at_best(grid(runs)).iloc[0]
    assert row["lr_a"] == row["lr_b"] == "1 | 0.1"
    assert row["mean_a"] == pytest.approx(0.5 + (1.0 + 0.1) / 2 / 100)


@pytest.mark.parametrize("change", ["permuted", "missing"])
def test_choosing_never_reads_a_test_column(change: str) -> None:
    rng = np.random.default_rng(0)
    runs, _ = rows(product(["pre", "post"], ["relu", "tanh"], LRS, range(6)))
    runs["validation_accuracy"] = rng.random(len(runs))
    changed = runs.copy()
    for name in ("test_accuracy", "test_loss"):
        changed[name] = rng.permutation(runs[name]) if change == "permuted" else np.nan
    before, after = (selection.choose_cross_fitted(grid(frame)) for frame in (runs, changed))
    assert (before.lr_KLS == after.lr_KLS).all()
    pd.testing.assert_frame_equal(comparisons.best_lrs(grid(runs)), comparisons.best_lrs(grid(changed)))
    changed["validation_accuracy"] = rng.permutation(runs["validation_accuracy"])  # the choice can change
    assert (before.lr_KLS != selection.choose_cross_fitted(grid(changed)).lr_KLS).any()


def test_a_best_learning_rate_at_the_end_of_what_was_tried_is_flagged() -> None:
    for best, edge in ((0.01, "lowest"), (0.1, ""), (1.0, "highest")):
        runs = sweep({lr: [0.9 if lr == best else 0.5] * 4 for lr in LRS})
        assert comparisons.best_lrs(grid(runs))["edge"].to_list() == [edge, edge]
        assert comparisons.compare_at_best(grid(runs))["edge_a"].to_list() == [edge != ""]


def test_the_edge_is_that_of_what_the_arm_itself_tried() -> None:
    runs = sweep({lr: [0.9 if lr == 0.1 else 0.5] * 4 for lr in LRS})
    runs = runs[(runs["placement"] == "pre") | (runs["lr"] < 1)]
    assert comparisons.best_lrs(grid(runs))["edge"].to_list() == ["", "highest"]


def test_a_learning_rate_at_which_runs_diverge_counts_at_chance() -> None:
    runs = sweep({0.01: [0.8] * 4, 0.1: [0.7] * 4, 1.0: [0.99] * 4})
    lost = (runs["lr"] == 1) & (runs["seed"] > 0)
    runs.loc[lost, "status"] = "diverged"
    assert comparisons.best_lrs(grid(runs))["lr"].to_list() == [0.01, 0.01]


def test_one_seed_is_reported_at_what_it_chose_itself_and_the_note_says_so() -> None:
    runs = sweep({0.01: [0.5], 0.1: [0.9], 1.0: [0.7]})
    row = comparisons.compare_at_best(grid(runs)).iloc[0]
    assert (row["lr_a"], row["n"]) == ("0.1", 1)
    assert ChosenOnReported("post") in row["notes"]


def test_failed_runs_choose_nothing() -> None:
    runs = sweep({0.01: [0.5] * 4, 0.1: [0.6] * 4, 1.0: [0.9] * 4})
    runs.loc[runs["lr"] == 1, "status"] = "failed"
    assert comparisons.best_lrs(grid(runs))["lr"].to_list() == [0.1, 0.1]
