"""What was measured inside the layers, over seeds, against what is computed by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bnexp.statistics import layers

NAN = float("nan")


def runs(count: int = 2, steps: int = 100, hidden: str = "10-10") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run": [f"r{seed}" for seed in range(count)],
            "placement": "pre",
            "seed": range(count),
            "steps": steps,
            "batch_size": 60,
            "hidden": hidden,
        }
    )


def rows(run: str, steps: list[int], layer: int = 1, **probes: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"run": run, "step": steps, "layer": layer, **probes})


def test_a_stage_is_the_start_the_first_measurement_after_a_tenth_or_the_last_step() -> None:
    frame = pd.concat([rows("r0", [0, 5, 15, 20, 100]), rows("r1", [0, 5, 15])])
    estimates = layers.add_run_columns(frame, runs(), ["placement"])
    assert estimates["stage"].fillna("").tolist() == ["init", "", "early", "", "end", "init", "", "early"]
    assert set(estimates["depth"]) == {2}
    assert set(estimates["placement"]) == {"pre"}


def test_a_mean_is_over_the_seeds_that_have_a_number_and_counts_them() -> None:
    frame = pd.concat([rows(f"r{i}", [0, 10], saturated=values) for i, values in enumerate([[1, 4], [3, NAN], [8, 6]])])
    estimates = layers.means(frame, ["step"], ["saturated"]).set_index("step")
    assert estimates["n"].to_dict() == {0: 3, 10: 2}
    assert estimates["mean"].to_dict() == {0: 4.0, 10: 5.0}
    half = stats.t.ppf(0.975, 2) * math.sqrt((9 + 1 + 16) / 2) / math.sqrt(3)
    assert estimates.loc[0, ["low", "high"]].tolist() == pytest.approx([4 - half, 4 + half])


def test_what_no_seed_has_is_no_row_and_one_seed_has_no_interval() -> None:
    frame = rows("r0", [0, 10], saturated=[0.5, NAN])
    estimates = layers.means(frame, ["step"], ["saturated"])
    assert estimates["step"].tolist() == [0]
    assert estimates[["low", "high"]].isna().to_numpy().all()


def test_a_geometric_mean_and_its_interval_are_those_of_the_logarithms_and_zero_has_none() -> None:
    frame = pd.concat([rows(f"r{i}", [0], effective_lr=[value]) for i, value in enumerate([1.0, 100.0, 0.0])])
    estimates = layers.geometric_means(frame, ["step"], ["effective_lr"]).iloc[0]
    assert estimates["mean"] == pytest.approx(10)
    assert estimates["n"] == 2
    factor = math.exp(stats.t.ppf(0.975, 1) * math.log(100) / math.sqrt(2) / math.sqrt(2))
    assert [estimates["low"], estimates["high"]] == pytest.approx([10 / factor, 10 * factor])


def test_growth_is_the_ratio_to_the_next_hidden_layer_at_initialization_and_the_ends_are_marked() -> None:
    depth = 12
    frame = pd.concat(rows("r0", [0, 7], layer, product_gradient=[3.0**-layer, 1.0]) for layer in range(depth + 2))
    estimates = layers.gradient_growth(
        layers.add_run_columns(frame, runs(1, hidden="-".join(["10"] * depth)), ["placement"])
    )
    assert estimates["layer"].tolist() == list(range(1, depth))
    assert estimates["growth"].to_numpy() == pytest.approx(3)
    assert estimates.loc[estimates["in_middle"], "layer"].tolist() == [4, 5, 6, 7, 8]


def test_the_geometric_mean_over_layers_stays_within_a_run() -> None:
    frame = pd.DataFrame({"run": ["a", "a", "b"], "growth": [2.0, 8.0, 5.0]})
    assert layers.geometric_over_layers(frame, "growth").tolist() == pytest.approx([4, 4, 5])


def test_layers_of_a_run_are_taken_together_before_seeds_are_counted() -> None:
    frame = pd.concat([rows("r0", [5], 1, mean_gap=[1.0]), rows("r0", [5], 2, mean_gap=[3.0])])
    estimates = layers.layer_means(frame, ["mean_gap"])
    assert estimates["mean_gap"].tolist() == [2.0]


def test_a_histogram_over_runs_keeps_the_mass_and_the_places_of_each() -> None:
    shares = np.zeros(4)
    shares[1] = 1.0
    frame = pd.DataFrame(
        {
            "run": ["a", "b"],
            "placement": "pre",
            "input_histogram": [shares, np.full(4, 0.25)],
            "input_low": [0.0, 0.0],
            "input_high": [4.0, 8.0],
        }
    )
    estimates = layers.histograms(frame, ["placement"], "input")
    assert len(estimates) == layers.BINS
    assert set(estimates["n"]) == {2}
    assert (estimates["density"] * estimates["width"]).sum() == pytest.approx(1)
    uniform = 1 / 8  # of the second run, which spreads over 0 to 8
    inside = (estimates["value"] > 1.2) & (estimates["value"] < 1.8)  # the second of four bins between 0 and 4
    assert estimates.loc[inside, "density"].to_numpy() == pytest.approx((1 + uniform) / 2)
    assert estimates.loc[estimates["value"] > 4.2, "density"].to_numpy() == pytest.approx(uniform / 2)


def test_no_histogram_gives_no_row() -> None:
    frame = pd.DataFrame({"placement": ["pre"], "input_histogram": [None], "input_low": [NAN], "input_high": [NAN]})
    assert layers.histograms(frame, ["placement"], "input").empty


def test_twins_are_compared_seed_by_seed_and_step_by_step() -> None:
    points = pd.DataFrame(
        {
            "gain": [1, 8, 1, 8, 1],
            "activation": "relu",
            "seed": [0, 0, 1, 1, 2],
            "step": 5,
            "train_loss": [1.0, 1.25, 7.0, 7.0, 99.0],
        }
    )
    estimates = layers.largest_differences(points, "gain", ["activation"]).iloc[0]
    assert (estimates["difference"], estimates["n"]) == (0.25, 2)
