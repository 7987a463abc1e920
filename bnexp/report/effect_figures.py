"""Which figures a report has, and those of the effect: what training ends at, how it gets there, differences."""

import dataclasses
from collections.abc import Iterator
from typing import Final

import pandas as pd

from bnexp.figures.form import FORMS, shrink
from bnexp.figures.kinds.curves import FEW, draw_curves
from bnexp.figures.kinds.finals import draw_finals
from bnexp.figures.kinds.forest import draw_forest
from bnexp.figures.kinds.heat_map import draw_heat_map
from bnexp.figures.kinds.interaction import draw_interaction
from bnexp.figures.kinds.speed import draw_speed
from bnexp.labels import axis_label, metric_label, value_label
from bnexp.report import captions
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence
from bnexp.report.figure import MOST_PANELS, ReportFigure, count_panels, describe_lrs, make_layout, make_words
from bnexp.report.layer_figures import make_layer_figures

MOST_ROWS: Final = 40
"""Contrasts of one forest plot."""


def make_figures(evidence: Evidence, estimates: Estimates) -> list[ReportFigure]:
    """Return the figures of a report, the main ones first: the effect, and the mechanism that its study names first."""
    makers = [
        make_against_x,
        make_forest,
        make_against_lr,
        make_curves,
        make_interaction,
        make_heat_map,
        make_speed,
    ]
    if estimates.design.x is None:
        makers = [make_forest, *makers[2:]]
    effects = [figure for make in makers for figure in make(evidence, estimates)]
    inside = make_layer_figures(evidence, estimates)
    beside = inside[:1] if evidence.study.get("figures") else []
    for figure in (*effects, *inside):
        shrink(figure.figure, FORMS[estimates.form])
    main = [dataclasses.replace(figure, main=True) for figure in (*effects[:1], *beside)]
    return [*main, *effects[1:], *inside[len(beside) :]]


def make_against_x(evidence: Evidence, estimates: Estimates) -> Iterator[ReportFigure]:
    """Draw what training ends at against a setting with many values, each arm at its best learning rate."""
    x, facets = estimates.design.x, estimates.design.facets
    frame = _select_best(estimates)
    if x is None or count_panels(frame, facets) > MOST_PANELS:
        return
    frame = frame.assign(best=False)
    subject = f"{_name_metric(estimates)} at the end against {axis_label(x)}{describe_lrs(estimates)}"
    words = make_words(evidence, estimates, subject, f"bands: {captions.describe_interval(evidence.runs)}")
    seeds = _select_best_seeds(estimates)
    figure = draw_finals(frame, make_layout(estimates, facets), words, x=x, metric=estimates.metric, seeds=seeds)
    yield ReportFigure("final", f"Accuracy against {axis_label(x)}", subject, figure, frame)


def make_forest(evidence: Evidence, estimates: Estimates) -> Iterator[ReportFigure]:
    """Draw the paired differences, at the best learning rates and at each."""
    effects, margin = estimates.effects, estimates.margin
    if not 0 < (effects["n"] > 0).sum() <= MOST_ROWS:
        return
    fixed = estimates.fixed if len(estimates.fixed) <= 4 * MOST_ROWS else estimates.fixed[:0]
    subject = f"paired differences of {_name_metric(estimates)}{describe_lrs(estimates)}"
    words = make_words(
        evidence,
        estimates,
        subject,
        "difference between runs of the same seed",
        "p: exchange of the two arms within seeds, learning rates chosen anew, for all rows together; lines: 95 % "
        "intervals of one row alone, by the same exchanges"
        if effects["p_family"].notna().any()
        else f"lines: {captions.describe_interval(evidence.runs)}",
        "light: both at one learning rate, descriptive, Student t" if len(fixed) else "",
        f"shaded: differences below {100 * margin:g} points",
    )
    layout = make_layout(estimates, estimates.design.cells)
    pairs = estimates.pairs[estimates.pairs["trained"]]
    figure = draw_forest(effects, fixed, layout, words, metric=estimates.metric, margin=margin, pairs=pairs)
    yield ReportFigure("forest", "Paired differences", subject, figure, effects)


def make_against_lr(evidence: Evidence, estimates: Estimates) -> Iterator[ReportFigure]:
    """Draw what training ends at against the learning rate."""
    design, frame = estimates.design, _name_levels(estimates.finals, estimates)
    if design.tuned is None or count_panels(frame, design.cells) > MOST_PANELS:
        return
    subject = f"{_name_metric(estimates)} at the end against the learning rate"
    words = make_words(
        evidence,
        estimates,
        subject,
        f"bands: {captions.describe_interval(evidence.runs)}",
        "ringed: the learning rate with the best validation accuracy",
    )
    layout, seeds = make_layout(estimates, design.cells), _name_levels(estimates.seeds, estimates)
    figure = draw_finals(frame, layout, words, x="lr", metric=estimates.metric, seeds=seeds)
    name = "final" if design.x is None else "learning-rates"
    yield ReportFigure(name, "Accuracy against the learning rate", subject, figure, frame)


