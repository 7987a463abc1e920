"""A NumPy archive (.npz) of one's own: inputs and labels under the names that people give them. No pickle is read."""

import lzma
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NAMES: Final = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x", "y"),
    ("images", "labels"),
)
"""Names of arrays, in small letters: Keras', those of image sets, and what people write."""


def read_npz(path: Path) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Return inputs and labels of the training part, and of the test part if the archive has one.

    Raises `ValueError` with what was found instead.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            members = {name.lower(): name for name in archive.files}
            arrays = [archive[members[name]] for name in _choose(members)]
    # What numpy and zipfile raise for files that are damaged, encrypted, packed in an unknown way, or no archive.
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, KeyError, RuntimeError) as error:
        raise ValueError(f"a damaged NumPy archive ({error})") from None
    except (AttributeError, TypeError, SyntaxError, tokenize.TokenError, OverflowError) as error:
        raise ValueError(f"no NumPy archive ({error})") from None
    return list(zip(arrays[::2], arrays[1::2], strict=True))


def _choose(members: dict[str, str]) -> tuple[str, ...]:
    """Return the names of the arrays to read."""
    for names in NAMES:
        for wanted in (names, names[:2]):
            if set(wanted) <= members.keys():
                return wanted
    known = " or ".join(", ".join(names) for names in NAMES)
    raise ValueError(f"the arrays {', '.join(members.values()) or '(none)'} instead of {known}")
