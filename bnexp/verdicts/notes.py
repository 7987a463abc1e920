"""What keeps a number of a contrast from being claimed, in words."""

from collections.abc import Iterable

import pandas as pd

from bnexp.labels import value_label
from bnexp.statistics.notes import ChosenOnReported, NoRun, NoSharedSeed, Note, OneSeed, SeedsLeftOut, TooFewSeeds
from bnexp.statistics.power import MOST


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
            if fewest == MOST:
                return f"n = {n}: no number of seeds makes one of {family} significant"
            return f"n = {n}: at least {fewest} seeds are needed for {family}"
        case NoRun(level):
            return f"no run of {value_label(compared, level)}"
        case NoSharedSeed(a, b):
            return f"{value_label(compared, a)} and {value_label(compared, b)} share no seed"
        case SeedsLeftOut(level, seeds):
            noun = "seed" if seeds == 1 else "seeds"
            return f"{seeds} {noun} of {value_label(compared, level)} without a partner left out"
        case ChosenOnReported(level):
            return f"the lr of {value_label(compared, level)} was chosen on the seeds that are reported"
