"""The largest learning rate at which nothing goes wrong."""

import numpy as np
import pytest

from bnexp.statistics.comparisons import average_finals
from bnexp.statistics.largest_stable_lr import largest_stable
from bnexp.verdicts.verdicts import largest_lr_in_words
from tests.support.synthetic import grid, product, rows

LRS = (0.1, 1.0, 10.0)


def test_a_run_that_diverges_or_is_stuck_makes_its_learning_rate_too_large() -> None:
    sweep = product(lrs=LRS, seeds=range(3))
    stuck = [run for run in sweep if run.placement == "none" and run.lr >= 1 and run.seed == 1]
    lost = [run for run in sweep if run.placement == "post" and run.lr == 10 and run.seed == 2]
    runs, _ = rows(sweep, lambda run: 0.1 if run in stuck else 0.9, diverged=dict.fromkeys(lost, 7))
    whole = grid(runs)
    stable = largest_stable(average_finals(whole), whole.design)
    assert dict(zip(stable["level"], stable["lr"], strict=True)) == {"none": 0.1, "pre": 10.0, "post": 1.0}
    assert stable["edge"].tolist() == [False, True, False]
    assert stable["n"].tolist() == [3, 3, 3]
    assert largest_lr_in_words(stable, whole.design) == (
        "Largest learning rate at which no run diverged or stayed at chance: "
        "none 0.1, pre 10 (the largest tried), post 1 for relu."
    )


@pytest.mark.parametrize("placement", ["none", "pre"])
def test_an_arm_that_always_goes_wrong_has_none(placement: str) -> None:
    sweep = product(["none", "pre"], lrs=LRS)
    runs, _ = rows(sweep, lambda run: 0.1 if run.placement == placement else 0.9)
    whole = grid(runs)
    stable = largest_stable(average_finals(whole), whole.design)
    assert np.isnan(stable.loc[stable["level"] == placement, "lr"].item())
    assert f"{placement} at none of them" in largest_lr_in_words(stable, whole.design)
