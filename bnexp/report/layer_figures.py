"""The figures about what happens inside the layers: those that a study names, saturation and gradients on other pages.

They show arms at their best learning rate, which is chosen as everywhere, unless the learning rate is what they are
about. Of nets that differ in their layers, those by layer show the deepest.
"""

from collections.abc import Callable, Iterator
from typing import Final

import pandas as pd

from bnexp.choices import nearest
from bnexp.engine.sizes import PROBED_EXAMPLES
from bnexp.errors import UserError
from bnexp.figures import distributions
from bnexp.figures import layers as draw
from bnexp.figures.layout import WIDEST, Layout
from bnexp.labels import axis_label, sort_values, value_label
from bnexp.report import theory_figures
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence
from bnexp.report.figure import MOST_PANELS, ReportFigure, at_best, count
from bnexp.report.layer_evidence import LayerEvidence, read_layers
from bnexp.statistics import layers

USUAL: Final = ("saturation", "gradients", "landscape")
"""What a page shows that is no study's, as far as it was measured."""

MOST_CELLS: Final = 4
"""Cells whose histograms are drawn: each has a figure of its own."""


def layer_figures(found: Evidence, made: Estimates) -> list[ReportFigure]:
    """Return the figures that the study of `found` names, in its order, or the usual ones.

    Raises `UserError` if it names one that does not exist. One that has nothing to show is left out.
    """
    asked = tuple(found.study.get("figures") or ())
    for name in asked:
        if name not in FIGURES:
            raise UserError(
                f"study.figures must name some of {', '.join(FIGURES)}; got '{name}'{nearest(name, FIGURES)}"
            )
    seen = read_layers(found, made)
    extra = [] if "landscape" in asked or not asked else ["landscape"]
    return [figure for name in (*(asked or USUAL), *extra) for figure in FIGURES[name](seen)]


