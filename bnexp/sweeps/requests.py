"""What a command asks for: which of its runs are missing, in which packs they are trained, and the record of it all."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bnexp import provenance
from bnexp.choices import Probes
from bnexp.data.datasets import Data
from bnexp.errors import UserError
from bnexp.own.code import decode, read
from bnexp.runs import CONTENT, SEMANTICS, Run, identity, to_canonical
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.sweeps import pack_size, plans
from bnexp.sweeps.protocol import Assignment, Extras, TimePackSizes
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.workers import Workers


@dataclass(frozen=True)
class Request:
    """What a command asks for: the ids of the runs asked, in order; the data by its setting; by id, what is missing.

    `codes` are those of the user's that any of the runs is trained with.
    """

    asked: list[str]
    data: dict[Any, Data]
    missing: dict[str, Run]
    codes: tuple[str, ...] = ()


def find_stored(store: Store, extras: Extras) -> set[str]:
    """Return the ids of the runs that are stored as asked: a failed run is missing, a diverged one has no weights."""
    rows = store.read_runs(["run", "status", "probes"])
    return {
        run
        for run, status, probes in zip(rows["run"], rows["status"], rows["probes"], strict=True)
        if status != "failed"
        and Probes(probes).covers(extras.probes)
        and (status == "diverged" or not extras.weights or store.has_weights(run))
    }


def find_missing(runs: Sequence[Run], data: Sequence[Data], stored: set[str]) -> Request:
    """Return what is to be done; here, and nowhere else in a sweep, the ids of its runs are computed."""
    by_setting = {one.setting: one for one in data}
    runs = [to_canonical(run) for run in runs]
    ids = {run: identity(run, by_setting[run.data_setting].digest) for run in dict.fromkeys(runs)}
    missing = {run_id: run for run, run_id in ids.items() if run_id not in stored}
    codes = tuple(dict.fromkeys(run.activation_code for run in ids if run.activation_code))
    return Request([ids[run] for run in runs], by_setting, missing, codes)


def check_contents(request: Request, store: Store) -> None:
    """Raise `UserError` if a data set of `request` has the name of another one in `store`, whose runs it would join."""
    here = {one.name: one for one in request.data.values()}
    for record in store.read_sweeps():
        for name, digest in record.data.items():
            if name in here and digest != here[name].digest and CONTENT in (digest + here[name].digest):
                raise UserError(
                    f"a store must know its data sets apart by their names; got other content of {name} than the one "
                    f"of {record.created[:16]} UTC in {store.path} (digest {shorten_digest(here[name].digest)} instead "
                    f"of {shorten_digest(digest)}): give it a data.name of its own, or another name="
                )


def shorten_digest(digest: str) -> str:
    """Return the digits of `digest` that `data.digest` takes."""
    return digest.removeprefix(CONTENT)[:12]


def plan_packs(request: Request, store: Store, workers: Workers, resources: Resources) -> tuple[str, list[Assignment]]:
    """Return the device and the packs of what is missing; how large they should be is measured once on a machine."""
    if not request.missing:
        return resources.device, []
    workers.resize(resources.first_workers(len(request.missing)))
    device = workers.describe()
    most = max(1, resources.max_workers(device))

    def time_pack_sizes() -> list[dict[str, float]]:
        workers.resize(most)
        return workers.measure(TimePackSizes())

    matters = resources.lanes is None and len(request.missing) > 1
    fast = pack_size.fast_bytes(device, time_pack_sizes) if matters else 0.0
    cores = provenance.cores() if resources.workers != 0 and device == "cpu" else None
    machine = plans.Machine(device, most, cores, fast, resources.lanes)
    earlier = [record for record in store.read_sweeps() if record.device == device]
    return device, plans.plan(request.missing, earlier, request.data, machine)


def complete_record(record: SweepRecord, request: Request, planned: Sequence[Assignment], device: str) -> SweepRecord:
    """Return `record` with what the sweep knows: on what it trains, in which packs, where and with what code."""
    return dataclasses.replace(
        record,
        data={one.name: one.digest for one in request.data.values()},
        files={one.name: one.file.encode() for one in request.data.values() if one.file},
        about={one.name: one.about for one in request.data.values() if one.about},
        asked=list(dict.fromkeys(request.asked)),
        packs={assignment.name: assignment.ids for assignment in planned},
        threads={assignment.name: assignment.threads for assignment in planned},
        semantics=SEMANTICS,
        device=device,
        machine=provenance.machine(),
        versions=provenance.versions(),
        git=provenance.commit(),
        sources={code: read(decode(code)) for code in request.codes},
    )


def count_stored(request: Request) -> Sequence[str]:
    """Return a sentence about what is stored and what is missing; none if nothing is stored."""
    asked, missing = len(set(request.asked)), len(request.missing)
    if missing == asked:
        return ()
    return (f"{asked:,} runs asked, {asked - missing:,} stored, {missing:,} to train",)
