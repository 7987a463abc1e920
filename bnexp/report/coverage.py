"""How much of a store is there and which part of it was asked last: in words, and as marks of its arms."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.labels import value_label
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence
from bnexp.statistics.arms import ARM, ScoredRuns, axes
from bnexp.statistics.cells import assign_cells, rows_of
from bnexp.verdicts.verdicts import Verdict

MOST_SHORT: Final = 6
"""Arms that lack seeds which a sentence names."""


def describe_asked(evidence: Evidence) -> str:
    """Return the sentence about the part of the store that its last command asked for; nothing if that was all."""
    if not evidence.asked_last:
        return ""
    count, runs = len(evidence.asked_last), len(evidence.runs)
    return f"The last command asked for {count:,} of these {runs:,} runs: {evidence.sweeps[-1].command}"


def describe_missing(evidence: Evidence) -> str:
    """Return the sentences about runs that were asked for and are not stored; nothing if all are.

    A run that was never trained is known by its id alone: arms are short if they have fewer seeds of a command than
    another arm of it.
    """
    asked = {run for sweep in evidence.sweeps for run in sweep.asked}
    stored = asked.intersection(evidence.runs["run"])
    if len(stored) == len(asked):
        return ""
    words = f"Provisional: {len(stored):,} of {len(asked):,} asked runs are stored"
    failed = f", {evidence.failed:,} failed" if evidence.failed else ""
    short = _list_short_arms(evidence)
    more = f" and {len(short) - MOST_SHORT} more" if len(short) > MOST_SHORT else ""
    arms = f" Short of seeds: {'; '.join(short[:MOST_SHORT])}{more}." if short else ""
    return f"{words}{failed}.{arms} The command that asked for them trains them when it is typed again."


def _list_short_arms(evidence: Evidence) -> list[str]:
    """Return the name of each arm that has fewer seeds of a command than another arm of it, with both numbers."""
    names, texts = axes(evidence.runs), []
    for sweep in evidence.sweeps:
        runs = evidence.runs[evidence.runs["run"].isin(sweep.asked)]
        if len(runs) == len(set(sweep.asked)) or runs.empty:
            continue
        arms = runs.groupby(list(ARM), dropna=False, sort=False, as_index=False).agg(n=("seed", "nunique"))
        most = arms["n"].max()
        for arm in arms[arms["n"] < most].to_dict("records"):
            name = " / ".join(value_label(name, arm[name]) for name in names if pd.notna(arm[name]))
            texts.append(f"{name} ({arm['n']} of {most})")
    return list(dict.fromkeys(texts))


def mark_asked(evidence: Evidence, estimates: Estimates) -> NDArray[np.bool_]:
    """Return for each row of `estimates.finals` whether the last command asked for a run of this arm."""
    design = estimates.design
    names = [*design.cells, design.compared, *filter(None, [design.tuned])]
    finals = estimates.finals.drop(columns=design.compared, errors="ignore")  # an lr that is a level, too
    rows = finals.rename(columns={"level": design.compared})[names].reset_index(drop=True)
    asked = assign_cells(select_asked(evidence)[names].reset_index(drop=True), rows)
    return np.isin(np.arange(len(rows)), asked["cell"])


def put_asked_first(evidence: Evidence, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return `verdicts`, first those about a cell in which the last command asked for a run."""
    asked = select_asked(evidence)
    return sorted(verdicts, key=lambda verdict: not holds_cell(asked, verdict))


def holds_cell(rows: pd.DataFrame, verdict: Verdict) -> bool:
    """Say whether one of `rows`, of runs or cells, belongs to the cell that `verdict` is about."""
    return not rows_of(rows, dict(verdict.answer.cell)).empty


def select_asked(evidence: Evidence) -> ScoredRuns:
    """Return the runs that count and that the last command asked for; none if it asked for all."""
    return ScoredRuns(evidence.runs[evidence.runs["run"].isin(evidence.asked_last)])
