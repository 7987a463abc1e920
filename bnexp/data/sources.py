"""The published data sets as values: names, titles, sizes and files. Reading this loads no library.

Sources: LeCun, Cortes and Burges (MNIST); Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747 (Fashion-MNIST); Alpaydin and
Kaynak 1998, as shipped by scikit-learn (digits).
"""

from dataclasses import dataclass
from typing import Final

from bnexp.choices import nearest
from bnexp.errors import UserError


@dataclass(frozen=True)
class File:
    """An IDX file of uint8: its name without `.gz`, its number of dimensions, the sha256 of its content as hex."""

    name: str
    dimensions: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """A published data set.

    Attributes:
        name: What the command line calls it.
        title: What a page calls it.
        features: Inputs of one example.
        classes: Number of classes; labels count from 0.
        examples: Number of examples in the training files.
        validation: How many of these are validation by default.
        folders: Where its files may lie below a folder that several sets share, the preferred one first.
        files: Training images and labels, then test images and labels; none if they come with a library.
        mirrors: Addresses of folders with its files.
    """

    name: str
    title: str
    features: int
    classes: int
    examples: int
    validation: int
    folders: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    mirrors: tuple[str, ...] = ()


def _idx_files(train_images: str, train_labels: str, test_images: str, test_labels: str) -> tuple[File, ...]:
    """Return the four files of MNIST and its relatives, from the sha256 of their decompressed content."""
    return (
        File("train-images-idx3-ubyte", dimensions=3, sha256=train_images),
        File("train-labels-idx1-ubyte", dimensions=1, sha256=train_labels),
        File("t10k-images-idx3-ubyte", dimensions=3, sha256=test_images),
        File("t10k-labels-idx1-ubyte", dimensions=1, sha256=test_labels),
    )


MNIST: Final = Source(
    name="mnist",
    title="MNIST",
    features=784,
    classes=10,
    examples=60_000,
    validation=10_000,
    folders=("mnist", "MNIST/raw", "."),
    files=_idx_files(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
)
FASHION_MNIST: Final = Source(
    name="fashion_mnist",
    title="Fashion-MNIST",
    features=784,
    classes=10,
    examples=60_000,
    validation=10_000,
    # Never directly in a shared folder: its files have the names of MNIST's.
    folders=("fashion_mnist", "FashionMNIST/raw", "fashion-mnist"),
    # The publisher gives only MD5 sums of the .gz; these are the values that several public loaders agree on.
    files=_idx_files(
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
DIGITS: Final = Source(
    name="digits", title="Digits (8×8 pixels)", features=64, classes=10, examples=1_500, validation=300
)

SOURCES: Final = {source.name: source for source in (MNIST, FASHION_MNIST, DIGITS)}
"""The data sets by their names."""

SETS: Final = tuple(SOURCES)
"""Names of the data sets."""


def find_source(name: str) -> Source:
    """Return the data set `name`; raise `UserError` if there is none of this name."""
    if name not in SOURCES:
        raise UserError(f"data must be one of {', '.join(SETS)}; got '{name}'{nearest(name, SETS)}")
    return SOURCES[name]


def split_sizes(source: Source, train: int | None, validation: int | None) -> tuple[int, int]:
    """Return the numbers of training and of validation examples of `source`, whose own take the place of `None`.

    Raises:
        UserError: The training files do not hold that many.
    """
    n_validation = source.validation if validation is None else validation
    if not 1 <= n_validation <= source.examples - 2:
        raise UserError(
            f"data.validation must be at least 1 and leave 2 of the {source.examples} examples in the training files "
            f"of {source.name}; got {n_validation}: take data.validation={source.validation}"
        )
    left = source.examples - n_validation
    n_train = left if train is None else train
    if not 2 <= n_train <= left:
        raise UserError(
            f"data.train must be at least 2 and at most the {left} examples of {source.name} that "
            f"data.validation={n_validation} leaves; got {n_train}: take data.train={left} or another data.validation"
        )
    return n_train, n_validation


def count_training_examples(name: str, train: int | None, validation: int | None) -> int:
    """Return how many examples of the data set `name` are trained on, without reading a file.

    `train` and `validation` count examples as `datasets.load` takes them.

    Raises:
        UserError: There is no such data set, or it does not hold that many examples.
    """
    return split_sizes(find_source(name), train, validation)[0]
