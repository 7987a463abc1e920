"""Labels as people have them, numbers or names, to classes that count from 0."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MOST: Final = 1000
"""Most classes: with more, a column of measurements or of ids was taken for the labels."""

SHOWN: Final = 5
"""Names of classes that a sentence lists."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The distinct labels in their order; the class of each is its place."""

    names: NDArray[Any]

    def count_from_0(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        """Return the class of each of `labels`."""
        return np.searchsorted(self.names, labels).astype(np.int64)

    def list_names(self, classes: Sequence[int] | None = None) -> str:
        """Return the labels of `classes`, all if left out, the middle of many left out."""
        names = [str(name) for name in (self.names if classes is None else self.names[list(classes)])]
        return ", ".join(names if len(names) <= SHOWN else [*names[: SHOWN - 2], "…", names[-1]])

    @property
    def plain(self) -> bool:
        """Whether the labels are 0, 1, 2 and so on already."""
        return self.names.dtype.kind != "U" and bool((self.names == np.arange(len(self.names))).all())


def read_labels(labels: NDArray[Any]) -> NDArray[Any]:
    """Return `labels` [N] as whole numbers or as texts; raise `ValueError` with what was found instead."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        shape = " × ".join(map(str, labels.shape))
        raise ValueError(
            f"labels of the sizes {shape} instead of one for each example (of a one-hot table take argmax)"
        )
    if labels.dtype.kind in "US":
        return labels.astype(str)
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    if labels.dtype.kind not in "iuf":
        raise ValueError(f"labels of type {labels.dtype} instead of numbers or texts")
    wrong = np.flatnonzero(~np.isfinite(labels) | (labels != np.floor(labels)) | (np.abs(labels) >= 2.0**53))
    if len(wrong):
        raise ValueError(f"the label {labels[wrong[0]]} of example {wrong[0] + 1} instead of a whole number")
    return labels.astype(np.int64)


def find_classes(*parts: NDArray[Any]) -> Classes:
    """Return the classes of the labels of all `parts`; raise `ValueError` if they are too few, too many or mixed."""
    if len({part.dtype.kind == "U" for part in parts}) > 1:
        raise ValueError("names of classes in one part and numbers in the other")
    names = np.unique(np.concatenate(parts))
    if len(names) < 2:
        raise ValueError(f"a single class ({', '.join(map(str, names))})")
    if len(names) > MOST:
        raise ValueError(f"{len(names)} different labels, more than the {MOST} classes that there may be")
    return Classes(names)
