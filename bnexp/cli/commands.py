"""The subcommands: what is done with runs that are stored, with the theory and with the data sets.

Each has a module of its own, which is imported when it is asked for: it may load numpy, torch, pandas and rich.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from bnexp.choices import nearest
from bnexp.cli.schema import KEYS
from bnexp.cli.usage import USAGE, parse_words
from bnexp.errors import UserError
from bnexp.files import find_outputs, is_folder


def run_command(words: Sequence[str]) -> int:
    """Do what a subcommand, the first of `words`, asks with the others; return the exit code.

    Raises:
        UserError: There is no such subcommand, it takes no such arguments, or they ask for something impossible.
    """
    name, *rest = words
    if name not in USAGE:
        raise _no_command(name)
    asked = parse_words(name, rest, shlex.join(["bnexp", *words]))
    last = -1 if name == "merge" else None  # the folder that is merged into need not be a store yet
    for folder in (*getattr(asked, "words", ())[:last], getattr(asked, "folder", None)):
        _suggest_store(folder)
    match name:
        case "report":
            from bnexp.cli import report

            report.rebuild(asked.words)
        case "confirm":
            from bnexp.cli import confirm

            return confirm.confirm(asked.words, shlex.join(["bnexp", *words]), dry_run=asked.dry_run)
        case "show":
            from bnexp.cli import show

            show.show(asked.run, [Path(asked.folder)] if asked.folder else find_stores(), json_wanted=asked.json)
        case "ls":
            from bnexp.cli import ls

            ls.list_results(asked.words, find_stores(), json_wanted=asked.json)
        case "export":
            from bnexp.cli import export

            export.export(asked.words)
        case "merge":
            from bnexp.cli import merge

            merge.merge(asked.words)
        case "check":
            from bnexp.cli import check

            return check.check(json_wanted=asked.json)
        case "data":
            from bnexp.cli import data

            data.print_files(asked.action, asked.words)
        case "new":
            from bnexp.cli import new

            new.new(asked.name)
    return 0


def _suggest_store(word: str | None) -> None:
    """Raise `UserError` if `word` is no folder, but the name of a store."""
    if not word or is_folder(word) or len(Path(word).parts) != 1:
        return
    store = find_outputs() / word
    if is_folder(store / "runs"):
        raise UserError(f"a store must be a folder with results in runs/; found none in {word}: did you mean {store}?")


def find_stores() -> list[Path]:
    """Return the folders of all stores, by name."""
    return sorted(path.parent for path in find_outputs().glob("*/runs") if path.is_dir())


def _no_command(word: str) -> UserError:
    """Return the error about a first word that is no command."""
    hint = f": give it a value, {word}=…" if word in KEYS else nearest(word, USAGE) or ": see `bnexp --help`"
    return UserError(f"the first word must be KEY=VALUE, -m, or one of {', '.join(USAGE)}; got '{word}'{hint}")
