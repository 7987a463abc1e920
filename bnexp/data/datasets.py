"""The data sets: read, split into training, validation and test, and the batch order of a seed.

Letters: N examples, H×W pixels, D = H·W input features. Validation comes from the training files and is the same for
every run; what the publishers call the test set is the test set.
"""

import hashlib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnexp.data import download
from bnexp.data.sources import DIGITS, Source, find_source, split_sizes
from bnexp.errors import UserError
from bnexp.files import cache_folder
from bnexp.randomness import generator


@dataclass(frozen=True, eq=False)
class Data:
    """A data set, ready for training. `bnexp.load_data` makes one; two are equal only if they are the same object.

    The last letters of a name are its shape: N examples, of which each part has its own number, D input features.

    Attributes:
        name: Name of the data set.
        x_train_ND: Inputs that are trained on, contiguous float32 in [0, 1], or standardised.
        x_validation_ND: Inputs by which learning rates and epochs are chosen.
        x_test_ND: Inputs of what the publishers call the test set, by which nothing is chosen.
        y_train_N: Labels of `x_train_ND`, int64 from 0 to `classes` - 1.
        y_validation_N: Labels of `x_validation_ND`.
        y_test_N: Labels of `x_test_ND`.
        classes: Number of classes.
        digest: The sha256 of the content as published, whatever the split and the standardisation.
        standardize: Whether the inputs have mean 0 and standard deviation 1 over the training part.

    Example:
        >>> import bnexp
        >>> data = bnexp.load_data("digits", root=None, train=1000, validation=None, standardize=True)
        >>> data.x_train_ND.shape, data.x_validation_ND.shape, data.x_test_ND.shape
        ((1000, 64), (300, 64), (297, 64))
        >>> f"{data.x_train_ND.std():.3f}"
        '1.000'
    """

    name: str
    x_train_ND: NDArray[np.float32]
    x_validation_ND: NDArray[np.float32]
    x_test_ND: NDArray[np.float32]
    y_train_N: NDArray[np.int64]
    y_validation_N: NDArray[np.int64]
    y_test_N: NDArray[np.int64]
    classes: int
    digest: str
    standardize: bool

    @property
    def setting(self) -> tuple[str, int, int, bool]:
        """What a run names of its data: name, training and validation examples, standardised."""
        return self.name, len(self.y_train_N), len(self.y_validation_N), self.standardize


@dataclass(frozen=True, eq=False)
class _Raw:
    """A data set as published: pixels from 0 to `white`, the training files and the test files."""

    x_ND: NDArray[np.uint8]
    y_N: NDArray[np.int64]
    x_test_ND: NDArray[np.uint8]
    y_test_N: NDArray[np.int64]
    white: int
    digest: str


def load(name: str, *, root: Path | None, train: int | None, validation: int | None, standardize: bool) -> Data:
    """Return a data set, whose files are downloaded if they are not on this machine.

    Validation comes from the training files: stratified by class, drawn once and for all, the same for every run.

    Args:
        name: "mnist", "fashion_mnist" or "digits". Digits come with scikit-learn and need no files.
        root: Folder of the files. `None` looks in the folder that the environment variable BNEXP_DATA names, then in
            the user's cache, and downloads into the cache what is in neither.
        train: How many examples to train on: the first that are not validation, in the order of the file. `None` takes
            all of them.
        validation: How many examples to hold out for validation. `None` takes the set's own number: 10,000, or 300 of
            the digits.
        standardize: Subtract the mean of the training part and divide by its standard deviation, two numbers for all
            pixels and all three parts. Inputs are in [0, 1] otherwise.

    Returns:
        The data, in three parts.

    Raises:
        UserError: The name is unknown, there are not that many examples, or a file is missing, is not the published
            one, or cannot be downloaded.

    Example:
        >>> import bnexp
        >>> data = bnexp.load_data("digits", root=None, train=None, validation=None, standardize=False)
        >>> len(data.y_train_N), len(data.y_validation_N), len(data.y_test_N)
        (1200, 300, 297)
        >>> data.x_train_ND.min(), data.x_train_ND.max()
        (np.float32(0.0), np.float32(1.0))
    """
    return prepare(find_source(name), root, train, validation, standardize)


def prepare(source: Source, root: Path | None, train: int | None, validation: int | None, standardize: bool) -> Data:
    """Return the data of `source`, split and standardised by the arguments that `load` explains."""
    n_train, n_validation = split_sizes(source, train, validation)  # first: a wrong split must not cost a download
    raw = _read_files(source, root) if source.files else _read_digits()
    assert len(raw.y_N) == source.examples
    validation_N = _draw_stratified(raw.y_N, n_validation, "validation split")
    train_N = np.flatnonzero(~validation_N)[:n_train]
    x = (
        np.divide(raw.x_ND[train_N], raw.white, dtype=np.float32),
        np.divide(raw.x_ND[validation_N], raw.white, dtype=np.float32),
        np.divide(raw.x_test_ND, raw.white, dtype=np.float32),
    )
    y = (raw.y_N[train_N], raw.y_N[validation_N], raw.y_test_N)
    if standardize:
        mean = x[0].mean(dtype=np.float64)
        # Not x.std(): its float64 copy of MNIST is 300 MB and took 0.2 to 1.6 s (2 cores, numpy 2.4), this takes 0.12.
        deviation = np.sqrt(np.einsum("nd,nd->", x[0], x[0], dtype=np.float64) / x[0].size - mean**2)
        for x_ND in x:
            x_ND -= np.float32(mean)
            x_ND /= np.float32(deviation)
    return Data(source.name, *x, *y, source.classes, raw.digest, standardize)


