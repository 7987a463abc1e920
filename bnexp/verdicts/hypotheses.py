"""What interventions say of a hypothesis, in words: its verdict, and for which activations the prediction held."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from bnexp.statistics.hypotheses import Hypothesis
from bnexp.verdicts.contrasts import Kind

_KINDS: Final[dict[str, Kind]] = {"stands": "better", "refuted": "equivalent", "undecided": "undecided"}
"""How a verdict is coloured on the page."""

_PREDICTED: Final = {
    "closes": "that at least {share} of the gap closes",
    "enlarges": "that the gap grows by at least {share}",
    "leaves": "that less than {share} of the gap is closed or added",
}


@dataclass(frozen=True)
class Judged:
    """The verdict on one hypothesis as the page shows it: `facet` is its name, `badge` the verdict in a word or two."""

    facet: str
    badge: str
    sentence: str
    kind: Kind
    command: str | None = None


def write_judged(hypotheses: Sequence[Hypothesis], measured: pd.DataFrame, judged: pd.DataFrame) -> list[Judged]:
    """Return the verdicts in words, in the order of the hypotheses; the frames are those of `interventions`."""
    rows: Any = judged.set_index("hypothesis").to_dict("index")
    return [
        Judged(
            one.name,
            rows[one.name]["verdict"],
            " ".join(_write_sentences(one, measured[measured["hypothesis"] == one.name], rows[one.name])),
            _KINDS.get(rows[one.name]["verdict"], "nothing"),
        )
        for one in hypotheses
    ]


def write_verdicts(judged: pd.DataFrame) -> str:
    """Return which hypotheses stand and which do not, in a sentence; `judged` is that of `interventions`."""
    groups = {str(verdict): list(part["hypothesis"]) for verdict, part in judged.groupby("verdict", sort=False)}
    words = (("stands", "standing"), ("refuted", "refuted"), ("undecided", "undecided"),
             ("no gap", "without a gap to close"), ("not trained", "not trained"))  # fmt: skip
    told = [f"{text}: {len(groups[name])} ({'; '.join(groups[name])})" for name, text in words if name in groups]
    return f"Of {len(judged)} hypotheses that were written down before training, {'; '.join(told)}."


def summarize(hypotheses: Sequence[Hypothesis], measured: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """Return a row per hypothesis: hypothesis, prediction, activation, n, share, low, high, verdict.

    The share that closes is that of the activation that decides: the one that says most against the prediction (as a
    hypothesis stands only if each bears it out), missing where none has a gap.
    """
    rows = []
    for one, verdict in zip(hypotheses, judged["verdict"], strict=True):
        tested = measured[(measured["hypothesis"] == one.name) & measured["share"].notna()]
        ordered = tested.sort_values("p_right", kind="stable").to_dict("records")
        worst: Any = ordered[-1] if ordered else {}
        change = f"{one.words}{'' if one.side == 'both' else f' ({one.side})'}"
        prediction = f"{change}: {_PREDICTED[one.predicts].format(share=f'{100 * one.share:g} %')}"
        numbers = {name: worst.get(name) for name in ("activation", "n", "share", "low", "high")}
        rows.append({"hypothesis": one.name, "prediction": prediction, **numbers, "verdict": verdict})
    return pd.DataFrame(rows)


def list_words(words: Sequence[str]) -> str:
    """Return `words` as a list in a sentence."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def points_text(mean: float, low: float, high: float) -> str:
    """Return a difference of fractions in points with its interval."""
    return f"{100 * mean:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]".replace("-", "−")


def _write_sentences(one: Hypothesis, rows: pd.DataFrame, judged: Any) -> list[str]:
    share = f"{100 * one.share:g} %"
    where = "" if one.side == "both" else f", for {one.side} alone,"
    predicted = f"Predicted with {one.words}{where} was {_PREDICTED[one.predicts].format(share=share)}."
    if judged["verdict"] == "not trained":
        return [one.claim, predicted, "It is not trained yet."]
    tested = rows[rows["share"].notna()]
    parts = [
        f"{row.activation}{' (held out)' if row.held_out else ''} {_share_text(row)}" for row in tested.itertuples()
    ]
    seeds = sorted(set(rows.loc[rows["n"] > 0, "n"].astype(int)))
    counted = f"n = {' to '.join(map(str, dict.fromkeys([seeds[0], seeds[-1]])))}"
    sentences = [one.claim, predicted]
    if parts:
        sentences.append(f"Of the gap closed ({counted}): {', '.join(parts)}.")
    held = [("right", "borne out for"), ("wrong", "wrong for"), ("open", "undecided for"),
            ("no_gap", "nothing to close, because the gap's interval holds 0, for"),
            ("missing", "not trained for")]  # fmt: skip
    told = [f"{words} {list_words(judged[name])}" for name, words in held if judged[name]]
    return [*sentences, f"The prediction is {'; '.join(told)}."]


def _share_text(row: Any) -> str:
    return f"{100 * row.share:.0f} % [{100 * row.low:.0f}, {100 * row.high:.0f}]".replace("-", "−")
