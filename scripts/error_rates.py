"""How often the shipped tests err and the shipped intervals cover, where learning rates are chosen.

    nice -n 10 python scripts/error_rates.py [--sweeps 4000] [--families 1000] [--out docs/error-rates.md]

A row is written as soon as it is measured, to a table beside the page (docs/error-rates.csv), from which the page is
made; the next run goes on where this one was stopped. The rows that matter most come first.

A sweep is simulated as a grid of the package: arms of a known true accuracy at each learning rate; a run's luck is in
its validation and its test accuracy, a seed's in all its runs. What is measured is what `bnexp report` does:
`pairs.pair_curves` and `families.test_effects`. Truth is what is claimed: the best over an arm's learning rates at
which the fewest runs failed or fell far behind, given training.

Letters: `B` sweeps, `K` cells of a sweep, `L` arms, `T` learning rates, `n` seeds.
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.statistics import families
from bnexp.statistics.design import Design
from bnexp.statistics.grid import Grid
from bnexp.statistics.intervals_and_tests import Floats
from bnexp.statistics.pairs import pair_arms, pair_curves
from bnexp.statistics.whole_procedure import find_behind

MARGIN: Final = 0.001
CHANCE: Final = 0.1
BATCH: Final = 100
DRAWS: Final = 999
"""Exchanges at n = 20; with 999 a p of 0.05 is attained exactly, as 50 / 1,000."""

HEART: Final = (
    "peaked = peaked",
    "flat = flat",
    "broad = broad",
    "peaked, flat",
    "cliff, flat",
    "peaked, flat, t with 2 degrees",
    "10 % diverge everywhere, none",
    "peaked, flat of 4 times the deviation",
)
"""Names of the cases that matter most."""

Profile = tuple[float, ...]
PEAKED: Final = (0.930, 0.950, 0.970, 0.950, 0.930)
FLAT: Final = (0.970,) * 5
BROAD: Final = (0.960, 0.967, 0.970, 0.967, 0.960)
SLOPE: Final = (0.962, 0.964, 0.966, 0.968, 0.970)
CLIFF: Final = (0.96, 0.97, 0.974, 0.978, 0.978, 0.5, 0.1)
EVEN_CLIFF: Final = (0.96, 0.97, 0.976, 0.976, 0.976, 0.5, 0.1)
MNIST: Final = (0.9755, 0.976, 0.976, 0.976, 0.9755, 0.975, 0.974)
EDGE: Final = (0.0, 0.0, 0.0, 0.02, 0.15, 1.0, 1.0)
SAFE: Final = (0.0,) * 7
OFTEN: Final = (0.1,) * 7


@dataclasses.dataclass(frozen=True)
class Case:
    """Arms of true accuracies: `risks` of divergence, `sds` of a run's luck, `tail` of its Student distribution."""

    name: str
    arms: tuple[Profile, ...]
    cells: int = 1
    risks: tuple[Profile, ...] | None = None
    sds: tuple[float, ...] | None = None
    tail: float | None = None


def lift(profile: Profile, by: float) -> Profile:
    """Return a profile that is better by `by`."""
    return tuple(accuracy + by for accuracy in profile)


SINGLE: Final = (
    Case("peaked = peaked", (PEAKED, PEAKED)),
    Case("flat = flat", (FLAT, FLAT)),
    Case("broad = broad", (BROAD, BROAD)),
    Case("peaked, flat", (PEAKED, FLAT)),
    Case("broad, flat", (BROAD, FLAT)),
    Case("slope to the edge, flat", (SLOPE, FLAT)),
    Case("peaked, flat of 4 times the deviation", (PEAKED, FLAT), sds=(0.001, 0.004)),
    Case("broad of 4 times the deviation, flat", (BROAD, FLAT), sds=(0.004, 0.001)),
    Case("broad = broad, t with 3 degrees", (BROAD, BROAD), tail=3),
    Case("peaked, flat, t with 2 degrees", (PEAKED, FLAT), tail=2),
    Case("cliff, flat", (CLIFF, MNIST), risks=(EDGE, SAFE), sds=(0.002, 0.002)),
    Case("cliff of an equal best, flat", (EVEN_CLIFF, MNIST), risks=(EDGE, SAFE), sds=(0.002, 0.002)),
    Case("10 % diverge everywhere, none", (MNIST, MNIST), risks=(OFTEN, SAFE)),
    Case("untuned", ((0.97,), (0.97,))),
    Case("broad + 0.5 pp, broad", (lift(BROAD, 0.005), BROAD)),
)
FAMILIES: Final = (
    Case("3 contrasts: broad", (BROAD,) * 3),
    Case("12 contrasts: broad", (BROAD,) * 3, cells=4),
    Case("12 contrasts: flat, t with 2 degrees", (FLAT,) * 3, cells=4, tail=2),
    Case("12 contrasts: peaked, flat, broad", (PEAKED, FLAT, BROAD), cells=4),
    Case("12 contrasts, part null: one arm 1 pp below two broad ones", (lift(BROAD, -0.01), BROAD, BROAD), cells=4),
    Case(
        "3 contrasts, part null: one arm 1 pp below, unequal deviations",
        (lift(BROAD, -0.01), BROAD, FLAT),
        sds=(0.008, 0.001, 0.004),
    ),
    Case("6 contrasts: the best is 0.10 pp ahead", (lift(BROAD, 0.001), BROAD, BROAD, BROAD), sds=(0.001,) * 4),
)


