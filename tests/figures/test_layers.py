"""What happens inside the layers: panels, lines, bands and theory are the frames' numbers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnexp.figures.kinds import distributions, layers
from bnexp.figures.kinds.symmetry import draw_symmetry
from bnexp.figures.layout import Layout
from bnexp.figures.style import Words

LAYOUT = Layout("placement", ("none", "pre", "post"), ("activation",))
WORDS = Words("title", "caption")


def measured(probe: str, **columns: list[Any]) -> pd.DataFrame:
    """Return a row per placement, activation and combination of `columns`, each with a mean of its own."""
    levels = {"placement": list(LAYOUT.levels), "activation": ["relu", "sigmoid"], **columns}
    frame = pd.MultiIndex.from_product(levels.values(), names=list(levels)).to_frame(index=False)
    mean = np.linspace(0.1, 0.9, len(frame))
    return frame.assign(probe=probe, mean=mean, low=mean - 0.05, high=mean + 0.05, n=3)


def lines(axes: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in axes.lines if not str(line.get_label()).startswith("_")}


def panel(figure: Figure, title: str) -> Axes:
    (match,) = [axes for axes in figure.axes if axes.get_title() == title]
    return match


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_each_stage_has_a_panel_per_cell_with_the_means_and_bands_by_layer() -> None:
    frame = measured("saturated", stage=["init", "end"], layer=[1, 2, 3])
    figure = layers.draw_by_layer(frame, LAYOUT, WORDS)
    assert [axes.get_title() for axes in figure.axes] == [
        *("relu, at initialization", "relu, at the end"),
        *("sigmoid, at initialization", "sigmoid, at the end"),
    ]
    axes = panel(figure, "sigmoid, at the end")
    rows = frame[(frame["activation"] == "sigmoid") & (frame["stage"] == "end")]
    assert list(lines(axes)) == ["none", "pre", "post"]
    for number, (level, line) in enumerate(lines(axes).items()):
        of_level = rows[rows["placement"] == level]
        assert np.asarray(line.get_xdata()).tolist() == [1, 2, 3]
        assert np.asarray(line.get_ydata()) == pytest.approx(of_level["mean"].to_numpy())
        band = np.asarray(axes.collections[number].get_paths()[0].vertices)[:, 1]
        assert (band.min(), band.max()) == pytest.approx((of_level["low"].min(), of_level["high"].max()))
    assert legend(figure) == ["none, n = 3", "pre (BN → activation), n = 3", "post (activation → BN), n = 3"]


def test_gradients_stand_on_a_logarithmic_scale_that_a_row_of_panels_shares() -> None:
    frame = measured("product_gradient", stage=["init", "end"], layer=[1, 2, 3])
    frame["mean"] = 10.0 ** -np.arange(len(frame))
    figure = layers.draw_by_layer(frame, LAYOUT, WORDS)
    assert {axes.get_yscale() for axes in figure.axes} == {"log"}
    for left, right in zip(figure.axes[::2], figure.axes[1::2], strict=True):
        assert left.get_ylim() == right.get_ylim()
    assert figure.axes[0].yaxis.get_major_formatter()(1e-7, 0) == "10⁻⁷"


def test_over_the_steps_a_column_is_a_layer() -> None:
    frame = measured("saturated", layer=[1, 3], step=[0, 10, 20])
    figure = layers.draw_by_step(frame, LAYOUT, WORDS, columns="layer")
    assert [axes.get_title() for axes in figure.axes][:2] == ["relu, layer 1", "relu, layer 3"]
    rows = frame[(frame["activation"] == "relu") & (frame["layer"] == 3) & (frame["placement"] == "pre")]
    line = lines(panel(figure, "relu, layer 3"))["pre"]
    assert np.asarray(line.get_xdata()).tolist() == [0, 10, 20]
    assert np.asarray(line.get_ydata()) == pytest.approx(rows["mean"].to_numpy())


def test_against_a_setting_each_probe_has_a_row_and_what_sampling_leaves_is_beside_it() -> None:
    parts = [measured(probe, batch_size=[5, 50, 500]) for probe in ("mean_gap", "var_gap")]
    frame = pd.concat(parts).assign(predicted=lambda rows: (0.5 * rows["mean"]).where(rows["probe"] == "mean_gap"))
    figure = layers.draw_against(frame, LAYOUT, WORDS, x="batch_size")
    first, _, second, _ = figure.axes
    theory = [line for line in first.lines if line.get_label() == layers.THEORY]
    assert len(theory) == 3
    for line, level in zip(theory, LAYOUT.levels, strict=True):
        measured_line = lines_of(first, level)
        assert np.asarray(line.get_ydata()) == pytest.approx(0.5 * np.asarray(measured_line.get_ydata()))
        assert np.asarray(line.get_xdata()) == pytest.approx(np.asarray(measured_line.get_xdata()))
    assert not [line for line in second.lines if line.get_label() == layers.THEORY]
    assert [text.get_text() for text in first.get_xticklabels()] == ["5", "50", "500"]


def lines_of(axes: Axes, label: Any) -> Line2D:
    (match,) = [line for line in axes.lines if line.get_label() == str(label)]
    return match


def test_a_level_on_which_the_setting_cannot_act_is_a_level_line() -> None:
    frame = measured("effective_lr", lr=[0.1, 1.0])
    frame.loc[frame["placement"] == "none", ["lr", "mean"]] = np.nan, 0.5
    axes = layers.draw_against(frame, LAYOUT, WORDS, x="lr").axes[0]
    assert set(np.asarray(lines(axes)["none"].get_ydata())) == {0.5}
    low, high = np.asarray(lines(axes)["none"].get_xdata())
    assert low < min(np.asarray(lines(axes)["pre"].get_xdata()))
    assert high > max(np.asarray(lines(axes)["pre"].get_xdata()))


def test_growth_has_the_prediction_over_the_middle_and_the_numbers_in_words() -> None:
    frame = measured("growth", layer=[1, 2, 3, 4, 5]).assign(in_middle=lambda rows: rows["layer"].isin([2, 3, 4]))
    numbers = measured("growth").assign(predicted=[1.5, 1.0, 2.0, 1.0, 3.0, 1.0])
    figure = layers.draw_growth(frame, numbers, LAYOUT, WORDS)
    axes = panel(figure, "relu")
    theory = [line for line in axes.lines if line.get_label() == layers.THEORY]
    assert [set(np.asarray(line.get_ydata())) for line in theory] == [{1.5}, {2.0}, {3.0}]
    assert [np.asarray(line.get_xdata()).tolist() for line in theory] == [[1.5, 4.5]] * 3
    assert "none: 0.1 [0.05, 0.15], theory 1.5" in axes.get_xlabel()


def test_the_floor_has_marks_for_what_was_measured_and_lines_for_the_theory() -> None:
    frame = measured("normalized", layer=[1, 2], init_gain=[0.001, 0.01, 0.1])
    frame = frame[(frame["activation"] == "relu") & (frame["placement"] == "pre")].assign(predicted=0.7)
    axes = layers.draw_floor([("pre", frame)], Layout("layer", (1, 2)), WORDS, x="init_gain").axes[0]
    assert axes.get_xscale() == "log"
    for layer in (1, 2):
        marks = lines_of(axes, layer)
        assert marks.get_linestyle() == "None"
        rows = frame[frame["layer"] == layer]
        assert np.asarray(marks.get_ydata()) == pytest.approx(rows["mean"].to_numpy())
    assert sum(line.get_label() == layers.THEORY for line in axes.lines) == 2


def quantiles() -> pd.DataFrame:
    steps = np.arange(0, 50, 10)
    parts = [
        pd.DataFrame(
            {
                "placement": level,
                "activation": "sigmoid",
                "run": f"{level}{seed}",
                "seed": seed,
                "step": steps,
                "unit_q15": steps * factor - 1,
                "unit_q50": steps * factor + seed,
                "unit_q85": steps * factor + 1,
            }
        )
        for level, factor in (("none", 0.1), ("pre", 0.01))
        for seed in (4, 5)
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_smallest_seeds_quantiles_are_drawn_in_full_on_one_scale() -> None:
    frame = quantiles()
    figure = distributions.draw_quantiles(frame, LAYOUT, WORDS)
    assert [axes.get_title() for axes in figure.axes] == ["sigmoid, none", "sigmoid,\npre (BN → activation)"]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    quantile = lines(figure.axes[0])
    rows = frame[(frame["placement"] == "none") & (frame["seed"] == 4)]
    for name, column in (("15 %", "unit_q15"), ("50 %", "unit_q50"), ("85 %", "unit_q85")):
        assert np.asarray(quantile[name].get_ydata()) == pytest.approx(rows[column].to_numpy())
    assert "median, seed 4" in legend(figure)


def bars(level: str, side: str, stage: str, peak: float) -> pd.DataFrame:
    density = np.array([0.1, peak, 0.1])
    columns = {"placement": level, "activation": "relu", "layer": 1, "side": side, "stage": stage, "n": 1}
    return pd.DataFrame({"value": [0.0, 1.0, 2.0], "width": 1.0, "density": density}).assign(**columns)


def test_a_histogram_stands_in_the_row_of_its_side_and_the_colour_of_its_level() -> None:
    frame = pd.concat(
        [
            *(bars("none", "input", stage, peak) for stage, peak in (("init", 0.3), ("end", 0.4))),
            *(bars("pre", side, stage, 0.5) for side in ("before", "after") for stage in ("init", "end")),
        ]
    )
    figure = distributions.draw_histograms(frame, LAYOUT, WORDS)
    assert [axes.get_title() for axes in figure.axes] == [
        "none, layer 1, activation input",
        "pre, layer 1, before BN",
        "pre, layer 1, after BN",
    ]
    start, end = figure.axes[0].patches
    assert start.get_data().values.tolist() == [0.1, 0.3, 0.1]
    assert end.get_data().values.tolist() == [0.1, 0.4, 0.1]
    assert start.get_data().edges.tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert to_hex(figure.axes[1].patches[1].get_edgecolor()) == "#0072b2"


def test_twins_lie_on_each_other_where_they_are_equal_and_a_panel_says_how_far_apart_they_are() -> None:
    layout = Layout("init_hidden_gain", (1.0, 8.0), ("activation",))
    points = pd.DataFrame(
        {
            "activation": np.repeat(["relu", "sigmoid"], 4),
            "init_hidden_gain": [1.0, 1.0, 8.0, 8.0] * 2,
            "run": np.repeat(["a", "b", "c", "d"], 2),
            "seed": 0,
            "step": [0, 5] * 4,
            "train_loss": [2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.5],
        }
    )
    differences = pd.DataFrame({"activation": ["relu", "sigmoid"], "difference": [0.0, 0.5]})
    figure = draw_symmetry(points, differences, layout, WORDS)
    relu, sigmoid = figure.axes
    assert relu.get_title() == "relu\nlargest difference 0, to the last bit"
    assert sigmoid.get_title() == "sigmoid\nlargest difference 0.5 nats"
    broad, thin = relu.lines
    assert np.asarray(broad.get_ydata()).tolist() == np.asarray(thin.get_ydata()).tolist() == [2.0, 1.0]
    assert broad.get_linewidth() > 3 * thin.get_linewidth()
    assert np.asarray(sigmoid.lines[1].get_ydata()).tolist() == [2.0, 1.5]
