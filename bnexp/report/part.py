"""The part of a store that is compared, and the part that figures have room for.

A store may hold runs of any settings: digits beside MNIST, one network at three placements, another at one. A cell with
runs of one level only can answer nothing: it stands in the table of all arms and is left out elsewhere. Where the rest
is more than an eye takes in, figures show the cells in which the last command asked for a run.
"""

import dataclasses

import numpy as np
import pandas as pd

from bnexp.report.coverage import holds_cell, select_asked
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence
from bnexp.report.figure import MOST_PANELS
from bnexp.statistics.arms import ScoredRuns
from bnexp.statistics.cells import assign_cells
from bnexp.statistics.design import FEWEST, Design

Part = tuple[Evidence, Estimates]


def select_comparable(evidence: Evidence, estimates: Estimates) -> Part:
    """Return what is known of the cells in which two levels have runs; everything if there is no such cell."""
    cells = _list_cells(estimates)
    if cells.empty:
        return evidence, estimates
    levels = assign_cells(estimates.finals, cells).merge(estimates.finals["level"].rename_axis("row").reset_index())
    several = levels.groupby("cell")["level"].nunique().reindex(range(len(cells)), fill_value=0) > 1
    return _narrow(evidence, estimates, cells[several.to_numpy()])


def select_drawable(evidence: Evidence, estimates: Estimates) -> Part:
    """Return what is known of the cells that figures show: all, or if these are too many those that were asked last."""
    cells = _list_cells(estimates)
    if len(cells) <= MOST_PANELS or not evidence.asked_last:
        return evidence, estimates
    asked = assign_cells(select_asked(evidence)[list(cells.columns)].reset_index(drop=True), cells)["cell"]
    return _narrow(evidence, estimates, cells.iloc[np.unique(asked)])


def describe_left_out(whole: Estimates, part: Estimates) -> str:
    """Return the sentence about the cells of `whole` that are not in `part`; nothing if all are."""
    count = len(_list_cells(whole)) - len(_list_cells(part))
    if not count:
        return ""
    cells = f"{count} other settings have" if count > 1 else "One other setting has"
    return f"{cells} runs of one {whole.design.compared} only, with nothing to compare: see the table of all arms."


def _list_cells(estimates: Estimates) -> pd.DataFrame:
    return estimates.finals[list(estimates.design.cells)].drop_duplicates(ignore_index=True)


def _narrow(evidence: Evidence, estimates: Estimates, cells: pd.DataFrame) -> Part:
    """Return what belongs to `cells`; all of it if these are none or all."""
    if not 0 < len(cells) < len(_list_cells(estimates)):
        return evidence, estimates
    chosen = cells.reset_index(drop=True)
    runs = ScoredRuns(_select(evidence.runs, chosen))
    points = evidence.points[evidence.points["run"].isin(runs["run"])].reset_index(drop=True)
    design = _simplify(estimates.design, chosen)
    shared = [name for name in estimates.design.cells if name not in design.cells]
    narrowed = dataclasses.replace(
        estimates,
        design=design,
        effects=_select(estimates.effects, chosen),
        pairs=_select(estimates.pairs, chosen),
        fixed=_select(estimates.fixed, chosen),
        finals=_select(estimates.finals, chosen),
        seeds=_select(estimates.seeds, chosen),
        stable=_select(estimates.stable, chosen),
        best=_select(estimates.best, chosen).drop(columns=shared),  # what is left tells arms apart
        sensitivity=_select(estimates.sensitivity, chosen),
        speed=_select(estimates.speed, chosen),
        curves=_select(estimates.curves, chosen),
        verdicts=[verdict for verdict in estimates.verdicts if holds_cell(chosen, verdict)],
    )
    return dataclasses.replace(evidence, runs=runs, points=points), narrowed


def _select(frame: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `frame`, which has the columns of `cells`, that belong to one of them."""
    if frame.empty:
        return frame
    rows = np.unique(assign_cells(frame.reset_index(drop=True), cells)["row"])
    return frame.iloc[rows].reset_index(drop=True)


def _simplify(design: Design, cells: pd.DataFrame) -> Design:
    """Return `design` without the axes that are the same in all `cells`; one that varies little is not drawn as x."""
    varied = tuple(name for name in design.cells if name == "activation" or cells[name].nunique() > 1)
    x = design.x if design.x in varied and cells[design.x].nunique() >= FEWEST else None
    return dataclasses.replace(design, cells=varied, x=x)
