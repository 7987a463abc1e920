"""What the theory says of the arms of a report: frames in, the same with a column `predicted` out."""

import math
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from bnexp.choices import Activation, InitScheme, NormStatistics, Placement
from bnexp.theory import predictions

SAMPLE: Final = 500
"""Training examples on which everything inside the layers is measured (`probes.EXAMPLES`)."""

BATCHES: Final = 100
"""Most batches over which population statistics are taken (`population.BATCHES`)."""

HALF: Final = 0.5
"""A share near which it tells most about the variance behind it: near 1 what is missing is rounding."""


def growth(arms: pd.DataFrame) -> pd.DataFrame:
    """Add how much the squared gradient grows per layer in wide nets of the `arms`.

    Columns read: placement, activation, data_train, hidden and those of the initialization, which may be of any arm of
    a cell. Missing where the hidden layers differ in width.
    """

    def rate(row: dict[Any, Any]) -> float:
        sigma = _sigma(row)
        batch = min(SAMPLE, int(row["data_train"]))
        return predictions.rate(Placement(row["placement"]), Activation(row["activation"]), sigma, batch)

    return arms.assign(predicted=[rate(row) for row in arms.to_dict("records")])


def floor(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Add var/(var + eps) in wide nets at initialization; `by` are the columns of an arm without its init.gain.

    `rows` has a row per arm and hidden layer, in the column `mean` what was measured. The variance that the data give
    to the first layer is taken from the gain at which the first layer's share is nearest to `HALF`, and grows with the
    square of the gain.
    """
    first = rows[rows["layer"] == 1]
    nearest = (first["mean"] - HALF).abs().groupby([first[name] for name in by], dropna=False).idxmin()
    unit = first.loc[nearest].assign(
        unit=lambda known: known["norm_eps"] * known["mean"] / (1 - known["mean"]) / known["init_gain"] ** 2
    )
    arms = first.merge(unit[[*by, "unit"]], on=list(by))
    parts = []
    for row in arms.to_dict("records"):
        var, layers = row["unit"] * row["init_gain"] ** 2, int(row["depth"])
        arm = Placement(row["placement"]), Activation(row["activation"])
        shares = predictions.floor(*arm, _sigma(row), row["norm_eps"], var / (var + row["norm_eps"]), layers)
        setting = {name: row[name] for name in (*by, "init_gain")}
        parts.append(pd.DataFrame({**setting, "layer": range(1, layers + 1), "predicted": shares}))
    return rows.merge(pd.concat(parts), on=[*by, "init_gain", "layer"])


def gap(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the gap of the means that sampling alone leaves when the weights stand still; the variances have none.

    E|N(0, v)| = √(2v/π), in units of the deviation over examples. The mean of a sample of n of N examples has
    v = 1/n − 1/N; running averages with momentum m of batches of B add v = m/((2 − m)·B), those over the population
    that of a sample of 100 batches. Derived. Columns read: probe, batch_size, data_train, norm_momentum,
    norm_statistics.
    """
    B, N, m = rows["batch_size"], rows["data_train"], rows["norm_momentum"]
    is_running = rows["norm_statistics"] == NormStatistics.running
    others = (m / ((2 - m) * B)).where(is_running, (1 / (BATCHES * B) - 1 / N).clip(lower=0))
    v = (1 / SAMPLE - 1 / N).clip(lower=0) + others
    return rows.assign(predicted=(2 * v / math.pi).pow(0.5).where(rows["probe"] == "mean_gap"))


def _sigma(row: dict[Any, Any]) -> float:
    """Return σ of a hidden layer after the first."""
    widths = [int(width) for width in str(row["hidden"]).split("-")]
    gain = row["init_gain"] * row["init_hidden_gain"]
    return predictions.sigma(InitScheme(row["init_scheme"]), gain, widths[0]) if len(set(widths)) == 1 else math.nan
