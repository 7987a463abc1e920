"""Figures for a page and for the columns of a paper: as wide as the column, without words, in type that can be read."""

from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from bnexp.choices import FigureForm
from bnexp.figures.export import render
from bnexp.figures.form import FORMS, MILLIMETRE, shrink
from bnexp.figures.kinds.finals import draw_finals
from bnexp.figures.kinds.forest import draw_forest
from bnexp.figures.kinds.heat_map import draw_heat_map
from bnexp.figures.kinds.interaction import draw_interaction
from bnexp.figures.kinds.speed import draw_speed
from bnexp.figures.layout import Layout
from bnexp.figures.style import Words
from tests.support.estimates import best, effects, finals, times

LAYOUT = Layout("placement", ("none", "pre", "post"), ("activation",))
PAPER = FORMS[FigureForm.paper]
WORDS = Words("a title", "a caption", PAPER)
NETS = ["-".join(["20"] * depth) for depth in (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)]


def visible(figure: Figure) -> list[Text]:
    """What is written in a figure, numbers beyond the ends of an axis and of axes that are not shown left out."""
    texts = [text for legend in figure.legends for text in (legend.get_title(), *legend.get_texts())]
    texts += [figure._supxlabel] if figure._supxlabel else []  # type: ignore[attr-defined]
    for axes in figure.axes:
        texts += [axes.title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            ticks = axis.get_major_ticks()
            texts += [axis.label, *(tick.label1 for tick in ticks if low <= tick.get_loc() <= high)]
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def shrunk(figure: Figure) -> Figure:
    shrink(figure, PAPER)
    figure.draw_without_rendering()
    return figure


DRAW: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "finals": lambda frame: draw_finals(frame, LAYOUT, WORDS, x="lr", metric="test_accuracy"),
    "heat map": lambda frame: draw_heat_map(frame, LAYOUT, WORDS, x="lr", metric="test_accuracy"),
    "forest": lambda frame: draw_forest(*effects(frame), LAYOUT, WORDS, metric="test_accuracy", margin=0.001),
    "speed": lambda frame: draw_speed(times(frame), LAYOUT, WORDS),
    "interaction": lambda frame: draw_interaction(
        best(frame), Layout("placement", LAYOUT.levels), WORDS, lines="activation", metric="test_accuracy"
    ),
}


@pytest.mark.parametrize("kind", DRAW)
def test_a_figure_for_a_paper_is_as_wide_as_its_columns_in_type_of_seven_to_nine_points(kind: str) -> None:
    figure = shrunk(DRAW[kind](finals()))
    width = figure.get_figwidth() / MILLIMETRE
    assert width == pytest.approx(85) or width == pytest.approx(178)
    sizes = [text.get_fontsize() for text in visible(figure)]
    assert 7 <= min(sizes) <= max(sizes) <= 9
    for text in visible(figure):
        box = text.get_window_extent()
        assert box.x0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text


@pytest.mark.parametrize("kind", DRAW)
def test_a_figure_for_a_paper_holds_neither_a_title_nor_a_caption(kind: str) -> None:
    words = " ".join(text.get_text() for text in visible(shrunk(DRAW[kind](finals()))))
    assert WORDS.title not in words
    assert WORDS.caption not in words


def test_one_panel_takes_one_column_and_three_take_two() -> None:
    one, three = (
        shrunk(DRAW["finals"](finals(activations=names))) for names in (["relu"], ["relu", "tanh", "sigmoid"])
    )
    assert one.get_figwidth() == pytest.approx(85 * MILLIMETRE)
    assert three.get_figwidth() == pytest.approx(178 * MILLIMETRE)


def test_the_fonts_of_a_paper_are_embedded_as_truetype() -> None:
    content = render(shrunk(DRAW["finals"](finals(activations=["relu"]))), "pdf", "name")
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


def test_a_page_is_left_as_it_was_drawn() -> None:
    figure = draw_finals(finals(), LAYOUT, Words("a title", "a caption"), x="lr", metric="test_accuracy")
    sizes = [text.get_fontsize() for text in visible(figure)], figure.get_size_inches().tolist()
    shrink(figure, FORMS[FigureForm.page])
    assert ([text.get_fontsize() for text in visible(figure)], figure.get_size_inches().tolist()) == sizes


def labels(axes: Axes) -> list[Text]:
    return [text for text in axes.get_xticklabels() if text.get_text()]


def slanted(text: Text) -> tuple[float, float]:
    """Where the end of a label stands, and how much room its line needs along the axis, in pixels."""
    angle = np.radians(text.get_rotation())
    height = text.get_fontsize() * text.get_figure().dpi / 72
    box = text.get_window_extent()
    return box.x1, float(height / np.sin(angle)) if angle else box.width


