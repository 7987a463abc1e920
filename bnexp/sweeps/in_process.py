"""This process as the only worker (`workers=0`), where a debugger or a profiler can look."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from bnexp.data.datasets import Data
from bnexp.store.store import Store
from bnexp.sweeps.protocol import Assignment, Event, Extras, Measurement


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
            for event in train_pack(assignment, data, self.store, device, self.extras):
                yield assignment, event
