"""A worker: a process that is given packs, trains and stores them, and tells how that goes.

`process_pool` starts it as `python -m bnexp.sweeps.worker`. It reads lines of JSON from standard input, first its
setting and then one order a line, and writes events to standard output. Whatever else is printed goes to standard
error, which is the log.
"""

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
from bnexp.store.rows import curve_rows, layer_rows, origin_columns, run_rows
from bnexp.store.store import Store
from bnexp.sweeps import calibration
from bnexp.sweeps.protocol import (
    Assignment,
    Event,
    Extras,
    Kind,
    Measurement,
    TimePack,
    TimePackSizes,
    Train,
    decode_order,
    decode_setting,
    encode,
)
from bnexp.sweeps.shared_memory import attach

STOPPED: Final = 143
"""Exit code after SIGTERM, as shells have it."""


def train_pack(assignment: Assignment, data: Data, store: Store, device: str, extras: Extras) -> Iterator[Event]:
    """Train a pack into `store` and yield an event for every point of its curves; the last is `stored` or `failed`.

    It is trained with the threads that were planned for it; afterwards torch has as many as before, because they may be
    those of a user's own program.
    """
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(assignment.threads or before)
        yield from _train_pack(assignment, data, store, device, extras)
    finally:
        torch.set_num_threads(before)


def _train_pack(assignment: Assignment, data: Data, store: Store, device: str, extras: Extras) -> Iterator[Event]:
    started, points, measured = time.perf_counter(), [], []
    pack, level, stored = assignment.pack, extras.probes, store.probes_of(assignment.name)
    if stored and stored.covers(level) and not extras.weights:  # another sweep has trained it meanwhile
        yield Event(Kind.stored)
        return
    if stored and stored.covers(level):
        level = stored  # what was measured is not lost when the weights are asked for
    try:
        state = training.begin(pack, training.to_device(data, pack.runs[0], torch.device(device)))
        for point, inside in follow(state, level):
            points.append(point)
            measured += inside
            yield point_event(point)
    except (RuntimeError, MemoryError) as error:  # torch says with a RuntimeError that memory ran out
        store.log(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} pack {assignment.name} failed\n{traceback.format_exc()}")
        yield Event(Kind.failed, f"{type(error).__name__}: {' '.join(str(error).splitlines()[:1])}")
        return
    rows, curves = pack_rows(assignment, points, data, device, seconds=time.perf_counter() - started, probes=level)
    for run, status, lane in zip(rows["run"], rows["status"], rows["lane"], strict=True):
        if extras.weights and status == "done":
            tensors = state.network.lane(lane)
            store.write_weights(run, assignment.name, {key: t.cpu().numpy() for key, t in tensors.items()})
    layers = layer_rows(pack, points, measured, assignment.ids) if measured else None
    store.write(assignment.name, rows, curves, layers)
    yield Event(Kind.stored)


def follow(state: training.State, level: Probes) -> Iterator[tuple[training.Point, list[probes.Measurement]]]:
    """Train `state` to its end and yield each point, with what was measured inside the layers if it was."""
    run = state.pack.runs[0]
    for point in training.train(state):
        looked = level is not Probes.none and training.evaluation_due(run, point.step)
        yield point, [probes.measure(replace(state, step=point.step), level)] if looked else []


def point_event(point: training.Point) -> Event:
    """Return the event that tells of `point`."""
    accuracies, diverged = point.validation_accuracy, int((point.diverged_step > 0).sum())
    evaluated = not np.isnan(accuracies).all()
    return Event(Kind.point, step=point.step, diverged=diverged, validation=accuracies.tolist() if evaluated else [])


def pack_rows(
    assignment: Assignment,
    points: Sequence[training.Point],
    data: Data,
    device: str,
    *,
    seconds: float,
    probes: Probes = Probes.none,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of a trained pack's runs and of their curves.

    Each run has its share of the `seconds`; `probes` is how much was measured besides.
    """
    pack, ids = assignment.pack, assignment.ids
    origin = origin_columns(assignment.name, len(ids), data.classes, device)
    rows = run_rows(pack, points, ids).assign(seconds=seconds / len(ids), probes=str(probes), **origin)
    rows["test_examples"], rows["features"] = len(data.y_test_N), data.x_train_ND.shape[1]
    return rows, curve_rows(pack, points, ids)


def main() -> None:
    """Obey the orders of standard input until there are no more."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    orders = os.fdopen(os.dup(0), encoding="utf-8")  # whatever the locale
    os.dup2(2, 1)

    def tell(event: Event) -> None:
        channel.write(encode(event))
        channel.flush()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))  # raised, so that no temporary file stays
    warnings.showwarning = lambda message, category, *_: tell(Event(Kind.warned, f"{category.__name__}: {message}"))
    try:
        _obey(orders, tell)
    except BrokenPipeError:  # the sweep was killed; what it would have been told is of no use to anybody
        os._exit(1)
    except UserError as error:
        tell(Event(Kind.refused, str(error)))


def _obey(lines: Iterator[str], tell: Callable[[Event], None]) -> None:
    setting = decode_setting(next(lines))
    try:
        device = str(training.choose_device(setting.device))
    except ValueError as error:
        raise UserError(str(error)) from None
    tell(Event(Kind.ready, device))
    store, data = Store(setting.store), {one.setting: one for one in map(attach, setting.data)}
    for line in lines:
        order = decode_order(line)
        if isinstance(order, Train):
            data_of_pack = data[order.assignment.pack.runs[0].data_setting]
            for event in train_pack(order.assignment, data_of_pack, store, device, setting.extras):
                tell(event)
        else:
            tell(Event(Kind.measured, numbers=measure(order, data, device, setting.extras.probes)))


def measure(order: Measurement, data: Mapping[Any, Data], device: str, level: Probes) -> dict[str, float]:
    """Return the answer to an order to measure; `level` is how much is measured inside the layers while training."""
    match order:
        case TimePackSizes():
            return calibration.time_pack_sizes(torch.device(device))
        case TimePack(assignment, seconds):
            data_of_pack = data[assignment.pack.runs[0].data_setting]
            return calibration.time_pack(assignment, data_of_pack, torch.device(device), seconds, level)


if __name__ == "__main__":
    main()
