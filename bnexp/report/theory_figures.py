"""The figures in which the theory is drawn beside what was measured: growth, the floor of eps, gaps, the symmetry."""

from collections.abc import Iterator

from bnexp.engine.sizes import PROBED_EXAMPLES
from bnexp.figures.kinds.layers import draw_against, draw_floor, draw_growth
from bnexp.figures.kinds.symmetry import draw_symmetry
from bnexp.figures.layout import WIDEST, Layout
from bnexp.labels import axis_label
from bnexp.report.figure import MOST_PANELS, ReportFigure, count_panels, make_layout
from bnexp.report.layer_evidence import LayerEvidence
from bnexp.report.predictions import add_predicted_floor, add_predicted_gap, add_predicted_growth
from bnexp.statistics import layers


def make_growth(inside: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw how the squared gradient grows per layer at initialization, beside the closed forms."""
    rows = layers.gradient_growth(inside.deepest_rows)
    middle = rows[rows["in_middle"]]
    if middle.empty or count_panels(rows, inside.cell_columns) > MOST_PANELS:
        return
    arm = inside.arm_columns
    frame = layers.geometric_means(rows, [*arm, "layer", "in_middle"], ["growth"])
    per_run = middle.assign(growth=layers.geometric_over_layers(middle, "growth")).drop_duplicates("run")
    numbers = layers.geometric_means(per_run, arm, ["growth"])
    columns = ["placement", "activation", "data_train", "hidden", "init_scheme", "init_gain", "init_hidden_gain"]
    arms = rows.drop_duplicates(arm)[[*dict.fromkeys([*arm, *columns])]]
    numbers = add_predicted_growth(arms.merge(numbers, on=arm))
    subject = f"growth of the squared gradient per layer at initialization{inside.nets_text}"
    words = inside.make_words(
        subject,
        "ratio of the squared gradient norms of a layer and the next; geometric means over seeds",
        "shaded, and in the numbers: the layers away from both ends",
        "theory: Gaussian weights of the same variance, no biases, infinite width, and infinite batches but for pre "
        "with relu",
        inside.band_text,
    )
    figure = draw_growth(frame, numbers, inside.make_layout(frame), words)
    yield ReportFigure("growth", "Growth of gradients per layer", subject, figure, numbers)


def make_floor(inside: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw which share of the variance is normalized at initialization, against the scale of the weights."""
    rows = layers.hidden_layers(inside.rows[inside.rows["stage"] == "init"]).dropna(subset="normalized")
    rows = rows[rows["norm_eps"] > 0]
    if rows["init_gain"].nunique() < 2:
        return
    columns = ["placement", "activation", "hidden", "depth", "init_scheme", "init_hidden_gain", "norm_eps"]
    by = list(dict.fromkeys([*inside.arm_columns, *columns, "init_gain"]))
    frame = add_predicted_floor(layers.means(rows, [*by, "layer"], ["normalized"]), by)
    facets = tuple(name for name in inside.cell_columns if name != "init_gain")
    panels = Layout("layer", (), (inside.estimates.design.compared, *facets)).cells(frame)
    if len(panels) > MOST_PANELS:
        return
    subject = "share of the variance that is normalized at initialization"
    words = inside.make_words(
        subject,
        "var/(var + eps), mean over units and seeds",
        "lines: theory for wide nets, from what was measured in layer 1 on",
    )
    by_layer = Layout("layer", tuple(sorted(frame["layer"].unique())))
    figure = draw_floor(panels, by_layer, words, x="init_gain")
    yield ReportFigure("floor", "The floor of eps", subject, figure, frame)


def make_gap(inside: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw how far the statistics of evaluation are from those of a sample at the end, against the study's x axis."""
    x, facets = inside.estimates.design.x, inside.estimates.design.facets
    rows = layers.hidden_layers(inside.rows[inside.rows["stage"] == "end"]).dropna(subset="mean_gap")
    if x is None or rows.empty:
        return
    columns = ["batch_size", "data_train", "norm_momentum", "norm_statistics"]
    by = list(dict.fromkeys([*inside.arm_columns, *columns]))
    first = rows[rows["layer"] == 1].set_index("run")["mean_gap"]
    runs = layers.layer_means(rows, ["mean_gap", "var_gap"])
    runs = runs.assign(first_mean_gap=runs["run"].map(first))
    frame = add_predicted_gap(layers.means(runs, by, ["first_mean_gap", "mean_gap", "var_gap"]))
    if count_panels(frame, facets) > WIDEST:
        return
    subject = f"gap between the statistics of training and of evaluation at the end, against {axis_label(x)}"
    words = inside.make_words(
        subject,
        f"of {PROBED_EXAMPLES} training examples as one batch against what evaluation uses",
        "means over units and seeds, and over hidden layers where none is named",
        "pale: what sampling alone leaves in layer 1 when the weights stand still",
        inside.band_text,
    )
    figure = draw_against(frame, make_layout(inside.estimates, facets), words, x=x)
    yield ReportFigure("gap", "Gap between training and evaluation", subject, figure, frame)


def make_symmetry(inside: LayerEvidence) -> Iterator[ReportFigure]:
    """Draw the training losses of the levels on each other."""
    points, cells = inside.evidence.points.dropna(subset="train_loss"), inside.cell_columns
    compared, levels = inside.estimates.design.compared, inside.estimates.design.levels
    if len(levels) < 2 or count_panels(points, cells) > MOST_PANELS:
        return
    frame = layers.largest_differences(points, compared, cells)
    if frame.empty:  # as with several learning rates, of which none has a twin alone
        return
    subject = f"training loss of nets that differ in {axis_label(compared)}"
    words = inside.make_words(subject, f"lines: seed {points['seed'].min()}; differences: over all steps and seeds")
    figure = draw_symmetry(points, frame, Layout(compared, levels, cells[::-1]), words)
    yield ReportFigure("symmetry", "Twins", subject, figure, frame)
