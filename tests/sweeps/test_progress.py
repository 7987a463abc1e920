"""The live view, read from a terminal of our own."""

import io
import math

import pytest
from rich.console import Console

from bnexp.sweeps import progress
from bnexp.sweeps.protocol import Event, Kind
from tests.support.assignments import assign
from tests.support.lanes import small_run

FIRST = assign("first", [small_run(lr=lr, seed=s) for lr in (0.1, 0.2) for s in range(2)])
SECOND = assign("second", [small_run(lr=0.3, seed=0)])


@pytest.fixture
def display(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(
        progress,
        "Console",
        lambda highlight, **_: Console(file=screen, width=150, force_terminal=True, highlight=highlight),
    )
    shown = progress.Display([FIRST, SECOND])
    shown.screen = screen
    return shown


def text(display):
    return display._state()


def test_it_shows_packs_lanes_and_the_best_arm_over_its_seeds(display):
    assert text(display) == "starting workers"
    display.show(FIRST, Event(Kind.point, step=0, validation=[0.9, 0.9, 0.9, 0.9]))
    assert (
        text(display) == "0 of 2 packs finished, 1 running · lanes: 4 alive, 0 diverged, 0 finished"
    )  # chance is no result
    lanes = {(run.lr, run.seed): n for n, run in enumerate(FIRST.pack.runs)}
    accuracies = [0.0] * 4
    for key, accuracy in {(0.1, 0): 0.9, (0.1, 1): math.nan, (0.2, 0): 0.6, (0.2, 1): 0.7}.items():
        accuracies[lanes[key]] = accuracy
    display.show(FIRST, Event(Kind.point, step=6, diverged=1, validation=accuracies))
    best = "best arm so far 65.00 % validation lr=0.2 (n = 2)"
    assert text(display) == f"0 of 2 packs finished, 1 running · lanes: 3 alive, 1 diverged, 0 finished · {best}"
    display.show(FIRST, Event(Kind.stored))
    display.show(SECOND, Event(Kind.point, step=2))
    assert text(display) == f"1 of 2 packs finished, 1 running · lanes: 1 alive, 1 diverged, 4 finished · {best}"
    task = display._bar.tasks[0]
    assert (task.completed, task.total) == (4 * 20 + 2, 5 * 20)


def test_what_a_failed_pack_had_done_is_to_be_done_again(display):
    display.show(FIRST, Event(Kind.point, step=10))
    display.show(FIRST, Event(Kind.failed, "memory"))
    assert display._bar.tasks[0].completed == 0
    halves = FIRST.halves()
    for half in halves:
        display.show(half, Event(Kind.stored))
    assert display._bar.tasks[0].completed == 4 * 20


def test_a_warning_is_said_once_above_the_bar_and_changes_nothing(display):
    with display:
        display.show(FIRST, Event(Kind.point, step=10))
        for _ in range(3):
            display.show(FIRST, Event(Kind.warned, "beware"))
            display.say("beware [1]")
    assert display.screen.getvalue().count("bnexp: beware [1]") == 1
    assert display._bar.tasks[0].completed == 40


def test_nothing_is_drawn_where_standard_error_is_no_terminal(capfd):
    with progress.Display([FIRST]) as display:
        display.show(FIRST, Event(Kind.point, step=10))
        display.say("a sentence")
    assert tuple(capfd.readouterr()) == ("", "bnexp: a sentence\n")
