"""From the points of a pack's curves to rows: one per run, and one per run and point.

Accuracies are fractions, losses nats, steps optimizer steps. A number that a run cannot have is missing (NaN): an
evaluation between two evaluations, and everything after a divergence but the step at which it happened.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bnexp import __version__, provenance
from bnexp.assignments import Assignment
from bnexp.data import Data
from bnexp.packs import Pack
from bnexp.runs import acting

if TYPE_CHECKING:  # a store is read without torch
    from bnexp.training import Point

METRICS: Final = tuple(
    f"{part}_{metric}" for part in ("train", "validation", "test") for metric in ("loss", "accuracy")
)


def curves(pack: Pack, points: "Sequence[Point]", ids: Sequence[str]) -> pd.DataFrame:
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
    end_R = np.where(points[-1].diverged_step > 0, points[-1].diverged_step, pack.runs[0].steps + 1)
    return frame[frame["step"].to_numpy() < np.repeat(end_R, len(points))].reset_index(drop=True)


def runs(pack: Pack, points: "Sequence[Point]", ids: Sequence[str]) -> pd.DataFrame:
    """Return a row per run, in the order of the lanes: what it was, how it ended, and its best validation accuracy.

    Settings that could not act are missing. `train_*` at the end is the mean over the batches since the last point.
    """
    last, evaluated = points[-1], [point for point in points if not np.isnan(point.validation_accuracy).all()]
    accuracy_PR = np.nan_to_num(np.stack([point.validation_accuracy for point in evaluated]), nan=-1.0)
    best_R = accuracy_PR.argmax(0)
    diverged_R = last.diverged_step > 0
    frame = settings(pack, ids)
    frame["status"] = np.where(diverged_R, "diverged", "done")
    frame["diverged_step"] = pd.array(last.diverged_step, dtype="Int64")
    frame.loc[~diverged_R, "diverged_step"] = pd.NA
    for metric in METRICS:
        frame[metric] = getattr(last, metric)
    frame["best_validation_accuracy"] = accuracy_PR.max(0)
    frame["best_step"] = np.array([point.step for point in evaluated])[best_R]
    return frame


def settings(pack: Pack, ids: Sequence[str]) -> pd.DataFrame:
    """Return a row per run with its id and what it is: every field of `Run`, missing where it cannot act."""
    rows = [{"run": run_id, **acting(run), "epochs": run.epochs} for run_id, run in zip(ids, pack.runs, strict=True)]
    return pd.DataFrame(rows)


def failed(pack: Pack, ids: Sequence[str]) -> pd.DataFrame:
    """Return a row per run of a pack that could not be trained: what it was, and no number."""
    return settings(pack, ids).assign(status="failed")


def facts(given: Assignment, data: Data, device: str) -> dict[str, Any]:
    """Return what a row says of where its run was trained."""
    return {
        "classes": data.classes,
        "pack": given.name,
        "lane": np.arange(len(given.pack.runs)),
        "device": device,
        "machine": provenance.machine(),
        "version": __version__,
    }
