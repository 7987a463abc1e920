"""What is said of two arms by how their runs ended: every pair of learned, mixed, stuck and diverged."""

import itertools
from collections.abc import Mapping

import pandas as pd
import pytest

from bnexp.runs import Run
from bnexp.statistics import comparisons, curves
from bnexp.statistics.arms import score_runs
from bnexp.statistics.design import deduce_design
from bnexp.statistics.grid import build_grid
from bnexp.verdicts.notes import put_into_words
from bnexp.verdicts.verdicts import Verdict, headline, write_verdicts
from tests.support.synthetic import product, rows

N = 10
OUTCOMES = ("learned", "mixed", "stuck", "diverged")
LEARNED = {"pre": 0.9, "post": 0.8}


def end(outcome: str, run: Run) -> str:
    """Return how a run of an arm with this `outcome` ends: the first runs of a mixed arm diverge and are stuck."""
    return {0: "diverged", 1: "stuck"}.get(run.seed, "learned") if outcome == "mixed" else outcome


def judge(pre: str, post: str, n: int = N, metric: str = "test_accuracy") -> tuple[Verdict, pd.Series]:
    """Return the verdict and the row of effects of `pre` and `post`, whose runs end so."""
    outcomes = {"pre": pre, "post": post}
    sweep = product(outcomes, seeds=range(n))
    ends = {run: end(outcomes[run.placement], run) for run in sweep}
    return judge_runs(ends, metric)


def judge_runs(ends: Mapping[Run, str], metric: str = "test_accuracy") -> tuple[Verdict, pd.Series]:
    def accuracy(run: Run) -> float:
        luck = 0.001 * (7 * run.seed % 5) * (1 + (run.placement == "pre"))
        return (LEARNED[run.placement] if ends[run] == "learned" else 0.1) + luck

    runs, points = rows(ends, accuracy, diverged={run: 7 for run, how in ends.items() if how == "diverged"})
    runs["test_loss"] = runs["test_loss"] - runs["test_accuracy"]
    scored = score_runs(runs)
    filled = curves.fill_losses(scored, points)
    whole = build_grid(filled, deduce_design(scored))
    effects = comparisons.compare_at_best(whole, metric)
    (verdict,) = write_verdicts(effects, whole.design, scored)
    return verdict, put_into_words(effects, "placement").iloc[0]


LOST = "pre is better than post, which did not learn: post {}; pre is above that by "
WON = "post is better than pre, which did not learn: pre {}; post is above that by "
DIVERGED = "diverged in 10 of 10 runs, and a diverged run counts at chance by convention"
STUCK = "stayed at chance in 10 of 10 runs"
SENTENCES = {
    ("learned", "learned"): "pre is better than post by 10.",
    # Given training: 8 of 10 pairs, of which one run diverged and one was stuck in the mixed arm.
    ("learned", "mixed"): "pre is better than post by 10.22 pp of test accuracy [10.10, 10.35], n = 8 of 10",
    ("learned", "stuck"): LOST.format(STUCK),
    ("learned", "diverged"): LOST.format(DIVERGED),
    ("mixed", "learned"): "pre is better than post by 10.22",
    ("mixed", "mixed"): "pre is better than post by 10.22",
    ("mixed", "stuck"): LOST.format(STUCK),
    ("mixed", "diverged"): LOST.format(DIVERGED),
    ("stuck", "learned"): WON.format(STUCK),
    ("stuck", "mixed"): WON.format(STUCK),
    ("stuck", "stuck"): "every run of pre and of post stayed at chance (n = 10): nothing to compare in accuracy.",
    ("stuck", "diverged"): (
        "pre stayed at chance in 10 of 10 runs and post diverged in 10 of 10: nothing to compare in accuracy."
    ),
    ("diverged", "learned"): WON.format(DIVERGED),
    ("diverged", "mixed"): WON.format(DIVERGED),
    ("diverged", "stuck"): (
        "pre diverged in 10 of 10 runs and post stayed at chance in 10 of 10: nothing to compare in accuracy."
    ),
    ("diverged", "diverged"): "every run of pre and of post diverged (n = 10): nothing to compare in accuracy.",
}


