"""Confirmation: the one test of the fresh seeds that were trained by a frozen plan.

Letters: `C` contrasts of two frozen arms, a and b, over `n` fresh seeds, the same for all; `A` arms.

Nothing that was chosen saw a fresh seed, and nothing that is tested an explored one: whatever the choice was, the
differences of the fresh seeds are those of two fixed arms, and a plain paired test holds its level.

What is claimed is the difference *given training*: over the seeds on which no arm of the contrast failed (diverged, or
stuck at chance). A rate that fails in 5 of 100 runs is met by none of 12 fresh seeds more often than not, so no test of
a mean with chance in it can know that mean: such a claim would be false in 10 to 30 of 100. The risk of failure is a
number of its own, with its limits, about which nothing is claimed. Arms of which one never trained are compared as they
are, at chance by convention, since nothing else could be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from bnexp.statistics.arms import score_runs
from bnexp.statistics.examples import add_examples
from bnexp.statistics.intervals_and_tests import ALPHA, LEVEL, Floats, equivalence, moments, student
from bnexp.statistics.pairs import find_counted
from bnexp.statistics.resampling import sign_flip
from bnexp.store.frozen import FrozenPlan
from bnexp.store.records import SweepRecord, find_confirmation


@dataclass(frozen=True)
class Confirmation:
    """A frozen plan with the runs that are stored of it; `runs_An` are the ids of all, arm by arm.

    `command` froze them; `rows` are the stored ones, failed ones left out, with `test_correct` where it was read.
    """

    plan: FrozenPlan
    command: str
    runs_An: Sequence[Sequence[str]]
    rows: pd.DataFrame

    @property
    def asked(self) -> int:
        """How many runs were frozen."""
        return len(self.plan.arms) * self.plan.n

    @property
    def stored(self) -> int:
        """How many of them are trained."""
        return len(self.rows)

    @property
    def complete(self) -> bool:
        """Whether all are trained: only then anything is tested or shown."""
        return self.stored == self.asked

    @property
    def state(self) -> str:
        """In a word: frozen, running or confirmed."""
        return "confirmed" if self.complete else "running" if self.stored else "frozen"


def find_stored_confirmation(records: Sequence[SweepRecord], rows: pd.DataFrame) -> Confirmation | None:
    """Return the confirmation of a store with these records and `rows` of runs; None if nothing was frozen."""
    record = find_confirmation(records)
    if record is None or record.confirm is None:
        return None
    plan = record.confirm
    ids = list(record.asked)
    runs_An = [ids[start : start + plan.n] for start in range(0, len(ids), plan.n)]
    trained = rows[rows["run"].isin(ids) & (rows["status"] != "failed")].drop_duplicates("run")
    return Confirmation(plan, record.command, runs_An, trained.reset_index(drop=True))


def test_confirmation(confirmation: Confirmation) -> pd.DataFrame:
    """Return a row per frozen contrast; no row while runs are missing.

    Columns: those of the cells; `a`, `b`, `lr_a`, `lr_b`, `edge_a`, `edge_b`; `direction`; `asked_n` fresh seeds and
    `n` of them on which both arms trained; `mean_a`, `mean_b`, `mean` of a − b over these with `low`, `high` (Student
    t, 95 %), `equivalence_low`, `equivalence_high` (90 %) and `family_low`, `family_high` (all of them together cover
    with 95 %); those of `test_family`; those of `examples.add_examples`, over seeds and test examples;
    `chance_mean` of all seeds, failed runs as they are; `diverged_a`, `diverged_b`, `stuck_a`, `stuck_b`, `risk_a`,
    `risk_b` with `risk_low_a`, `risk_high_a`, …; `explored_mean`; `metric`, `margin`, `outcome`, `evidence`.
    """
    plan = confirmation.plan
    if not confirmation.complete:
        return pd.DataFrame()
    scored = score_runs(confirmation.rows).set_index("run")
    values_An, diverged_An, stuck_An = (
        np.array([scored.loc[list(runs), name].to_numpy(dtype=float) for runs in confirmation.runs_An])
        for name in (plan.metric, "diverged", "stuck")
    )
    a_C, b_C = (np.array([getattr(contrast, side) for contrast in plan.contrasts]) for side in "ab")
    trained_An = (diverged_An + stuck_An) == 0
    learned_A = trained_An.any(axis=1)
    counted_Cn = find_counted(trained_An[a_C], trained_An[b_C])
    low_A, high_A = limit_risk((~trained_An).sum(axis=1), plan.n)
    rows = pd.DataFrame([contrast.cell for contrast in plan.contrasts])
    for side, number_C in (("a", a_C), ("b", b_C)):
        arms = [plan.arms[number] for number in number_C]
        rows[side] = [arm.level(plan.compared) for arm in arms]
        rows[f"lr_{side}"] = [arm.settings["lr"] for arm in arms]
        rows[f"edge_{side}"] = [arm.edge for arm in arms]
        rows[f"mean_{side}"], _, _ = moments(np.where(counted_Cn, values_An[number_C], np.nan))
        rows[f"diverged_{side}"] = diverged_An[number_C].sum(axis=1).astype(int)
        rows[f"stuck_{side}"] = stuck_An[number_C].sum(axis=1).astype(int)
        rows[f"risk_{side}"] = 1 - trained_An[number_C].mean(axis=1)
        rows[f"risk_low_{side}"], rows[f"risk_high_{side}"] = low_A[number_C], high_A[number_C]
    all_Cn = values_An[a_C] - values_An[b_C]
    d_Cn = np.where(counted_Cn, all_Cn, np.nan)
    rows = pd.concat([rows, _estimate(d_Cn), test_family(d_Cn, plan.margin, learned_A[a_C] | learned_A[b_C])], axis=1)
    rows = rows.assign(asked_n=plan.n, chance_mean=all_Cn.mean(axis=1), metric=plan.metric, margin=plan.margin)
    place = {run: number for number, run in enumerate(scored.index)}
    lanes_An = np.array([[place[run] for run in runs] for runs in confirmation.runs_An])
    a_Cn, b_Cn = (np.where(counted_Cn, lanes_An[number_C], -1) for number_C in (a_C, b_C))
    rows = add_examples(rows, scored.reset_index(), (a_Cn, b_Cn))
    rows["direction"] = [contrast.direction for contrast in plan.contrasts]
    rows["explored_mean"] = [contrast.mean for contrast in plan.contrasts]
    ahead_C = np.where(rows["mean"] > 0, learned_A[a_C], learned_A[b_C])
    outcome = judge(rows, ahead_C, plan.alpha)
    return rows.assign(outcome=outcome, evidence="confirmed")


def limit_risk(failed_A: Any, n: int) -> tuple[Floats, Floats]:
    """Return the 95 % limits of the risk of failure where `failed_A` of n runs failed: one-sided where none or all did.

    Clopper & Pearson 1934, Biometrika 26: the risks at which so few, or so many, have a probability of 2.5 %, or 5 %.
    """
    failed_A = np.asarray(failed_A)
    tail_A = np.where((failed_A == 0) | (failed_A == n), 1 - LEVEL, (1 - LEVEL) / 2)
    low_A = scipy.stats.beta.ppf(tail_A, np.maximum(failed_A, 1), n - failed_A + 1)
    high_A = scipy.stats.beta.ppf(1 - tail_A, failed_A + 1, np.maximum(n - failed_A, 1))
    return np.where(failed_A == 0, 0.0, low_A), np.where(failed_A == n, 1.0, high_A)


def _estimate(d_Cn: Floats) -> pd.DataFrame:
    """Return the differences' mean with its interval, and that by which all C intervals hold together (Bonferroni)."""
    mean_C, sd_C, n_C = moments(d_Cn)
    low_C, high_C = student(mean_C, sd_C, n_C)
    family_low_C, family_high_C = student(mean_C, sd_C, n_C, 1 - (1 - LEVEL) / len(d_Cn))
    inside_low_C, inside_high_C = student(mean_C, sd_C, n_C, 1 - 2 * ALPHA)
    columns = {"n": n_C, "mean": mean_C, "low": low_C, "high": high_C}
    columns |= {"equivalence_low": inside_low_C, "equivalence_high": inside_high_C}
    return pd.DataFrame({**columns, "family_low": family_low_C, "family_high": family_high_C})


