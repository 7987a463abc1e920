"""What keeps a number of a contrast from being claimed, in words."""

from collections.abc import Iterable

import pandas as pd

from bnexp.labels import is_accuracy, value_label
from bnexp.statistics.notes import (
    ChosenOnReported,
    DidNotLearn,
    FallsBehind,
    FewTrained,
    NoRun,
    NoSharedSeed,
    Note,
    NothingLearned,
    OneSeed,
    SeedsIncomplete,
    SeedsLeftOut,
    StaleStatistics,
    TooFewSeeds,
)


def write_notes(notes: Iterable[Note], compared: str) -> str:
    """Return `notes` about levels of `compared` in words, "" if there are none."""
    return "; ".join(_write_note(note, compared) for note in notes)


def put_into_words(effects: pd.DataFrame, compared: str) -> pd.DataFrame:
    """Return `effects` with the column `note`, in words, in the place of `notes`."""
    words = [write_notes(notes, compared) for notes in effects["notes"]]
    return effects.assign(notes=pd.Series(words, effects.index, dtype=object)).rename(columns={"notes": "note"})


def _write_note(note: Note, compared: str) -> str:
    match note:
        case OneSeed():
            return "n = 1: an interval needs at least 2 seeds"
        case TooFewSeeds(n, fewest, contrasts):
            family = "1 contrast" if contrasts == 1 else f"{contrasts:,} contrasts"
            return f"n = {n}: at least {fewest} seeds are needed for {family}"
        case NoRun(level):
            return f"no run of {value_label(compared, level)}"
        case NoSharedSeed(a, b):
            return f"{value_label(compared, a)} and {value_label(compared, b)} share no seed"
        case FewTrained(trained, n):
            return f"both arms trained on {trained} of {n} seeds, too few for a test"
        case SeedsLeftOut(level, seeds):
            noun = "seed" if seeds == 1 else "seeds"
            return f"{seeds} {noun} of {value_label(compared, level)} without a partner left out"
        case SeedsIncomplete(level, seeds):
            noun = "seed" if seeds == 1 else "seeds"
            return f"{seeds} {noun} of {value_label(compared, level)} without all learning rates left out"
        case ChosenOnReported(level):
            return f"the lr of {value_label(compared, level)} was chosen on the seeds that are reported"
        case DidNotLearn(level, n, diverged, stuck):
            return f"{value_label(compared, level)} {count_failures(n, diverged, stuck)}"
        case NothingLearned(metric):
            return nothing_to_compare(metric)
        case StaleStatistics(level, share):
            return f"{value_label(compared, level)} is {write_staleness(share)}"
        case FallsBehind(level, other, lag):
            return (
                f"{value_label(compared, level)}, evaluated by running statistics, falls {100 * lag:.0f} points "
                f"further behind its training accuracy than {value_label(compared, other)}"
            )


def write_staleness(share: float) -> str:
    """Return in words that the `share` of running statistics is from before training."""
    return f"evaluated by running statistics of which {100 * share:.2g} % are from before training"


def count_failures(n: int, diverged: int, stuck: int, *, noun: bool = True) -> str:
    """Return in how many of `n` runs an arm diverged and stayed at chance; the `noun` is left out after the first."""
    runs = f"{n}{(' run' if n == 1 else ' runs') if noun else ''}"
    if diverged and stuck:
        return f"diverged in {diverged} of {runs} and stayed at chance in {stuck} of {n}"
    return f"diverged in {diverged} of {runs}" if diverged else f"stayed at chance in {stuck} of {runs}"


def nothing_to_compare(metric: str) -> str:
    """Return the words for a contrast of which neither arm learned."""
    return f"nothing to compare in {'accuracy' if is_accuracy(metric) else 'loss'}"


def write_margin(margin: float, metric: str) -> str:
    """Return a difference of `metric` with its unit: percentage points of an accuracy, nats of a loss."""
    return f"{100 * margin:g} pp" if is_accuracy(metric) else f"{margin:g} nats"
