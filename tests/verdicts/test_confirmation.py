"""The words of a confirmation: what is confirmed, what is not, and what is said while it runs."""

import math
from typing import Any

from bnexp.statistics import confirmation as confirming
from bnexp.statistics.looks import DesignChanges
from bnexp.verdicts.confirmation import (
    Settled,
    write_advice,
    write_changes,
    write_command,
    write_foretold,
    write_headline,
    write_looks,
    write_settled,
    write_state,
)
from tests.statistics.test_confirmation import N, confirmation, plan_of, spread


def settle(*d: list[float], **changes: Any) -> list[Settled]:
    found = confirmation(list(d), **changes)
    return write_settled(found, confirming.test_confirmation(found))


def test_a_verdict_says_what_holds_of_which_arms_at_which_rates_on_which_seeds() -> None:
    relu, tanh = settle(spread(0.01), spread(0.0, 0.0003))
    assert (relu.facet, relu.kind, relu.evidence) == ("relu", "better", "confirmed")
    assert relu.sentence.startswith(
        "relu, frozen lr (pre 0.3; post 0.3): post is better than pre: post − pre = +1.00 pp of test accuracy "
        "[0.83, 1.17] (95 %, 2 intervals together), n = 10 fresh paired seeds, p = 0.0039; explored +"
    )
    assert (tanh.kind, tanh.evidence) == ("equivalent", "confirmed")
    assert "no difference larger than 0.1 pp between pre and post: " in tanh.sentence
    assert ", TOST p = " in tanh.sentence


def test_the_headline_tells_what_is_confirmed_from_what_is_not() -> None:
    assert write_headline(settle(spread(0.01), spread(0.01))) == "Post is better than pre for relu and tanh."
    assert write_headline(settle(spread(0.001), spread(0.01))) == (
        "Post is better than pre for tanh; not decided between pre and post for relu."
    )
    assert write_headline(settle(spread(0.001), spread(0.001))) == (
        "Nothing; not decided between pre and post for relu and tanh."
    )


def test_what_is_contrary_to_the_frozen_direction_says_so() -> None:
    relu, tanh = settle(spread(-0.01), spread(0.001))
    assert "pre is better than post, against what was foretold: post − pre = −1.00 pp" in relu.sentence
    assert relu.evidence == "confirmed"
    assert (tanh.kind, tanh.evidence) == ("undecided", "not confirmed")


def test_divergence_is_told_apart_from_accuracy() -> None:
    relu, _ = settle(spread(0.01), spread(0.01), diverged=[0])
    assert "n = 9 of 10 fresh seeds, on which both trained, p = 0.0078" in relu.sentence
    assert (
        "; pre diverged in 1 of 10 runs: a risk of 0 to 45 of 100 (95 %); with failed runs at chance it would be +9."
        in relu.sentence
    )
    never, _ = settle(spread(0.01), spread(0.01), diverged=range(N))
    assert "; a failed run counts at chance, because an arm never trained" in never.sentence
    apart, _ = settle(spread(0.01), spread(0.01), diverged=[0, 1, 2, 3, 4, *range(N + 5, 2 * N)])
    assert "not decided between pre and post: on none of 10 fresh seeds both trained; explored +" in apart.sentence
    nothing, _ = settle(spread(0.01), spread(0.01), diverged=range(4 * N))
    assert nothing.kind == "nothing"
    assert "not tested" in nothing.sentence


def test_the_state_shows_no_number_of_fresh_runs_before_all_are_trained() -> None:
    running = write_state(confirmation([spread(0.01), spread(0.01)], trained=7), "out/mine")
    assert running == (
        "A confirmation is frozen on 2026-01-01 UTC: 7 of 40 runs trained. Nothing of them is tested or shown until "
        "all are: `bnexp confirm out/mine` goes on."
    )
    done = write_state(confirmation([spread(0.01), spread(0.01)]), "out/mine")
    assert done.startswith(
        "Tested on 10 fresh seeds (5 to 14) that nothing was chosen on, by a plan frozen on 2026-01-01"
    )
    assert "in all of its 2 contrasts a false claim with a probability of at most 5 %" in done
    assert done.endswith("none of 10 runs failed may still do so in up to 26 of 100 (95 %).")  # 1 − 0.05^(1/10)


def test_the_next_step_says_what_it_takes() -> None:
    plan = plan_of()
    assert "10 seeds for each of 4 arms, about 2 core minutes, for differences of 0.2 pp" in write_advice(plan, 120.0)
    assert "10 seeds for each of 4 arms, for" in write_advice(plan, math.nan)
    assert write_command("a b", "effect=2") == "bnexp confirm 'a b' effect=2"
    assert write_foretold(plan, plan.contrasts[0]) == "post > pre"


def test_seeds_that_were_added_are_called_another_look() -> None:
    assert write_looks(0) == ""
    assert write_looks(1) == (
        "Second look at an explored store: 1 command has added seeds; the stated p holds for one look."
    )
    assert write_looks(4).startswith("Fifth look at an explored store: 4 commands have added seeds;")


def test_what_of_the_design_changed_after_data_could_be_seen_is_said() -> None:
    assert write_changes(DesignChanges()) == ""
    assert write_changes(DesignChanges(arms=1, questions=2)) == (
        "The design changed after data could be seen: after the first command, one command added arms and 2 commands "
        "asked another question; no stated p allows for what was added or asked because of them."
    )


def test_a_finding_that_the_test_examples_may_have_made_says_so_beside_both_intervals() -> None:
    found = confirmation([spread(0.01), spread(0.01)])
    table = confirming.test_confirmation(found)
    ends = {"crossed_low": [0.004, -0.001], "crossed_high": [0.016, 0.021]}
    wide = table.assign(**ends, test_examples=10_000, crossed_equivalent=False)
    whole, alone = (verdict.sentence for verdict in write_settled(found, wide))
    both = " (95 %, 2 intervals together) over seeds, [0.40, 1.60] (95 %) over seeds and examples, n = 10"
    assert both in whole
    told = "(shown for other trainings judged by these 10,000 test examples, not for other test examples), n = 10"
    assert f"[−0.10, 2.10] (95 %) over seeds and examples {told}" in alone
    assert "not for other test examples" not in whole
