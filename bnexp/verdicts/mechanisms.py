"""The answer to what a study asks beside who is better: from what was measured, also where the answer is no."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pandas as pd

from bnexp.choices import nearest
from bnexp.errors import UserError
from bnexp.labels import value_label
from bnexp.statistics.cells import rows_of
from bnexp.statistics.measures import PairedMeasure, measure_runs, pair_measures
from bnexp.verdicts.answers import Answer


@dataclass(frozen=True)
class Measured:
    """What answers may be made from: `layers` of the compared runs, and the frames `sensitivity` and `speed`."""

    layers: pd.DataFrame
    sensitivity: pd.DataFrame
    speed: pd.DataFrame


def write_answer(answer: Answer, asked: str, measured: Measured) -> str:
    """Return the sentence about `asked` (one of `ANSWERS`) in the cell of `answer`; nothing where it is not measured.

    Raises `UserError` if there is no such answer.
    """
    if asked not in ANSWERS:
        raise UserError(f"study.answers must name some of {', '.join(ANSWERS)}; got '{asked}'{nearest(asked, ANSWERS)}")
    return ANSWERS[asked](answer, measured)


def _explain_by_saturation(answer: Answer, measured: Measured) -> str:
    """Say whether the better arm is the less saturated one, as saturation would have to explain it."""
    contrast = answer.subject
    winner, loser = contrast.winner or contrast.a, contrast.loser or contrast.b
    names = [value_label(contrast.compared, side.level) for side in (winner, loser)]
    pair = _pair(answer, measured, "saturated", winner.level, loser.level)
    if pair is None:
        return ""
    shares = (
        f"{100 * pair.a:.1f} against {100 * pair.b:.1f} % at the end, mean over the hidden layers; "
        f"{_signed(100 * pair.mean, 1)} points [{_signed(100 * pair.low, 1)}, {_signed(100 * pair.high, 1)}], "
        f"n = {pair.n}"
    )
    if contrast.winner is None:
        return f"Between {names[0]} and {names[1]} no difference is shown that saturation could explain ({shares})."
    if pair.low > 0:
        return f"The better arm, {names[0]}, is the more saturated one ({shares}): saturation does not explain it."
    if pair.high < 0:
        return (
            f"The better arm, {names[0]}, is the less saturated one ({shares}): saturation may explain it, which is no "
            "proof that it does."
        )
    return f"The better arm, {names[0]}, is not shown to be more or less saturated ({shares}): it does not explain it."


def _compare_drift(answer: Answer, measured: Measured) -> str:
    """Say under which levels the input of a last hidden unit moves less than under the first level."""
    compared, (first, *others) = answer.design.compared, answer.design.levels
    reference, parts = value_label(compared, first), []
    for level in others:
        pair = _pair(answer, measured, "drift", level, first)
        if pair is None:
            continue
        word = "less" if pair.high < 0 else "more" if pair.low > 0 else "not shown to be less or more"
        parts.append(
            f"under {value_label(compared, level)} {word} than under {reference} ({pair.a:.3g} against {pair.b:.3g} of "
            f"its spread; {_signed(pair.mean, 3)} [{_signed(pair.low, 3)}, {_signed(pair.high, 3)}], n = {pair.n})"
        )
    return f"From point to point, the median input of a last hidden unit moves {'; '.join(parts)}." if parts else ""


def _compare_sensitivity(answer: Answer, measured: Measured) -> str:
    """Say how much the learning rates tried cost above the best one, and where that is less than at the first level."""
    rows = _rows(answer, measured.sensitivity)
    if len(rows) < 2:
        return ""
    parts = [
        f"{value_label(answer.design.compared, row['level'])} {row['sensitivity']:.2f} [{row['low']:.2f}, "
        f"{row['high']:.2f}]"
        for row in rows.to_dict("records")
    ]
    return (
        f"A learning rate of those tried costs in the mean, in nats above the best one: {', '.join(parts)}"
        f"{_less_than_first(answer, rows, 'less')}."
    )


def _compare_speed(answer: Answer, measured: Measured) -> str:
    """Say in how many steps each level reaches the best of the first one."""
    rows = _rows(answer, measured.speed)
    rows = rows.dropna(subset=["threshold", "mean"]) if len(rows) else rows
    if len(rows) < 2:
        return ""
    compared, first = answer.design.compared, value_label(answer.design.compared, answer.design.levels[0])
    parts = [
        f"{value_label(compared, row['level'])} {row['mean']:,.0f} [{row['low']:,.0f}, {row['high']:,.0f}] "
        f"({row['reached']} of {row['n']} runs reach it)"
        for row in rows.to_dict("records")
    ]
    return (
        f"Steps to the best validation accuracy of {first}: {', '.join(parts)}"
        f"{_less_than_first(answer, rows, 'faster')}."
    )


def _less_than_first(answer: Answer, rows: pd.DataFrame, word: str) -> str:
    """Return which levels are below the first one, by 95 % intervals that do not meet; or that none is shown to be."""
    compared = answer.design.compared
    reference, below = value_label(compared, rows["level"].iloc[0]), rows["level"][rows["high"] < rows["low"].iloc[0]]
    names = " and ".join(value_label(compared, level) for level in below)
    return f"; {word} than {reference}: {names}" if names else f"; no other is shown to be {word} than {reference}"


def _pair(answer: Answer, measured: Measured, measure: str, a: object, b: object) -> PairedMeasure | None:
    columns = [*answer.design.cells, answer.design.compared]
    if measured.layers.empty:
        return None
    values = measure_runs(measured.layers, measure, columns)
    return pair_measures(values, dict(answer.cell), answer.design.compared, a, b)


def _rows(answer: Answer, frame: pd.DataFrame) -> pd.DataFrame:
    return rows_of(frame, dict(answer.cell)) if len(frame) else frame


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


ANSWERS: Final[dict[str, Callable[[Answer, Measured], str]]] = {
    "saturated": _explain_by_saturation,
    "drift": _compare_drift,
    "sensitivity": _compare_sensitivity,
    "speed": _compare_speed,
}
"""By the names that a study calls them by."""
