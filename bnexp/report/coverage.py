"""How much of a store is there and which part of it was asked last: in words, and as marks of its arms."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence
from bnexp.statistics.arms import ScoredRuns
from bnexp.statistics.cells import assign_cells, rows_of
from bnexp.statistics.completeness import Completeness, list_unfinished
from bnexp.verdicts.verdicts import Verdict

MOST_SHORT: Final = 6
"""Arms that lack seeds which a sentence names."""


def describe_asked(evidence: Evidence) -> str:
    """Return the sentence about the part of the store that its last command asked for; nothing if that was all."""
    if not evidence.asked_last:
        return ""
    count, runs = len(evidence.asked_last), len(evidence.runs)
    return f"The last command asked for {count:,} of these {runs:,} runs: {evidence.sweeps[-1].command}"


def describe_missing(evidence: Evidence, completeness: Completeness) -> str:
    """Return the sentences about runs that were asked for and are not stored; nothing if all are."""
    if completeness.complete:
        return ""
    lacking = completeness.asked - completeness.stored
    failed = f", {evidence.failed:,} of them failed" if evidence.failed else ""
    short = [f"{arm.label} ({arm.stored} of {arm.asked})" for arm in completeness.short]
    more = f" and {len(short) - MOST_SHORT} more" if len(short) > MOST_SHORT else ""
    arms = f" Short of runs: {'; '.join(short[:MOST_SHORT])}{more}." if short else ""
    return (
        f"{lacking:,} of {completeness.asked:,} runs asked are missing{failed}.{arms} The command that asked for them "
        f"trains them when it is typed again; to do without them, remove {_name_requests(evidence)}."
    )


def _name_requests(evidence: Evidence) -> str:
    """Return the files in which it is kept that something was asked for of which runs are missing."""
    unfinished = list_unfinished(evidence.sweeps, evidence.rows)
    files = [path for records in evidence.records for path, record in records.items() if record in unfinished]
    return " and ".join("/".join([path.parents[1].resolve().name, *path.parts[-2:]]) for path in files)


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
