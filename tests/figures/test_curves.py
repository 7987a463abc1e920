"""What the curves show, read from their artists."""

import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnexp.choices import Activation, Placement
from bnexp.figures.export import render
from bnexp.figures.kinds.curves import draw_curves
from bnexp.figures.layout import Layout
from bnexp.figures.style import Words
from bnexp.statistics import curves as estimates
from bnexp.statistics.arms import score_runs
from tests.support.svg import read_texts
from tests.support.synthetic import START_ACCURACY, Rows, product, rows

PLACEMENTS = Layout("placement", (Placement.none, Placement.pre, Placement.post), ("activation",))


def draw(frames: Rows, title: str = "title", caption: str = "caption", layout: Layout = PLACEMENTS) -> Figure:
    runs, points = frames
    scored = score_runs(runs)
    seeds = estimates.complete_curves(points, scored)
    return draw_curves(estimates.average_curves(seeds, scored), seeds, layout, Words(title, caption))


def panels(figure: Figure) -> tuple[list[Axes], list[Axes]]:
    """Return the panels of losses and of accuracies."""
    losses = [axes for axes in figure.axes if axes.get_title()]
    return losses, [axes for axes in figure.axes if axes not in losses]


def means(axes: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in axes.lines if not str(line.get_label()).startswith("_")}


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_each_placement_has_one_line_with_its_own_colour_and_style_in_a_fixed_order() -> None:
    figure = draw(rows(product(["post", "none", "pre"])))
    for axes in figure.axes:
        lines = means(axes)
        assert list(lines) == ["none", "pre", "post"]
        assert [to_hex(line.get_color()).upper() for line in lines.values()] == ["#000000", "#0072B2", "#D55E00"]
        assert [line.is_dashed() for line in lines.values()] == [True, False, True]
    dashes = re.findall(r"stroke-dasharray: ([\d., ]+)", render(figure, "svg", "name").decode())
    assert len(set(dashes)) == 2  # dots and dashes, in the panels and in the legend


def test_the_lines_are_the_estimates() -> None:
    runs, points = rows(product(), accuracy=lambda run: {"none": 0.5, "pre": 0.7, "post": 0.9}[run.placement])
    _, (axes,) = panels(draw((runs, points)))
    for placement, end in {"none": 0.5, "pre": 0.7, "post": 0.9}.items():
        line = means(axes)[placement]
        assert np.asarray(line.get_xdata()).tolist() == [0, 10, 20, 30, 40]
        assert np.asarray(line.get_ydata()) == pytest.approx(np.linspace(START_ACCURACY, end, 5))


def test_a_diverged_run_lowers_the_line() -> None:
    sweep = product(["pre"])
    _, (axes,) = panels(draw(rows(sweep, accuracy=lambda _: 0.97, diverged={sweep[0]: 8})))
    assert np.asarray(means(axes)["pre"].get_ydata())[-1] == pytest.approx((2 * 0.97 + 0.1) / 3)


def test_the_band_is_the_interval_and_one_seed_has_none() -> None:
    runs, points = rows(product(["pre"]))
    _, (axes,) = panels(draw((runs, points)))
    scored = score_runs(runs)
    means = estimates.average_curves(estimates.complete_curves(points, scored), scored)
    end = means[(means["metric"] == "validation_accuracy") & (means["step"] == 40)]
    (band,) = axes.collections
    heights = np.asarray(band.get_paths()[0].vertices)[:, 1]
    assert heights.min() == pytest.approx(min(end["low"].item(), START_ACCURACY))
    assert heights.max() == pytest.approx(end["high"].item())
    assert not [axes.collections for axes in draw(rows(product(["pre"], seeds=[0]))).axes if axes.collections]


