"""The data sets: read, split into training, validation and test, and the batch order of a seed.

Letters: N examples, H×W pixels, D = H·W input features. Validation comes from the training files and is the same for
every run; what the publishers call the test set is the test set. Sources: LeCun, Cortes and Burges (MNIST); Xiao, Rasul
and Vollgraf 2017, arXiv:1708.07747 (Fashion-MNIST); Alpaydin and Kaynak 1998, as shipped by scikit-learn (digits).
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnexp.choices import nearest
from bnexp.data import download
from bnexp.data.download import File, Source
from bnexp.errors import UserError
from bnexp.randomness import generator


def _files(train_images: str, train_labels: str, test_images: str, test_labels: str) -> tuple[File, ...]:
    """The four files of MNIST and its relatives, from the sha256 of their decompressed content."""
    return (
        File("train-images-idx3-ubyte", dimensions=3, sha256=train_images),
        File("train-labels-idx1-ubyte", dimensions=1, sha256=train_labels),
        File("t10k-images-idx3-ubyte", dimensions=3, sha256=test_images),
        File("t10k-labels-idx1-ubyte", dimensions=1, sha256=test_labels),
    )


MNIST: Final = Source(
    name="mnist",
    classes=10,
    examples=60_000,
    validation=10_000,
    folders=("mnist", "MNIST/raw", "."),
    files=_files(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
)
FASHION_MNIST: Final = Source(
    name="fashion_mnist",
    classes=10,
    examples=60_000,
    validation=10_000,
    # Never directly in a shared folder: its files have the names of MNIST's.
    folders=("fashion_mnist", "FashionMNIST/raw"),
    # The publisher gives only MD5 sums of the .gz; these are the values that several public loaders agree on.
    files=_files(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
    ),
)
DIGITS: Final = Source(name="digits", classes=10, examples=1_500, validation=300)

_SOURCES: Final = {source.name: source for source in (MNIST, FASHION_MNIST, DIGITS)}
SETS: Final = tuple(_SOURCES)
"""Names of the data sets."""


@dataclass(frozen=True, eq=False)
class Data:
    """A data set, ready for training: contiguous float32 inputs in [0, 1] (or standardised), int64 labels.

    `digest` is the sha256 of the raw content: the same whatever the split and the standardisation.
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
    """Return the data set `name`, found or downloaded as `download.locate` says.

    `train` and `validation` count examples; None takes the set's own validation size and all that is left. The
    training examples are the first `train` that are not validation, in the order of the file. `standardize` subtracts
    their mean and divides by their standard deviation, two numbers for all pixels and all three parts. Raises
    `UserError` with one sentence for an unknown name, an impossible split, and files that are missing or wrong.
    """
    return prepare(_source(name), root, train, validation, standardize)


def prepare(source: Source, root: Path | None, train: int | None, validation: int | None, standardize: bool) -> Data:
    """Return the data of `source`, as `load` does."""
    used, held = _sizes(source, train, validation)  # first: an impossible split must not cost a download
    raw = _read_files(source, root) if source.files else _read_digits()
    assert len(raw.y_N) == source.examples
    held_N = _stratified(raw.y_N, held, "validation split")
    used_N = np.flatnonzero(~held_N)[:used]
    x = (
        np.divide(raw.x_ND[used_N], raw.white, dtype=np.float32),
        np.divide(raw.x_ND[held_N], raw.white, dtype=np.float32),
        np.divide(raw.x_test_ND, raw.white, dtype=np.float32),
    )
    y = (raw.y_N[used_N], raw.y_N[held_N], raw.y_test_N)
    if standardize:
        mean = x[0].mean(dtype=np.float64)
        # Not x.std(): its float64 copy of MNIST is 300 MB and took 0.2 to 1.6 s (2 cores, numpy 2.4), this takes 0.12.
        deviation = np.sqrt(np.einsum("nd,nd->", x[0], x[0], dtype=np.float64) / x[0].size - mean**2)
        for x_ND in x:
            x_ND -= np.float32(mean)
            x_ND /= np.float32(deviation)
    return Data(source.name, *x, *y, source.classes, raw.digest, standardize)


