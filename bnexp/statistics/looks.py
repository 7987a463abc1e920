"""How often a store was looked at, and what of its design changed between looks."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnexp.statistics.arms import ARM
from bnexp.store.records import SweepRecord


def count_additions(records: Sequence[SweepRecord], rows: pd.DataFrame) -> int:
    """Return how many of the commands of `records` added seeds to an arm that had some; `rows` are scored runs.

    Whoever adds seeds after a look and looks again takes a second chance, for which no stated p holds. A further
    learning rate at the same seeds adds none, and neither does a command that goes on with what another one asked for.
    """
    arms = rows[[name for name in ARM if name != "lr"]].astype(object).where(lambda frame: frame.notna(), None)
    arm_of = dict(zip(rows["run"], arms.itertuples(index=False, name=None), strict=True))
    seed_of = dict(zip(rows["run"], rows["seed"].tolist(), strict=True))
    seen: dict[Any, set[int]] = defaultdict(set)
    additions = 0
    for record in sorted(records, key=lambda one: one.created):
        asked: dict[Any, set[int]] = defaultdict(set)
        for run in record.asked:
            if run in arm_of:
                asked[arm_of[run]].add(seed_of[run])
        additions += any(seen[arm] and seeds - seen[arm] for arm, seeds in asked.items())
        for arm, seeds in asked.items():
            seen[arm] |= seeds
    return additions


@dataclass(frozen=True)
class DesignChanges:
    """How many commands after the first added arms, learning rates to an arm that had some, or another question."""

    arms: int = 0
    rates: int = 0
    questions: int = 0


def count_changes(records: Sequence[SweepRecord], rows: pd.DataFrame) -> DesignChanges:
    """Return what the commands of `records` changed after the first one; `rows` are scored runs.

    Whoever adds an arm or a learning rate, or asks something else, may do so for what was seen, for which no stated p
    holds. Records of one command in a row are one, as an optimizing sweeper writes several.
    """
    arms = rows[[name for name in ARM if name != "lr"]].astype(object).where(lambda frame: frame.notna(), None)
    arm_of = dict(zip(rows["run"], arms.itertuples(index=False, name=None), strict=True))
    lr_of = dict(zip(rows["run"], rows["lr"].tolist(), strict=True))
    seen: dict[Any, set[float]] = defaultdict(set)
    questions: set[str] = set()
    changes = DesignChanges()
    ordered = sorted(records, key=lambda one: one.created)
    for _, same in itertools.groupby(ordered, key=lambda one: one.command or one.created):
        command = list(same)
        asked: dict[Any, set[float]] = defaultdict(set)
        for run in itertools.chain.from_iterable(record.asked for record in command):
            if run in arm_of:
                asked[arm_of[run]].add(lr_of[run])
        question = str(command[-1].study.get("question") or "")
        if seen:
            changes = DesignChanges(
                changes.arms + any(arm not in seen for arm in asked),
                changes.rates + any(arm in seen and bool(rates - seen[arm]) for arm, rates in asked.items()),
                changes.questions + bool(question and questions - {""} and question not in questions),
            )
        questions.add(question)
        for arm, rates in asked.items():
            seen[arm] |= rates
    return changes
