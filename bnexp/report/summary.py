"""From a store to figures and a table: joins statistics and figures, estimates nothing and draws nothing itself."""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
from rich import box
from rich.table import Table

from bnexp.choices import Placement
from bnexp.figures import curves as figures
from bnexp.figures.layout import Layout
from bnexp.figures.writing import KINDS, written
from bnexp.files import write_whole
from bnexp.runs import Run, key
from bnexp.statistics.arms import ARM, STUCK, axes, counted, final, settings, where
from bnexp.statistics.curves import curves, followed
from bnexp.statistics.inference import LEVEL
from bnexp.store import Store

MOST_ARMS: Final = 30
"""Rows of the table in a terminal."""

MOST_FIGURES: Final = 24
"""Figures of one report: a larger grid of settings is for the store's frames, not for the eye."""

_LAYOUT: Final = Layout("placement", tuple(Placement), ("activation",))

_DATA: Final = {"mnist": ("MNIST", 784), "fashion_mnist": ("Fashion-MNIST", 784), "digits": ("Digits (8×8 pixels)", 64)}
"""Title and input features of the data sets."""

_SAID: Final = (
    *("placement", "activation", "lr", "data", "data_train", "data_validation"),
    *("hidden", "batch_size", "steps", "evaluate", "optimizer"),
)
"""Settings that every caption or axis names; of the others a caption names those that differ from the default."""

_DEFAULTS: Final = {f.name: f.default for f in dataclasses.fields(Run) if f.name in ARM}


def build(store: Store, runs: pd.DataFrame | None = None) -> list[Path]:
    """Draw the figures of `runs` (only its column `run` is read; default: all of the store) and return their paths.

    Written as PNG and SVG to the folder `report` of the store: `curves`, or one for each setting under which placements
    are compared, `curves-lr=0.1` and so on, at most `MOST_FIGURES`, those with the best validation accuracy. Figures of
    an earlier report make room. Raises `ValueError` if none of the runs is stored or the folder cannot be written.
    """
    rows = store.runs
    if runs is not None and not rows.empty:
        rows = rows[rows["run"].isin(runs["run"])]
    if rows.empty or (rows["status"] == "failed").all():
        raise ValueError(
            f"a report needs at least one stored run; found none in {store.path}: train some, or give another folder"
        )
    seeds = followed(store.curves, rows)
    estimates = curves(seeds, rows)
    found, whole, command = settings(rows), counted(rows), _command(store.sweeps)
    folder = store.path / "report"
    paths = []
    for setting in _best(found, rows):
        arms = where(whole, setting)
        figure = figures.curves(
            where(estimates, setting),
            where(seeds, setting),
            _LAYOUT,
            _title(arms, setting),
            "\n".join([_trained(arms), _drawn(arms), *_left_out(len(found)), *command]),
        )
        name = _name(setting, found.index(setting))
        for kind in KINDS:
            paths.append(folder / f"{name}.{kind}")
            _write(paths[-1], written(figure, kind, name))
    _remove({*folder.glob("curves.*"), *folder.glob("curves-*=*.*")} - set(paths))
    return paths


def summary_table(runs: pd.DataFrame) -> Table:
    """Return the table for the terminal: the accuracies at the end of each arm of `runs`, in the order of the axes.

    Of more than `MOST_ARMS` arms, those with the best validation accuracy. A diverged run counts at chance accuracy.
    """
    arms, varied = final(runs), axes(runs)
    shown = arms[arms["validation_accuracy"].rank(method="first", ascending=False) <= MOST_ARMS]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, caption_justify="left")
    table.caption = _table_caption(runs, len(arms))
    for name in varied:
        table.add_column(key(name), overflow="fold")
    for heading in ("validation (%)", "test (%)", "n", "diverged", "stuck"):
        table.add_column(heading, justify="right", no_wrap=True)
    for arm in shown.to_dict("records"):
        accuracies = [_percent(arm[name], arm[f"{name}_sd"]) for name in ("validation_accuracy", "test_accuracy")]
        counts = [str(arm[name]) for name in ("n", "diverged", "stuck")]
        table.add_row(*(_text(arm[name]) for name in varied), *accuracies, *counts)
    return table


