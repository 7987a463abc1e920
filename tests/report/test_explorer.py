from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnexp.report import explorer as explorers
from bnexp.report.explorer import Level, make_explorer
from tests.support.pages import LEVELS, curves


def test_curves_of_a_level_on_which_an_axis_cannot_act_belong_to_all_values_of_it() -> None:
    estimates = curves((0.1, 1.0))
    estimates = estimates[(estimates["placement"] != "none") | (estimates["lr"] == 0.1)]
    estimates = estimates.assign(lr=estimates["lr"].where(estimates["placement"] != "none"))
    explorer = make_explorer(estimates, "placement", LEVELS, ("activation", "lr"), start={}, caption="")
    assert explorer.axes == (("activation", ("relu", "tanh", "sigmoid")), ("lr", ("0.1", "1")))
    assert {series["at"][1] for series in explorer.data["series"] if series["level"] == 0} == {-1}
    assert {series["at"][1] for series in explorer.data["series"] if series["level"] > 0} == {0, 1}


def test_numbers_can_be_compared_and_those_that_are_not_asked_for_are_left_out() -> None:
    levels = [Level(1.0, "lr = 1", "#000000"), Level(0.1, "lr = 0.1", "#0072B2")]
    explorer = make_explorer(
        curves((0.1, 0.5, 1.0)), "lr", levels, ("placement", "activation"), start={"activation": "tanh"}, caption=""
    )
    assert [level.name for level in explorer.levels] == ["1", "0.1"]
    assert explorer.start == (0, 1)
    assert len(explorer.data["series"]) == 2 * 3 * 3 * 4
    first = explorer.data["series"][0]
    relu = curves((1.0,)).query("placement == 'none' and activation == 'relu' and metric == 'train_loss'")
    assert (first["at"], first["level"], explorer.metrics[first["metric"]]) == ([0, 0], 0, "train_loss")
    assert first["mean"] == pytest.approx(relu["mean"].tolist(), rel=1e-3)


def test_a_curve_is_rounded_and_what_is_not_finite_is_null() -> None:
    points: dict[str, Any] = {"step": [20, 0, 10], "n": [3, 5, 4], "placement": "pre", "activation": "relu"}
    losses = {"mean": [np.inf, 2.345678, 0.00123456], "low": [np.nan, 2.1, 0.0], "high": [np.nan, 12345.6, -0.0123461]}
    accuracies = {"mean": [0.9876543, 0.1, 0.5], "low": 0.1, "high": 1.0}
    estimates = pd.concat(
        [
            pd.DataFrame({**points, **losses, "metric": "train_loss"}),
            pd.DataFrame({**points, **accuracies, "metric": "test_accuracy"}),
        ]
    )
    data = make_explorer(estimates, "placement", LEVELS, ("activation",), start={}, caption="").data
    assert data["steps"] == [[0, 10, 20]]
    loss, accuracy = data["series"]
    assert (loss["mean"], loss["low"], loss["high"]) == (
        [2.346, 0.001235, None],
        [2.1, 0.0, None],
        [12350, -0.01235, None],
    )
    assert (accuracy["mean"], accuracy["n"]) == ([0.1, 0.5, 0.98765], "3–5")


def test_many_curves_are_thinned_and_keep_their_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def steps() -> list[list[int]]:
        return list(
            make_explorer(curves((0.1,)), "placement", LEVELS, ("activation", "lr"), start={}, caption="").data["steps"]
        )

    assert [len(each) for each in steps()] == [60]
    monkeypatch.setattr(explorers, "MOST_POINTS", 36 * 20)  # 3 placements × 3 activations × 4 metrics
    assert [(each[0], each[-1], len(each)) for each in steps()] == [(0, 2500, 20)]
    monkeypatch.setattr(explorers, "MOST_POINTS", 36)
    assert [(each[0], each[-1], len(each)) for each in steps()] == [(0, 2500, explorers.FEWEST)]
