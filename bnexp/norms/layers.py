"""Which hidden layers are normalized: a word, or a list of numbers from 1; each choice is written in one way only."""

import json
from collections.abc import Iterable
from typing import Final

from bnexp.choices import nearest, quote_value
from bnexp.errors import UserError

WORDS: Final = ("all", "first", "last", "odd")
"""In this order one choice takes the first word that fits it: in a net of two hidden layers, odd is first."""


def list_layers(choice: str, depth: int) -> tuple[int, ...]:
    """Return the numbers of the layers, from 1, that `choice` means in a net of `depth` hidden layers.

    >>> list_layers("odd", 4), list_layers("[2,4]", 4)
    ((1, 3), (2, 4))
    """
    match choice:
        case "all":
            return tuple(range(1, depth + 1))
        case "first":
            return (1,)
        case "last":
            return (depth,)
        case "odd":
            return tuple(range(1, depth + 1, 2))
    return tuple(json.loads(choice))


def settle_layers(value: object, depth: int) -> str:
    """Return the one way in which the choice `value` is written for a net of `depth` hidden layers.

    >>> settle_layers([1, 2, 3], 3), settle_layers("[1,3]", 3), settle_layers([3, 2], 3)
    ('all', 'odd', '[2,3]')

    Raises:
        UserError: `value` is neither a word nor a list of layers that there are.
    """
    numbers = list_layers(value, depth) if isinstance(value, str) and value in WORDS else _read_numbers(value, depth)
    fitting = (word for word in WORDS if list_layers(word, depth) == numbers)
    return next(fitting, f"[{','.join(map(str, numbers))}]")


def _read_numbers(value: object, depth: int) -> tuple[int, ...]:
    """Return the numbers of a list, or of its text, each once and in order."""
    given = value
    if isinstance(value, str):
        try:
            given = json.loads(value)
        except json.JSONDecodeError:
            given = None
    numbers = list(given) if isinstance(given, Iterable) and not isinstance(given, str | dict) else []
    if not numbers or not all(type(number) is int and 1 <= number <= depth for number in numbers):
        raise UserError(
            f"norm.layers must be one of {', '.join(WORDS)}, or a list of hidden layers from 1 to {depth} such as "
            f"[1]; got {quote_value(value)}{nearest(str(value), WORDS)}"
        )
    return tuple(sorted(set(numbers)))
