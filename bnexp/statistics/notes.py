"""What keeps a number of a contrast from being claimed, in words."""

from dataclasses import dataclass
from typing import Any

from bnexp.statistics.power import MOST


@dataclass(frozen=True)
class Side:
    """An arm of a contrast: its level, its seeds, and whether those that chose its learning rate are reported."""

    level: Any
    seeds: int
    same: bool


def note(n: int, fewest: int, family: int, sides: tuple[Side, Side]) -> str:
    """Return the note of a contrast with n pairs in a `family` of which each needs `fewest`, "" if nothing is wrong."""
    reasons = [_too_few(n, fewest, family)] if n else _unpaired(sides)
    for side in sides:
        left = side.seeds - n
        if n and left:
            reasons.append(f"{left} {'seed' if left == 1 else 'seeds'} of {side.level} without a partner left out")
        if n and side.same:
            reasons.append(f"the lr of {side.level} was chosen on the seeds that are reported")
    return "; ".join(filter(None, reasons))


def _too_few(n: int, fewest: int, family: int) -> str:
    if n == 1:
        return "n = 1: an interval needs at least 2 seeds"
    if n >= fewest:
        return ""
    contrasts = "1 contrast" if family == 1 else f"{family:,} contrasts"
    if fewest == MOST:
        return f"n = {n}: no number of seeds makes one of {contrasts} significant"
    return f"n = {n}: at least {fewest} seeds are needed for {contrasts}"


def _unpaired(sides: tuple[Side, Side]) -> list[str]:
    missing = [f"no run of {side.level}" for side in sides if side.seeds == 0]
    return missing or [f"{sides[0].level} and {sides[1].level} share no seed"]
