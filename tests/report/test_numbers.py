"""The rows of numbers that other programs take: they give what the tables of the page say."""

from pathlib import Path

import pandas as pd
import pytest

from bnexp.report.build import build
from bnexp.store.schemas import RUNS
from bnexp.store.store import Store
from tests.support.synthetic import clear_accuracy, product, rows


@pytest.mark.parametrize("lrs", [[0.1], [0.01, 0.1, 1.0]])
def test_the_pairs_have_the_mean_the_number_and_the_learning_rates_of_each_effect(
    lrs: list[float], tmp_path: Path
) -> None:
    sweep = [
        run
        for run in product(activations=["relu", "tanh"], lrs=lrs, seeds=range(7))
        if run.placement != "none" or run.seed < 5  # pairs of some seeds only
    ]
    runs, points = rows(sweep, clear_accuracy, diverged={sweep[0]: 7})
    Store(tmp_path).write("synthetic", runs.assign(seconds=1.0, machine="a machine"), points)
    build([Store(tmp_path)])
    effects = pd.read_csv(tmp_path / "report" / "tables" / "effects.csv", dtype={"lr_a": str})
    pairs = pd.read_csv(tmp_path / "report" / "tables" / "seeds.csv")
    assert list(pairs.columns) == [
        *("activation", "a", "b", "seed", "value_a", "value_b", "lr_a", "lr_b", "difference", "trained"),
    ]
    assert (pairs["value_a"] - pairs["value_b"] == pairs["difference"]).all()
    groups = pairs.groupby(["activation", "a", "b"])
    assert len(groups) == len(effects) == 6
    for effect in effects.to_dict("records"):
        group = groups.get_group((effect["activation"], effect["a"], effect["b"]))
        assert len(group) == effect["n"]
        assert group["trained"].sum() == effect["n_trained"]
        # An accuracy is compared where both runs trained: a diverged one is a risk.
        assert group.loc[group["trained"], "difference"].mean() == pytest.approx(effect["mean"], abs=1e-12)
        if len(lrs) > 1:
            assert {f"{lr:g}" for lr in group["lr_a"]} == set(effect["lr_a"].split(" | "))
    read = pd.read_csv(tmp_path / "report" / "tables" / "runs.csv").set_index(["placement", "activation", "lr", "seed"])
    for pair in pairs.to_dict("records"):
        run = read.loc[(pair["a"], pair["activation"], pair["lr_a"], pair["seed"])]
        assert pair["value_a"] == (0.1 if run["status"] == "diverged" else run["test_accuracy"])


def test_the_runs_have_every_column_of_the_store_and_the_failed_ones_are_there(tmp_path: Path) -> None:
    runs, points = rows(product())
    runs.loc[0, "status"] = "failed"
    Store(tmp_path).write("synthetic", runs.assign(seconds=1.0, machine="a machine"), points)
    report = build([Store(tmp_path)])
    read = pd.read_csv(tmp_path / "report" / "tables" / "runs.csv")
    assert list(read.columns) == RUNS.names
    assert len(read) == 9
    assert read["hidden"].unique().tolist() == ["100-100-100"]
    for name in ("runs", "seeds"):
        assert f'href="tables/{name}.csv"' in report.page.read_text()
