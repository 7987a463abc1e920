"""Cells: the combinations of some settings that a frame holds, and which of its rows belong to each.

A missing value says that this setting cannot act in the row (`none` has no norm.eps): the row belongs to every cell
that agrees with it in what acts.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bnexp.labels import sort_values


def combinations(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return each combination of the columns `names` that is in `rows`, in order; one row without columns if none are.

    Left out are combinations in which something cannot act where a full one agrees with them.
    """
    if not names:
        return pd.DataFrame(index=[0])
    distinct = sort_rows(rows[names].drop_duplicates(), names)
    whole = distinct.notna().all(axis=1).to_numpy()
    full = distinct[whole]
    kept = [is_full or rows_of(full, distinct.iloc[row]).empty for row, is_full in enumerate(whole)]
    return distinct[kept].reset_index(drop=True)


def rows_of(frame: pd.DataFrame, cell: "Mapping[Any, Any] | pd.Series[Any]") -> pd.DataFrame:
    """Return the rows of `frame` that belong to `cell`, those in which a part of it cannot act included."""
    belongs = pd.Series(True, index=frame.index)
    for name, value in cell.items():
        if pd.notna(value):
            belongs &= frame[str(name)].isna() | (frame[str(name)] == value)
    return frame[belongs]


def assign_cells(rows: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the columns `row` and `cell`: the number of each row with that of every one of `cells` it belongs to.

    All rows at once, where `rows_of` takes one cell.
    """
    numbered = cells.rename_axis("cell").reset_index()
    if cells.columns.empty:
        return pd.DataFrame({"row": np.arange(len(rows)), "cell": 0})
    parts = []
    for _, part in rows[cells.columns].groupby([rows[name].notna() for name in cells.columns]):
        acting = [name for name in cells.columns if part[name].notna().all()]
        left = part[acting].rename_axis("row").reset_index()
        parts.append(left.merge(numbered[["cell", *acting]], on=acting or None, how="inner" if acting else "cross"))
    return pd.concat(parts)[["row", "cell"]]


def sort_rows(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return `frame` sorted by the columns `by`: choices in the order of their enum, all else by value."""
    return frame.sort_values(by, key=_ranks, kind="stable", na_position="first", ignore_index=True)


def _ranks(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the numbers by which `column` sorts: a choice's place in its enum, all else its place among the values."""
    order = sort_values(str(column.name), column.dropna())
    return column.map({value: rank for rank, value in enumerate(order)})
