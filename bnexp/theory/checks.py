"""The list of what is checked, and its results as a table and as JSON.

A check is a function that yields claims with what it measured: the command and the tests call the same ones.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import torch
from rich import box
from rich.table import Table
from rich.text import Text

from bnexp import provenance
from bnexp.theory import before_training, folding, growth, layer, symmetry, trajectories
from bnexp.theory.claims import Claim

Check = Callable[[], Iterator[Claim]]

EXACT: Final[tuple[Check, ...]] = (
    symmetry.scale_invariance,
    symmetry.radial_identity,
    trajectories.equivalence,
    trajectories.norm_growth,
    layer.energy_identity,
    layer.slope,
    layer.recovered_identity,
    layer.eps_floor,
    layer.bias_before_a_norm,
    layer.running_statistics,
    folding.folding,
    before_training.batch_of_one,
    before_training.paired_draws,
)
"""Identities: they hold up to rounding, in nets of any size."""

CHECKS: Final[tuple[Check, ...]] = (*EXACT, growth.growth_per_layer)
"""And the limits of wide nets, which take most of the time."""

HOLDS: Final = "holds"
FAILS: Final = "[bold red]FAILS[/]"
REPORTED: Final = "–"


def measure(checks: Sequence[Check]) -> list[list[Claim]]:
    """Return the claims of each check, measured now, in one thread.

    Most nets are so small that two threads wait for each other: on a machine that does something else, too, the
    identities took 32 s with two threads and 2 s with one (2 cores, torch 2.13 CPU).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            return [list(check()) for check in checks]
    finally:
        torch.set_num_threads(threads)


def failed(claims: Sequence[Sequence[Claim]]) -> int:
    """Return the number of claims that do not hold."""
    return sum(not claim.holds for group in claims for claim in group)


def table(claims: Sequence[Sequence[Claim]]) -> Table:
    """Return a row per claim, with a line after each check."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    drawn.add_column("claim", min_width=30)
    drawn.add_column("source", max_width=14)
    drawn.add_column("expected", max_width=11)
    drawn.add_column("measured", no_wrap=True)
    drawn.add_column("", no_wrap=True)
    for group in claims:
        for claim in group:
            measured = f"{claim.measured:.4g}"
            drawn.add_row(Text(claim.sentence), claim.source, claim.expected.words, measured, _verdict(claim))
        drawn.add_section()
    return drawn


def _verdict(claim: Claim) -> str:
    return FAILS if not claim.holds else HOLDS if claim.judged else REPORTED


def summary(claims: Sequence[Sequence[Claim]], seconds: float) -> str:
    """Return how many claims hold, in one line."""
    verdicts = Counter(_verdict(claim) for group in claims for claim in group)
    held, lost, reported = (verdicts[verdict] for verdict in (HOLDS, FAILS, REPORTED))
    return f"claims: {held} hold, {lost} fail, {reported} only reported; {seconds:.1f} s"


def as_json(claims: Sequence[Sequence[Claim]], seconds: float) -> str:
    """Return everything that the table says, for a program; a bound or a number that is not finite is null."""
    rows = [
        {
            "check": check.__name__,
            "claim": claim.sentence,
            "source": claim.source,
            "expected": claim.expected.words,
            "low": _finite(claim.expected.low),
            "high": _finite(claim.expected.high),
            "measured": _finite(claim.measured),
            "judged": claim.judged,
            "holds": claim.holds,
        }
        for check, group in zip(CHECKS, claims, strict=True)
        for claim in group
    ]
    content = {
        "holds": failed(claims) == 0,
        "seconds": round(seconds, 1),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "claims": rows,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
