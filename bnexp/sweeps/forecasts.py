"""How long a planned sweep will take, measured on the packs that it will train."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bnexp.data.datasets import Data
from bnexp.engine.packs import shape
from bnexp.sweeps.plans import work
from bnexp.sweeps.protocol import Assignment, TimePack
from bnexp.sweeps.workers import Workers

SECONDS: Final = 2.0
"""What measuring may take, in all."""

MAX_SHAPES: Final = 8
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
    planned: Sequence[Assignment],
    data: Mapping[Any, Data],
    workers: Workers,
    *,
    count: int,
    asked: int,
    device: str,
    started: float,
) -> Forecast:
    """Measure the largest pack of each shape on all `count` workers at once, and add up what the sweep would take."""
    if not planned:
        return Forecast(asked, planned, device, 0, 0.0, 0.0)
    largest: dict[Any, Assignment] = {}
    for assignment in planned:  # the costliest come first
        largest.setdefault(shape(assignment.pack.runs[0]), assignment)
    rates, memory = {}, 0.0
    workers.wait()
    starting = time.perf_counter() - started
    for pack_shape, assignment in list(largest.items())[:MAX_SHAPES]:
        answers = workers.measure(TimePack(assignment, SECONDS / min(len(largest), MAX_SHAPES)))
        memory = max(memory, *(answer["memory"] for answer in answers))
        mean = {part: sum(answer[part] for answer in answers) / len(answers) for part in answers[0]}
        rates[pack_shape] = _pack_seconds(assignment, mean) / work(assignment, data)
    usual = sum(rates.values()) / len(rates)
    ends = [0.0] * count
    for assignment in planned:
        seconds = rates.get(shape(assignment.pack.runs[0]), usual) * work(assignment, data) + STORING
        ends[ends.index(min(ends))] += seconds
    return Forecast(asked, planned, device, count, memory, starting + max(ends))


def _pack_seconds(assignment: Assignment, parts: Mapping[str, float]) -> float:
    """Return what a pack takes from its start to its last point; there is one evaluation before the first step."""
    run = assignment.pack.runs[0]
    return parts["begin"] + run.steps * parts["step"] + (1 + math.ceil(run.steps / run.evaluate)) * parts["evaluation"]
