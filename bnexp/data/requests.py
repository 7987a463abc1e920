"""What is asked of a file of one's own: where it is, what it is called, and how it is to be read. Loads no library."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bnexp.data.sources import SOURCES
from bnexp.errors import UserError
from bnexp.runs import CONTENT

TEST_SHARE: Final = 0.2
"""Share of a file that is held out for tests, if it has no test set of its own and none is named."""

LONGEST_NAME: Final = 80
"""Signs of a name, which stands in titles and legends."""


@dataclass(frozen=True)
class OwnFile:
    """A file of one's own, or a folder of IDX files, and how it is read.

    Attributes:
        path: Where it is.
        name: What it is called in tables and figures; "" is the name of the file.
        test: Where the test set is, or the share of the examples that is one; `None` takes the file's own, or a fifth.
        label: Name or number, from 1, of the column of a table that is the class; `None` is the last.
        transpose: Whether rows and columns of the images are exchanged, as EMNIST has them.
        scale: What inputs are divided by; `None` is the greatest if all are counts from 0, as pixels are, else 1.
        digest: How the digest of its content must begin, so that nothing else is trained on.
    """

    path: str
    name: str = ""
    test: str | float | None = None
    label: str | None = None
    transpose: bool = False
    scale: float | None = None
    digest: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", Path(self.path).resolve().name)
        _check_name(self.name)
        if self.test is not None and not isinstance(self.test, str):
            object.__setattr__(self, "test", float(self.test))
        if isinstance(self.test, float) and not 0 < self.test < 1:
            raise UserError(f"data.test must be a file, or a share above 0 and below 1; got {self.test:g}")
        if self.scale is not None and not 0 < self.scale < float("inf"):
            raise UserError(f"data.scale must be a finite number greater than 0; got {self.scale:g}")
        if self.digest is not None:
            digest = self.digest.lower().removeprefix(CONTENT)
            if not re.fullmatch(r"[0-9a-f]{8,64}", digest):
                raise UserError(f"data.digest must be at least 8 hex digits of a digest; got '{self.digest}'")
            object.__setattr__(self, "digest", digest)

    def encode(self) -> dict[str, Any]:
        """Return what a store keeps of it: where it is and how it is read, with the whole paths, without the digest."""
        plain = {name: value for name, value in asdict(self).items() if name not in ("name", "digest")}
        plain["path"] = str(Path(self.path).resolve())
        if isinstance(self.test, str):
            plain["test"] = str(Path(self.test).resolve())
        return {name: value for name, value in plain.items() if value not in (None, False)}


def decode_own_file(name: str, plain: Mapping[str, Any], digest: str | None) -> OwnFile:
    """Return the file `name` that `OwnFile.encode` wrote, which must hold what has `digest`."""
    known = {key: value for key, value in plain.items() if key in OwnFile.__dataclass_fields__}
    return OwnFile(**{**known, "name": name, "digest": digest})


def parse_test(text: str | None) -> str | float | None:
    """Return what `data.test` says: a share, or the path of a file."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _check_name(name: str) -> None:
    advice = "give it another one by data.name"
    if name in SOURCES:
        raise UserError(f"data.name must not be that of a data set of bnexp; got '{name}': {advice}")
    if not name or name == "file" or len(name) > LONGEST_NAME or name != name.strip():
        raise UserError(
            f"data.name must have 1 to {LONGEST_NAME} signs, no space at an end, and not be 'file'; got "
            f"'{name[:LONGEST_NAME]}': {advice}"
        )
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in name):
        raise UserError(f"data.name must hold no control characters; got {name!a}: {advice}")
