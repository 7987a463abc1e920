"""The figures about what happens inside the layers: those that a study names, saturation and gradients on other pages.

They show arms at their best learning rate, which is chosen as everywhere, unless the learning rate is what they are
about. Of nets that differ in their layers, those by layer show the deepest.
"""

from collections.abc import Callable, Iterator
from typing import Final

import pandas as pd

from bnexp.choices import Placement, nearest
from bnexp.engine.sizes import PROBED_EXAMPLES
from bnexp.errors import UserError
from bnexp.figures.kinds.distributions import QUANTILES, draw_histograms, draw_quantiles
from bnexp.figures.kinds.layers import draw_against, draw_by_step, draw_courses
from bnexp.figures.layout import WIDEST, Layout
from bnexp.labels import axis_label, sort_values, value_label
from bnexp.norms.kinds import NormKind
from bnexp.report import theory_figures
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence
from bnexp.report.figure import MOST_PANELS, ReportFigure, count_panels, describe_lrs
from bnexp.report.layer_evidence import LayerEvidence, read_layers
from bnexp.statistics import layers
from bnexp.theory.invariant_blocks import has_block

USUAL: Final = ("saturation", "gradients", "landscape")
"""What a page shows that is no study's, as far as it was measured."""

MOST_CELLS: Final = 4
"""Cells whose histograms are drawn: each has a figure of its own."""


def make_layer_figures(evidence: Evidence, estimates: Estimates) -> list[ReportFigure]:
    """Return the figures that the study of `evidence` names, in its order, or the usual ones.

    Raises `UserError` if it names one that does not exist. One that has nothing to show is left out.
    """
    asked = tuple(evidence.study.get("figures") or ())
    for name in asked:
        if name not in FIGURES:
            raise UserError(
                f"study.figures must name some of {', '.join(FIGURES)}; got '{name}'{nearest(name, FIGURES)}"
            )
    inside = read_layers(evidence, estimates)
    extra = [] if "landscape" in asked or not asked else ["landscape"]
    return [figure for name in (*(asked or USUAL), *extra) for figure in FIGURES[name](inside)]


