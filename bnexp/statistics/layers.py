"""What was measured inside the layers, over seeds: rows of a store in, estimates out.

A run that diverged has no rows from then on, and a number that a layer does not have is missing: both are left out, and
`n` counts what is left. Layers count from 1; `depth` is the number of hidden ones, the layer after them is the output.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from bnexp.statistics.arms import average_groups

EARLY: Final = 0.1
"""Part of the training after which it is early."""

END: Final = 3
"""Layers at each end of a deep net in which gradients do not yet grow as in the middle."""

DEEP: Final = 10
"""Hidden layers from which a net is deep: it has a middle. One of fewer has ends of one layer."""

BINS: Final = 60
"""Of a histogram over several runs."""


def add_run_columns(layers: pd.DataFrame, runs: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the rows `layers` of `runs` with the columns `by` of their runs, seed, steps, batch_size, depth and stage.

    `runs` are some that `arms.score_runs` gave. `stage` is init at step 0, end after the last step, early at the first
    measurement after `EARLY` of the steps, and missing in between.
    """
    columns = list(dict.fromkeys(["run", *by, "seed", "steps", "batch_size", "hidden"]))
    rows = layers.merge(runs[columns], on="run")
    rows["depth"] = rows["hidden"].str.count("-") + 1
    begun = rows["step"].where(rows["step"] >= EARLY * rows["steps"])
    rows["stage"] = pd.Series(None, index=rows.index, dtype=object)
    rows.loc[rows["step"] == begun.groupby(rows["run"]).transform("min"), "stage"] = "early"
    rows.loc[rows["step"] == 0, "stage"] = "init"
    rows.loc[rows["step"] == rows["steps"], "stage"] = "end"
    return rows


def hidden_layers(rows: pd.DataFrame) -> pd.DataFrame:
    """Return those of `rows` that are of a hidden layer."""
    return rows[(rows["layer"] > 0) & (rows["layer"] <= rows["depth"])]


