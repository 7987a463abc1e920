"""How long something takes: training in processes that begin together, and a command from its start to its end."""

import functools
import math
import multiprocessing
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final

import torch

from benchmarks.peers import BATCH, Trainer, examples
from bnexp import provenance
from bnexp.data.datasets import Data

ROOT: Final = Path(__file__).resolve().parents[2]
CORES: Final = provenance.cores()


@dataclass(frozen=True)
class Size:
    """How much is measured: data of `train` and `evaluated` examples, for at least `seconds` per row and round."""

    root: str | None
    train: int
    evaluated: int
    seconds: float


def together(make: Callable[[Data], Trainer], processes: int, threads: int, size: Size, whole_epochs: bool) -> float:
    """Return µs per run-step of `processes` processes that begin together, from the sum of their rates."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["torch", "torch._dynamo", "bnexp.engine.training", "hydra"]
    )  # once for all processes
    barrier, answers = context.Barrier(processes), context.SimpleQueue()
    words = (make, threads, size, whole_epochs, barrier, answers)
    started = [context.Process(target=_measure, args=(core, *words)) for core in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    if any(process.exitcode for process in started):
        raise SystemExit("benchmark_sweep: a process that was measured must end well; one failed, see above")
    rates: list[float] = [answers.get() for _ in started]
    return 1e6 / sum(rates)


def _measure(
    core: int, make: Callable[[Data], Trainer], threads: int, size: Size, whole_epochs: bool, barrier: Barrier,
    answers: "multiprocessing.SimpleQueue[float]",
) -> None:  # fmt: skip
    """Put the run-steps per second of one process into `answers`."""
    try:
        if barrier.parties > 1 and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})  # JAX knows no other bound on its threads
        torch.set_num_threads(threads)
        trainer = make(examples(size.root, size.train, size.evaluated))
        in_an_epoch = math.ceil(size.train / BATCH)
        number = in_an_epoch if whole_epochs else min(max(10, 800 // trainer.runs), size.train // BATCH)
        work = trainer.epoch if whole_epochs else functools.partial(trainer.steps, number)
        work()
        barrier.wait(timeout=600)
    except BaseException:
        barrier.abort()  # the others must not wait for this one
        raise
    began, done = time.perf_counter(), 0
    while (seconds := time.perf_counter() - began) < size.seconds:
        work()
        done += number * trainer.runs
    answers.put(done / seconds)


def observed(words: Iterable[str]) -> tuple[float, float]:
    """Run a command in an empty folder; return its seconds and the peak of its largest process in MB."""
    watch = (  # a process between, because a peak counts what the process that started the command held
        "import resource, subprocess, sys, time; began = time.perf_counter(); "
        "status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL); "
        "print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(status)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", watch, sys.executable, *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise SystemExit(f"benchmark_sweep: a measured command must end well; {shlex.join(words)} said {done.stderr}")
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak / (2**20 if sys.platform == "darwin" else 2**10)
