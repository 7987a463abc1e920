"""This process as the only worker (`workers=0`), where a debugger or a profiler can look."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bnexp.choices import Probes
from bnexp.data.datasets import Data
from bnexp.store.store import Store
from bnexp.sweeps.protocol import Assignment, Event


@dataclass(eq=False)
class InProcess:
    """What a `Pool` is to a sweep, without other processes."""

    store: Store
    device: str
    weights: bool
    data: dict[Any, Data] = field(default_factory=dict)
    probes: Probes = Probes.none

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *_: object) -> None: ...

    def share(self, data: Data) -> Data:
        """Return `data`: nobody else needs it."""
        self.data[data.setting] = data
        return data

    def launch(self, workers: int) -> None:
        """Nothing has to start."""

    def start(self, workers: int) -> str:  # noqa: ARG002 – as `Pool`'s
        """Return the device."""
        from bnexp.engine.training import choose_device

        return str(choose_device(self.device))

    def wait(self) -> None:
        """Nothing has to start."""

    def ask(self, order: dict[str, Any]) -> list[dict[str, float]]:
        """Measure something and return the one answer."""
        from bnexp.sweeps.worker import measure

        return [measure(order, self.data, self.start(0), self.probes)]

    def train(self, todo: deque[Assignment]) -> Iterator[tuple[Assignment, Event]]:
        """Train what is in `todo`, which may grow meanwhile, and yield every event with its pack."""
        from bnexp.sweeps.worker import train

        while todo:
            given = todo.popleft()
            data = self.data[given.pack.runs[0].data_setting]
            device, level = self.start(0), self.probes
            for said in train(given, data, self.store, device, weights=self.weights, level=level):
                yield given, said
