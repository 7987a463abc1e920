"""Sweeps: runs asked − runs stored = runs to train; planned, handed to workers, stored."""

import secrets
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import pandas as pd

from bnexp import provenance
from bnexp.choices import Probes
from bnexp.data.datasets import Data
from bnexp.engine.packs import packs
from bnexp.errors import UserError
from bnexp.runs import SEMANTICS, Run, canonical, identity
from bnexp.store import rows as results
from bnexp.store.schemas import RUNS
from bnexp.store.store import Store
from bnexp.sweeps import forecasts, pack_size, plans
from bnexp.sweeps.in_process import InProcess
from bnexp.sweeps.process_pool import ProcessPool, cores
from bnexp.sweeps.progress import Display
from bnexp.sweeps.protocol import Assignment, Kind

# `worker` and `training` load torch and are imported where they are used: a sweep leaves torch to its workers.

LANES: Final = 32
"""Most lanes of a pack of `train`: 2 seeds × 8 arms cost 590 µs a run-step, 2 × 16 619, 4 × 16 590 (one thread)."""


class Results(NamedTuple):
    """Rows of runs and rows of their curves, with the columns of `schemas.RUNS` and `schemas.CURVES`."""

    runs: pd.DataFrame
    curves: pd.DataFrame


def train(runs: Iterable[Run], data: Data, device: str = "cpu") -> Results:
    """Train `runs` on `data` and return their rows; nothing is stored. Raises `UserError` if `data` is not theirs."""
    from bnexp.engine import training
    from bnexp.sweeps import worker

    ids = {run: identity(run, data.digest) for run in runs}
    if not ids:
        raise UserError("a sweep must ask for at least one run; got none")
    trained, place = [], training.choose_device(device)
    for pack in packs(ids, LANES):
        started = time.perf_counter()
        points = list(training.train(training.begin(pack, training.to_device(data, pack.runs[0], place))))
        given = Assignment(plans.name_of([ids[run] for run in pack.runs]), pack)
        trained.append(worker.frames(given, points, data, str(place), time.perf_counter() - started))
    rows, curves = (pd.concat(frames, ignore_index=True) for frames in zip(*trained, strict=True))
    return Results(rows.set_index("run").loc[list(ids.values())].reset_index().reindex(columns=RUNS.names), curves)


@dataclass(frozen=True)
class Resources:
    """By what a sweep is trained, which no number depends on beyond rounding.

    `workers` None is one per core, or one if there is a GPU; 0 trains in this process. `lanes` None is what this
    machine trains fastest.
    """

    device: str = "auto"
    workers: int | None = None
    lanes: int | None = None


class _Kept(NamedTuple):
    """What is to be stored of a run besides its row and its curve: its weights, and how much is measured inside."""

    weights: bool
    probes: Probes


@dataclass(frozen=True)
class _Sweep:
    """What is asked, as ids in order and by run, on which data, and what of it is missing."""

    asked: list[str]
    ids: dict[Run, str]
    data: dict[Any, Data]
    missing: dict[str, Run]


def train_sweep(
    runs: Sequence[Run],
    loaded: Iterable[Data],
    store: Store,
    *,
    means: Resources,
    save_weights: bool,
    record: Mapping[str, Any],
    probes: Probes = Probes.none,
) -> pd.DataFrame:
    """Train what `store` lacks of `runs` and return one row per asked run, in order, failed ones included.

    `loaded` holds the data of every run. `record` is what the caller knows of the command; it is stored with the plan.
    A pack that cannot be trained is tried once more as two halves; then its runs are `failed`, and the others go on.
    """
    kept = _Kept(save_weights, probes)
    with _hands(runs, store, means, kept) as hands:
        if not store.path.exists():  # then all is missing, and workers can start while the data is read
            hands.launch(_first(len(runs), means))
        store.remove_abandoned()
        aside = store.set_aside_broken()
        store.check_semantics()
        sweep = _sweep(runs, map(hands.share, loaded), store, kept)
        device = hands.start(_first(len(sweep.missing), means)) if sweep.missing else ""
        planned = _planned(sweep, store, hands, device, means)
        created = datetime.now(UTC)
        facts = _facts(sweep, planned, device or means.device)
        store.write_sweep(f"{created:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", {"created": created, **record, **facts})
        with Display(planned) as display:
            for sentence in [*aside, *_counted(sweep)]:
                display.say(sentence)
            if planned:
                hands.start(min(len(planned), _most(means, device)))
                _train(planned, hands, store, sweep, device, display)
    return store.runs.set_index("run").loc[sweep.asked].reset_index()