def simulate(case: Case, n: int, sweeps: int, rng: np.random.Generator) -> Grid:
    """Return `sweeps` sweeps as cells of one grid, those of a sweep together."""
    truth_LT = np.array(case.arms)
    L, T = truth_LT.shape
    shape = (sweeps, case.cells, L, T, n)
    sd_L11 = np.array(case.sds or (0.004,) * L)[:, None, None]
    luck = rng.standard_normal(shape) if case.tail is None else rng.standard_t(case.tail, shape)
    seed_luck = rng.normal(0, 0.002, (sweeps, 1, 1, 1, n))
    reached = truth_LT[..., None] + seed_luck + sd_L11 * luck
    diverged = rng.random(shape) < (0.0 if case.risks is None else np.array(case.risks)[..., None])
    validation, test = (np.where(diverged, CHANCE, reached + rng.normal(0, 0.001, shape)) for _ in range(2))
    columns = {"validation_accuracy": validation, "test_accuracy": test, "diverged": diverged}
    rows = pd.DataFrame({name: values.ravel() for name, values in columns.items()}).assign(stuck=False)
    design = Design("placement", tuple("abcdef"[:L]), "lr", (), None)
    row_KLTS = np.arange(reached.size).reshape(-1, L, T, n)
    return Grid(design, rows, pd.DataFrame(index=range(len(row_KLTS))), np.arange(float(T)), np.arange(n), row_KLTS)


