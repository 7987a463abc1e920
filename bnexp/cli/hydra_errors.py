"""Errors at the border to Hydra: its own are told in one sentence, ours pass through it as they are.

Hydra, OmegaConf and YAML say in many lines what must hold, what was found and what to do. Where their errors carry the
key and the value, these are used; else their words are recognised. A wording that is not recognised is still shortened
to one line.
"""

import argparse
import contextlib
import io
import os
import pickle
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from typing import Any, Final, TypeVar

from hydra.errors import HydraException, MissingConfigException, OverrideParseException, SearchPathException
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
    ValidationError,
)
from yaml import YAMLError  # type: ignore[import-untyped]

from bnexp.choices import nearest, wrong_value
from bnexp.cli.schema import KEYS
from bnexp.cli.values import missing_value, unknown_key
from bnexp.errors import UserError

_UNREADABLE: Final = (HydraException, OmegaConfBaseException, YAMLError)
"""What only Hydra and its libraries raise, where a configuration cannot be read."""

Result = TypeVar("Result")

_FIELD_TYPES: Final[dict[Any, Any]] = {
    list[int]: tuple[int, ...],
    int | None: int,
    float | None: float,
    str | None: str,
}
"""Types of keys whose fields in `Run` have another type."""


class _Passenger(BaseException):
    """Carries an error of our task through Hydra, which prints every `Exception` of a task before it raises it."""

    def __init__(self, error: Exception) -> None:
        self.error = error


@contextlib.contextmanager
def pass_through_hydra() -> Iterator[None]:
    """Let the errors of this block, which Hydra has called, come out of `call_hydra` as they are."""
    try:
        yield
    except Exception as error:
        raise _Passenger(error) from error


def call_hydra(call: Callable[[], Result]) -> Result:
    """Return what `call`, which calls Hydra, returns.

    A `ValueError` of Hydra or a plugin is what the user has got wrong; one that our task raises while it trains is a
    bug. What Hydra, OmegaConf and YAML raise besides says by its type that a configuration could not be read.

    Raises:
        UserError: What Hydra or its plugins refuse, in one sentence; Hydra's own error is its cause.
        Exception: Whatever our task raises, as it was.
    """
    try:
        with _make_hydra_raise(), accept_lazy_help():
            return call()
    except _Passenger as passenger:
        error = passenger.error
    except UserError:
        raise
    except (*_UNREADABLE, ValueError) as refusal:
        raise UserError(to_sentence(refusal)) from refusal
    except Exception as wrapped:  # a launcher's own, around what our task has told it
        ours = other_launcher() if isinstance(wrapped, pickle.PicklingError) else _find_user_error(wrapped)
        ours = ours or _explain_storage(wrapped)
        if ours is None:
            raise
        raise ours from None
    # Outside of the handlers, so that a traceback does not tell of the way through Hydra as well.
    if isinstance(error, _UNREADABLE):
        raise UserError(to_sentence(error)) from error
    raise error


def other_launcher() -> UserError:
    """Return the error about a launcher that sends the task to other processes, which pickles it."""
    return UserError(
        "hydra/launcher must be bnexp or basic; got one that trains in processes of its own, of which bnexp would know "
        "nothing: leave it out, bnexp trains in as many processes as workers=… says"
    )


def _find_user_error(error: BaseException | None) -> UserError | None:
    """Return the `UserError` from which `error` comes, if there is one."""
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__ or error.__context__
    return error


def _explain_storage(error: Exception) -> UserError | None:
    """Return the sentence about optuna's storage if `error` comes from there: from a database, or what speaks to it."""
    frames = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
    if not any(name.startswith("optuna.storages") for name in frames):
        return None
    version = _find_version("sqlalchemy")
    if version.partition(".")[0] not in ("", "0", "1"):  # it leaves its commits to SQLAlchemy 1
        reason = f"SQLAlchemy {version}, with which optuna {_find_version('optuna')} makes none"
        return UserError(
            f"hydra.sweeper.storage must find SQLAlchemy below 2; got {reason}: pip install 'bnexp[optuna]'"
        )
    reason = " ".join([f"{type(error).__name__}:", *str(error).split("\n")[0].split()])
    return UserError(
        f"hydra.sweeper.storage must be a database that optuna can use; got '{reason}': give it as in "
        "hydra.sweeper.storage=sqlite:///search.db"
    )


def _find_version(package: str) -> str:
    """Return the version of `package`, nothing if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


@contextlib.contextmanager
def _make_hydra_raise() -> Iterator[None]:
    """Have Hydra raise its errors in this block: unless this variable says so, it prints them and exits."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        del os.environ["HYDRA_FULL_ERROR"]
        if before is not None:
            os.environ["HYDRA_FULL_ERROR"] = before


@contextlib.contextmanager
def accept_lazy_help() -> Iterator[None]:
    """Let an option be added to a parser in this block with a help that is no text yet.

    Hydra 1.3 gives --shell-completion a help that becomes text when it is printed, and prints all help by itself. But
    argparse formats every help when its option is added, from Python 3.14 on: Hydra's would be "badly formed".
    """
    add_argument = argparse.ArgumentParser.add_argument

    def add_with_any_help(
        parser: argparse.ArgumentParser, *flags: str, help: object = None, **options: Any
    ) -> argparse.Action:
        if help is None or isinstance(help, str):
            return add_argument(parser, *flags, help=help, **options)
        action = add_argument(parser, *flags, **options)
        action.help = help  # type: ignore[assignment]  # Hydra's, which says so, too
        return action

    argparse.ArgumentParser.add_argument = add_with_any_help  # type: ignore[assignment]
    try:
        yield
    finally:
        argparse.ArgumentParser.add_argument = add_argument  # type: ignore[method-assign]


