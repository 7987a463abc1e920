"""`bnexp data`: the files of a data set, downloaded or checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bnexp.cli.own_files import OF_FILES, find_file
from bnexp.cli.usage import USAGE
from bnexp.data import datasets
from bnexp.errors import UserError
from bnexp.files import expand_home


def print_files(action: str, words: Sequence[str]) -> None:
    """Download (`fetch`) or check (`verify`) the data set that `words` name, and print the paths of its files.

    Raises:
        UserError: A word is none of these, the set is not known, or a file is missing, wrong
            or cannot be downloaded.
    """
    choices = {"data": "mnist", "data.root": ""} | dict.fromkeys(("data.name", *OF_FILES), "")
    for word in words:
        name, equals, value = word.partition("=")
        if name not in choices or not equals:
            raise UserError(f"the command must be `{USAGE['data']}`; got '{word}' in it")
        choices[name] = value
    if choices["data"] == "file":
        _print_own(action, choices)
        return
    if wrong := [name for name in OF_FILES if choices[name]]:
        raise UserError(f"{wrong[0]} must stand beside data=file; got data={choices['data']}: leave it out")
    name, root = choices["data"], expand_home(Path(choices["data.root"])) if choices["data.root"] else None
    paths = datasets.fetch(name, root) if action == "fetch" else [path for path, _ in datasets.verify(name, root)]
    for path in dict.fromkeys(paths):  # one archive may hold all arrays
        print(path)
    if not paths:
        print(f"{name} comes with scikit-learn: there is no file to {action}")


def _print_own(action: str, choices: Mapping[str, str]) -> None:
    """Print what a run would read from a file of one's own."""
    if action == "fetch":
        raise UserError(
            "data=file must be verified, because nobody publishes it; got fetch: `bnexp data verify data=file`"
        )
    if choices["data.transpose"] not in ("", "true", "false"):
        raise UserError(f"data.transpose must be true or false; got '{choices['data.transpose']}'")
    job: dict[str, Any] = {name: choices[name] or None for name in OF_FILES}
    job["data.name"] = choices["data.name"] or "file"
    job["data.transpose"] = choices["data.transpose"] == "true"
    job["data.scale"] = _read_number(choices["data.scale"]) if choices["data.scale"] else None
    file = find_file(job)
    assert file is not None
    data = datasets.load_file(file)
    print(f"{data.name}: {data.about}")
    print(data.digest)


def _read_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"data.scale must be a number; got '{text}'") from None
