"""The figures in which the theory is drawn beside what was measured: growth, the floor of eps, gaps, the symmetry."""

from collections.abc import Iterator

from bnexp.figures import layers as draw
from bnexp.figures.layout import WIDEST, Layout
from bnexp.figures.symmetry import symmetry as draw_symmetry
from bnexp.labels import axis_label
from bnexp.report import predictions
from bnexp.report.figure import MOST_PANELS, ReportFigure, count
from bnexp.report.layer_evidence import LayerEvidence
from bnexp.statistics import layers


def growth(seen: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw how the squared gradient grows per layer at initialization, beside the closed forms."""
    rows = layers.gradient_growth(seen.deepest)
    inner = rows[rows["in_middle"]]
    if inner.empty or count(rows, seen.cells) > MOST_PANELS:
        return
    frame = layers.geometric_means(rows, [*seen.arm, "layer", "in_middle"], ["growth"])
    per_run = inner.assign(growth=layers.geometric_over_layers(inner, "growth")).drop_duplicates("run")
    numbers = layers.geometric_means(per_run, seen.arm, ["growth"])
    settings = ["placement", "activation", "data_train", "hidden", "init_scheme", "init_gain", "init_hidden_gain"]
    arms = rows.drop_duplicates(seen.arm)[[*dict.fromkeys([*seen.arm, *settings])]]
    numbers = predictions.growth(arms.merge(numbers, on=seen.arm))
    words = f"growth of the squared gradient per layer at initialization{seen.where}"
    caption = seen.under(
        "ratio of the squared gradient norms of a layer and the next; geometric means over seeds",
        "shaded, and in the numbers: the layers away from both ends",
        "theory: Gaussian weights of the same variance, no biases, infinite width, and infinite batches but for pre "
        "with relu",
        seen.band,
    )
    figure = draw.growth(frame, numbers, seen.layout(frame), seen.titled(words), caption)
    yield ReportFigure("growth", "Growth of gradients per layer", caption, words, figure, numbers)


def floor(seen: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw which share of the variance is normalized at initialization, against the scale of the weights."""
    rows = layers.hidden_layers(seen.rows[seen.rows["stage"] == "init"]).dropna(subset="normalized")
    rows = rows[rows["norm_eps"] > 0]
    if rows["init_gain"].nunique() < 2:
        return
    settings = ["placement", "activation", "hidden", "depth", "init_scheme", "init_hidden_gain", "norm_eps"]
    by = list(dict.fromkeys([*seen.arm, *settings, "init_gain"]))
    frame = predictions.floor(layers.means(rows, [*by, "layer"], ["normalized"]), by)
    facets = tuple(name for name in seen.cells if name != "init_gain")
    panels = Layout("layer", (), (seen.made.design.compared, *facets)).cells(frame)
    if len(panels) > MOST_PANELS:
        return
    words = "share of the variance that is normalized at initialization"
    caption = seen.under(
        "var/(var + eps), mean over units and seeds",
        "lines: theory for wide nets, from what was measured in layer 1 on",
    )
    figure = draw.floor(frame, panels, "init_gain", seen.titled(words), caption)
    yield ReportFigure("floor", "The floor of eps", caption, words, figure, frame)


def gap(seen: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw how far the statistics of evaluation are from those of a sample at the end, against the study's x axis."""
    x = seen.made.design.x
    rows = layers.hidden_layers(seen.rows[seen.rows["stage"] == "end"]).dropna(subset="mean_gap")
    if x is None or rows.empty:
        return
    settings = ["batch_size", "data_train", "norm_momentum", "norm_statistics"]
    by = list(dict.fromkeys([*seen.arm, *settings]))
    first = rows[rows["layer"] == 1].set_index("run")["mean_gap"]
    runs = layers.layer_means(rows, ["mean_gap", "var_gap"])
    runs = runs.assign(first_mean_gap=runs["run"].map(first))
    frame = predictions.gap(layers.means(runs, by, ["first_mean_gap", "mean_gap", "var_gap"]))
    facets = seen.made.design.facets
    if count(frame, facets) > WIDEST:
        return
    words = f"gap between the statistics of training and of evaluation at the end, against {axis_label(x)}"
    caption = seen.under(
        "of 500 training examples as one batch against what evaluation uses",
        "means over units and seeds, and over hidden layers where none is named",
        "pale: what sampling alone leaves in layer 1 when the weights stand still",
        seen.band,
    )
    layout = Layout(seen.made.design.compared, seen.made.design.levels, facets)
    figure = draw.against(frame, x, layout, seen.titled(words), caption)
    yield ReportFigure("gap", "Gap between training and evaluation", caption, words, figure, frame)


def symmetry(seen: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw the training losses of the levels on each other."""
    points = seen.found.points.dropna(subset="train_loss")
    compared = seen.made.design.compared
    if len(seen.made.design.levels) < 2 or count(points, seen.cells) > MOST_PANELS:
        return
    frame = layers.largest_differences(points, compared, seen.cells)
    words = f"training loss of nets that differ in {axis_label(compared)}"
    caption = seen.under(f"lines: seed {points['seed'].min()}; differences: over all steps and seeds")
    figure = draw_symmetry(
        points, frame, Layout(compared, seen.made.design.levels, seen.cells[::-1]), seen.titled(words), caption
    )
    yield ReportFigure("symmetry", "Twins", caption, words, figure, frame)
