"""`bnexp data`: the files of a data set, downloaded or checked."""

from collections.abc import Sequence
from pathlib import Path

from bnexp.cli.usage import USAGE
from bnexp.data import datasets
from bnexp.errors import UserError
from bnexp.files import expand_home


def print_files(action: str, words: Sequence[str]) -> None:
    """Download (`fetch`) or check (`verify`) the data set that `words` name, and print the paths of its files.

    Raises:
        UserError: A word is none of `data=NAME` and `data.root=DIR`, the set is not known, or a file is missing, wrong
            or cannot be downloaded.
    """
    choices = {"data": "mnist", "data.root": ""}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in choices or not equals:
            raise UserError(f"the command must be `{USAGE['data']}`; got '{word}' in it")
        choices[name] = value
    name, root = choices["data"], expand_home(Path(choices["data.root"])) if choices["data.root"] else None
    paths = datasets.fetch(name, root) if action == "fetch" else [path for path, _ in datasets.verify(name, root)]
    for path in dict.fromkeys(paths):  # one archive may hold all arrays
        print(path)
    if not paths:
        print(f"{name} comes with scikit-learn: there is no file to {action}")
