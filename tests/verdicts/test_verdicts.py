"""Verdicts on synthetic runs whose truth is known."""

import dataclasses
import re
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from bnexp.runs import Run
from bnexp.statistics import comparisons, curves
from bnexp.statistics.arms import score_runs
from bnexp.statistics.design import Design, deduce_design
from bnexp.statistics.grid import build_grid
from bnexp.verdicts.answers import Answer
from bnexp.verdicts.contrasts import Contrast, Side
from bnexp.verdicts.more_seeds import Destination
from bnexp.verdicts.sentences import write_claim
from bnexp.verdicts.verdicts import Verdict, headline, write_verdicts
from tests.support.synthetic import grid, product, rows

BN = ("pre", "post")


def end(effect: float, sd: float = 0.001) -> Callable[[Run], float]:
    """Return accuracies in which `post` is `effect` above the others, but for luck; a seed's is shared by all arms."""
    rng = np.random.default_rng(0)
    return lambda run: 0.9 + 0.01 * (run.seed % 3) + effect * (run.placement == "post") + rng.normal(0, sd)


def best_at(lr: dict[str, float]) -> Callable[[Run], float]:
    """Return accuracies that are best at one learning rate of each placement, `post` 2 pp above `pre`."""

    def accuracy(run: Run) -> float:
        luck = 0.001 * ((run.seed * 7) % 5 - 2) * (1 if run.placement == "pre" else -1)
        return 0.9 + 0.02 * (run.placement == "post") - 0.03 * abs(np.log10(run.lr / lr[run.placement])) + luck

    return accuracy


def judge(
    sweep: Iterable[Run], accuracy: Callable[[Run], float], diverged: Iterable[Run] = (), compared: str = "placement"
) -> list[Verdict]:
    runs, _ = rows(sweep, accuracy, diverged=dict.fromkeys(diverged, 7))
    whole = grid(runs, compared)
    stores = [Destination("here", set(runs["run"]), {}, confirm="bnexp confirm here")]
    return write_verdicts(comparisons.compare_at_best(whole), whole.design, score_runs(runs), stores)


def claim(verdict: Verdict) -> str:
    return write_claim(verdict.answer.subject.claim)


def test_an_effect_that_is_there_is_told_with_all_that_supports_it() -> None:
    (verdict,) = judge(product(BN, ["tanh"], [0.1, 0.3, 1.0], range(10)), best_at({"pre": 0.3, "post": 0.3}))
    assert verdict.kind == "better"
    assert re.fullmatch(
        r"tanh, best lr per arm \(pre 0\.3, post 0\.3\): post is better than pre by 2\.00 pp of test accuracy "
        r"\[1\.\d\d, 2\.\d\d\], n = 10 paired seeds, family-wise p = 0\.00\d+; P\(post > pre\) = 1\.",
        verdict.sentence,
    )
    assert (verdict.facet, claim(verdict), verdict.command) == ("tanh", "post is better than pre", None)


def test_the_better_one_comes_first_and_its_lead_is_positive() -> None:
    (verdict,) = judge(product(BN, seeds=range(10)), end(-0.02))
    assert "pre is better than post by 2." in verdict.sentence
    assert "P(pre > post) = 1" in verdict.sentence
    assert "−" not in verdict.sentence


def test_an_edge_of_the_grid_is_told() -> None:
    (verdict,) = judge(product(BN, lrs=[0.1, 0.3, 1.0], seeds=range(10)), best_at({"pre": 0.3, "post": 1.0}))
    assert "(pre 0.3, post 1 at the edge of the grid)" in verdict.sentence
    assert verdict.badge == "difference, lr at the edge"
    assert headline([verdict]) == "Post is better than pre (lr of post at the edge of the grid) for relu."


def test_no_difference_is_a_finding_where_the_interval_lies_inside_the_margin() -> None:
    (verdict,) = judge(product(BN, seeds=range(10)), end(0.0, sd=0.0004))
    assert verdict.kind == "equivalent"
    assert "no difference larger than 0.1 pp between pre and post: post − pre = " in verdict.sentence
    assert "90 % interval [" in verdict.sentence
    assert verdict.command is None


def test_a_difference_that_is_there_and_within_the_margin_is_both() -> None:
    (verdict,) = judge(product(BN, seeds=range(10)), end(0.0004, sd=0.0001))
    assert verdict.kind == "better"
    assert ", less than the margin of 0.1 pp, n = 10" in verdict.sentence
    assert claim(verdict) == "post is better than pre by less than 0.1 pp"


def test_what_is_undecided_gets_the_command_that_confirms_and_none_that_adds_seeds_for_another_look() -> None:
    d = 0.002 + 0.004 * np.array([1, -1] * 5)
    (verdict,) = judge(product(BN, seeds=range(10)), lambda run: 0.9 + d[run.seed] * (run.placement == "post"))
    assert verdict.kind == "undecided"
    assert verdict.sentence.endswith("; a confirmation, by fresh seeds at frozen choices, decides it.")
    assert verdict.command == "bnexp confirm here"


