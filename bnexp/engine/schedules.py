"""Learning-rate schedules: warm-up and constant, cosine or stepwise rates, for every lane at every step.

Letters: R lanes, K steps. Steps are those of the optimizer and count from 0.

An array of rates is computed for many steps at once, on the CPU and in float64, before the loop of `training.advance`:
the loop itself knows no schedule.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnexp.choices import Schedule
from bnexp.runs import Run


def compute_learning_rates(runs: Sequence[Run], steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the learning rate [K, R] of each of `runs` at each of `steps` (t, from 0): lr · warm-up · schedule.

    Warm-up over w steps: factor (t + 1)/w until it is 1. Afterwards, with T the number of steps of the training:
    constant 1; cosine (1 + cos(π·(t − w)/(T − w)))/2 (Loshchilov & Hutter 2017); step factor^⌊(t − w)/every⌋.
    """
    factors = {_schedule_key(run): _compute_factors(run, steps) for run in runs}
    return np.stack([run.lr * factors[_schedule_key(run)] for run in runs], axis=1)


def _schedule_key(run: Run) -> tuple[Schedule, int, int, float, int]:
    """Return what decides a schedule: lanes that agree in it share one computation."""
    return run.schedule, run.warmup, run.schedule_every, run.schedule_factor, run.steps


def _compute_factors(run: Run, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the factor [K] on the learning rate of `run` at each of `steps`."""
    after = np.maximum(steps - run.warmup, 0)
    match run.schedule:
        case Schedule.constant:
            factor = np.ones(len(steps))
        case Schedule.cosine:
            factor = (1 + np.cos(math.pi * after / max(1, run.steps - run.warmup))) / 2
        case Schedule.step:
            factor = run.schedule_factor ** (after // run.schedule_every)
    return factor * np.minimum(1.0, (steps + 1) / run.warmup) if run.warmup else factor
