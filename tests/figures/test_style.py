"""Looks, order and places: what all figures share."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb

from bnexp.choices import Activation
from bnexp.figures.layout import Layout, label_ends
from bnexp.figures.scales import Places, is_geometric, place_values, scale_accuracies
from bnexp.figures.style import balance_text, choose_looks, house_style, luminance, make_sheet, wrap_text
from bnexp.labels import sort_values, value_label


def test_a_placement_looks_the_same_whatever_it_is_compared_with() -> None:
    everywhere = choose_looks("placement", ["none", "pre", "post"])
    assert choose_looks("placement", ["post", "pre"]) == {level: everywhere[level] for level in ("post", "pre")}
    assert [to_hex(look.colour) for look in everywhere.values()] == ["#000000", "#0072b2", "#d55e00"]
    assert len({str(look.line) for look in everywhere.values()}) == 3
    assert len({look.marker for look in everywhere.values()}) == 3


@pytest.mark.parametrize("levels", [[0.1, 0.5, 0.9], [5, 16, 32, 60, 128, 512]])
def test_numbers_have_colours_that_grow_lighter_with_them_by_steps_that_greyscale_shows(levels: list[float]) -> None:
    grey = [luminance(look.colour) for look in choose_looks("norm_momentum", levels).values()]
    assert all(b > 1.25 * a for a, b in pairwise(grey))
    assert grey[0] > 0.03
    assert grey[-1] < 0.7  # seen on black and on white


def test_numbers_of_numpy_are_numbers() -> None:
    levels = list(np.array([5, 60, 512]))
    assert [look.colour for look in choose_looks("batch_size", levels).values()] == [
        look.colour for look in choose_looks("batch_size", [5, 60, 512]).values()
    ]


def test_no_two_of_ten_activations_look_alike_even_in_greyscale() -> None:
    looks = list(choose_looks("activation", list(Activation)[:10]).values())
    assert len({look.marker for look in looks}) == len(looks) == 10
    assert len({(look.colour, str(look.line)) for look in looks}) == 10


def test_luminance_is_that_of_the_web_guidelines() -> None:
    assert luminance("#000000") == 0
    assert luminance("#FFFFFF") == pytest.approx(1)
    assert luminance("#808080") == pytest.approx(0.2159, abs=1e-4)
    assert luminance(to_rgb("#00FF00")) == pytest.approx(0.7152)


def test_choices_come_in_the_order_of_their_enum_and_networks_by_depth_then_width() -> None:
    assert sort_values("activation", ["tanh", "relu", "sigmoid", "relu"]) == ["relu", "tanh", "sigmoid"]
    assert sort_values("placement", ["post", "none"]) == ["none", "post"]
    assert sort_values("hidden", ["100-100", "50", "200", "50-100"]) == ["50", "200", "50-100", "100-100"]
    assert sort_values("lr", [1.0, 0.1]) == [0.1, 1.0]


def test_a_value_is_said_after_its_name_where_it_would_say_nothing_alone() -> None:
    assert value_label("activation", "tanh") == "tanh"
    assert value_label("batch_size", 60) == "batch_size 60"
    assert value_label("norm_momentum", 0.1) == "norm.momentum 0.1"


@pytest.mark.parametrize(
    ("values", "geometric"),
    [
        ([0.01, 0.1, 1.0], True),
        ([0.01, 0.03, 0.1, 0.3, 1.0], True),
        ([5, 16, 60, 128, 512], True),
        ([0.1, 0.2, 0.3, 0.4], False),
        ([10.0, 11.0, 12.1, 13.0], False),
        ([0.0, 0.1, 1.0], False),
        ([0.1, 1.0], True),
        ([1.0, 1.5], False),
        ([0.1], False),
    ],
)
def test_values_spaced_by_factors_are_told_from_values_spaced_by_steps(values: list[float], geometric: bool) -> None:
    assert is_geometric(values) == geometric


def test_equal_factors_and_equal_steps_are_equal_distances() -> None:
    assert list(place_values("lr", [1.0, 0.01, 0.1]).positions.values()) == pytest.approx([0, 1, 2])
    assert list(place_values("weight_decay", [0.0, 0.5, 1.0, 2.0]).positions.values()) == pytest.approx([0, 1, 2, 4])
    assert place_values("hidden", ["100-100", "50"]) == Places("hidden", {"50": 0.0, "100-100": 1.0})
    assert place_values("lr", [0.1]).positions == {0.1: 0.0}


def test_rows_in_which_a_facet_cannot_act_are_in_every_cell_that_agrees() -> None:
    frame = pd.DataFrame(
        {
            "placement": ["none", "pre", "pre", "none"],
            "activation": ["tanh", "tanh", "tanh", "relu"],
            "norm_eps": [np.nan, 1e-5, 1e-3, np.nan],
        }
    )
    cells = Layout("placement", ("none", "pre"), ("activation", "norm_eps")).cells(frame)
    assert [name for name, _ in cells] == ["relu", "tanh, norm.eps 1e-05", "tanh, norm.eps 0.001"]
    assert [list(cell["placement"]) for _, cell in cells] == [["none"], ["none", "pre"], ["none", "pre"]]


def test_without_facets_there_is_one_panel_without_a_title() -> None:
    frame = pd.DataFrame({"placement": ["none", "pre"]})
    ((name, cell),) = Layout("placement", ("none", "pre")).cells(frame)
    assert name == ""
    assert cell is frame


def test_labels_at_the_right_do_not_overlap_and_keep_their_order() -> None:
    with house_style():
        figure = make_sheet(6, 4)
        axes = figure.subplots()
        scale_accuracies([axes], 0.1, 0.98)
        ends = zip((0.97, 0.97, 0.98, 0.1), "cbda", strict=True)
        label_ends(axes, [(height, name, "#000000") for height, name in ends])
        figure.draw_without_rendering()
        upwards = sorted(axes.texts, key=lambda text: text.get_position()[1])
        boxes = [text.get_window_extent() for text in upwards]
    assert [text.get_text() for text in upwards] == list("acbd")
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in pairwise(boxes))
    assert boxes[0].y1 < axes.transAxes.transform((0, 0.2))[1]  # pushed only where it must


@pytest.mark.parametrize("width", [20, 33, 60, 200])
def test_no_line_of_a_title_holds_one_word_that_another_has_room_for(width: int) -> None:
    title = "Digits (8×8 pixels): paired differences of test accuracy, each arm at its best learning rate"
    lines = balance_text(title, width).splitlines()
    assert " ".join(lines) == title
    assert len(lines) == len(wrap_text(title, width).splitlines())
    assert max(map(len, lines)) <= width
    assert min(map(len, lines)) >= max(map(len, lines)) - 12  # the longest word and a blank
    assert balance_text("", width) == ""
    assert balance_text("x" * 500, width) == wrap_text("x" * 500, width)
