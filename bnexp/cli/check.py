"""`bnexp check`: the claims of the theory, measured on this machine, as a table or as JSON."""

import json
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bnexp import provenance
from bnexp.theory import checks
from bnexp.theory.claims import Claim

HOLDS: Final = "holds"
FAILS: Final = "[bold red]FAILS[/]"
REPORTED: Final = "–"


def draw_table(claims: Sequence[Sequence[Claim]]) -> Table:
    """Return a row per claim, with a line after each check."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("claim", min_width=30)
    table.add_column("source", max_width=14)
    table.add_column("expected", max_width=11)
    table.add_column("measured", no_wrap=True)
    table.add_column("", no_wrap=True)
    for group in claims:
        for claim in group:
            measured = f"{claim.measured:.4g}"
            table.add_row(Text(claim.sentence), claim.source, claim.expected.words, measured, _judge(claim))
        table.add_section()
    return table


def _judge(claim: Claim) -> str:
    return FAILS if not claim.holds else HOLDS if claim.judged else REPORTED


def summarize(claims: Sequence[Sequence[Claim]], seconds: float) -> str:
    """Return how many claims hold, in one line."""
    verdicts = Counter(_judge(claim) for group in claims for claim in group)
    held, lost, reported = (verdicts[verdict] for verdict in (HOLDS, FAILS, REPORTED))
    return f"claims: {held} hold, {lost} fail, {reported} only reported; {seconds:.1f} s"


def to_json(claims: Sequence[Sequence[Claim]], seconds: float) -> str:
    """Return everything that the table says, for a program; a bound or a number that is not finite is null."""
    rows = [
        {
            "check": check.__name__,
            "claim": claim.sentence,
            "source": claim.source,
            "expected": claim.expected.words,
            "low": _finite_or_none(claim.expected.low),
            "high": _finite_or_none(claim.expected.high),
            "measured": _finite_or_none(claim.measured),
            "judged": claim.judged,
            "holds": claim.holds,
        }
        for check, group in zip(checks.CHECKS, claims, strict=True)
        for claim in group
    ]
    content = {
        "holds": checks.count_failures(claims) == 0,
        "seconds": round(seconds, 1),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "claims": rows,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def check(*, json_wanted: bool) -> int:
    """Measure the claims of the theory and print them, as a table or as JSON; return the exit code, 1 if one fails."""
    started = time.perf_counter()
    with Console(stderr=True).status("measuring, about half a minute"):
        claims = checks.measure(checks.CHECKS)
    seconds = time.perf_counter() - started
    if json_wanted:
        print(to_json(claims, seconds))
    else:
        Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(draw_table(claims))
        print(summarize(claims, seconds))
    return int(checks.count_failures(claims) > 0)
