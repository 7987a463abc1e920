"""What training ends at: lines, bands, marks and bars are the frame's numbers."""

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from bnexp.figures.kinds.finals import draw_finals
from bnexp.figures.kinds.heat_map import draw_heat_map
from bnexp.figures.layout import Layout
from bnexp.figures.style import Words
from tests.support.estimates import LRS, finals

PLACEMENTS = ("none", "pre", "post")
LAYOUT = Layout("placement", PLACEMENTS, ("activation",))


def draw(frame: Any, x: str = "lr", layout: Layout = LAYOUT, metric: str = "test_accuracy") -> Figure:
    return draw_finals(frame, layout, Words("title", "caption"), x=x, metric=metric)


def draw_map(frame: Any) -> Figure:
    return draw_heat_map(frame, LAYOUT, Words("title", "caption"), x="lr", metric="test_accuracy")


def lines(axes: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in axes.lines if not str(line.get_label()).startswith("_")}


def heights(axes: Axes, label: str) -> list[float]:
    (bars,) = [bars for bars in axes.containers if bars.get_label() == label]
    return [bar.get_height() for bar in bars]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def tall(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_title()]


def test_each_level_is_a_line_of_the_means_with_its_band_in_a_panel_per_activation() -> None:
    frame = finals()
    figure = draw(frame)
    assert [axes.get_title() for axes in tall(figure)] == ["relu", "tanh", "sigmoid"]
    for axes in tall(figure):
        cell = frame[frame["activation"] == axes.get_title()]
        assert list(lines(axes)) == list(PLACEMENTS)
        for number, (placement, line) in enumerate(lines(axes).items()):
            rows = cell[cell["placement"] == placement]
            assert np.asarray(line.get_ydata()) == pytest.approx(rows["mean"].to_numpy())
            band = np.asarray(axes.collections[number].get_paths()[0].vertices)[:, 1]
            assert (band.min(), band.max()) == pytest.approx((rows["low"].min(), rows["high"].max()))


def test_the_values_that_were_tried_are_the_ticks() -> None:
    axes = draw(finals()).axes[-1]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.01", "0.03", "0.1", "0.3", "1"]
    assert len(set(np.asarray(lines(tall(draw(finals()))[0])["pre"].get_xdata()))) == len(LRS)


def test_the_best_value_of_each_level_is_ringed_and_the_only_one_is_not() -> None:
    frame = finals(activations=["relu"])
    figure = draw(frame)
    rings = [line for line in tall(figure)[0].lines if line.get_markerfacecolor() == "none"]
    best = frame[frame["best"]]
    assert [float(np.asarray(ring.get_ydata())[0]) for ring in rings] == pytest.approx(best["mean"].tolist())
    assert "best on validation" in legend(figure)
    single = draw(finals(activations=["relu"], lrs=[0.1]))
    assert not [line for line in tall(single)[0].lines if line.get_markerfacecolor() == "none"]
    assert "best on validation" not in legend(single)


def test_the_strip_shows_the_share_of_runs_that_diverged_and_on_top_of_it_those_stuck() -> None:
    frame = finals(activations=["sigmoid"], n=10)
    frame.loc[(frame["placement"] == "none") & (frame["lr"] == 1), "stuck"] = 2
    strip = draw(frame).axes[1]
    assert heights(strip, "none diverged") == pytest.approx([0, 0, 0, 0, 0.7])
    assert heights(strip, "none stuck") == pytest.approx([1, 1, 0, 0, 0.2])
    assert heights(strip, "pre diverged") == pytest.approx([0, 0, 0, 0, 0.1])
    (stuck,) = [bars for bars in strip.containers if bars.get_label() == "none stuck"]
    assert stuck[4].get_y() == pytest.approx(0.7)
    assert stuck[4].get_hatch()
    bars = [bar for container in strip.containers for bar in container]
    edges = sorted({(round(bar.get_x(), 6), round(bar.get_x() + bar.get_width(), 6)) for bar in bars})
    assert all(right <= left + 1e-6 for (_, right), (left, _) in pairwise(edges))


def test_there_is_no_strip_where_nothing_went_wrong() -> None:
    figure = draw(finals(activations=["relu"], lrs=[0.1, 0.3]))
    assert len(figure.axes) == 1
    assert "diverged" not in legend(figure)
    assert "stuck" not in legend(figure)


def test_a_single_value_has_its_intervals_side_by_side() -> None:
    frame = finals(activations=["relu"], lrs=[0.1])
    (axes,) = draw(frame).axes
    ends = [np.asarray(bars.get_paths()[0].vertices) for bars in axes.collections]
    assert [end[:, 1].tolist() for end in ends] == frame[["low", "high"]].to_numpy().tolist()
    x = [float(np.asarray(line.get_xdata())[0]) for line in lines(axes).values()]
    assert x == [float(end[0, 0]) for end in ends]
    assert x == sorted(set(x))


def test_one_seed_has_points_and_no_band() -> None:
    (axes,) = draw(finals(activations=["relu"], lrs=[0.1], n=1)).axes
    assert len(lines(axes)) == 3
    assert not [path for bars in axes.collections for path in bars.get_paths() if np.isfinite(path.vertices).all()]


