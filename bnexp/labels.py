"""How settings and metrics are ordered, named and written: one way for tables, figures, captions and sentences."""

import dataclasses
import re
from collections.abc import Iterable
from typing import Any, Final

from bnexp.choices import is_choice, place_choice
from bnexp.runs import Run, key, kind

TYPES: Final = {f.name: kind(f.name) for f in dataclasses.fields(Run)}
"""The type of each setting of a run."""

_ALONE: Final = ("placement", "activation", "data")
"""Settings whose values say what they are."""


def sort_values(axis: str, values: Iterable[Any]) -> list[Any]:
    """Return the distinct `values` of `axis`: choices in the order of their enum, networks by depth, then width.

    What is no choice, an activation of the user's, comes last.
    """
    choices = TYPES.get(axis)
    if is_choice(choices):
        return sorted(set(values), key=lambda value: place_choice(choices, value))
    if axis == "hidden":
        return sorted(set(values), key=lambda text: (text.count("-"), [int(width) for width in text.split("-")]))
    return sorted(set(values))


def axis_label(axis: str) -> str:
    """Return the command line's name of `axis`, or `axis` itself if it is none of a run's."""
    return key(axis) if axis in TYPES else axis


def value_label(axis: str, value: Any) -> str:
    """Return `value` of `axis` in words: a placement, an activation or a data set alone, all else after its name."""
    return str(value) if axis in _ALONE else f"{axis_label(axis)} {number_text(value)}"


def number_text(value: Any) -> str:
    """Return `value` as ticks, labels and captions write it: at most four digits of a number.

    The widths of a deep net, 100-100-…-100, become 16 × 100 from four equal ones on.
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return f"{text.count('-') + 1} × {text.partition('-')[0]}" if _DEEP.fullmatch(text) else text


_DEEP: Final = re.compile(r"(\d+)(-\1){3,}")


def is_accuracy(metric: str) -> bool:
    """Say whether `metric` is a fraction of examples, of which more is better; all others are losses."""
    return metric.endswith("accuracy")


def metric_label(metric: str) -> str:
    """Return the name of `metric` with its unit."""
    name = metric.replace("_", " ")
    return f"{name} (%)" if is_accuracy(metric) else f"{name} (nats)"
