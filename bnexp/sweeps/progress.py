"""What a sweep shows while it trains, on standard error.

In a terminal and in a notebook: the validation accuracy of each placement so far and its course, which a class watches,
then how far the sweep is. Elsewhere, in a log or a job of a cluster: a line at the start, at most one per pack and per
minute, and one at the end. A run-step is one optimizer step of one run.
"""

import contextlib
import dataclasses
import io
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from bnexp.choices import Placement, to_cli
from bnexp.runs import Run, arm, key
from bnexp.sweeps.cell import Cell
from bnexp.sweeps.protocol import Assignment, Event, Kind

LINE_SECONDS: Final = 60.0
"""Least time between two lines where there is no terminal."""

REFRESH_SECONDS: Final = 0.2
"""Least time between two drawings."""

CELL_WIDTH: Final = 100
"""Columns of what is drawn in a notebook."""

BLOCKS: Final = "▁▂▃▄▅▆▇█"
"""Heights of a sparkline."""

POINTS: Final = 12
"""Characters of a sparkline, each a part of the training of a run."""

NARROW: Final = 70
"""Columns below which the rate is left out and the bar is shorter."""


class _Rate(ProgressColumn):
    """Run-steps per second, from the tasks' own estimate."""

    def render(self, task: Task) -> Text:
        """Return the rate, or a dash before there is one."""
        return Text(f"{task.speed:,.0f} run-steps/s" if task.speed else "–", style="dim")


