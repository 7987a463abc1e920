"""How often a store was looked at: commands that added seeds to arms which earlier ones had explored."""

from collections import defaultdict
from collections.abc import Sequence
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
