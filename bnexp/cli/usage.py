"""What can be typed: the subcommands with their words, what each says to `--help`, and how it reads its words."""

import argparse
import os
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from bnexp.errors import UserError


@dataclass(frozen=True)
class Command:
    """A subcommand: all that can be typed, what it does, its words (names of arguments, and argparse's settings)."""

    usage: str
    does: str
    words: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_JSON: Final = {"action": "store_true", "help": "print JSON, for a program"}

COMMANDS: Final = {
    "plan": Command(
        "bnexp plan [--json] [-m] KEY=VALUE ...",
        "Say what would be trained, in which packs and for how long; train and write nothing.",
        {
            "words": {"nargs": "*", "metavar": "KEY=VALUE", "help": "what a sweep takes, see bnexp --help"},
            "-m": {"action": "store_true", "help": "a sweep: KEY=VALUE,VALUE or 'KEY=range(10)'"},
            "--json": _JSON,
        },
    ),
    "report": Command(
        "bnexp report DIR [DIR ...] [compare=KEY] [margin=POINTS] [figure=paper] [out=FOLDER]",
        "Build the page of all runs in some stores again.",
        {
            "words": {
                "nargs": "+",
                "metavar": "DIR",
                "help": "folders of stores, such as outputs/demo; behind them compare=KEY, to compare another key than "
                "placement, margin=POINTS, below which differences are called none (0.1, or the standard error over "
                "the test examples if that is more), figure=paper, for figures as wide as the columns of a paper and "
                "without titles, and out=FOLDER for the page",
            }
        },
    ),
    "confirm": Command(
        "bnexp confirm DIR [effect=POINTS] [power=P | n=N] [margin=POINTS] [contrasts=question|all] "
        "[compare=KEY] [seed=S] [workers=N] [--dry-run]",
        "Freeze what a store explored (learning rates, contrasts, n), train fresh seeds at these rates alone, and test "
        "them once.",
        {
            "words": {
                "nargs": "+",
                "metavar": "DIR",
                "help": "the folder of a store, such as outputs/demo; behind it effect=POINTS, the smallest difference "
                "that matters (0.2), found with power=P (0.9); or n=N fresh seeds; margin=POINTS, below which a "
                "difference is called none (0.1); contrasts=question (the default: of each cell the one that the "
                "question is about) or all; compare=KEY, to compare another key than the study; seed=S, the first "
                "fresh seed; and data.root=DIR or data.path=FILE, device=, workers=, engine.lanes=, report=false as in "
                "a sweep",
            },
            "--dry-run": {"action": "store_true", "help": "print the plan; freeze, train and write nothing"},
        },
    ),
    "show": Command(
        "bnexp show RUN [DIR] [--json]",
        "Print one run, with the command that trains it again.",
        {
            "run": {"metavar": "RUN", "help": "the beginning of its id, see bnexp ls DIR"},
            "folder": {"nargs": "?", "metavar": "DIR", "help": "the store that holds it; left out: all stores"},
            "--json": _JSON,
        },
    ),
    "ls": Command(
        "bnexp ls [DIR] [KEY=VALUE ...] [--json]",
        "List the stores, or the runs of one.",
        {
            "words": {
                "nargs": "*",
                "metavar": "DIR",
                "help": "a store, such as outputs/demo; behind it KEY=VALUE or KEY=V1,V2 for some of its runs only, "
                "such as activation=relu lr=0.1 status=diverged",
            },
            "--json": _JSON,
        },
    ),
    "export": Command(
        "bnexp export csv|tensorboard|mlflow|wandb DIR [out=FOLDER]",
        "Write a store as other programs read it, to DIR/export/FORMAT.",
        {
            "words": {
                "nargs": "+",
                "metavar": "FORMAT DIR",
                "help": "csv, tensorboard, mlflow or wandb; the folder of a store, such as outputs/demo; and "
                "out=FOLDER, to write elsewhere",
            }
        },
    ),
    "merge": Command(
        "bnexp merge DIR [DIR ...] INTO",
        "Make one store of several: packs are linked or copied, and nothing is trained or changed.",
        {
            "words": {
                "nargs": "+",
                "metavar": "DIR",
                "help": "the folders of stores, such as outputs/a; the last one, INTO, is where all goes, and may be "
                "new; doing it twice adds nothing",
            }
        },
    ),
    "check": Command(
        "bnexp check [--json]",
        "Measure what theory says of batch normalization, claim by claim; about half a minute.",
        {"--json": _JSON},
    ),
    "data": Command(
        "bnexp data fetch|verify [data=NAME] [data.root=DIR | data.path=FILE ...]",
        "Download a data set, or check its files, and print where they are.",
        {
            "action": {"choices": ["fetch", "verify"], "metavar": "fetch|verify", "help": "download it, or check it"},
            "words": {
                "nargs": "*",
                "metavar": "KEY=VALUE",
                "help": "data=mnist (the default) or another name; data.root=DIR, where its files are; or, to see what "
                "is read from a file of one's own, data=file data.path=FILE with data.test=, data.label=, "
                "data.transpose= and data.scale= as in a sweep",
            },
        },
    ),
    "new": Command(
        "bnexp new study NAME",
        "Write conf/study/NAME.yaml, a commented file to ask a question of your own with: bnexp study=NAME.",
        {
            "kind": {"choices": ["study"], "metavar": "study", "help": "what to write"},
            "name": {"metavar": "NAME", "help": "a word of your choice; no file is overwritten"},
        },
    ),
}
"""The subcommands by their names."""

USAGE: Final = {name: command.usage for name, command in COMMANDS.items()}
"""The subcommands, each with all that can be typed behind it."""


class _Wrong(Exception):
    """Words that a subcommand does not take."""


class _Parser(argparse.ArgumentParser):
    """A parser that raises what argparse prints before it exits."""

    def error(self, message: str) -> NoReturn:
        raise _Wrong(message)


def _make_parser(name: str) -> argparse.ArgumentParser:
    command = COMMANDS[name]
    # Behind argparse's own word "usage: "; a line of a help fits a terminal of 100 columns.
    lines = textwrap.wrap(command.usage.replace("%", "%%"), 93, subsequent_indent=" " * 13)
    usage, does = "\n".join(lines), command.does
    parser = _Parser(prog=f"bnexp {name}", usage=usage, description=does, allow_abbrev=False, exit_on_error=False)
    for word, settings in command.words.items():
        parser.add_argument(word, **settings)
    return parser


def parse_words(name: str, words: Sequence[str], typed: str) -> argparse.Namespace:
    """Return what `words` ask of the subcommand `name`, or raise `UserError`, which quotes what was `typed`."""
    try:
        return _make_parser(name).parse_intermixed_args(words)
    except (_Wrong, argparse.ArgumentError):
        raise UserError(f"the command must be `{USAGE[name]}`; got `{typed}`") from None


def write_command(words: Sequence[str]) -> str:
    """Return the command that `words` were, to be typed again: with the folder of all stores, if one is set."""
    outputs = os.environ.get("BNEXP_OUTPUTS")
    typed = shlex.join(["bnexp", *words])
    return f"BNEXP_OUTPUTS={shlex.quote(outputs)} {typed}" if outputs else typed


def write_help(name: str) -> str:
    """Return what `bnexp NAME --help` prints."""
    return _make_parser(name).format_help()
