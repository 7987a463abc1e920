"""The one test of a confirmation: what it says, when it says anything, and how often it errs."""

import dataclasses
import itertools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bnexp.statistics import confirmation as confirming
from bnexp.statistics import freezing, resampling
from bnexp.statistics.confirmation import Confirmation, adjust_exclusive, find_stored_confirmation
from bnexp.statistics.examples import measure_errors, widen
from bnexp.statistics.freezing import Wish, freeze_plan
from bnexp.statistics.intervals_and_tests import equivalence
from bnexp.statistics.power import power
from bnexp.store.frozen import FrozenPlan
from bnexp.store.records import SweepRecord
from tests.conftest import ROOT
from tests.statistics.test_freezing import noisy
from tests.support.synthetic import grid, name, product, rows

sys.path.append(str(ROOT / "scripts"))
import confirmation_rates

BN = ("pre", "post")
N = 10
Floats = NDArray[np.float64]


def plan_of(**wish: Any) -> FrozenPlan:
    runs, _ = rows(product(BN, ["relu", "tanh"], [0.3], range(5)), noisy)
    wished = Wish(**{"n": N, **wish})
    return freeze_plan(grid(runs), wished, used=range(5), frozen="2026-01-01", rests_on=[])


def confirmation(d_Cn: Sequence[Sequence[float]], *, trained: int | None = None, diverged: Sequence[int] = ()) -> Any:
    """Return a confirmation in which post − pre is `d_Cn` for relu and tanh; of the first `trained` runs alone."""
    plan = plan_of()
    place = {"relu": 0, "tanh": 1}
    accuracy = {
        run: 0.9 + (run.placement == "post") * d_Cn[place[run.activation]][run.seed - plan.first_seed]
        for run in plan.runs
    }
    runs, _ = rows(plan.runs, accuracy.__getitem__, diverged={plan.runs[lane]: 10 for lane in diverged})
    record = SweepRecord(created="1", command="bnexp confirm here", asked=list(map(name, plan.runs)), confirm=plan)
    return find_stored_confirmation([record], runs.iloc[:trained])


def spread(mean: float, sd: float = 0.002) -> list[float]:
    """Return N differences with just this mean."""
    z = np.random.default_rng(1).normal(size=N)
    return list(mean + sd * (z - z.mean()) / z.std(ddof=1))


def outcomes(found: Confirmation) -> list[str]:
    return confirming.test_confirmation(found)["outcome"].tolist()


def test_nothing_is_tested_before_the_last_run_is_trained() -> None:
    whole = [spread(0.01), spread(0.01)]
    for trained, state in ((0, "frozen"), (1, "running"), (4 * N - 1, "running")):
        found = confirmation(whole, trained=trained)
        assert (found.state, found.stored, found.asked) == (state, trained, 4 * N)
        assert confirming.test_confirmation(found).empty
    assert confirmation(whole).state == "confirmed"
    assert len(confirming.test_confirmation(confirmation(whole))) == 2


def test_a_failed_run_is_one_that_is_missing() -> None:
    found = confirmation([spread(0.01), spread(0.01)])
    record = SweepRecord(created="1", asked=list(itertools.chain(*found.runs_An)), confirm=found.plan)
    runs = found.rows.assign(status=["failed", *["done"] * (4 * N - 1)])
    again = find_stored_confirmation([record], runs)
    assert again is not None
    assert not again.complete


def test_the_numbers_are_those_of_the_fresh_differences() -> None:
    d = [spread(0.01), spread(-0.003)]
    table = confirming.test_confirmation(confirmation(d))
    assert np.allclose(table["mean"], [0.01, -0.003])
    assert np.allclose(table["p"], resampling.sign_flip(np.array(d)))
    assert np.allclose(table["p_equivalence"], equivalence(np.array(d), 0.001))
    half = 2.6850  # t of 0.9875 with 9 degrees of freedom: two intervals that hold together
    assert np.allclose(table["family_high"] - table["mean"], half * 0.002 / np.sqrt(N), rtol=1e-3)
    assert np.allclose(table["high"] - table["mean"], 2.2622 * 0.002 / np.sqrt(N), rtol=1e-3)
    assert set(table["evidence"]) == {"confirmed"}


def test_a_difference_is_confirmed_as_foretold_contradicted_or_none() -> None:
    assert plan_of().contrasts[0].direction == 1
    assert outcomes(confirmation([spread(0.01), spread(-0.01)])) == ["confirmed", "contradicted"]
    assert outcomes(confirmation([spread(0.0, 0.0003), spread(0.001)])) == ["equivalent", "undecided"]
    assert outcomes(confirmation([spread(0.0005, 0.0003), spread(0.0, 0.01)])) == ["confirmed", "undecided"]


