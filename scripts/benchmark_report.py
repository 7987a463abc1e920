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
from bnexp.report.build import build
from bnexp.runs import Run, acting
from bnexp.statistics import comparisons, curves, speed
from bnexp.statistics.design import design
from bnexp.statistics.sensitivity import sensitivity
from bnexp.store.records import SweepRecord
from bnexp.store.schemas import METRICS
from bnexp.store.store import Store
from bnexp.verdicts import verdicts

ACTIVATIONS: Final = (Activation.relu, Activation.gelu, Activation.tanh, Activation.sigmoid)
LRS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
LANES: Final = 32
EVERY: Final = 25


def runs(count: int, points: int) -> list[Run]:
    """Return at least `count` runs, whole seeds of every arm."""
    arms = [(p, a, lr) for p in Placement for a in ACTIVATIONS for lr in LRS]
    steps = EVERY * (points - 1)
    return [
        Run(placement=p, activation=a, lr=lr, seed=seed, steps=steps, evaluate=EVERY)
        for seed in range(-(-count // len(arms)))
        for p, a, lr in arms
    ]


def frames(asked: list[Run], rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows of runs and of curves: error rates fall like a power of the step, the highest learning rate fails."""
    rows = pd.DataFrame([acting(run) for run in asked])
    steps = np.arange(0, asked[0].steps + 1, EVERY)
    lost = rows["lr"].eq(LRS[-1]) & (rows["placement"].eq("none") | (rng.random(len(rows)) < 0.2))
    end = 0.03 + 0.02 * np.log10(rows["lr"] / 0.3) ** 2 + 0.003 * rng.standard_normal(len(rows))
    error = 0.9 * (1 + steps) ** (np.log(np.clip(end, 0.002, 0.9) / 0.9) / np.log(1 + steps[-1])).to_numpy()[:, None]
    columns = {name: (1 - error if name.endswith("accuracy") else 2.6 * error).ravel() for name in METRICS}
    names = np.array([f"{rng.integers(2**63):016x}" for _ in asked], dtype=object)
    points = pd.DataFrame({"run": np.repeat(names, len(steps)), "step": np.tile(steps, len(rows)), **columns})
    points["epoch"] = points["step"] / asked[0].steps_per_epoch
    points = points[~np.repeat(lost.to_numpy(), len(steps)) | (points["step"] < 10 * EVERY)]
    rows = rows.assign(
        run=names,
        epochs=asked[0].epochs,
        classes=10,
        status=np.where(lost, "diverged", "done"),
        diverged_step=pd.Series(10 * EVERY, index=rows.index).where(lost).astype("Int64"),
        **{name: np.where(lost, np.nan, values.reshape(error.shape)[:, -1]) for name, values in columns.items()},
    )
    return rows, points


def make(store: Store, count: int, points: int) -> None:
    """Fill `store` pack by pack."""
    asked, rng = runs(count, points), np.random.default_rng(0)
    for start in range(0, len(asked), LANES):
        rows, curve = frames(asked[start : start + LANES], rng)
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
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(asked.store or folder)
        if not (store.path / "runs").is_dir():
            with timed("(making the store)"):
                make(store, asked.runs, asked.points)
        measure(store)
        if asked.report:
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
    asked = design(rows)
    with timed("effects"):
        effects = comparisons.effects(rows, asked)
    with timed("fixed effects"):
        comparisons.fixed_effects(rows, asked)
    with timed("finals, best"):
        comparisons.finals(rows, asked)
        comparisons.best(rows, asked)
    with timed("aggregate"):
        comparisons.aggregate(rows, asked)
    with timed("sensitivity"):
        sensitivity(rows, points, asked)
    with timed("curves of each run"):
        seeds = curves.complete_curves(points, rows)
    with timed("curves over seeds"):
        curves.curves(seeds, rows)
    with timed("speed"):
        speed.speed(rows, seeds, asked)
    with timed("verdicts"):
        found = verdicts.verdicts(effects, asked, store.sweeps[-1].command)
    print(verdicts.headline(found))


if __name__ == "__main__":
    main()