def _table_caption(runs: pd.DataFrame, arms: int) -> str:
    failed, diverged = (int((runs["status"] == status).sum()) for status in ("failed", "diverged"))
    sentences = [
        f"{', '.join(_data(name)[0] for name in runs['data'].unique())}. Accuracy at the end, mean ± sd over n seeds.",
        "Choose by validation; the test set is for the record.",
        "Diverged runs count at chance accuracy." if diverged else "",
        f"Stuck: ends within {100 * STUCK:g} points of chance.",
        f"Not counted: {failed} failed." if failed else "",
        f"Shown: the best {MOST_ARMS} by validation accuracy; {arms - MOST_ARMS} hidden." if arms > MOST_ARMS else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _best(among: Sequence[dict[str, Any]], runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the settings that get a figure, in their order."""
    arms = final(runs)
    best = [where(arms, setting)["validation_accuracy"].max() for setting in among]
    numbers = sorted(range(len(among)), key=lambda number: best[number], reverse=True)[:MOST_FIGURES]
    return [among[number] for number in sorted(numbers)]


def _title(arms: pd.DataFrame, setting: Mapping[str, Any]) -> str:
    """Return what a slide must say: the data, the learning rate, and what else differs from figure to figure."""
    names = ["lr", *(name for name in setting if name not in ("lr", "data") and pd.notna(setting[name]))]
    return ", ".join([_data(_one(arms, "data"))[0], *(f"{key(name)} = {_text(_one(arms, name))}" for name in names)])


def _trained(arms: pd.DataFrame) -> str:
    """Return what was trained: data, network, batch size, optimizer, and every setting that is not the default."""
    title, inputs = _data(_one(arms, "data"))
    train, validation = (f"{_one(arms, name):,}" for name in ("data_train", "data_validation"))
    optimizer = f"{str(_one(arms, 'optimizer')).upper()}, lr {_text(_one(arms, 'lr'))}"
    others = {name: _one(arms, name) for name in _DEFAULTS if name not in _SAID}
    return "; ".join(
        [
            f"{title}, {train} training and {validation} validation examples",
            f"network {inputs}-{_one(arms, 'hidden')}-{_one(arms, 'classes')}, batch {_one(arms, 'batch_size')}",
            optimizer,
            *(f"{key(name)} {_text(v)}" for name, v in others.items() if v is not None and v != _DEFAULTS[name]),
        ]
    )


def _drawn(arms: pd.DataFrame) -> str:
    """Return how to read the lines and the bands, and how many runs diverged."""
    seeds = arms.groupby(["placement", "activation"])["seed"].nunique()
    parts = ["Lines: mean over the n seeds" if seeds.max() > 1 else "Lines: one seed, hence no interval"]
    if seeds.max() > 1:
        parts.append(f"bands: {100 * LEVEL:g} % Student t interval")
    if seeds.between(2, figures.FEW).any():
        parts.append("thin lines: single seeds")
    parts.append("training loss: mean since the point before")
    diverged = (arms["status"] == "diverged").groupby(arms["placement"]).agg(["sum", "size"])
    counts = [f"{count} of {size} {placement}" for placement, (count, size) in diverged.iterrows() if count]
    if counts:
        parts.append(f"diverged runs count at chance and at their loss at initialization: {', '.join(counts)}")
    return "; ".join(parts)


def _left_out(settings: int) -> list[str]:
    if settings <= MOST_FIGURES:
        return []
    return [f"Drawn: the {MOST_FIGURES} of {settings} settings with the best validation accuracy"]


def _command(sweeps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the command of the newest sweep, its middle left out when it is long."""
    if not sweeps:
        return []
    command = str(max(sweeps, key=lambda sweep: str(sweep["created"]))["command"])
    short = command if len(command) <= 220 else f"{command[:160]} … {command[-55:]}"
    return [f"{'Command' if len(sweeps) == 1 else f'Last of {len(sweeps)} commands'}: {short}"]


def _name(setting: Mapping[str, Any], number: int) -> str:
    """Return a file's name without its ending, safe on every system; the setting's number ends one that is too long."""
    parts = [f"{key(name)}={_text(value, 12)}" for name, value in setting.items() if pd.notna(value)]
    name = re.sub(r"[^A-Za-z0-9.=+-]", "_", "-".join(["curves", *parts]))
    return name if len(name) <= 150 else f"{name[:140]}-{number}"


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda temporary: temporary.write_bytes(content))
    except OSError as error:
        raise ValueError(
            f"{path.parent} must be a folder that can be written to; got '{error.strerror}': make room for it, "
            "the runs are stored and `bnexp report` draws them again"
        ) from None


def _remove(old: set[Path]) -> None:
    for path in old:
        if path.suffix.removeprefix(".") in KINDS:
            path.unlink(missing_ok=True)


def _data(name: str) -> tuple[str, int | str]:
    return _DATA.get(name, (name, "inputs"))


def _one(arms: pd.DataFrame, name: str) -> Any:
    """Return the value of `name` that all `arms` in which it acts share, or None if it acts in none."""
    values = arms[name].dropna()
    return None if values.empty else values.iloc[0]


def _percent(mean: float, sd: float) -> str:
    return f"{100 * mean:.2f}" if math.isnan(sd) else f"{100 * mean:.2f} ± {100 * sd:.2f}"


def _text(value: Any, digits: int = 4) -> str:
    return "–" if pd.isna(value) else f"{value:.{digits}g}" if isinstance(value, float) else str(value)
