"""What a report is about: runs and curves of one or several stores, and the commands that made them."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bnexp.data.requests import OwnFile, decode_own_file
from bnexp.errors import UserError
from bnexp.files import find_place
from bnexp.runs import CONTENT, key
from bnexp.statistics.arms import ScoredRuns, axes, score_runs
from bnexp.statistics.confirmation import Confirmation, find_stored_confirmation
from bnexp.statistics.curves import complete_curves
from bnexp.statistics.design import Design, deduce_design
from bnexp.store.records import SweepRecord, list_confirmatory
from bnexp.store.store import Store, each_run_once, load
from bnexp.verdicts.commands import write_data_words
from bnexp.verdicts.confirmation import write_command
from bnexp.verdicts.more_seeds import Destination

Stores = Store | Path | str | Sequence[Store | Path | str]
"""What a user may give: a store, its folder, or several of either."""


@dataclass(frozen=True)
class Evidence:
    """Runs that count with their curves, and where they come from.

    `rows` are those of all runs, failed ones included, each once. Those that count are scored once, when they are
    gathered: `runs` are those of `statistics.arms.score_runs` with `test_correct` of `schemas.CORRECT`, `points` their
    curves as `statistics.curves.complete_curves` gives them. `stored` are the rows of runs as each of the `stores` has
    them, and `records` what each of them keeps of its commands, by the file, oldest first; `damaged` are sentences
    about those that cannot be read. Runs that were frozen to confirm are in none of these, and neither are the commands
    that trained them: `confirmations` has what each store froze, None where it did not.
    """

    title: str
    rows: pd.DataFrame
    runs: ScoredRuns
    points: pd.DataFrame
    stores: Sequence[Store]
    stored: Sequence[pd.DataFrame]
    records: Sequence[Mapping[Path, SweepRecord]]
    damaged: Sequence[str]
    confirmations: Sequence[Confirmation | None]

    def layers(self, runs: pd.DataFrame) -> pd.DataFrame:
        """Return what was measured inside the layers of `runs`, rows of `self.runs`; read when it is asked for."""
        here = [rows.merge(runs[["run", "pack"]]) for rows in self.stored]
        parts = [store.layers_of(rows) for store, rows in zip(self.stores, here, strict=True)]
        return pd.concat(parts, ignore_index=True).drop_duplicates(["run", "step", "layer"])

    @property
    def failed(self) -> int:
        """How many runs failed; they are in neither `runs` nor `points`."""
        return int((self.rows["status"] == "failed").sum())

    @property
    def sweeps(self) -> list[SweepRecord]:
        """The records of the commands of all stores, oldest first."""
        records = itertools.chain.from_iterable(one.values() for one in self.records)
        return sorted(records, key=lambda record: record.created)

    @property
    def destinations(self) -> list[Destination]:
        """Where runs like these go: each store as a command names it."""
        places = [find_place(store.path) for store in self.stores]
        return [
            Destination(
                name, set(rows["run"]), find_data_words(list(records.values())), outputs, write_command(str(store.path))
            )
            for (name, outputs), store, rows, records in zip(
                places, self.stores, self.stored, self.records, strict=True
            )
        ]

    @property
    def study(self) -> Mapping[str, Any]:
        """What the newest command that was a study says of itself; empty if none was one."""
        return next((sweep.study for sweep in reversed(self.sweeps) if sweep.study.get("name")), {})

    @property
    def compared(self) -> tuple[str, ...]:
        """The axes that the study compares, by their keys on the command line, the first one first."""
        asked = self.study.get("compare") or ()
        return (asked,) if isinstance(asked, str) else tuple(map(str, asked))

    @property
    def asked_last(self) -> frozenset[str]:
        """The ids of the runs that count and that the last command of the store asked for, if it left some out.

        An optimizing sweeper asks several times, each with a record of its own: neighbours of one command are one. The
        last command of one of several stores says nothing of the others.
        """
        if len(self.stores) > 1 or not self.sweeps:
            return frozenset()
        last = itertools.takewhile(lambda sweep: sweep.command == self.sweeps[-1].command, reversed(self.sweeps))
        runs = self.runs["run"]
        asked = runs[runs.isin({run for sweep in last for run in sweep.asked})]
        return frozenset(asked) if len(asked) < len(runs) else frozenset()


def gather(stores: Sequence[Store], stored: Sequence[pd.DataFrame] | None = None) -> Evidence:
    """Return all that `stores` hold; `stored` are their rows of runs, if these were read already.

    Several stores are taken as one: a run that several hold counts once. Raises `UserError` if no run is stored.
    """
    stored = [store.runs for store in stores] if stored is None else stored
    records, damaged = zip(*(store.read_records() for store in stores), strict=True)
    confirmations = [
        find_stored_confirmation([*part.values()], rows) for part, rows in zip(records, stored, strict=True)
    ]
    confirmations = [
        one if one is None else replace(one, rows=one.rows.assign(test_correct=store.correct_of(one.rows)))
        for one, store in zip(confirmations, stores, strict=True)
    ]
    fresh = list_confirmatory([record for part in records for record in part.values()])
    stored = [part[~part["run"].isin(fresh)] for part in stored]
    _check_data(stores, [list(part.values()) for part in records])
    rows = each_run_once(pd.concat(stored, ignore_index=True))
    if (rows["status"] == "failed").all():
        raise UserError(
            f"a report needs at least one stored run; found none in {', '.join(str(store.path) for store in stores)}: "
            "train some, or give another folder"
        )
    parts = [store.curves_of(part) for store, part in zip(stores, stored, strict=True)]
    points = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True).drop_duplicates(["run", "step"])
    bits = pd.concat([store.correct_of(part).set_axis(part["run"]) for store, part in zip(stores, stored, strict=True)])
    scored = score_runs(rows.assign(test_correct=rows["run"].map(bits.dropna().to_dict()).astype(object)))
    return Evidence(
        title=" + ".join(store.path.resolve().name for store in stores),
        rows=rows,
        runs=scored,
        points=complete_curves(points, scored),
        stores=stores,
        stored=stored,
        records=[{path: record for path, record in part.items() if record.confirm is None} for part in records],
        damaged=[*itertools.chain.from_iterable(damaged)],
        confirmations=confirmations,
    )


def _check_data(stores: Sequence[Store], records: Sequence[Sequence[SweepRecord]]) -> None:
    """Raise `UserError` if two stores have data of one name and other content, whose runs would be taken for one."""
    known: dict[str, tuple[Store, str]] = {}
    for store, part in zip(stores, records, strict=True):
        for name, digest in {name: digest for record in part for name, digest in record.data.items()}.items():
            first, other = known.setdefault(name, (store, digest))
            if other != digest and CONTENT in digest + other:
                raise UserError(
                    "stores that are reported together must know their data sets apart by their names; got two "
                    f"contents of {name} in {first.path} and {store.path}: report each by itself, or train one again "
                    "under another data.name"
                )


def find_data_words(records: Sequence[SweepRecord]) -> dict[str, list[str]]:
    """Return by the name of each data set the words of a command that say where it is, as the latest sweep had it."""
    words = {name: write_data_words(root, None) for name, root in find_data_roots(records).items()}
    return words | {name: write_data_words(None, file) for name, file in find_files(records).items()}


def find_files(records: Sequence[SweepRecord]) -> dict[str, OwnFile]:
    """Return the files of one's own by their names, as the latest sweep read them, with the digests that they had."""
    latest = {name: (plain, record.data.get(name)) for record in records for name, plain in record.files.items()}
    return {name: decode_own_file(name, plain, digest) for name, (plain, digest) in latest.items()}


def open_stores(stores: Stores) -> list[Store]:
    """Return the stores that are meant; raise `UserError` if there are no results in one's folder."""
    several = [stores] if isinstance(stores, Store | Path | str) else stores
    return [store if isinstance(store, Store) else load(store) for store in several]


def find_data_roots(records: Sequence[SweepRecord]) -> dict[str, str]:
    """Return the folder of each data set that the latest sweep over it named."""
    data = [record.configuration.get("data", {}) for record in records]
    latest = {one["name"]: one["root"] for one in data if one}
    return {name: str(root) for name, root in latest.items() if root}


def choose_design(evidence: Evidence, asked: str | None) -> Design:
    """Return what is compared: the axis `asked` for, else that of the study, else placement, else any that varies.

    Where all runs are of one arm there is nothing to compare, and placement has one level.
    """
    if asked:
        return deduce_design(evidence.runs, asked)
    varied = {key(name): name for name in axes(evidence.runs) if evidence.runs[name].nunique() > 1}
    if not varied:
        return Design("placement", tuple(evidence.runs["placement"].unique()), None, ("activation",), None)
    wished = (name for name in (*evidence.compared, "placement", *varied) if name in varied)
    return deduce_design(evidence.runs, next(wished))
