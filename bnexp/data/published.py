"""The published images as arrays: what was published, in the order of its files, with classes from 0."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnexp.data import download, idx
from bnexp.data.sources import SOURCES, Source


@dataclass(frozen=True, eq=False)
class Raw:
    """A data set as published: inputs, pixels from 0 to `white`, the training files and the test files."""

    x_ND: NDArray[Any]
    y_N: NDArray[np.int64]
    x_test_ND: NDArray[Any]
    y_test_N: NDArray[np.int64]
    white: float
    digest: str
    about: str = ""


def read_files(source: Source, root: Path | None) -> Raw:
    """Return what the files of `source` hold; raise `UserError` if one is missing or is not the published one."""
    paths = download.locate(source, root)
    x_NHW, y_N, x_test_NHW, y_test_N = (
        download.read(source, file, path) for file, path in zip(source.files, paths, strict=True)
    )
    contents = [
        file.sha256 or idx.digest(array, file.kind)
        for file, array in zip(source.files, (x_NHW, y_N, x_test_NHW, y_test_N), strict=True)
    ]
    if source.transposed:
        x_NHW, x_test_NHW = x_NHW.swapaxes(1, 2), x_test_NHW.swapaxes(1, 2)
    y_N, y_test_N = (_settle_labels(source, y) for y in (y_N, y_test_N))
    _check_labels(source, y_N, paths[1], images=len(x_NHW))
    _check_labels(source, y_test_N, paths[3], images=len(x_test_NHW))
    if len(y_N) != source.examples and None in [file.sha256 for file in source.files]:
        raise download.wrong_file(source, paths[1], f"hold {source.examples} labels", str(len(y_N)))
    _check_no_other(source, contents, paths)
    x_ND, x_test_ND = x_NHW.reshape(len(x_NHW), -1), x_test_NHW.reshape(len(x_test_NHW), -1)
    unverified = [
        path.name
        for file, path in zip(source.files, paths, strict=True)
        if file.sha256 is None and not (file.packed and path.suffix == ".gz")
    ]
    about = f"not verified, for want of a published digest: {', '.join(unverified)}" if unverified else ""
    digest = hashlib.sha256("".join(contents).encode()).hexdigest()
    return Raw(x_ND, y_N, x_test_ND, y_test_N, white=255, digest=digest, about=about)


def _settle_labels(source: Source, y: NDArray[Any]) -> NDArray[np.int64]:
    """Return classes from 0; of several columns (QMNIST) the first one is the class."""
    return (y if y.ndim == 1 else y[:, 0]).astype(np.int64) - source.first_label


def _check_labels(source: Source, y_N: NDArray[np.int64], path: Path, images: int) -> None:
    if len(y_N) != images:
        raise download.wrong_file(
            source, path, "hold one label for each image", f"{images} images and {len(y_N)} labels"
        )
    first, last = source.first_label, source.first_label + source.classes - 1
    for label in (y_N.max(initial=0), y_N.min(initial=0)):
        if not 0 <= label < source.classes:
            found = f"a label {label + first}"
            raise download.wrong_file(source, path, f"hold labels from {first} to {last}", found)


def _check_no_other(source: Source, contents: list[str], paths: list[Path]) -> None:
    """Raise `UserError` if a file that cannot be verified is that of another set, whose digest is known."""
    known = {file.sha256: other.name for other in SOURCES.values() for file in other.files if file.sha256}
    for file, sha256, path in zip(source.files, contents, paths, strict=True):
        if file.sha256 is None and sha256 in known:
            raise download.wrong_file(source, path, f"hold {source.name}'s {file.name}", f"that of {known[sha256]}")
