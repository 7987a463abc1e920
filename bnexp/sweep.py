"""Sweeps: runs asked − runs stored = runs to train; packed, trained and stored."""

import hashlib
import secrets
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from bnexp import __version__, provenance, results, training
from bnexp.data import Data
from bnexp.packs import Pack, packs
from bnexp.progress import Display
from bnexp.runs import Run, identity
from bnexp.store import RUNS, Store

LANES: Final = 32
"""Most lanes of a pack: 2 seeds × 8 arms cost 590 µs a run-step, 2 × 16 619, 4 × 16 590 (`make bench`, 1 thread)."""


class Results(NamedTuple):
    """Rows of runs and rows of their curves, with the columns of `store.RUNS` and `store.CURVES`."""

    runs: pd.DataFrame
    curves: pd.DataFrame


def train(runs: Iterable[Run], data: Data, device: str = "cpu") -> Results:
    """Train `runs` on `data` and return their rows; nothing is stored. Raises `ValueError` if `data` is not theirs."""
    ids = {run: identity(run, data.digest) for run in runs}
    if not ids:
        raise ValueError("a sweep must ask for at least one run; got none")
    trained = []
    for pack in packs(ids, LANES):
        state = _begin(pack, data, device)
        trained.append(_finish(state, data, training.train(state), time.perf_counter()))
    rows, curves = (pd.concat(frames, ignore_index=True) for frames in zip(*trained, strict=True))
    return Results(rows.set_index("run").loc[list(ids.values())].reset_index(), curves)


def train_sweep(
    runs: Sequence[Run],
    loaded: Iterable[Data],
    store: Store,
    *,
    device: str,
    save_weights: bool,
    record: Mapping[str, Any],
) -> pd.DataFrame:
    """Train what `store` lacks of `runs` and return one row per asked run, in order, failed ones included.

    `loaded` holds the data of every run. `record` is what the caller knows of the command; it is stored with the plan.
    A pack that cannot be trained is logged and its runs are `failed`; the others go on.
    """
    data = {one.setting: one for one in loaded}
    ids = {run: identity(run, data[run.data_setting].digest) for run in runs}
    stored = _stored(store, weights=save_weights)
    plan = list(packs((run for run in ids if ids[run] not in stored), LANES))
    created = datetime.now(UTC)
    facts = _facts(list(data.values()), ids, plan, device)
    store.write_sweep(f"{created:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", {"created": created, **record, **facts})
    with Display(len(plan), sum(len(pack.runs) * pack.runs[0].steps for pack in plan)) as display:
        for pack in plan:
            _train_into(store, pack, data[pack.runs[0].data_setting], device, display, save_weights=save_weights)
    return store.runs.set_index("run").loc[[ids[run] for run in runs]].reset_index()


def _stored(store: Store, *, weights: bool) -> set[str]:
    """Return the ids of the runs that are stored as asked: a failed run is missing, a diverged one has no weights."""
    rows = store.runs
    status = zip(rows["run"], rows["status"], strict=True)
    return {
        run
        for run, how in status
        if how == "diverged" or (how == "done" and not weights) or store.weights(run).is_file()
    }


def _facts(data: Sequence[Data], ids: Mapping[Run, str], plan: Sequence[Pack], device: str) -> dict[str, Any]:
    """Return the provenance of a sweep: on what it trained, in which packs, where and with what code."""
    return {
        "data": {one.name: one.digest for one in data},
        "asked": list(dict.fromkeys(ids.values())),
        "packs": {_name([ids[run] for run in pack.runs]): [ids[run] for run in pack.runs] for pack in plan},
        "device": str(training.choose_device(device)),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "git": provenance.commit(),
    }


def _name(ids: Sequence[str]) -> str:
    """Return the name of the pack of these runs: the same runs in the same lanes have the same name."""
    return hashlib.sha256("".join(ids).encode()).hexdigest()[:16]


def _begin(pack: Pack, data: Data, device: str) -> training.State:
    return training.begin(pack, training.place(data, pack.runs[0], training.choose_device(device)))


def _finish(state: training.State, data: Data, points: Iterable[training.Point], started: float) -> Results:
    """Train a pack to its end by drawing `points`, and return its rows."""
    pack, seen = state.pack, list(points)
    ids = [identity(run, data.digest) for run in pack.runs]
    rows = results.runs(pack, seen, ids).assign(
        seconds=(time.perf_counter() - started) / len(ids), **_facts_of_rows(ids, data, state.network.vectors_RP.device)
    )
    return Results(rows.reindex(columns=RUNS.names), results.curves(pack, seen, ids))


def _facts_of_rows(ids: Sequence[str], data: Data, device: object) -> dict[str, Any]:
    return {
        "classes": data.classes,
        "pack": _name(ids),
        "lane": np.arange(len(ids)),
        "device": str(device),
        "machine": provenance.machine(),
        "version": __version__,
    }


def _train_into(store: Store, pack: Pack, data: Data, device: str, display: Display, *, save_weights: bool) -> None:
    """Train `pack` and store it; if it cannot be trained, store that and why."""
    started = time.perf_counter()
    try:
        state = _begin(pack, data, device)
        rows, curves = _finish(state, data, display.watch(pack, training.train(state)), started)
    except (RuntimeError, MemoryError):  # torch says with a RuntimeError that memory ran out
        ids = [identity(run, data.digest) for run in pack.runs]
        store.log(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} pack {_name(ids)} failed\n{traceback.format_exc()}")
        store.write_failure(_name(ids), results.failed(pack, ids).assign(**_facts_of_rows(ids, data, device)))
        return
    name = rows["pack"].iloc[0]
    for run, status, lane in zip(rows["run"], rows["status"], rows["lane"], strict=True):
        if save_weights and status == "done":
            store.write_weights(run, name, {key: t.cpu().numpy() for key, t in state.network.lane(lane).items()})
    store.write(name, rows, curves)