def test_two_arms_that_learned_nothing_are_not_tested_and_neither_is_not_different() -> None:
    lanes = range(4 * N)
    assert outcomes(confirmation([spread(0.01), spread(0.01)], diverged=lanes)) == ["nothing", "nothing"]


def test_a_run_that_failed_is_told_as_risk_and_the_difference_is_that_of_the_seeds_on_which_both_trained() -> None:
    d = spread(0.01)
    row = confirming.test_confirmation(confirmation([d, spread(0.01)], diverged=[0])).iloc[0]
    assert (row["diverged_a"], row["diverged_b"], row["n"], row["asked_n"]) == (0, 1, N - 1, N)
    assert row["mean"] == pytest.approx(np.mean(d[1:]))
    assert row["p"] == resampling.sign_flip(np.array([d[1:]]))[0] == 2 / 2 ** (N - 1)
    assert row["chance_mean"] == pytest.approx((sum(d) + 0.8) / N)  # 0.9 became 0.1
    assert (row["risk_a"], row["risk_b"]) == (0, pytest.approx(0.1))
    assert row["outcome"] == "confirmed"


def test_divergence_of_one_arm_alone_is_no_claim_about_accuracy() -> None:
    """Seven of ten runs of pre diverge: with chance counted, post would be 56 points ahead with p = 2/2⁷, twice."""
    same = spread(0.0, 0.01)
    rows = confirming.test_confirmation(confirmation([same, same], diverged=range(7)))
    assert rows["chance_mean"][0] == pytest.approx(0.56)
    assert rows["outcome"][0] == "undecided"
    assert rows["risk_b"][0] == 0.7


def test_an_arm_that_never_trained_is_compared_at_chance_and_two_that_never_do_at_once_are_not_decided() -> None:
    d = [spread(0.01), spread(0.01)]
    never = confirming.test_confirmation(confirmation(d, diverged=range(N))).iloc[0]
    assert (never["n"], never["outcome"], never["risk_b"]) == (N, "confirmed", 1)
    assert never["mean"] == pytest.approx(0.81)  # pre at chance
    apart = confirming.test_confirmation(confirmation(d, diverged=[0, 1, 2, 3, 4, *range(N + 5, 2 * N)])).iloc[0]
    assert (apart["n"], apart["p"], apart["outcome"]) == (0, 1, "undecided")


def test_the_limits_of_the_risk_are_those_at_which_so_few_or_so_many_failures_are_rare() -> None:
    low, high = confirming.limit_risk(range(13), 12)
    assert (low[0], high[12]) == (0, 1)
    assert high[0] == pytest.approx(1 - 0.05 ** (1 / 12))
    assert low[12] == pytest.approx(0.05 ** (1 / 12))
    for failed in range(1, 12):
        assert stats.binom.sf(failed - 1, 12, low[failed]) == pytest.approx(0.025)
        assert stats.binom.cdf(failed, 12, high[failed]) == pytest.approx(0.025)


def test_the_oldest_plan_of_a_store_is_its_plan() -> None:
    plans = [plan_of(), plan_of(n=20)]
    records = [
        SweepRecord(created=str(2 - i), asked=list(map(name, plan.runs)), confirm=plan) for i, plan in enumerate(plans)
    ]
    found = find_stored_confirmation(records, rows(plans[0].runs)[0])
    assert found is not None
    assert found.plan == plans[1]
    assert find_stored_confirmation([SweepRecord()], rows(plans[0].runs)[0]) is None


def adjust_slowly(p_2C: Floats) -> Floats:
    """Return the adjusted p by the closure: the largest of the p of all families that may be true and hold one."""
    C = p_2C.shape[1]
    families = [list(zip(choice, range(C), strict=True)) for choice in itertools.product((0, 1, None), repeat=C)]
    families = [[place for place in family if place[0] is not None] for family in families]
    adjusted = np.zeros_like(p_2C)
    for family in filter(None, families):
        p = min(1.0, len(family) * min(p_2C[place] for place in family))
        for place in family:
            adjusted[place] = max(adjusted[place], p)
    return adjusted


