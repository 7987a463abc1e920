"""What was asked of a store and what is stored of it: an incomplete sweep has no final answer."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnexp.labels import value_label
from bnexp.runs import key
from bnexp.statistics.arms import ARM, COMPARED
from bnexp.store.records import SweepRecord

_FIELDS = {key(name): name for name in (*ARM, "seed")}
"""The field of a run by its name on the command line."""


@dataclass(frozen=True)
class ShortArm:
    """An arm of which fewer runs are stored than were asked for; `label` says how it differs from the others."""

    label: str
    asked: int
    stored: int


@dataclass(frozen=True)
class Completeness:
    """How many different runs were `asked` for and how many of these are `stored`; `short` are the arms that lack some.

    A failed run is not stored.
    """

    asked: int
    stored: int
    short: tuple[ShortArm, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all that was asked for is stored."""
        return self.stored == self.asked


def measure_completeness(records: Sequence[SweepRecord], rows: pd.DataFrame) -> Completeness:
    """Return how much is stored of what the commands of `records` asked for; `rows` are all runs of their stores.

    Of a run that is not stored only the id is known. Which arms are short follows from the values of the keys in which
    the runs of a command differ, where they are a full product; else from the arms that are stored, of which each was
    asked for with as many seeds as the fullest.
    """
    asked = {run for record in records for run in record.asked}
    known = rows[rows["run"].isin(asked)].drop_duplicates("run")
    stored = set(known.loc[known["status"] != "failed", "run"])
    short: dict[str, ShortArm] = {}
    for record in records:
        if stored.issuperset(record.asked):
            continue
        for arm in _list_short(record, known[known["run"].isin(record.asked)]):
            seen = short.get(arm.label, arm)
            short[arm.label] = max(arm, seen, key=lambda one: one.asked - one.stored)
    return Completeness(len(asked), len(stored), tuple(short.values()))


def _list_short(record: SweepRecord, rows: pd.DataFrame) -> Iterator[ShortArm]:
    """Yield the arms of one command that lack runs; `rows` are those of its runs that are known, failed ones too."""
    plan = _read_plan(record)
    arms = _count_planned(plan, rows) if plan else _count_known(rows)
    for values, (asked, stored) in arms.items():
        if stored < asked:
            label = " / ".join(value_label(name, value) for name, value in values)
            yield ShortArm(label or "all runs", asked, stored)


_Arm = tuple[tuple[str, Any], ...]
"""Names and values of the settings by which an arm differs from the others."""


def _read_plan(record: SweepRecord) -> dict[str, list[Any]] | None:
    """Return the values of each field of a run in which those of `record` differ; None if they are no full product."""
    names = {name: _FIELDS.get(name.removesuffix(".name")) for name in record.axes}
    if None in names.values() or math.prod(map(len, record.axes.values())) != len(set(record.asked)):
        return None
    fields = {str(names[name]): [_plain(value) for value in values] for name, values in record.axes.items()}
    return {name: fields[name] for name in _FIELDS.values() if name in fields}


def _count_planned(plan: Mapping[str, list[Any]], rows: pd.DataFrame) -> dict[_Arm, tuple[int, int]]:
    """Return how many runs of each arm of a full product were asked for and are stored."""
    names = [name for name in plan if name != "seed"]
    done = rows[rows["status"] != "failed"]
    counts: dict[tuple[Any, ...], int] = defaultdict(int)
    for values in done[names].itertuples(index=False, name=None):
        counts[tuple(map(_plain, values))] += 1
    asked = len(plan.get("seed", [None]))
    arms = itertools.product(*(plan[name] for name in names))
    if not names:
        return {(): (asked, len(done))}
    return {tuple(zip(names, values, strict=True)): (asked, counts[values]) for values in arms}


def _count_known(rows: pd.DataFrame) -> dict[_Arm, tuple[int, int]]:
    """Return how many runs of each known arm are stored, and how many seeds the fullest has."""
    arms = rows[list(ARM)].map(_plain)
    names = [name for name in ARM if name in COMPARED or arms[name].nunique() > 1]
    parts = arms.assign(done=rows["status"] != "failed").groupby(list(ARM), dropna=False, sort=False)
    most = max((len(part) for _, part in parts), default=0)
    counts = {}
    for _, part in parts:
        first = part.iloc[0]
        values = tuple((name, first[name]) for name in names if pd.notna(first[name]))
        counts[values] = (most, int(part["done"].sum()))
    return counts


def _plain(value: Any) -> Any:
    """Return `value` as it can be compared, whether it comes from JSON or from a store."""
    if isinstance(value, str | bool) or value is None:
        return value
    if hasattr(value, "__len__"):
        return "-".join(str(int(width)) for width in value)
    return float(value) if isinstance(value, float) else value