def _saturation(seen: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw the share that is saturated, by layer at three times, and over the steps."""
    rows = layers.hidden_layers(seen.deepest)
    how = (
        "saturated: inputs at which the slope is below 5 % of its greatest (sigmoid, tanh), units at which it is for "
        "every example (relu and its relatives)"
    )
    by_layer = layers.means(rows.dropna(subset="stage"), [*seen.arm, "stage", "layer"], ["saturated"])
    if by_layer.empty:
        return
    words = f"saturation by layer{seen.where}"
    yield from seen.by_layer("saturation", "Saturation by layer", words, by_layer, how)
    some = rows[rows["layer"].isin([1, rows["depth"].max(), (1 + rows["depth"].max()) // 2])]
    over = layers.means(some, [*seen.arm, "layer", "step"], ["saturated"])
    if count(over, (*seen.cells, "layer")) <= MOST_PANELS:
        words = f"saturation over the steps{seen.where}"
        title, caption = seen.titled(words), seen.under(how, seen.band)
        over = over.sort_values(["layer", "step"])
        figure = draw.by_step(over, seen.layout(over), "layer", title, caption)
        yield ReportFigure("saturation-steps", "Saturation over the steps", caption, words, figure, over)


def _gradients(seen: LayerEvidence) -> Iterator[ReportFigure]:
    rows = seen.deepest[(seen.deepest["layer"] > 0) & seen.deepest["stage"].isin(["init", "end"])]
    frame = layers.geometric_means(rows, [*seen.arm, "stage", "layer"], ["product_gradient"])
    words = f"squared gradient norm by layer{seen.where}"
    how = "gradient of the mean loss with respect to the output z of each matrix product; the last layer is the output"
    yield from seen.by_layer("gradients", "Gradients by layer", words, frame, how, "geometric means over seeds")


def _landscape(seen: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw the landscape along the gradient (Santurkar et al. 2018, figure 4)."""
    whole = seen.rows[seen.rows["layer"] == 0]
    whole = whole.assign(loss_range=whole["loss_high"] - whole["loss_low"])
    by = [*seen.arm, "step"]
    factors = layers.geometric_means(whole, by, ["loss_range", "smoothness"])
    frame = pd.concat([factors, layers.means(whole, by, ["gradient_cosine_low"])], ignore_index=True)
    if frame.empty or count(frame, seen.cells) > WIDEST:
        return
    words = f"the loss along the gradient{at_best(seen.made)}"
    caption = seen.under(
        "from steps of 0.5, 1, 2 and 4 lr along the gradient (Santurkar et al. 2018)",
        "range and smoothness: geometric means; a cosine of 1: the gradient stays what it is",
        seen.band,
    )
    frame = frame.sort_values("step", kind="stable")
    figure = draw.courses(frame, seen.layout(frame), seen.titled(words), caption)
    yield ReportFigure("landscape", "Loss along the gradient", caption, words, figure, frame)


def _quantiles(seen: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw what one unit of the last hidden layer sees (Ioffe & Szegedy 2015, figure 1 b and c)."""
    rows = seen.rows[seen.rows["layer"] == seen.rows["depth"]].dropna(subset=list(distributions.QUANTILES))
    if rows.empty or count(rows, tuple(seen.arm)) > MOST_PANELS:
        return
    frame = rows[[*seen.arm, "run", "seed", "step", *distributions.QUANTILES]].sort_values(["seed", "step"])
    words = f"what enters the activation of unit 0 in the last hidden layer{at_best(seen.made)}"
    caption = seen.under(f"quantiles over {PROBED_EXAMPLES} fixed training examples; all panels on one scale")
    figure = distributions.quantiles(frame, seen.layout(frame), seen.titled(words), caption)
    yield ReportFigure("quantiles", "Quantiles of one unit's input", caption, words, figure, frame)


def _histograms(seen: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw what enters and leaves the normalization in the first and the last hidden layer, a figure per cell."""
    rows = layers.hidden_layers(seen.deepest)
    rows = rows[rows["layer"].isin([1, rows["depth"].max()]) & rows["stage"].isin(["init", "end"])]
    by = [*seen.arm, "layer", "stage"]
    plain = rows[rows["before_low"].isna()]
    parts = [(plain, "input"), (rows, "before"), (rows, "after")]
    frame = pd.concat([layers.histograms(part, by, side).assign(side=side) for part, side in parts])
    cells = seen.layout(frame).cells(frame)
    for number, (name, cell) in enumerate(cells[:MOST_CELLS] if len(frame) else ()):
        words = f"before and after normalization{f', {name}' if name else ''}{seen.where}"
        caption = seen.under(
            "grey: at initialization; colour: at the end; over all units, examples and seeds",
            "shown: all but 0.5 % at each end; a bin that holds far more than all others leaves through the top",
        )
        figure = distributions.histograms(cell, seen.layout(cell), seen.titled(words), caption)
        tag = "histograms" if number == 0 else f"histograms-{number + 1}"
        yield ReportFigure(
            tag, f"Before and after normalization{f': {name}' if name else ''}", caption, words, figure, cell
        )


def _effective_lr(seen: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw the effective learning rate of the layer in the middle over the steps, and at the end against lr."""
    made, compared = seen.made, seen.made.design.compared
    tuned = made.design.tuned
    rows = layers.middle_layer(seen.everything if tuned else seen.rows)
    by = [*seen.arm, *filter(None, [tuned])]
    how = "lr/‖w‖², mean over the neurons of the hidden layer in the middle; geometric means over seeds"
    over = layers.geometric_means(rows, [*by, "step"], ["effective_lr"]).sort_values("step", kind="stable")
    if over.empty:
        return
    caption = seen.under(how, seen.band)
    if tuned is None and count(over, seen.cells) <= MOST_PANELS:
        words = "effective learning rate over the steps"
        figure = draw.courses(over, seen.layout(over), seen.titled(words), caption)
        yield ReportFigure("effective_lr", "Effective learning rate", caption, words, figure, over)
    if tuned is None:
        return
    names = ["effective_lr", "effective_lr-end"]
    if count(over, tuple(seen.arm)) <= MOST_PANELS:
        words = "effective learning rate over the steps, a line per learning rate"
        rates = Layout(tuned, tuple(sort_values(tuned, over[tuned])), seen.cells)
        over = over.assign(panel=[value_label(compared, level) for level in over[compared]])
        over["panel"] = pd.Categorical(over["panel"], [value_label(compared, level) for level in made.design.levels])
        over = over.sort_values(["panel", "step"])
        bare = over.assign(low=float("nan"), high=float("nan"))  # a dozen bands on each other hide the lines
        figure = draw.by_step(bare, rates, "panel", seen.titled(words), seen.under(how))
        yield ReportFigure(names.pop(0), "Effective learning rate over the steps", seen.under(how), words, figure, over)
    end = layers.geometric_means(rows[rows["stage"] == "end"], by, ["effective_lr"])
    if len(end) and count(end, seen.cells) <= MOST_PANELS:
        words = f"effective learning rate at the end against {axis_label(tuned)}"
        figure = draw.against(end, tuned, seen.layout(end), seen.titled(words), caption)
        yield ReportFigure(names.pop(0), "Effective learning rate at the end", caption, words, figure, end)


FIGURES: Final[dict[str, Callable[[LayerEvidence], Iterator[ReportFigure]]]] = {
    "quantiles": _quantiles,
    "saturation": _saturation,
    "gradients": _gradients,
    "histograms": _histograms,
    "effective_lr": _effective_lr,
    "growth": theory_figures.growth,
    "floor": theory_figures.floor,
    "gap": theory_figures.gap,
    "symmetry": theory_figures.symmetry,
    "landscape": _landscape,
}
"""By the names that a study calls them by."""
