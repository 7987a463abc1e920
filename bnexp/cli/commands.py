"""The subcommands: what is done with runs that are stored, and with the data sets.

As in `cli`, what loads numpy, torch, pandas or rich is imported where it is used.
"""

import dataclasses
import math
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bnexp.choices import nearest, written
from bnexp.cli.hydra_errors import one_sentence
from bnexp.cli.schema import KEYS
from bnexp.runs import Run, acting, command, key

if TYPE_CHECKING:
    import pandas as pd

    from bnexp.store.store import Store
    from bnexp.sweeps.forecasts import Forecast

OUTPUTS: Final = Path("outputs")

MOST_VERDICTS: Final = 12
"""Verdicts that are printed; the page has all."""

USAGE: Final = {
    "plan": "bnexp plan [-m] KEY=VALUE ...",
    "report": "bnexp report DIR [DIR ...] [compare=KEY] [margin=POINTS]",
    "show": "bnexp show RUN [DIR]",
    "check": "bnexp check [--json]",
    "data": "bnexp data fetch|verify [data=NAME] [data.root=DIR]",
}


def obey(word: str, *arguments: str) -> None:
    """Do what a subcommand asks."""
    match word, *arguments:
        case "report", *words if words:
            _report(words)
        case "show", run:
            _show(run, sorted(path.parent for path in OUTPUTS.glob("*/runs")))
        case "show", run, folder:
            _show(run, [Path(folder)])
        case ("check",):
            _check(as_json=False)
        case "check", "--json":
            _check(as_json=True)
        case "data", "fetch" | "verify" as action, *keys:
            _look_after_data(action, keys)
        case _:
            with one_sentence():
                raise _no_command(word, arguments)


def _no_command(word: str, arguments: Sequence[str]) -> ValueError:
    """Return the error about a first word that is no command, or about arguments that its command does not take."""
    if word in USAGE:
        return ValueError(f"the command must be `{USAGE[word]}`; got `{shlex.join(['bnexp', word, *arguments])}`")
    hint = f": give it a value, {word}=…" if word in KEYS else nearest(word, USAGE) or ": see `bnexp --help`"
    return ValueError(f"the first word must be KEY=VALUE, -m, or one of {', '.join(USAGE)}; got '{word}'{hint}")


