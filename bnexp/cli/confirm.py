"""`bnexp confirm`: freezes what a store explored, trains fresh seeds by the frozen plan, and reports once.

The plan is in `sweeps/` before anything of it is trained. A store is confirmed once: the same command goes on with the
plan that is frozen, and shows its verdict again when all is trained.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bnexp.cli.report import parse_points, read_runs
from bnexp.cli.schema import Device
from bnexp.cli.usage import USAGE
from bnexp.data.requests import OwnFile
from bnexp.errors import UserError
from bnexp.files import expand_home, is_folder
from bnexp.report.confirmations import make_confirmed_parts, make_plan_table
from bnexp.report.evidence import choose_design, find_data_roots, find_files, gather
from bnexp.report.tables import make_cells
from bnexp.runs import CONTENT, identity, key, to_canonical
from bnexp.statistics.arms import score_runs
from bnexp.statistics.comparisons import MARGIN
from bnexp.statistics.confirmation import find_stored_confirmation
from bnexp.statistics.freezing import Wish, freeze_plan, measure_seconds
from bnexp.statistics.grid import build_grid
from bnexp.store.frozen import FrozenPlan
from bnexp.store.records import SweepRecord, list_confirmatory
from bnexp.store.rows import to_run
from bnexp.store.store import Store, load
from bnexp.sweeps.resources import Resources
from bnexp.verdicts.more_seeds import write_time

if TYPE_CHECKING:
    import pandas as pd

    from bnexp.data.datasets import Data

SCOPES: Final = ("question", "all")
"""What may be confirmed: of each cell the contrast that the question is about, or every pair of levels."""


@dataclass(frozen=True)
class _Asked:
    """What the words behind `bnexp confirm` ask for: `typed` holds those that were given, by their keys, as values."""

    folder: Path
    typed: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        return self.typed.get(name, default)

    @property
    def wish(self) -> Wish:
        """What is stated before anything is frozen."""
        return Wish(
            effect=self.get("effect", Wish.effect),
            power=self.get("power", Wish.power),
            margin=self.get("margin", MARGIN),
            scope=self.get("contrasts", Wish.scope),
            n=self.get("n"),
            first_seed=self.get("seed"),
        )


def confirm(words: Sequence[str], command: str, *, dry_run: bool) -> int:
    """Confirm what a store explored; return 1 if a run could not be trained, else 0.

    With `dry_run` the plan is printed, and nothing is trained or written. Raises `UserError` if a word is none, if
    there is nothing that can be confirmed, or if another plan is frozen.
    """
    asked = _parse_words(words)
    store = load(asked.folder)
    rows, records = read_runs(store), store.sweeps
    store.check_semantics()
    confirmation = find_stored_confirmation(records, rows)
    if confirmation is None:
        plan = _freeze(store, rows, records, asked, when="" if dry_run else str(datetime.now(UTC)))
    else:
        plan = confirmation.plan
        _check_same(plan, asked)
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    explored = rows[~rows["run"].isin(list_confirmatory(records))]
    _print_plan(plan, score_runs(explored), console)
    if dry_run:
        return 0
    failed = 0
    if confirmation is None or not confirmation.complete:
        trained = _train(plan, store, explored, asked, command=command)
        failed = int((trained["status"] == "failed").sum())
    _print_answer(store, console, draw=asked.get("report", True))
    if failed:
        print(f"bnexp: {failed} of {len(plan.runs)} runs could not be trained; {store.log_path} says why",
              file=sys.stderr)  # fmt: skip
    return int(failed > 0)


def _freeze(
    store: Store, rows: "pd.DataFrame", records: Sequence[SweepRecord], asked: _Asked, *, when: str
) -> FrozenPlan:
    """Return the plan for what is explored; nothing is written before its sweep starts."""
    if damaged := store.describe_damaged_records():
        raise UserError(
            f"{damaged[0]}: a store is confirmed only if all that it was asked for is known; remove the file"
        )
    if failed := int((rows["status"] == "failed").sum()):
        last = f": `{records[-1].command}` trains them" if records else ": train them first"
        raise UserError(
            f"a store to confirm must have no failed runs; got {failed} of {len(rows)} in {store.path}{last}"
        )
    if own := dict.fromkeys(rows["activation_code"].dropna()):
        raise UserError(
            f"a store to confirm must have built-in activations only; got {', '.join(own)}: code of one's own is never "
            "executed on the word of a store; train fresh seeds by a command that names the file"
        )
    evidence = gather([store], [rows])
    grid = build_grid(evidence.runs, choose_design(evidence, asked.get("compare")))
    return freeze_plan(
        grid,
        asked.wish,
        used=rows["seed"].tolist(),
        frozen=when,
        rests_on=[record.created for record in records],
    )


def _check_same(plan: FrozenPlan, asked: _Asked) -> None:
    """Raise `UserError` if `asked` wants another plan than the one that is frozen: a store is confirmed once."""
    frozen: dict[str, Any] = {
        "effect": plan.effect, "power": plan.power, "margin": plan.margin, "contrasts": plan.scope, "n": plan.n,
        "seed": plan.first_seed, "compare": key(plan.compared),
    }  # fmt: skip
    for name, value in frozen.items():
        if asked.get(name, value) != value:
            shown = f"{100 * value:g}" if name in ("effect", "margin") else value
            raise UserError(
                f"a store is confirmed once, because a second look would be another chance to err; got another {name} "
                f"than the {shown} of the plan frozen on {plan.frozen[:16]} UTC: leave it out to go on with that plan, "
                "or explore the new question in a store of its own, name=…"
            )


def _train(plan: FrozenPlan, store: Store, explored: "pd.DataFrame", asked: _Asked, *, command: str) -> "pd.DataFrame":
    """Train what is missing of `plan`, which is stored before; return a row for each of its runs."""
    from bnexp.sweeps.sweep import train_sweep

    explored_records = [record for record in store.sweeps if record.confirm is None]
    roots = {name: Path(root) for name, root in find_data_roots(explored_records).items()}
    if asked.get("data.root"):
        roots = dict.fromkeys((run.data for run in plan.runs), asked.get("data.root"))
    names, files = list(dict.fromkeys(run.data for run in plan.runs)), find_files(explored_records)
    if asked.get("data.path"):
        files = {name: replace(file, path=str(asked.get("data.path"))) for name, file in files.items()}
    data = {"name": names[0], "root": str(roots[names[0]]) if names[0] in roots else None}
    return train_sweep(
        plan.runs,
        _load_data(plan, roots, files, explored),
        store,
        resources=Resources(asked.get("device", Device.auto), asked.get("workers"), asked.get("engine.lanes")),
        save_weights=False,
        record=SweepRecord(command=command, configuration={"data": data}, confirm=plan),
    )


def _load_data(
    plan: FrozenPlan, roots: Mapping[str, Path], files: Mapping[str, OwnFile], explored: "pd.DataFrame"
) -> "Iterator[Data]":
    """Yield the data sets of `plan`; raise `UserError` if one is not the data that was explored."""
    from bnexp.data.datasets import load as load_data
    from bnexp.data.datasets import load_file

    for setting in dict.fromkeys(run.data_setting for run in plan.runs):
        name, size, validation, by = setting
        if name in files:
            file = replace(files[name], digest=None)  # is compared below
            data = load_file(file, train=size, validation=validation, standardize=by)
        else:
            data = load_data(name, root=roots.get(name), train=size, validation=validation, standardize=by)
        runs = {row["run"]: to_canonical(to_run(row)) for row in explored.to_dict("records")}
        here = next((run_id, run) for run_id, run in runs.items() if run.data_setting == setting)
        if identity(here[1], data.digest) != here[0]:
            place = (
                "explored file by data.path=FILE" if name in files else "folder of the explored files by data.root=DIR"
            )
            raise UserError(
                f"a confirmation must be trained on the data that was explored; got other content of {name} (sha256 "
                f"{data.digest.removeprefix(CONTENT)[:12]}…): name the {place}"
            )
        yield data


def _print_plan(plan: FrozenPlan, explored: "pd.DataFrame", console: Console) -> None:
    frozen = make_plan_table(plan)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, caption_justify="left")
    for column in frozen.columns:
        table.add_column(column.header, overflow="fold")
    for cells in make_cells(frozen):
        table.add_row(*(Text(cell.text) for cell in cells))
    console.print(table)
    console.print(frozen.caption, markup=False)
    seconds = measure_seconds(explored, plan)
    if seconds > 0:
        console.print(f"{len(plan.runs):,} runs in all, about {write_time(seconds)}.", markup=False)


def _print_answer(store: Store, console: Console, *, draw: bool) -> None:
    evidence = gather([store])
    for part in make_confirmed_parts(evidence):
        for sentence in ("", *part.sentences):
            console.print(sentence, markup=False)
    if draw:
        os.environ["MPLBACKEND"] = "agg"  # as in `cli.report`
        from bnexp.report import build

        report = build.compose([store])
        report.write()
        console.print(str(report.page), soft_wrap=True, markup=False)


def _parse_words(words: Sequence[str]) -> _Asked:
    """Return what `words` ask for; a folder may hold a "=", if it is there."""
    folders = [word for word in words if "=" not in word or is_folder(word)]
    if len(folders) != 1:
        raise UserError(f"the command must be `{USAGE['confirm']}`; got {len(folders) or 'no'} DIR")
    typed = {}
    for word in (word for word in words if word not in folders):
        name, _, text = word.partition("=")
        if name not in _READERS or not text:
            raise UserError(f"the command must be `{USAGE['confirm']}`; got '{word}' in it")
        typed[name] = _READERS[name](name, text)
    if {"n", "power"} <= typed.keys():
        raise UserError("n must be counted from power=, or be given itself; got both: leave one out")
    return _Asked(Path(folders[0]), typed)


def _read_share(name: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise UserError(f"{name} must be a number above 0 and below 1; got '{text}'")
    return share


def _read_count(least: int) -> Callable[[str, str], int]:
    def read(name: str, text: str) -> int:
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise UserError(f"{name} must be a whole number of at least {least}; got '{text}'")
        return int(text)

    return read


def _read_choice(*choices: str) -> Callable[[str, str], str]:
    def read(name: str, text: str) -> str:
        if text not in choices:
            raise UserError(f"{name} must be one of {', '.join(choices)}; got '{text}'")
        return text

    return read


_READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "effect": parse_points,
    "margin": parse_points,
    "power": _read_share,
    "n": _read_count(2),
    "seed": _read_count(0),
    "contrasts": _read_choice(*SCOPES),
    "compare": lambda _, text: text,
    "data.root": lambda _, text: expand_home(Path(text)),
    "data.path": lambda _, text: expand_home(Path(text)),
    "device": lambda name, text: Device(_read_choice(*map(str, Device))(name, text)),
    "workers": _read_count(0),
    "engine.lanes": _read_count(1),
    "report": lambda name, text: _read_choice("true", "false")(name, text) == "true",
}
"""What can stand before the = and how what stands behind it is read."""
