"""What the settings of a run may be: a value in the type of each, and the range of each number."""

import math
import numbers
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeGuard

from bnexp.choices import is_choice, parse, quote_value, wrong_value
from bnexp.errors import UserError

_RANGES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "lr": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "seed": (lambda v: v >= 0, "a whole number of at least 0"),
    "data_train": (lambda v: v >= 2, "at least 2 examples"),
    "data_validation": (lambda v: v >= 1, "at least 1 example"),
    "hidden": (
        lambda v: len(v) > 0 and all(width >= 1 for width in v),
        "a list of at least one width, each at least 1, such as [100,100]",
    ),
    "batch_size": (lambda v: v >= 2, "at least 2, because one example cannot be normalised"),
    "steps": (lambda v: v >= 1, "at least 1"),
    "evaluate": (lambda v: v >= 1, "at least 1"),
    "momentum": (lambda v: 0 <= v < 1, "at least 0 and less than 1"),
    "beta1": (lambda v: 0 <= v < 1, "at least 0 and less than 1"),
    "beta2": (lambda v: 0 <= v < 1, "at least 0 and less than 1"),
    "adam_eps": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "weight_decay": (lambda v: 0 <= v < math.inf, "a finite number of at least 0"),
    "hidden_lr_scale": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "warmup": (lambda v: v >= 0, "at least 0 steps"),
    "schedule_every": (lambda v: v >= 1, "at least 1 step"),
    "schedule_factor": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "init_gain": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "init_hidden_gain": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "norm_eps": (lambda v: 0 <= v < math.inf, "a finite number of at least 0"),
    "norm_momentum": (lambda v: 0 <= v <= 1, "between 0 and 1"),
}
"""What the value of a setting must fulfil, and the same in words; a setting that is missing here may have any value."""


def check_range(name: str, value: Any, key: str) -> None:
    """Raise `UserError` unless the setting `name`, on the command line `key`, may have `value`."""
    if name not in _RANGES:
        return
    holds, sentence = _RANGES[name]
    if not holds(value):
        raise UserError(f"{key} must be {sentence}; got {quote_value(value)}")


def coerce(kind: Any, value: Any, key: str) -> Any:
    """Return `value` as a `kind`, the type of a setting: 1 as 1.0, "pre" as `Placement.pre`.

    Raises:
        UserError: There is no such value; the sentence names the setting by its `key` on the command line.
    """
    if type(value) is kind and kind not in (int, float):
        return value
    if is_choice(kind):
        return parse(kind, value, key)
    if kind is float and _is_real(value):
        return float(value) + 0.0  # -0.0 and 0.0 are one value and must not make two identities
    if kind is int and _is_whole(value):
        if int(value) >= 2**63:
            raise UserError(f"{key} must be below 2^63, the most that a store holds; got {value}")
        return int(value)
    if kind in (bool, str) and isinstance(value, kind):
        return value
    if kind == tuple[int, ...] and isinstance(value, Iterable) and not isinstance(value, str):
        widths = tuple(value)
        if all(map(_is_whole, widths)):
            return tuple(map(int, widths))
    raise wrong_value(kind, value, key)


def _is_real(value: object) -> TypeGuard[float]:
    return isinstance(value, float | numbers.Real) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    if isinstance(value, int | numbers.Integral):
        return not isinstance(value, bool)
    return _is_real(value) and float(value).is_integer()
