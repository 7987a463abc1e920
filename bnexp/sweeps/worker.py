"""A worker: a process that is given packs, trains and stores them, and tells how that goes.

`process_pool` starts it as `python -m bnexp.sweeps.worker`. It reads lines of JSON from standard input, first its
setting and then one order a line, and writes events to standard output. Whatever else is printed goes to standard
error, which is the log.
"""

import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
import torch

from bnexp.choices import Probes
from bnexp.data.datasets import Data
from bnexp.engine import probes, training
from bnexp.errors import UserError
from bnexp.runs import identity
from bnexp.store import rows as results
from bnexp.store.store import Store
from bnexp.sweeps import calibration, shared_memory
from bnexp.sweeps.protocol import Assignment, Event, Kind, assignment

STOPPED: Final = 143
"""Exit code after SIGTERM, as shells have it."""


def train(
    given: Assignment, data: Data, store: Store, device: str, *, weights: bool, level: Probes = Probes.none
) -> Iterator[Event]:
    """Train a pack into `store` and yield an event for every point of its curves; the last is `stored` or `failed`."""
    started, points, measured = time.perf_counter(), [], []
    stored = store.measured(given.name)
    if stored and stored.covers(level) and not weights:  # another sweep has trained it meanwhile
        yield Event(Kind.stored)
        return
    if stored and stored.covers(level):
        level = stored  # what was measured is not lost when the weights are asked for
    if given.threads:
        torch.set_num_threads(given.threads)
    try:
        state = training.begin(given.pack, training.to_device(data, given.pack.runs[0], torch.device(device)))
        for point in training.train(state):
            points.append(point)
            if level is not Probes.none and training.evaluation_due(given.pack.runs[0], point.step):
                measured.append(probes.measure(replace(state, step=point.step), level))
            yield _event(point)
    except (RuntimeError, MemoryError) as error:  # torch says with a RuntimeError that memory ran out
        store.log(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} pack {given.name} failed\n{traceback.format_exc()}")
        yield Event(Kind.failed, f"{type(error).__name__}: {' '.join(str(error).splitlines()[:1])}")
        return
    rows, curves = frames(given, points, data, device, time.perf_counter() - started, level)
    for run, status, lane in zip(rows["run"], rows["status"], rows["lane"], strict=True):
        if weights and status == "done":
            lane_of_run = state.network.lane(lane)
            store.write_weights(run, given.name, {key: t.cpu().numpy() for key, t in lane_of_run.items()})
    layers = results.layer_rows(given.pack, points, measured, list(rows["run"])) if measured else None
    store.write(given.name, rows, curves, layers)
    yield Event(Kind.stored)


def _event(point: training.Point) -> Event:
    accuracies, diverged = point.validation_accuracy, int((point.diverged_step > 0).sum())
    evaluated = not np.isnan(accuracies).all()
    return Event(Kind.point, step=point.step, diverged=diverged, validation=accuracies.tolist() if evaluated else [])


def frames(
    given: Assignment,
    points: Sequence[training.Point],
    data: Data,
    device: str,
    seconds: float,
    level: Probes = Probes.none,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of a trained pack's runs and of their curves.

    Each run has its share of the `seconds`; `level` is how much was measured besides.
    """
    ids = [identity(run, data.digest) for run in given.pack.runs]
    origin = results.origin(given.name, len(ids), data.classes, device)
    facts = {**origin, "probes": str(level)}
    rows = results.run_rows(given.pack, points, ids).assign(seconds=seconds / len(ids), **facts)
    return rows, results.curve_rows(given.pack, points, ids)


def main() -> None:
    """Obey the orders of standard input until there are no more."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(said: Event) -> None:
        channel.write(said.written())
        channel.flush()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))  # raised, so that no temporary file stays
    warnings.showwarning = lambda message, category, *_: tell(Event(Kind.warned, f"{category.__name__}: {message}"))
    try:
        _work(sys.stdin, tell)
    except BrokenPipeError:  # the sweep was killed; what it would have been told is of no use to anybody
        os._exit(1)
    except UserError as error:
        tell(Event(Kind.refused, str(error)))


def _work(lines: Iterator[str], tell: Callable[[Event], None]) -> None:
    setting = json.loads(next(lines))
    try:
        device = str(training.choose_device(setting["device"]))
    except ValueError as error:
        raise UserError(str(error)) from None
    tell(Event(Kind.ready, device))
    store, data = Store(setting["store"]), {one.setting: one for one in map(shared_memory.attach, setting["data"])}
    level = Probes(setting["probes"])
    for line in lines:
        order = json.loads(line)
        match order["do"]:
            case "train":
                given = assignment(order["assignment"])
                of_pack = data[given.pack.runs[0].data_setting]
                for said in train(given, of_pack, store, device, weights=setting["weights"], level=level):
                    tell(said)
            case _:
                tell(Event(Kind.measured, numbers=measure(order, data, device, level)))


def measure(order: Mapping[str, Any], data: Mapping[Any, Data], device: str, level: Probes) -> dict[str, float]:
    """Return the answer to an order to measure."""
    if order["do"] == "lanes":
        return calibration.time_pack_sizes(torch.device(device))
    given = assignment(order["assignment"])
    of_pack = data[given.pack.runs[0].data_setting]
    return calibration.time_pack(given, of_pack, torch.device(device), order["seconds"], level)


if __name__ == "__main__":
    main()
