"""The command that adds the seeds which would decide a contrast: exactly the runs of both arms that are missing."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnexp.choices import Probes
from bnexp.runs import Run
from bnexp.statistics.arms import ARM
from bnexp.statistics.cells import rows_of
from bnexp.verdicts.answers import Answer
from bnexp.verdicts.commands import write_override, write_sweep_command


@dataclass(frozen=True)
class Destination:
    """A store as a command names it: its `name`, the ids that it holds, and by data set the folder that was read."""

    name: str
    runs: Collection[str]
    roots: Mapping[str, str]


def command_for_more_seeds(answer: Answer, runs: pd.DataFrame, stores: Sequence[Destination]) -> str | None:
    """Return what to type to decide the contrast of `answer`, a line per command; None if no number of seeds would.

    `runs` are those that were compared. The learning rate is chosen again, so both arms are asked for at every learning
    rate that they tried, at seeds that both have first, then at those of one, then at further ones. Where the arms are
    not the full product of their settings, each level has a command of its own. There is none, either, if the runs lie
    apart in several `stores`: no one of them would lack just the new seeds.
    """
    contrast = answer.subject
    if contrast.kind != "undecided" or not contrast.seeds_lacking:
        return None
    rows = rows_of(runs, dict(answer.cell))
    levels = [rows[rows[contrast.compared] == side.level] for side in (contrast.b, contrast.a)]
    compared = pd.concat(levels)
    store = next((store for store in stores if set(compared["run"]) <= set(store.runs)), None)
    if store is None:
        return None
    seeds = _choose_seeds(*(set(level["seed"]) for level in levels), total=contrast.n + contrast.seeds_lacking)
    together = _command(compared, seeds, store)
    commands = [together] if together else [_command(level, seeds, store) for level in levels]
    return None if None in commands else "\n".join(filter(None, commands))


def _choose_seeds(a: set[int], b: set[int], *, total: int) -> list[int]:
    """Return `total` seeds, in order: those of both arms before those of one, and these before those of none."""
    known = [*sorted(a & b), *sorted(a ^ b)]
    return sorted([*known, *range(max(known) + 1, max(known) + 1 + total)][:total])


def _command(rows: pd.DataFrame, seeds: Sequence[int], store: Destination) -> str | None:
    """Return the command for the arms of `rows`, None if they are not the full product of their settings."""
    arms = [_arm(row) for row in rows[list(ARM)].drop_duplicates().to_dict("records")]
    roots = {store.roots.get(arm.data, "") for arm in arms}
    command = write_sweep_command(arms, seeds)
    if command is None or len(roots) > 1:
        return None
    words = [write_override("name", [store.name])]
    # What is stored with less than is asked for would be trained again.
    measured = rows["probes"].dropna() if "probes" in rows else rows["run"].iloc[:0]
    words += [f"probes={min(map(Probes, measured), key=list(Probes).index)}"] if len(measured) else []
    words += [write_override("data.root", [root]) for root in roots if root]
    return f"{command} {shlex.join(words)}"


def _arm(row: Mapping[Any, Any]) -> Run:
    """Return the arm of a scored row; what is missing cannot act."""
    known = {str(name): value for name, value in row.items() if pd.notna(value)}
    return Run(**{**known, "hidden": tuple(map(int, row["hidden"].split("-")))})
