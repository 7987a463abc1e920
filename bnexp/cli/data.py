"""`bnexp data`: the files of a data set, downloaded or checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bnexp.cli.hydra_errors import one_sentence
from bnexp.cli.usage import USAGE
from bnexp.errors import UserError

if TYPE_CHECKING:
    pass


def look_after(action: str, words: Sequence[str]) -> None:
    """Download (`fetch`) or check (`verify`) a data set and print its files."""
    from bnexp.data import datasets

    with one_sentence():
        chosen = {"data": "mnist", "data.root": ""}
        for word in words:
            name, equals, value = word.partition("=")
            if name not in chosen or not equals:
                raise UserError(f"the command must be `{USAGE['data']}`; got '{word}' in it")
            chosen[name] = value
        root = Path(chosen["data.root"]).expanduser() if chosen["data.root"] else None
        if action == "fetch":
            files = datasets.fetch(chosen["data"], root)
        else:
            files = [path for path, _ in datasets.verify(chosen["data"], root)]
    for path in files:
        print(path)
    if not files:
        print(f"{chosen['data']} comes with scikit-learn: there is no file to {action}")
