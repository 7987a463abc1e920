"""Test examples as a second source of chance: against sums written out, then coverage on fresh seeds and examples."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bnexp.statistics import whole_procedure
from bnexp.statistics.comparisons import MARGIN, compare_at_best
from bnexp.statistics.examples import COLUMNS, choose_margin, measure_errors, widen
from bnexp.statistics.intervals_and_tests import student
from tests.support.synthetic import grid, product, rows

DIGITS = 297
"""Test examples of the digits."""


def test_the_three_errors_are_those_of_the_crossed_layout_written_out():
    d_SN = np.random.default_rng(0).integers(-1, 2, (5, 7)).astype(float)
    seeds, examples, mean = 5, 7, d_SN.mean()
    between_seeds = sum((d_SN[s].mean() - mean) ** 2 for s in range(seeds)) / (seeds - 1)
    between_examples = sum((d_SN[:, n].mean() - mean) ** 2 for n in range(examples)) / (examples - 1)
    rest = sum(
        (d_SN[s, n] - d_SN[s].mean() - d_SN[:, n].mean() + mean) ** 2 for s in range(seeds) for n in range(examples)
    ) / ((seeds - 1) * (examples - 1))
    over_seeds, over_examples, beyond = measure_errors(d_SN)
    assert over_seeds == pytest.approx(math.sqrt(between_seeds / seeds))
    assert over_examples == pytest.approx(math.sqrt(between_examples / examples))
    assert beyond == pytest.approx(math.sqrt(max(0, between_examples / examples - rest / (seeds * examples))))
    assert beyond > 0


def test_for_one_seed_the_error_over_examples_is_mcnemars():
    d_N = np.repeat([1.0, -1.0, 0.0], [12, 5, 80])
    over_seeds, over_examples, beyond = measure_errors(d_N[None])
    n, b, c = len(d_N), 12, 5
    assert over_examples == pytest.approx(math.sqrt((b + c - (b - c) ** 2 / n) / (n * (n - 1))))
    assert math.isnan(over_seeds)
    assert math.isnan(beyond)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.9])
def test_differences_that_do_not_vary_have_no_error(value):
    assert measure_errors(np.full((4, 9), value)) == (0, 0, 0)


def test_examples_that_differ_and_seeds_that_do_not_leave_the_interval_over_seeds_without_length():
    d_SN = np.tile([1.0, 0.0, 0.0, -1.0, 1.0], (6, 1))
    over_seeds, over_examples, beyond = measure_errors(d_SN)
    assert over_seeds == 0
    assert beyond == pytest.approx(over_examples) == pytest.approx(np.std([1, 0, 0, -1, 1], ddof=1) / math.sqrt(5))


def test_an_interval_is_never_narrower_over_both_and_half_widths_add_as_squares():
    t = stats.t.ppf(0.975, DIGITS - 1)
    assert widen(0.02, (-0.01, 0.05), 0.04 / t, 0.95, DIGITS) == pytest.approx((-0.03, 0.07))
    assert widen(0.02, (0.02, 0.02), 0.04 / t, 0.95, DIGITS) == pytest.approx((-0.02, 0.06))
    assert widen(0.02, (0.01, 0.05), 0.0, 0.95, DIGITS) == pytest.approx((0.01, 0.05))
    assert all(map(math.isnan, widen(0.02, (math.nan, math.nan), 0.1, 0.95, DIGITS)))


def draw(rng, seeds, examples, *, seed=0.04, arm=0.15, rest=0.4):
    """Return differences [S, N] of two equal arms that are right where a latent score is above 0.

    The score adds a seed's part, how easy an example is, how easy it is for the arm, and the rest.
    """
    easy_N, size = rng.standard_normal(examples), math.sqrt(1 + seed**2 + arm**2 + rest**2)
    right = [
        size * stats.norm.ppf(0.96) + easy_N + arm * rng.standard_normal(examples)
        + seed * rng.standard_normal((seeds, 1)) + rest * rng.standard_normal((seeds, examples)) > 0
        for _ in range(2)
    ]  # fmt: skip
    return right[0].astype(float) - right[1]


@pytest.mark.parametrize("seeds", [6, 20])
@pytest.mark.parametrize("arm", [0.0, 0.4])
def test_the_interval_over_both_covers_on_fresh_seeds_and_fresh_examples(seeds, arm):
    rng, draws, inside, inside_seeds = np.random.default_rng(1), 600, 0, 0
    for _ in range(draws):
        d_SN = draw(rng, seeds, DIGITS, arm=arm)
        d_S, (_, _, beyond) = d_SN.mean(axis=1), measure_errors(d_SN)
        low, high = map(float, student(d_S.mean(), d_S.std(ddof=1), seeds))
        wide_low, wide_high = widen(d_S.mean(), (low, high), beyond, 0.95, DIGITS)
        inside += wide_low <= 0 <= wide_high
        inside_seeds += low <= 0 <= high
    assert inside / draws >= 0.935  # 0.95 less 1.7 standard errors of 600 draws
    assert (inside_seeds / draws < 0.85) == (arm > 0)


def store_rows(runs, right):
    """Return rows of `runs` whose correct predictions [N] `right` gives, as a report gathers them."""
    frame, _ = rows(runs)
    correct = [right(run) for run in runs]
    return frame.assign(
        test_accuracy=[one.mean() for one in correct],
        test_correct=[np.packbits(one).tobytes() for one in correct],
        test_examples=len(correct[0]),
    )


def lean(strength, examples=DIGITS):
    """Return predictions that `post` gets right on `strength` more examples than `pre`, the same ones in each seed."""

    def right(run):
        rng = np.random.default_rng(run.seed)
        return np.arange(examples) + rng.integers(-1, 2) >= 20 - strength * (run.placement == "post")

    return right


def test_the_columns_are_those_of_the_runs_at_the_chosen_rates_and_agree_with_the_row():
    runs = product(["pre", "post"], lrs=[0.1, 0.3], seeds=range(8))
    gain_N = np.repeat([0.4, -0.2], [100, DIGITS - 100])
    frame = store_rows(runs, lambda run: np.random.default_rng(run.seed).random(DIGITS) < 0.6 - 0.2 * (run.lr > 0.2)
                       + gain_N * (run.placement == "post"))  # fmt: skip
    frame["validation_accuracy"] = frame["test_accuracy"]
    (row,) = compare_at_best(grid(frame)).to_dict("records")
    chosen = frame[frame["lr"] == 0.1].set_index(["placement", "seed"])["test_correct"]
    bits = {p: np.unpackbits(np.frombuffer(b"".join(chosen[p]), np.uint8).reshape(8, -1), 1, DIGITS).astype(float)
            for p in ("pre", "post")}  # fmt: skip
    d_SN = bits["post"] - bits["pre"]
    assert row["mean"] == pytest.approx(d_SN.mean())
    assert (row["se_seeds"], row["se_examples"]) == pytest.approx(measure_errors(d_SN)[:2])
    assert row["high"] - row["mean"] > stats.t.ppf(0.975, 7) * row["se_seeds"]  # not Student's: the rates were chosen
    added = stats.t.ppf(0.975, DIGITS - 1) * measure_errors(d_SN)[2]
    assert row["crossed_high"] - row["mean"] == pytest.approx(np.hypot(row["high"] - row["mean"], added))
    assert row["mean"] - row["crossed_low"] == pytest.approx(np.hypot(row["mean"] - row["low"], added))
    assert row["crossed_low"] < row["low"] < row["high"] < row["crossed_high"]
    assert row["test_examples"] == DIGITS


def test_without_bits_for_every_run_or_for_another_metric_the_columns_are_missing_and_nothing_else_changes():
    frame = store_rows(product(["pre", "post"], seeds=range(6)), lean(3))
    whole, other = compare_at_best(grid(frame)), compare_at_best(grid(frame), "test_loss")
    assert whole["crossed_low"].notna().all()
    gap = frame.assign(test_correct=frame["test_correct"].where(frame["seed"] != 2, None))
    for effects in (compare_at_best(grid(frame.drop(columns="test_correct"))), compare_at_best(grid(gap))):
        assert effects[[name for name in COLUMNS if name != "crossed_equivalent"]].isna().all(axis=None)
        assert not effects["crossed_equivalent"].any()
        rest = whole.columns.drop(list(COLUMNS))
        pd.testing.assert_frame_equal(effects[rest], whole[rest])
    assert other["crossed_low"].isna().all()


def test_a_run_that_diverged_counts_at_chance_on_every_example():
    runs = product(["pre", "post"], seeds=range(6))
    frame = store_rows(runs, lean(3))
    lost = (frame["seed"] == 4) & (frame["placement"] == "post")
    frame.loc[lost, "status"] = "diverged"
    frame["test_correct"] = frame["test_correct"].where(~lost, None)
    (row,) = compare_at_best(grid(frame)).to_dict("records")
    assert row["diverged_a"] == 1
    assert row["high"] - row["mean"] == pytest.approx(stats.t.ppf(0.975, 5) * row["se_seeds"])


def test_the_margin_is_a_tenth_of_a_point_or_what_the_test_set_leaves_open():
    effects = pd.DataFrame({
        "se_examples": [0.0004, 0.00523, 0.02, np.nan],
        "crossed_low": [-0.001, -0.01, 0.1, np.nan],
        "crossed_high": [0.001, 0.01, 0.2, np.nan],
    })  # fmt: skip
    assert choose_margin(effects, 0.001) == 0.0053
    assert choose_margin(effects[:1], 0.001) == 0.001
    assert choose_margin(effects[2:], 0.001) == 0.001


@pytest.mark.parametrize("seeds", [4, 6])  # too few for an interval by exchange, where Student's stands in; enough
def test_a_margin_that_follows_from_the_test_set_gives_what_asking_for_it_gives_in_one_go(seeds, monkeypatch):
    exchanged, real = [], whole_procedure.exchange_curves
    monkeypatch.setattr(
        whole_procedure, "exchange_curves", lambda *curves: (exchanged.append(curves), real(*curves))[1]
    )
    runs = product(["pre", "post"], lrs=[0.1, 0.3], seeds=range(seeds))
    frame = store_rows(runs, lambda run: np.random.default_rng(run.seed + 100 * (run.placement == "post"))
                       .random(DIGITS) < 0.6)  # fmt: skip
    effects = compare_at_best(grid(frame), margin=None)
    assert len(exchanged) == 1
    margin = choose_margin(compare_at_best(grid(frame)), MARGIN)
    assert margin > MARGIN
    pd.testing.assert_frame_equal(effects, compare_at_best(grid(frame), margin=margin), check_exact=True)
