"""The data sets: read, split into training, validation and test, and the batch order of a seed.

Letters: N examples, H×W pixels, D = H·W input features. Validation comes from the training files and is the same for
every run; what the publishers call the test set is the test set.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnexp.choices import Standardize, parse
from bnexp.data import download, idx, own, packaged
from bnexp.data.published import Raw, read_files
from bnexp.data.requests import OwnFile
from bnexp.data.sources import DIGITS, Source, find_source, split_sizes
from bnexp.data.splits import draw_stratified, standardize_parts
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
        digest: The sha256 of the content as published, whatever the split and the standardisation; of a file of one's
            own that of its numbers, its test set and its scale, behind `content-`.
        standardize: What has mean 0 and standard deviation 1 over the training part, see `bnexp.Run`.
        file: The file of one's own that it was read from.
        about: What was read from it and what was decided, in words.

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
    standardize: Standardize | bool
    file: OwnFile | None = None
    about: str = ""

    @property
    def setting(self) -> tuple[str, int, int, Standardize]:
        """What a run names of its data: name, training and validation examples, standardised."""
        by = parse(Standardize, self.standardize, "standardize")
        return self.name, len(self.y_train_N), len(self.y_validation_N), by


def load(
    name: str,
    *,
    root: Path | str | None = None,
    train: int | None = None,
    validation: int | None = None,
    standardize: Standardize | str | bool = Standardize.none,
) -> Data:
    """Return a data set, whose files are downloaded if they are not on this machine.

    Validation comes from the training files: stratified by class, drawn once and for all, the same for every run.

    Args:
        name: "mnist", "fashion_mnist", "kmnist", "qmnist", "emnist_balanced" or "emnist_letters"; or one that comes
            with scikit-learn and needs no files: "digits", "wine" or "breast_cancer".
        root: Folder of the files. `None` looks in the folder that the environment variable BNEXP_DATA names, then in
            the user's cache, and downloads into the cache what is in neither.
        train: How many examples to train on: the first that are not validation, in the order of the file. `None` takes
            all of them.
        validation: How many examples to hold out for validation. `None` takes the set's own number: 10,000, or 300 of
            the digits.
        standardize: "all" or `True`: subtract the mean of the training part and divide by its standard deviation, two
            numbers for all pixels and all three parts; "feature": the same with two numbers for each feature; "none" or
            `False`: neither. Pixels are in [0, 1] then.

    Returns:
        The data, in three parts.

    Raises:
        UserError: The name is unknown, there are not that many examples, or a file is missing, is not the published
            one, or cannot be downloaded.

    Example:
        >>> import bnexp
        >>> data = bnexp.load_data("digits")
        >>> len(data.y_train_N), len(data.y_validation_N), len(data.y_test_N)
        (1200, 300, 297)
        >>> data.x_train_ND.min(), data.x_train_ND.max()
        (np.float32(0.0), np.float32(1.0))
    """
    folder = Path(root) if root is not None else None
    return prepare(find_source(name), folder, train, validation, standardize)


def load_file(
    path: Path | str | OwnFile,
    *,
    name: str = "",
    test: float | Path | str | None = None,
    label: str | int | None = None,
    transpose: bool = False,
    scale: float | None = None,
    digest: str | None = None,
    train: int | None = None,
    validation: int | None = None,
    standardize: Standardize | str | bool = Standardize.none,
) -> Data:
    """Return a data set of one's own, as `docs/data.md` describes what its file may hold.

    Args:
        path: An `.npz`, a `.csv` or `.csv.gz`, an IDX file of images, or a folder of IDX files; or all that comes
            before `train` as one value.
        name: What it is called in tables and figures; left out: the name of the file.
        test: The file of the test set, or the share of the examples that is one; left out: the file's own, or a fifth.
        label: Name or number, from 1, of the column of a table that is the class; left out: the last.
        transpose: Whether rows and columns of the images are exchanged, as EMNIST has them.
        scale: What inputs are divided by; left out: the greatest if all are counts from 0, as pixels are, else 1.
        digest: How the digest of the content must begin.
        train: How many examples to train on: the first that are not validation; left out: all.
        validation: How many examples to hold out for validation; left out: a sixth, and 10,000 at most.
        standardize: As `load_data` takes it.

    Returns:
        The data, in three parts; `about` says what was decided.

    Raises:
        UserError: There is no such file, or it does not hold numbers with a class for each example.

    Example:
        >>> import tempfile, numpy as np, bnexp
        >>> rng = np.random.default_rng(0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/mine.npz", x=rng.normal(size=(100, 5)), y=rng.integers(1, 4, 100))
        ...     data = bnexp.load_file(f"{folder}/mine.npz", standardize="feature")
        >>> data.name, data.x_train_ND.shape, data.x_test_ND.shape, data.classes
        ('mine.npz', (67, 5), (20, 5), 3)
    """
    if isinstance(path, OwnFile):
        file = path
    else:
        share = str(test) if isinstance(test, Path) else test
        file = OwnFile(str(path), name, share, None if label is None else str(label), transpose, scale, digest)
    by = parse(Standardize, standardize, "standardize")
    read = own.read(file)
    sizes = own.split_sizes(file, train, validation)
    raw = Raw(read.x_ND, read.y_N, read.x_test_ND, read.y_test_N, read.scale, read.digest, read.about)
    return _split(file.name, raw, len(read.classes.names), sizes, by, file)


def prepare(
    source: Source, root: Path | None, train: int | None, validation: int | None, standardize: Standardize | str | bool
) -> Data:
    """Return the data of `source`, split and standardised by the arguments that `load` explains."""
    by = parse(Standardize, standardize, "standardize")
    sizes = split_sizes(source, train, validation)  # first: a wrong split must not cost a download
    raw = read_files(source, root) if source.files else _read_packaged(source)
    assert len(raw.y_N) == source.examples
    return _split(source.name, raw, source.classes, sizes, by)


def _split(
    name: str, raw: Raw, classes: int, sizes: tuple[int, int], by: Standardize, file: OwnFile | None = None
) -> Data:
    n_train, n_validation = sizes
    validation_N = draw_stratified(raw.y_N, n_validation, "validation split", keep=0 if file is None else 1)
    train_N = np.flatnonzero(~validation_N)[:n_train]
    x = (
        np.divide(raw.x_ND[train_N], raw.white, dtype=np.float32),
        np.divide(raw.x_ND[validation_N], raw.white, dtype=np.float32),
        np.divide(raw.x_test_ND, raw.white, dtype=np.float32),
    )
    y = (raw.y_N[train_N], raw.y_N[validation_N], raw.y_test_N)
    standardize_parts(x, by)
    return Data(name, *x, *y, classes, raw.digest, by, file, raw.about)


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
    arrays = [download.read(source, file, path) for file, path in zip(source.files, paths, strict=True)]
    return [
        (path, file.sha256 or idx.digest(array, file.kind))
        for file, path, array in zip(source.files, paths, arrays, strict=True)
    ]


def _read_packaged(source: Source) -> Raw:
    """Read a set that comes with scikit-learn: a fixed, stratified part is the test set, the rest keeps its order.

    Of the digits these are 297; 300 of the other 1,500 are validation by default.
    """
    white, (x_ND, y_N) = (16, packaged.read_digits()) if source is DIGITS else (1, packaged.read_table(source.name))
    tests_N = draw_stratified(y_N, len(y_N) - source.examples, f"{source.name} test split")
    digest = hashlib.sha256(x_ND.tobytes() + y_N.astype(np.uint8).tobytes()).hexdigest()
    return Raw(x_ND[~tests_N], y_N[~tests_N], x_ND[tests_N], y_N[tests_N], white=white, digest=digest)