def batch_order(seed: int, epoch: int, examples: int) -> NDArray[np.int64]:
    """Return the order in which `seed` visits the training examples in `epoch`; key (seed, "batch order", epoch)."""
    return generator(seed, "batch order", epoch).permutation(examples)


def fetch(name: str, root: Path | None) -> list[Path]:
    """Return the paths of the files of the data set `name` in the place where a run looks first, all of them checked.

    That place is `root`, else `$BNEXP_DATA`, else the user's cache; what it lacks is downloaded. Digits come with
    scikit-learn and have no files. Raises `UserError` if there is no such data set, or a file cannot be had.
    """
    source = find_source(name)
    base = root or Path(os.environ.get("BNEXP_DATA") or cache_folder())
    return download.fetch(source, base) if source.files else []


def verify(name: str, root: Path | None) -> list[tuple[Path, str]]:
    """Return path and sha256 of the content of each file of the data set `name` that a run would read, all right.

    Downloads nothing. Raises `UserError` about the first file that is wrong, or if there is none.
    """
    source = find_source(name)
    paths = download.find(source, root) if source.files else []
    if paths is None:
        raise UserError(
            f"{name} must lie in $BNEXP_DATA or {cache_folder()} to be verified; got neither: run "
            f"`bnexp data fetch data={name}` or give data.root"
        )
    for file, path in zip(source.files, paths, strict=True):
        download.read(source, file, path)
    return [(path, file.sha256) for file, path in zip(source.files, paths, strict=True)]


def _read_files(source: Source, root: Path | None) -> _Raw:
    paths = download.locate(source, root)
    x_NHW, y_N, x_test_NHW, y_test_N = (
        download.read(source, file, path) for file, path in zip(source.files, paths, strict=True)
    )
    _check_labels(source, y_N, paths[1], images=len(x_NHW))
    _check_labels(source, y_test_N, paths[3], images=len(x_test_NHW))
    x_ND, x_test_ND = x_NHW.reshape(len(x_NHW), -1), x_test_NHW.reshape(len(x_test_NHW), -1)
    digest = hashlib.sha256("".join(file.sha256 for file in source.files).encode()).hexdigest()
    return _Raw(x_ND, y_N.astype(np.int64), x_test_ND, y_test_N.astype(np.int64), white=255, digest=digest)


def _check_labels(source: Source, y_N: NDArray[np.uint8], path: Path, images: int) -> None:
    if len(y_N) != images:
        raise download.wrong_file(
            source, path, "hold one label for each image", f"{images} images and {len(y_N)} labels"
        )
    if y_N.max(initial=0) >= source.classes:
        raise download.wrong_file(source, path, f"hold labels from 0 to {source.classes - 1}", f"a label {y_N.max()}")


def _read_digits() -> _Raw:
    """Read scikit-learn's 1,797 digits of 8×8 pixels: a fixed, stratified 297 are the test set.

    The other 1,500 keep scikit-learn's order; 300 of them are validation by default.
    """
    *x_DN, label_N = np.loadtxt(_find_digits(), delimiter=",", dtype=np.uint8, unpack=True)
    x_ND, y_N = np.ascontiguousarray(np.stack(x_DN, 1)), label_N.astype(np.int64)
    tests_N = _draw_stratified(y_N, len(y_N) - DIGITS.examples, "digits test split")
    digest = hashlib.sha256(x_ND.tobytes() + y_N.astype(np.uint8).tobytes()).hexdigest()
    return _Raw(x_ND[~tests_N], y_N[~tests_N], x_ND[tests_N], y_N[tests_N], white=16, digest=digest)


def _find_digits() -> Path:
    """Return the file of scikit-learn's digits, a line for each: 64 pixels and the label.

    scikit-learn is found and not imported: that took 1.2 s, more than half of it scipy.stats, and the file takes 0.02.
    """
    spec = find_spec("sklearn")
    places = spec.submodule_search_locations if spec else None
    path = Path(*places[:1], "datasets", "data", "digits.csv.gz") if places else None
    if path is None or not path.is_file():
        raise UserError(
            f"scikit-learn must be installed with its digits; got no {path or 'scikit-learn'}: install scikit-learn"
        )
    return path


def _draw_stratified(y_N: NDArray[np.int64], size: int, purpose: str) -> NDArray[np.bool_]:
    """Return a mask of `size` examples whose classes are in the proportions of `y_N`, by largest remainder.

    Random within each class, from the key (0, `purpose`, class): no run's seed moves it.
    """
    counts = np.bincount(y_N)
    quotas, remainders = np.divmod(counts * size, len(y_N))
    largest = np.argsort(-remainders, kind="stable")[: size - quotas.sum()]
    quotas[largest] += 1
    mask_N = np.zeros(len(y_N), np.bool_)
    for label, quota in enumerate(quotas):
        members = generator(0, purpose, label).permutation(np.flatnonzero(y_N == label))
        mask_N[members[:quota]] = True
    return mask_N