@pytest.mark.parametrize(("seeds", "thin"), [(1, 0), (2, 2), (5, 5), (6, 0)])
def test_a_few_seeds_have_thin_lines_of_their_own(seeds: int, thin: int) -> None:
    for axes in draw(rows(product(["pre"], seeds=range(seeds)))).axes:
        thick = means(axes)["pre"]
        others = [line for line in axes.lines if line is not thick]
        assert len(others) == thin
        assert all(line.get_linewidth() < thick.get_linewidth() / 2 for line in others)
        assert all(line.get_color() == thick.get_color() for line in others)


def test_the_legend_says_how_many_seeds_each_placement_has() -> None:
    sweep = product(["none"], ["relu", "tanh"], seeds=range(2)) + product(["pre"], ["relu"], seeds=range(10))
    sweep += product(["pre"], ["tanh"], seeds=range(7))
    assert legend(draw(rows(sweep))) == ["none, n = 2", "pre (BN → activation), n = 7–10"]


def test_a_placement_that_is_missing_is_neither_drawn_nor_in_the_legend() -> None:
    figure = draw(rows(product(["none", "post"])))
    assert [list(means(axes)) for axes in figure.axes] == [["none", "post"]] * 2
    assert [text.split(",")[0].split()[0] for text in legend(figure)] == ["none", "post"]


def test_every_activation_has_a_column_in_the_order_of_the_choices() -> None:
    losses, accuracies = panels(draw(rows(product(["pre"], ["sigmoid", "relu"], seeds=[0]))))
    assert [axes.get_title() for axes in losses] == ["relu", "sigmoid"]
    assert len(accuracies) == 2


def test_many_activations_go_on_in_further_rows() -> None:
    losses, accuracies = panels(draw(rows(product(["pre"], list(Activation)[:7], seeds=[0]))))
    assert [axes.get_title() for axes in losses] == list(Activation)[:7]
    assert len(accuracies) == 7
    assert len({axes.get_position().x0 for axes in losses}) == 4  # four and three, not five and two
    assert losses[4].get_position().y1 < accuracies[3].get_position().y0


def test_all_columns_share_their_scales() -> None:
    for row in panels(draw(rows(product(["pre"], ["relu", "tanh"]), accuracy=lambda run: 0.1 + 0.2 * run.seed))):
        assert len({axes.get_ylim() for axes in row}) == 1
        assert len({axes.get_xlim() for axes in row}) == 1
        assert len({axes.get_yscale() for axes in row}) == 1


@pytest.mark.parametrize(("end_loss", "scale"), [(1.0, "linear"), (0.01, "log")])
def test_the_loss_is_on_a_logarithmic_scale_where_it_spans_much(end_loss: float, scale: str) -> None:
    (axes,), _ = panels(draw(rows(product(["pre"]), end_loss=end_loss)))
    assert axes.get_yscale() == scale


def test_a_loss_far_above_that_at_initialization_does_not_flatten_the_others() -> None:
    runs, points = rows(product(["none", "pre"], seeds=[0]))
    none = runs.loc[runs["placement"] == "none", "run"].item()
    points.loc[(points["run"] == none) & (points["step"] == 5), "train_loss"] = 1e12
    (axes,), _ = panels(draw((runs, points)))
    assert axes.get_ylim()[1] < 10


def test_differences_at_the_top_are_visible_beside_an_arm_that_is_stuck() -> None:
    ends = {"none": 0.1, "pre": 0.98, "post": 0.97}
    figure = draw(rows(product(), accuracy=lambda run: ends[run.placement]))
    _, (axes,) = panels(figure)
    height = {
        name: axes.transAxes.inverted().transform(axes.transData.transform((40, y)))[1] for name, y in ends.items()
    }
    assert 0 < height["none"] < 0.2
    assert height["none"] < height["post"] < height["pre"] < 1
    assert height["pre"] - height["post"] > 0.05  # a linear scale would give 0.01


