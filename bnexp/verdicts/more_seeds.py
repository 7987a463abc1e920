"""What would decide a contrast: seeds that make a test possible, with the command for them, or a confirmation."""

import dataclasses
import math
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from bnexp.choices import NormStatistics, Probes
from bnexp.runs import Run, arm, to_canonical
from bnexp.statistics.arms import ARM
from bnexp.statistics.cells import rows_of
from bnexp.store.rows import to_run
from bnexp.verdicts.answers import Answer
from bnexp.verdicts.commands import write_place, write_sweep_command
from bnexp.verdicts.notes import write_margin

REACH: Final = 1_000
"""Most seeds that are asked for: an effect that needs more is none that an experiment would ask about."""

HOUR: Final = 3600
"""Seconds."""


@dataclass(frozen=True)
class Destination:
    """A store as a command names it: its `name`, the ids that it holds, and by data set the words that say where it is.

    `outputs` is the folder that holds it, None for the usual one; `confirm` is the command that confirms what it
    explored, and shows what it confirmed.
    """

    name: str
    runs: Collection[str]
    data: Mapping[str, Sequence[str]]
    outputs: str | None = None
    confirm: str | None = None


@dataclass(frozen=True)
class Proposal:
    """What would decide a contrast, in `words`, and what to type for it, if it is worth its time."""

    words: str
    command: str | None = None


def propose_seeds(answer: Answer, runs: pd.DataFrame, stores: Sequence[Destination]) -> Proposal | None:
    """Return what would decide the contrast that `answer` is about; None if it is decided, or nothing to decide.

    `runs` are those that were compared. Too few seeds for a test become as many as make one possible: the learning rate
    is chosen again, so both arms are asked for at every learning rate that they tried, at seeds that both have first,
    then at those of one, then at further ones. Once there was a test, further seeds would give it a second chance:
    fresh ones at frozen choices decide, if the difference is not below the margin.
    """
    contrast, metric = answer.subject, answer.subject.metric
    if contrast.kind != "undecided":
        return None
    if contrast.rarely_trained:
        return Proposal("too few seeds on which both trained for a test")
    needed = contrast.seeds_in_all
    if not needed <= REACH:
        return Proposal(f"an effect of this size would need more than {REACH:,} seeds")
    if not contrast.too_few and abs(contrast.mean) < contrast.margin:
        margin = write_margin(contrast.margin, metric)
        return Proposal(f"the difference is smaller than what is worth deciding (margin {margin})")
    rows = rows_of(runs, dict(answer.cell))
    levels = [rows[rows[contrast.compared] == side.level] for side in (contrast.b, contrast.a)]
    if not contrast.too_few:
        store = _find_store(pd.concat(levels), stores)
        return Proposal(
            "a confirmation, by fresh seeds at frozen choices, decides it", None if store is None else store.confirm
        )
    more = int(needed) - contrast.n
    seeds = _choose_seeds(*(set(level["seed"]) for level in levels), total=int(needed))
    cost = _measure_cost(pd.concat(levels), seeds)
    words = f"{more} more {'seed' if more == 1 else 'seeds'}"
    time = "" if math.isnan(cost) else f", about {write_time(cost)}"
    return Proposal(f"{words} would make one possible{time}", _write_commands(levels, seeds, stores))


def propose_population(answer: Answer, runs: pd.DataFrame, stores: Sequence[Destination]) -> Proposal | None:
    """Return what settles a contrast that running statistics may have made: the same arms by population statistics.

    None if no contrast of `answer` is doubtful, or if its arms differ in nothing but their running statistics. The
    command asks for the arms at every learning rate that they tried, at the seeds that both have.
    """
    contrast = next((one for one in (answer.subject, *answer.others) if one.doubts), None)
    if contrast is None:
        return None
    rows = rows_of(runs, dict(answer.cell))
    levels = [rows[rows[contrast.compared] == side.level] for side in (contrast.b, contrast.a)]
    arms = [{_settled(_arm(row)) for row in level[list(ARM)].to_dict("records")} for level in levels]
    if arms[0] & arms[1]:
        return None
    seeds = sorted(set(levels[0]["seed"]) & set(levels[1]["seed"]))
    stored = {(to_canonical(arm(_arm(row))), row["seed"]) for row in runs[[*ARM, "seed"]].to_dict("records")}
    if {(one, seed) for one in arms[0] | arms[1] for seed in seeds} <= stored:
        return Proposal("norm.statistics population, which is stored too, compares the same arms without them")
    commands = _write_commands(levels, seeds, stores, change=_settled)
    return Proposal("norm.statistics=population compares the same arms without them", commands)


