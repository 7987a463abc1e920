"""`bnexp report`, and the table and answer that every sweep ends with."""

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
from rich.console import Console

from bnexp.choices import FigureForm, parse
from bnexp.cli.summary import draw_table
from bnexp.cli.usage import USAGE
from bnexp.errors import UserError
from bnexp.files import is_folder
from bnexp.store.records import list_confirmatory
from bnexp.store.store import Store, each_run_once, load

if TYPE_CHECKING:
    from bnexp.report.build import Report

MOST_VERDICTS: Final = 12
"""Verdicts that are printed; the page has all."""


@dataclass(frozen=True)
class _Wish:
    """What the words behind `bnexp report` ask for; `margin` is a fraction, and `None` stands for the default."""

    folders: tuple[Path, ...] = ()
    compare: str | None = None
    margin: float | None = None
    out: Path | None = None
    figure: FigureForm = FigureForm.page


def rebuild(words: Sequence[str]) -> None:
    """Build the report of all runs in some folders again; `words` are the folders and what `_Wish` holds as KEY=VALUE.

    Raises:
        UserError: A word is something else, a folder holds no run, there is no such comparison, or the report cannot be
            written.
    """
    wish = _parse_words(words)
    stores = [load(folder) for folder in wish.folders]
    stored = [read_runs(store) for store in stores]
    for store in stores:  # a sweep has told of them by itself
        for sentence in store.describe_damaged_records():
            print(f"bnexp: {sentence}", file=sys.stderr)
    _conclude(each_run_once(pd.concat(stored, ignore_index=True)), stores, stored, wish)


def conclude(rows: pd.DataFrame, store: Store, *, draw: bool, figure: FigureForm = FigureForm.page) -> None:
    """Print the table of `rows`, the runs of `store` that were asked for, and how many failed.

    With `draw`, and if a run is stored, the report of the whole store is built, with figures made for `figure`, and its
    answer and its path follow.
    """
    stored = [read_runs(store)] if draw else []
    _conclude(rows, [store], stored, _Wish(figure=figure))


def _conclude(rows: pd.DataFrame, stores: Sequence[Store], stored: Sequence[pd.DataFrame], wish: _Wish) -> None:
    """Print the table of `rows` and build the report of all that is `stored`; none if nothing is."""
    # A pipe has no width: a table that were cut to 80 columns could not be read there.
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    report = None
    if any((part["status"] != "failed").any() for part in stored):
        # Jupyter has whatever it starts draw by a part of its own, which need not be installed here; read on import.
        os.environ["MPLBACKEND"] = "agg"
        from bnexp.report import build  # here, because it loads matplotlib, for which report=false need not wait

        report = build.compose(
            stores, stored, compare=wish.compare, margin=wish.margin, out=wish.out, figure=wish.figure
        )
    fresh = list_confirmatory([record for store in stores for record in store.sweeps])
    if len(explored := rows[~rows["run"].isin(fresh)]):  # of others nothing is shown but by their confirmation
        console.print(draw_table(explored.reset_index(drop=True)))
    if report:
        _print_answer(report, console)
    if failed := int((rows["status"] == "failed").sum()):
        logs = " and ".join(str(store.log_path) for store in stores)
        print(f"bnexp: {failed} of {len(rows)} runs could not be trained; {logs} says why", file=sys.stderr)
    if report:  # at last: what it is about is said by now, wherever the page cannot be written
        report.write()
        console.print(str(report.page), soft_wrap=True, markup=False)


def _print_answer(report: "Report", console: Console) -> None:
    shown = report.verdicts[:MOST_VERDICTS]
    hidden = len(report.verdicts) - len(shown)
    explored = [f"Explored: {report.headline}", report.looks, report.missing, report.asked]
    for sentence in ("", *report.confirmed, *filter(None, explored)):
        console.print(sentence, markup=False)
    for verdict in shown:
        console.print(f"explored: {verdict.sentence}", markup=False)
        for line in (verdict.command or "").splitlines():  # to be copied: a terminal may wrap it, we do not
            console.print(f"  {line}", soft_wrap=True, markup=False)
    more = f"{hidden} more verdicts are on the page." if hidden else ""
    for sentence in filter(None, [more, report.left_out]):
        console.print(sentence, markup=False)
    if report.advice[0]:
        console.print(report.advice[0], markup=False)
        console.print(f"  {report.advice[1]}", soft_wrap=True, markup=False)
    console.print("")


def _parse_words(words: Sequence[str]) -> _Wish:
    """Return what `words` ask for; a folder may hold a "=", if it is there."""
    folders = [word for word in words if "=" not in word or is_folder(word)]
    wish = _Wish(tuple(map(Path, folders)))
    for word in (word for word in words if word not in folders):
        name, _, value = word.partition("=")
        match name:
            case "compare" if value:
                wish = replace(wish, compare=value)
            case "margin":
                wish = replace(wish, margin=parse_points(name, value))
            case "figure" | "report.figure":
                wish = replace(wish, figure=parse(FigureForm, value, "figure"))
            case "out" if value:
                wish = replace(wish, out=Path(value))
            case _:
                raise UserError(f"the command must be `{USAGE['report']}`; got '{word}' in it")
    if not folders:
        raise UserError(f"the command must be `{USAGE['report']}`; got no DIR")
    return wish


def parse_points(name: str, text: str) -> float:
    """Return percentage points as a fraction; `name` is the key that they were given to."""
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 < points < 100:
        raise UserError(f"{name} must be a number of percentage points above 0 and below 100; got '{text}'")
    return points / 100


def read_runs(store: Store) -> pd.DataFrame:
    """Return the rows of `store`; raise `UserError` if it is empty."""
    rows = store.runs
    if rows.empty:
        raise UserError(
            f"a store must hold at least one run; got {store.path}, which holds none: train some into it first"
        )
    return rows
