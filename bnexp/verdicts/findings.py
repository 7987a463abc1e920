"""What one contrast says, in words: better, equivalent, undecided or nothing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bnexp.statistics.inference import ALPHA

REACH: Final = 1_000
"""Most seeds that are asked for: an effect that needs more is none that an experiment would ask about."""

Kind = Literal["better", "equivalent", "undecided", "nothing"]
Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Finding:
    """What a contrast says: its `claim`, `in_brief` with its size, and `in_full` with all that supports it."""

    kind: Kind
    claim: str
    in_brief: str
    in_full: str


def finding(row: Row) -> Finding:
    """Return what a row of `comparisons.effects` says.

    Better: Holm's p is at most 0.05. Equivalent: it is not, and two one-sided tests at the margin are significant, for
    which the 90 % interval stands. Undecided: neither. Nothing: no seed is shared, or all runs of both diverged.
    """
    if row["n"] == 0 or min(row["diverged_a"], row["diverged_b"]) == row["n"]:
        return _nothing(row)
    if row["p_holm"] <= ALPHA:
        return _better(row)
    return _equivalent(row) if row["equivalent"] else _undecided(row)


def seeds_wanted(row: Row) -> int:
    """Return how many more seeds would decide a contrast, 0 if more than `REACH` in all would be needed."""
    needed = row["fewest"] if math.isnan(row["seeds_needed"]) and row["n"] < row["fewest"] else row["seeds_needed"]
    return max(1, int(needed) - row["n"]) if needed <= REACH else 0


def is_gain(row: Row) -> bool:
    """Say whether more of the metric is better."""
    return str(row["metric"]).endswith("accuracy")


def _nothing(row: Row) -> Finding:
    a, b = row["a"], row["b"]
    if row["n"]:
        claim = f"every run of {b} and of {a} diverged"
        return Finding("nothing", claim, claim, f"nothing to compare: {claim}")
    claim = f"nothing to compare between {b} and {a}"
    return Finding("nothing", claim, claim, f"{claim}: {row['note']}")


def _better(row: Row) -> Finding:
    a_wins, above = (row["mean"] > 0) == is_gain(row), row["mean"] > 0
    winner, loser = (row["a"], row["b"]) if a_wins else (row["b"], row["a"])
    low, high = (row["low"], row["high"]) if above else (-row["high"], -row["low"])
    probability, sign = row["probability"] if above else 1 - row["probability"], ">" if is_gain(row) else "<"
    lead = _amount(row, abs(row["mean"]))
    support = _interval(row, low, high) + (f", less than the margin of {_margin(row)}" if row["equivalent"] else "")
    core = f"{winner} is better than {loser}"
    return Finding(
        "better",
        f"{core} by less than {_margin(row)}" if row["equivalent"] else core,
        f"{core} by {lead} {support}",
        f"{core} by {lead} of {_metric(row)} {support}, {_seeds(row)}, Holm p = {row['p_holm']:.2g}; "
        f"P({winner} {sign} {loser}) = {probability:.2g}",
    )


def _equivalent(row: Row) -> Finding:
    claim = f"no difference larger than {_margin(row)} between {row['b']} and {row['a']}"
    interval = _interval(row, row["equivalence_low"], row["equivalence_high"])
    full = f"{claim}: {_difference(row)}, 90 % interval {interval}, {_seeds(row)}, TOST p = {row['p_equivalence']:.2g}"
    return Finding("equivalent", claim, claim, full)


def _undecided(row: Row) -> Finding:
    claim = f"undecided between {row['b']} and {row['a']}"
    interval = _interval(row, row["low"], row["high"])
    support = f"{interval}, {_seeds(row)}" if row["n"] > 1 else "at one seed, no interval"
    if row["p_holm"] <= 1:
        support += f", Holm p = {row['p_holm']:.2g}"
    few = "; too few seeds for a test" if row["n"] < row["fewest"] else ""
    brief = (
        f"{claim} ({row['a']} − {row['b']} = {_amount(row, row['mean'])} {interval}{few})" if row["n"] > 1 else claim
    )
    return Finding("undecided", claim, brief, f"{claim}: {_difference(row)} {support}; {_wanted(row)}")


def _wanted(row: Row) -> str:
    more = seeds_wanted(row)
    if not more:
        return f"an effect of this size would need more than {REACH:,} seeds"
    least = "at least " if row["n"] < row["fewest"] else ""
    return f"{least}{more} more {'seed' if more == 1 else 'seeds'} would be needed"


def _difference(row: Row) -> str:
    return f"{row['a']} − {row['b']} = {_amount(row, row['mean'])} of {_metric(row)}"


def _interval(row: Row, low: float, high: float) -> str:
    return f"[{_bare(row, low)}, {_bare(row, high)}]"


def _amount(row: Row, value: float) -> str:
    """Return a difference with its unit: percentage points of an accuracy, nats of a loss."""
    return f"{_bare(row, value)} {'pp' if is_gain(row) else 'nats'}"


def _bare(row: Row, value: float) -> str:
    """Return a difference without its unit, of which a digit is left however small it is."""
    text = f"{100 * value:.2f}" if is_gain(row) else f"{value:.4f}"
    if float(text) == 0:
        text = f"{100 * value if is_gain(row) else value:.1g}"
    return text.replace("-", "−")


def _margin(row: Row) -> str:
    return f"{100 * row['margin']:g} pp" if is_gain(row) else f"{row['margin']:g} nats"


def _seeds(row: Row) -> str:
    return f"n = {row['n']} paired seeds"


def _metric(row: Row) -> str:
    return str(row["metric"]).replace("_", " ")
