"""How long does a report over many runs take?

Makes a store of `--runs` runs with `--points` points each (3 placements × 4 activations × 7 learning rates × seeds, in
packs of 32 lanes; the numbers are drawn, some runs diverge) and times what a report does with it, in this process:
reading, each estimate, and the whole report. Peak memory is that of the process, the making of the store included if
`--store` did not exist.

    python scripts/benchmark_report.py
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bnexp.choices import Activation, Placement
from bnexp.labels import is_accuracy
from bnexp.report.build import build
from bnexp.runs import Run, find_acting
from bnexp.statistics import comparisons, curves
from bnexp.statistics.arms import score_runs
from bnexp.statistics.design import deduce_design
from bnexp.statistics.grid import build_grid
from bnexp.statistics.sensitivity import lr_sensitivity
from bnexp.statistics.speed import steps_to_threshold
from bnexp.store.records import SweepRecord
from bnexp.store.schemas import METRICS
from bnexp.store.store import Store
from bnexp.verdicts.verdicts import headline, write_verdicts

PLACEMENTS: Final = (Placement.none, Placement.pre, Placement.post)
ACTIVATIONS: Final = (Activation.relu, Activation.gelu, Activation.tanh, Activation.sigmoid)
LRS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
LANES: Final = 32
EVERY: Final = 25


def list_runs(count: int, points: int) -> list[Run]:
    """Return at least `count` runs, whole seeds of every arm."""
    arms = [(p, a, lr) for p in PLACEMENTS for a in ACTIVATIONS for lr in LRS]
    steps = EVERY * (points - 1)
    return [
        Run(placement=p, activation=a, lr=lr, seed=seed, steps=steps, evaluate=EVERY)
        for seed in range(-(-count // len(arms)))
        for p, a, lr in arms
    ]


def draw_rows(wanted: list[Run], rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows of runs and of curves: error rates fall like a power of the step, the highest learning rate fails."""
    rows = pd.DataFrame([find_acting(run) for run in wanted])
    steps = np.arange(0, wanted[0].steps + 1, EVERY)
    lost = rows["lr"].eq(LRS[-1]) & (rows["placement"].eq("none") | (rng.random(len(rows)) < 0.2))
    end = 0.03 + 0.02 * np.log10(rows["lr"] / 0.3) ** 2 + 0.003 * rng.standard_normal(len(rows))
    error = 0.9 * (1 + steps) ** (np.log(np.clip(end, 0.002, 0.9) / 0.9) / np.log(1 + steps[-1])).to_numpy()[:, None]
    columns = {name: (1 - error if is_accuracy(name) else 2.6 * error).ravel() for name in METRICS}
    names = np.array([f"{rng.integers(2**63):016x}" for _ in wanted], dtype=object)
    points = pd.DataFrame({"run": np.repeat(names, len(steps)), "step": np.tile(steps, len(rows)), **columns})
    points["epoch"] = points["step"] / wanted[0].steps_per_epoch
    points = points[~np.repeat(lost.to_numpy(), len(steps)) | (points["step"] < 10 * EVERY)]
    rows = rows.assign(
        run=names,
        epochs=wanted[0].epochs,
        classes=10,
        status=np.where(lost, "diverged", "done"),
        diverged_step=pd.Series(10 * EVERY, index=rows.index).where(lost).astype("Int64"),
        **{name: np.where(lost, np.nan, values.reshape(error.shape)[:, -1]) for name, values in columns.items()},
    )
    return rows, points


def fill_store(store: Store, count: int, points: int) -> None:
    """Fill `store` pack by pack."""
    wanted, rng = list_runs(count, points), np.random.default_rng(0)
    for start in range(0, len(wanted), LANES):
        rows, curve = draw_rows(wanted[start : start + LANES], rng)
        store.write(f"{start:06d}", rows.assign(pack=f"{start:06d}"), curve)
    store.write_sweep("made", SweepRecord(command="bnexp -m 'seed=range(120)'", created="2026-01-01"))


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Print how many seconds it takes, and how many of one core."""
    started, worked = time.perf_counter(), time.process_time()
    yield
    seconds, busy = time.perf_counter() - started, time.process_time() - worked
    print(f"{name:<24}{seconds:8.2f} s{busy:8.2f} s of a core", flush=True)


def main() -> None:
    """Make the store and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--store", type=Path, help="where the store is kept; default: a temporary folder")
    parser.add_argument("--report", action="store_true", help="time the whole report, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(arguments.store or folder)
        if not (store.path / "runs").is_dir():
            with timed("(making the store)"):
                fill_store(store, arguments.runs, arguments.points)
        measure(store)
        if arguments.report:
            with timed("the whole report"):
                build([store])
    unit = 1 if sys.platform == "darwin" else 1024
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20:,.0f} MiB")


def measure(store: Store) -> None:
    """Time the parts."""
    with timed("reading runs"):
        rows = store.runs
    with timed("reading curves"):
        points = store.curves
    print(f"{len(rows):,} runs, {len(points):,} points")
    with timed("grid"):
        scored = score_runs(rows)
        grid = build_grid(scored, deduce_design(scored))
    with timed("effects"):
        effects = comparisons.compare_at_best(grid)
    with timed("fixed effects"):
        comparisons.compare_at_each_lr(grid)
    with timed("finals, best"):
        comparisons.average_finals(grid)
        comparisons.best_lrs(grid)
    with timed("aggregate"):
        comparisons.aggregate(grid)
    with timed("curves of each run"):
        seeds = curves.complete_curves(points, scored)
    with timed("sensitivity"):
        lr_sensitivity(grid, seeds)
    with timed("curves over seeds"):
        curves.average_curves(seeds, scored)
    with timed("speed"):
        steps_to_threshold(grid, seeds)
    with timed("verdicts"):
        verdicts = write_verdicts(effects, grid.design, scored)
    print(headline(verdicts))


if __name__ == "__main__":
    main()
