"""`bnexp report`, and the table and answer that every sweep ends with."""

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
from rich.console import Console

from bnexp.cli.summary import draw_table
from bnexp.cli.usage import USAGE
from bnexp.errors import UserError
from bnexp.store.store import Store, each_run_once, load

MOST_VERDICTS: Final = 12
"""Verdicts that are printed; the page has all."""


@dataclass(frozen=True)
class _Wish:
    """What the words behind `bnexp report` ask for; `margin` is a fraction, and `None` stands for the default."""

    folders: tuple[Path, ...]
    compare: str | None
    margin: float | None


def rebuild(words: Sequence[str]) -> None:
    """Build the report of all runs in some folders again; `words` are the folders, `compare=KEY` and `margin=POINTS`.

    Raises:
        UserError: A word is something else, a folder holds no run, or there is no such comparison.
    """
    wish = _parse_words(words)
    stores = [_open_store(folder) for folder in wish.folders]
    rows = each_run_once(pd.concat([store.runs for store in stores], ignore_index=True))
    conclude(rows, stores, draw=True, compare=wish.compare, margin=wish.margin)


def conclude(
    rows: pd.DataFrame,
    stores: Sequence[Store],
    *,
    draw: bool,
    compare: str | None = None,
    margin: float | None = None,
) -> None:
    """Print the table of `rows`, runs of `stores`, and how many failed.

    With `draw`, and if a run is stored, the report is built before, and its answer and its path are printed, too.
    """
    failed, report = int((rows["status"] == "failed").sum()), None
    # A pipe has no width: a table that were cut to 80 columns could not be read there.
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    if draw and failed < len(rows):
        # Jupyter has whatever it starts draw by a part of its own, which need not be installed here; read on import.
        os.environ["MPLBACKEND"] = "agg"
        from bnexp.report.build import build  # here, because it loads matplotlib, for which report=false need not wait

        try:
            report = build(stores, rows, compare, margin)
        except UserError:  # a full disk takes the page, not the results
            console.print(draw_table(rows))
            raise
    console.print(draw_table(rows))
    if report:
        for sentence in ("", report.headline, *(verdict.sentence for verdict in report.verdicts[:MOST_VERDICTS]), ""):
            console.print(sentence, markup=False)
        console.print(str(report.page), soft_wrap=True, markup=False)
    if failed:
        logs = " and ".join(str(store.log_path) for store in stores)
        print(f"bnexp: {failed} of {len(rows)} runs could not be trained; {logs} says why", file=sys.stderr)


def _parse_words(words: Sequence[str]) -> _Wish:
    """Return what `words` ask for; a folder may hold a "=", if it is there."""
    folders = [word for word in words if "=" not in word or Path(word).is_dir()]
    compare, margin = None, None
    for word in (word for word in words if word not in folders):
        name, _, value = word.partition("=")
        match name:
            case "compare":
                compare = value
            case "margin":
                margin = _parse_points(value)
            case _:
                raise UserError(f"the command must be `{USAGE['report']}`; got '{word}' in it")
    if not folders:
        raise UserError(f"the command must be `{USAGE['report']}`; got no DIR")
    return _Wish(tuple(map(Path, folders)), compare, margin)


def _parse_points(text: str) -> float:
    """Return percentage points as a fraction."""
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 < points < 100:
        raise UserError(f"margin must be a number of percentage points above 0 and below 100; got '{text}'")
    return points / 100


def _open_store(folder: Path) -> Store:
    """Return the store in `folder`; raise `UserError` if there is none or it is empty."""
    store = load(folder)
    if store.runs.empty:
        raise UserError(f"a store must hold at least one run; got {folder}, which holds none: train some into it first")
    return store
