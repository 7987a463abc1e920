"""What a change does to the gap post − pre: the part of it that closes, and whether that bears out a hypothesis.

Letters: b_n the gaps of n paired seeds at the base, c_n those under the change, s = 1 − mean(c)/mean(b) the share that
closes, S covariances over the seeds, t a quantile of Student's distribution with n − 1 degrees of freedom.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import scipy

from bnexp.norms.kinds import NormKind
from bnexp.runs import Run, find_acting
from bnexp.statistics.arms import ARM, ScoredRuns
from bnexp.statistics.hypotheses import RUN_KEYS, Hypothesis, Prediction, Side
from bnexp.statistics.intervals_and_tests import LEVEL, Floats, deviation, holm, student

ONE_SIDED: Final = (1 - LEVEL) / 2
"""Level of a one-sided test that rejects just where the two-sided interval of `LEVEL` lies beyond the value."""

Runs = dict[tuple[Any, ...], "pd.Series[float]"]
"""The accuracy of each seed by what acts in a run, seed apart."""


def measure_share(b_n: Floats, c_n: Floats) -> tuple[float, float, float]:
    """Return s and the ends of its interval; NaN where the interval of mean(b) holds 0: there is no gap to close.

    mean(c)/mean(b) by Fieller 1954, "Some problems in interval estimation", JRSS B 16: all r that a paired t test of
    "mean(c − r·b) = 0" does not reject, (c̄ − r·b̄)² ≤ t²/n · (S_cc − 2r·S_bc + r²·S_bb).
    """
    n = len(b_n)
    if n < 2:
        return np.nan, np.nan, np.nan
    b, c = b_n.mean(), c_n.mean()
    (S_bb, S_bc), (_, S_cc) = np.cov(b_n, c_n) * scipy.stats.t.ppf(1 - ONE_SIDED, n - 1) ** 2 / n
    bend = b * b - S_bb
    if not bend > 1e-12 * b * b:
        return np.nan, np.nan, np.nan
    middle = b * c - S_bc
    half = np.sqrt(max(0.0, middle * middle - bend * (c * c - S_cc)))
    return 1 - c / b, 1 - (middle + half) / bend, 1 - (middle - half) / bend


def test_share(b_n: Floats, c_n: Floats, share: float) -> tuple[float, float]:
    """Return p of the one-sided tests against "s ≤ `share`" and "s ≥ `share`".

    With σ the sign of mean(b), s > share just where σ·mean((1 − share)·b − c) > 0: a paired t test, no ratio. NaN for
    one seed; differences that do not vary decide by their value.
    """
    d_n = np.sign(b_n.mean()) * ((1 - share) * b_n - c_n)
    n, mean, sd = len(d_n), d_n.mean(), float(deviation(d_n[None])[0])
    if n < 2:
        return np.nan, np.nan
    if sd == 0:
        return float(mean <= 0), float(mean >= 0)
    t = mean / (sd / np.sqrt(n))
    return float(scipy.stats.t.sf(t, n - 1)), float(scipy.stats.t.cdf(t, n - 1))


def test_prediction(b_n: Floats, c_n: Floats, predicts: Prediction, share: float) -> tuple[float, float]:
    """Return p against "the prediction is wrong" and p against "it is right"; it is about s beyond or within `share`.

    closes: s > share; enlarges: s < −share; leaves: −share < s < share, which needs both tests to be borne out and
    twice the smaller p to be refuted.
    """
    above, below = test_share(b_n, c_n, share)
    if predicts == Prediction.closes:
        return above, below
    low_above, low_below = test_share(b_n, c_n, -share)
    if predicts == Prediction.enlarges:
        return low_below, low_above
    return max(below, low_above), min(1.0, 2 * min(above, low_below))


def find_base(runs: ScoredRuns) -> Run:
    """Return the arm, placement and activation apart, under whose settings most of both were trained.

    Of several the one with the fewest settings that are not the default. Seed, placement and activation say nothing.
    """
    kept = [name for name in ARM if name not in ("placement", "activation", "activation_code")]
    normed = runs[runs["placement"].isin(["pre", "post"])]
    rows = (normed if len(normed) else runs).copy()
    rows["_key"] = _list_keys(rows, kept)
    rows["_arm"] = rows["placement"] + " " + rows["activation"]
    counts = rows.groupby("_key", sort=False, dropna=False)["_arm"].nunique()
    first = [dict(zip(kept, key, strict=True)) for key in counts[counts == counts.max()].index]
    runs_of = [_to_run(settings) for settings in first]
    default = Run(steps=1, evaluate=1)
    return min(runs_of, key=lambda run: sum(getattr(run, name) != getattr(default, name) for name in kept))


def find_base_runs(runs: ScoredRuns, base: Run) -> pd.DataFrame:
    """Return the runs of the gaps at `base`: pre and post, all else that acts as in it."""
    normed = runs[runs["placement"].isin(["pre", "post"])]
    arms = {
        _key(_change(base, placement=placement, activation=activation))
        for placement in ("pre", "post")
        for activation in normed["activation"].unique()
    }
    return normed[[key in arms for key in _list_keys(normed, ARM)]]


def collect_runs(runs: ScoredRuns, metric: str = "test_accuracy") -> Runs:
    """Return `metric` of the seeds of each arm; a diverged run counts at chance, as everywhere."""
    frame = pd.DataFrame({"key": _list_keys(runs, ARM), "seed": runs["seed"].to_numpy()})
    frame["value"] = runs[metric].to_numpy(dtype=float)
    groups: Any = frame.groupby("key", sort=False)
    return {key: rows.set_index("seed")["value"].sort_index() for key, rows in groups}


def collect_gap(found: Runs, post: Run, pre: Run) -> "pd.Series[float]":
    """Return post − pre of each seed that both arms have, by the seed; empty if an arm is not there."""
    a, b = found.get(_key(post)), found.get(_key(pre))
    if a is None or b is None:
        return pd.Series(dtype=float)
    return (a - b).dropna()


def measure_gaps(runs: ScoredRuns, base: Run) -> pd.DataFrame:
    """Return post − pre at the `base` of each activation: activation, n, mean, low, high (fractions), p_family.

    `p_family`: two-sided paired t tests, by Holm over the activations.
    """
    found = collect_runs(runs)
    rows = []
    for activation in runs["activation"].unique():
        pre, post = (_change(base, activation=activation, placement=side) for side in ("pre", "post"))
        if len(gap := collect_gap(found, post, pre)):
            rows.append(
                {
                    "activation": activation,
                    **_estimate(np.asarray(gap, dtype=np.float64), ""),
                    "p": _test_mean(np.asarray(gap, dtype=np.float64)),
                }
            )
    frame = pd.DataFrame(rows, columns=["activation", "n", "mean", "low", "high", "p"])
    return frame.assign(p_family=holm(frame["p"]))


def measure_contributions(runs: ScoredRuns, base: Run) -> pd.DataFrame:
    """Return what each kind of normalizer gains over none, or, where none is not trained, over batch normalization.

    Columns: kind, placement, activation, against (none or batch), n, mean, low, high (kind − against, fractions), p
    (two-sided paired t test) and p_family (Holm over all rows); only settings that are otherwise those of `base`.
    """
    found, activations = collect_runs(runs), runs["activation"].unique()
    nothing = {activation: _change(base, placement="none", activation=activation) for activation in activations}
    against = "none" if any(_key(run) in found for run in nothing.values()) else "batch"
    rows = []
    for kind, placement, activation in itertools.product(NormKind, ("pre", "post"), activations):
        if kind == against or (kind == NormKind.weight and placement == "post"):
            continue
        arm = _change(base, norm_kind=kind, placement=placement, activation=activation)
        other = nothing[activation] if against == "none" else _change(arm, norm_kind="batch")
        if len(difference := collect_gap(found, arm, other)) > 1:
            d = np.asarray(difference, dtype=np.float64)
            where = {"kind": str(kind), "placement": placement, "activation": activation, "against": against}
            rows.append(where | _estimate(d, "") | {"p": _test_mean(d)})
    columns = ["kind", "placement", "activation", "against", "n", "mean", "low", "high", "p"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(p_family=holm(frame["p"]))


COLUMNS: Final = (
    *("hypothesis", "change", "side", "predicts", "stated", "activation", "held_out", "n"),
    *("base_mean", "base_low", "base_high", "changed_mean", "changed_low", "changed_high"),
    *("share", "low", "high", "p_right", "p_wrong"),
)


def measure_interventions(runs: ScoredRuns, base: Run, hypotheses: Sequence[Hypothesis]) -> pd.DataFrame:
    """Return a row per hypothesis and activation, with `COLUMNS`; n is 0 where an arm is not trained.

    Gaps are fractions; share, low and high are of the gap at the base, missing where its interval holds 0. `p_right` is
    against "the prediction is wrong", `p_wrong` against "it is right", both of one activation.
    """
    found = collect_runs(runs)
    rows = [
        {
            "hypothesis": hypothesis.name,
            "change": hypothesis.words,
            "side": str(hypothesis.side),
            "predicts": str(hypothesis.predicts),
            "stated": hypothesis.share,
            "activation": str(activation),
            "held_out": activation in hypothesis.held_out,
            **_measure_one(found, base, hypothesis, str(activation)),
        }
        for hypothesis in hypotheses
        for activation in (*hypothesis.activations, *hypothesis.held_out)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def judge_hypotheses(measured: pd.DataFrame) -> pd.DataFrame:
    """Return a row per hypothesis of what `measure_interventions` gave: its verdict over its activations.

    stands: the prediction is borne out on each activation that has a gap (every one must reject at `ONE_SIDED`, so that
    no correction is due: an intersection-union test, Berger 1982). refuted: on at least one it is wrong, p adjusted by
    Holm over the activations. Else undecided; "no gap" where none has one, "not trained" where nothing is there.
    Columns: hypothesis, verdict, right and wrong (activations, as tuples), open (neither), no_gap, missing.
    """
    rows = []
    for name, part in measured.groupby("hypothesis", sort=False):
        trained = part[part["n"] > 0]
        tested = trained[trained["share"].notna()]
        right = tested["p_right"] <= ONE_SIDED
        wrong = pd.Series(holm(tested["p_wrong"]), tested.index) <= ONE_SIDED
        rows.append(
            {
                "hypothesis": name,
                "verdict": _choose_verdict(part, trained, right, wrong),
                "right": tuple(tested.loc[right, "activation"]),
                "wrong": tuple(tested.loc[wrong, "activation"]),
                "open": tuple(tested.loc[~right & ~wrong, "activation"]),
                "no_gap": tuple(trained.loc[trained["share"].isna(), "activation"]),
                "missing": tuple(part.loc[part["n"] == 0, "activation"]),
            }
        )
    return pd.DataFrame(rows, columns=["hypothesis", "verdict", "right", "wrong", "open", "no_gap", "missing"])


def _choose_verdict(
    part: pd.DataFrame, trained: pd.DataFrame, right: "pd.Series[bool]", wrong: "pd.Series[bool]"
) -> str:
    if trained.empty:
        return "not trained"
    if right.empty:
        return "no gap"
    if wrong.any():
        return "refuted"
    return "stands" if right.all() and len(trained) == len(part) else "undecided"


def _measure_one(found: Runs, base: Run, hypothesis: Hypothesis, activation: str) -> dict[str, float]:
    """Return the numbers of one activation, on the seeds that base and change share."""
    change = {RUN_KEYS[key]: list(value) if isinstance(value, tuple) else value for key, value in hypothesis.change}
    arms = {side: _change(base, activation=activation, placement=side) for side in ("pre", "post")}
    changed = {
        side: _change(arm, **change) if hypothesis.side in (Side.both, side) else arm for side, arm in arms.items()
    }
    b = collect_gap(found, arms["post"], arms["pre"])
    c = collect_gap(found, changed["post"], changed["pre"])
    seeds = b.index.intersection(c.index)
    if seeds.empty:
        return {"n": 0}
    b_n, c_n = np.asarray(b[seeds], dtype=np.float64), np.asarray(c[seeds], dtype=np.float64)
    share, low, high = measure_share(b_n, c_n)
    right, wrong = test_prediction(b_n, c_n, hypothesis.predicts, hypothesis.share)
    numbers = {"share": share, "low": low, "high": high, "p_right": right, "p_wrong": wrong}
    return {**_estimate(b_n, "base_"), **_estimate(c_n, "changed_"), **numbers}


def _test_mean(d_n: Floats) -> float:
    """Return p of the two-sided t test of "the mean is 0"; differences that do not vary decide by their value."""
    if len(d_n) < 2:
        return np.nan
    if (sd := float(deviation(d_n[None])[0])) == 0:
        return float(d_n.mean() == 0)
    return float(2 * scipy.stats.t.sf(abs(d_n.mean()) / (sd / np.sqrt(len(d_n))), len(d_n) - 1))


def _estimate(d_n: Floats, prefix: str) -> dict[str, float]:
    low, high = student(d_n.mean(), deviation(d_n[None])[0], len(d_n))
    return {"n": len(d_n), f"{prefix}mean": d_n.mean(), f"{prefix}low": float(low), f"{prefix}high": float(high)}


def _change(run: Run, **settings: Any) -> Run:
    """Return `run` with other `settings`, choices as names."""
    return dataclasses.replace(run, **settings)


def _key(run: Run) -> tuple[Any, ...]:
    acting = find_acting(run)
    acting["hidden"] = "-".join(map(str, run.hidden))
    return tuple(acting[name] for name in ARM)


def _list_keys(runs: pd.DataFrame, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the settings `names` of each run, None where one cannot act."""
    columns = ([None if pd.isna(value) else value for value in runs[name]] for name in names)
    return list(zip(*columns, strict=True))


def _to_run(settings: dict[str, Any]) -> Run:
    """Return the run that has `settings`, a missing one at its default and the widths as a text."""
    acting = {name: value for name, value in settings.items() if value is not None}
    return Run(**acting | {"hidden": tuple(map(int, acting["hidden"].split("-")))})