def _settled(run: Run) -> Run:
    """Return `run` evaluated by population statistics, as it stands for all that train the same."""
    return to_canonical(dataclasses.replace(run, norm_statistics=NormStatistics.population))


def _measure_cost(rows: pd.DataFrame, seeds: Sequence[int]) -> float:
    """Return the seconds of one core that the arms of `rows` lack of `seeds`; NaN if they are not stored."""
    if "seconds" not in rows:
        return math.nan
    arms = rows.groupby(list(ARM), dropna=False)
    return float(sum(len(set(seeds) - set(arm["seed"])) * arm["seconds"].mean() for _, arm in arms))


def write_time(seconds: float) -> str:
    """Return a time of one core in words."""
    for unit, size in (("hour", HOUR), ("minute", 60), ("second", 1)):
        if seconds >= size:
            number = f"{float(f'{seconds / size:.2g}'):g}"
            return f"{number} core {unit}{'' if number == '1' else 's'}"
    return "a core second"


def _write_commands(
    levels: Sequence[pd.DataFrame],
    seeds: Sequence[int],
    stores: Sequence[Destination],
    change: Callable[[Run], Run] = lambda run: run,
) -> str | None:
    """Return the commands that train the arms of both `levels`, changed, with `seeds` in the store that has their runs.

    Where the arms are not the full product of their settings, each level has a command of its own. There is none if the
    runs lie apart in several `stores`: no one of them would lack just the new seeds.
    """
    compared = pd.concat(levels)
    store = _find_store(compared, stores)
    if store is None:
        return None
    together = _command(compared, seeds, store, change)
    commands = [together] if together else [_command(level, seeds, store, change) for level in levels]
    return None if None in commands else "\n".join(filter(None, commands))


def _find_store(rows: pd.DataFrame, stores: Sequence[Destination]) -> Destination | None:
    """Return the store that has all of `rows`."""
    return next((store for store in stores if set(rows["run"]) <= set(store.runs)), None)


def _choose_seeds(a: set[int], b: set[int], *, total: int) -> list[int]:
    """Return `total` seeds, in order: those of both arms before those of one, and these before those of none."""
    known = [*sorted(a & b), *sorted(a ^ b)]
    return sorted([*known, *range(max(known) + 1, max(known) + 1 + total)][:total])


def _command(rows: pd.DataFrame, seeds: Sequence[int], store: Destination, change: Callable[[Run], Run]) -> str | None:
    """Return the command for the arms of `rows`, None if they are not the full product of their settings."""
    arms = [change(_arm(row)) for row in rows[list(ARM)].drop_duplicates().to_dict("records")]
    places = {tuple(store.data.get(arm.data, ())) for arm in arms}
    command = write_sweep_command(arms, seeds)
    if command is None or len(places) > 1:
        return None
    words = write_place(store.name, store.outputs)
    # What is stored with less than is asked for would be trained again.
    measured = rows["probes"].dropna() if "probes" in rows else rows["run"].iloc[:0]
    words += [f"probes={min(map(Probes, measured), key=list(Probes).index)}"] if len(measured) else []
    words += [word for place in places for word in place]
    return f"{command} {shlex.join(words)}"


def _arm(row: Mapping[Any, Any]) -> Run:
    """Return the arm of a scored row; what is missing cannot act."""
    return to_run({**row, "hidden": tuple(map(int, row["hidden"].split("-")))})
