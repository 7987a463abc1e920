"""The live view, read from a terminal of our own."""

import contextlib
import io
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from bnexp.choices import Placement
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
    return display._states()


def test_it_shows_packs_lanes_and_the_best_arm_over_its_seeds(display):
    assert text(display) == ["starting workers"]
    display.show(FIRST, Event(Kind.point, step=0, validation=[0.9, 0.9, 0.9, 0.9]))
    assert text(display) == [
        "0 of 2 packs finished, 1 running · lanes: 4 alive, 0 diverged, 0 finished"
    ]  # chance is no result
    lanes = {(run.lr, run.seed): n for n, run in enumerate(FIRST.pack.runs)}
    accuracies = [0.0] * 4
    for key, accuracy in {(0.1, 0): 0.9, (0.1, 1): math.nan, (0.2, 0): 0.6, (0.2, 1): 0.7}.items():
        accuracies[lanes[key]] = accuracy
    display.show(FIRST, Event(Kind.point, step=6, diverged=1, validation=accuracies))
    best = "best arm so far 65.00 % validation lr=0.2 (n = 2)"
    assert text(display) == ["0 of 2 packs finished, 1 running · lanes: 3 alive, 1 diverged, 0 finished", best]
    display.show(FIRST, Event(Kind.stored))
    display.show(SECOND, Event(Kind.point, step=2))
    assert text(display) == ["1 of 2 packs finished, 1 running · lanes: 1 alive, 1 diverged, 4 finished", best]
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


def screen_of(monkeypatch, width, encoding="utf-8"):
    """What stands on a terminal of this width after half of a sweep over three placements, line by line."""
    written = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")

    def console(highlight, **_):
        return Console(file=written, width=width, force_terminal=True, highlight=highlight, color_system=None)

    monkeypatch.setattr(progress, "Console", console)
    runs = {p: [small_run(placement=p, seed=s, lr=0.1) for s in range(2)] for p in list(Placement)[:3]}
    packs = [assign(str(placement), lanes) for placement, lanes in runs.items()]
    display = progress.Display(packs)
    for step in (0, 5, 10):
        for pack, slope in zip(packs, (2, 6, 4), strict=True):
            display.show(pack, Event(Kind.point, step=step, validation=[0.1 + slope * step / 100] * 2))
    display._console.print(display._render())
    written.flush()
    return written.buffer.getvalue().decode(encoding).splitlines()


def test_on_80_columns_the_placements_come_first_each_with_its_course(monkeypatch):
    lines = screen_of(monkeypatch, 80)
    assert lines[:3] == [
        "none  30.00 %    ▁  ▂      (n = 2)",
        "pre   70.00 %    ▄  █      (n = 2)",
        "post  50.00 %    ▂  ▅      (n = 2)",
    ]
    assert lines[3].startswith("training ━")
    assert "50%" in lines[3]
    assert lines[4] == "0 of 3 packs finished, 3 running · lanes: 6 alive, 0 diverged, 0 finished"
    assert lines[5] == "best arm so far 70.00 % validation placement=pre (n = 2)"
    assert len(lines) == 6
    assert max(map(len, lines)) <= 80


def test_on_40_columns_nothing_but_the_name_of_the_best_arm_is_cut_off(monkeypatch):
    lines = screen_of(monkeypatch, 40)
    assert lines[1] == "pre   70.00 %    ▄  █      (n = 2)"
    assert lines[3].startswith("training ━")
    assert "50%" in lines[3]
    assert lines[4:6] == ["0 of 3 packs finished, 3 running", "lanes: 6 alive, 0 diverged, 0 finished"]
    assert lines[6].startswith("best arm so far 70.00 % validation plac")
    assert len(lines) == 7
    assert max(map(len, lines)) <= 40


