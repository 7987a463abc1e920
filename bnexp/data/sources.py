"""The published data sets as values: names, titles, sizes and files. Reading this loads no library.

Sources: LeCun, Cortes and Burges (MNIST); Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747 (Fashion-MNIST); Clanuwat et
al. 2018, arXiv:1812.01718 (KMNIST); Cohen et al. 2017, arXiv:1702.05373 (EMNIST); Yadav and Bottou 2019,
arXiv:1905.10498 (QMNIST); Alpaydin and Kaynak 1998 (digits), Forina et al. 1988 (wine), Wolberg et al. 1995 (breast
cancer), as shipped by scikit-learn.
"""

from dataclasses import dataclass
from typing import Final

from bnexp.choices import Standardize, nearest
from bnexp.errors import UserError


@dataclass(frozen=True)
class File:
    """An IDX file: its name without `.gz`, its number of dimensions, the sha256 of its content as hex, its type byte.

    Where no digest of the content is known (None), `packed` is that of the published .gz, such as "md5:…"; "" is none.
    """

    name: str
    dimensions: int
    sha256: str | None
    kind: int = 0x08
    packed: str = ""


@dataclass(frozen=True)
class Source:
    """A published data set.

    Attributes:
        name: What the command line calls it.
        title: What a page calls it.
        features: Inputs of one example.
        classes: Number of classes.
        examples: Number of examples in the training files.
        validation: How many of these are validation by default.
        folders: Where its files may lie below a folder that several sets share, the preferred one first.
        files: Training images and labels, then test images and labels; none if they come with a library.
        mirrors: Addresses of folders with its files.
        archive: Address of an archive that holds its files among many, which is left to people to unpack.
        standardize: What its file in `conf/data` asks for: tables have features in units of their own.
        transposed: Whether its images are published with rows and columns exchanged.
        first_label: The smallest label that is published; classes count from 0.
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
    archive: str = ""
    standardize: Standardize = Standardize.none
    transposed: bool = False
    first_label: int = 0


def _idx_files(train_images: str, train_labels: str, test_images: str, test_labels: str) -> tuple[File, ...]:
    """Return the four files of MNIST and its relatives, from the sha256 of their decompressed content."""
    return (
        File("train-images-idx3-ubyte", dimensions=3, sha256=train_images),
        File("train-labels-idx1-ubyte", dimensions=1, sha256=train_labels),
        File("t10k-images-idx3-ubyte", dimensions=3, sha256=test_images),
        File("t10k-labels-idx1-ubyte", dimensions=1, sha256=test_labels),
    )


def _emnist(kind: str, title: str, classes: int, examples: int, first_label: int) -> Source:
    """Return a part of EMNIST. Its publisher gives no digests; those of the archive are in docs/data.md."""
    names = (f"emnist-{kind}-{part}" for part in ("train", "test"))
    return Source(
        name=f"emnist_{kind}",
        title=title,
        features=784,
        classes=classes,
        examples=examples,
        validation=10_000,
        folders=("emnist", "EMNIST/raw", "emnist/gzip", "gzip", "."),
        files=tuple(
            File(f"{name}-{ending}", dimensions, None)
            for name in names
            for ending, dimensions in (("images-idx3-ubyte", 3), ("labels-idx1-ubyte", 1))
        ),
        archive="https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        transposed=True,
        first_label=first_label,
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
KMNIST: Final = Source(
    name="kmnist",
    title="KMNIST",
    features=784,
    classes=10,
    examples=60_000,
    validation=10_000,
    folders=("kmnist", "KMNIST/raw"),  # never directly in a shared folder, as Fashion-MNIST
    # Of the .gz, as tensorflow-datasets 4.9.10 lists them; those of the content are not published.
    files=tuple(
        File(name, dimensions, None, packed=f"sha256:{sha256}")
        for name, dimensions, sha256 in (
            ("train-images-idx3-ubyte", 3, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
            ("train-labels-idx1-ubyte", 1, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
            ("t10k-images-idx3-ubyte", 3, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
            ("t10k-labels-idx1-ubyte", 1, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
        )
    ),
    mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
)
QMNIST: Final = Source(
    name="qmnist",
    title="QMNIST",
    features=784,
    classes=10,
    examples=60_000,
    validation=10_000,
    folders=("qmnist", "QMNIST/raw", "."),
    # Of the .gz, as torchvision 0.29.1 lists them.
    files=tuple(
        File(f"qmnist-{name}", dimensions, None, kind, f"md5:{md5}")
        for name, dimensions, kind, md5 in (
            ("train-images-idx3-ubyte", 3, 0x08, "ed72d4157d28c017586c42bc6afe6370"),
            ("train-labels-idx2-int", 2, 0x0C, "0058f8dd561b90ffdd0f734c6a30e5e4"),
            ("test-images-idx3-ubyte", 3, 0x08, "1394631089c404de565df7b7aeaf9412"),
            ("test-labels-idx2-int", 2, 0x0C, "5b5b05890a5e13444e108efe57b788aa"),
        )
    ),
    mirrors=("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
)
EMNIST_BALANCED: Final = _emnist("balanced", "EMNIST balanced", classes=47, examples=112_800, first_label=0)
EMNIST_LETTERS: Final = _emnist("letters", "EMNIST letters", classes=26, examples=124_800, first_label=1)
DIGITS: Final = Source(
    name="digits", title="Digits (8×8 pixels)", features=64, classes=10, examples=1_500, validation=300
)
# Of the 178 and 569 examples a fixed, stratified fifth is the test set.
WINE: Final = Source(
    name="wine",
    title="Wine",
    features=13,
    classes=3,
    examples=142,
    validation=28,
    standardize=Standardize.feature,
)
BREAST_CANCER: Final = Source(
    name="breast_cancer",
    title="Breast cancer",
    features=30,
    classes=2,
    examples=455,
    validation=91,
    standardize=Standardize.feature,
)

_ALL: Final = (
    *(MNIST, FASHION_MNIST, KMNIST, QMNIST, EMNIST_BALANCED, EMNIST_LETTERS),
    *(DIGITS, WINE, BREAST_CANCER),
)

SOURCES: Final = {source.name: source for source in _ALL}
"""The data sets by their names."""

SETS: Final = tuple(SOURCES)
"""Names of the data sets."""


def find_source(name: str) -> Source:
    """Return the data set `name`; raise `UserError` if there is none of this name."""
    if name not in SOURCES:
        names = (*SETS, "file")  # one's own, see `requests`
        raise UserError(f"data must be one of {', '.join(names)}; got '{name}'{nearest(name, names)}")
    return SOURCES[name]


def split_sizes(source: Source, train: int | None, validation: int | None) -> tuple[int, int]:
    """Return the numbers of training and of validation examples of `source`, whose own take the place of `None`.

    Raises:
        UserError: The training files do not hold that many.
    """
    return choose_sizes(source.name, source.examples, source.validation, train, validation)


def choose_sizes(name: str, examples: int, usual: int, train: int | None, validation: int | None) -> tuple[int, int]:
    """Return the numbers of training and of validation examples of the set `name`, of whose files `examples` are left.

    `None` is all that validation leaves, and the `usual` number. Raises `UserError` if there are not that many.
    """
    n_validation = usual if validation is None else validation
    if not 1 <= n_validation <= examples - 2:
        raise UserError(
            f"data.validation must be at least 1 and leave 2 of the {examples} examples in the training files "
            f"of {name}; got {n_validation}: take data.validation={usual}"
        )
    left = examples - n_validation
    n_train = left if train is None else train
    if not 2 <= n_train <= left:
        raise UserError(
            f"data.train must be at least 2 and at most the {left} examples of {name} that "
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
