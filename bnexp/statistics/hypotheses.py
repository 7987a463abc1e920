"""Hypotheses about a gap as values: what is changed, on which activations, and what it is predicted to do to the gap.

A gap is post − pre. What a study's file writes down is read here, in one sentence if it cannot be, and written as plain
values again for the store, whose records thereby say what was predicted before a run was trained.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any, Final

from bnexp.choices import Activation, nearest, parse, quote_value
from bnexp.errors import UserError
from bnexp.runs import Run


class Prediction(StrEnum):
    """What a change does to the gap: by at least the stated share of it, or by less."""

    closes = auto()
    enlarges = auto()
    leaves = auto()


class Side(StrEnum):
    """Which arm of the gap is changed; the other one stays that of the base."""

    both = auto()
    pre = auto()
    post = auto()


@dataclass(frozen=True)
class Hypothesis:
    """One cause that is supposed to make the gap, with an intervention and what would refute it.

    `change` holds keys of the command line with their values, as pairs. `activations` are those that the hypothesis was
    formed on, `held_out` those that it was not. `share` is a part of the gap, between 0 and 1.
    """

    name: str
    claim: str
    change: tuple[tuple[str, Any], ...]
    side: Side
    activations: tuple[Activation, ...]
    held_out: tuple[Activation, ...]
    predicts: Prediction
    share: float
    refuted_by: str

    @property
    def words(self) -> str:
        """The change as the command line writes it."""
        values = ((key, "[" + ",".join(map(str, v)) + "]" if isinstance(v, tuple) else v) for key, v in self.change)
        return " ".join(f"{key}={value}" for key, value in values)

    def encode(self) -> dict[str, Any]:
        """Return the hypothesis as a study's file writes it."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain["change"] = {key: list(value) if isinstance(value, tuple) else value for key, value in self.change}
        words = {name: str(plain[name]) for name in ("side", "predicts")}
        return plain | words | {name: [str(member) for member in plain[name]] for name in ("activations", "held_out")}


def read_hypotheses(written: Sequence[object]) -> tuple[Hypothesis, ...]:
    """Return the hypotheses that a study's file has `written`.

    Raises:
        UserError: One of them lacks something, has something else, or two have one name.
    """
    read = tuple(_read(number, entry) for number, entry in enumerate(written, 1))
    names = [hypothesis.name for hypothesis in read]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"study.hypotheses must each have a name of its own; got '{name}' twice: rename one")
    return read


def _read(number: int, entry: object) -> Hypothesis:
    if isinstance(entry, Hypothesis):
        return entry
    where = f"study.hypotheses[{number}]"
    if not isinstance(entry, Mapping):
        raise UserError(f"{where} must say {', '.join(_FIELDS)}; got {quote_value(entry)}")
    for name in entry:
        if name not in _FIELDS:
            raise UserError(f"{where} must say {', '.join(_FIELDS)}; got '{name}'{nearest(str(name), _FIELDS)}")
    for name in _FIELDS:
        if name not in entry and name not in _DEFAULTS:
            raise UserError(f"{where} must say its {name}; got none: add it to the study's file")
    values = _DEFAULTS | {str(name): value for name, value in entry.items()}
    for name in ("name", "claim", "refuted_by"):
        if not isinstance(values[name], str) or not values[name].strip():
            raise UserError(f"{where}.{name} must be words; got {quote_value(values[name])}")
    return Hypothesis(
        name=values["name"],
        claim=values["claim"],
        change=_read_change(values["change"], where),
        side=parse(Side, values["side"], f"{where}.side"),
        activations=_read_activations(values["activations"], f"{where}.activations"),
        held_out=_read_activations(values["held_out"], f"{where}.held_out"),
        predicts=parse(Prediction, values["predicts"], f"{where}.predicts"),
        share=_read_share(values["share"], where),
        refuted_by=values["refuted_by"],
    )


def _read_change(written: object, where: str) -> tuple[tuple[str, Any], ...]:
    if not isinstance(written, Mapping) or not written:
        raise UserError(
            f"{where}.change must give keys of a run their values, such as {{norm.kind: ghost}}; got "
            f"{quote_value(written)}"
        )
    for key in map(str, written):
        if key not in RUN_KEYS:
            raise UserError(f"{where}.change must give keys of a run their values; got '{key}'{nearest(key, RUN_KEYS)}")
    values = {str(key): tuple(value) if isinstance(value, list) else value for key, value in written.items()}
    settings: dict[str, Any] = {"placement": "pre", "steps": 1, "evaluate": 1}
    try:
        Run(**settings | {RUN_KEYS[key]: value for key, value in values.items()})
    except UserError as error:
        raise UserError(f"{where}.change: {error}") from None
    return tuple(values.items())


def _read_activations(written: object, where: str) -> tuple[Activation, ...]:
    if not isinstance(written, list | tuple) or (not written and not where.endswith("held_out")):
        raise UserError(f"{where} must be a list of activations such as [relu,tanh]; got {quote_value(written)}")
    return tuple(parse(Activation, word, where) for word in written)


def _read_share(written: object, where: str) -> float:
    if isinstance(written, bool) or not isinstance(written, int | float) or not 0 < written <= 1:
        raise UserError(f"{where}.share must be a number above 0 and at most 1; got {quote_value(written)}")
    return float(written)


RUN_KEYS: Final = {str(f.metadata["key"]): f.name for f in dataclasses.fields(Run)}
"""The field of `Run` of each key that a change may name."""

_FIELDS: Final = tuple(f.name for f in dataclasses.fields(Hypothesis))
_DEFAULTS: Final[dict[str, Any]] = {"side": "both", "held_out": ()}
