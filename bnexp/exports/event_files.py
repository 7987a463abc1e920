"""A store as TensorBoard reads it: an event file per run, in a folder named after its arm and seed.

    placement=pre,activation=relu,lr=0.1/seed=3/events.out.tfevents.<time>.bnexp.<run>

TensorBoard holds scalars with the seven digits of float32. Its HParams view has a group per arm, in which the runs are
the seeds. Nothing depends on when or where it is written: times are those of the training.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from bnexp.exports.arms import find_starts, name_arms, read_settings
from bnexp.exports.scalars import Scalars, read_scalars
from bnexp.files import write_whole
from bnexp.runs import key
from bnexp.store.store import Store

OWN: Final = "events.out.tfevents.*.bnexp.*"
"""The names of our files, which an export replaces."""


def write_files(store: Store, folder: Path) -> str:
    """Write an event file for each run of `store` that was trained into `folder`, and return what was written.

    Each file is there whole or not at all; those of an earlier export that none is written for any more are removed.
    """
    runs = store.read_runs()
    runs = runs[runs["status"] != "failed"].reset_index(drop=True)
    scalars, starts, paths = read_scalars(store, runs), find_starts(store), set()
    arms = name_arms(runs)
    for row, arm, place in zip(runs.to_dict("records"), arms, _name_folders(runs, arms), strict=True):
        run, start = row["run"], starts.get(row["run"], 0.0)
        path = folder / place / f"events.out.tfevents.{int(start)}.bnexp.{run}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, partial(_write_events, [_describe(row, arm, start), *_measure(row, scalars[run], start)]))
        paths.add(path)
    _remove_others(folder, paths)
    return f"{len(paths)} runs in {folder}: open them with tensorboard --logdir '{folder}'"


def _name_folders(runs: pd.DataFrame, arms: list[str]) -> list[str]:
    """Return a folder per run: its arm, and in it its seed, with its id where two runs have both (of other data)."""
    names = pd.Series([f"{arm}/seed={seed}" for arm, seed in zip(arms, runs["seed"], strict=True)], dtype=str)
    twins = names.duplicated(keep=False)
    return [f"{name},run={run}" if twin else name for name, run, twin in zip(names, runs["run"], twins, strict=True)]


def _describe(row: Mapping[Any, Any], arm: str, start: float) -> Event:
    """Return the settings of the run for the HParams view."""
    settings = {key(name): value for name, value in read_settings(row).items() if name != "seed"}
    return Event(wall_time=start, summary=hparams_pb(settings, trial_id=arm, start_time_secs=start))


def _measure(row: Mapping[Any, Any], scalars: Scalars, start: float) -> Iterator[Event]:
    """Yield an event per step, with all numbers of it."""
    for step, numbers in sorted(scalars.items()):
        values = [Summary.Value(tag=name, simple_value=number) for name, number in numbers.items()]
        wall_time = start + row["seconds"] * step / row["steps"]
        yield Event(wall_time=wall_time, step=step, summary=Summary(value=values))


def _write_events(events: list[Event], path: Path) -> None:
    with path.open("wb") as file:
        writer = RecordWriter(file)
        for event in (Event(wall_time=events[0].wall_time, file_version="brain.Event:2"), *events):
            writer.write(event.SerializeToString(deterministic=True))
        writer.flush()


def _remove_others(folder: Path, paths: set[Path]) -> None:
    """Remove our files below `folder` that are not in `paths`, and the folders that are empty then."""
    for path in sorted(set(folder.glob(f"*/*/{OWN}")) - paths):
        path.unlink()
        for parent in (path.parent, path.parent.parent):
            if not any(parent.iterdir()):
                parent.rmdir()
