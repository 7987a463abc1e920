"""Which measured quantity of an activation predicts its gap, where each activation is left out of its own prediction.

Letters: A activations, K candidates, x_KA their values, y_A the gaps, H_K the hat matrices of a line through x, P
permutations.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.statistics.intervals_and_tests import Floats

PERMUTATIONS: Final = 9_999
"""Exchanges of the gaps over the activations, drawn; an estimated p of 0.05 then has a standard error of 0.002."""

FEWEST: Final = 5
"""Activations below which nothing is predicted: a line has two numbers of its own, and one activation is left out."""

_SEED: Final = 0

OF_INPUTS: Final = ("offset_share", "top_share", "condition", "effective_rank", "kurtosis")
"""Probes of what a layer's product takes: those of the output layer are of the last hidden layer's outputs."""

LOGARITHMIC: Final = (
    *("weight_norm", "effective_lr", "update_ratio", "weight_gradient", "product_gradient"),
    *("condition", "effective_rank", "kurtosis"),
)
"""Probes whose ratios mean something: their candidates are logarithms."""

PROBED: Final = (
    *("saturated", "flat_units", "skewness", "normalized", "mean_gap", "var_gap", "update_cosine"),
    *("offset_share", "top_share", *LOGARITHMIC),
)
"""Probes that are candidates."""

ROUNDING: Final = 9
"""Decimals of a candidate: a mean offset that is 0 under post has a share of rounding alone, which orders nothing."""


def predict_left_out(x_KA: Floats, y_A: Floats) -> Floats:
    """Return [K, A]: the gap of each activation as the least-squares line through the other ones predicts it.

    y_i − ŷ_i = (y − Hy)_i/(1 − H_ii): Allen 1974, "The relationship between variable selection and data augmentation",
    Technometrics 16. NaN where the others' x do not vary.
    """
    hats_KAA = _make_hats(x_KA)
    return np.asarray(y_A - _leave_out(hats_KAA, y_A[None])[:, 0])


def permute_candidates(x_KA: Floats, y_A: Floats, draws: int = PERMUTATIONS) -> tuple[Floats, Floats, Floats]:
    """Return R² [K], and p [K] of each candidate by itself and with the greatest R² of all of them.

    R² = 1 − Σ(y_i − ŷ_i)²/Σ(y_i − ȳ_i)², with ŷ_i and the mean ȳ_i both without activation i: negative where the line
    predicts worse than that mean.
    The gaps are exchanged over the activations; p = (1 + count)/(1 + draws) (Phipson & Smyth 2010). The maximum pays
    for having tried K candidates, with their correlation (Westfall & Young 1993).
    """
    hats_KAA = _make_hats(x_KA)
    rng = np.random.default_rng(_SEED)
    exchanged_PA = rng.permuted(np.tile(y_A, (draws, 1)), axis=1)
    seen_K = _score(hats_KAA, y_A[None])[:, 0]
    drawn_KP = np.nan_to_num(_score(hats_KAA, exchanged_PA), nan=-np.inf)
    least_K = np.nan_to_num(seen_K, nan=np.inf)[:, None] - 1e-12
    own_K = (1 + (drawn_KP >= least_K).sum(1)) / (1 + draws)
    family_K = (1 + (drawn_KP.max(0) >= least_K).sum(1)) / (1 + draws)
    known_K = np.isfinite(seen_K)
    return seen_K, np.where(known_K, own_K, np.nan), np.where(known_K, family_K, np.nan)


def rank_candidates(gaps: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
    """Return a row per candidate, the best first: candidate, activations, r, r2, p, p_family.

    `gaps` has activation and mean; `candidates` is indexed by activation, a column each. Activations without a gap,
    candidates that some activation lacks or that do not vary, are left out; r is the correlation. Empty with fewer than
    `FEWEST` activations.
    """
    y = gaps.set_index("activation")["mean"]
    shared = [name for name in y.index if name in candidates.index]
    table = candidates.loc[shared].dropna(axis=1)
    table = table.loc[:, table.std() > 1e-12 * table.abs().max()] if len(shared) > 1 else table.iloc[:, :0]
    columns = ["candidate", "activations", "r", "r2", "p", "p_family"]
    if len(shared) < FEWEST or table.empty:
        return pd.DataFrame(columns=columns)
    x_KA, y_A = table.to_numpy(dtype=float).T, y[shared].to_numpy(dtype=float)
    r2, p, p_family = permute_candidates(x_KA, y_A)
    r = [float(np.corrcoef(x_A, y_A)[0, 1]) for x_A in x_KA]
    rows = zip(table.columns, [len(shared)] * len(x_KA), r, r2, p, p_family, strict=True)
    return pd.DataFrame(list(rows), columns=columns).sort_values("r2", ascending=False, ignore_index=True)


def predict_gaps(gaps: pd.DataFrame, candidates: pd.DataFrame, candidate: str) -> pd.DataFrame:
    """Return activation, x, mean, low, high and predicted: each gap beside what the others predict by `candidate`."""
    rows = gaps[gaps["activation"].isin(candidates.index)].reset_index(drop=True)
    x_A = candidates.loc[rows["activation"], candidate].to_numpy(dtype=float)
    predicted = predict_left_out(x_A[None], rows["mean"].to_numpy(dtype=float))[0]
    return rows[["activation", "mean", "low", "high"]].assign(x=x_A, predicted=predicted)


def probe_candidates(layers: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return candidates from probes at step 0 and at 10 % of the steps, a row per activation.

    `layers` are rows of `schemas.LAYERS` of `runs`, which have run, placement, activation and steps. Each of `PROBED`
    is averaged over hidden layers (those of `OF_INPUTS` over the outputs of all of them), then seeds, within pre and
    within post; a candidate is its value under each of them and the difference post − pre. `growth` is the log of the
    squared gradient's ratio of the first to the last hidden layer, `weight_growth` of ‖w‖'s to that at step 0.
    """
    rows = layers.merge(runs[["run", "placement", "activation", "steps", "seed"]], on="run")
    rows = rows[rows["layer"] > 0].reindex(columns=[*rows.columns, *(n for n in PROBED if n not in rows)])
    rows[list(LOGARITHMIC)] = np.log(rows[list(LOGARITHMIC)].where(rows[list(LOGARITHMIC)] > 0))
    arm, last = ["run", "placement", "activation"], rows.groupby(["run", "step"])["layer"].transform("max")
    hidden = rows["layer"] < last
    first = rows[hidden & (rows["step"] == 0)].groupby(arm)["weight_norm"].mean()
    parts = []
    for when, at in (("at the start", 0.0), ("at 10 %", 0.1)):
        now = np.isclose(rows["step"], at * rows["steps"])
        stage, inputs = rows[now & hidden], rows[now]
        means = stage.groupby(arm)[[name for name in PROBED if name not in OF_INPUTS]].mean()
        means = means.join(inputs.groupby(arm)[list(OF_INPUTS)].mean())
        gradients = stage.sort_values("layer").groupby(arm)["product_gradient"]
        means["growth"] = gradients.first() - gradients.last()
        means["weight_growth"] = means["weight_norm"] - first
        arms = means.groupby(["placement", "activation"]).mean().round(ROUNDING).unstack("placement")
        for name in means.columns:
            if {(name, "pre"), (name, "post")} <= set(arms.columns):
                pre, post = arms[name, "pre"], arms[name, "post"]
                label = f"log {name}" if name in LOGARITHMIC else name
                columns = {f"{label}, pre": pre, f"{label}, post": post, f"{label}, post − pre": post - pre}
                parts.append(pd.DataFrame(columns).add_suffix(f", {when}"))
    return pd.concat(parts, axis=1) if parts else pd.DataFrame()


