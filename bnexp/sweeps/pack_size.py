"""How large the packs should be that this machine trains: measured once, then remembered in the user's cache."""

import json
import math
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Final

from bnexp import provenance
from bnexp.files import cache_folder, write_whole
from bnexp.runs import Run
from bnexp.sweeps.plans import lane_bytes

SLACK: Final = 1.03
"""A pack is fast if its run-steps take at most `SLACK` times the least."""


def fast_bytes(device: str, measure: Callable[[], list[dict[str, float]]]) -> float:
    """Return the size of the packs that train fastest on `device`, in bytes as `plans.lane_bytes` counts them.

    `measure` returns for each worker, all of them busy at once, the seconds per run-step by the number of lanes.
    """
    path = cache_folder() / "machine.json"
    known = _read(path)
    key = _name_machine() + device
    if key not in known:
        answers = measure()
        known[key] = {lanes: sum(answer[lanes] for answer in answers) / len(answers) for lanes in answers[0]}
        _write(path, known)
    return largest_fast_pack(known[key]) * lane_bytes(Run(steps=1, evaluate=1), features=784, classes=10)


def was_measured() -> bool:
    """Say whether the packs of this machine were measured before, on any device."""
    return any(key.startswith(_name_machine()) for key in _read(cache_folder() / "machine.json"))


def _name_machine() -> str:
    """Return what the measurements of this machine are known by, as far as the device, which follows."""
    return f"{provenance.machine()}; torch {metadata.version('torch')}; "


def largest_fast_pack(rates: dict[str, float]) -> int:
    """Return the most lanes whose `rates`, seconds per run-step, are fast, because fewer packs are fewer files."""
    least = min(rates.values())
    return max(int(lanes) for lanes, seconds in rates.items() if seconds <= SLACK * least)


def _read(path: Path) -> dict[str, dict[str, float]]:
    """Return what was measured before; what cannot be read, or is no measurement, is measured again."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {key: rates for key, rates in known.items() if _are_rates(rates)} if isinstance(known, dict) else {}


def _are_rates(rates: object) -> bool:
    return (
        isinstance(rates, dict)
        and bool(rates)
        and all(lanes.isdecimal() and int(lanes) > 0 for lanes in rates)
        and all(isinstance(seconds, float) and 0 < seconds < math.inf for seconds in rates.values())
    )


def _write(path: Path, known: dict[str, dict[str, float]]) -> None:
    text = json.dumps(known, indent=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    except OSError:
        pass  # a cache that cannot be written costs the next sweep two seconds
