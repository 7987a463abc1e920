"""`bnexp ls`: the stores, and the runs of one."""

import json
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bnexp.choices import Activation, coerce, to_cli
from bnexp.cli.schema import KEYS
from bnexp.cli.typed import quote_texts
from bnexp.cli.usage import USAGE
from bnexp.cli.values import unknown_key
from bnexp.errors import UserError
from bnexp.files import find_outputs, is_folder
from bnexp.runs import Run, key, kind
from bnexp.statistics.arms import ARM, axes, score_runs
from bnexp.statistics.confirmation import find_stored_confirmation
from bnexp.store.records import list_confirmatory
from bnexp.store.store import Store, load

_STATUSES: Final = ("done", "diverged", "failed")

_FIELD_OF_KEY: Final = {key(name): name for name in Run.__dataclass_fields__}


def list_results(words: Sequence[str], stores: Sequence[Path], *, json_wanted: bool) -> None:
    """Print what is in `stores`, or the runs of the folder that `words` name which have the values that they name.

    Raises:
        UserError: A word is neither a folder nor KEY=VALUE, or the folder holds no store.
    """
    folders = [word for word in words if "=" not in word or is_folder(word)]
    filters = [word for word in words if word not in folders]
    if len(folders) > 1 or (filters and not folders):
        raise UserError(f"the command must be `{USAGE['ls']}`; got {len(folders)} folders")
    if folders:
        _print_runs(Path(folders[0]), filters, json_wanted=json_wanted)
    else:
        _print_stores(stores, json_wanted=json_wanted)


def _print_stores(stores: Sequence[Path], *, json_wanted: bool) -> None:
    rows = [_describe_store(path) for path in stores]
    if json_wanted:
        _print_json(rows)
    elif rows:
        _print_table(rows, ("store", "runs", "arms", "failed", "confirmation", "changed", "problem"))
    else:
        print(f"no results in {find_outputs()}/ yet: `bnexp study=quickstart` makes some in half a minute")


def _describe_store(path: Path) -> dict[str, Any]:
    """Return a row about a store; one that cannot be read says why, and does not hide the others."""
    changed = max((file.stat().st_mtime for file in [path / "runs", *(path / "runs").glob("*.parquet")]), default=0.0)
    row: dict[str, Any] = {"store": str(path), "changed": datetime.fromtimestamp(changed).astimezone()}
    try:
        runs, confirmation = Store(path).runs, find_stored_confirmation(Store(path).sweeps, Store(path).runs)
    except UserError as error:
        return {**row, "problem": str(error)}
    arms = len(score_runs(runs)[list(ARM)].drop_duplicates())
    if confirmation is not None:
        part = f" ({confirmation.stored} of {confirmation.asked} runs)"
        row["confirmation"] = f"{confirmation.state}{'' if confirmation.complete else part}"
    return {**row, "runs": len(runs), "arms": arms, "failed": int((runs["status"] == "failed").sum())}


def _print_runs(folder: Path, filters: Sequence[str], *, json_wanted: bool) -> None:
    runs = load(folder).runs
    kept = runs[[True] * len(runs)]
    own = set(runs["activation"][runs["activation_code"].notna()])
    for word in filters:
        column, matches = _parse_filter(word, own)
        kept = kept[[matches(value) for value in kept[column]]]
    if json_wanted:
        _print_json([_drop_missing(row) for row in kept.to_dict("records")])
        return
    scored = score_runs(runs)
    names = [*(axes(scored) if len(scored) else ()), "seed"]
    fresh = list_confirmatory(load(folder).sweeps)
    rows = [
        {
            "run": row["run"],
            **{key(name): row[name] for name in names},
            "status": row["status"],
            **({"evidence": "confirmation" if row["run"] in fresh else "explored"} if fresh else {}),
            "validation (%)": 100 * row["validation_accuracy"],
            "test (%)": 100 * row["test_accuracy"],
        }
        for row in kept.to_dict("records")
    ]
    if rows:
        _print_table(rows, tuple(rows[0]))
    print(f"{len(kept)} of {len(runs)} runs in {folder}")


def _parse_filter(word: str, own: Collection[str]) -> tuple[str, Callable[[Any], bool]]:
    """Return the column of KEY=VALUE or KEY=V1,V2, and what says whether a run has one of these values there.

    `own` are the names of activations of the user's.
    """
    name, _, text = word.partition("=")
    if name == "status":
        if wrong := set(text.split(",")) - set(_STATUSES):
            raise UserError(f"status must be one of {', '.join(_STATUSES)}; got '{sorted(wrong)[0]}'")
        return "status", lambda value: value in text.split(",")
    if name not in _FIELD_OF_KEY:
        if name in KEYS:
            raise UserError(f"the runs of a store are told apart by keys of a run; got '{name}', which is none")
        raise unknown_key(name)
    field = _FIELD_OF_KEY[name]
    if field == "activation":
        return field, _match_activation(_parse_values(word), own)
    wanted = [to_cli(coerce(kind(field), value, name)) for value in _parse_values(word)]
    return field, lambda value: to_cli(_plain(value)) in wanted


def _match_activation(wanted: Sequence[Any], own: Collection[str]) -> Callable[[Any], bool]:
    """Return what says whether an activation is one of those `wanted`; `own` are the functions of the user's.

    Of several functions of one name, all are meant by the name, and one by the name with its digest.
    """
    known = {*own, *(name.partition("@")[0] for name in own)}
    names = [str(one) if one in known else str(coerce(Activation, one, "activation")) for one in wanted]
    return lambda value: value in names or str(value).partition("@")[0] in names


def _parse_values(word: str) -> list[Any]:
    """Return the values of an override as Hydra's grammar reads them."""
    parser = OverridesParser.create()
    try:
        (override,) = parser.parse_overrides(quote_texts(["-m", word])[1:])
        if not override.is_sweep_override():
            return [override.value()]
        words = [f"x={value}" for value in override.sweep_string_iterator()]
        return [value.value() for value in parser.parse_overrides(words)]
    except HydraException:
        raise UserError(f"a filter must be KEY=VALUE or KEY=V1,V2; got '{word}'") from None


def _plain(value: Any) -> Any:
    """Return a value of a frame as `to_cli` writes that of a run."""
    return [int(width) for width in value] if hasattr(value, "__len__") and not isinstance(value, str) else value


def _drop_missing(row: Mapping[Any, Any]) -> dict[str, Any]:
    plain = {str(name): _plain(value) for name, value in row.items()}
    return {name: value for name, value in plain.items() if isinstance(value, list) or not pd.isna(value)}


def _print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True)
    shown = [name for name in columns if any(name in row for row in rows)]
    for name in shown:
        table.add_column(name, overflow="fold", justify="right" if name.endswith("(%)") else "left")
    for row in rows:
        table.add_row(*(Text(_write_cell(row.get(name))) for name in shown))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def _write_cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    value = _plain(value)
    if value is None or (not isinstance(value, list | str) and pd.isna(value)):
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else to_cli(value)


def _print_json(rows: Sequence[Mapping[str, Any]]) -> None:
    print(json.dumps(rows, indent=1, ensure_ascii=False, default=_encode))


def _encode(value: Any) -> Any:
    """Return a value that JSON does not know: a time as text, a number of numpy's as one of Python's."""
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value.item()
