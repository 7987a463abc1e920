"""What a sweep shows while it trains: packs, lanes, the best run so far, run-steps per second, time left.

A run-step is one optimizer step of one run. Standard error has it; where that is no terminal, nothing is drawn and only
the sentences of `say` remain.
"""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from bnexp.choices import to_cli
from bnexp.runs import Run, arm, key
from bnexp.sweeps.protocol import Assignment, Event, Kind


class _Rate(ProgressColumn):
    """Run-steps per second, from the tasks' own estimate."""

    def render(self, task: Task) -> Text:
        """Return the rate, or a dash before there is one."""
        return Text(f"{task.speed:,.0f} run-steps/s" if task.speed else "–", style="dim")


class Display:
    """Two lines on standard error while the packs `planned` are trained; above them each sentence of `say` once."""

    def __init__(self, planned: Sequence[Assignment]) -> None:
        self._console = Console(stderr=True, highlight=False)
        columns = (TextColumn("training"), BarColumn(bar_width=24), TaskProgressColumn(), _Rate())
        self._bar = Progress(*columns, TimeRemainingColumn(compact=True), console=self._console, auto_refresh=False)
        run_steps = sum(len(assignment.pack.runs) * assignment.pack.runs[0].steps for assignment in planned)
        self._task = self._bar.add_task("", total=run_steps)
        self._axes = _axes([run for assignment in planned for run in assignment.pack.runs])
        self._waiting = len(planned)
        self._running: dict[str, tuple[Assignment, Event]] = {}
        self._finished = self._finished_packs = self._diverged = 0
        self._accuracies: dict[Run, dict[int, float]] = defaultdict(dict)
        self._sentences: set[str] = set()
        self._live = Live(
            get_renderable=lambda: Group(self._bar, Text(self._state(), overflow="ellipsis", no_wrap=True)),
            console=self._console,
            transient=True,
            refresh_per_second=5,
        )

    def __enter__(self) -> "Display":
        if self._console.is_terminal and self._waiting:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """Print `text` above the lines, if it was not said before."""
        if text not in self._sentences:
            self._sentences.add(text)
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
            case Kind.failed:
                self._bar.update(self._task, advance=-before.step * lanes)
            case _:
                self._running[assignment.name] = (assignment, before)

    def _notice(self, assignment: Assignment, event: Event) -> None:
        for run, accuracy in zip(assignment.pack.runs, event.validation, strict=True):
            self._accuracies[arm(run)][run.seed] = 0.0 if math.isnan(accuracy) else accuracy

    def _state(self) -> str:
        """Return the second line."""
        running = list(self._running.values())
        diverged = sum(event.diverged for _, event in running)
        alive = sum(len(assignment.pack.runs) for assignment, _ in running) - diverged
        if not running and not self._finished:
            return "starting workers"
        packs = f"{self._finished_packs} of {self._waiting} packs finished, {len(running)} running"
        lanes = f"{packs} · lanes: {alive} alive, {self._diverged + diverged} diverged, {self._finished} finished"
        return f"{lanes} · {self._best()}" if self._accuracies else lanes

    def _best(self) -> str:
        """Return the arm with the best mean of the latest validation accuracies of its seeds."""
        means = {a: sum(by_seed.values()) / len(by_seed) for a, by_seed in self._accuracies.items()}
        best = max(means, key=lambda a: means[a])
        name = " ".join(f"{key(axis)}={to_cli(getattr(best, axis))}" for axis in self._axes)
        return f"best arm so far {100 * means[best]:.2f} % validation {name} (n = {len(self._accuracies[best])})"


def _axes(runs: Sequence[Run]) -> list[str]:
    """Return the fields in which the arms of `runs` differ."""
    runs = [arm(run) for run in runs]
    return [f.name for f in dataclasses.fields(Run) if len({getattr(run, f.name) for run in runs}) > 1]
