"""What is compared under what, deduced from the runs."""

import dataclasses

import numpy as np
import pytest

from bnexp.choices import Activation
from bnexp.runs import Run
from bnexp.statistics.arms import score_runs
from bnexp.statistics.design import Design, deduce_design
from tests.support.synthetic import grid, product, rows


def over(runs: list[Run], name: str, values: list[object]) -> list[Run]:
    return [dataclasses.replace(run, **{name: value}) for run in runs for value in values]


def test_placements_are_compared_at_tuned_learning_rates_for_each_activation() -> None:
    runs, _ = rows(product(activations=["tanh", "relu"], lrs=[0.1, 1.0]))
    assert deduce_design(score_runs(runs)) == Design("placement", ("none", "pre", "post"), "lr", ("activation",), None)


def test_a_numeric_axis_with_three_values_is_drawn_on_x_and_the_others_are_facets() -> None:
    sweep = over(over(product(), "batch_size", [20, 30]), "norm_momentum", [0.1, 0.2, 0.3])
    design = deduce_design(score_runs(rows(sweep)[0]))
    assert design.cells == ("activation", "batch_size", "norm_momentum")
    assert (design.x, design.facets) == ("norm_momentum", ("activation", "batch_size"))


def test_depth_counts_as_a_number() -> None:
    assert deduce_design(score_runs(rows(over(product(), "hidden", [(9,), (9, 9), (9, 9, 9)]))[0])).x == "hidden"


def test_any_axis_can_be_compared_by_either_of_its_names_its_levels_in_order() -> None:
    runs, _ = rows(over(product(activations=["tanh", "relu"]), "norm_eps", [1e-3, 1e-5]))
    assert deduce_design(score_runs(runs), "activation").levels == (Activation.relu, Activation.tanh)
    assert deduce_design(score_runs(runs), "activation").cells == ("placement", "norm_eps")
    assert deduce_design(score_runs(runs), "norm.eps") == deduce_design(score_runs(runs), "norm_eps")
    assert deduce_design(score_runs(runs), "norm.eps").levels == (1e-5, 1e-3)


def test_a_learning_rate_that_is_compared_is_not_tuned() -> None:
    design = deduce_design(score_runs(rows(product(lrs=[0.1, 1.0]))[0]), "lr")
    assert (design.compared, design.tuned, design.cells) == ("lr", None, ("placement", "activation"))


@pytest.mark.parametrize(
    ("compared", "end"),
    [
        ("activatoin", "got 'activatoin': did you mean activation?"),
        ("activation", "got 'activation': it has one value here"),
    ],
)
def test_an_axis_that_is_none_or_does_not_vary_cannot_be_compared(compared: str, end: str) -> None:
    with pytest.raises(
        ValueError, match="compare must be a setting in which the runs differ, one of placement, lr"
    ) as said:
        deduce_design(score_runs(rows(product(lrs=[0.1, 1.0]))[0]), compared)
    assert str(said.value).endswith(end)


def test_every_run_stands_in_its_place_of_the_grid() -> None:
    runs, _ = rows(product(activations=["tanh", "relu"], lrs=[1.0, 0.1], seeds=[4, 2, 7]))
    whole = grid(runs)
    assert whole.row_KLTS.shape == (2, 3, 2, 3)
    for (k, level, t, s), row in np.ndenumerate(whole.row_KLTS):
        run = whole.rows.iloc[row]
        place = (whole.cells["activation"][k], whole.design.levels[level], whole.lrs[t], whole.seeds[s])
        assert (run["activation"], run["placement"], run["lr"], run["seed"]) == place


def test_an_arm_in_which_an_axis_cannot_act_stands_in_every_cell_that_agrees_with_it() -> None:
    sweep = over(over(product(seeds=[0]), "batch_size", [20, 30]), "norm_eps", [1e-5, 1e-3])
    runs, _ = rows(sweep)
    whole = grid(runs)
    assert len(whole.cells) == 4
    assert whole.present_KLTS.all()
    none = whole.row_KLTS[:, 0, 0, 0]
    for k, row in enumerate(none):
        assert whole.rows["batch_size"][row] == whole.cells["batch_size"][k]
    assert len(set(none)) == 2


def test_runs_in_which_the_compared_axis_cannot_act_are_left_out() -> None:
    runs, _ = rows(over(product(seeds=[0]), "norm_eps", [1e-5, 1e-3]))
    assert set(grid(runs, "norm_eps").rows["placement"]) == {"pre", "post"}
