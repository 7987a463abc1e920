"""What the theory says of the arms of a report: frames in, the same with a column `predicted` out."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bnexp.choices import Activation, InitScheme, NormStatistics, Placement
from bnexp.engine.sizes import POPULATION_BATCHES, PROBED_EXAMPLES
from bnexp.norms.kinds import NormKind
from bnexp.theory import predictions


def add_predicted_growth(arms: pd.DataFrame) -> pd.DataFrame:
    """Add how much the squared gradient grows per layer in wide nets of the `arms`.

    Columns read: placement, activation, data_train, hidden and those of the initialization, which may be of any arm of
    a cell. Missing where the hidden layers differ in width.
    """

    def predict(row: dict[Any, Any]) -> float:
        if row.get("norm_kind", NormKind.batch) in set(NormKind) - {NormKind.batch}:
            return math.nan  # the relatives have other rates
        if row["activation"] not in set(Activation):
            return math.nan  # one of the user's
        sigma = _find_sigma(row)
        batch = min(PROBED_EXAMPLES, int(row["data_train"]))
        return predictions.growth_rate(Placement(row["placement"]), Activation(row["activation"]), sigma, batch)

    return arms.assign(predicted=[predict(row) for row in arms.to_dict("records")])


def add_predicted_floor(rows: pd.DataFrame, arm: Sequence[str]) -> pd.DataFrame:
    """Add var/(var + eps) in wide nets at initialization, for all hidden layers but the first; `arm` are its columns.

    `rows` has a row per arm and hidden layer, in the column `mean` what was measured. What the data give to the first
    layer is no theory's matter: its measured share is where the prediction starts.
    """
    parts = [pd.DataFrame(columns=[*arm, "layer", "predicted"])]
    known = rows["activation"].isin(list(Activation))
    for row in rows[(rows["layer"] == 1) & known].to_dict("records"):
        placement, activation, layers = Placement(row["placement"]), Activation(row["activation"]), int(row["depth"])
        shares = predictions.normalized_shares(
            placement, activation, _find_sigma(row), row["norm_eps"], first=row["mean"], layers=layers
        )
        setting = {name: row[name] for name in arm}
        parts.append(pd.DataFrame({**setting, "layer": range(2, layers + 1), "predicted": shares[1:]}))
    return rows.merge(pd.concat(parts), on=[*arm, "layer"], how="left")


def add_predicted_gap(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the gap of the first layer's means that sampling alone leaves when the weights stand still.

    E|N(0, v)| = √(2v/π), in units of the deviation over examples. The mean of a sample of n of N examples has
    v = 1/n − 1/N; running averages with momentum m of batches of B add v = m/((2 − m)·B). Population statistics are
    those of the M examples of 100 batches, of which the sample is a part: v = 1/n − 1/M. Derived. Later layers see
    inputs that every batch has normalized for itself, and have smaller gaps. Columns read: probe, batch_size,
    data_train, norm_momentum, norm_statistics.
    """
    B, N, m = rows["batch_size"], rows["data_train"], rows["norm_momentum"]
    is_running = rows["norm_statistics"] == NormStatistics.running
    running = 1 / PROBED_EXAMPLES - 1 / N + m / ((2 - m) * B)
    population = 1 / PROBED_EXAMPLES - 1 / np.minimum(POPULATION_BATCHES * B, N)
    v = running.where(is_running, population).clip(lower=0)
    return rows.assign(predicted=(2 * v / math.pi).pow(0.5).where(rows["probe"] == "first_mean_gap"))


def _find_sigma(row: dict[Any, Any]) -> float:
    """Return σ of a hidden layer after the first."""
    widths = [int(width) for width in str(row["hidden"]).split("-")]
    gain = row["init_gain"] * row["init_hidden_gain"]
    return (
        predictions.initial_sigma(InitScheme(row["init_scheme"]), gain, widths[0])
        if len(set(widths)) == 1
        else math.nan
    )
