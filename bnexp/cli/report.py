"""`bnexp report`, and the table and answer that every sweep ends with."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bnexp.cli.hydra_errors import one_sentence
from bnexp.cli.usage import USAGE
from bnexp.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from bnexp.store.store import Store


MOST_VERDICTS: Final = 12
"""Verdicts that are printed; the page has all."""


def report(words: Sequence[str]) -> None:
    """Build the report of all runs in the given folders again."""
    import pandas as pd

    from bnexp.store.store import each_run_once

    with one_sentence():
        folders, settings = _report_words(words)
        stores = [_open(Path(folder)) for folder in folders]
    rows = each_run_once(pd.concat([store.runs for store in stores], ignore_index=True))
    conclude(rows, stores, draw=True, **settings)


def conclude(
    rows: "pd.DataFrame",
    stores: "Sequence[Store]",
    *,
    draw: bool,
    compare: str | None = None,
    margin: float | None = None,
) -> None:
    """Print the table of `rows` and, if a report is to be built and a run is stored, its answer and its path."""
    from rich.console import Console

    from bnexp.cli.summary import summary_table
    from bnexp.report.build import build

    # A pipe has no width: a table that were cut to 80 columns could not be read there.
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    failed, made = int((rows["status"] == "failed").sum()), None
    if draw and failed < len(rows):
        with one_sentence():
            made = build(stores, rows, compare, margin)
    console.print(summary_table(rows))
    if made:
        for sentence in ("", made.headline, *(verdict.sentence for verdict in made.verdicts[:MOST_VERDICTS]), ""):
            console.print(sentence, markup=False)
        console.print(str(made.page), soft_wrap=True, markup=False)
    if failed:
        logs = " and ".join(str(store.log_path) for store in stores)
        print(f"bnexp: {failed} of {len(rows)} runs could not be trained; {logs} says why", file=sys.stderr)


def _report_words(words: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Return the folders and the settings among the `words` behind `bnexp report`; raise `UserError` if one is wrong.

    A folder may hold a "=", if it is there.
    """
    settings: dict[str, Any] = {}
    folders = [word for word in words if "=" not in word or Path(word).is_dir()]
    for word in (word for word in words if word not in folders):
        name, _, value = word.partition("=")
        match name:
            case "compare":
                settings["compare"] = value
            case "margin":
                settings["margin"] = _points(value)
            case _:
                raise UserError(f"the command must be `{USAGE['report']}`; got '{word}' in it")
    if not folders:
        raise UserError(f"the command must be `{USAGE['report']}`; got no DIR")
    return folders, settings


def _points(text: str) -> float:
    """Return percentage points as a fraction."""
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 < points < 100:
        raise UserError(f"margin must be a number of percentage points above 0 and below 100; got '{text}'")
    return points / 100


def _open(folder: Path) -> "Store":
    """Return the store in `folder`; raise `UserError` if there is none or it is empty."""
    from bnexp.store.store import load

    store = load(folder)
    if store.runs.empty:
        raise UserError(f"a store must hold at least one run; got {folder}, which holds none: train some into it first")
    return store