def test_family(d_Cn: Floats, margin: float, learned_C: Any = True) -> pd.DataFrame:
    """Return the tests of a family: `p`, `p_equivalence`, and both adjusted, `p_family`, `p_equivalence_family`.

    Seeds that do not count are NaN. Of fewer than two that do, nothing can be said: p is 1.
    `p` is the two-sided sign-flip test of "no difference", `p_equivalence` that of "a difference of ±margin or beyond"
    (TOST). An adjusted p of at most ALPHA, of whichever test, is wrong with a probability of at most ALPHA in all.

    Of the two hypotheses of a contrast at most one is true, so at most C of the 2C are: Holm's steps with this count
    (Shaffer 1986, JASA 81, method S2). In order of size, p is multiplied by the number of contrasts of which not both
    hypotheses were rejected before. Two arms of which none learned are not tested.
    """
    learned_C = np.broadcast_to(learned_C, len(d_Cn))
    p_2C = np.where(learned_C, test_alone(d_Cn, margin), np.nan)
    adjusted_2C = adjust_exclusive(p_2C)
    names = ("p", "p_equivalence")
    adjusted = {f"{name}_family": p_C for name, p_C in zip(names, adjusted_2C, strict=True)}
    return pd.DataFrame({**dict(zip(names, p_2C, strict=True)), **adjusted})