def _make_saturation(inside: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw the share that is saturated, by layer at three times, and over the steps."""
    rows, arm = layers.hidden_layers(inside.deepest_rows), inside.arm_columns
    how = (
        "saturated: inputs at which the slope is below 5 % of its greatest (sigmoid, tanh), units at which it is for "
        "every example (relu and its relatives)"
    )
    by_layer = layers.means(rows.dropna(subset="stage"), [*arm, "stage", "layer"], ["saturated"])
    if by_layer.empty:
        return
    subject = f"saturation by layer{inside.nets_text}"
    yield from inside.draw_by_layer(by_layer, subject, how, name="saturation", title="Saturation by layer")
    some = rows[rows["layer"].isin([1, rows["depth"].max(), (1 + rows["depth"].max()) // 2])]
    by_step = layers.means(some, [*arm, "layer", "step"], ["saturated"])
    if count_panels(by_step, (*inside.cell_columns, "layer")) <= MOST_PANELS:
        by_step = by_step.sort_values(["layer", "step"])
        subject = f"saturation over the steps{inside.nets_text}"
        words = inside.make_words(subject, how, inside.band_text)
        figure = draw_by_step(by_step, inside.make_layout(by_step), words, columns="layer")
        yield ReportFigure("saturation-steps", "Saturation over the steps", subject, figure, by_step)


def _make_gradients(inside: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw how large the gradient is in each layer, at initialization and at the end."""
    rows = inside.deepest_rows
    rows = rows[(rows["layer"] > 0) & rows["stage"].isin(["init", "end"])]
    frame = layers.geometric_means(rows, [*inside.arm_columns, "stage", "layer"], ["product_gradient"])
    how = (
        "gradient of the mean loss with respect to the output z of each matrix product; the last layer is the output",
        "geometric means over seeds",
    )
    subject = f"squared gradient norm by layer{inside.nets_text}"
    yield from inside.draw_by_layer(frame, subject, *how, name="gradients", title="Gradients by layer")


def _make_landscape(inside: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw the landscape along the gradient (Santurkar et al. 2018, figure 4)."""
    whole = inside.rows[inside.rows["layer"] == 0]
    whole = whole.assign(loss_range=whole["loss_high"] - whole["loss_low"])
    by = [*inside.arm_columns, "step"]
    factors = layers.geometric_means(whole, by, ["loss_range", "smoothness"])
    frame = pd.concat([factors, layers.means(whole, by, ["gradient_cosine_low"])], ignore_index=True)
    if frame.empty or count_panels(frame, inside.cell_columns) > WIDEST:
        return
    frame = frame.sort_values("step", kind="stable")
    subject = f"the loss along the gradient{describe_lrs(inside.estimates)}"
    words = inside.make_words(
        subject,
        "from steps of 0.5, 1, 2 and 4 lr along the gradient (Santurkar et al. 2018)",
        "range and smoothness: geometric means; a cosine of 1: the gradient stays what it is",
        inside.band_text,
    )
    figure = draw_courses(frame, inside.make_layout(frame), words)
    yield ReportFigure("landscape", "Loss along the gradient", subject, figure, frame)


def _make_quantiles(inside: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw what one unit of the last hidden layer sees (Ioffe & Szegedy 2015, figure 1 b and c)."""
    rows, arm = inside.rows[inside.rows["layer"] == inside.rows["depth"]], inside.arm_columns
    rows = rows.dropna(subset=list(QUANTILES))
    if rows.empty or count_panels(rows, tuple(arm)) > MOST_PANELS:
        return
    frame = rows[[*arm, "run", "seed", "step", *QUANTILES]].sort_values(["seed", "step"])
    subject = f"what enters the activation of unit 0 in the last hidden layer{describe_lrs(inside.estimates)}"
    words = inside.make_words(
        subject, f"quantiles over {PROBED_EXAMPLES} fixed training examples; all panels on one scale"
    )
    figure = draw_quantiles(frame, inside.make_layout(frame), words)
    yield ReportFigure("quantiles", "Quantiles of one unit's input", subject, figure, frame)


def _make_histograms(inside: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw what enters and leaves the normalization in the first and the last hidden layer, a figure per cell."""
    rows = layers.hidden_layers(inside.deepest_rows)
    rows = rows[rows["layer"].isin([1, rows["depth"].max()]) & rows["stage"].isin(["init", "end"])]
    by = [*inside.arm_columns, "layer", "stage"]
    plain = rows[rows["before_low"].isna()]
    parts = [(plain, "input"), (rows, "before"), (rows, "after")]
    frame = pd.concat([layers.histograms(part, by, side).assign(side=side) for part, side in parts])
    cells = inside.make_layout(frame).cells(frame)
    for number, (name, cell) in enumerate(cells[:MOST_CELLS] if len(frame) else ()):
        subject = f"before and after normalization{f', {name}' if name else ''}{inside.nets_text}"
        words = inside.make_words(
            subject,
            "grey: at initialization; colour: at the end; over all units, examples and seeds",
            "shown: all but 0.5 % at each end; a bin that holds far more than all others leaves through the top",
        )
        figure = draw_histograms(cell, inside.make_layout(cell), words)
        file = "histograms" if number == 0 else f"histograms-{number + 1}"
        yield ReportFigure(file, f"Before and after normalization{f': {name}' if name else ''}", subject, figure, cell)


def _make_effective_lr(inside: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw lr/‖w‖² of the layer in the middle: over the steps and, if lr varies, against it."""
    tuned = inside.estimates.design.tuned
    rows = layers.middle_layer(inside.read_all_rows() if tuned else inside.rows)
    by = [*inside.arm_columns, *filter(None, [tuned])]
    over = layers.geometric_means(rows, [*by, "step"], ["effective_lr"]).sort_values("step", kind="stable")
    if over.empty:
        return
    if tuned is None:
        yield from _make_effective_lr_of_arms(inside, over)
        return
    end = layers.geometric_means(rows[rows["stage"] == "end"], by, ["effective_lr"])
    first = list(_make_effective_lr_of_rates(inside, over, tuned))
    yield from first
    yield from _make_effective_lr_at_end(inside, end, tuned, "effective_lr-end" if first else "effective_lr")


def _make_effective_lr_of_arms(inside: LayerEvidence, over: pd.DataFrame) -> Iterator[ReportFigure]:
    if count_panels(over, inside.cell_columns) > MOST_PANELS:
        return
    subject = "learning rate over squared weight norm over the steps"
    words = inside.make_words(subject, _EFFECTIVE_LR, describe_effective(inside.rows), inside.band_text)
    figure = draw_courses(over, inside.make_layout(over), words)
    yield ReportFigure("effective_lr", "lr/‖w‖²", subject, figure, over)


def _make_effective_lr_of_rates(inside: LayerEvidence, over: pd.DataFrame, tuned: str) -> Iterator[ReportFigure]:
    """Draw a line per learning rate and a panel per arm, without bands: a dozen on each other hide the lines."""
    if count_panels(over, tuple(inside.arm_columns)) > MOST_PANELS:
        return
    design = inside.estimates.design
    panels = [value_label(design.compared, level) for level in design.levels]
    over = over.assign(panel=[value_label(design.compared, level) for level in over[design.compared]])
    over["panel"] = pd.Categorical(over["panel"], panels)
    over = over.sort_values(["panel", "step"])
    bare = over.assign(low=float("nan"), high=float("nan"))
    subject = "learning rate over squared weight norm over the steps, a line per learning rate"
    words = inside.make_words(subject, _EFFECTIVE_LR, describe_effective(inside.rows))
    rates = Layout(tuned, tuple(sort_values(tuned, over[tuned])), inside.cell_columns)
    figure = draw_by_step(bare, rates, words, columns="panel")
    yield ReportFigure("effective_lr", "lr/‖w‖² over the steps", subject, figure, over)


def _make_effective_lr_at_end(
    inside: LayerEvidence, end: pd.DataFrame, tuned: str, name: str
) -> Iterator[ReportFigure]:
    if end.empty or count_panels(end, inside.cell_columns) > MOST_PANELS:
        return
    subject = f"learning rate over squared weight norm at the end against {axis_label(tuned)}"
    words = inside.make_words(subject, _EFFECTIVE_LR, describe_effective(inside.rows), inside.band_text)
    figure = draw_against(end, inside.make_layout(end), words, x=tuned)
    yield ReportFigure(name, "lr/‖w‖² at the end", subject, figure, end)


def describe_effective(rows: pd.DataFrame) -> str:
    """Return of which arms lr/‖w‖² is the effective learning rate: those whose neurons may be scaled at no cost."""
    columns = ["placement", "activation", "norm_kind", "norm_layers"]
    arms = rows[columns].drop_duplicates().sort_values(columns, kind="stable").to_dict("records")
    named = {True: list[str](), False: list[str]()}
    for arm in arms:
        kind = NormKind.batch if pd.isna(arm["norm_kind"]) else NormKind(arm["norm_kind"])
        whole = pd.isna(arm["norm_layers"]) or arm["norm_layers"] == "all"
        block = whole and has_block(Placement(arm["placement"]), arm["activation"], kind)
        other = "" if kind == NormKind.batch else f" ({kind})"
        named[block].append(f"{arm['placement']} with {arm['activation']}{other}")
    with_block, without = (", ".join(dict.fromkeys(named[block])) for block in (True, False))
    if not with_block:
        return f"not an effective learning rate, as the scale of the weights matters: {without}"
    rest = f"; not of {without}, where the scale of the weights matters" if without else ""
    return f"the effective learning rate of {with_block}, which are blind to the scale of a neuron's weights{rest}"


_EFFECTIVE_LR: Final = "lr/‖w‖², mean over the neurons of the hidden layer in the middle; geometric means over seeds"


FIGURES: Final[dict[str, Callable[[LayerEvidence], Iterator[ReportFigure]]]] = {
    "quantiles": _make_quantiles,
    "saturation": _make_saturation,
    "gradients": _make_gradients,
    "histograms": _make_histograms,
    "effective_lr": _make_effective_lr,
    "growth": theory_figures.make_growth,
    "floor": theory_figures.make_floor,
    "gap": theory_figures.make_gap,
    "symmetry": theory_figures.make_symmetry,
    "landscape": _make_landscape,
}
"""By the names that a study calls them by."""
