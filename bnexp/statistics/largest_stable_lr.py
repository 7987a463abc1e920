"""How large a learning rate may be: the largest at which no run diverges or stays at chance."""

import pandas as pd

from bnexp.statistics.design import Design


def largest_stable(finals: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return a row per cell and level of `finals`: `lr`, the largest at which no run diverged or was stuck.

    `finals` are those of `comparisons.average_finals`. `edge`: it is the largest that was tried. `lr` is missing where
    runs went wrong at every learning rate. Columns: `design.cells`, `level`, `lr`, `edge`, `n` runs at each learning
    rate (the fewest).
    """
    by = [*design.cells, "level"]
    sound = finals["lr"].where(finals["diverged"] + finals["stuck"] == 0)
    groups = finals.assign(sound=sound).groupby(by, dropna=False, sort=False)
    rows = groups.agg(lr=("sound", "max"), most=("lr", "max"), n=("n", "min")).reset_index()
    return rows.assign(edge=rows["lr"] == rows["most"]).drop(columns="most")
