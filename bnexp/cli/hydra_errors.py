"""What Hydra and OmegaConf say in many lines, in one sentence: what must hold; what was found; what to do.

Where their errors carry the key and the value, these are used; else their words are recognised. A wording that is not
recognised is still shortened to one line.
"""

import contextlib
import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from hydra._internal.utils import get_args_parser
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

TRACEBACKS: Final = os.environ.get("HYDRA_FULL_ERROR") == "1"
"""Whether the user asks, in Hydra's way, to see where an error comes from."""

_KINDS: Final[dict[Any, Any]] = {list[int]: tuple[int, ...], int | None: int, str | None: str}
"""Types of keys whose fields in `Run` have another type."""


def is_told(error: Exception) -> bool:
    """Return whether `error` tells a user something even while runs are trained.

    That is what Hydra, OmegaConf and YAML say (some of it as a plain `ValueError`), and what is `UserError`, such as
    that a store cannot be written to. Any other `UserError` is then a bug.
    """
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    told_by_hydra = isinstance(error, ValueError) and str(frame.f_globals["__name__"]).startswith("hydra.")
    return told_by_hydra or isinstance(error, HydraException | OmegaConfBaseException | YAMLError | UserError)


def is_mistake(error: Exception) -> bool:
    """Return whether the user is to blame for `error`, where no run is trained."""
    return isinstance(error, ValueError) or is_told(error)


def sentence(error: Exception) -> str:
    """Return the one sentence for `error`, without a full stop."""
    cause = error.__cause__ or error.__context__
    if isinstance(error, OmegaConfBaseException):
        return _about_key(error)
    if isinstance(error, HydraException) and isinstance(cause, OmegaConfBaseException):
        return _about_key(cause) + _place(str(error))
    if isinstance(error, MissingConfigException):
        return _about_choice(error)
    if isinstance(error, OverrideParseException):
        reason = re.search(r" while evaluating '.*?': (.+)", error.message)
        found = f"'{error.override}'" + (f" ({reason[1].strip()})" if reason else "")
        forms = "KEY=VALUE, or with -m also KEY=V1,V2 or 'KEY=range(10)'"
        hint = "see `bnexp --help`, and quote what is special, as in KEY=\"'~/a b'\""
        return f"an argument must be {forms}; got {found}: {hint}"
    if isinstance(error, SearchPathException):
        return re.sub(
            r"Additional config directory (.*) not found", r"--config-dir must be a folder; got \1", _line(error)
        )
    return _recognised(_line(error))


def _about_key(error: OmegaConfBaseException) -> str:
    """Return the sentence about a key that does not exist, or about its value."""
    name = str(error.full_key or error.key)
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        if name.startswith("hydra."):
            return f"Hydra must know a key; got '{name}': `bnexp --cfg hydra` lists its keys"
        return str(unknown_key(name))
    if "does not support deletion" in str(error):
        return str(missing_value(name))
    if isinstance(error, InterpolationResolutionError):
        return f"{name} must have a value that can be worked out; got one that cannot ({_line(error)})"
    name, entry, _ = name.partition("[")  # hidden[0]
    if isinstance(error, ValidationError) and name in KEYS:
        kind, value = _KINDS.get(KEYS[name], KEYS[name]), [error.value] if entry else error.value
        return str(wrong_value(kind, value, name.removesuffix(".name")))
    return _line(error)


def _place(words: str) -> str:
    """Return where a file of the user is at fault, or nothing: a key of the command line needs no such hint."""
    found = re.match(r"In '(.+?)': \w+ raised while composing config", words)
    return f" (in {found[1]}.yaml)" if found else ""


def _about_choice(error: MissingConfigException) -> str:
    path = str(error.missing_cfg_file)
    group, _, choice = path.rpartition("/")
    if not error.options:
        return f"a configuration must be a YAML file of bnexp or in --config-dir; got '{path}', which is in neither"
    return f"{group} must be one of {', '.join(error.options)}; got '{choice}'{nearest(choice, error.options)}"


def _recognised(words: str) -> str:
    """Return the sentence for `words` of Hydra that are known here, else `words`."""
    if found := re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.+?)'(?: 1\.| requires)", words):
        name, _, values = found[1].partition("=")
        hint = f", or write {name}=[{values}] for one list" if name == "hidden" else ""
        return f"several values must come with -m, which asks for a sweep; got '{found[1]}' without it: add -m{hint}"
    if found := re.match(r"Could not append to config\. An item is already at '(.+?)'", words):
        return f"a + must stand only before a new key; got '+{found[1]}', which is known: leave out the +"
    if found := re.match(r"Config group override must be a string or a list\. Got (.+)", words):
        return (
            f"a group must be given the name of a choice, such as data=mnist; got a value of another kind ({found[1]})"
        )
    return words


def _line(error: Exception) -> str:
    """Return the words of `error` in one line, without OmegaConf's notes and Hydra's links and search path."""
    words = re.split(r"\n\s*(?:full_key:|Config search path:|Search path:|See http)", str(error))[0]
    return " ".join(words.split()).rstrip(".")


def check_options(words: Sequence[str]) -> None:
    """Raise `UserError` if Hydra would not know an option, about which it has two lines and a usage."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            get_args_parser().parse_args(words)
    except SystemExit:
        reason = said.getvalue().rpartition("error: ")[2].strip()
        raise UserError(f"an option must be one that Hydra knows; got {reason}: see `bnexp --help`") from None


@contextlib.contextmanager
def one_sentence(spoken: Callable[[Exception], bool] = is_mistake) -> Iterator[None]:
    """Turn the errors that are to be `spoken` into one sentence on stderr and exit code 2.

    Put around what a user's mistake can break, never around training, where a `UserError` is a bug and must be seen.
    """
    try:
        yield
    except Exception as error:
        if TRACEBACKS or not spoken(error):
            raise
        print(f"bnexp: {sentence(error)}", file=sys.stderr)
        raise SystemExit(2) from None
