"""What is compared under what: a value deduced from the runs."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from bnexp.choices import nearest
from bnexp.errors import UserError
from bnexp.labels import TYPES, sort_values
from bnexp.runs import key
from bnexp.statistics.arms import ARM, COMPARED, ScoredRuns, axes

FEWEST: Final = 3
"""Values from which a numeric setting is drawn on the x axis."""


@dataclass(frozen=True)
class Design:
    """The axis `compared` with its `levels` in order, the axis `tuned` for each of them, and the `cells` of the rest.

    `cells` are all other axes that vary, in the order of `Run`, and activation always, because a finding is said of
    one; a cell is a combination of their values. `x`, one of them, is drawn on the x axis, the others are facets.
    """

    compared: str
    levels: tuple[Any, ...]
    tuned: str | None
    cells: tuple[str, ...]
    x: str | None

    @property
    def facets(self) -> tuple[str, ...]:
        """The axes of the cells without `x`."""
        return tuple(name for name in self.cells if name != self.x)


def deduce_design(runs: ScoredRuns, compared: str = "placement") -> Design:
    """Return the design of `runs`, the axis `compared` given by its name in `Run` or on the command line.

    A learning rate that varies is tuned. Raises `UserError` if `compared` is no setting or does not vary.
    """
    varied = [name for name in axes(runs) if runs[name].nunique() > 1]
    names = {key(name): name for name in ARM} | {name: name for name in ARM}
    chosen = names.get(compared, compared)
    if chosen not in varied:
        keys = [key(name) for name in varied]
        raise UserError(
            f"compare must be a setting in which the runs differ, {_join_keys(keys)}; got '{compared}'"
            f"{': it has one value here' if chosen in ARM else nearest(compared, names)}"
        )
    tuned = "lr" if "lr" in varied and chosen != "lr" else None
    others = [name for name in varied if name not in (chosen, tuned) and not _follows_level(runs, name, chosen)]
    cells = [name for name in ARM if name in others or (name == "activation" and name != chosen)]
    levels = sort_values(chosen, runs[chosen].dropna().drop_duplicates().tolist())
    return Design(chosen, tuple(levels), tuned, tuple(cells), _choose_x(runs, cells))


def _follows_level(rows: pd.DataFrame, name: str, chosen: str) -> bool:
    """Say whether `name` only follows from the level of `chosen`, as an lr that is scaled with an initial gain does.

    A placement or an activation is asked for by itself, and so is what differs between them.
    """
    if name in COMPARED or chosen in COMPARED:
        return False
    return bool((rows.groupby(chosen)[name].nunique() <= 1).all())


def _choose_x(rows: pd.DataFrame, cells: list[str]) -> str | None:
    """Return the numeric axis with the most values, the first of several, if it has at least `FEWEST`."""
    counts = {name: rows[name].nunique() for name in cells if TYPES[name] in (int, float, tuple[int, ...])}
    name = max(counts, key=lambda name: counts[name], default=None)
    return name if name is not None and counts[name] >= FEWEST else None


def _join_keys(keys: list[str]) -> str:
    return f"one of {', '.join(keys)}" if keys else "of which there are none"
