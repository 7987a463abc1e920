"""What `bnexp plan` prints."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bnexp.choices import to_cli

if TYPE_CHECKING:
    from bnexp.sweeps.forecasts import Forecast


def print_plan(found: "Forecast", axes: "Mapping[str, Sequence[Any]]") -> None:
    """Print what a sweep would do."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    missing = sum(len(given.pack.runs) for given in found.planned)
    lanes = [len(given.pack.runs) for given in found.planned]
    table.add_row("runs", f"{found.asked:,} asked, {found.asked - missing:,} stored, {missing:,} to train")
    for name, values in axes.items():
        table.add_row(f"  {name}", f"{len(values)}: {', '.join(map(to_cli, values))}")
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
