"""How fast is bnexp beside what else could train the same sweep, in one run on one machine?

The peers, their network and what they log are in `benchmarks/peers.py`; bnexp evaluates besides at step 0, which counts
in `sweep` alone. Rows of one measurement are taken in turn, round by round. A ratio is the median over the rounds of
baseline / row, both of the same round: a noisy machine is noisy for both. Read the ratios.

steps     µs per run-step of training alone, all cores busy (processes are warmed up and begin together)
epoch     the same for whole epochs, with the curve and the evaluation of validation and test at the end
sweep     seconds from the command to its end: `bnexp -m` against Hydra's joblib launcher, start-up and all
mixed     µs per run-step: 3 placements × 4 activations in one pack against 12 equal lanes
overhead  ms per job of a sweep whose jobs train next to nothing
memory    MB that the largest process of a sweep held at its peak

    python scripts/benchmark_sweep.py --root data/mnist --only steps,epoch
"""

import argparse
import csv
import functools
import importlib.util
import itertools
import math
import os
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from benchmarks.peers import BATCH, LR, WIDTHS, Trainer, eager, loader, product, stacked
from benchmarks.stopwatch import CORES, ROOT, Size, observed, together

from bnexp import provenance
from bnexp.choices import Activation, Placement
from bnexp.data.datasets import Data, batch_order
from bnexp.engine import training
from bnexp.engine.packs import form_packs
from bnexp.runs import Run

EXTRA: Final = "not installed: pip install -c constraints.txt -e '.[bench]'"
EAGER, JOBLIB, UNIFORM, ONE_JOB, ONE_PACK = (
    "plain eager loop", "Hydra + joblib", "uniform pack", "bnexp -m, 1 job", "bnexp -m, 1 pack",
)  # fmt: skip
LIMIT: Final = "torch.mm, the limit"
COLUMNS: Final = ("measurement", "what", "how", "unit", "median", "min", "n", "ratio", "baseline", "of torch.mm")


@dataclass
class Row:
    """One line of the table: `measure` returns its value of one round; without it the line says why in `how`."""

    measurement: str
    what: str
    how: str
    unit: str
    baseline: str
    measure: Callable[[], float] | None
    values: list[float] = field(default_factory=list)


def engine(data: Data, seeds: int, placements: Iterable[str], activations: Iterable[str], rates: int) -> Trainer:
    """bnexp: one pack of seeds × placements × activations × learning rates."""
    runs = [
        Run(
            placement=Placement(placement),
            activation=Activation(activation),
            lr=LR + rate / 1000,
            seed=seed,
            data=data.name,
            data_train=len(data.y_train_N),
            data_validation=len(data.y_validation_N),
            hidden=WIDTHS[1:-1],
            batch_size=BATCH,
            steps=10**9,
            evaluate=math.ceil(len(data.y_train_N) / BATCH),
        )
        for seed, placement, activation, rate in itertools.product(range(seeds), placements, activations, range(rates))
    ]
    (pack,) = form_packs(runs, len(runs))
    placed = training.to_device(data, runs[0], torch.device("cpu"))
    state, points = training.begin(pack, placed), training.train(training.begin(pack, placed))
    order_SN = np.stack([batch_order(seed, 0, len(data.y_train_N)) for seed in pack.seeds])
    whole = order_SN.shape[1] // BATCH * BATCH
    rows_SB = itertools.cycle(torch.split(torch.from_numpy(order_SN[:, :whole]), BATCH, 1))

    def steps(number: int) -> None:
        nonlocal state
        state, _, _ = training.advance(state, torch.stack(list(itertools.islice(rows_SB, number))))

    def epoch() -> None:
        for point in points:
            if point.step and not point.step % runs[0].evaluate:
                return

    return Trainer(len(runs), steps, epoch)


def scanned(data: Data, runs: int) -> Trainer:
    """The peer in JAX, which is imported by the processes that measure it alone."""
    from benchmarks.peer_jax import scanned

    return scanned(data, runs)