def judge(case: Case, n: int, sweeps: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return a row per contrast of `sweeps` sweeps: what the package says of it, and `truth`."""
    grid = simulate(case, n, sweeps, rng)
    pairs = pair_arms(grid)
    curves = pair_curves(grid, pairs, grid.column("test_accuracy"))
    taken_C2S = curves.choose().take(np.where(curves.failed_C2TS, np.nan, curves.outcome_C2TS))
    d_CS = taken_C2S[:, 0] - taken_C2S[:, 1]
    rows = families.test_effects(
        curves, np.full(len(d_CS), np.nan), np.ones(len(d_CS), bool), MARGIN, families=sweeps, draws=DRAWS
    )
    behind_C2T = find_behind(curves.validation_C2TS, curves.failed_C2TS).sum(axis=3)
    open_C2T = behind_C2T == behind_C2T.min(axis=2, keepdims=True)
    profile_C2T = pairs.arms(np.broadcast_to(np.array(case.arms), (len(grid.cells), *np.array(case.arms).shape)))
    best_C2 = np.where(open_C2T, profile_C2T, -np.inf).max(axis=2)
    truth_C = np.round(best_C2[:, 0] - best_C2[:, 1], 9)
    return rows.assign(mean=average(d_CS), truth=truth_C, sweep=np.repeat(np.arange(sweeps), len(d_CS) // sweeps))


def average(d_CS: Floats) -> Floats:
    """Return the means [C] of what is there, NaN where nothing is."""
    counts_C = (~np.isnan(d_CS)).sum(axis=1)
    return np.where(counts_C > 0, np.nansum(d_CS, axis=1) / np.maximum(counts_C, 1), np.nan)


def measure(case: Case, n: int, sweeps: int, seed: int) -> dict[str, Any]:
    """Return the rates of one case over at least `sweeps` sweeps, in batches that fit the memory."""
    rng = np.random.default_rng([seed, n])
    rows = pd.concat(
        [judge(case, n, BATCH, rng).assign(batch=batch) for batch in range(-(-sweeps // BATCH))], ignore_index=True
    )
    wrong = np.sign(rows["mean"]) != np.sign(
        rows["truth"]
    )  # a claim where nothing differs is wrong in either direction
    alike = rows["truth"].abs() < MARGIN
    inside = (rows["low"] <= rows["truth"]) & (rows["truth"] <= rows["high"])
    known = rows["low"].notna()
    sweep = [rows["batch"], rows["sweep"]]
    return {
        "case": case.name,
        "n": n,
        "sweeps": len(rows.groupby(sweep)),
        "seed": seed,
        "false": float((wrong & (rows["p"] <= 0.05)).mean()),
        "fwer": float((wrong & (rows["p_family"] <= 0.05)).groupby(sweep).any().mean()),
        "fwer_holm": float((wrong & (rows["p_holm"] <= 0.05)).groupby(sweep).any().mean()),
        "coverage": float(inside[known].mean()),
        "half": float(100 * ((rows["high"] - rows["low"]) / 2).median()),
        "bias": float(100 * (rows["mean"] - rows["truth"]).mean()),
        "power": _share(~wrong & (rows["p_family"] <= 0.05), rows["truth"] != 0),
        "power_holm": _share(~wrong & (rows["p_holm"] <= 0.05), rows["truth"] != 0),
        "false_equal": float((rows["equivalent"] & ~alike).groupby(sweep).any().mean()),
    }


def _share(hits: "pd.Series[bool]", among: "pd.Series[bool]") -> float:
    return float(hits[among].mean()) if among.any() else float("nan")


def list_cases(ns: Sequence[int]) -> Iterator[tuple[Case, int]]:
    """Yield every case at every number of seeds as the page has them, families last."""
    for cases in (SINGLE, FAMILIES):
        yield from ((case, n) for n in ns for case in cases)


def order_cases(ns: Sequence[int]) -> list[tuple[Case, int]]:
    """Return the cases with those first that matter most: the heart of them, families, ten seeds, twenty."""
    order = [(True, 10), (True, 20), (False, 10), (True, 6), (False, 20), (False, 6)]
    return sorted(list_cases(ns), key=lambda place: order.index((place[0].name in HEART, place[1])))


HEADS: Final = {
    "case": "arms",
    "n": "n",
    "sweeps": "sweeps",
    "false": "false at p ≤ 0.05",
    "fwer": "a false one in the family, maximum",
    "fwer_holm": "Holm",
    "coverage": "coverage of the 95 % interval",
    "half": "its half width (pp)",
    "bias": "bias (pp)",
    "power": "power, maximum",
    "power_holm": "Holm",
    "false_equal": "false \u201cno difference\u201d",
}


def write_table(rows: Sequence[dict[str, Any]], command: str) -> str:
    """Return the page."""
    lines = [INTRODUCTION.format(command=command), f"| {' | '.join(HEADS.values())} |"]
    lines += [f"|{'---|' * len(HEADS)}"]
    for row in rows:
        cells = [row["case"], str(row["n"]), f"{row['sweeps']:,}"]
        cells += [_write(name, row[name]) for name in list(HEADS)[3:]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _write(name: str, value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:+.3f}" if name == "bias" else f"{value:.2f}" if name == "half" else f"{100 * value:.1f} %"


INTRODUCTION: Final = """# Error rates

How often the tests and intervals of `bnexp report` err, measured with the functions that the report calls.

    {command}

A rate of 5 % has a standard error of 0.34 points over 4,000 simulated sweeps, of 0.7 over 1,000, 1.1 over 400, 2.2
over 100. Rows of fewer than 4,000 sweeps (1,000 with several contrasts), and rows that the command lists and the table
lacks, wait for the next run of it. NumPy's generator, seeds 0 and n, so that rows of the same n share their draws; at
n = 20 999 exchanges instead of 9,999, 499 in rows of 400 sweeps. A run's luck has a standard deviation of 0.4 points
unless said otherwise, 0.2 are a seed's, and validation and test accuracy differ by 0.1 each.

*False*: a difference claimed where the best accuracies are equal, or in the wrong direction. Arms with the same name on
both sides of "=" are exchangeable: there the test is exact; elsewhere only the best accuracies are equal.

What is estimated is the best over an arm's learning rates (those at which the fewest runs failed or fell far behind),
given training: not a difference at one rate, and not a mean of accuracies and of chances. The family-wise p that
decides is that of the step-down maximum; Holm's is shown beside it.
"""

REST: Final = "\n## "
"""Where on the page that begins which is not made here."""


def write_page(out: Path, rows: Sequence[dict[str, Any]], command: str) -> None:
    """Write the page, in its order, and leave what follows the table as it is."""
    places = [(case.name, n) for case, n in list_cases((6, 10, 20))]
    known = sorted(rows, key=lambda row: places.index((row["case"], row["n"])))
    page = out.read_text(encoding="utf-8") if out.exists() else ""
    rest = page[page.index(REST) :] if REST in page else ""
    out.write_text(write_table(known, command) + rest, encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Measure every case that is not yet measured and write the page anew after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweeps", type=int, default=4000, help="of one contrast")
    parser.add_argument("--families", type=int, default=1000, help="sweeps of several contrasts")
    parser.add_argument("--n", type=int, nargs="+", default=[6, 10, 20], choices=[6, 10, 20])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("docs/error-rates.md"))
    asked = parser.parse_args(arguments)
    command = " ".join(["python scripts/error_rates.py", *arguments])
    store = asked.out.with_suffix(".csv")
    stored = pd.read_csv(store) if store.exists() else pd.DataFrame()
    rows: list[dict[Any, Any]] = stored.to_dict("records")
    for case, n in order_cases(asked.n):
        sweeps = asked.sweeps if case in SINGLE else asked.families
        same = [row for row in rows if (row["case"], row["n"]) == (case.name, n)]
        if any(row["sweeps"] >= sweeps and row["seed"] == asked.seed for row in same):
            continue
        rows = [row for row in rows if row not in same] + [measure(case, n, sweeps, asked.seed)]
        pd.DataFrame(rows).to_csv(store, index=False)
        write_page(asked.out, rows, command)


def find_rates(case: Case, n: int, sweeps: int) -> NDArray[np.float64]:
    """Return the shares of false claims and of families with one, and the coverage, of one case."""
    rates = measure(case, n, sweeps, seed=0)
    return np.array([rates["false"], rates["fwer"], rates["coverage"]])


if __name__ == "__main__":
    main(sys.argv[1:])
