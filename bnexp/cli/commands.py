"""The subcommands: what is done with runs that are stored, and with the data sets.

As in `cli`, what loads numpy, torch, pandas or rich is imported where it is used.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bnexp.choices import nearest
from bnexp.cli import data, report, show
from bnexp.cli.hydra_errors import one_sentence
from bnexp.cli.schema import KEYS
from bnexp.cli.usage import OUTPUTS, USAGE
from bnexp.errors import UserError

if TYPE_CHECKING:
    pass


def obey(word: str, *arguments: str) -> None:
    """Do what a subcommand asks."""
    match word, *arguments:
        case "report", *words if words:
            report.report(words)
        case "show", run:
            show.show(run, sorted(path.parent for path in OUTPUTS.glob("*/runs")))
        case "show", run, folder:
            show.show(run, [Path(folder)])
        case ("check",):
            _check(json_wanted=False)
        case "check", "--json":
            _check(json_wanted=True)
        case "data", "fetch" | "verify" as action, *keys:
            data.look_after(action, keys)
        case _:
            with one_sentence():
                raise _no_command(word, arguments)


def _no_command(word: str, arguments: Sequence[str]) -> UserError:
    """Return the error about a first word that is no command, or about arguments that its command does not take."""
    if word in USAGE:
        return UserError(f"the command must be `{USAGE[word]}`; got `{shlex.join(['bnexp', word, *arguments])}`")
    hint = f": give it a value, {word}=…" if word in KEYS else nearest(word, USAGE) or ": see `bnexp --help`"
    return UserError(f"the first word must be KEY=VALUE, -m, or one of {', '.join(USAGE)}; got '{word}'{hint}")


def _check(*, json_wanted: bool) -> None:
    from bnexp.cli.check import check  # here, because it loads torch

    check(json_wanted=json_wanted)
