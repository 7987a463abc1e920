"""A function of the user's: how a command names it, and the digest that stands for its code.

FILE.py:NAME is what is typed, and reports call it NAME. Its code is written PATH@DIGEST: the path as it was typed, from
the folder of the command, and the beginning of the sha256 of all that stands in the file. The digest alone is part of a
run's identity. A command that must mean the code as it was writes FILE.py:NAME@DIGEST, of which a few digits will do.
Nothing here executes what stands in a file.
"""

import hashlib
import keyword
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bnexp.choices import Activation, coerce, quote_value
from bnexp.errors import UserError
from bnexp.files import expand_home

DIGITS: Final = 16
"""Hex digits of a digest that are part of an identity."""
SHOWN: Final = 8
"""Digits in commands, and behind a name that several functions have."""

_REFERENCE: Final = re.compile(r"(?P<path>.*\.py):(?P<name>.*?)(@(?P<digest>[0-9a-f]{4,16}))?", re.DOTALL)
_CODE: Final = re.compile(r"(?P<path>.+)@(?P<digest>[0-9a-f]{16})", re.DOTALL)
_FORM: Final = "FILE.py:NAME, such as mine.py:f"


@dataclass(frozen=True)
class Code:
    """A file as a run names it: its `path`, and the `digest` of what stood in it."""

    path: str
    digest: str

    def __str__(self) -> str:
        return f"{self.path}@{self.digest}"


def settle(activation: object, code: str) -> tuple[Activation | str, str]:
    """Return the name of an activation, and its code if it is one of the user's: FILE.py:NAME is looked up.

    With a `code`, `activation` is the name of its function, which reports may have made longer by a digest. Raises
    `UserError` if there is no such activation, or no such file.
    """
    if isinstance(activation, Activation) or (not code and not is_reference(activation)):
        return coerce(Activation, activation, "activation"), ""
    if not code:
        return _find(str(activation))
    name = str(activation).partition("@")[0]
    _check_name(name, f"{activation} of {code}")
    return name, str(decode(code))


def is_reference(value: object) -> bool:
    """Say whether `value` is meant as a function of a file."""
    return isinstance(value, str) and (":" in value or value.endswith(".py"))


def decode(code: str) -> Code:
    """Return the code that is written PATH@DIGEST."""
    match = _CODE.fullmatch(code)
    if match is None:
        raise UserError(f"the code of a function must be PATH@DIGEST, as bnexp writes it; got {quote_value(code)}")
    return Code(match["path"], match["digest"])


def write_reference(name: str, code: str) -> str:
    """Return what a command says for the function `name` of `code`: the file with the digest that it must have."""
    found = decode(code)
    return f"{found.path}:{name}@{found.digest[:SHOWN]}"


def read(code: Code) -> str:
    """Return what stands in the file of `code`; raise `UserError` if it is not what it was."""
    text, digest = _read(code.path)
    if digest != code.digest:
        raise UserError(
            f"{code.path} must hold the code that is asked for, {code.digest[:SHOWN]}; got {digest[:SHOWN]}: restore "
            "it (`bnexp show RUN` prints what a run was trained with), or ask for the new code without @"
        )
    return text


def _find(written: str) -> tuple[str, str]:
    """Return the name of the function FILE.py:NAME and its code, as the file stands now."""
    match = _REFERENCE.fullmatch(written)
    if match is None:
        raise UserError(f"activation must be the name of one that is built in, or {_FORM}; got '{written}'")
    path, name = os.path.normpath(match["path"]), match["name"]
    _check_name(name, written)
    text, digest = _read(path)
    if match["digest"] and not digest.startswith(match["digest"]):
        read(Code(path, match["digest"]))
    try:
        compile(text, path, "exec")
    except (SyntaxError, ValueError) as error:  # a ValueError for a zero byte
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        words = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UserError(f"{path} must be Python; got '{words}'{line}") from None
    return name, str(Code(path, digest))


def _check_name(name: str, written: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UserError(f"NAME of {_FORM}, must be the name of a function in Python; got '{name}' in '{written}'")
    if name in set(Activation):
        raise UserError(
            f"a function of one's own must not have the name of one that is built in; got '{name}' in '{written}': "
            f"call it my_{name}"
        )


def _read(path: str) -> tuple[str, str]:
    """Return the text of the file at `path`, and its digest."""
    try:
        content = expand_home(Path(path)).read_bytes()
    except OSError as error:
        there = f"{os.strerror(error.errno)}, seen from {Path.cwd()}" if error.errno else str(error)
        raise UserError(f"{path} must be a file of Python that can be read; got '{there}'") from None
    except ValueError as error:  # a zero byte in the path
        raise UserError(f"{path!a} must be the path of a file; got '{error}'") from None
    try:
        return content.decode(), hashlib.sha256(content).hexdigest()[:DIGITS]
    except UnicodeDecodeError:
        raise UserError(f"{path} must be Python, written in UTF-8; got other bytes") from None
