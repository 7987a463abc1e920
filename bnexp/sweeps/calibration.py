"""How fast is this machine, for the packs of a sweep and for packs of different sizes?

A run-step is one optimizer step of one run.
"""

import math
import resource
import sys
import time
from dataclasses import replace
from typing import Final

import numpy as np
import torch

from bnexp.choices import Placement, Probes
from bnexp.data.datasets import Data
from bnexp.engine import probes, training
from bnexp.engine.packs import form_packs
from bnexp.engine.sizes import EVALUATION_BATCH
from bnexp.runs import Run
from bnexp.sweeps.protocol import Assignment

LANES: Final = {"cpu": (8, 16, 32), "cuda": (64, 256, 1024)}
"""Sizes of packs that are tried."""

FEATURES: Final = 784
"""Inputs of the net whose speed is measured, 784-100-100-100-10 with batches of 60."""


def time_pack(
    assignment: Assignment, data: Data, device: torch.device, seconds: float, level: Probes
) -> dict[str, float]:
    """Train a pack for about `seconds` and return what its parts take, in seconds, and the memory in bytes.

    `begin` is its start, `step` one step of all its lanes, `evaluation` one of all on validation and test examples,
    with what `level` asks to be measured inside the layers.
    `memory` is the most that this process has held so far.
    """
    run = assignment.pack.runs[0]
    torch.set_num_threads(assignment.threads or torch.get_num_threads())
    started = time.perf_counter()
    state = training.begin(assignment.pack, training.to_device(data, run, device))
    begun = time.perf_counter()
    few = min(2 * EVALUATION_BATCH, len(data.y_test_N))
    x_ND, y_N = state.examples.test
    training.evaluate(state, x_ND[:few], y_N[:few])
    evaluated = time.perf_counter()
    probing = _time_probes(state, level)
    rows_KSB = _random_batches(run, len(assignment.pack.seeds), 5).to(device)
    state, _, _ = training.advance(state, rows_KSB)  # the first steps allocate
    steps, took = 0, 0.0
    while steps == 0 or time.perf_counter() - started < seconds:
        before = time.perf_counter()
        state, loss_KR, _ = training.advance(state, rows_KSB)
        loss_KR.cpu()  # waits for a GPU
        steps, took = steps + len(rows_KSB), took + time.perf_counter() - before
    return {
        "begin": begun - started,
        "evaluation": (evaluated - begun) * (len(data.y_validation_N) + len(data.y_test_N)) / few + probing,
        "step": took / steps,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


def _time_probes(state: training.State, level: Probes) -> float:
    """Return the seconds that looking inside the layers takes, once its buffers are there."""
    took = 0.0
    for _ in range(2 if level is not Probes.none else 0):
        started = time.perf_counter()
        probes.measure(state, level)
        took = time.perf_counter() - started
    return took


def time_pack_sizes(device: torch.device) -> dict[str, float]:
    """Return the seconds per run-step, the least of five tries, for each size of pack in `LANES`."""
    rates, threads = {}, torch.get_num_threads()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    x_ND, y_N = rng.random((600, FEATURES), dtype=np.float32), rng.integers(10, size=600)
    data = Data("random", x_ND, x_ND, x_ND, y_N, y_N, y_N, classes=10, digest="", standardize=False)
    for lanes in LANES[device.type]:
        long = Run(
            placement=Placement.pre, steps=10**9, evaluate=10**9, data="random", data_train=600, data_validation=600
        )
        runs = [replace(long, lr=0.1 + g / 1000, seed=s) for s in range(2) for g in range(lanes // 2)]
        (pack,) = form_packs(runs, lanes)
        state = training.begin(pack, training.to_device(data, runs[0], device))
        rows_KSB = _random_batches(runs[0], 2, math.ceil(64 / lanes)).to(device)
        tries = []
        for _ in range(6):
            started = time.perf_counter()
            state, loss_KR, _ = training.advance(state, rows_KSB)
            loss_KR.cpu()
            tries.append((time.perf_counter() - started) / len(rows_KSB) / lanes)
        rates[str(lanes)] = min(tries[1:])
    torch.set_num_threads(threads)
    return rates


def _random_batches(run: Run, seeds: int, steps: int) -> torch.Tensor:
    """Return random training examples [K, S, B]: what they are does not change how long a step takes."""
    size = (steps, seeds, run.batch_size)
    return torch.from_numpy(np.random.default_rng(0).integers(run.data_train, size=size))
