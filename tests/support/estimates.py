"""A maker of frames that look like those of the statistics, with numbers that are plausible and easy to tell apart.

Accuracies peak at one learning rate; every placement has its own peak and every activation its own height.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

LRS = (0.01, 0.03, 0.1, 0.3, 1.0)
_PEAKS = {"none": 0.1, "pre": 0.3, "post": 0.3}
_HEIGHTS = {"none": 0.955, "pre": 0.979, "post": 0.981}


def finals(
    levels: Sequence[Any] = ("none", "pre", "post"),
    activations: Iterable[str] = ("relu", "tanh", "sigmoid"),
    lrs: Iterable[float] = LRS,
    n: int = 10,
    compared: str = "placement",
    x: str = "lr",
) -> pd.DataFrame:
    """Return a row per activation, level and value of `x`; no bands for one seed; large values diverge."""
    rows = []
    for column, activation in enumerate(activations):
        for number, level in enumerate(levels):
            peak, height = _PEAKS.get(level, 0.1 * 1.5**number), _HEIGHTS.get(level, 0.95 + 0.005 * number)
            arms = []
            for place, value in enumerate(lrs):
                scaled = value if x == "lr" else 0.01 * 3**place
                mean = 1 - (1 - height) * (1 + 0.6 * np.log10(scaled / peak) ** 2) * (1 + 0.35 * column)
                diverged = (7 if level == "none" else 1) * n // 10 if scaled > 0.9 else 0
                stuck = n if level == "none" and activation == "sigmoid" and scaled < 0.05 else 0
                mean = (mean * (n - diverged - stuck) + 0.1 * (diverged + stuck)) / n
                half = 0.0016 + 0.2 * diverged / n if n > 1 else np.nan
                arms.append(
                    {
                        "activation": activation,
                        compared: level,
                        x: value,
                        "mean": mean,
                        "low": mean - half,
                        "high": mean + half,
                        "n": n,
                        "diverged": diverged,
                        "stuck": stuck,
                    }
                )
            best = max(range(len(arms)), key=lambda i: float(arms[i]["mean"]))
            rows += [{**arm, "best": i == best} for i, arm in enumerate(arms)]
    return pd.DataFrame(rows)


def best(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the chosen rows of `finals`."""
    return frame[frame["best"]].reset_index(drop=True)


def effects(frame: pd.DataFrame, compared: str = "placement") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the contrasts at the best lr and at the fixed ones that belong to the finals `frame`."""
    chosen, fixed = [], []
    for activation, cell in frame.groupby("activation", sort=False):
        levels = list(cell[compared].unique())
        for i, b in enumerate(levels):
            for a in levels[i + 1 :]:
                left, right = (best(cell[cell[compared] == level]).iloc[0] for level in (a, b))
                row = _contrast(activation, a, b, left["mean"] - right["mean"], int(left["n"]))
                chosen.append({**row, "lr_a": f"{left['lr']:g}", "lr_b": f"{right['lr']:g}"})
                for lr in cell["lr"].unique():
                    sides = cell[cell["lr"] == lr].set_index(compared)["mean"]
                    fixed.append({**_contrast(activation, a, b, sides[a] - sides[b], int(left["n"])), "lr": lr})
    return pd.DataFrame(chosen), pd.DataFrame(fixed).drop(columns=["p_family"])


def _contrast(activation: Any, a: Any, b: Any, mean: float, n: int) -> dict[str, Any]:
    half = 0.0009 + 0.15 * abs(mean) if n > 1 else np.nan
    few = n < 9
    return {
        "activation": activation,
        "a": a,
        "b": b,
        "n": n,
        "mean": mean,
        "low": mean - half,
        "high": mean + half,
        "p_family": np.nan if few else float(np.exp(-abs(mean) / 0.0006)),
        "equivalent": bool(abs(mean) + (half if n > 1 else 1) < 0.001),
        "note": f"n = {n}: at least 9 seeds are needed for 9 contrasts" if few else "",
    }


def times(frame: pd.DataFrame, horizon: int = 8340, compared: str = "placement") -> pd.DataFrame:
    """Return the steps to a threshold that belong to the chosen rows of the finals `frame`."""
    rows = best(frame)
    lacking = 1 - (rows["mean"] - rows["mean"].min()) / (rows["mean"].max() - rows["mean"].min())
    mean = horizon * (0.15 + 0.8 * lacking)
    half = np.where(rows["n"] > 1, 0.08 * mean, np.nan)
    return rows[["activation", compared]].assign(
        threshold=0.962,
        mean=mean,
        low=mean - half,
        high=np.minimum(mean + half, horizon),
        reached=(rows["n"] * (1 - lacking**3)).round().astype(int),
        n=rows["n"],
        horizon=horizon,
    )
