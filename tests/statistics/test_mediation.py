"""Which quantity predicts a gap: against a loop that leaves out each activation, and where nothing predicts it."""

import numpy as np
import pandas as pd
import pytest

from bnexp.statistics.mediation import (
    LOGARITHMIC,
    PROBED,
    permute_candidates,
    predict_gaps,
    predict_left_out,
    probe_candidates,
    rank_candidates,
)


def draw(candidates: int = 4, activations: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(candidates, activations))
    return x, x[0] + 0.5 * rng.normal(size=activations)


def test_each_gap_is_predicted_by_the_line_through_all_others() -> None:
    x, y = draw()
    predicted = predict_left_out(x, y)
    for k in range(len(x)):
        for i in range(len(y)):
            others = np.arange(len(y)) != i
            slope, intercept = np.polyfit(x[k][others], y[others], 1)
            assert predicted[k, i] == pytest.approx(intercept + slope * x[k, i])


def test_r2_compares_with_the_mean_of_the_others_and_can_be_negative() -> None:
    x, y = draw(40)
    predicted = predict_left_out(x, y)
    means = np.array([np.delete(y, i).mean() for i in range(len(y))])
    expected = 1 - ((y - predicted) ** 2).sum(1) / ((y - means) ** 2).sum()
    assert permute_candidates(x, y, draws=1)[0] == pytest.approx(expected)
    assert expected.min() < 0 < expected.max()


def test_the_p_of_a_candidate_is_that_of_a_loop_over_permutations() -> None:
    x, y = draw()
    _, p, p_family = permute_candidates(x, y, draws=200)
    exchanged = np.random.default_rng(0).permuted(np.tile(y, (200, 1)), axis=1)
    drawn = np.array([permute_candidates(x, one, draws=1)[0] for one in exchanged])
    seen = permute_candidates(x, y, draws=1)[0]
    assert p == pytest.approx((1 + (drawn >= seen).sum(0)) / 201)
    assert p_family == pytest.approx((1 + (drawn.max(1)[:, None] >= seen).sum(0)) / 201)
    assert (p_family >= p).all()
    assert p_family[0] < 0.05 < p_family[1:].min()


def test_where_nothing_predicts_the_best_of_many_is_significant_as_often_as_is_said() -> None:
    """Correlated candidates, gaps that are none of them: 600 sweeps at 5 %; alone the best would err far more often."""
    rng, best, alone = np.random.default_rng(3), 0, 0
    for _ in range(600):
        shared = rng.normal(size=12)
        x = shared + rng.normal(size=(20, 12))
        _, p, p_family = permute_candidates(x, rng.exponential(size=12), draws=199)
        best, alone = best + (p_family.min() <= 0.05), alone + (p.min() <= 0.05)
    assert 0.03 <= best / 600 <= 0.07
    assert alone / 600 > 0.2


def test_candidates_are_ranked_and_those_that_an_activation_lacks_are_left_out() -> None:
    x, y = draw()
    names = [f"a{i}" for i in range(12)]
    candidates = pd.DataFrame(x.T, index=names, columns=list("wxyz")).assign(same=1.0)
    candidates.loc["a3", "z"] = np.nan
    gaps = pd.DataFrame({"activation": names, "mean": y, "low": y - 1, "high": y + 1})
    ranked = rank_candidates(gaps, candidates)
    assert ranked["candidate"].iloc[0] == "w"
    assert set(ranked["candidate"]) == {"w", "x", "y"}
    assert ranked["r"].iloc[0] == pytest.approx(np.corrcoef(x[0], y)[0, 1])
    predicted = predict_gaps(gaps, candidates, "w")
    assert predicted["predicted"].to_numpy() == pytest.approx(predict_left_out(x[:1], y)[0])
    assert rank_candidates(gaps[:4], candidates).empty


def test_probes_are_averaged_over_hidden_layers_and_seeds_in_each_arm() -> None:
    runs = pd.DataFrame(
        [(f"{p}{a}{s}", p, a, 100, s) for p in ("pre", "post") for a in ("relu", "tanh") for s in (0, 1)],
        columns=["run", "placement", "activation", "steps", "seed"],
    )
    rows = []
    for run in runs.itertuples():
        for step in (0, 10, 100):
            for layer in (0, 1, 2, 3):
                value = (run.placement == "post") * 5 + (run.activation == "tanh") + run.seed + layer + step
                rows.append({"run": run.run, "step": step, "layer": layer} | dict.fromkeys(PROBED, float(value)))
    found = probe_candidates(pd.DataFrame(rows), runs)
    assert found.loc["relu", "skewness, pre, at the start"] == pytest.approx(1.5 + 0.5)
    assert found.loc["tanh", "skewness, post, at 10 %"] == pytest.approx(5 + 1 + 0.5 + 1.5 + 10)
    assert found.loc["tanh", "mean_gap, post − pre, at the start"] == pytest.approx(5)
    logs = np.log([[s + layer + 10.0 for layer in (1, 2)] for s in (0, 1)])
    assert found.loc["relu", f"log {LOGARITHMIC[0]}, pre, at 10 %"] == pytest.approx(logs.mean())
    assert found.loc["relu", "growth, pre, at 10 %"] == pytest.approx((logs[:, 0] - logs[:, 1]).mean())
    at_start = np.log([[s + layer for layer in (1.0, 2)] for s in (0, 1)])
    assert found.loc["relu", "weight_growth, pre, at 10 %"] == pytest.approx((logs - at_start).mean())
    assert found.loc["tanh", "offset_share, pre, at the start"] == pytest.approx(1 + 0.5 + 2)  # of three layers
    assert "log condition, post, at 10 %" in found


def test_probes_that_an_older_version_did_not_store_are_no_candidates() -> None:
    names = [f"a{i}" for i in range(6)]
    runs = pd.DataFrame([(f"{p}{a}", p, a, 100, 0) for p in ("pre", "post") for a in names])
    runs.columns = ["run", "placement", "activation", "steps", "seed"]
    rng = np.random.default_rng(2)
    rows = [
        {"run": run, "step": step, "layer": layer, "skewness": rng.normal(), "weight_norm": 1.0, "offset_share": np.nan}
        for run in runs["run"] for step in (0, 10) for layer in (1, 2, 3)
    ]  # fmt: skip
    gaps = pd.DataFrame({"activation": names, "mean": rng.normal(size=6)})
    ranked = rank_candidates(gaps, probe_candidates(pd.DataFrame(rows), runs))
    assert {name.split(",")[0] for name in ranked["candidate"]} == {"skewness"}


def test_shares_of_nothing_but_rounding_are_no_candidate() -> None:
    names = [f"a{i}" for i in range(6)]
    runs = pd.DataFrame([(f"{p}{a}", p, a, 100, 0) for p in ("pre", "post") for a in names])
    runs.columns = ["run", "placement", "activation", "steps", "seed"]
    rng = np.random.default_rng(2)
    rows = [
        {"run": run, "step": 0, "layer": layer, "offset_share": rng.random() * (1e-15 if run.startswith("post") else 1)}
        for run in runs["run"] for layer in (1, 2, 3)
    ]  # fmt: skip
    gaps = pd.DataFrame({"activation": names, "mean": rng.normal(size=6)})
    ranked = rank_candidates(gaps, probe_candidates(pd.DataFrame(rows), runs))
    assert set(ranked["candidate"]) == {"offset_share, pre, at the start", "offset_share, post − pre, at the start"}