def training_rows(measurement: str, size: Size) -> list[Row]:
    """Return the rows of `steps` or `epoch`: who can do it in several ways has a row for each."""
    each, one = f"{CORES} processes × 1 thread", f"1 process × {CORES} threads"
    jax = importlib.util.find_spec("jax") is not None

    def row(what: str, how: str, make: Callable[[Data], Trainer], processes: int) -> Row:
        threads, whole = (CORES if processes == 1 else 1), measurement == "epoch" and what != LIMIT
        call = functools.partial(together, make, processes, threads, size, whole)
        return Row(measurement, what, how, "µs per run-step", EAGER, call)

    def pack(seeds: int, arms: int) -> Callable[[Data], Trainer]:
        return functools.partial(engine, seeds=seeds, placements=["pre"], activations=["sigmoid"], rates=arms)

    rows = [row(EAGER, each, eager, CORES)]
    rows += [row("bnexp", f"{s} × {a} lanes, {each}", pack(s, a), CORES) for s, a in ((2, 8), (2, 16), (1, 16))]
    rows += [row("bnexp", f"2 × 16 lanes, {one}", pack(2, 16), 1), row("DataLoader loop", one, loader, 1)]
    for what, make, there in (("torch.func.vmap", stacked, True), ("JAX vmap + scan", scanned, jax)):
        if there:
            rows += [
                row(what, f"8 runs, {how}", functools.partial(make, runs=8), n) for how, n in ((each, CORES), (one, 1))
            ]
        else:
            rows.append(Row(measurement, what, EXTRA, "µs per run-step", EAGER, None))
    return [*rows, row(LIMIT, each, product, CORES)]


def sweep_rows(root: str | None, runs: int, epochs: int) -> list[Row]:
    """Return the rows of `sweep`: the same runs by `bnexp -m` and by Hydra's joblib launcher."""
    unit, axes = f"s for {runs} runs × {epochs} epochs", ("placement=none,pre,post", f"seed=range({runs // 3})")
    launcher = importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher") is not None
    if root is None:
        how = "needs the real MNIST: give --root"
        return [Row("sweep", what, how, unit, JOBLIB, None) for what in (JOBLIB, "bnexp -m")]
    mine = ("-m", "bnexp", "-m", *axes, f"epochs={epochs}", f"data.root={root}", "activation=sigmoid", "report=false")
    theirs = (
        *(str(ROOT / "scripts" / "peer_sweep.py"), "-m", "hydra/launcher=joblib", f"hydra.launcher.n_jobs={CORES}"),
        *(f"+{axis}" for axis in (*axes, f"epochs={epochs}", f"root={root}")),
    )
    call = (lambda: observed(theirs)[0]) if launcher else None
    return [
        Row("sweep", JOBLIB, f"{CORES} processes × 1 thread" if launcher else EXTRA, unit, JOBLIB, call),
        Row("sweep", "bnexp -m", "as it chooses", unit, JOBLIB, lambda: observed(mine)[0]),
    ]


def mixed_rows(size: Size) -> list[Row]:
    """Return the rows of `mixed`: what slices of other kinds cost a pack."""
    each, unit = f"12 lanes, {CORES} processes × 1 thread", "µs per run-step"
    uniform = functools.partial(engine, seeds=1, placements=["pre"], activations=["sigmoid"], rates=12)
    acts = ["relu", "gelu", "tanh", "sigmoid"]
    mixed = functools.partial(
        engine, seeds=1, placements=[Placement.none, Placement.pre, Placement.post], activations=acts, rates=1
    )
    return [
        Row("mixed", what, each, unit, UNIFORM, functools.partial(together, make, CORES, 1, size, False))
        for what, make in ((UNIFORM, uniform), ("3 placements × 4 activations", mixed))
    ]


