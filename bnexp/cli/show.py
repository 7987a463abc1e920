"""`bnexp show`: one stored run, with the command that trains it again."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bnexp.choices import to_cli
from bnexp.errors import UserError
from bnexp.files import find_outputs, find_place
from bnexp.own.code import decode
from bnexp.report.evidence import find_data_words
from bnexp.runs import Run, find_acting, key
from bnexp.store.rows import to_run
from bnexp.store.store import Store, load
from bnexp.verdicts.commands import write_place, write_run_command

_MOST_CANDIDATES: Final = 8
"""Ids that are listed where several runs begin alike."""


def show(prefix: str, folders: Sequence[Path], *, json_wanted: bool) -> None:
    """Print the run in `folders` whose id starts with `prefix`, with the command that trains it again.

    Raises:
        UserError: A folder holds no store, or not exactly one run has such an id.
    """
    store, row = _find_run(prefix, folders)
    run = to_run(row)
    place = write_place(*find_place(store.path))
    source = _find_source(store, run)
    command = " ".join(
        [write_run_command(run), *map(shlex.quote, [*place, *find_data_words(store.sweeps).get(run.data, [])])]
    )
    if json_wanted:
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value for name, value in row.items()
        }
        told = {"source": source} if source else {}
        print(json.dumps({"store": str(store.path), **plain, **told, "command": command}, indent=1, ensure_ascii=False))
        return
    title = Text(f"run {row['run']} in {store.path}", style="italic")
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in find_acting(run).items():
        if value is not None:
            table.add_row(key(name), Text(to_cli(value)), end_section=name == "dtype")
    for name, value in row.items():
        if name != "run" and name not in find_acting(run):
            table.add_row(name, Text(str(value)))
    console = Console(highlight=False)
    console.print(table)
    if source:
        console.print(f"{run.activation_code} was:\n\n{source}", soft_wrap=True, markup=False)
    console.print(command, soft_wrap=True, markup=False)


def _find_run(prefix: str, folders: Sequence[Path]) -> tuple[Store, dict[str, Any]]:
    """Return the run whose id starts with `prefix`: its store, and what of its row is not missing."""
    rows = [(store, row) for store in map(load, folders) for _, row in store.runs.iterrows()]
    matches = {row["run"]: (store, row) for store, row in rows if row["run"].startswith(prefix)}
    if len(matches) != 1:
        where = ", ".join(map(str, folders)) or find_outputs()
        few = ", ".join(sorted(matches)[:_MOST_CANDIDATES]) + (", …" if len(matches) > _MOST_CANDIDATES else "")
        hint = f"give more of its digits: {few}" if matches else "`bnexp ls DIR` lists them"
        raise UserError(
            f"RUN must be the beginning of one run's id; got '{prefix}', with which {len(matches) or 'none'} of the "
            f"ids in {where} begin: {hint}"
        )
    ((store, row),) = matches.values()
    return store, {str(name): value for name, value in row.items() if np.ndim(value) or not pd.isna(value)}


def _find_source(store: Store, run: Run) -> str | None:
    """Return the code of the user's that `run` was trained with, to be read; None if its activation is built in."""
    if not run.activation_code:
        return None
    wanted = decode(run.activation_code).digest
    kept = (item for sweep in reversed(store.sweeps) for item in sweep.sources.items())
    return next((text for code, text in kept if code.endswith(f"@{wanted}")), None)
