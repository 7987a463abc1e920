"""The subcommands: what is done with runs that are stored, with the theory and with the data sets.

Each has a module of its own, which is imported when it is asked for: it may load numpy, torch, pandas and rich.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from bnexp.choices import nearest
from bnexp.cli.schema import KEYS
from bnexp.cli.usage import OUTPUTS, USAGE
from bnexp.errors import UserError


def run_command(words: Sequence[str]) -> int:
    """Do what a subcommand, the first of `words`, asks with the others; return the exit code.

    Raises:
        UserError: There is no such subcommand, it takes no such arguments, or they ask for something impossible.
    """
    match words:
        case "report", *rest if rest:
            from bnexp.cli import report

            report.rebuild(rest)
        case "show", run, *folders if len(folders) <= 1:
            from bnexp.cli import show

            show.show(
                run, [Path(folder) for folder in folders] or sorted(path.parent for path in OUTPUTS.glob("*/runs"))
            )
        case "export", *rest if rest:
            from bnexp.cli import export

            export.export(rest)
        case ("check",) | ("check", "--json"):
            from bnexp.cli import check

            return check.check(json_wanted="--json" in words)
        case "data", "fetch" | "verify" as action, *keys:
            from bnexp.cli import data

            data.print_files(action, keys)
        case _:
            raise _no_command(words)
    return 0


def _no_command(words: Sequence[str]) -> UserError:
    """Return the error about a first word that is no command, or about arguments that its command does not take."""
    word = words[0]
    if word in USAGE:
        return UserError(f"the command must be `{USAGE[word]}`; got `{shlex.join(['bnexp', *words])}`")
    hint = f": give it a value, {word}=…" if word in KEYS else nearest(word, USAGE) or ": see `bnexp --help`"
    return UserError(f"the first word must be KEY=VALUE, -m, or one of {', '.join(USAGE)}; got '{word}'{hint}")