def middle_layer(rows: pd.DataFrame) -> pd.DataFrame:
    """Return those of `rows` that are of the hidden layer in the middle, the earlier of two."""
    return rows[rows["layer"] == (rows["depth"] + 1) // 2]


def deepest_nets(rows: pd.DataFrame) -> pd.DataFrame:
    """Return those of `rows` that are of the nets with the most layers."""
    deepest: pd.DataFrame = rows[rows["depth"] == rows["depth"].max()]
    return deepest


def means(rows: pd.DataFrame, by: Sequence[str], probes: Sequence[str]) -> pd.DataFrame:
    """Return the mean of each of `probes` over the rows that agree in `by`, and its interval (missing for one row).

    Columns: `by`, probe, mean, low, high and n.
    """
    return average_groups(rows, by, probes, "probe")


def geometric_means(rows: pd.DataFrame, by: Sequence[str], probes: Sequence[str]) -> pd.DataFrame:
    """Return the geometric mean of each of `probes` over the rows that agree in `by`, and its interval.

    For what differs by factors, such as gradients: mean and interval are those of the logarithms. Zero has none and is
    left out. Columns: `by`, probe, mean, low, high and n.
    """
    logarithms = {probe: np.log(rows[probe].where(rows[probe] > 0)) for probe in probes}
    estimates = means(rows.assign(**logarithms), by, probes)
    return estimates.assign(**{name: np.exp(estimates[name]) for name in ("mean", "low", "high")})


def layer_means(rows: pd.DataFrame, probes: Sequence[str]) -> pd.DataFrame:
    """Return a row per run and step with the mean of each of `probes` over the layers, all other columns as they are.

    Seeds stay the unit of evidence: the layers of one net are not independent.
    """
    averages = rows.groupby(["run", "step"], sort=False)[list(probes)].mean().reset_index()
    return rows.drop(columns=list(probes)).drop_duplicates(["run", "step"]).merge(averages, on=["run", "step"])


def geometric_over_layers(rows: pd.DataFrame, column: str) -> "pd.Series[float]":
    """Return, for each of `rows`, the geometric mean of `column` (> 0) over those of the same run."""
    logarithms = pd.Series(np.log(rows[column]), rows.index).groupby(rows["run"]).transform("mean")
    return pd.Series(np.exp(logarithms), rows.index)


def gradient_growth(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how much the squared gradient grows from layer to layer on the way back at initialization.

    A row per run and `layer`, the one that the gradient arrives at from the next; `growth` is the ratio of their
    squared norms with respect to the product z, `in_middle` whether the layer is far from both ends of the net.
    """
    first = hidden_layers(rows[rows["step"] == 0]).sort_values(["run", "layer"])
    after = first.groupby("run")["product_gradient"].shift(-1)
    known = (first["product_gradient"] > 0) & (after > 0)
    ends = np.where(first["depth"] >= DEEP, END, 1)
    inner = (first["layer"] > ends) & (first["layer"] < first["depth"] - ends)
    return first.assign(growth=first["product_gradient"] / after, in_middle=inner)[known]


def histograms(rows: pd.DataFrame, by: Sequence[str], what: str) -> pd.DataFrame:
    """Return the density of `what` (input, before or after) over the runs that agree in `by`, all weighing the same.

    A row per bin of one width from the least to the greatest value of these runs; columns: `by`, value (the middle of
    the bin), width, density and n. Within a bin of a run, values count as spread evenly.
    """
    known = rows[rows[f"{what}_histogram"].notna()]
    if known.empty:
        return pd.DataFrame(columns=[*by, "value", "width", "density", "n"])
    shares_KH = np.stack(list(known[f"{what}_histogram"]))
    below_KH = np.concatenate([np.zeros((len(known), 1)), shares_KH.cumsum(1)], 1)
    group = known.groupby(list(by), dropna=False, sort=False)
    low_K, high_K = (known[f"{what}_{end}"].to_numpy(dtype=float)[:, None] for end in ("low", "high"))
    least_K = group[f"{what}_low"].transform("min").to_numpy(dtype=float)[:, None]
    most_K = group[f"{what}_high"].transform("max").to_numpy(dtype=float)[:, None]
    edges_KE = least_K + (most_K - least_K) * np.linspace(0, 1, BINS + 1)
    span_K = np.where(high_K > low_K, high_K - low_K, 1.0)
    place_KE = np.clip((edges_KE - low_K) / span_K, 0, 1) * shares_KH.shape[1]
    bin_KE = np.minimum(place_KE.astype(int), shares_KH.shape[1] - 1)
    reached_KE = np.take_along_axis(below_KH, bin_KE, 1)
    reached_KE += (place_KE - bin_KE) * np.take_along_axis(shares_KH, bin_KE, 1)
    width_K = np.where(most_K > least_K, (most_K - least_K) / BINS, 1.0)
    tidy = pd.DataFrame(
        {
            **{name: np.repeat(known[name].to_numpy(), BINS) for name in by},
            "value": ((edges_KE[:, 1:] + edges_KE[:, :-1]) / 2).ravel(),
            "width": np.repeat(width_K, BINS),
            "density": (np.diff(reached_KE, axis=1) / width_K).ravel(),
        }
    )
    columns = [*by, "value", "width"]
    return tidy.groupby(columns, dropna=False, sort=False)["density"].agg(density="mean", n="size").reset_index()


def largest_differences(points: pd.DataFrame, compared: str, by: Sequence[str]) -> pd.DataFrame:
    """Return how far apart the training losses of the levels of `compared` are, seed by seed, at most.

    `points` are curves as `curves.complete_curves` gives them. A row per combination of `by`; columns: `by`, difference
    (nats, the greatest over seeds and steps, infinite if a loss is not finite) and n seeds.
    """
    known = points.dropna(subset="train_loss")
    losses = known.groupby([*by, "seed", "step"], dropna=False, sort=False)["train_loss"]
    spread = losses.agg(["min", "max", "size"])
    spread = spread[spread["size"] == points[compared].nunique()]
    apart = (spread["max"] - spread["min"]).fillna(np.inf).rename("difference").reset_index()
    cells = apart.groupby(list(by), dropna=False, sort=False)
    return cells.agg(difference=("difference", "max"), n=("seed", "nunique")).reset_index()