@pytest.mark.parametrize("form", FigureForm)
@pytest.mark.parametrize("names", [NETS, [f"{width}-{width - 1}-{width - 2}-{width - 3}" for width in range(90, 100)]])
def test_ten_levels_with_long_names_leave_the_panels_their_height_and_do_not_touch(
    names: list[str], form: FigureForm
) -> None:
    frame = finals(activations=["relu", "tanh"], lrs=names, x="hidden")
    words = Words("a title", "a caption", FORMS[form])
    figure = draw_finals(frame, LAYOUT, words, x="hidden", metric="test_accuracy")
    shrink(figure, FORMS[form])
    figure.draw_without_rendering()
    for axes in (axes for axes in figure.axes if axes.get_title()):
        assert axes.get_position().height * figure.get_figheight() > 1.2 * FORMS[form].scale
    places = [slanted(text) for text in labels(figure.axes[-1])]
    assert len(places) == 10
    assert all(right[0] - left[0] >= 0.9 * left[1] for left, right in pairwise(places))


def test_a_deep_net_is_named_by_its_depth_and_width() -> None:
    figure = draw_finals(finals(lrs=NETS, x="hidden"), LAYOUT, WORDS, x="hidden", metric="test_accuracy")
    texts = [text.get_text() for text in labels(figure.axes[-1])]
    assert texts[:5] == ["20", "20-20", "20-20-20", "4 × 20", "5 × 20"]
    assert texts[-1] == "16 × 20"


def test_titles_of_many_panels_do_not_run_over_one_another() -> None:
    parts = [finals(activations=["relu", "sigmoid"]).assign(norm_momentum=m) for m in (0.001, 0.01, 0.1, 0.5)]
    frame = best(pd.concat(parts))
    layout = Layout("placement", LAYOUT.levels, ("activation", "norm_momentum"))
    figure = draw_interaction(
        frame.assign(hidden="20"), layout, Words("a title", ""), lines="hidden", metric="test_accuracy"
    )
    figure.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in figure.axes]
    assert len(boxes) == 8
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert figure.axes[4].get_title() == "sigmoid,\nnorm.momentum 0.001"
    assert len({axes.get_position().x0 for axes in figure.axes}) == 4  # a row for each activation


def seeds_of(frame: pd.DataFrame, n: int) -> pd.DataFrame:
    rows = frame.drop(columns=["low", "high"]).loc[frame.index.repeat(n)]
    return rows.assign(seed=np.tile(range(n), len(frame)), value=rows["mean"] + 0.0001 * np.tile(range(n), len(frame)))


@pytest.mark.parametrize(("n", "points"), [(1, 0), (30, 30), (31, 0)])
def test_up_to_thirty_seeds_are_points_beside_their_mean(n: int, points: int) -> None:
    frame = finals(activations=["relu"], lrs=[0.1, 0.3], n=n)
    figure = draw_finals(frame, LAYOUT, Words("", ""), x="lr", metric="test_accuracy", seeds=seeds_of(frame, n))
    lines = [line for line in figure.axes[0].lines if line.get_label() == "single seeds"]
    drawn = [len(np.asarray(line.get_ydata())) for line in lines]
    assert drawn == ([2 * points] * 3 if points else [])
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert ("single seeds" in legend) == bool(points)
    if points:
        first = frame[(frame["placement"] == "none")]["mean"].iloc[0]
        assert np.asarray(lines[0].get_ydata())[:3] == pytest.approx([first, first + 1e-4, first + 2e-4])


@pytest.mark.parametrize(("n", "points"), [(1, 0), (10, 10), (31, 0)])
def test_the_forest_has_the_difference_of_each_seed_on_its_row(n: int, points: int) -> None:
    best_lr, fixed = effects(finals(activations=["relu"], n=n))
    pairs = best_lr[["activation", "a", "b"]].loc[best_lr.index.repeat(n)]
    pairs = pairs.assign(difference=np.tile(np.arange(n) / 1000, len(best_lr)))
    figure = draw_forest(best_lr, fixed, LAYOUT, Words("", ""), metric="test_accuracy", margin=0.001, pairs=pairs)
    rows = [line for line in figure.axes[1].lines if line.get_label() == "single seeds"]
    assert len(rows) == (3 if points else 0)
    for row in rows:
        assert np.asarray(row.get_xdata()) == pytest.approx(0.1 * np.arange(points))
    low, high = figure.axes[1].get_xlim()
    assert low < 0 <= 0.1 * max(points - 1, 0) < high
