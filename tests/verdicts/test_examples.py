"""What a verdict says of test examples: a finding over seeds may be about the examples at hand alone."""

import dataclasses
import math

import pytest

from bnexp.statistics import comparisons
from bnexp.statistics.arms import score_runs
from bnexp.verdicts.contrasts import Contrast, Side
from bnexp.verdicts.sentences import describe, write_claim
from bnexp.verdicts.verdicts import headline, write_verdicts
from tests.statistics.test_examples import lean, store_rows
from tests.support.synthetic import grid, product

NAN = math.nan


def side(level: str, mean: float) -> Side:
    return Side(level, mean=mean, validation=mean, lr="0.3", edge=True, diverged=0, stuck=0, n=10)


DEMO = Contrast(
    compared="placement", metric="test_accuracy", margin=0.0053, a=side("post", 0.9684), b=side("pre", 0.963), n=10,
    mean=0.0054, low=0.001, high=0.0098, probability=0.9, p_holm=0.03, p_family=0.03, p_risk=math.nan,
    n_trained=10, equivalent=False, p_equivalence_holm=0.5,
    equivalence_low=0.002, equivalence_high=0.009, fewest=6, seeds_needed=20.0, notes=(),
    crossed_low=-0.0048, crossed_high=0.0156, test_examples=297.0,
)  # fmt: skip
"""A contrast as the digits give it: more than chance over seeds, and not over 297 test examples."""


def test_a_difference_that_other_examples_may_not_show_is_told_of_these():
    assert DEMO.kind == "better"
    assert write_claim(DEMO.claim) == "post is better than pre on these 297 test examples"
    finding = describe(DEMO)
    assert finding.in_brief == (
        "post is better than pre by 0.54 pp [0.10, 0.98] over seeds, [−0.48, 1.56] over seeds and test examples"
    )
    assert finding.in_full == (
        "post is better than pre by 0.54 pp of test accuracy [0.10, 0.98] over seeds, [−0.48, 1.56] over seeds and "
        "test examples, n = 10 paired seeds, family-wise p = 0.03; P(post > pre) = 0.9; shown for other trainings "
        "judged by these 297 test examples, not for other test examples"
    )


def test_the_other_way_round_it_is_told_with_the_signs_of_the_better_one():
    turned = dataclasses.replace(
        DEMO, a=DEMO.b, b=DEMO.a, mean=-0.0054, low=-0.0098, high=-0.001, probability=0.1,
        crossed_low=-0.0156, crossed_high=0.0048,
    )  # fmt: skip
    assert describe(turned) == dataclasses.replace(describe(DEMO), contrast=turned)


def test_a_difference_that_other_examples_show_too_is_told_without_a_condition():
    wide = dataclasses.replace(DEMO, crossed_low=0.0003)
    assert write_claim(wide.claim) == "post is better than pre"
    assert "[0.10, 0.98] over seeds, [0.03, 1.56] over seeds and test examples, n = 10" in describe(wide).in_full
    assert "shown for" not in describe(wide).in_full


def test_where_runs_do_not_say_which_examples_they_get_right_nothing_is_said_of_them():
    without = dataclasses.replace(DEMO, crossed_low=NAN, crossed_high=NAN, test_examples=NAN)
    assert write_claim(without.claim) == "post is better than pre"
    assert "example" not in describe(without).in_full


@pytest.mark.parametrize(("shown", "end"), [(True, ""), (False, " on these 297 test examples")])
def test_that_there_is_no_difference_is_a_finding_about_these_examples_unless_it_is_shown_for_others(shown, end):
    alike = dataclasses.replace(
        DEMO, mean=0.0, low=-0.001, high=0.001, p_holm=1.0, p_family=1.0, equivalent=True,
        crossed_low=-0.004, crossed_high=0.004, crossed_equivalent=shown,
    )  # fmt: skip
    assert write_claim(alike.claim) == f"no difference larger than 0.53 pp between pre and post{end}"


def test_a_bound_that_is_not_shown_beyond_these_examples_is_left_out_of_a_claim_that_is():
    small = dataclasses.replace(DEMO, equivalent=True, crossed_low=0.0003, crossed_high=0.0105)
    assert write_claim(small.claim) == "post is better than pre"
    assert write_claim(dataclasses.replace(small, crossed_equivalent=True).claim).endswith("by less than 0.53 pp")
    assert write_claim(dataclasses.replace(small, crossed_low=-0.0003).claim) == (
        "post is better than pre by less than 0.53 pp on these 297 test examples"
    )


@pytest.mark.parametrize(("strength", "told"), [(2, " on these 297 test examples for relu."), (9, " for relu.")])
def test_the_headline_of_few_examples_says_so_and_that_of_more_does_not(strength, told):
    whole = grid(store_rows(product(["pre", "post"], seeds=range(8)), lean(strength)))
    effects = comparisons.compare_at_best(whole)
    verdicts = write_verdicts(effects, whole.design, score_runs(whole.rows))
    assert verdicts[0].kind == "better"
    assert headline(verdicts) == f"Post is better than pre{told}"