def test_the_first_steps_do_not_stretch_the_scale_of_the_accuracies() -> None:
    runs, points = rows(product(["pre"]), accuracy=lambda _: 0.98)
    later = (points["step"] > 0) & points["validation_accuracy"].notna()
    points.loc[later, "validation_accuracy"] = 0.96 + points["step"] / 40 * 0.02
    _, (axes,) = panels(draw((runs, points)))
    low, high = axes.get_ylim()
    assert 0.95 < low < 0.9651
    assert 0.98 < high < 0.985


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.98), (0.97, 0.98), (0.10, 0.12), (0.999, 1.0)])
def test_accuracies_are_written_in_percent_with_enough_ticks(low: float, high: float) -> None:
    sweep = product(["pre"], ["relu", "tanh"])
    figure = draw(rows(sweep, accuracy=lambda run: low if run.activation == "relu" else high))
    figure.draw_without_rendering()
    axes = panels(figure)[1][0]
    bottom, top = axes.get_ylim()
    ticks = [text.get_text() for text in axes.get_yticklabels() if bottom <= text.get_position()[1] <= top]
    assert len(ticks) >= 3
    assert all(text.endswith(" %") for text in ticks)


def test_a_perfect_accuracy_and_a_loss_of_zero_can_be_drawn() -> None:
    figure = draw(rows(product(["pre"]), accuracy=lambda _: 1.0, end_loss=0.0))
    assert render(figure, "png", "name").startswith(b"\x89PNG")


def test_each_line_says_its_learning_rate_where_the_arms_have_different_ones() -> None:
    sweep = product(["none"], ["relu", "tanh"], [0.1]) + product(["pre"], ["relu"], [0.3])
    sweep += product(["pre"], ["tanh"], [1.0])
    losses, accuracies = panels(draw(rows(sweep, accuracy=lambda run: 0.9 + 0.05 * (run.placement == "pre"))))
    assert [[text.get_text() for text in axes.texts] for axes in accuracies] == [
        ["none, lr 0.1", "pre, lr 0.3"],
        ["none, lr 0.1", "pre, lr 1"],
    ]
    for axes in accuracies:
        low, high = (text.get_position()[1] for text in axes.texts)
        assert low < high
    assert not [text for axes in losses for text in axes.texts]
    _, (single,) = panels(draw(rows(product(["none", "pre"]))))
    assert not single.texts


def test_activations_can_be_compared_with_the_placements_side_by_side() -> None:
    frames = rows(product(["none", "pre"], ["tanh", "relu"]))
    losses, _ = panels(draw(frames, layout=Layout("activation", ("relu", "tanh"), ("placement",))))
    assert [axes.get_title() for axes in losses] == ["none", "pre"]
    assert [list(means(axes)) for axes in losses] == [["relu", "tanh"]] * 2
    for axes in losses:
        thin = [line.get_color() for line in axes.lines if line.get_linewidth() < 1]
        assert [thin.count(line.get_color()) for line in means(axes).values()] == [3, 3]


def test_the_same_estimates_give_the_same_bytes_with_text_as_text() -> None:
    frames = rows(product())
    first, second = (render(draw(frames, "Digits", "two\nlines"), "svg", "name") for _ in range(2))
    assert first == second
    assert first != render(draw(frames, "MNIST", "two\nlines"), "svg", "name")
    assert b">Digits</text>" in first
    assert b"<dc:date>" not in first


def test_a_caption_is_drawn_as_it_is_whatever_signs_it_holds() -> None:
    caption = "name=$HOME/$x_1 'seed=range(3)' a<b \\alpha"
    svg = render(draw(rows(product(["pre"])), caption=caption), "svg", "name").decode()
    assert caption in read_texts(svg)


def test_the_settings_of_the_user_are_neither_used_nor_changed() -> None:
    frames = rows(product(["pre"]))
    plain = render(draw(frames), "svg", "name")
    with matplotlib.rc_context({"lines.linewidth": 7, "axes.facecolor": "red", "svg.fonttype": "path"}):
        mine = dict(matplotlib.rcParams)
        assert render(draw(frames), "svg", "name") == plain
        assert dict(matplotlib.rcParams) == mine


def test_no_figure_needs_a_display_or_the_global_state_of_pyplot() -> None:
    code = "import sys; import bnexp.report; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
