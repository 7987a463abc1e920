"""The forest, the interaction and the speed: rows, marks and words are the frame's numbers."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnexp.figures.kinds.forest import draw_forest
from bnexp.figures.kinds.interaction import draw_interaction
from bnexp.figures.kinds.speed import draw_speed
from bnexp.figures.layout import Layout
from bnexp.figures.style import Words
from tests.support.estimates import best, effects, finals, times

PLACEMENTS = ("none", "pre", "post")
LAYOUT = Layout("placement", PLACEMENTS, ("activation",))


def draw(frames: tuple[pd.DataFrame, pd.DataFrame], layout: Layout = LAYOUT) -> Figure:
    return draw_forest(*frames, layout, Words("title", "caption"), metric="test_accuracy", margin=0.001)


def draw_lines(frame: pd.DataFrame) -> Figure:
    layout = Layout("placement", PLACEMENTS)
    return draw_interaction(frame, layout, Words("title", "caption"), lines="activation", metric="test_accuracy")


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def marks(axes: Axes, smallest: float) -> dict[float, float]:
    """Return the points with a marker of at least this size, by their height."""
    lines = [
        line for line in axes.lines if line.get_marker() not in ("None", None) and line.get_markersize() > smallest
    ]
    return {float(np.asarray(line.get_ydata())[0]): float(np.asarray(line.get_xdata())[0]) for line in lines}


def test_each_contrast_is_a_row_in_percentage_points_sorted_by_cell_then_pair() -> None:
    best_lr, fixed = effects(finals(activations=("relu", "tanh")))
    names, axes, numbers = draw((best_lr.sample(frac=1, random_state=0), fixed)).axes
    assert [text for text in texts(names)[1:] if not text.startswith("lr ")] == [
        *("relu", "pre (0.3) − none (0.1)", "post (0.3) − none (0.1)", "post (0.3) − pre (0.3)"),
        *("tanh", "pre (0.3) − none (0.1)", "post (0.3) − none (0.1)", "post (0.3) − pre (0.3)"),
    ]
    assert list(marks(axes, 5).values()) == pytest.approx((100 * best_lr["mean"]).tolist())
    first = best_lr.iloc[0]
    written = f"{100 * first['mean']:+.2f} [{100 * first['low']:+.2f}, {100 * first['high']:+.2f}]"
    assert texts(numbers)[3:6] == ["10", written, "< 0.001"]


def test_fixed_learning_rates_stand_small_below_their_contrast_from_low_to_high() -> None:
    best_lr, fixed = effects(finals(activations=["relu"]))
    names, axes, _ = draw((best_lr, fixed)).axes
    assert [text for text in texts(names) if text.startswith("lr ")] == [
        "lr 0.01",
        "lr 0.03",
        "lr 0.1",
        "lr 0.3",
        "lr 1",
    ] * 3
    large, everything = marks(axes, 5), marks(axes, 1)
    small = {top: x for top, x in everything.items() if top not in large}
    first = [x for top, x in sorted(small.items())][:5]
    rows = fixed[(fixed["a"] == "pre") & (fixed["b"] == "none")]
    assert first == pytest.approx((100 * rows["mean"]).tolist())
    assert min(small) > min(large)


def test_of_many_learning_rates_each_is_named() -> None:
    frames = finals(activations=["relu", "tanh", "sigmoid", "silu"])
    _, fixed = both = effects(frames)
    assert len(fixed) == 60
    more = fixed.assign(lr=fixed["lr"] * 1.5)
    names = texts(draw((both[0], pd.concat([fixed, more]))).axes[0])
    assert sum(name.startswith("lr ") for name in names) == 120
    assert "" not in names


def test_the_margin_is_shaded_around_zero() -> None:
    axes = draw(effects(finals(activations=["relu"]))).axes[1]
    (shade,) = axes.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == pytest.approx((-0.1, 0.1))
    low, high = axes.get_xlim()
    assert low < -0.1 < 0.1 < high


def test_where_p_cannot_be_claimed_the_note_says_why() -> None:
    _, _, numbers = draw(effects(finals(activations=["relu"], n=5))).axes
    assert "n = 5: at least 9 seeds are needed\nfor 9 contrasts" in texts(numbers)
    assert "nan" not in " ".join(texts(numbers))


def test_one_seed_has_no_interval() -> None:
    _, axes, numbers = draw(effects(finals(activations=["relu"], n=1))).axes
    assert not [text for text in texts(numbers)[3:] if "[" in text]
    assert len(marks(axes, 5)) == 3


def test_a_contrast_without_a_pair_has_words_and_no_numbers() -> None:
    best_lr, fixed = effects(finals(activations=["relu"]))
    best_lr.loc[0, ["n", "mean", "low", "high", "p_family"]] = [0, np.nan, np.nan, np.nan, np.nan]
    best_lr["note"] = best_lr["note"].where(best_lr.index > 0, "no seed in common")
    _, _, numbers = draw((best_lr, fixed)).axes
    assert texts(numbers)[3:6] == ["0", "–", "no seed in common"]


def test_the_mark_says_whether_there_is_a_difference_or_none_or_no_answer() -> None:
    best_lr, fixed = effects(finals(activations=["relu"]))
    best_lr["p_family"], best_lr["equivalent"] = [0.001, 0.4, 0.4], [False, True, False]
    figure = draw((best_lr, fixed[:0]))
    lines = [line for line in figure.axes[1].lines if line.get_markersize() > 7]
    assert [(line.get_marker(), line.get_markerfacecolor()) for line in lines] == [
        ("s", "#000000"),
        ("D", "#FFFFFF"),
        ("s", "#FFFFFF"),
    ]
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["difference, p < 0.05", "equivalent", "undecided", "margin ±0.1 percentage points"]


def test_small_effects_are_seen_beside_large_ones() -> None:
    best_lr, fixed = effects(finals(activations=["relu"]))
    best_lr.loc[0, ["mean", "low", "high"]] = [0.85, 0.84, 0.86]
    axes = draw((best_lr, fixed[:0])).axes[1]
    places = {x: axes.transAxes.inverted().transform(axes.transData.transform((x, 0)))[0] for x in (0, 0.2, 85)}
    assert places[0.2] - places[0] > 0.04  # 0.0025 on a linear scale
    assert places[85] < 1


def test_names_and_numbers_lie_beside_the_axes_and_within_the_figure() -> None:
    many = finals(activations=["relu"], n=5).assign(batch_size=60)
    best_lr, fixed = effects(many)
    layout = Layout("placement", PLACEMENTS, ("activation", "batch_size"))
    figure = draw((best_lr.assign(batch_size=60), fixed.assign(batch_size=60)), layout)
    figure.draw_without_rendering()
    names, axes, numbers = figure.axes
    box = axes.get_window_extent()
    ends = [text.get_window_extent().x1 for text in names.texts if text.get_weight() != "bold"]
    assert ends == pytest.approx([ends[0]] * len(ends), abs=1)
    assert box.x0 - 0.4 * figure.dpi < ends[0] <= box.x0
    assert all(text.get_window_extent().x0 >= box.x1 for text in numbers.texts)
    assert all(figure.bbox.x0 <= text.get_window_extent().x0 for text in names.texts)
    assert all(text.get_window_extent().x1 <= figure.bbox.x1 for text in numbers.texts)


def test_the_interaction_has_a_line_per_activation_with_its_intervals_and_its_name_at_the_end() -> None:
    frame = best(finals())
    (axes,) = draw_lines(frame).axes
    assert [text.get_text() for text in axes.get_xticklabels()] == list(PLACEMENTS)
    assert sorted(texts(axes)) == ["relu", "sigmoid", "tanh"]
    for line, bars in zip(axes.lines, axes.collections, strict=True):
        rows = frame[frame["activation"] == line.get_label()]
        assert np.asarray(line.get_ydata()) == pytest.approx(rows["mean"].to_numpy())
        ends = np.array([path.vertices[:, 1] for path in bars.get_paths()])
        assert ends == pytest.approx(rows[["low", "high"]].to_numpy())
        assert np.round(np.asarray(line.get_xdata())).tolist() == [0, 1, 2]


def test_a_placement_that_was_not_run_leaves_a_gap_in_the_interaction() -> None:
    frame = best(finals())
    frame = frame[(frame["placement"] != "pre") | (frame["activation"] != "tanh")]
    (axes,) = draw_lines(frame).axes
    assert [len(np.asarray(line.get_xdata())) for line in axes.lines] == [3, 2, 3]


def test_the_speed_says_the_mean_its_interval_and_how_many_runs_got_there() -> None:
    frame = times(finals(activations=("relu", "tanh")))
    names, axes, numbers = draw_speed(frame, LAYOUT, Words("title", "caption")).axes
    assert texts(names)[:2] == ["relu, to 96.2 %", "none"]
    assert list(marks(axes, 5).values()) == pytest.approx(frame["mean"].tolist())
    first = frame.iloc[0]
    assert texts(numbers)[:2] == [
        f"{first['mean']:,.0f} [{first['low']:,.0f}, {first['high']:,.0f}]",
        f"{first['reached']}/10 reached",
    ]
    hollow = [line.get_markerfacecolor() == "#FFFFFF" for line in axes.lines if line.get_markersize() > 6.5]
    assert hollow == (frame["reached"] < frame["n"]).tolist()
    assert any(hollow)
    assert not all(hollow)


def test_the_horizon_is_a_line_and_in_sight() -> None:
    axes = draw_speed(times(finals(activations=["relu"]), horizon=5000), LAYOUT, Words("title", "caption")).axes[1]
    (horizon,) = [line for line in axes.lines if line.get_linewidth() == 1]
    assert np.asarray(horizon.get_xdata()).tolist() == [5000, 5000]
    assert axes.get_xlim()[1] > 5000
