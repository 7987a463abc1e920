"""Which figures a report has, and what stands under each."""

import dataclasses
from collections.abc import Iterator
from typing import Final

import pandas as pd

from bnexp.figures.curves import FEW, curves
from bnexp.figures.finals import final_against
from bnexp.figures.forest import forest
from bnexp.figures.heat_map import heat_map
from bnexp.figures.interaction import interaction
from bnexp.figures.speed import speed
from bnexp.labels import axis_label, value_label
from bnexp.report import captions
from bnexp.report.estimates import METRIC, Estimates
from bnexp.report.evidence import Evidence
from bnexp.report.figure import MOST_PANELS, ReportFigure, at_best, count, figure_title, make_layout
from bnexp.report.layer_figures import layer_figures

MOST_ROWS: Final = 40
"""Contrasts of one forest plot."""


def effect_figures(found: Evidence, made: Estimates) -> list[ReportFigure]:
    """Return the figures of a report, the main ones first: the effect, and the mechanism that its study names first."""
    design = made.design
    makers = [_against_x, _forest, _against_lr, _curves, _interaction, _heat, _speed]
    if design.x is None:
        makers = [_forest, *makers[2:]]
    effects = [figure for make in makers for figure in make(found, made)]
    inside = layer_figures(found, made)
    beside = inside[:1] if found.study.get("figures") else []
    main = [dataclasses.replace(figure, main=True) for figure in (*effects[:1], *beside)]
    return [*main, *effects[1:], *inside[len(beside) :]]


def _under(found: Evidence, made: Estimates, *how: str) -> str:
    """Return a caption: what was trained, how to read the figure, what became of diverged runs, and the command."""
    runs = found.runs
    lost = captions.lost(runs, made.design.compared)
    reading = captions.join_sentences("; ".join([*filter(None, how), captions.seeds(runs)]), lost)
    return "\n".join(
        filter(
            None, [captions.join_sentences(captions.training_in_words(runs)), reading, captions.command(found.sweeps)]
        )
    )


