"""A data set of one's own: what is asked of a file, and what is read from it, as training and test examples.

Letters: N examples, D input features. What the file is called, and in which form it is, makes no difference: equal
numbers have equal digests.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnexp.data.classes import Classes
from bnexp.data.own_parts import Part, read_parts, wrong
from bnexp.data.requests import TEST_SHARE, OwnFile
from bnexp.data.sources import choose_sizes
from bnexp.data.splits import chunks, draw_stratified
from bnexp.runs import CONTENT

LEAST: Final = 3
"""Examples for training and validation: two of the former, because one cannot be normalised, and one of the latter."""

MOST_VALIDATION: Final = 10_000
"""Validation examples if nobody says how many: MNIST's, and its share of the training examples of a smaller file."""

LARGE: Final = 10
"""An input beyond this, in a set that is not standardised, is worth a remark."""


@dataclass(frozen=True, eq=False)
class OwnData:
    """What a file of one's own holds: inputs, which are divided by `scale`, and classes from 0, in two parts.

    `about` says in words what was read and what was decided.
    """

    x_ND: NDArray[Any]
    y_N: NDArray[np.int64]
    x_test_ND: NDArray[Any]
    y_test_N: NDArray[np.int64]
    scale: float
    classes: Classes
    digest: str
    about: str


def read(file: OwnFile) -> OwnData:
    """Return what `file` holds; a file that has not changed since it was read in this process is not read again.

    Raises:
        UserError: It cannot be read, or holds something else than numbers with a class for each example.
    """
    return _read(file, _stat_files(file))


def split_sizes(file: OwnFile, train: int | None, validation: int | None) -> tuple[int, int]:
    """Return the numbers of training and of validation examples; `None` are all, and a sixth, 10,000 at most."""
    examples = len(read(file).y_N)
    return choose_sizes(file.name, examples, min(MOST_VALIDATION, max(1, examples // 6)), train, validation)


@functools.lru_cache(maxsize=2)
def _read(file: OwnFile, state: tuple[tuple[str, int, int], ...]) -> OwnData:
    del state  # when the file changed: another state is another file
    parts, classes = read_parts(file)
    train, test = parts if len(parts) > 1 else _hold_out(file, *parts[0])
    if len(train[0]) < LEAST:
        raise wrong(file.path, f"leave at least {LEAST} examples for training and validation", str(len(train[0])))
    scale = _choose_scale(file, train[0])
    digest = _digest(train, test, scale, len(classes.names))
    _check_digest(file, digest)
    about = _describe(file, train, test, scale, classes, drawn=len(parts) == 1)
    return OwnData(*train, *test, scale=scale, classes=classes, digest=digest, about=about)


def _hold_out(file: OwnFile, x_ND: NDArray[Any], y_N: NDArray[np.int64]) -> tuple[Part, Part]:
    """Return a training and a test part; of each class at least one example stays for training."""
    share = TEST_SHARE if file.test is None else file.test
    assert isinstance(share, float)
    size = max(1, round(share * len(y_N)))
    if len(y_N) - size < LEAST:
        found = f"{len(y_N)}, of which data.test={share:g} takes {size}"
        raise wrong(file.path, f"hold at least {LEAST} examples for training and validation", found)
    test_N = draw_stratified(y_N, size, "own test split", keep=1)
    return (x_ND[~test_N], y_N[~test_N]), (x_ND[test_N], y_N[test_N])


def _choose_scale(file: OwnFile, x_ND: NDArray[Any]) -> float:
    """Return what inputs are divided by: the greatest if all are counts from 0, as pixels are, else 1."""
    if file.scale is not None:
        return file.scale
    greatest = float(x_ND.max())
    counts = x_ND.min() >= 0 and (x_ND.dtype == np.uint8 or all(map(_are_whole, chunks(x_ND))))
    return greatest if counts and greatest > 1 else 1.0


def _are_whole(x_ND: NDArray[Any]) -> bool:
    return bool((x_ND == np.floor(x_ND)).all())


def _digest(train: Part, test: Part, scale: float, classes: int) -> str:
    """Return the digest of what is trained on and tested with, whatever file it comes from."""
    hashed = hashlib.sha256(f"bnexp/{scale!r}/{classes}".encode())
    for x_ND, y_N in (train, test):
        hashed.update(f"/{x_ND.shape}/".encode())
        for chunk_ND in chunks(x_ND):
            hashed.update((chunk_ND + np.float32(0)).astype("<f4").tobytes())  # + 0: -0.0 is 0.0
        hashed.update(y_N.astype("<i8").tobytes())
    return CONTENT + hashed.hexdigest()


def _check_digest(file: OwnFile, digest: str) -> None:
    if file.digest is not None and not digest.removeprefix(CONTENT).startswith(file.digest):
        found = digest.removeprefix(CONTENT)[: max(len(file.digest), 12)]
        raise wrong(
            file.path, f"hold what data.digest={file.digest} says", f"the digest {found}",
            "the file or how it is read has changed; leave data.digest out to train on what it holds now",
        )  # fmt: skip


def _describe(file: OwnFile, train: Part, test: Part, scale: float, classes: Classes, *, drawn: bool) -> str:
    """Return what was read and what was decided, in words."""
    n, n_test, count = len(train[0]), len(test[0]), len(classes.names)
    parts = [f"{n:,} examples for training and validation, {n_test:,} for tests, {train[0].shape[1]:,} features"]
    if drawn:
        share = TEST_SHARE if file.test is None else file.test
        parts.append(
            f"the tests are {100 * float(share or 0):g} % of the file, stratified by class and drawn once (seed 0)"
        )
    parts.append(f"{count} classes" + ("" if classes.plain else f" ({classes.list_names()}), counted from 0"))
    if scale != 1:
        parts.append(f"inputs divided by {scale:g}")
    if file.transpose:
        parts.append("images transposed")
    if constant := int((train[0].min(0) == train[0].max(0)).sum()):
        parts.append(f"{constant:,} of the features do not vary in the training part")
    counts = np.bincount(train[1], minlength=count)
    if lacking := np.flatnonzero(counts == 0).tolist():
        parts.append(f"no training example of {_noun(lacking)} {classes.list_names(lacking)}")
    if single := np.flatnonzero(counts == 1).tolist():
        parts.append(f"one training example of {_noun(single)} {classes.list_names(single)}")
    if (greatest := float(np.abs(train[0]).max()) / scale) > LARGE:
        parts.append(f"inputs up to {greatest:.3g}, for which data.standardize=feature is made")
    return "; ".join(parts)


def _noun(classes: Sequence[int]) -> str:
    return "class" if len(classes) == 1 else "classes"


def _stat_files(file: OwnFile) -> tuple[tuple[str, int, int], ...]:
    """Return name, time of change and size of each file that may be read."""
    paths = [Path(file.path), *([Path(file.test)] if isinstance(file.test, str) else [])]
    try:
        folders = [path if path.is_dir() else path.parent for path in paths if path.is_dir() or "idx" in path.name]
        there = [*(path for path in paths if path.exists()), *(one for folder in folders for one in folder.iterdir())]
        return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in there)
    except OSError:
        return ()  # whoever reads it tells
