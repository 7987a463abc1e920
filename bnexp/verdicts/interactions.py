"""Whether a difference depends on a setting, in words."""

from typing import Any

import pandas as pd

from bnexp.labels import axis_label, is_accuracy, value_label
from bnexp.statistics.intervals_and_tests import ALPHA


def write_interactions(rows: pd.DataFrame, compared: str, metric: str) -> str:
    """Return a sentence per axis of `rows` (of `statistics.interactions.compare_cells`) on whether a − b depends on it.

    That it is positive in one cell and negative in another says so only where the two differ significantly.
    """
    sentences = [_write_axis(part, str(axis), compared, metric) for axis, part in rows.groupby("axis", sort=False)]
    return " ".join(sentences)


def _write_axis(rows: pd.DataFrame, axis: str, compared: str, metric: str) -> str:
    a, b = (value_label(compared, rows[side].iloc[0]) for side in "ab")
    tested = rows.dropna(subset=["p_family"])
    if tested.empty:
        return f"Too few seeds for a test whether {a} − {b} depends on {axis_label(axis)}."
    # Of equal p the larger difference: with few seeds many have the least p that there is.
    first = tested.assign(size=-tested["mean"].abs()).sort_values(["p_family", "size"]).iloc[0]
    among = "" if len(tested) == 1 else f", the least of {len(tested):,} pairs"
    support = f"family-wise p = {first['p_family']:.2g}{among}, n = {first['n']:.0f}"
    if not first["p_family"] <= ALPHA:
        return f"That {a} − {b} depends on {axis_label(axis)} is not shown ({support})."
    one, other = (value_label(axis, first[side]) for side in ("first", "second"))
    return (
        f"The difference {a} − {b} depends on {axis_label(axis)}: for {one} it is "
        f"{'above' if first['mean'] > 0 else 'below'} that for {other} by {_amount(first, metric)} ({support})."
    )


def _amount(row: "pd.Series[Any]", metric: str) -> str:
    """Return the size of an interaction with its interval and unit."""
    factor, unit, digits = (100, "pp", 2) if is_accuracy(metric) else (1, "nats", 4)
    sign = 1 if row["mean"] > 0 else -1
    low, high = sorted(sign * factor * row[end] for end in ("low", "high"))
    text = f"{sign * factor * row['mean']:.{digits}f} {unit} [{low:.{digits}f}, {high:.{digits}f}]"
    return text.replace("-", "−")
