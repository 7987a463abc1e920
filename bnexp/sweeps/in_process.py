"""This process as the only worker: by `workers=0`, where a debugger can look, and for sweeps that others only delay."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Self

from bnexp.data.datasets import Data
from bnexp.runs import Run, to_canonical
from bnexp.store.store import Store
from bnexp.sweeps import pack_size
from bnexp.sweeps.protocol import Assignment, Event, Extras, Kind, Measurement
from bnexp.sweeps.resources import Resources

SHORT: Final = 2.0
"""Seconds of training in one process that are not worth a worker, which takes as long to load torch and pandas."""

_STEP: Final = 4e-4
"""Seconds that a step of a run takes at least: a generous bound, because lanes of a pack share most of it."""

_RATE: Final = 1e10
"""Multiplications of the forward products in a second of training: a third of what one core of 2024 does."""


def trains_here(runs: Sequence[Run], resources: Resources) -> bool:
    """Say whether this process trains `runs`: if it is asked to, or if starting workers would take longer.

    That is so for a single run, which is one pack whatever it costs, and for several that are `SHORT`. How large packs
    should be is measured with all workers busy, so the first sweep on a machine that must know it has them.
    """
    if resources.workers is not None:
        return resources.workers == 0
    first = to_canonical(runs[0])
    if all(to_canonical(run) == first for run in runs):
        return True
    known = resources.lanes is not None or pack_size.was_measured()
    return known and sum(map(_estimate_seconds, runs)) <= SHORT


def _estimate_seconds(run: Run) -> float:
    """Return about how long `run` takes by itself, as if it had the images of MNIST."""
    widths = (784, *run.hidden, 10)
    return run.steps * (_STEP + run.batch_size * sum(i * o for i, o in pairwise(widths)) / _RATE)


@dataclass(eq=False)
class InProcess:
    """The `Workers` of a sweep without other processes: one, which is always ready."""

    store: Store
    device: str
    extras: Extras
    _data: dict[Any, Data] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing has to stop."""

    def resize(self, count: int) -> None:
        """Nothing has to start."""

    def share(self, loaded: Iterable[Data]) -> list[Data]:
        """Return the data sets as they are: nobody else needs them."""
        self._data = {data.setting: data for data in loaded}
        return list(self._data.values())

    def describe(self) -> str:
        """Return the device."""
        from bnexp.engine.training import choose_device

        return str(choose_device(self.device))

    def wait(self) -> None:
        """Nothing has to start."""

    def measure(self, order: Measurement) -> list[dict[str, float]]:
        """Measure, and return the one answer."""
        from bnexp.sweeps.worker import measure

        return [measure(order, self._data, self.describe(), self.extras.probes)]

    def train(self, queue: deque[Assignment]) -> Iterator[tuple[Assignment, Event]]:
        """Train what is in `queue`, which may grow meanwhile, and yield every event with its pack."""
        from bnexp.sweeps.worker import train_pack

        device = self.describe()
        while queue:
            assignment = queue.popleft()
            data = self._data[assignment.pack.runs[0].data_setting]
            for event in _tell_warnings(train_pack(assignment, data, self.store, device, self.extras)):
                yield assignment, event


def _tell_warnings(events: Iterator[Event]) -> Iterator[Event]:
    """Yield `events`, and before each what libraries warned of meanwhile: once for the same words, as a worker does."""
    said: set[str] = set()
    event: Event | None = None
    while True:
        with warnings.catch_warnings(record=True) as caught:
            event = next(events, None)
        for text in dict.fromkeys(f"{one.category.__name__}: {one.message}" for one in caught):
            if text not in said:
                said.add(text)
                yield Event(Kind.warned, text)
        if event is None:
            return
        yield event