def forecast(
    runs: Sequence[Run],
    loaded: Iterable[Data],
    store: Store,
    *,
    means: Resources,
    save_weights: bool,
    started: float,
    probes: Probes = Probes.none,
) -> forecasts.Forecast:
    """Return what `train_sweep` would do, after two seconds of measuring; train and write nothing.

    `started` is when the command did, by `time.perf_counter`.
    """
    store.check_semantics()
    kept = _Kept(save_weights, probes)
    with _hands(runs, store, means, kept) as hands:
        sweep = _sweep(runs, map(hands.share, loaded), store, kept)
        device = hands.start(_first(len(sweep.missing), means)) if sweep.missing else ""
        planned = _planned(sweep, store, hands, device, means)
        workers = max(1, min(len(planned), _most(means, device)))
        if planned:
            hands.start(workers)
        return forecasts.forecast(len(set(sweep.asked)), planned, sweep.data, hands, device, workers, started)


def _sweep(runs: Sequence[Run], loaded: Iterable[Data], store: Store, kept: _Kept) -> _Sweep:
    """Return what is to be done."""
    data = {one.setting: one for one in loaded}
    runs = [canonical(run) for run in runs]
    ids = {run: identity(run, data[run.data_setting].digest) for run in runs}
    stored = _stored(store, kept)
    return _Sweep([ids[run] for run in runs], ids, data, {ids[run]: run for run in ids if ids[run] not in stored})


def _stored(store: Store, kept: _Kept) -> set[str]:
    """Return the ids of the runs that are stored as asked: a failed run is missing, a diverged one has no weights."""
    rows = store.runs
    return {
        run
        for run, status, probes in zip(rows["run"], rows["status"], rows["probes"], strict=True)
        if status != "failed"
        and Probes(probes).covers(kept.probes)
        and (status == "diverged" or not kept.weights or store.weights(run).is_file())
    }


def _hands(runs: Sequence[Run], store: Store, means: Resources, kept: _Kept) -> ProcessPool | InProcess:
    if means.workers == 0:
        return InProcess(store, means.device, kept.weights, probes=kept.probes)
    return ProcessPool(store, means.device, kept.weights, len({run.data_setting for run in runs}), kept.probes)


def _most(means: Resources, device: str) -> int:
    """Return the most workers on `device`: they would wait for one another on a GPU."""
    if means.workers is not None:
        return means.workers
    return 1 if device.startswith("cuda") else cores()


def _first(runs: int, means: Resources) -> int:
    """Return how many workers to start before it is known whether there is a GPU, for which most are too many."""
    return max(1, min(runs, _most(means, means.device), 4))


def _planned(
    sweep: _Sweep, store: Store, hands: ProcessPool | InProcess, device: str, means: Resources
) -> list[Assignment]:
    """Return the packs of what is missing; how large they should be is measured once on a machine."""
    if not sweep.missing:
        return []
    workers = max(1, _most(means, device))

    def rates() -> list[dict[str, float]]:
        hands.start(workers)
        return hands.ask({"do": "lanes"})

    fast = pack_size.fast_bytes(device, rates) if means.lanes is None else 0.0
    shared = cores() if means.workers != 0 and device == "cpu" else None
    earlier = [record for record in store.sweeps if record["device"] == device]
    return plans.plan(sweep.missing, earlier, sweep.data, plans.Machine(device, workers, shared, fast, means.lanes))


def _facts(sweep: _Sweep, planned: Sequence[Assignment], device: str) -> dict[str, Any]:
    """Return the provenance of a sweep: on what it trained, in which packs, where and with what code."""
    return {
        "data": {one.name: one.digest for one in sweep.data.values()},
        "asked": list(dict.fromkeys(sweep.asked)),
        "packs": {given.name: [sweep.ids[run] for run in given.pack.runs] for given in planned},
        "threads": {given.name: given.threads for given in planned},
        "semantics": SEMANTICS,
        "device": device,
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "git": provenance.commit(),
    }


def _counted(sweep: _Sweep) -> Iterator[str]:
    asked, missing = len(set(sweep.asked)), len(sweep.missing)
    if missing < asked:
        yield f"{asked:,} runs asked, {asked - missing:,} stored, {missing:,} to train"


def _train(
    planned: Sequence[Assignment],
    hands: ProcessPool | InProcess,
    store: Store,
    sweep: _Sweep,
    device: str,
    display: Display,
) -> None:
    """Train the packs; a pack that fails is tried once more as two halves."""
    todo = deque(planned)
    for given, said in hands.train(todo):
        display.show(given, said)
        if said.kind is Kind.warned:
            display.say(said.text)
            store.log(said.text)
        elif said.kind is Kind.failed and not given.retried:
            todo.extend(given.halves())
            display.say(
                f"{len(given.pack.runs)} runs could not be trained and are tried again as two packs: {said.text}"
            )
        elif said.kind is Kind.failed:
            display.say(f"{len(given.pack.runs)} runs failed twice: {said.text}")
            data = sweep.data[given.pack.runs[0].data_setting]
            rows = results.failed_runs(given.pack, [sweep.ids[run] for run in given.pack.runs])
            store.log(f"pack {given.name} failed: {said.text}")
            store.write_failure(given.name, rows.assign(**results.origin(given.name, len(rows), data.classes, device)))