def test_a_terminal_without_blocks_shows_numbers_alone(monkeypatch):
    assert screen_of(monkeypatch, 80, "latin-1")[1] == "pre   70.00 %  (n = 2)"


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_without_a_terminal_it_says_when_it_starts_how_far_it_is_and_how_it_ended(capfd, clock):
    packs = [assign(str(seed), [small_run(seed=seed)]) for seed in range(10)]
    with progress.Display(packs) as display:
        for number, pack in enumerate(packs):
            clock[0] += 25  # a line a minute, although there is a pack every 25 seconds
            display.show(pack, Event(Kind.point, step=10, diverged=number == 9, validation=[0.5 + number / 100]))
            display.show(pack, Event(Kind.stored))
        display.say("a sentence")
    assert tuple(capfd.readouterr()) == (
        "",
        "bnexp: training 10 runs in 10 packs\n"
        "bnexp: 3 of 10 packs finished, about 175 s left; mean validation accuracy so far: none 51.0 %\n"
        "bnexp: 6 of 10 packs finished, about 100 s left; mean validation accuracy so far: none 52.5 %\n"
        "bnexp: 9 of 10 packs finished, about 25 s left; mean validation accuracy so far: none 54.0 %\n"
        "bnexp: a sentence\n"
        "bnexp: 10 of 10 runs trained in 250 s, 1 of them diverged; mean validation accuracy: none 54.5 %\n",
    )


def test_without_a_terminal_there_is_at_most_a_line_a_pack(capfd, clock):
    (pack,) = packs = [assign("a", [small_run()])]
    with progress.Display(packs) as display:
        for step in range(1, 20):
            clock[0] += 600
            display.show(pack, Event(Kind.point, step=step))
        display.show(pack, Event(Kind.stored))
    assert capfd.readouterr().err == "bnexp: training 1 run in 1 pack\nbnexp: 1 of 1 runs trained in 3 h 10 min\n"


def test_a_sweep_that_is_broken_off_does_not_say_how_it_ended_and_one_of_nothing_says_nothing(capfd):
    with contextlib.suppress(KeyboardInterrupt), progress.Display([FIRST]):
        raise KeyboardInterrupt
    assert capfd.readouterr().err == "bnexp: training 4 runs in 1 pack\n"
    with progress.Display([]):
        pass
    assert capfd.readouterr().err == ""


def test_a_log_on_a_full_disk_stops_nothing(monkeypatch):
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(progress, "Console", lambda highlight, **_: Console(file=full, highlight=highlight))
        with progress.Display([FIRST]) as display:
            display.say("a sentence")
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()


def test_nothing_is_drawn_where_standard_error_is_no_terminal(capfd):
    with progress.Display([FIRST]) as display:
        display.show(FIRST, Event(Kind.point, step=10))
        display.say("a sentence")
    said = capfd.readouterr()
    assert said.out == ""
    assert "bnexp: a sentence\n" in said.err
    assert "\x1b" not in said.err
    assert "━" not in said.err


class FakeCell:
    """Takes what a cell of a notebook is given."""

    def __init__(self):
        self.drawn, self.said = [], []

    def draw(self, text):
        self.drawn.append(text)

    def say(self, text):
        self.said.append(text)


def console_like(monkeypatch, **settings):
    """Have a display write to a screen with `settings` of rich's console, and return the screen."""
    screen = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda **given: Console(**{"file": screen, **given, **settings}))
    return screen


def test_in_a_notebook_the_cell_is_drawn_again_and_again_without_widgets(monkeypatch):
    cell = FakeCell()
    monkeypatch.setattr(progress, "Cell", lambda: cell)
    monkeypatch.setattr(progress, "Console", lambda **given: Console(**{"force_jupyter": True, **given}))
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 1e-9)
    with progress.Display([FIRST, SECOND], None) as display:
        display.say("beware")
        display.show(FIRST, Event(Kind.point, step=10, validation=[0.5, 0.5, 0.7, 0.7]))
        display.show(FIRST, Event(Kind.stored))
    assert cell.said[0] == "bnexp: training 5 runs in 2 packs"
    assert "bnexp: beware" in cell.said
    assert len(cell.drawn) >= 3
    assert "60.00 %" in cell.drawn[0]
    assert "1 of 2 packs finished" in cell.drawn[-1]
    assert "\x1b" not in "".join(cell.drawn)


@pytest.mark.parametrize(
    ("wanted", "terminal", "shown"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False), (False, False, False)],
)
def test_what_is_shown_is_asked_for_or_somebody_looks_on(monkeypatch, wanted, terminal, shown):
    screen = console_like(monkeypatch, force_terminal=terminal, stderr=False)
    with progress.Display([FIRST], wanted) as display:
        display.show(FIRST, Event(Kind.stored))
    assert bool(screen.getvalue()) == shown
