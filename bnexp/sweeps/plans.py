"""The plan of a sweep: which of its runs are missing, and in which packs they are trained.

A pure function of the sweep, of what is stored and of what earlier sweeps planned: the packs of a sweep that was cut
off are trained as they were planned, so that its store ends as if it had never been (another composition of a pack
changes last bits).
"""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from bnexp.choices import Dtype, Optimizer
from bnexp.data.datasets import Data
from bnexp.engine.packs import Pack, form_packs, shape
from bnexp.engine.sizes import EVALUATION_BATCH
from bnexp.runs import Run, arm
from bnexp.store.records import SweepRecord
from bnexp.sweeps.protocol import Assignment

MEMORY: Final = {"cpu": 1.25 * 2**30, "cuda": 8 * 2**30}
"""Most bytes that a pack may hold; with torch and the data a worker then stays below 2 GiB on the CPU."""

BUFFERS: Final = 3
"""Of the size of a hidden layer: its product, its output, and the gradient of an output, which all layers share."""

PROBED: Final = 4
"""Of the size of the parameters, and of the buffers of the widest layer: what looking inside holds for a moment.

Counted whatever is measured, so that `probes` decides nothing about packs.
"""


SMALL: Final = 2e6
"""Multiplications of a step up to which a second thread only waits for the first.

A lane of the digits with the default widths has 1.6e6: 60 steps took 0.06 s of processor time with one thread and
0.25 s with two; of 0.3e6, 4 lanes of 16 units, 0.03 s and 1.0 s (torch 2.13, two cores that others shared, best of 2).
"""

NARROW: Final = 200
"""Terms of a sum up to which it is rounded the same whatever the threads; from 300 on it was not (torch 2.13, MKL)."""


@dataclass(frozen=True)
class Machine:
    """What the size of a pack depends on.

    `fast_bytes` is the size of the packs, weights and buffers, that train fastest; `lanes` is what the user asks for
    instead. `cores` are shared by the `workers`; None: each pack is trained with torch's own number of threads.
    """

    device: str
    workers: int
    cores: int | None
    fast_bytes: float
    lanes: int | None = None


def plan(
    missing: Mapping[str, Run], sweeps: Iterable[SweepRecord], data: Mapping[Any, Data], machine: Machine
) -> list[Assignment]:
    """Return the packs that train the runs `missing` (by id), the longest first.

    `sweeps` are the records of earlier sweeps on the same device, oldest first; `data` is known by its setting.
    """
    left, planned = dict(missing), []
    for sweep in sweeps:
        for name, ids in sweep.packs.items():
            if not left.keys() >= set(ids) or len(ids) > (machine.lanes or len(ids)):
                continue
            if pack := _rebuild_pack([left[run] for run in ids]):
                for run_id in ids:
                    del left[run_id]
                planned.append(Assignment(name, pack, tuple(ids), sweep.threads.get(name)))
    ids_of = {run: run_id for run_id, run in left.items()}
    by_shape: dict[tuple[Any, ...], list[Run]] = defaultdict(list)
    for run in ids_of:
        by_shape[shape(run)].append(run)
    for runs in by_shape.values():
        lanes = _max_lanes(runs[0], data[runs[0].data_setting], machine)
        for pack in form_packs(runs, lanes, machine.workers):
            of_lanes = tuple(ids_of[run] for run in pack.runs)
            planned.append(Assignment(name_pack(of_lanes), pack, of_lanes))
    if machine.cores and planned:
        most = max(1, machine.cores // min(machine.workers, len(planned)))
        threads = [one.threads or (1 if _is_small(one, data) else most) for one in planned]
        planned = [dataclasses.replace(one, threads=n) for one, n in zip(planned, threads, strict=True)]
    return sorted(planned, key=lambda assignment: work(assignment, data), reverse=True)


def _is_small(assignment: Assignment, data: Mapping[Any, Data]) -> bool:
    """Say whether one thread trains a pack soonest, to the same bits as more of them."""
    run = assignment.pack.runs[0]
    widest = max(data[run.data_setting].x_train_ND.shape[1], *run.hidden, run.batch_size)
    return widest <= NARROW and work(assignment, data) <= SMALL * run.steps


def _rebuild_pack(runs: Sequence[Run]) -> Pack | None:
    """Return the pack whose lanes are `runs`, as an earlier sweep planned it; None if its record was tampered with."""
    seeds, arms = tuple(dict.fromkeys(run.seed for run in runs)), list(dict.fromkeys(map(arm, runs)))
    lanes = [(run.seed, arm(run)) for run in runs]
    rectangle = lanes == [(seed, one) for seed in seeds for one in arms]
    return Pack(tuple(runs), seeds) if rectangle and len(set(map(shape, runs))) == 1 else None


def name_pack(ids: Collection[str]) -> str:
    """Return the name of the pack of these runs: the same runs in the same lanes have the same name."""
    return hashlib.sha256("".join(ids).encode()).hexdigest()[:16]


def _max_lanes(run: Run, data: Data, machine: Machine) -> int:
    """Return the most lanes of a pack of the shape of `run`: as many as are fast and fit into memory."""
    if machine.lanes:
        return machine.lanes
    features, classes = data.x_train_ND.shape[1], data.classes
    lane = lane_bytes(run, features, classes)
    buffers = EVALUATION_BATCH * (BUFFERS * sum(run.hidden) + PROBED * max(run.hidden))
    evaluating = lane + (buffers + PROBED * _parameters(run, features, classes)) * _itemsize(run)
    return max(1, int(min(machine.fast_bytes / lane, MEMORY[machine.device] / evaluating)))


def _parameters(run: Run, features: int, classes: int) -> int:
    return sum(i * o + 3 * o for i, o in pairwise((features, *run.hidden, classes)))


def lane_bytes(run: Run, features: int, classes: int) -> int:
    """Return what one lane of the shape of `run` holds while it trains: parameters, moments and buffers, in bytes."""
    parameters = _parameters(run, features, classes)
    kept = 4 if run.optimizer != Optimizer.sgd else 3 if run.momentum else 1  # gradient and moments beside each
    buffers = run.batch_size * (BUFFERS * sum(run.hidden) + 2 * classes)
    return (kept * parameters + buffers) * _itemsize(run)


def _itemsize(run: Run) -> int:
    return 8 if run.dtype == Dtype.float64 else 4


def work(assignment: Assignment, data: Mapping[Any, Data]) -> float:
    """Return what a pack costs, in multiplications."""
    run = assignment.pack.runs[0]
    data_of_pack = data[run.data_setting]
    widths: Sequence[int] = (data_of_pack.x_train_ND.shape[1], *run.hidden, data_of_pack.classes)
    return len(assignment.pack.runs) * run.steps * run.batch_size * sum(i * o for i, o in pairwise(widths))