def _make_hats(x_KA: Floats) -> Floats:
    """Return H = 1/A + x̃x̃ᵀ/x̃ᵀx̃ [K, A, A] of a line through the points, x̃ = x − mean."""
    centred = x_KA - x_KA.mean(axis=1, keepdims=True)
    return np.asarray(1 / x_KA.shape[1] + centred[:, :, None] * centred[:, None] / (centred**2).sum(1)[:, None, None])


def _leave_out(hats_KAA: Floats, y_PA: Floats) -> Floats:
    """Return y_i − ŷ_i [K, P, A]; NaN where only activation i has an x of its own."""
    lever_KA = 1 - np.diagonal(hats_KAA, axis1=1, axis2=2)
    safe: NDArray[np.float64] = np.where(lever_KA > 1e-9, lever_KA, np.nan)
    return np.asarray((y_PA[None] - y_PA @ hats_KAA) / safe[:, None])


def _score(hats_KAA: Floats, y_PA: Floats) -> Floats:
    """Return R² [K, P]."""
    A = y_PA.shape[1]
    total_P = (((y_PA - y_PA.mean(axis=1, keepdims=True)) * A / (A - 1)) ** 2).sum(axis=1)
    return np.stack([1 - (_leave_out(hat[None], y_PA)[0] ** 2).sum(axis=1) / total_P for hat in hats_KAA])