def test_hypotheses_that_exclude_each_other_are_counted_once() -> None:
    assert adjust_exclusive(np.array([[0.04], [0.5]])).tolist() == [[0.04], [0.5]]  # one contrast needs no correction
    assert adjust_exclusive(np.array([[0.01, 0.02], [0.8, 0.9]]))[0].tolist() == [0.02, 0.04]
    assert adjust_exclusive(np.array([[0.01, 0.04], [0.02, 0.9]]))[0].tolist() == [0.02, 0.04]  # both of the first fell
    missing = adjust_exclusive(np.array([[0.01, np.nan], [0.02, np.nan]]))
    assert missing[:, 0].tolist() == [0.02, 0.04]
    assert np.isnan(missing[:, 1]).all()


def test_steps_by_the_count_of_what_may_be_true_reject_no_more_than_the_closed_test() -> None:
    rng = np.random.default_rng(3)
    for _ in range(300):
        p = rng.uniform(size=(2, 3)) ** 3
        assert (adjust_exclusive(p) >= adjust_slowly(p) - 1e-12).all()


@pytest.mark.parametrize(
    "profile", ["peaked", "cliff", *(pytest.param(name, marks=pytest.mark.slow) for name in ("flat", "broad"))]
)
def test_a_confirmation_errs_in_at_most_5_of_100_families_whatever_was_chosen(profile: str) -> None:
    """2,000 families of three contrasts, explored on ten seeds and confirmed on twelve by the shipped functions."""
    shares = confirmation_rates.simulate(confirmation_rates.PROFILES[profile], family=3, stores=6_000)
    print(f"\n{profile}: {shares}", end="")
    assert shares["confirmed"] <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 2_000)
    assert shares["advice"] > 0.09  # what it replaces: seeds are added twice, and looked at each time


def test_no_difference_is_claimed_of_one_at_the_margin_in_at_most_5_of_100_families_where_others_are_null() -> None:
    families, truth = 2_000, np.array([0.0, 0.001, -0.001])
    d = truth[:, None] + np.random.default_rng(11).normal(0, 0.002, (families, 3, 14))
    p = np.stack([resampling.sign_flip(d.reshape(-1, 14)), equivalence(d.reshape(-1, 14), 0.001)]).reshape(2, -1, 3)
    adjusted = np.stack([adjust_exclusive(p[:, i]) for i in range(families)], axis=1)
    better, equal = adjusted <= 0.05
    wrong = (better & (truth == 0)) | (equal & (truth != 0))
    assert 0.02 < wrong.any(axis=1).mean() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / families)


def test_an_effect_of_the_stated_size_is_found_with_the_stated_power_on_average() -> None:
    """2,000 stores that explored six seeds each; n from the upper limit of what they saw of the deviation."""
    rng, sd, found = np.random.default_rng(2), 0.003, []
    for explored in rng.normal(0, sd, (2_000, 6)):
        upper = freezing.limit_deviation(explored.std(ddof=1), 6)
        n, _ = freezing.count_seeds(np.atleast_1d(upper), Wish(effect=0.003))
        found.append(float(power(n, 0.003 / sd)))
    assert np.mean(found) >= 0.9
    assert np.mean(np.array(found) >= 0.9) == pytest.approx(0.8, abs=0.05)  # that many studies have at least this power


def test_the_interval_over_examples_is_that_of_the_crossed_layout_of_the_fresh_runs_on_which_both_trained() -> None:
    found = confirmation([spread(0.01), spread(0.01)], diverged=[0])
    rng, examples = np.random.default_rng(4), 300
    right = (
        rng.random((len(found.rows), examples)) < 0.8 + 0.1 * (found.rows["placement"] == "post").to_numpy()[:, None]
    )
    bits = [None if lost else np.packbits(one).tobytes()
            for one, lost in zip(right, found.rows["status"] == "diverged", strict=True)]  # fmt: skip
    stored = dataclasses.replace(found, rows=found.rows.assign(test_correct=bits, test_examples=examples))
    row = confirming.test_confirmation(stored).iloc[0]
    relu = found.rows["activation"] == "relu"
    post, pre = (right[(relu & (found.rows["placement"] == arm)).to_numpy()][1:] for arm in ("post", "pre"))
    assert row["n"] == len(post) == N - 1
    errors = measure_errors(post.astype(float) - pre)
    assert (row["se_seeds"], row["se_examples"]) == pytest.approx(errors[:2])
    wide = widen(row["mean"], (row["low"], row["high"]), errors[2], 0.95, examples)
    assert (row["crossed_low"], row["crossed_high"]) == pytest.approx(wide)
    assert np.isnan(confirming.test_confirmation(found)["crossed_low"]).all()
