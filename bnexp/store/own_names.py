"""Activations of the user's in the rows of a store: one name for each code, and one path."""

from collections.abc import Iterable, Iterator

import pandas as pd

from bnexp.own.code import SHOWN, decode


def name_own_activations(runs: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `runs` in which each activation of the user's has one name, and its code one path.

    The same code may have been named by several paths: the first stands for all, or its runs would be those of several
    arms. Several codes of one name, of a file that was edited, are told apart by the beginning of their digests, name
    by name: f@3fa9c2d1. Columns read, if they are there: activation, activation_code.
    """
    if not {"activation", "activation_code"} <= set(runs.columns):
        return runs
    own = runs["activation_code"].notna()
    if not own.any():
        return runs
    names = runs.loc[own, "activation"].map(_cut)
    codes = runs.loc[own, "activation_code"]
    digests = codes.map(_digest)
    several = digests.groupby(names).transform("nunique") > 1
    runs = runs.copy()
    runs.loc[own, "activation"] = names.where(~several, names + "@" + digests.map(lambda digest: digest[:SHOWN]))
    runs.loc[own, "activation_code"] = codes.groupby(digests).transform("first")
    return runs


def describe_edits(runs: pd.DataFrame, own: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a sentence about each of the activations `own`, a name and a code, that `runs` have with other code."""
    theirs = runs[runs["activation_code"].notna()]
    for name, code in own:
        new = decode(code)
        digests = theirs["activation_code"].map(_digest)
        older = digests[(theirs["activation"].map(_cut) == name) & (digests != new.digest)]
        if len(older):
            shown = ", ".join(f"{name}@{digest[:SHOWN]}" for digest in dict.fromkeys(older))
            yield (
                f"{len(older)} stored runs were trained with other code called {name} ({shown}); that of {new.path} is "
                f"now {name}@{new.digest[:SHOWN]}: its runs are others"
            )


def _cut(name: str) -> str:
    return name.partition("@")[0]


def _digest(code: str) -> str:
    return decode(code).digest