class Display:
    """Shows how the packs `planned` are trained; each sentence of `say` is said once, above whatever is drawn.

    `progress` false: nothing is shown; None: nothing unless somebody looks on, in a terminal or a notebook.
    """

    def __init__(self, planned: Sequence[Assignment], progress: bool | None = True) -> None:
        self._console = Console(stderr=True, highlight=False)
        watched = self._console.is_terminal or self._console.is_jupyter
        self._console.quiet = progress is False or (progress is None and not watched)
        self._cell = Cell() if self._console.is_jupyter and not self._console.quiet else None
        self._last_drawing = 0.0
        narrow = self._console.width < NARROW
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(bar_width=12 if narrow else 24),
            TaskProgressColumn(),
            *(() if narrow else (_Rate(),)),
            TimeRemainingColumn(compact=True),
            console=self._console,
            auto_refresh=False,
        )
        runs = [run for assignment in planned for run in assignment.pack.runs]
        self._task = self._bar.add_task("", total=sum(run.steps for run in runs))
        self._axes = _axes(runs)
        self._runs, self._waiting = len(runs), len(planned)
        self._running: dict[str, tuple[Assignment, Event]] = {}
        self._finished = self._finished_packs = self._diverged = 0
        self._accuracies: dict[Run, dict[int, float]] = defaultdict(dict)
        self._courses: dict[Placement, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._sentences: set[str] = set()
        self._started = self._last_line = time.monotonic()
        drawable = self._console.is_terminal and not self._console.is_dumb_terminal
        self._draws = drawable and bool(planned) and not self._console.quiet
        self._live = Live(
            get_renderable=self._render,
            console=self._console,
            transient=True,
            refresh_per_second=1 / REFRESH_SECONDS,
        )

    def __enter__(self) -> "Display":
        self._started = self._last_line = time.monotonic()
        if self._draws:
            self._live.start()
        elif self._waiting:
            self._print(f"training {self._runs:,} {_plural(self._runs, 'run')} in {self._count_packs()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        self._draw_cell(0.0)
        if self._waiting and not self._draws and kind is None:
            seconds = _write_duration(time.monotonic() - self._started)
            diverged = f", {self._diverged} of them diverged" if self._diverged else ""
            self._print(
                f"{self._finished:,} of {self._runs:,} runs trained in {seconds}{diverged}{self._name_means('')}"
            )

    def say(self, text: str) -> None:
        """Print `text` above the lines, if it was not said before."""
        if text not in self._sentences:
            self._sentences.add(text)
            self._print(text)

    def _print(self, text: str) -> None:
        if self._cell:
            self._cell.say(f"bnexp: {text}")
            return
        with contextlib.suppress(OSError):  # a log on a full disk is no reason to stop
            self._console.print(f"bnexp: {text}", soft_wrap=True, markup=False)

    def show(self, assignment: Assignment, event: Event) -> None:
        """Show an event of a pack."""
        lanes = len(assignment.pack.runs)
        _, before = self._running.pop(assignment.name, (assignment, Event(Kind.point)))
        match event.kind:
            case Kind.point:
                self._running[assignment.name] = (assignment, event)
                self._bar.update(self._task, advance=(event.step - before.step) * lanes)
                if event.validation and event.step:  # before the first step, all are at chance
                    self._notice(assignment, event)
            case Kind.stored:
                self._finished, self._finished_packs = self._finished + lanes, self._finished_packs + 1
                self._diverged += before.diverged
                self._bar.update(self._task, advance=(assignment.pack.runs[0].steps - before.step) * lanes)
                self._tell()
            case Kind.failed:
                self._bar.update(self._task, advance=-before.step * lanes)
            case _:
                self._running[assignment.name] = (assignment, before)
        self._draw_cell(REFRESH_SECONDS)

    def _draw_cell(self, pause: float) -> None:
        """Draw in a notebook, if nothing was drawn for `pause` seconds."""
        now = time.monotonic()
        if self._cell and self._waiting and now - self._last_drawing >= pause:
            self._last_drawing = now
            page = Console(file=io.StringIO(), width=CELL_WIDTH, force_jupyter=False, force_terminal=False)
            with page.capture() as drawing:
                page.print(self._render())
            self._cell.draw(drawing.get())

    def _notice(self, assignment: Assignment, event: Event) -> None:
        for run, accuracy in zip(assignment.pack.runs, event.validation, strict=True):
            value = 0.0 if math.isnan(accuracy) else accuracy
            self._accuracies[arm(run)][run.seed] = value
            part = min(POINTS - 1, event.step * POINTS // run.steps)
            self._courses[run.placement][part].append(value)

    def _tell(self) -> None:
        """Print how far the sweep is where nothing is drawn, unless that was told a moment ago or all is done."""
        now, task = time.monotonic(), self._bar.tasks[0]
        if self._draws or now - self._last_line < LINE_SECONDS or self._finished_packs >= self._waiting:
            return
        self._last_line = now
        left = (now - self._started) * ((task.total or 0.0) / task.completed - 1)
        packs = f"{self._finished_packs} of {self._count_packs()} finished"
        self._print(f"{packs}, about {_write_duration(left)} left{self._name_means(' so far')}")

    def _count_packs(self) -> str:
        return f"{self._waiting:,} {_plural(self._waiting, 'pack')}"

    def _name_means(self, until: str) -> str:
        means = [f"{placement} {100 * mean:.1f} %" for placement, mean, _ in self._means()]
        return f"; mean validation accuracy{until}: {', '.join(means)}" if means else ""

    def _means(self) -> list[tuple[Placement, float, int]]:
        """Return for each placement the mean of the latest validation accuracies of its runs, and how many there are.

        A diverged run counts as 0.
        """
        latest: dict[Placement, list[float]] = defaultdict(list)
        for one, by_seed in self._accuracies.items():
            latest[one.placement] += by_seed.values()
        return [(p, sum(latest[p]) / len(latest[p]), len(latest[p])) for p in Placement if p in latest]

    def _render(self) -> Group:
        lines = [Text(line, overflow="ellipsis", no_wrap=True) for line in (*self._placements(), *self._states())]
        return Group(*lines[: len(self._means())], self._bar, *lines[len(self._means()) :])

    def _placements(self) -> list[str]:
        """Return a line for each placement: its accuracy so far, its course, and of how many runs."""
        courses = {p: {i: sum(v) / len(v) for i, v in parts.items()} for p, parts in self._courses.items()}
        values = [value for course in courses.values() for value in course.values()]
        plain = not self._console.encoding.startswith("utf")
        lines = []
        for placement, mean, n in self._means():
            course = "" if plain else _draw_sparkline(courses[placement], values)
            lines.append(f"{placement:<5}{100 * mean:6.2f} % {course} (n = {n})")
        return lines

    def _states(self) -> list[str]:
        """Return the lines below the bar: how many packs and lanes are finished, and the best arm so far."""
        running = list(self._running.values())
        diverged = sum(event.diverged for _, event in running)
        alive = sum(len(assignment.pack.runs) for assignment, _ in running) - diverged
        if not running and not self._finished:
            return ["starting workers"]
        packs = f"{self._finished_packs} of {self._waiting} packs finished, {len(running)} running"
        lanes = f"lanes: {alive} alive, {self._diverged + diverged} diverged, {self._finished} finished"
        width = self._console.width
        lines = [f"{packs} · {lanes}"] if len(packs) + len(lanes) + 3 <= width else [packs, lanes]
        return [*lines, self._best()] if self._accuracies else lines

    def _best(self) -> str:
        """Return the arm with the best mean of the latest validation accuracies of its seeds."""
        means = {a: sum(by_seed.values()) / len(by_seed) for a, by_seed in self._accuracies.items()}
        best = max(means, key=lambda a: means[a])
        name = " ".join(f"{key(axis)}={to_cli(getattr(best, axis))}" for axis in self._axes)
        return f"best arm so far {100 * means[best]:.2f} % validation {name} (n = {len(self._accuracies[best])})"


def _draw_sparkline(course: dict[int, float], scale: Iterable[float]) -> str:
    """Return the values of `course` as blocks between the least and the most of `scale`; a gap where there is none."""
    least, most = min(scale), max(scale)
    heights = {
        part: round((value - least) / ((most - least) or 1.0) * (len(BLOCKS) - 1)) for part, value in course.items()
    }
    return "".join(BLOCKS[heights[part]] if part in heights else " " for part in range(POINTS))


def _write_duration(seconds: float) -> str:
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes >= 10 else f"{60 * minutes + whole} s"


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _axes(runs: Sequence[Run]) -> list[str]:
    """Return the fields in which the arms of `runs` differ."""
    runs = [arm(run) for run in runs]
    return [f.name for f in dataclasses.fields(Run) if len({getattr(run, f.name) for run in runs}) > 1]
