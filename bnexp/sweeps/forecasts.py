"""How long a planned sweep will take, measured on the packs that it will train."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bnexp.data.datasets import Data
from bnexp.engine.packs import shape
from bnexp.sweeps.in_process import InProcess
from bnexp.sweeps.plans import work
from bnexp.sweeps.process_pool import ProcessPool
from bnexp.sweeps.protocol import Assignment

SECONDS: Final = 2.0
"""What measuring may take, in all."""

MOST_SHAPES: Final = 8
"""Shapes that are measured, the costliest ones; the others are assumed to be as fast for their size."""

STORING: Final = 0.05
"""Seconds to write a pack."""


@dataclass(frozen=True)
class Forecast:
    """What a sweep would do: runs asked and stored, packs to train, workers and threads, bytes, seconds.

    `memory` is what the worker that holds the largest pack holds, the shared data included. `seconds` are from the
    start of the command to the last stored pack; the report comes on top.
    """

    asked: int
    planned: Sequence[Assignment]
    device: str
    workers: int
    memory: float
    seconds: float


def forecast(
    asked: int,
    planned: Sequence[Assignment],
    data: Mapping[Any, Data],
    hands: ProcessPool | InProcess,
    device: str,
    workers: int,
    started: float,
) -> Forecast:
    """Measure the largest pack of each shape on all workers at once, and add up what the sweep would take."""
    if not planned:
        return Forecast(asked, planned, device, 0, 0.0, 0.0)
    largest: dict[Any, Assignment] = {}
    for given in planned:  # the costliest come first
        largest.setdefault(shape(given.pack.runs[0]), given)
    measured, memory = {}, 0.0
    hands.wait()
    starting = time.perf_counter() - started
    for name, given in list(largest.items())[:MOST_SHAPES]:
        budget = SECONDS / min(len(largest), MOST_SHAPES)
        answers = hands.ask({"do": "pace", "assignment": given.plain(), "seconds": budget})
        memory = max(memory, *(answer["memory"] for answer in answers))
        mean = {part: sum(answer[part] for answer in answers) / len(answers) for part in answers[0]}
        measured[name] = _seconds(given, mean) / work(given, data)
    usual = sum(measured.values()) / len(measured)
    ends = [0.0] * workers
    for given in planned:
        seconds = measured.get(shape(given.pack.runs[0]), usual) * work(given, data) + STORING
        ends[ends.index(min(ends))] += seconds
    return Forecast(asked, planned, device, workers, memory, starting + max(ends))


def _seconds(given: Assignment, pace: Mapping[str, float]) -> float:
    """Return what a pack takes from its start to its last point; there is one evaluation before the first step."""
    run = given.pack.runs[0]
    return pace["begin"] + run.steps * pace["step"] + (1 + math.ceil(run.steps / run.evaluate)) * pace["evaluation"]