@pytest.mark.parametrize(
    ("x", "values", "texts"),
    [
        ("batch_size", [5, 60, 512], ["5", "60", "512"]),
        ("hidden", ["100-100", "50"], ["50", "100-100"]),
        ("norm_momentum", [0.01, 0.1, 0.5], ["0.01", "0.1", "0.5"]),
    ],
)
def test_any_axis_can_be_drawn_upon(x: str, values: list[Any], texts: list[str]) -> None:
    axes = draw(finals(activations=["relu"], lrs=values, x=x), x).axes[-1]
    assert [text.get_text() for text in axes.get_xticklabels()] == texts
    assert axes.get_xlabel() == {"norm_momentum": "norm.momentum"}.get(x, x)


def test_a_level_in_which_the_axis_cannot_act_is_a_level_line() -> None:
    frame = finals(activations=["relu"], lrs=[0.01, 0.1, 0.5], x="norm_momentum")
    none = frame["placement"] == "none"
    frame = frame[~none | (frame["norm_momentum"] == 0.1)]
    frame.loc[frame["placement"] == "none", "norm_momentum"] = np.nan
    line = lines(tall(draw(frame, "norm_momentum"))[0])["none"]
    mean = frame.loc[frame["placement"] == "none", "mean"].item()
    assert np.asarray(line.get_ydata()).tolist() == [mean, mean]


def test_any_axis_can_be_compared_and_numbers_have_ordered_colours() -> None:
    levels = (5, 60, 512)
    frame = finals(levels, ["relu"], compared="batch_size")
    figure = draw(frame, layout=Layout("batch_size", levels, ("activation",)))
    assert [text for text in legend(figure) if "size" in text] == ["batch_size 5", "batch_size 60", "batch_size 512"]
    colours = [to_hex(line.get_color()) for line in lines(tall(figure)[0]).values()]
    assert len(set(colours)) == 3


def test_a_loss_is_drawn_in_nats() -> None:
    axes = tall(draw(finals(activations=["relu"]), metric="test_loss"))[0]
    assert axes.get_ylabel() == "test loss (nats)"
    assert axes.get_yscale() in ("linear", "log")


def cells(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_fill()]


def test_a_cell_of_the_heat_map_says_its_accuracy_and_how_many_runs_went_wrong() -> None:
    frame = finals(activations=["sigmoid"], lrs=[0.01, 0.3, 1.0])
    axes = draw_map(frame).axes[0]
    texts = {(int(text.get_position()[0]), int(text.get_position()[1])): text.get_text() for text in axes.texts}
    assert len(texts) == len(cells(axes)) == 9
    assert texts[0, 0] == "10.00\n10/10\nstuck"
    assert texts[2, 1].endswith("\n1/10 div.")
    mean = frame.loc[(frame["placement"] == "post") & (frame["lr"] == 0.3), "mean"].item()
    assert texts[1, 2] == f"{100 * mean:.2f}"


def test_colours_of_the_heat_map_are_lighter_for_better_and_the_same_in_all_panels() -> None:
    frame = finals(activations=["relu", "tanh"], lrs=[0.1, 0.3])
    frame["mean"] = 0.9 + 0.005 * np.arange(len(frame)) % 0.03
    figure = draw_map(frame)
    means, greys = [], []
    for axes in figure.axes[:2]:
        for text, cell in zip(axes.texts, cells(axes), strict=True):
            means.append(float(text.get_text().split("\n")[0]))
            greys.append(float(np.dot(cell.get_facecolor()[:3], (0.2126, 0.7152, 0.0722))))
    order = np.argsort(means)
    assert (np.diff(np.array(greys)[order]) >= 0).all()
    assert len(set(greys)) == len(set(means))


def test_the_best_cell_of_each_level_is_outlined() -> None:
    frame = finals(activations=["relu"])
    axes = draw_map(frame).axes[0]
    outlined = [patch for patch in axes.patches if not patch.get_fill()]
    columns = {int(patch.get_y() + 0.5): int(patch.get_x() + 0.5) for patch in outlined}
    best = frame[frame["best"]]
    assert columns == {PLACEMENTS.index(row.placement): LRS.index(row.lr) for row in best.itertuples()}


def test_a_combination_that_was_not_run_is_left_empty() -> None:
    frame = finals(activations=["relu"], lrs=[0.1, 0.3])
    frame = frame[(frame["placement"] != "post") | (frame["lr"] == 0.1)]
    axes = draw_map(frame).axes[0]
    assert len(cells(axes)) == len(axes.texts) == 5


def test_long_titles_of_narrow_panels_do_not_run_over_one_another() -> None:
    parts = [finals(activations=[name]) for name in ("relu", "tanh", "sigmoid")]
    frame = pd.concat(parts).assign(data="fashion_mnist", hidden="100-100-100")
    frame = frame[frame["lr"] == 0.1]
    layout = Layout("placement", PLACEMENTS, ("activation", "data", "hidden"))
    figure = draw_heat_map(frame, layout, Words("title", "caption"), x="lr", metric="test_accuracy")
    figure.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in figure.axes if axes.get_title()]
    assert len(boxes) == 3
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
