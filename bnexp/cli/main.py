"""The command line: the trunk of bnexp. A reader starts here.

`main` → Hydra composes configurations → `Task` turns them into `Run` values, trains them, stores the rows and reports.
"""

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import hydra

from bnexp.cli import commands, values
from bnexp.cli.hydra_errors import check_options, is_told, one_sentence
from bnexp.cli.task import Plan, Task
from bnexp.cli.usage import USAGE
from bnexp.errors import UserError

if TYPE_CHECKING:
    pass

# What loads numpy, torch, pandas or rich is imported where it is used: `bnexp --help` must not wait for it.


def main() -> int:
    """Do what `sys.argv` asks; return 0, 1 if a run failed, 2 if what is asked is wrong, 130 if interrupted."""
    words = sys.argv[1:] or ["--help"]
    try:
        if words[0] in USAGE and {"-h", "--help"}.intersection(words):
            words = ["--help"]
        if "--version" in words:
            from bnexp import __version__

            print(f"bnexp {__version__}")
        elif words[0] == "plan":
            return _compose(Plan(_command(words)), _as_sweep(words[1:]))
        elif words[0].startswith(("-", "+", "~")) or "=" in words[0]:
            return _compose(Task(_command(words)), _as_sweep(words))
        else:
            with _reader_may_leave():
                commands.obey(*words)
    except KeyboardInterrupt:
        print(f"bnexp: interrupted; start it again with: {_command(words)}", file=sys.stderr)
        return 130
    return 0


def _command(words: Sequence[str]) -> str:
    return shlex.join(["bnexp", *words])


def _as_sweep(words: Sequence[str]) -> list[str]:
    """Return `words` with the -m that may be left out where a study is asked for, because it is a sweep by itself.

    `study=null`, the default, is left out: Hydra takes no null for a choice from a group.
    """
    words = [word for word in words if word != "study=null"]
    asked = [word for word in words if word.startswith("study=")]
    with one_sentence():
        if len(asked) > 1 or any("," in word for word in asked):
            raise UserError(f"a command must ask for one study; got {' '.join(asked)}: run them one after another")
    looking = {"-c", "--cfg", "-i", "--info", "--hydra-help", "-sc", "--shell-completion", "--run", "-r"}
    return ["-m", *words] if asked and looking.isdisjoint(words) else words


def _compose(task: "Task", words: list[str]) -> int:
    """Let Hydra read `words`, and call `task` with what it composes."""
    with one_sentence():
        check_options(words)
    sys.argv[1:] = words
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra shall raise its errors instead of printing them
    with one_sentence(is_told):
        from hydra_plugins.hydra_bnexp import register

        register()
        with _reader_may_leave():  # of --cfg, say
            hydra.main(version_base="1.3", config_path=str(values.folder()), config_name="config")(task)()
    with _reader_may_leave():
        task.conclude()
    return int(task.failed)


@contextlib.contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Go on if whoever reads our words, such as `head`, has read enough."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