def training_examples(name: str, train: int | None, validation: int | None) -> int:
    """Return how many examples `load` would train on, without reading a file; raise as `load` does."""
    return _sizes(_source(name), train, validation)[0]


def batch_order(seed: int, epoch: int, examples: int) -> NDArray[np.int64]:
    """Return the order in which `seed` visits the training examples in `epoch`; key (seed, "batch order", epoch)."""
    return generator(seed, "batch order", epoch).permutation(examples)


def fetch(name: str, root: Path | None) -> list[Path]:
    """Return the paths of the checked files of `name` in the place where a run looks first, downloaded where needed.

    That place is `root`, else `$BNEXP_DATA`, else the user cache. Digits come with scikit-learn and have no files.
    """
    source = _source(name)
    base = root or Path(os.environ.get("BNEXP_DATA") or download.cache())
    return download.fetch(source, base) if source.files else []


def verify(name: str, root: Path | None) -> list[tuple[Path, str]]:
    """Return path and sha256 of the content of each file of `name` that a run would read, all of them right.

    Downloads nothing. Raises `UserError` with one sentence about the first file that is wrong, or if there is none.
    """
    source = _source(name)
    paths = download.present(source, root) if source.files else []
    if paths is None:
        raise UserError(
            f"{name} must lie in $BNEXP_DATA or {download.cache()} to be verified; got neither: run "
            f"`bnexp data fetch data={name}` or give data.root"
        )
    for file, path in zip(source.files, paths, strict=True):
        download.read(source, file, path)
    return [(path, file.sha256) for file, path in zip(source.files, paths, strict=True)]


def _source(name: str) -> Source:
    if name not in _SOURCES:
        raise UserError(f"data must be one of {', '.join(SETS)}; got '{name}'{nearest(name, SETS)}")
    return _SOURCES[name]


def _sizes(source: Source, train: int | None, validation: int | None) -> tuple[int, int]:
    """Return the numbers of training and of validation examples; raise `UserError` if there are not so many."""
    held = source.validation if validation is None else validation
    if not 1 <= held <= source.examples - 2:
        raise UserError(
            f"data.validation must be at least 1 and leave 2 of the {source.examples} examples in the training files "
            f"of {source.name}; got {held}: take data.validation={source.validation}"
        )
    left = source.examples - held
    used = left if train is None else train
    if not 2 <= used <= left:
        raise UserError(
            f"data.train must be at least 2 and at most the {left} examples of {source.name} that "
            f"data.validation={held} leaves; got {used}: take data.train={left} or another data.validation"
        )
    return used, held


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
        raise download.wrong(source, path, "hold one label for each image", f"{images} images and {len(y_N)} labels")
    if y_N.max(initial=0) >= source.classes:
        raise download.wrong(source, path, f"hold labels from 0 to {source.classes - 1}", f"a label {y_N.max()}")


def _read_digits() -> _Raw:
    """Read scikit-learn's 1,797 digits of 8×8 pixels: a fixed, stratified 297 are the test set.

    The other 1,500 keep scikit-learn's order; 300 of them are validation by default.
    """
    from sklearn.datasets import load_digits  # here, because it takes a second

    x_float_ND, y_any_N = load_digits(return_X_y=True)
    x_ND, y_N = x_float_ND.astype(np.uint8), y_any_N.astype(np.int64)
    tests_N = _stratified(y_N, len(y_N) - DIGITS.examples, "digits test split")
    digest = hashlib.sha256(x_ND.tobytes() + y_N.astype(np.uint8).tobytes()).hexdigest()
    return _Raw(x_ND[~tests_N], y_N[~tests_N], x_ND[tests_N], y_N[tests_N], white=16, digest=digest)


def _stratified(y_N: NDArray[np.int64], size: int, purpose: str) -> NDArray[np.bool_]:
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
