"""What was asked of a store and what is stored of it: an incomplete sweep has no final answer.

A request stands until all of it is stored, with one exception: who cuts off a command and gives it again for fewer
seeds has settled for these. It must be sure that nothing is left behind: the later command asked for a part of the same
runs, for every arm, and for all that the earlier one had stored, and is whole itself. A command about fewer arms
settles nothing: it may be a look at some of them.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
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
    stored = set(rows.loc[rows["status"] != "failed", "run"])
    standing = _list_standing(records, stored)
    asked = {run for record in standing for run in record.asked}
    known = rows[rows["run"].isin(asked)].drop_duplicates("run")
    short: dict[str, ShortArm] = {}
    for record in _list_unfinished(standing, stored):
        for arm in _list_short(record, known[known["run"].isin(record.asked)]):
            seen = short.get(arm.label, arm)
            short[arm.label] = max(arm, seen, key=lambda one: one.asked - one.stored)
    return Completeness(len(asked), len(asked & stored), tuple(short.values()))


def list_unfinished(records: Sequence[SweepRecord], rows: pd.DataFrame) -> list[SweepRecord]:
    """Return those of `records`, oldest first, of which runs are missing and that no later one has settled."""
    stored = set(rows.loc[rows["status"] != "failed", "run"])
    return _list_unfinished(_list_standing(records, stored), stored)


def _list_standing(records: Sequence[SweepRecord], stored: Collection[str]) -> list[SweepRecord]:
    """Return those of `records` that no later one has settled."""
    return [record for number, record in enumerate(records) if not _is_settled(record, records[number:], stored)]


def _list_unfinished(records: Sequence[SweepRecord], stored: Collection[str]) -> list[SweepRecord]:
    return [record for record in records if not set(record.asked) <= set(stored)]


def _is_settled(record: SweepRecord, later: Sequence[SweepRecord], stored: Collection[str]) -> bool:
    """Say whether one of the `later` commands is `record` for fewer seeds, and whole; see the top of this file."""
    if set(record.asked) <= set(stored) or (arms := _list_arms(record)) is None:
        return False
    begun = set(record.asked) & set(stored)
    return any(set(one.asked) == begun and _list_arms(one) == arms for one in later)


def _list_arms(record: SweepRecord) -> dict[str, frozenset[Any]] | None:
    """Return the values of each setting in which the arms of a full product differ."""
    plan = _read_plan(record)
    return None if plan is None else {name: frozenset(plan[name]) for name in plan if name != "seed"}


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
    names = [name for name in ARM if name in COMPARED or (name != "activation_code" and arms[name].nunique() > 1)]
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
