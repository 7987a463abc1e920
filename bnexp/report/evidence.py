"""What a report is about: runs and curves of one or several stores, and the commands that made them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bnexp.errors import UserError
from bnexp.runs import key
from bnexp.statistics.arms import ScoredRuns, axes, score_runs
from bnexp.statistics.curves import complete_curves
from bnexp.statistics.design import Design, deduce_design
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store, each_run_once
from bnexp.verdicts.more_seeds import Destination


@dataclass(frozen=True)
class Evidence:
    """Runs that count with their curves, and where they come from.

    Runs are scored once, when they are gathered: `runs` are those of `statistics.arms.score_runs`, `points` their
    curves as `statistics.curves.complete_curves` gives them; `failed` runs are in neither. `sweeps` are the records of
    the commands, oldest first; `stored` are the rows of runs as each of the `stores` has them.
    """

    title: str
    folder: Path
    runs: ScoredRuns
    points: pd.DataFrame
    failed: int
    sweeps: Sequence[SweepRecord]
    stores: Sequence[Store]
    stored: Sequence[pd.DataFrame]

    def layers(self, runs: pd.DataFrame) -> pd.DataFrame:
        """Return what was measured inside the layers of `runs`, rows of `self.runs`; read when it is asked for."""
        here = [rows.merge(runs[["run", "pack"]]) for rows in self.stored]
        parts = [store.layers_of(rows) for store, rows in zip(self.stores, here, strict=True)]
        return pd.concat(parts, ignore_index=True).drop_duplicates(["run", "step", "layer"])

    @property
    def destinations(self) -> list[Destination]:
        """Where runs like these go: each store as a command names it."""
        return [
            Destination(store.path.resolve().name, set(rows["run"]), _data_roots(store))
            for store, rows in zip(self.stores, self.stored, strict=True)
        ]

    @property
    def study(self) -> Mapping[str, Any]:
        """What the newest command that was a study says of itself; empty if none was one."""
        return next((sweep.study for sweep in reversed(self.sweeps) if sweep.study.get("name")), {})


def gather(stores: Sequence[Store], runs: pd.DataFrame | None = None) -> Evidence:
    """Return what `stores` hold of `runs` (only its column `run` is read; default: everything).

    Several stores are taken as one: a run that several hold counts once, and the report goes to a folder of its own
    beside the first. Raises `UserError` if none of the runs is stored.
    """
    whole = [store.runs for store in stores]
    asked = None if runs is None else set(runs["run"])
    kept = [part if asked is None else part[part["run"].isin(asked)] for part in whole]
    rows = each_run_once(pd.concat(kept, ignore_index=True))
    if rows.empty or (rows["status"] == "failed").all():
        raise UserError(
            f"a report needs at least one stored run; found none in {', '.join(str(store.path) for store in stores)}: "
            "train some, or give another folder"
        )
    parts = [store.curves_of(part) for store, part in zip(stores, kept, strict=True)]
    points = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True).drop_duplicates(["run", "step"])
    sweeps = sorted((sweep for store in stores for sweep in store.sweeps), key=lambda sweep: sweep.created)
    names = [store.path.resolve().name for store in stores]
    first, scored = stores[0].path, score_runs(rows)
    folder = (first if len(stores) == 1 else first.parent / "+".join(names)) / "report"
    return Evidence(
        " + ".join(names),
        folder,
        scored,
        complete_curves(points, scored),
        int((rows["status"] == "failed").sum()),
        sweeps,
        stores,
        kept,
    )


def _data_roots(store: Store) -> dict[str, str]:
    """Return the folder of each data set that the latest sweep over it named."""
    data = [sweep.configuration.get("data", {}) for sweep in store.sweeps]
    latest = {one["name"]: one["root"] for one in data if one}
    return {name: str(root) for name, root in latest.items() if root}


def choose_design(evidence: Evidence, asked: str | None) -> Design:
    """Return what is compared: the axis `asked` for, else that of the study, else placement, else any that varies.

    Where all runs are of one arm there is nothing to compare, and placement has one level.
    """
    if asked:
        return deduce_design(evidence.runs, asked)
    varied = {key(name): name for name in axes(evidence.runs) if evidence.runs[name].nunique() > 1}
    if not varied:
        return Design("placement", tuple(evidence.runs["placement"].unique()), None, ("activation",), None)
    wished = (name for name in (evidence.study.get("compare"), "placement", *varied) if name in varied)
    return deduce_design(evidence.runs, next(wished))