def test_an_effect_too_small_for_any_number_of_seeds_gets_no_command() -> None:
    accuracies = (0.9, 0.91, 0.89, 0.92, 0.88, 0.9034)  # d_z = 0.04: 4,900 seeds
    (verdict,) = judge(
        product(BN, seeds=range(6)), lambda run: accuracies[run.seed] if run.placement == "post" else 0.9
    )
    assert "an effect of this size would need more than 1,000 seeds" in verdict.sentence
    assert verdict.command is None


def test_one_seed_decides_nothing() -> None:
    (verdict,) = judge(product(BN, seeds=[0]), end(0.05))
    assert verdict.kind == "undecided"
    assert "too few seeds for a test between pre and post: post − pre = +" in verdict.sentence
    assert "at one seed, no interval; 5 more seeds would make one possible" in verdict.sentence
    assert "p =" not in verdict.sentence


def test_too_few_seeds_decide_nothing_however_clear_the_difference() -> None:
    (verdict,) = judge(product(BN, seeds=range(5)), end(0.05))
    assert verdict.kind == "undecided"
    assert verdict.sentence.startswith("relu: too few seeds for a test between pre and post: post − pre = +")
    assert verdict.sentence.endswith("], n = 5 paired seeds; 1 more seed would make one possible.")
    assert headline([verdict]) == "Too few seeds for a test between pre and post for relu."


@pytest.mark.parametrize(
    ("sweep", "effect", "sd", "badge", "words"),
    [
        (product(BN, seeds=range(5)), 0.05, 0.001, "too few seeds", "too few seeds for a test"),
        (product(BN, seeds=[0]), 0.05, 0.001, "too few seeds", "too few seeds for a test"),
        (product(BN, seeds=range(10)), 0.02, 0.001, "difference", "is better than"),
        (product(BN, seeds=range(10)), 0.0004, 0.0001, "difference below the margin", "less than the margin"),
        (product(BN, seeds=range(10)), 0.0, 0.0004, "no difference", "no difference larger than"),
        (product(BN, seeds=range(10)), 0.001, 0.004, "undecided", "undecided between"),
        ([*product(["pre"], seeds=[0]), *product(["post"], seeds=[1])], 0.1, 0.0, "nothing to compare", "nothing to"),
    ],
)
def test_the_badge_of_a_verdict_says_what_its_sentence_says(
    sweep: list[Run], effect: float, sd: float, badge: str, words: str
) -> None:
    (verdict,) = judge(sweep, end(effect, sd))
    assert verdict.badge == badge
    assert words in verdict.sentence


def test_where_everything_diverged_there_is_nothing_to_compare() -> None:
    sweep = product(BN, seeds=range(10))
    (verdict,) = judge(sweep, end(0.1), diverged=sweep)
    assert verdict.kind == "nothing"
    assert "every run of pre and of post diverged" in verdict.sentence


def test_an_arm_that_diverged_altogether_loses_and_the_sentence_says_why() -> None:
    sweep = product(BN, seeds=range(10))
    (verdict,) = judge(sweep, end(0.0), diverged=[run for run in sweep if run.placement == "post"])
    assert claim(verdict) == "pre is better than post (which did not learn)"
    assert "post diverged in 10 of 10 runs, and a diverged run counts at chance by convention" in verdict.sentence


def test_stuck_runs_are_told() -> None:
    (verdict,) = judge(
        product(BN, seeds=range(10)), lambda run: 0.11 if (run.placement, run.seed) == ("pre", 3) else 0.9
    )
    assert "1 of 10 runs of pre stuck at chance" in verdict.sentence


def test_a_missing_arm_leaves_nothing_to_compare_in_its_cell_alone() -> None:
    verdicts = judge(product(BN, ["relu"], seeds=range(10)) + product(["pre"], ["tanh"], seeds=range(10)), end(0.02))
    assert [verdict.kind for verdict in verdicts] == ["better", "nothing"]
    assert "no run of post" in verdicts[1].sentence


def test_unequal_seeds_are_judged_on_those_that_both_have() -> None:
    (verdict,) = judge(product(["pre"], seeds=range(10)) + product(["post"], seeds=range(3, 10)), end(0.02))
    assert "n = 7 paired seeds" in verdict.sentence


def test_none_is_told_after_the_two_that_the_question_is_about() -> None:
    (verdict,) = judge(product(seeds=range(10)), lambda run: end(0.02)(run) - 0.1 * (run.placement == "none"))
    assert verdict.sentence.index("post is better than pre") < verdict.sentence.index("pre is better than none by 10.")


def test_many_levels_are_told_by_how_the_best_one_stands() -> None:
    names = ["relu", "elu", "tanh", "sigmoid"]
    accuracy = lambda run: 0.8 + 0.02 * names.index(run.activation) + 0.0001 * (run.seed % 4)  # noqa: E731
    (verdict,) = judge(product(["pre"], names, seeds=range(12)), accuracy, compared="activation")
    assert claim(verdict) == "sigmoid is better than tanh"
    assert "sigmoid, the best on validation, is better than 3 of the other 3" in verdict.sentence


