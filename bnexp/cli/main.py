"""The command line: the trunk of bnexp. A reader starts here.

`main` → Hydra composes configurations → `Task` turns them into `Run` values, trains them, stores the rows and reports.
"""

import contextlib
import errno
import functools
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import hydra

from bnexp.cli import commands, values
from bnexp.cli.hydra_errors import call_hydra, put_options_first
from bnexp.cli.task import Request, Task, train
from bnexp.cli.typed import expand_short, quote_texts
from bnexp.cli.usage import USAGE, write_command, write_help
from bnexp.errors import UserError
from bnexp.files import is_folder

UNWRITABLE: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE}
    | {errno.EMFILE, errno.ENFILE}
)
"""What a disk or a system may say to whoever writes, which is no error of bnexp."""


def main() -> int:
    """Do what `sys.argv` asks and return the exit code.

    Returns:
        0, or 1 if a run failed or a claim of the theory does not hold, 2 if the user has to correct something, which a
        sentence on standard error says, 130 if the command was interrupted. An error of bnexp itself leaves as it is:
        Python then shows where it comes from and exits with 1.
    """
    words = sys.argv[1:] or ["--help"]
    _replace_unwritable_signs()
    try:
        code = _dispatch(words)
        with _tolerate_closed_pipe():
            sys.stdout.flush()
        return code
    except UserError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":  # Hydra's way to ask where an error comes from
            raise
        print(f"bnexp: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"bnexp: interrupted; start it again with: {write_command(words)}", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno not in UNWRITABLE or os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        _discard_unwritten()
        place = error.filename or "standard output"
        print(
            f"bnexp: {place} must be a place that can be written to; got '{os.strerror(error.errno)}': what was stored "
            "is whole, and the same command goes on from there",
            file=sys.stderr,
        )
        return 2


def _replace_unwritable_signs() -> None:
    """Have what the terminal's encoding lacks printed as a question mark, and nothing printed to a closed stream."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open as long as we live
        getattr(sys, name).reconfigure(errors="replace")


def _discard_unwritten() -> None:
    """Drop what standard output did not take, or Python would complain once more when it ends."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(words: list[str]) -> int:
    if words[0] in USAGE and {"-h", "--help"}.intersection(words):
        print(write_help(words[0]), end="")
        return 0
    if "--version" in words:
        from bnexp import __version__

        print(f"bnexp {__version__}")
        return 0
    if {"-sc", "--shell-completion"}.intersection(words) and "COMP_LINE" in os.environ:
        from bnexp.cli.completion import complete, without_plan

        print("\n".join(complete(os.environ["COMP_LINE"])))
        os.environ["COMP_LINE"] = without_plan(os.environ["COMP_LINE"])
    if words[0] == "plan":
        asked = [word for word in words[1:] if word != "--json"]
        plan = functools.partial(_print_plan, json_wanted=len(asked) < len(words) - 1)
        return _compose(Task(write_command(words), plan), _as_sweep(asked))
    if words[0].startswith(("-", "+", "~")) or "=" in words[0]:
        return _compose(Task(write_command(words), train), _as_sweep(words))
    with _tolerate_closed_pipe():
        return commands.run_command(words)
    return 0


def _print_plan(request: Request, *, json_wanted: bool) -> None:
    from bnexp.cli.plan import print_plan  # here, because it loads pandas and rich

    print_plan(request, json_wanted=json_wanted)


def _as_sweep(words: Sequence[str]) -> list[str]:
    """Return `words` with the -m that may be left out where a study is asked for, because it is a sweep by itself.

    `study=null`, the default, is left out: Hydra takes no null for a choice from a group.
    """
    words = [word for word in words if word != "study=null"]
    studies = [word for word in words if word.startswith("study=")]
    if len(studies) > 1 or any("," in word for word in studies):
        raise UserError(f"a command must ask for one study; got {' '.join(studies)}: run them one after another")
    looking = {"-c", "--cfg", "-i", "--info", "--hydra-help", "-sc", "--shell-completion", "--run", "-r"}
    return ["-m", *words] if studies and looking.isdisjoint(words) else words


def _compose(task: Task, words: list[str]) -> int:
    """Let Hydra read `words` and call `task` with what it composes; return the exit code."""
    sys.argv[1:] = [*_find_studies(words), *quote_texts(expand_short(put_options_first(words)))]
    call = hydra.main(version_base="1.3", config_path=str(values.find_conf()), config_name="config")(task)
    try:
        with _tolerate_closed_pipe():  # the reader of --cfg may leave, too
            call_hydra(call)
    except SystemExit as end:  # how Hydra ends --help and --hydra-help
        if end.code:
            raise
    with _tolerate_closed_pipe():
        task.conclude()
    return int(task.failed)


def _find_studies(words: Sequence[str]) -> list[str]:
    """Return the option by which Hydra finds the studies in ./conf, unless `words` name another folder."""
    named = any(word.split("=")[0] in ("--config-dir", "-cd") for word in words)
    here = Path("conf").resolve()
    return [] if named or here == values.find_conf() or not is_folder(here / "study") else ["--config-dir", str(here)]


@contextlib.contextmanager
def _tolerate_closed_pipe() -> Iterator[None]:
    """Go on if whoever reads our words, such as `head`, has read enough."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
