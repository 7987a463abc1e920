"""Data sets that scikit-learn ships as files, which are read without it: importing it takes a second.

A line of numbers for each example, its class last; the first line of the tables holds sizes and names of classes.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnexp.errors import UserError

FILES: Final = {"wine": "wine_data.csv", "breast_cancer": "breast_cancer.csv"}
"""Names of the tables in scikit-learn's folder."""


def read_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the pixels [N, D] of the 1,797 digits, from 0 to 16, and their labels [N], in scikit-learn's order."""
    *x_DN, label_N = np.loadtxt(find_file("digits.csv.gz", "digits"), delimiter=",", dtype=np.uint8, unpack=True)
    return np.ascontiguousarray(np.stack(x_DN, 1)), label_N.astype(np.int64)


def read_table(name: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return inputs [N, D] and labels [N] of the table `name`; raise `UserError` if scikit-learn has no such file."""
    cells = np.loadtxt(find_file(FILES[name], name), delimiter=",", skiprows=1, dtype=np.float64)
    return cells[:, :-1].astype("<f4"), cells[:, -1].astype(np.int64)


def find_file(file: str, name: str) -> Path:
    """Return the path of `file` of the data set `name` in scikit-learn's folder."""
    spec = find_spec("sklearn")
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0], "datasets", "data", file) if places else None
    if path is None or not path.is_file():
        raise UserError(
            f"scikit-learn must be installed with its data set {name}; got no {path or 'scikit-learn'}: install "
            "scikit-learn"
        )
    return path
