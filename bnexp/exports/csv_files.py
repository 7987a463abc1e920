"""A store as three CSV files, with every number in full."""

import json
from pathlib import Path
from typing import Final

import pandas as pd

from bnexp.files import write_whole
from bnexp.store.schemas import CURVES, LAYERS, RUNS
from bnexp.store.store import Store

_INTEGERS: Final = {f.name for schema in (RUNS, CURVES, LAYERS) for f in schema if str(f.type) == "int64"}
"""Columns of whole numbers, which pandas reads as fractions where one is missing."""

_LISTS: Final = {f.name for f in LAYERS if str(f.type).startswith("list")}


def write_files(store: Store, folder: Path) -> str:
    """Write `runs.csv`, `curves.csv` and `layers.csv` of `store` into `folder`, and return what was written.

    The columns are those of `bnexp.store.schemas`, in their order and units; what is missing is empty. `hidden` is a
    text such as 100-100, a histogram a JSON list.
    """
    runs = store.read_runs()
    tables = {
        "runs": runs.assign(hidden=["-".join(map(str, widths)) for widths in runs["hidden"]]),
        "curves": store.curves_of(runs),
        "layers": store.layers_of(runs),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        _write(table, folder / f"{name}.csv")
    return ", ".join(f"{len(table)} rows in {folder / name}.csv" for name, table in tables.items())


def _write(table: pd.DataFrame, path: Path) -> None:
    plain = table.copy()
    for name in _INTEGERS.intersection(table):
        plain[name] = table[name].astype("Int64")
    for name in _LISTS.intersection(table):
        plain[name] = table[name].map(lambda bars: bars if bars is None else json.dumps(bars.tolist()))
    write_whole(path, lambda temporary: plain.to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n"))