def _levelled(made: Estimates, frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with its levels in the column that a layout expects them in."""
    return frame.rename(columns={"level": made.design.compared})


def _against_x(found: Evidence, made: Estimates) -> Iterator[ReportFigure]:
    """Draw what training ends at against a setting with many values, each arm at its best learning rate."""
    x, facets = made.design.x, made.design.facets
    frame = _levelled(made, made.finals)
    frame = frame[frame["best"]] if made.design.tuned else frame
    if x is None or count(frame, facets) > MOST_PANELS:
        return
    words = f"test accuracy at the end against {axis_label(x)}{at_best(made)}"
    caption = _under(found, made, f"bands: {captions.interval(found.runs)}")
    frame = frame.assign(best=False)
    figure = final_against(frame, x, make_layout(made, facets), METRIC, figure_title(found, words), caption)
    yield ReportFigure("final", f"Accuracy against {axis_label(x)}", caption, words, figure, frame)


def _forest(found: Evidence, made: Estimates) -> Iterator[ReportFigure]:
    """Draw the paired differences, at the best learning rates and at each."""
    rows = made.effects[made.effects["n"] > 0]
    if not 0 < len(rows) <= MOST_ROWS:
        return
    layout, words = make_layout(made, made.design.cells), f"paired differences of test accuracy{at_best(made)}"
    few = made.fixed if len(made.fixed) <= 4 * MOST_ROWS else made.fixed[:0]
    caption = _under(
        found,
        made,
        "difference between runs of the same seed",
        f"lines: {captions.interval(found.runs)}",
        "p: sign-flip test, corrected by Holm over all rows" if made.effects["p_holm"].notna().any() else "",
        "light: both at one learning rate, descriptive" if len(few) else "",
        f"shaded: differences below {100 * made.margin:g} points",
    )
    figure = forest(made.effects, few, layout, METRIC, made.margin, figure_title(found, words), caption)
    yield ReportFigure("forest", "Paired differences", caption, words, figure, made.effects)


def _against_lr(found: Evidence, made: Estimates) -> Iterator[ReportFigure]:
    """Draw what training ends at against the learning rate."""
    frame = _levelled(made, made.finals)
    if made.design.tuned is None or count(frame, made.design.cells) > MOST_PANELS:
        return
    words = "test accuracy at the end against the learning rate"
    caption = _under(
        found,
        made,
        f"bands: {captions.interval(found.runs)}",
        "ringed: the learning rate with the best validation accuracy",
    )
    figure = final_against(
        frame, "lr", make_layout(made, made.design.cells), METRIC, figure_title(found, words), caption
    )
    name = "final" if made.design.x is None else "learning-rates"
    yield ReportFigure(name, "Accuracy against the learning rate", caption, words, figure, frame)


def _curves(found: Evidence, made: Estimates) -> Iterator[ReportFigure]:
    """Draw the curves, each arm at its best learning rate."""
    frame, seeds = made.at_best(made.curves), made.at_best(found.points)
    if count(frame, made.design.cells) > MOST_PANELS:
        return
    words = f"training loss and validation accuracy{at_best(made)}"
    counts = found.runs.groupby([*made.design.cells, made.design.compared], dropna=False)["seed"].nunique()
    caption = _under(
        found,
        made,
        f"bands: {captions.interval(found.runs)}",
        "thin lines: single seeds" if 1 < counts.min() <= FEW else "",
        "training loss: mean since the point before",
    )
    figure = curves(frame, seeds, make_layout(made, made.design.cells), figure_title(found, words), caption)
    yield ReportFigure("curves", "Curves", caption, words, figure, frame)


def _interaction(found: Evidence, made: Estimates) -> Iterator[ReportFigure]:
    """Draw how the effect of what is compared changes with the first facet."""
    lines = next((name for name in made.design.facets if made.finals[name].nunique() > 1), None)
    if lines is None:
        return
    frame = _levelled(made, made.finals)
    frame = frame[frame["best"]] if made.design.tuned else frame
    others = tuple(name for name in made.design.cells if name != lines)
    if count(frame, others) > MOST_PANELS:
        return
    words = f"test accuracy at the end by {axis_label(made.design.compared)} and {axis_label(lines)}{at_best(made)}"
    caption = _under(found, made, f"bars: {captions.interval(found.runs)}")
    figure = interaction(frame, lines, make_layout(made, others), METRIC, figure_title(found, words), caption)
    yield ReportFigure("interaction", f"Interaction with {axis_label(lines)}", caption, words, figure, frame)


def _heat(found: Evidence, made: Estimates) -> Iterator[ReportFigure]:
    """Draw what training ends at as a map over learning rates."""
    frame = _levelled(made, made.finals)
    if made.design.tuned is None or count(frame, made.design.cells) > MOST_PANELS:
        return
    words = f"test accuracy at the end (%) by {axis_label(made.design.compared)} and learning rate"
    caption = _under(found, made, "mean over seeds", "outlined: the learning rate with the best validation accuracy")
    figure = heat_map(frame, "lr", make_layout(made, made.design.cells), METRIC, figure_title(found, words), caption)
    yield ReportFigure("heat", "Accuracy map", caption, words, figure, frame)


def _speed(found: Evidence, made: Estimates) -> Iterator[ReportFigure]:
    """Draw how many steps each arm takes to what the reference reaches."""
    frame = _levelled(made, made.speed).dropna(subset=["threshold", "mean"])
    if len(made.design.levels) < 2 or not 0 < len(frame) <= MOST_ROWS:
        return
    reference = value_label(made.design.compared, made.design.levels[0])
    words = f"steps to the best validation accuracy of {reference}{at_best(made)}"
    caption = _under(found, made, f"lines: {captions.interval(found.runs)}", "runs that never reach it stay in")
    figure = speed(frame, make_layout(made, made.design.cells), figure_title(found, words), caption)
    yield ReportFigure("speed", "Speed", caption, words, figure, frame)
