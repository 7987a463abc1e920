"""What a sweep asks of its workers, whoever they are: processes of this machine, or this process itself."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol, Self

from bnexp.data.datasets import Data
from bnexp.sweeps.protocol import Assignment, Event, Measurement


class Workers(Protocol):
    """Workers that train packs into a store; a context that stops them on leaving.

    The order of a sweep: `resize` lets them start, `share` gives them the data, `train` gives them packs. A method that
    waits for workers raises `UserError` if they cannot start.
    """

    def __enter__(self) -> Self:
        """Return the workers, of which none has started."""

    def __exit__(self, *_: object) -> None:
        """Stop all workers: the packs that they train are lost, what is stored is whole."""

    def resize(self, count: int) -> None:
        """Let there be `count` workers, at least one, without waiting for those that start; idle ones may be stopped.

        It may be called before and after `share`, but not while packs are trained.
        """

    def share(self, loaded: Iterable[Data]) -> list[Data]:
        """Take the data sets one after another, give all workers access to them, and return them as they lie there.

        Called once, with the data of all packs.
        """

    def describe(self) -> str:
        """Return the device of the workers, as soon as one of them is ready."""

    def wait(self) -> None:
        """Wait until all workers are ready."""

    def measure(self, order: Measurement) -> list[dict[str, float]]:
        """Let all workers measure the same at the same time, and return the answer of each."""

    def train(self, queue: deque[Assignment]) -> Iterator[tuple[Assignment, Event]]:
        """Train what is in `queue`, which may grow meanwhile, and yield every event with its pack.

        The last event of a pack is `stored` or `failed`.
        """