def test_alone(d_Cn: Floats, margin: float) -> Floats:
    """Return p [2, C] of "no difference" and of "one of ±margin or beyond" for each contrast on its own."""
    known_Cn = ~np.isnan(d_Cn)
    n_C, p_2C = known_Cn.sum(axis=1), np.ones((2, len(d_Cn)))
    for n in np.unique(n_C[n_C > 1]).tolist():
        same_C = n_C == n
        d_Kn = d_Cn[same_C][known_Cn[same_C]].reshape(-1, n)
        p_2C[:, same_C] = sign_flip(d_Kn), equivalence(d_Kn, margin)
    return p_2C


def adjust_exclusive(p_2C: Floats) -> Floats:
    """Return the adjusted p of C pairs of hypotheses that exclude each other; a missing p rejects nothing."""
    adjusted_2C, rejected_2C, largest = np.full(p_2C.shape, np.nan), np.zeros(p_2C.shape, dtype=bool), 0.0
    for flat in np.argsort(np.where(np.isnan(p_2C), np.inf, p_2C), axis=None, kind="stable"):
        place = np.unravel_index(flat, p_2C.shape)
        if np.isnan(p_2C[place]):
            break
        standing = int((~rejected_2C.all(axis=0)).sum())
        largest = max(largest, min(1.0, standing * float(p_2C[place])))
        adjusted_2C[place], rejected_2C[place] = largest, True
    return adjusted_2C


def judge(rows: pd.DataFrame, ahead_C: Any, alpha: float = ALPHA) -> NDArray[np.str_]:
    """Return the outcome of each contrast; `ahead_C` says whether any run of the arm with the better mean learned.

    "confirmed": better as foretold; "contradicted": the other way round; "equivalent": no difference beyond the margin;
    "undecided": none of these; "nothing": no arm that would be better learned anything.
    """
    differs_C = (rows["p_family"] <= alpha).to_numpy()
    foretold_C = np.sign(rows["mean"]).to_numpy() == rows["direction"].to_numpy()
    equivalent_C = (rows["p_equivalence_family"] <= alpha).to_numpy()
    untested_C = rows["p_family"].isna().to_numpy() | (differs_C & ~np.asarray(ahead_C))
    conditions = [untested_C, differs_C & foretold_C, differs_C, equivalent_C]
    return np.select(conditions, ["nothing", "confirmed", "contradicted", "equivalent"], "undecided")
