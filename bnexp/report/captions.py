"""What stands under a figure or a table: on what was trained, how to read it, and the command that made it."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from bnexp.data.sources import SOURCES
from bnexp.labels import number_text
from bnexp.runs import Run, key
from bnexp.statistics.arms import ARM
from bnexp.statistics.intervals_and_tests import LEVEL
from bnexp.store.records import SweepRecord

SHORT: Final = 220
"""Signs of a command under a figure; the page has the whole one."""

_ALWAYS: Final = (
    *("placement", "activation", "lr", "data", "data_train", "data_validation"),
    *("hidden", "batch_size", "steps", "evaluate", "optimizer", "activation_code"),
)
"""Settings that every caption names if they are the same everywhere; of others those that differ from the default."""

AT_CHANCE: Final = "diverged runs count at chance and at their loss at initialization"
"""What becomes of runs that diverged in everything that is said of losses and accuracies."""

_DEFAULTS: Final = {f.name: f.default for f in dataclasses.fields(Run) if f.name in ARM}


def title_of(data: str) -> str:
    """Return the title of a data set."""
    return SOURCES[data].title if data in SOURCES else data


def data_titles(runs: pd.DataFrame) -> str:
    """Return the titles of the data sets of `runs`."""
    return ", ".join(map(title_of, runs["data"].unique()))


def describe_training(runs: pd.DataFrame) -> str:
    """Return what was trained: data, network, batch size, length, optimizer, all that is shared and not the default."""
    one = {name: _shared_value(runs, name) for name in ARM}
    steps, source = one["steps"], SOURCES.get(str(one["data"]))
    features = _shared_value(runs, "features") if "features" in runs else None
    inputs = source.features if source else int(features) if features else "inputs"
    size = f", {one['data_train']:,} training examples" if one["data_train"] else ""
    network = f"network {inputs}-{one['hidden']}-{_shared_value(runs, 'classes')}" if one["hidden"] else ""
    batch = f"batch {one['batch_size']}" if one["batch_size"] else ""
    epochs = _shared_value(runs, "epochs")
    parts = [f"{steps:,} steps" if steps else "", f"{epochs:.4g} epochs" if epochs else ""]
    length = " = ".join(filter(None, parts))
    lr = f", lr {number_text(one['lr'])}" if one["lr"] else ""
    optimizer = f"{str(one['optimizer']).upper()}{lr}" if one["optimizer"] else ""
    others = {name: one[name] for name in ARM if name not in _ALWAYS and one[name] is not None}
    changed = [f"{key(name)} {number_text(value)}" for name, value in others.items() if value != _DEFAULTS[name]]
    return "; ".join(filter(None, [data_titles(runs) + size, network, batch, length, optimizer, *changed]))


def describe_seeds(runs: pd.DataFrame) -> str:
    """Return how many seeds an arm has."""
    counts = runs.groupby([name for name in ARM if runs[name].notna().any()], dropna=False)["seed"].nunique()
    few, many = counts.min(), counts.max()
    return f"n = {few} seeds" if few == many and many > 1 else "one seed" if many == 1 else f"n = {few} to {many} seeds"


def describe_interval(runs: pd.DataFrame) -> str:
    """Return what a band or a bar is."""
    return (
        "one seed, hence no interval" if describe_seeds(runs) == "one seed" else f"{100 * LEVEL:g} % Student t interval"
    )


def describe_diverged(runs: pd.DataFrame, compared: str, fate: str = AT_CHANCE) -> str:
    """Return the `fate` of the runs that diverged, and how many of each level did; nothing if none."""
    counts = runs.groupby(compared)["diverged"].agg(["sum", "size"])
    texts = [f"{count} of {size} {level}" for level, (count, size) in counts.iterrows() if count]
    return f"{fate}: {', '.join(texts)}" if texts else ""


def warn_of_short_batches(runs: pd.DataFrame) -> str:
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


def describe_command(sweeps: Sequence[SweepRecord]) -> str:
    """Return the command of the newest sweep, its middle left out when it is long."""
    if not sweeps:
        return ""
    whole = sweeps[-1].command
    short = whole if len(whole) <= SHORT else f"{whole[: SHORT - 60]} … {whole[-55:]}"
    return f"{'Command' if len(sweeps) == 1 else f'Last of {len(sweeps)} commands'}: {short}"


def join_sentences(*parts: str) -> str:
    """Return `parts`, those that say something, as one sentence each."""
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts if part)


def _shared_value(runs: pd.DataFrame, name: str) -> Any:
    """Return the value of `name` that all `runs` in which it acts share, or None if they differ or it acts in none."""
    values = runs[name].dropna().unique()
    return values[0] if len(values) == 1 else None