def _report(words: Sequence[str]) -> None:
    """Build the report of all runs in the given folders again."""
    import pandas as pd

    from bnexp.store.store import once

    with one_sentence():
        folders, settings = _report_words(words)
        stores = [_open(Path(folder)) for folder in folders]
    rows = once(pd.concat([store.runs for store in stores], ignore_index=True))
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
    """Return the folders and the settings among the `words` behind `bnexp report`; raise `ValueError` if one is wrong.

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
                raise ValueError(f"the command must be `{USAGE['report']}`; got '{word}' in it")
    if not folders:
        raise ValueError(f"the command must be `{USAGE['report']}`; got no DIR")
    return folders, settings


def _points(text: str) -> float:
    """Return percentage points as a fraction."""
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 < points < 100:
        raise ValueError(f"margin must be a number of percentage points above 0 and below 100; got '{text}'")
    return points / 100


def print_plan(found: "Forecast", axes: "Mapping[str, Sequence[Any]]") -> None:
    """Print what a sweep would do."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    missing = sum(len(given.pack.runs) for given in found.planned)
    lanes = [len(given.pack.runs) for given in found.planned]
    table.add_row("runs", f"{found.asked:,} asked, {found.asked - missing:,} stored, {missing:,} to train")
    for name, values in axes.items():
        table.add_row(f"  {name}", f"{len(values)}: {', '.join(map(written, values))}")
    if found.planned:
        few, many = min(lanes), max(lanes)
        sizes = f"{many} lanes each" if few == many else f"{few} to {many} lanes each"
        threads = max(given.threads or 0 for given in found.planned)
        each = f", {threads} {'thread' if threads == 1 else 'threads'} each" if threads else ""
        table.add_row("packs", f"{len(lanes):,}, {sizes}")
        table.add_row("workers", f"{found.workers} on {found.device}{each}")
        table.add_row("memory", f"{found.memory / 2**20:,.0f} MiB per worker, the shared data included")
        table.add_row("time", f"about {duration(found.seconds)}, measured on these packs; table and report come on top")
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def duration(seconds: float) -> str:
    """Return a time as one reads it: 7.2 s, 3 min 20 s, 2 h 5 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _show(prefix: str, folders: Sequence[Path]) -> None:
    """Print the run in `folders` whose id starts with `prefix`, with the command that trains it again."""
    from rich.console import Console
    from rich.table import Table

    with one_sentence():
        store, row = _find(prefix, folders)
        run = Run(**{f.name: row[f.name] for f in dataclasses.fields(Run) if f.name in row})
        root = _root(store, run)
    table = Table(title=f"run {row['run']} in {store.path}", title_justify="left", show_header=False)
    for name, value in acting(run).items():
        if value is not None:
            table.add_row(key(name), written(value), end_section=name == "dtype")
    for name, value in row.items():
        if name != "run" and name not in acting(run):
            table.add_row(name, str(value))
    console = Console(highlight=False)
    console.print(table)
    console.print(command(run) + root, soft_wrap=True)


def _find(prefix: str, folders: Sequence[Path]) -> "tuple[Store, dict[str, Any]]":
    """Return the run whose id starts with `prefix`: its store, and what of its row is not missing."""
    import numpy as np
    import pandas as pd

    from bnexp.store.store import load

    rows = [(store, row) for store in map(load, folders) for _, row in store.runs.iterrows()]
    found = {row["run"]: (store, row) for store, row in rows if row["run"].startswith(prefix)}
    if len(found) != 1:
        where = ", ".join(map(str, folders)) or OUTPUTS
        hint = "give more of its digits" if found else "they are in the column `run` of a store's runs"
        raise ValueError(
            f"RUN must be the beginning of one run's id; got '{prefix}', with which {len(found) or 'none'} of the ids "
            f"in {where} begin: {hint}"
        )
    ((store, row),) = found.values()
    return store, {str(name): value for name, value in row.items() if np.ndim(value) or not pd.isna(value)}


def _root(store: "Store", run: Run) -> str:
    """Return the word that names the folder of the data, if the latest sweep over this data named one."""
    data = [sweep["configuration"]["data"] for sweep in store.sweeps]
    roots = [one["root"] for one in data if one["name"] == run.data]
    return " " + shlex.quote(f"data.root={roots[-1]}") if roots and roots[-1] else ""


def _open(folder: Path) -> "Store":
    """Return the store in `folder`; raise `ValueError` if there is none or it is empty."""
    from bnexp.store.store import load

    store = load(folder)
    if store.runs.empty:
        raise ValueError(
            f"a store must hold at least one run; got {folder}, which holds none: train some into it first"
        )
    return store


def _check(*, as_json: bool) -> None:
    """Measure the claims of the theory and print them; exit with 1 if one fails."""
    from rich.console import Console

    from bnexp.theory import checks

    started = time.perf_counter()
    with Console(stderr=True).status("measuring, about half a minute"):
        claims = checks.measure(checks.CHECKS)
    seconds = time.perf_counter() - started
    if as_json:
        print(checks.as_json(claims, seconds))
    else:
        Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(checks.table(claims))
        print(checks.summary(claims, seconds))
    if checks.failed(claims):
        raise SystemExit(1)


def _look_after_data(action: str, words: Sequence[str]) -> None:
    """Download (`fetch`) or check (`verify`) a data set and print its files."""
    from bnexp.data import datasets

    with one_sentence():
        chosen = {"data": "mnist", "data.root": ""}
        for word in words:
            name, equals, value = word.partition("=")
            if name not in chosen or not equals:
                raise ValueError(f"the command must be `{USAGE['data']}`; got '{word}' in it")
            chosen[name] = value
        root = Path(chosen["data.root"]).expanduser() if chosen["data.root"] else None
        if action == "fetch":
            files = datasets.fetch(chosen["data"], root)
        else:
            files = [path for path, _ in datasets.verify(chosen["data"], root)]
    for path in files:
        print(path)
    if not files:
        print(f"{chosen['data']} comes with scikit-learn: there is no file to {action}")
