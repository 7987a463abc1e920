"""A data set in memory that several processes read and none holds twice.

The memory is a file without a name, which the workers inherit: nothing is left of it when the last process ends, even
if that was killed, and it is not bounded by the size of /dev/shm, which containers keep small.
"""

import dataclasses
import mmap
import os
import tempfile
from typing import Any, Final

import numpy as np

from bnexp.data.datasets import Data

_ALIGNMENT: Final = 64
"""Bytes: a cache line, and the widest vector of any processor."""


def share(data: Data, descriptor: int) -> dict[str, Any]:
    """Copy `data` into the nameless file `descriptor` and return, as JSON can write it, what lies where in it."""
    arrays, offset = {}, 0
    for name, array in _arrays(data).items():
        arrays[name] = {"dtype": array.dtype.str, "shape": array.shape, "offset": offset}
        offset += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
    os.truncate(descriptor, offset)
    with mmap.mmap(descriptor, offset) as memory:
        for name, array in _arrays(data).items():
            np.ndarray(array.shape, array.dtype, memory, arrays[name]["offset"])[...] = array
    others = {f.name: getattr(data, f.name) for f in dataclasses.fields(data) if f.name not in arrays}
    return {"descriptor": descriptor, "size": offset, "arrays": arrays, "others": others}


def attach(plain: dict[str, Any]) -> Data:
    """Return the data that another process has shared."""
    # Private, because torch wants arrays that could be written to; nobody does, so no page is ever copied.
    memory = mmap.mmap(plain["descriptor"], plain["size"], flags=mmap.MAP_PRIVATE)
    arrays: dict[str, Any] = {
        name: np.ndarray(tuple(where["shape"]), np.dtype(where["dtype"]), memory, where["offset"])
        for name, where in plain["arrays"].items()
    }
    return Data(**arrays, **plain["others"])


def _arrays(data: Data) -> dict[str, np.ndarray[Any, Any]]:
    values = {f.name: getattr(data, f.name) for f in dataclasses.fields(data)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def nameless_file() -> int:
    """Return the descriptor of a new file that has no name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("bnexp-data")
    with tempfile.TemporaryFile() as file:  # macOS has no file in memory
        return os.dup(file.fileno())