def put_options_first(words: Sequence[str]) -> list[str]:
    """Return `words` with options before overrides, between which Hydra takes none: lr=1 -m seed=0,1.

    Raises `UserError` if Hydra would not know an option, about which it has two lines and a usage.
    """
    from hydra._internal.utils import get_args_parser  # private: a test says what to do if it moves

    usage = io.StringIO()
    try:
        with contextlib.redirect_stderr(usage), accept_lazy_help():
            options = get_args_parser().parse_intermixed_args(words)
    except SystemExit:
        reason = usage.getvalue().rpartition("error: ")[2].strip()
        raise UserError(f"an option must be one that Hydra knows; got {reason}: see `bnexp --help`") from None
    if options.experimental_rerun is not None:
        raise UserError("--experimental-rerun must be left out: it reads a pickle, and bnexp never reads one")
    others = list(words)
    for word in options.overrides:
        others.remove(word)
    return [*others, *options.overrides]


def to_sentence(error: Exception) -> str:
    """Return the one sentence for `error`, without a full stop."""
    cause = error.__cause__ or error.__context__
    if isinstance(error, OmegaConfBaseException):
        return _explain_key(error)
    if isinstance(error, HydraException) and isinstance(cause, OmegaConfBaseException):
        return _explain_key(cause) + _name_file(str(error))
    if isinstance(error, MissingConfigException):
        return _explain_choice(error)
    if isinstance(error, OverrideParseException):
        reason = re.search(r" while evaluating '.*?': (.+)", error.message)
        word = f"'{error.override}'" + (f" ({reason[1].strip()})" if reason else "")
        forms = "KEY=VALUE, or with -m also KEY=V1,V2 or 'KEY=range(10)'"
        hint = "see `bnexp --help`, and quote what is special, as in KEY=\"'~/a b'\""
        return f"an argument must be {forms}; got {word}: {hint}"
    if isinstance(error, SearchPathException):
        return re.sub(
            r"Additional config directory (.*) not found", r"--config-dir must be a folder; got \1", _shorten(error)
        )
    return _reword(_shorten(error))


def _explain_key(error: OmegaConfBaseException) -> str:
    """Return the sentence about a key that does not exist, or about its value."""
    name = str(error.full_key or error.key)
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        if name.startswith("hydra."):
            return f"Hydra must know a key; got '{name}': `bnexp --cfg hydra` lists its keys"
        return str(unknown_key(name))
    if "does not support deletion" in str(error):
        return str(missing_value(name))
    if isinstance(error, InterpolationResolutionError):
        return f"{name} must have a value that can be worked out; got one that cannot ({_shorten(error)})"
    name, entry, _ = name.partition("[")  # hidden[0]
    if isinstance(error, ValidationError) and name in KEYS:
        kind, value = _FIELD_TYPES.get(KEYS[name], KEYS[name]), [error.value] if entry else error.value
        return str(wrong_value(kind, value, name.removesuffix(".name")))
    if match := re.match(r"Merge error: .+ is not a subclass of (\w+)Config\. value: (.+)", _shorten(error)):
        keys = ", ".join(known for known in KEYS if known.startswith(f"{match[1].lower()}."))
        return f"{match[1].lower()} must be given its keys, {keys}; got {match[2]}: write them below it"
    return _shorten(error)


def _name_file(words: str) -> str:
    """Return where a file of the user is at fault, or nothing: a key of the command line needs no such hint."""
    match = re.match(r"In '(.+?)': \w+ raised while composing config", words)
    return f" (in {match[1]}.yaml)" if match else ""


def _explain_choice(error: MissingConfigException) -> str:
    path = str(error.missing_cfg_file)
    group, _, choice = path.rpartition("/")
    if not error.options:
        return f"a configuration must be a YAML file of bnexp or in --config-dir; got '{path}', which is in neither"
    return f"{group} must be one of {', '.join(error.options)}; got '{choice}'{nearest(choice, error.options)}"


def _reword(words: str) -> str:
    """Return the sentence for `words` of Hydra that are known here, else `words`."""
    if match := re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.+?)'(?: 1\.| requires)", words):
        name, _, values = match[1].partition("=")
        hint = f", or write {name}=[{values}] for one list" if name == "hidden" else ""
        return f"several values must come with -m, which asks for a sweep; got '{match[1]}' without it: add -m{hint}"
    if match := re.match(r"Could not append to config\. An item is already at '(.+?)'", words):
        return f"a + must stand only before a new key; got '+{match[1]}', which is known: leave out the +"
    if match := re.match(r"Config group override must be a string or a list\. Got (.+)", words):
        return (
            f"a group must be given the name of a choice, such as data=mnist; got a value of another kind ({match[1]})"
        )
    return words


def _shorten(error: Exception) -> str:
    """Return the words of `error` in one line, without OmegaConf's notes and Hydra's links and search path."""
    words = re.split(r"\n\s*(?:full_key:|Config search path:|Search path:|See http)", str(error))[0]
    return " ".join(words.split()).rstrip(".")
