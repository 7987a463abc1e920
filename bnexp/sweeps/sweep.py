"""Sweeps: runs asked − runs stored = runs to train; planned, handed to workers, stored."""

import dataclasses
import secrets
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bnexp.choices import Probes, parse
from bnexp.data.datasets import Data
from bnexp.engine.packs import form_packs
from bnexp.errors import UserError
from bnexp.runs import Run, identity
from bnexp.store.records import SweepRecord
from bnexp.store.rows import failure_rows, layer_rows, origin_columns
from bnexp.store.schemas import LAYERS, RUN_FILES
from bnexp.store.store import Store
from bnexp.sweeps import forecasts, plans
from bnexp.sweeps.in_process import InProcess, trains_here
from bnexp.sweeps.process_pool import ProcessPool
from bnexp.sweeps.progress import Display
from bnexp.sweeps.protocol import Assignment, Event, Extras, Kind
from bnexp.sweeps.requests import check_contents, complete_record, count_stored, find_missing, find_stored, plan_packs
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.workers import Workers

# `worker` and `training` load torch and are imported where they are used: a sweep leaves torch to its workers.

MAX_LANES: Final = 32
"""Most lanes of a pack of `train`: 2 seeds × 8 arms cost 590 µs a run-step, 2 × 16 619, 4 × 16 590 (one thread)."""


@dataclass(frozen=True, eq=False)
class Results:
    """Rows of runs, of their curves and of their layers: columns `RUN_FILES`, `CURVES` and `LAYERS` of `schemas`.

    `runs, curves = …` takes the first two.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Yield the frames that there were before layers were returned, too."""
        yield from (self.runs, self.curves)


def train(
    runs: Iterable[Run],
    data: Data,
    device: str = "cpu",
    *,
    probes: Probes | str = Probes.none,
    progress: bool | None = None,
) -> Results:
    """Train `runs` on `data` in this process and return their rows; nothing is stored.

    Args:
        runs: what to train; runs of one shape are trained together.
        data: the data that all runs name, as `bnexp.load_data` returns it.
        device: "cpu", "cuda", or "auto" for a GPU if there is one.
        probes: how much is measured inside the layers: "none", "basic" or "full".
        progress: whether how far it is is shown, in a notebook below the cell, else on standard error; left out: in a
            terminal and in a notebook.

    Returns:
        Three frames: `runs` with a row per run, in the order asked, `curves` with a row per run and point, and `layers`
        with a row per run, point and layer, none without probes. `runs, curves = bnexp.train(…)` takes the first two.
        `bnexp/store/schemas.py` says what their columns mean.

    Raises:
        UserError: if no run is asked for, if `data` is not the data that a run names, or if there is no such device or
            level of probes.

    Example:
        >>> import bnexp
        >>> digits = bnexp.load_data("digits", validation=300)
        >>> setting = {"data": "digits", "data_train": len(digits.y_train_N), "data_validation": 300}
        >>> asked = [bnexp.Run(placement=p, steps=100, evaluate=50, **setting) for p in ("pre", "post")]
        >>> runs, curves = bnexp.train(asked, digits)
        >>> runs[["placement", "status"]]
          placement status
        0       pre   done
        1      post   done
        >>> bool((runs["test_accuracy"] > 0.8).all())
        True
        >>> curves.dropna(subset="test_accuracy")["step"].tolist()
        [0, 50, 100, 0, 50, 100]
        >>> layers = bnexp.train(asked, digits, probes="basic").layers
        >>> layers[layers["run"] == runs["run"][0]].groupby("step")["layer"].max().to_dict()
        {0: 4, 50: 4, 100: 4}
    """
    from bnexp.engine import training
    from bnexp.sweeps import worker

    ids_of = {run: identity(run, data.digest) for run in runs}
    if not ids_of:
        raise UserError("a sweep must ask for at least one run; got none")
    level, trained, place = parse(Probes, probes, "probes"), [], training.choose_device(device)
    planned = []
    for pack in form_packs(ids_of, MAX_LANES):
        ids = tuple(ids_of[run] for run in pack.runs)
        planned.append(Assignment(plans.name_pack(ids), pack, ids))
    with Display(planned, progress) as display:
        for assignment in planned:
            started, points, measured = time.perf_counter(), [], []
            state = training.begin(assignment.pack, training.to_device(data, assignment.pack.runs[0], place))
            for point, inside in worker.follow(state, level):
                points.append(point)
                measured += inside
                display.show(assignment, worker.point_event(point))
            display.show(assignment, Event(Kind.stored))
            seconds = time.perf_counter() - started
            rows, curves = worker.pack_rows(assignment, points, data, str(place), seconds=seconds, probes=level)
            trained.append((rows, curves, layer_rows(assignment.pack, points, measured, assignment.ids)))
    rows, curves, layers = (pd.concat(frames, ignore_index=True) for frames in zip(*trained, strict=True))
    in_order = rows.set_index("run").loc[list(ids_of.values())].reset_index()
    return Results(in_order.reindex(columns=RUN_FILES.names), curves, layers.reindex(columns=LAYERS.names))


