"""What runs are called in programs that group them by name, and when they were trained."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from bnexp.runs import find_acting, key
from bnexp.statistics.arms import axes, score_runs
from bnexp.store.rows import to_run
from bnexp.store.store import Store


def name_arms(runs: pd.DataFrame) -> list[str]:
    """Return the arm of each row of `runs` by the settings in which arms differ, as `placement=pre,activation=relu`.

    Placement and activation are always among them; what cannot act in a run is left out.
    """
    names = axes(score_runs(runs))
    settings = [read_settings(row) for row in runs.to_dict("records")]
    return [",".join(f"{key(name)}={one[name]}" for name in names if name in one).replace("/", "_") for one in settings]


def read_settings(row: Mapping[Any, Any]) -> dict[str, str | int | float | bool]:
    """Return what acts in the run of `row`, by the field of `Run`; `hidden` as a text such as 100-100."""
    acting = {name: value for name, value in find_acting(to_run(row)).items() if value is not None}
    return {name: "-".join(map(str, value)) if name == "hidden" else value for name, value in acting.items()}


def find_starts(store: Store) -> dict[str, float]:
    """Return when the sweep began that planned each run last, by its id, in seconds since 1970; none is unknown: 0."""
    return {
        run: datetime.fromisoformat(sweep.created).timestamp()
        for sweep in store.read_sweeps()
        if sweep.created
        for ids in sweep.packs.values()
        for run in ids
    }
