"""How large a learning rate may be: the largest at which no run diverges or stays at chance."""

import pandas as pd

from bnexp.statistics.design import Design, named


def largest_stable(finals: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return a row per cell and level of `comparisons.finals`: `lr`, the largest at which no run diverged or was stuck.

    `edge`: it is the largest that was tried. `lr` is missing where runs went wrong at every learning rate. Columns:
    `design.cells`, `level`, `lr`, `edge`, `n` runs at each learning rate (the fewest).
    """
    by = [*design.cells, "level"]
    sound = finals["lr"].where(finals["diverged"] + finals["stuck"] == 0)
    groups = finals.assign(sound=sound).groupby(by, dropna=False, sort=False)
    rows = groups.agg(lr=("sound", "max"), most=("lr", "max"), n=("n", "min")).reset_index()
    return rows.assign(edge=rows["lr"] == rows["most"]).drop(columns="most")


def in_words(stable: pd.DataFrame, design: Design) -> str:
    """Return the sentence about `largest_stable`."""
    cells = stable.groupby(list(design.cells), dropna=False, sort=False) if design.cells else [((), stable)]
    parts = []
    for _, rows in cells:
        levels = ", ".join(
            _limit(design.name(level), lr, edge)
            for level, lr, edge in zip(rows["level"], rows["lr"], rows["edge"], strict=True)
        )
        acting = [named(name, rows[name].iloc[0]) for name in design.cells if rows[name].notna().all()]
        parts.append(f"{levels} for {' / '.join(acting)}" if acting else levels)
    return f"Largest learning rate at which no run diverged or stayed at chance: {'; '.join(parts)}."


def _limit(level: str, lr: float, edge: bool) -> str:
    if pd.isna(lr):
        return f"{level} at none of them"
    return f"{level} {lr:g}{' (the largest tried)' if edge else ''}"