def overhead_rows(jobs: int) -> list[Row]:
    """Return the rows of `overhead` and `memory`: sweeps on the bundled digits."""
    tiny = ("-m", "bnexp", "-m", "data=digits", "steps=1", "evaluate=1", "report=false")

    def row(measurement: str, what: str, how: str, unit: str, baseline: str, count: int, *more: str) -> Row:
        words = (*tiny, f"seed=range({count})", *more)
        if measurement == "memory":
            return Row(measurement, what, how, unit, baseline, lambda: observed(words)[1])
        return Row(measurement, what, how, unit, baseline, lambda: observed(words)[0] / count * 1e3)

    return [
        row("overhead", ONE_JOB, "digits, 1 step, 4 hidden units", "ms per job", ONE_JOB, 1, "hidden=[4]"),
        row("overhead", f"bnexp -m, {jobs} jobs", "the same", "ms per job", ONE_JOB, jobs, "hidden=[4]"),
        row("memory", ONE_PACK, "digits, 1 step, 32 lanes", "MB at the peak", ONE_PACK, 32),
        row("memory", "bnexp -m, many packs", f"the same, {2 * jobs} lanes", "MB at the peak", ONE_PACK, 2 * jobs),
    ]


def lines(rows: list[Row]) -> list[tuple[str, ...]]:
    """Return the cells of the table, as `COLUMNS` names them; empty where there is nothing to say."""
    found = {(row.measurement, row.what): row for row in rows}

    def ratio(row: Row, what: str) -> str:
        against = found.get((row.measurement, what))
        if against is None or not (row.values and against.values):
            return ""
        return f"{statistics.median(a / v for a, v in zip(against.values, row.values, strict=True)):.2f}"

    return [
        (
            row.measurement, row.what, row.how, row.unit,
            f"{statistics.median(row.values):.4g}" if row.values else "",
            f"{min(row.values):.4g}" if row.values else "",
            str(len(row.values)), ratio(row, row.baseline), row.baseline, ratio(row, LIMIT),
        )
        for row in rows
    ]  # fmt: skip


def main() -> None:
    """Measure what is asked, print the table and write it to `--out`."""
    asked = arguments()
    size = Size(asked.root, 600 if asked.quick else 50_000, 60 if asked.quick else 10_000, 0.02 if asked.quick else 3)
    rows = {
        "steps": training_rows("steps", size),
        "epoch": training_rows("epoch", size),
        "sweep": sweep_rows(asked.root, asked.runs, asked.epochs),
        "mixed": mixed_rows(size),
        **{
            name: [row for row in overhead_rows(asked.jobs) if row.measurement == name]
            for name in ("overhead", "memory")
        },
    }
    taken = [row for name in asked.only for row in rows[name]]
    for name in asked.only:
        for number in range(asked.rounds):
            for row in rows[name]:
                if row.measure:
                    row.values.append(row.measure())
            print(f"{name}: round {number + 1} of {asked.rounds}", file=sys.stderr)
    table = lines(taken)
    data = f"MNIST from {asked.root}" if asked.root else "random data of the shape of MNIST"
    versions = ", ".join(f"{name} {version}" for name, version in provenance.versions().items())
    text = [f"{provenance.machine()}; {versions}; {data}; rounds: {asked.rounds}", ""]
    text += [f"| {' | '.join(cells)} |" for cells in (COLUMNS, ("---",) * 4 + ("---:",) * 4 + ("---", "---:"), *table)]
    print("\n".join(text))
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "benchmark.md").write_text("\n".join([*text, ""]))
    with (asked.out / "benchmark.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *table])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["steps", "epoch", "sweep", "mixed", "overhead", "memory"]
    parser.add_argument("--only", type=lambda words: words.split(","), default=names, help="measurements, with commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=96, help="of `sweep`, a multiple of 3")
    parser.add_argument("--epochs", type=int, default=1, help="of `sweep`")
    parser.add_argument("--jobs", type=int, default=1000, help="of `overhead`; `memory` takes twice as many lanes")
    parser.add_argument("--root", default=os.environ.get("BNEXP_DATA"), help="folder of MNIST; without: random data")
    parser.add_argument("--out", type=Path, default=ROOT / "outputs" / "benchmark")
    parser.add_argument("--quick", action="store_true", help="next to no data and time: shows that it runs")
    asked = parser.parse_args()
    if unknown := set(asked.only) - set(names):
        parser.error(f"--only must be some of {', '.join(names)}; got {', '.join(unknown)}")
    return asked


if __name__ == "__main__":
    main()