@pytest.mark.parametrize(("pre", "post"), list(itertools.product(OUTCOMES, OUTCOMES)))
def test_every_pair_of_outcomes_has_its_sentence(pre: str, post: str) -> None:
    verdict, _ = judge(pre, post)
    assert [side.outcome for side in reversed(verdict.answer.subject.sides)] == [pre, post]
    assert verdict.sentence.startswith(f"relu: {SENTENCES[pre, post]}")
    idle = {"stuck", "diverged"} & {pre, post}
    assert ("did not learn" in headline([verdict])) == (verdict.kind == "better" and bool(idle))
    assert ("learned" in headline([verdict])) == (verdict.kind == "nothing")
    assert (verdict.kind == "nothing") == (idle >= {pre, post})


@pytest.mark.parametrize(("pre", "post"), list(itertools.product(("stuck", "diverged"), repeat=2)))
def test_where_neither_learned_nothing_is_claimed_and_the_table_says_why(pre: str, post: str) -> None:
    verdict, row = judge(pre, post)
    assert headline([verdict]) == ("Neither pre nor post learned, so there is nothing to compare in accuracy for relu.")
    assert " p " not in verdict.sentence
    assert row[["p", "p_holm", "p_equivalence", "seeds_needed"]].isna().all()
    assert (row["equivalent"], row["meaningful"]) == (False, "not significant")
    how = {"stuck": "stayed at chance", "diverged": "diverged"}
    assert row["note"] == (
        f"post {how[post]} in 10 of 10 runs; pre {how[pre]} in 10 of 10 runs; nothing to compare in accuracy"
    )
    assert verdict.command is None


def test_an_arm_of_which_some_runs_diverged_and_the_others_are_stuck_did_not_learn() -> None:
    ends = {
        run: "stuck" if run.placement == "pre" and run.seed > 2 else "diverged"
        for run in product(LEARNED, seeds=range(N))
    }
    verdict, _ = judge_runs(ends)
    assert verdict.sentence == (
        "relu: pre diverged in 3 of 10 runs and stayed at chance in 7 of 10, and post diverged in 10 of 10: "
        "nothing to compare in accuracy."
    )


def test_one_seed_of_which_nothing_was_learned_is_nothing_to_compare() -> None:
    verdict, _ = judge("stuck", "diverged", n=1)
    assert verdict.sentence == (
        "relu: pre stayed at chance in 1 of 1 run and post diverged in 1 of 1: nothing to compare in accuracy."
    )
    assert verdict.command is None


def test_the_loss_of_runs_that_did_not_learn_is_no_better_one() -> None:
    verdict, _ = judge("stuck", "diverged", metric="test_loss")
    assert verdict.kind == "nothing"
    assert verdict.sentence.endswith("post diverged in 10 of 10: nothing to compare in loss.")


def test_an_arm_that_did_not_learn_is_not_better_by_its_convention() -> None:
    """Runs that learn and grow sure of their mistakes end above the loss at which a diverged run counts."""
    ends = {run: "diverged" if run.placement == "post" else "learned" for run in product(LEARNED, seeds=range(N))}
    runs, points = rows(ends, lambda _: 0.9, diverged={run: 7 for run, how in ends.items() if how == "diverged"})
    runs["test_loss"] += 9 + 0.01 * runs["seed"]
    scored = score_runs(runs)
    whole = build_grid(curves.fill_losses(scored, points), deduce_design(scored))
    (verdict,) = write_verdicts(comparisons.compare_at_best(whole, "test_loss"), whole.design, scored)
    assert verdict.kind == "nothing"
    assert verdict.sentence == (
        "relu: nothing to compare in loss between pre and post, as post did not learn: post diverged in 10 of 10 runs."
    )


def test_no_difference_between_learning_rates_of_which_no_run_learned() -> None:
    sweep = product(["pre"], lrs=[1.0, 10.0], seeds=range(N))
    scored = score_runs(rows(sweep, lambda run: 0.1 + 0.0001 * run.seed)[0])
    whole = build_grid(scored, deduce_design(scored, "lr"))
    (verdict,) = write_verdicts(comparisons.compare_at_best(whole), whole.design, scored)
    assert "every run of lr 1 and of lr 10 stayed at chance (n = 10): nothing to compare" in verdict.sentence


def test_at_each_learning_rate_arms_that_learned_nothing_are_not_equivalent() -> None:
    sweep = product(LEARNED, lrs=[0.1, 10.0], seeds=range(N))
    scored = score_runs(rows(sweep, lambda run: 0.1 if run.lr > 1 else 0.9)[0])
    fixed = comparisons.compare_at_each_lr(build_grid(scored, deduce_design(scored)))
    assert list(fixed["equivalent"]) == [True, False]
