"""By what a sweep is trained: the device, how many workers, how large the packs."""

from dataclasses import dataclass
from typing import Final

from bnexp import provenance

BEFORE_THE_DEVICE_IS_KNOWN: Final = 4
"""Most workers that start before it is known whether there is a GPU, for which most are too many."""


@dataclass(frozen=True)
class Resources:
    """By what a sweep is trained, which no number depends on beyond rounding.

    `workers` None is one per core, or one if there is a GPU, and none where `in_process.trains_here`; 0 trains in this
    process. `lanes` None is what this machine trains fastest.
    """

    device: str = "auto"
    workers: int | None = None
    lanes: int | None = None

    def max_workers(self, device: str) -> int:
        """Return the most workers on `device`: they would wait for one another on a GPU."""
        if self.workers is not None:
            return self.workers
        return 1 if device.startswith("cuda") else provenance.cores()

    def first_workers(self, runs: int) -> int:
        """Return how many workers to start for so many `runs` before their device is known, at least one."""
        return max(1, min(runs, self.max_workers(self.device), BEFORE_THE_DEVICE_IS_KNOWN))
