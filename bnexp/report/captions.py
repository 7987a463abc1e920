"""What stands under a figure or a table: on what was trained, how to read it, and the command that made it."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from bnexp.runs import Run, key
from bnexp.statistics.arms import ARM
from bnexp.statistics.inference import LEVEL
from bnexp.store.records import SweepRecord

SHORT: Final = 220
"""Signs of a command under a figure; the page has the whole one."""

_DATA: Final = {"mnist": ("MNIST", 784), "fashion_mnist": ("Fashion-MNIST", 784), "digits": ("Digits (8×8 pixels)", 64)}
"""Title and input features of the data sets."""

_SAID: Final = (
    *("placement", "activation", "lr", "data", "data_train", "data_validation"),
    *("hidden", "batch_size", "steps", "evaluate", "optimizer"),
)
"""Settings that every caption names if they are the same everywhere; of others those that differ from the default."""

_DEFAULTS: Final = {f.name: f.default for f in dataclasses.fields(Run) if f.name in ARM}


def title_of(data: str) -> str:
    """Return the title of a data set."""
    return _DATA.get(data, (data, 0))[0]


def data_titles(runs: pd.DataFrame) -> str:
    """Return the titles of the data sets of `runs`."""
    return ", ".join(map(title_of, runs["data"].unique()))


def training_in_words(runs: pd.DataFrame) -> str:
    """Return what was trained: data, network, batch size, length, optimizer, all that is shared and not the default."""
    one = {name: _one(runs, name) for name in ARM}
    steps, inputs = one["steps"], _DATA.get(str(one["data"]), ("", "inputs"))[1]
    size = f", {one['data_train']:,} training examples" if one["data_train"] else ""
    network = f"network {inputs}-{one['hidden']}-{_one(runs, 'classes')}" if one["hidden"] else ""
    batch = f"batch {one['batch_size']}" if one["batch_size"] else ""
    epochs = _one(runs, "epochs")
    parts = [f"{steps:,} steps" if steps else "", f"{epochs:.4g} epochs" if epochs else ""]
    length = " = ".join(filter(None, parts))
    lr = f", lr {text_of(one['lr'])}" if one["lr"] else ""
    optimizer = f"{str(one['optimizer']).upper()}{lr}" if one["optimizer"] else ""
    others = {name: one[name] for name in ARM if name not in _SAID and one[name] is not None}
    changed = [f"{key(name)} {text_of(value)}" for name, value in others.items() if value != _DEFAULTS[name]]
    return "; ".join(filter(None, [data_titles(runs) + size, network, batch, length, optimizer, *changed]))


def seeds(runs: pd.DataFrame) -> str:
    """Return how many seeds an arm has."""
    counts = runs.groupby([name for name in ARM if runs[name].notna().any()], dropna=False)["seed"].nunique()
    few, many = counts.min(), counts.max()
    return f"n = {few} seeds" if few == many and many > 1 else "one seed" if many == 1 else f"n = {few} to {many} seeds"


def interval(runs: pd.DataFrame) -> str:
    """Return what a band or a bar is."""
    return "one seed, hence no interval" if seeds(runs) == "one seed" else f"{100 * LEVEL:g} % Student t interval"


def lost(runs: pd.DataFrame, compared: str) -> str:
    """Return how the runs that diverged count, and how many of each level did; nothing if none."""
    counts = runs.groupby(compared)["diverged"].agg(["sum", "size"])
    texts = [f"{count} of {size} {level}" for level, (count, size) in counts.iterrows() if count]
    return f"diverged runs count at chance and at their loss at initialization: {', '.join(texts)}" if texts else ""


def short_batches(runs: pd.DataFrame) -> str:
    """Return a warning if every evaluation of some runs comes right after a batch of less than half the size.

    The last batch of an epoch holds what is left of the training examples, and its step is a noisy one. On MNIST (relu
    and tanh under each placement, lr 0.1, three epochs, n = 10 seeds) the test accuracies of an arm spread by 0.4 to
    2.4 points (sd) after a last batch of 20 of 60 examples, and by 0.2 to 0.5 points without one.
    """
    size, examples = runs["batch_size"].astype(int), runs["data_train"].astype(int)
    left, per_epoch = examples % size, -(-examples // size)
    hit = runs[(left > 0) & (2 * left < size) & (runs["evaluate"] % per_epoch == 0)]
    if hit.empty:
        return ""
    few, whole = left[hit.index[0]], examples[hit.index[0]] - left[hit.index[0]]
    return (
        f"the last batch of an epoch holds {few} examples, and its noisy step comes right before the evaluation, which "
        f"spreads the accuracies: data.train={whole} has whole batches only"
    )


def command(sweeps: Sequence[SweepRecord]) -> str:
    """Return the command of the newest sweep, its middle left out when it is long."""
    if not sweeps:
        return ""
    said = sweeps[-1].command
    short = said if len(said) <= SHORT else f"{said[: SHORT - 60]} … {said[-55:]}"
    return f"{'Command' if len(sweeps) == 1 else f'Last of {len(sweeps)} commands'}: {short}"


def join_sentences(*parts: str) -> str:
    """Return `parts`, those that say something, as one sentence each."""
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts if part)


def text_of(value: Any, digits: int = 4) -> str:
    """Return a value as a table or a caption shows it."""
    return "–" if pd.isna(value) else f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def _one(runs: pd.DataFrame, name: str) -> Any:
    """Return the value of `name` that all `runs` in which it acts share, or None if they differ or it acts in none."""
    values = runs[name].dropna().unique()
    return values[0] if len(values) == 1 else None