def test_the_pair_and_the_leader_are_picked_out_on_validation_and_not_on_the_test_set() -> None:
    names = ["relu", "elu", "tanh", "sigmoid"]
    runs, _ = rows(product(["pre"], names, seeds=range(12)), lambda run: 0.8 + 0.001 * (run.seed % 3))
    order = runs["activation"].map(names.index) * 0.02
    runs["validation_accuracy"] -= order
    runs["test_accuracy"] += order + 0.0001 * (runs["seed"] % 4)
    whole = grid(runs, "activation")
    (verdict,) = write_verdicts(comparisons.compare_at_best(whole), whole.design, score_runs(runs))
    assert claim(verdict) == "elu is better than relu"
    assert "relu, the best on validation, is better than 0 of the other 3" in verdict.sentence


def test_levels_that_are_numbers_are_told_with_their_key() -> None:
    sweep = [
        dataclasses.replace(run, norm_eps=eps) for run in product(["pre"], seeds=range(10)) for eps in (1e-5, 1e-3)
    ]
    (verdict,) = judge(
        sweep, lambda run: 0.9 + 0.01 * (run.norm_eps > 1e-4) + 0.001 * (run.seed % 3), compared="norm.eps"
    )
    assert claim(verdict) == "norm.eps 0.001 is better than norm.eps 1e-05"


def test_less_loss_is_better() -> None:
    runs, points = rows(product(BN, seeds=range(10)))
    runs["test_loss"] += 0.1 * (runs["placement"] == "post") + 0.001 * (runs["seed"] % 3) * (runs["placement"] == "pre")
    scored = score_runs(runs)
    losses = build_grid(curves.fill_losses(scored, points), deduce_design(scored))
    (verdict,) = write_verdicts(comparisons.compare_at_best(losses, "test_loss"), losses.design, scored)
    assert "pre is better than post by 0.0991 nats of test loss [" in verdict.sentence
    assert "P(pre < post) = 1" in verdict.sentence


def verdict_of(facet: str, p: float) -> Verdict:
    """Return a verdict: `pre` is better than `post`, or it is undecided."""
    nan = float("nan")
    numbers = dict.fromkeys(("low", "high", "probability", "equivalence_low", "equivalence_high"), 1.0)
    contrast = Contrast(
        compared="placement",
        metric="test_accuracy",
        margin=0.001,
        a=Side("post", 0.8, 0.8, "", edge=False, diverged=0, stuck=0, n=10),
        b=Side("pre", 0.9, 0.9, "", edge=False, diverged=0, stuck=0, n=10),
        n=10,
        n_trained=10,
        mean=-0.1,
        p_holm=p,
        p_family=p,
        p_risk=nan,
        equivalent=False,
        p_equivalence_holm=nan,
        fewest=6,
        seeds_needed=nan,
        notes=(),
        **numbers,
    )
    place = (("activation", facet),) if facet else ()
    design = Design("placement", BN, None, ("activation",), None)
    return Verdict(Answer(design, place, place, contrast, (contrast,)), facet, "", None)


@pytest.mark.parametrize(
    ("claims", "answer"),
    [
        ([("relu", "pre")], "Pre is better than post for relu."),
        ([("relu", "pre"), ("tanh", "pre"), ("elu", "pre")], "Pre is better than post for relu, tanh and elu."),
        ([("relu", ""), ("tanh", "pre")], "Pre is better than post for tanh; undecided between pre and post for relu."),
        (
            [("relu", "pre"), ("relu", "")],
            "Pre is better than post for relu (1 of 2); undecided between pre and post for relu (1 of 2).",
        ),
        ([("", "pre")], "Pre is better than post."),
        ([], "Nothing to compare."),
    ],
)
def test_the_headline_joins_the_claims_the_surest_first(claims: list[tuple[str, str]], answer: str) -> None:
    assert headline([verdict_of(facet, 0.01 if better else 0.5) for facet, better in claims]) == answer


def test_no_effects_give_no_verdict() -> None:
    runs, _ = rows(product(BN))
    effects = comparisons.compare_at_best(grid(runs)).iloc[:0]
    assert write_verdicts(effects, grid(runs).design, score_runs(runs)) == []


def test_the_headline_ends_with_what_is_known_besides_the_question() -> None:
    verdicts = judge(product(activations=["relu", "tanh"], seeds=range(10)), end(0.01))
    assert headline(verdicts) == (
        "Post is better than pre for relu and tanh; post is better than none for relu and tanh."
    )


@pytest.mark.parametrize("trained", [1, 2])
def test_one_pair_that_trained_has_no_interval(trained: int) -> None:
    sweep = list(product(BN, seeds=range(3)))
    lost = [run for run in sweep if run.placement == "pre" and run.seed >= trained]
    (verdict,) = judge(sweep, end(0.01), diverged=lost)
    assert "nan" not in verdict.sentence
    assert ("no interval" in verdict.sentence) == (trained == 1)
