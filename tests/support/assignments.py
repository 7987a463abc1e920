"""Packs to be trained, named and with the ids of their runs, as a sweep would assign them."""

from collections.abc import Iterable
from typing import Any

from bnexp.runs import Run, identity
from bnexp.sweeps.protocol import Assignment
from tests.support.lanes import pack_of, small_data


def ids_of(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return the ids of `runs` on the small data."""
    return tuple(identity(run, small_data().digest) for run in runs)


def assign(name: str, runs: Iterable[Run], **changes: Any) -> Assignment:
    """Return the assignment of the one pack that `runs` form, which are on the small data."""
    pack = pack_of(runs)
    return Assignment(name, pack, ids_of(pack.runs), **changes)