def make_curves(evidence: Evidence, estimates: Estimates) -> Iterator[ReportFigure]:
    """Draw the curves, each arm at its best learning rate."""
    design = estimates.design
    frame, seeds = estimates.at_best(estimates.curves), estimates.at_best(evidence.points)
    if count_panels(frame, design.cells) > MOST_PANELS:
        return
    counts = evidence.runs.groupby([*design.cells, design.compared], dropna=False)["seed"].nunique()
    subject = f"training loss and validation accuracy{describe_lrs(estimates)}"
    words = make_words(
        evidence,
        estimates,
        subject,
        f"bands: {captions.describe_interval(evidence.runs)}",
        "thin lines: single seeds" if 1 < counts.min() <= FEW else "",
        "training loss: mean since the point before",
    )
    figure = draw_curves(frame, seeds, make_layout(estimates, design.cells), words)
    yield ReportFigure("curves", "Curves", subject, figure, frame)


def make_interaction(evidence: Evidence, estimates: Estimates) -> Iterator[ReportFigure]:
    """Draw how the effect of what is compared changes with the first facet."""
    design = estimates.design
    lines = next((name for name in design.facets if estimates.finals[name].nunique() > 1), None)
    if lines is None:
        return
    frame, others = _select_best(estimates), tuple(name for name in design.cells if name != lines)
    if count_panels(frame, others) > MOST_PANELS:
        return
    axes = f"{axis_label(design.compared)} and {axis_label(lines)}"
    subject = f"{_name_metric(estimates)} at the end by {axes}{describe_lrs(estimates)}"
    words = make_words(evidence, estimates, subject, f"bars: {captions.describe_interval(evidence.runs)}")
    figure = draw_interaction(frame, make_layout(estimates, others), words, lines=lines, metric=estimates.metric)
    yield ReportFigure("interaction", f"Interaction with {axis_label(lines)}", subject, figure, frame)


def make_heat_map(evidence: Evidence, estimates: Estimates) -> Iterator[ReportFigure]:
    """Draw what training ends at as a map over learning rates."""
    design, frame = estimates.design, _name_levels(estimates.finals, estimates)
    if design.tuned is None or count_panels(frame, design.cells) > MOST_PANELS:
        return
    subject = f"{metric_label(estimates.metric)} at the end by {axis_label(design.compared)} and learning rate"
    outlined = "outlined: the learning rate with the best validation accuracy"
    words = make_words(evidence, estimates, subject, "mean over seeds", outlined)
    figure = draw_heat_map(frame, make_layout(estimates, design.cells), words, x="lr", metric=estimates.metric)
    yield ReportFigure("heat", "Accuracy map", subject, figure, frame)


def make_speed(evidence: Evidence, estimates: Estimates) -> Iterator[ReportFigure]:
    """Draw how many steps each arm takes to what the reference reaches."""
    design = estimates.design
    frame = _name_levels(estimates.speed, estimates).dropna(subset=["threshold", "mean"])
    if len(design.levels) < 2 or not 0 < len(frame) <= MOST_ROWS:
        return
    reference = value_label(design.compared, design.levels[0])
    subject = f"steps to the best validation accuracy of {reference}{describe_lrs(estimates)}"
    lines = f"lines: {captions.describe_interval(evidence.runs)}"
    words = make_words(evidence, estimates, subject, lines, "runs that never reach it stay in")
    figure = draw_speed(frame, make_layout(estimates, design.cells), words)
    yield ReportFigure("speed", "Speed", subject, figure, frame)


def _name_metric(estimates: Estimates) -> str:
    return estimates.metric.replace("_", " ")


def _select_best_seeds(estimates: Estimates) -> pd.DataFrame:
    """Return the single seeds behind `_select_best`."""
    frame = _name_levels(estimates.seeds, estimates)
    if estimates.design.tuned is None:
        return frame
    arm = [*estimates.design.cells, estimates.design.compared, "lr"]
    return frame.merge(_select_best(estimates)[arm], on=arm)


def _select_best(estimates: Estimates) -> pd.DataFrame:
    """Return what training ends at, of each arm at its best learning rate."""
    frame = _name_levels(estimates.finals, estimates)
    return frame[frame["best"]] if estimates.design.tuned else frame


def _name_levels(frame: pd.DataFrame, estimates: Estimates) -> pd.DataFrame:
    """Return `frame` with its levels in the column that a layout expects them in."""
    compared = estimates.design.compared
    return frame.drop(columns=compared, errors="ignore").rename(columns={"level": compared})  # they may be its lrs
