"""From the points of a pack's curves to rows: one per run, one per run and point, and one per run, point and layer.

Accuracies are fractions, losses nats, steps optimizer steps. A number that a run cannot have is missing (NaN): an
evaluation between two evaluations, and everything after a divergence but the step at which it happened.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp import __version__, provenance
from bnexp.engine.packs import Pack
from bnexp.runs import Run, find_acting
from bnexp.store.schemas import HISTOGRAMS, METRICS

if TYPE_CHECKING:  # a store is read without torch
    from bnexp.engine.probes import Measurement
    from bnexp.engine.training import Point


def curve_rows(pack: Pack, points: "Sequence[Point]", ids: Sequence[str]) -> pd.DataFrame:
    """Return a row per run and point, in the order of the lanes: `run step epoch` and `METRICS`.

    The curve of a diverged run ends with the last point before its divergence.
    """
    steps_P, lanes = np.array([point.step for point in points]), len(pack.runs)
    columns = {metric: np.stack([getattr(point, metric) for point in points], 1).ravel() for metric in METRICS}
    frame = pd.DataFrame(
        {
            "run": np.repeat(np.array(ids, dtype=object), len(points)),
            "step": np.tile(steps_P, lanes),
            "epoch": np.tile(steps_P / pack.runs[0].steps_per_epoch, lanes),
            **columns,
        }
    )
    return frame[frame["step"].to_numpy() < np.repeat(_ends(pack, points), len(points))].reset_index(drop=True)


def _ends(pack: Pack, points: "Sequence[Point]") -> NDArray[np.int64]:
    """Return the first step [R] whose numbers are not shown: that of the divergence, or none of the training."""
    diverged_R = points[-1].diverged_step
    return np.where(diverged_R > 0, diverged_R, pack.runs[0].steps + 1)


def layer_rows(
    pack: Pack, points: "Sequence[Point]", measured: "Sequence[Measurement]", ids: Sequence[str]
) -> pd.DataFrame:
    """Return a row per run, point and layer, in the order of the lanes: `run step layer` and what was measured there.

    Layer 0 is the network as a whole, at the points where its landscape was looked at. Rows end as a curve does.
    """
    size = len(pack.runs[0].hidden) + 2
    run_RPL, point_RPL, layer_RPL = np.indices((len(ids), len(measured), size)).reshape(3, -1)
    steps_P = np.array([point.step for point in measured], np.int64)
    frame = pd.DataFrame(
        {"run": np.array(ids, dtype=object)[run_RPL], "step": steps_P[point_RPL], "layer": layer_RPL}
    )  # fmt: skip
    missing = np.full((len(ids), size), np.nan)
    for name in dict.fromkeys(name for point in measured for name in point.numbers):
        frame[name] = np.stack([point.numbers.get(name, missing) for point in measured], 1).ravel()
    for name in HISTOGRAMS:
        tables = [point.histograms.get(name) for point in measured]
        frame[name] = pd.Series(
            [_bars(tables[p], r, layer) for r, p, layer in zip(run_RPL, point_RPL, layer_RPL, strict=True)],
            dtype=object,
        )
    seen_P = np.array(["loss" in point.numbers for point in measured], np.bool_)
    shown = (layer_RPL > 0) | seen_P[point_RPL]
    return frame[shown & (steps_P[point_RPL] < _ends(pack, points)[run_RPL])].reset_index(drop=True)


def _bars(table: NDArray[np.float64] | None, lane: int, layer: int) -> NDArray[np.float64] | None:
    return None if table is None or np.isnan(table[lane, layer]).any() else table[lane, layer]


def run_rows(pack: Pack, points: "Sequence[Point]", ids: Sequence[str]) -> pd.DataFrame:
    """Return a row per run, in the order of the lanes: what it was, how it ended, and its best validation accuracy.

    Settings that could not act are missing, and so is `test_correct` of a run that diverged. `train_*` at the end is
    the mean over the batches since the last point.
    """
    last, evaluated = points[-1], [point for point in points if not np.isnan(point.validation_accuracy).all()]
    accuracy_PR = np.nan_to_num(np.stack([point.validation_accuracy for point in evaluated]), nan=-1.0)
    best_R = accuracy_PR.argmax(0)
    diverged_R = last.diverged_step > 0
    frame = setting_rows(pack, ids)
    frame["status"] = np.where(diverged_R, "diverged", "done")
    frame["diverged_step"] = pd.array(last.diverged_step, dtype="Int64")
    frame.loc[~diverged_R, "diverged_step"] = pd.NA
    for metric in METRICS:
        frame[metric] = getattr(last, metric)
    frame["best_validation_accuracy"] = accuracy_PR.max(0)
    frame["best_step"] = np.array([point.step for point in evaluated])[best_R]
    bits = [None] * len(ids) if last.test_correct is None else [row.tobytes() for row in last.test_correct]
    frame["test_correct"] = pd.Series(bits, dtype=object).mask(diverged_R, None)
    return frame


def setting_rows(pack: Pack, ids: Sequence[str]) -> pd.DataFrame:
    """Return a row per run with its id and what it is: every field of `Run`, missing where it cannot act."""
    rows = [
        {"run": run_id, **find_acting(run), "hidden": run.hidden, "epochs": run.epochs}
        for run_id, run in zip(ids, pack.runs, strict=True)
    ]
    return pd.DataFrame(rows)


def to_run(row: Mapping[Any, Any]) -> Run:
    """Return the run that `row` of a store is about; a setting that is missing cannot act and has its default."""
    settings = {f.name: row[f.name] for f in dataclasses.fields(Run) if f.name in row}
    return Run(**{name: value for name, value in settings.items() if name == "hidden" or pd.notna(value)})


def failure_rows(pack: Pack, ids: Sequence[str]) -> pd.DataFrame:
    """Return a row per run of a pack that could not be trained: what it was, and no number."""
    return setting_rows(pack, ids).assign(status="failed")


def origin_columns(pack: str, lanes: int, classes: int, device: str) -> dict[str, Any]:
    """Return the columns, the same for every pack, that say where the runs of a pack were trained."""
    return {
        "classes": classes,
        "pack": pack,
        "lane": np.arange(lanes),
        "device": device,
        "machine": provenance.machine(),
        "version": __version__,
    }
