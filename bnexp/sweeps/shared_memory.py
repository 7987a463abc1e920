"""A data set in memory that several processes read and none holds twice.

The memory is a file without a name, which the workers inherit: nothing is left of it when the last process ends, even
if that was killed, and it is not bounded by the size of /dev/shm, which containers keep small.
"""

import contextlib
import dataclasses
import mmap
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bnexp.choices import Standardize
from bnexp.data.datasets import Data

_ALIGNMENT: Final = 64
"""Bytes: a cache line, and the widest vector of any processor."""


@dataclass(frozen=True)
class SharedArray:
    """Where an array lies in shared memory, from byte `offset` on, and what it is."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class SharedData:
    """Where a data set lies: in `size` bytes of the file `descriptor`; the other fields are those of `Data`."""

    descriptor: int
    size: int
    arrays: Mapping[str, SharedArray]
    name: str
    classes: int
    digest: str
    standardize: Standardize | bool


def share(data: Data, descriptor: int) -> SharedData:
    """Copy `data` into the nameless file `descriptor` and return what lies where in it."""
    places, offset = {}, 0
    for name, array in _arrays(data).items():
        places[name] = SharedArray(array.dtype.str, array.shape, offset)
        offset += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
    os.truncate(descriptor, offset)
    with mmap.mmap(descriptor, offset) as memory:
        for name, array in _arrays(data).items():
            np.ndarray(array.shape, array.dtype, memory, places[name].offset)[...] = array
    return SharedData(descriptor, offset, places, data.name, data.classes, data.digest, data.standardize)


def attach(shared: SharedData) -> Data:
    """Return the data that another process has shared."""
    # Private, because torch wants arrays that could be written to; nobody does, so no page is ever copied.
    memory = mmap.mmap(shared.descriptor, shared.size, flags=mmap.MAP_PRIVATE)
    arrays: dict[str, Any] = {
        name: np.ndarray(place.shape, np.dtype(place.dtype), memory, place.offset)
        for name, place in shared.arrays.items()
    }
    return Data(
        **arrays, name=shared.name, classes=shared.classes, digest=shared.digest, standardize=shared.standardize
    )


def _arrays(data: Data) -> dict[str, np.ndarray[Any, Any]]:
    values = {f.name: getattr(data, f.name) for f in dataclasses.fields(data)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def nameless_file() -> int:
    """Return the descriptor of a new file that has no name."""
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):  # sandboxes may forbid it
            return os.memfd_create("bnexp-data")
    with tempfile.TemporaryFile() as file:  # macOS has no file in memory
        return os.dup(file.fileno())
