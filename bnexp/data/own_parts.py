"""What a file of one's own holds, in whichever form: rows of numbers and classes from 0, in one part or two.

Letters: N examples, D input features.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnexp.data.archives import read_npz
from bnexp.data.classes import Classes, find_classes, read_labels
from bnexp.data.idx_pairs import find_pairs, read_pair
from bnexp.data.requests import OwnFile
from bnexp.data.tables import read_csv
from bnexp.errors import UserError

Part = tuple[NDArray[Any], NDArray[Any]]
"""Inputs, with the examples first, and labels, a class for each."""


def wrong(path: str, must: str, found: str, advice: str = "see docs/data.md for what a file may hold") -> UserError:
    """Return the error about the file at `path`, which must `must` but in which there is `found`."""
    return UserError(f"{path} must {must}; got {found}: {advice}")


def read_parts(file: OwnFile) -> tuple[list[Part], Classes]:
    """Return inputs [N, D], bytes or float32, and classes [N] of the training part, and of the test part if any.

    Raises `UserError` if they are none.
    """
    parts, paths = _read_form(file, Path(file.path)), [file.path, file.path]
    if file.test is not None and len(parts) > 1:
        raise wrong(file.path, "have no test set of its own beside data.test", "both", "leave data.test out")
    if isinstance(file.test, str):
        parts, paths = [*parts, *_read_form(file, Path(file.test))[:1]], [file.path, file.test]
    inputs = [_flatten(x, path) for (x, _), path in zip(parts, paths, strict=False)]
    try:
        labels = [read_labels(y) for _, y in parts]
        classes = find_classes(*labels)
    except ValueError as reason:
        raise wrong(file.path, "hold 2 to 1,000 classes", str(reason), "check its labels") from None
    for x_ND, y_N, path in zip(inputs, labels, paths, strict=False):
        if len(x_ND) != len(y_N):
            raise wrong(path, "hold one label for each example", f"{len(x_ND)} examples and {len(y_N)} labels")
    if len({x_ND.shape[1] for x_ND in inputs}) > 1:
        found = f"{inputs[0].shape[1]} and {inputs[1].shape[1]}"
        raise wrong(file.path, "have as many features in its training part as in its test part", found)
    return [(x_ND, classes.count_from_0(y_N)) for x_ND, y_N in zip(inputs, labels, strict=True)], classes


def _read_form(file: OwnFile, path: Path) -> list[Part]:
    """Return the training part of the file or folder at `path`, and its test part if it has one."""
    try:
        if path.is_dir():
            parts = [read_pair(images) for images in find_pairs(path)]
        elif path.suffix.lower() == ".npz":
            parts = read_npz(path)
        elif path.name.lower().endswith((".csv", ".csv.gz")):
            return [_read_table(file, path)]
        elif "images" in path.name.lower() or "idx" in path.name.lower():
            parts = [read_pair(path)]
        else:
            raise ValueError("a name that ends otherwise")
    except OSError as error:
        raise wrong(
            str(path), "be a file that can be read", f"'{error.strerror or error}'", "check data.path and data.test"
        ) from None
    except MemoryError:
        raise wrong(str(path), "fit into memory", "a file that does not") from None
    except ValueError as reason:
        must = "be an .npz, a .csv, a .csv.gz, or IDX files of images and labels, whole and without pickles"
        raise wrong(str(path), must, str(reason)) from None
    if file.label is not None:
        raise UserError(f"data.label must name a column of a CSV file; got {path}, which is none: leave data.label out")
    if not file.transpose:
        return parts
    for x, _ in parts:
        if x.ndim < 3:
            raise wrong(str(path), "hold images to be transposed", "rows of numbers", "leave data.transpose out")
    return [(x.swapaxes(1, 2), y) for x, y in parts]


def _read_table(file: OwnFile, path: Path) -> Part:
    try:
        part = read_csv(path, file.label)
    except ValueError as reason:
        raise wrong(str(path), "be a table of numbers with a column of classes", str(reason)) from None
    if file.transpose:
        raise wrong(str(path), "hold images to be transposed", "rows of numbers", "leave data.transpose out")
    return part


def _flatten(x: NDArray[Any], path: str) -> NDArray[Any]:
    """Return `x` as rows of numbers: bytes as they are, all else as float32."""
    if x.ndim < 2:
        raise wrong(path, "hold a row of inputs for each example", f"an array of the sizes {x.shape}")
    if x.dtype.kind not in "buif":
        raise wrong(path, "hold inputs that are numbers", f"an array of type {x.dtype}")
    if not len(x):
        raise wrong(path, "hold examples", "none")
    x_ND = x.reshape(len(x), -1)
    if x_ND.shape[1] == 0:
        raise wrong(path, "hold at least one input for each example", "none")
    if x_ND.dtype == np.uint8:
        return np.ascontiguousarray(x_ND)
    with np.errstate(over="ignore"):  # is told below
        x_float_ND = np.ascontiguousarray(x_ND, np.float32)
    finite_N = np.isfinite(x_float_ND).all(1)
    if not finite_N.all():
        n = int(np.argmin(finite_N))
        d = int(np.argmin(np.isfinite(x_float_ND[n])))
        raise wrong(path, "hold finite numbers", f"{x_ND[n, d]} in example {n + 1}, feature {d + 1}")
    return x_float_ND
