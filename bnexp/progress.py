"""The line of progress of a sweep: lanes alive and diverged, epoch, run-steps per second, time left.

A run-step is one optimizer step of one run. Nothing is drawn where standard error is no terminal.
"""

from collections.abc import Iterator
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from bnexp.packs import Pack
from bnexp.training import Point


class _Rate(ProgressColumn):
    """Run-steps per second, from the tasks' own estimate."""

    def render(self, task: Task) -> Text:
        """Return the rate, or a dash before there is one."""
        return Text(f"{task.speed:,.0f} run-steps/s" if task.speed else "–", style="dim")


class Display:
    """One line on standard error while `packs` packs of `run_steps` run-steps in all are trained."""

    def __init__(self, packs: int, run_steps: int) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("packs"),
            TextColumn("{task.fields[state]}"),
            _Rate(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._packs = packs
        self._task = self._bar.add_task("training", total=run_steps, state="")

    def __enter__(self) -> "Display":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def watch(self, pack: Pack, points: Iterator[Point]) -> Iterator[Point]:
        """Yield `points` as they come, and show how far they are."""
        run, lanes, before = pack.runs[0], len(pack.runs), 0
        for point in points:
            diverged = int((point.diverged_step > 0).sum())
            state = f"epoch {point.step / run.steps_per_epoch:.1f}/{run.epochs:.0f} · {lanes - diverged} lanes alive"
            state += f", {diverged} diverged" if diverged else ""
            self._bar.update(self._task, advance=(point.step - before) * lanes, state=state)
            before = point.step
            yield point
        self._bar.update(self._task, advance=(run.steps - before) * lanes)
