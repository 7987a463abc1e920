"""What was typed for a key that takes text is that text: `name=1e3` means the three characters, not 1000.

Hydra reads a value that looks like a number or a boolean as one, before it knows the type of the key, and then writes
it as text in another way: 2026_11_25 becomes 20261125, 1.50 becomes 1.5. So such a value is put in quotes first, and so
is one with letters of another alphabet, which Hydra takes in quotes only.
"""

import re
from collections.abc import Sequence
from typing import Final

from antlr4 import InputStream, Token  # type: ignore[import-untyped]
from hydra.grammar.gen.OverrideLexer import OverrideLexer

from bnexp.cli.schema import KEYS

_TEXTS: Final = {name for name, kind in KEYS.items() if kind in (str, str | None, list[str])}
"""Keys that take text."""

_LOOKS_OTHERWISE: Final = (OverrideLexer.INT, OverrideLexer.FLOAT, OverrideLexer.BOOL)

_OPEN: Final = (OverrideLexer.COMMA, OverrideLexer.POPEN, OverrideLexer.BRACKET_OPEN)
_END: Final = (OverrideLexer.COMMA, OverrideLexer.PCLOSE, OverrideLexer.BRACKET_CLOSE)
"""What stands before and behind a value in a list."""

_OF_VALUES: Final = ("choice", "shuffle", "sort", "str")
"""Functions of Hydra's grammar whose arguments are values; those of others, such as range, are numbers."""


def expand_short(words: Sequence[str]) -> list[str]:
    """Return `words` with `report=…`, which says whether a page is built, as the key that it stands for."""
    return [re.sub(r"^(\+{0,2})report=", r"\1report.draw=", word) for word in words]


def quote_texts(words: Sequence[str]) -> list[str]:
    """Return `words` with quotes around what looks like a number or a boolean and is given to a key that takes text.

    Several values without -m stay as they were typed: they are an error, which shows them.
    """
    sweep = not {"-m", "--multirun"}.isdisjoint(words)
    return [_quote(word, sweep=sweep) for word in words]


def _quote(word: str, *, sweep: bool) -> str:
    key, equals, value = word.partition("=")
    if not equals or key.lstrip("+") not in _TEXTS:
        return word
    if not value.isascii() and re.fullmatch(r"[\w /.+@:-]+", value):
        return f"{key}='{value}'"
    tokens = _split(word)
    several = any(token.type in (OverrideLexer.COMMA, OverrideLexer.POPEN) for token in tokens)
    is_list = {OverrideLexer.BRACKET_OPEN, OverrideLexer.BRACKET_CLOSE} <= {token.type for token in tokens}
    closed = OverrideLexer.BRACKET_OPEN not in {token.type for token in tokens} or is_list
    whole = closed and "".join(token.text for token in tokens) == word  # else it holds a sign that Hydra will refuse
    return "".join(_quote_values(tokens)) if whole and (sweep or is_list or not several) else word


def _split(word: str) -> list[Token]:
    """Return the tokens of `word`; its first is the key with the = behind it."""
    lexer = OverrideLexer(InputStream(word))
    lexer.removeErrorListeners()  # what is no token is left out here, and refused when Hydra reads the word again
    tokens: list[Token] = list(lexer.getAllTokens())
    first = next(number for number, token in enumerate(tokens) if token.type == OverrideLexer.EQUAL)
    tokens[first].text = word[: tokens[first].stop + 1]
    return tokens[first:]


def _quote_values(tokens: Sequence[Token]) -> list[str]:
    """Return the texts of `tokens`, those in quotes that are a value by themselves and look like no text."""
    solid = [number for number, token in enumerate(tokens) if token.type != OverrideLexer.WS]
    texts, functions = [token.text for token in tokens], [""]
    for before, number, after in zip(solid, solid[1:], [*solid[2:], None], strict=False):
        token, opens = tokens[number], before == 0 or tokens[before].type in _OPEN
        ends = after is None or tokens[after].type in _END
        if token.type == OverrideLexer.POPEN:
            functions.append(tokens[before].text)
        elif token.type == OverrideLexer.PCLOSE and len(functions) > 1:
            functions.pop()
        elif token.type in _LOOKS_OTHERWISE and opens and ends and functions[-1] in ("", *_OF_VALUES):
            texts[number] = f"'{token.text}'"
            texts[number + 1 : after] = [""] * len(texts[number + 1 : after])  # Hydra takes no space behind quotes
    return texts