def sweep(
    runs: Iterable[Run],
    data: Data | Iterable[Data],
    store: Store | Path | str,
    *,
    device: str = "auto",
    workers: int | None = None,
    probes: Probes | str = Probes.none,
    save_weights: bool = False,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Train what `store` lacks of `runs`, as the command line does, and return the row of each.

    Args:
        runs: what to train.
        data: the data that the runs name, as `bnexp.load_data` returns them.
        store: the folder of the results, which need not be there yet; it grows.
        device: "cpu", "cuda", or "auto" for a GPU if there is one.
        workers: processes that train; left out: one per core, or this process if there is little to train; 0: this
            process.
        probes: how much is measured inside the layers: "none", "basic" or "full".
        save_weights: whether the weights of each run are kept.
        progress: whether how far it is is shown, in a notebook below the cell, else on standard error; left out: in a
            terminal and in a notebook.

    Returns:
        A frame with a row per run, in the order asked, failed ones included; `bnexp/store/schemas.py` says what its
        columns mean.

    Raises:
        UserError: if no run is asked for, if the data of one is not given, or if there is no such device.

    Example:
        >>> import tempfile
        >>> import bnexp
        >>> digits = bnexp.load_data("digits", validation=300)
        >>> setting = {"data": "digits", "data_train": len(digits.y_train_N), "data_validation": 300}
        >>> asked = [bnexp.Run(placement=p, steps=20, evaluate=10, **setting) for p in ("pre", "post")]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     rows = bnexp.sweep(asked, digits, folder, workers=0)
        ...     len(bnexp.load(folder).runs)
        2
        >>> rows["status"].tolist()
        ['done', 'done']
    """
    asked, loaded = list(runs), [data] if isinstance(data, Data) else list(data)
    if not asked:
        raise UserError("a sweep must ask for at least one run; got none")
    given = {one.setting for one in loaded}
    for run in asked:
        if run.data_setting not in given:
            raise UserError(f"data must hold the data of every run; got none of the setting {run.data_setting}")
    return train_sweep(
        asked,
        loaded,
        store if isinstance(store, Store) else Store(store),
        resources=Resources(device, workers),
        save_weights=save_weights,
        record=SweepRecord(command="bnexp.sweep(...)"),
        probes=parse(Probes, probes, "probes"),
        progress=progress,
    )


def train_sweep(
    runs: Sequence[Run],
    loaded: Iterable[Data],
    store: Store,
    *,
    resources: Resources,
    save_weights: bool,
    record: SweepRecord,
    probes: Probes = Probes.none,
    progress: bool | None = True,
) -> pd.DataFrame:
    """Train what `store` lacks of `runs` and return one row per asked run, in order, failed ones included.

    `loaded` yields the data of every run. `record` holds what the caller knows of the command; it is stored with the
    plan. A pack that cannot be trained is tried once more as two halves; then its runs are `failed`, and the others go
    on.
    """
    extras = Extras(save_weights, probes)
    with _choose_workers(runs, store, resources, extras) as workers:
        # 1. Open the store: whole runs of it are not trained again.
        store.remove_abandoned()
        passed_over = [*store.set_aside_broken(), *store.describe_damaged_records()]
        store.check_semantics()
        stored = find_stored(store, extras)

        # 2. Start workers. If nothing is stored, all is missing: they load torch while this process loads the data.
        if not stored:
            workers.resize(resources.first_workers(len(runs)))

        # 3. Load the data. Its digest is part of the runs' ids, and so of what is missing.
        request = find_missing(runs, workers.share(loaded), stored)

        check_contents(request, store)

        # 4. Plan the packs of what is missing.
        device, planned = plan_packs(request, store, workers, resources)

        # 5. Record the plan before anything is trained: if this sweep is cut off, the next one finishes the plan.
        now = datetime.now(UTC)
        record = dataclasses.replace(record, created=record.created or str(now))
        record = complete_record(record, request, planned, device)
        store.write_sweep(f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", record)

        # 6. Train.
        with Display(planned, progress) as display:
            for sentence in (*passed_over, *count_stored(request)):
                display.say(sentence)
            if planned:
                workers.resize(min(len(planned), resources.max_workers(device)))
                _train_packs(planned, workers, store, display, data=request.data, device=device)
    return store.read_runs().set_index("run").loc[request.asked].reset_index()


def forecast_sweep(
    runs: Sequence[Run],
    loaded: Iterable[Data],
    store: Store,
    *,
    resources: Resources,
    save_weights: bool,
    started: float,
    probes: Probes = Probes.none,
) -> forecasts.Forecast:
    """Return what `train_sweep` would do, after two seconds of measuring; train and write nothing.

    `started` is when the command did, by `time.perf_counter`.
    """
    extras = Extras(save_weights, probes)
    with _choose_workers(runs, store, resources, extras) as workers:
        store.check_semantics()
        stored = find_stored(store, extras)
        request = find_missing(runs, workers.share(loaded), stored)
        check_contents(request, store)
        device, planned = plan_packs(request, store, workers, resources)
        most = 1 if trains_here(runs, resources) else resources.max_workers(device)
        count = max(1, min(len(planned), most))
        if planned:
            workers.resize(count)
        asked = len(set(request.asked))
        return forecasts.forecast(
            planned, request.data, workers, count=count, asked=asked, device=device, started=started
        )


def _choose_workers(runs: Sequence[Run], store: Store, resources: Resources, extras: Extras) -> Workers:
    if trains_here(runs, resources):
        return InProcess(store, resources.device, extras)
    return ProcessPool(store, resources.device, extras, len({run.data_setting for run in runs}))


def _train_packs(
    planned: Sequence[Assignment],
    workers: Workers,
    store: Store,
    display: Display,
    *,
    data: dict[Any, Data],
    device: str,
) -> None:
    """Train the packs; a pack that fails is tried once more as two halves."""
    queue = deque(planned)
    for assignment, event in workers.train(queue):
        display.show(assignment, event)
        lanes = len(assignment.pack.runs)
        if event.kind is Kind.warned:
            display.say(event.text)
            store.log(event.text)
        elif event.kind is Kind.failed and not assignment.retried:
            queue.extend(assignment.halves())
            display.say(f"{lanes} runs could not be trained and are tried again as two packs: {event.text}")
        elif event.kind is Kind.failed:
            display.say(f"{lanes} runs failed twice: {event.text}")
            store.log(f"pack {assignment.name} failed: {event.text}")
            classes = data[assignment.pack.runs[0].data_setting].classes
            origin = origin_columns(assignment.name, lanes, classes, device)
            store.write_failure(assignment.name, failure_rows(assignment.pack, assignment.ids).assign(**origin))
