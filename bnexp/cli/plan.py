"""`bnexp plan`: what a sweep would do, without doing it."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bnexp.choices import to_cli
from bnexp.cli import values
from bnexp.cli.task import Request, choose_resources, load_data, open_store
from bnexp.sweeps import sweep
from bnexp.sweeps.forecasts import Forecast


def print_plan(request: Request, *, json_wanted: bool) -> None:
    """Print what the sweep of `request` would do, after two seconds of measuring; train and write nothing."""
    forecast = sweep.forecast_sweep(
        request.runs,
        load_data(request),
        open_store(request.options),
        resources=choose_resources(request.options),
        save_weights=request.options.save_weights,
        started=request.started,
        probes=request.options.probes,
    )
    axes = values.find_axes(request.jobs)
    if json_wanted:
        print(json.dumps(_describe(forecast, axes), indent=1, ensure_ascii=False))
        return
    table = draw_table(forecast, axes)
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def _describe(forecast: Forecast, axes: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return what the table says, for a program: `memory` is in bytes per worker, `seconds` of training alone."""
    lanes = [len(assignment.pack.runs) for assignment in forecast.planned]
    return {
        "asked": forecast.asked,
        "stored": forecast.asked - sum(lanes),
        "missing": sum(lanes),
        "axes": axes,
        "packs": lanes,
        "workers": forecast.workers,
        "device": str(forecast.device),
        "memory": forecast.memory,
        "seconds": forecast.seconds,
    }


def draw_table(forecast: Forecast, axes: Mapping[str, Sequence[Any]]) -> Table:
    """Return the table of what would run; `axes` are the keys in which its runs differ, with their values."""
    table = Table(show_header=False, box=None, pad_edge=False)
    lanes = [len(assignment.pack.runs) for assignment in forecast.planned]
    stored, missing = forecast.asked - sum(lanes), sum(lanes)
    table.add_row("runs", f"{forecast.asked:,} asked, {stored:,} stored, {missing:,} to train")
    for name, column in axes.items():
        table.add_row(f"  {name}", f"{len(column)}: {', '.join(map(to_cli, column))}")
    if not lanes:
        return table
    few, many = min(lanes), max(lanes)
    sizes = f"{many} lanes each" if few == many else f"{few} to {many} lanes each"
    threads = max(assignment.threads or 0 for assignment in forecast.planned)
    each = f", {threads} {'thread' if threads == 1 else 'threads'} each" if threads else ""
    table.add_row("packs", f"{len(lanes):,}, {sizes}")
    table.add_row("workers", f"{forecast.workers} on {forecast.device}{each}")
    table.add_row("memory", f"{forecast.memory / 2**20:,.0f} MiB per worker, the shared data included")
    time = format_duration(forecast.seconds)
    table.add_row("time", f"about {time}, measured on these packs; table and report come on top")
    return table


def format_duration(seconds: float) -> str:
    """Return a time as one reads it: 7.2 s, 3 min 20 s, 2 h 5 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
