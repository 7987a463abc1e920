"""Images and labels of one's own as IDX files, plain or .gz: MNIST's layout and those of its relatives.

The labels of `NAME-images-idx3-ubyte` are in `NAME-labels-idx1-ubyte`, or, with more columns of which the first is the
class, in `NAME-labels-idx2-int` (QMNIST).
"""

import re
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from bnexp.data.idx import decode_any

TEST: Final = re.compile(r"t10k|(?<![a-z])test", re.IGNORECASE)
"""What the names of the files of a test set hold."""

IMAGES: Final = re.compile(r"images", re.IGNORECASE)


def find_pairs(folder: Path) -> list[Path]:
    """Return the images files of the training set and, if there is one, of the test set in `folder`.

    Raises `ValueError` with what was found unless it is one of the first kind, and at most one of the second.
    """
    files = _list_files(folder)
    images = {name: path for name, path in files.items() if IMAGES.search(name)}
    train = [path for name, path in images.items() if not TEST.search(name)]
    test = [path for name, path in images.items() if TEST.search(name)]
    if not images:
        raise ValueError(f"a folder without a file of images ({len(files)} files in it)")
    if len(train) != 1 or len(test) > 1:
        found = ", ".join(sorted(images))
        raise ValueError(f"a folder with the images {found}; one for training, and one for tests, may be in it")
    return [*train, *test]


def read_pair(images: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the arrays of an images file and of the labels file beside it.

    Raises `ValueError` with what was found instead.
    """
    labels = _find_labels(images)
    x, y = (_read(path) for path in (images, labels))
    if y.ndim == 2:
        y = y[:, 0]
    return x, y


def _find_labels(images: Path) -> Path:
    name = _plain_name(images)
    if not IMAGES.search(name):
        raise ValueError(f"an IDX file without 'images' in its name ({name}), by which its labels are found")
    start = IMAGES.sub("labels", name, count=1).partition("labels")[0]
    wanted = re.compile(re.escape(start) + r"labels([-.].*)?", re.IGNORECASE)
    found = {name: path for name, path in _list_files(images.parent).items() if wanted.fullmatch(name)}
    if len(found) != 1:
        there = ", ".join(found) or "none"
        raise ValueError(f"{there} for the labels of {images.name} instead of one file {start}labels-…")
    return next(iter(found.values()))


def _list_files(folder: Path) -> dict[str, Path]:
    """Return the files in `folder` by their names without .gz; of a file and its .gz the plain one."""
    paths = sorted(folder.iterdir(), reverse=True)  # the plain one comes last
    return {_plain_name(path): path for path in paths if path.is_file() and not path.name.startswith(".")}


def _read(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as stream:
            return decode_any(stream)
    except ValueError as reason:
        raise ValueError(f"{path.name}, which is {reason}") from None


def _plain_name(path: Path) -> str:
    return path.name.removesuffix(".gz")
