"""Points with intervals, and predicted against measured: marks, rows and names are the frame's."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from bnexp.figures.kinds.dots import draw_dots
from bnexp.figures.kinds.prediction import draw_prediction
from bnexp.figures.style import Words

WORDS = Words("title", "caption")


def make_points(scale: float = 1.0) -> pd.DataFrame:
    rows = [
        (panel, row, series, scale * (place + 1), scale * place, scale * (place + 2), 50.0 if panel == "a" else np.nan)
        for panel in ("a", "b")
        for place, row in enumerate(("relu", "tanh", "sine"))
        for series in ("explored", "confirmed")
    ]
    return pd.DataFrame(rows, columns=["panel", "row", "series", "mean", "low", "high", "mark"])


def marks(axes: Axes, name: str) -> dict[str, float]:
    """Return the mean that is drawn in each row."""
    labels = [text.get_text() for text in axes.get_yticklabels()]
    (line,) = (line for line in axes.lines if line.get_label() == name)
    return {labels[round(float(y))]: float(x) for x, y in np.asarray(line.get_xydata())}


def test_each_mean_stands_in_its_row_on_its_interval() -> None:
    points = make_points()
    figure = draw_dots(points, WORDS, label="points", columns=2)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    for axes in figure.axes:
        for name in ("explored", "confirmed"):
            assert marks(axes, name) == {"relu": 1, "tanh": 2, "sine": 3}
        bars = [np.asarray(line.get_xdata()).tolist() for line in axes.lines if line.get_linewidth() == 2]
        assert bars == [[place, place + 2] for _ in range(2) for place in range(3)]


def test_the_stated_value_is_a_dashed_line_in_its_own_panel() -> None:
    first, second = draw_dots(make_points(), WORDS, label="points", columns=2).axes
    assert [float(np.asarray(line.get_xdata())[0]) for line in first.lines[:2]] == [0, 50]
    assert 50 not in [float(np.asarray(line.get_xdata())[0]) for line in second.lines]


def test_a_mean_beyond_the_limits_is_an_arrow_at_the_edge() -> None:
    figure = draw_dots(make_points(100.0), WORDS, label="share", limits=(-250, 250))
    axes = figure.axes[0]
    arrows = [line for line in axes.lines if line.get_marker() == ">"]
    assert [np.asarray(line.get_xdata()).tolist() for line in arrows] == [[250], [250]]
    assert np.isnan(marks(axes, "explored")["sine"])
    assert axes.get_xlim() == (-250, 250)


@pytest.mark.parametrize(("scale", "name"), [(1.0, "linear"), (20.0, "symlog")])
def test_large_differences_make_the_scale_logarithmic_for_the_small_ones(scale: float, name: str) -> None:
    assert draw_dots(make_points(scale), WORDS, label="points").axes[0].get_xscale() == name


def test_each_activation_is_named_beside_its_point_and_the_line_is_where_both_are_equal() -> None:
    names = ["relu", "tanh", "sigmoid", "gelu"]
    values = np.array([-0.2, 0.4, 0.9, -0.21])
    points = pd.DataFrame({"activation": names, "predicted": values + 0.1, "mean": values})
    points = points.assign(low=values - 0.1, high=values + 0.1)
    figure = draw_prediction([("moment", points)], WORDS, label="gap")
    axes = figure.axes[0]
    assert {text.get_text(): tuple(map(float, text.xy)) for text in axes.texts} == {
        name: (pytest.approx(value + 0.1), pytest.approx(value)) for name, value in zip(names, values, strict=True)
    }
    (line,) = (line for line in axes.lines if type(line).__name__ == "AxLine")
    assert line.get_slope() == 1
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
