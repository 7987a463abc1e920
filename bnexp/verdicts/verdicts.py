"""What follows from the effects, in words: a sentence per cell and one for the whole, from the numbers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from bnexp.choices import Placement
from bnexp.labels import value_label
from bnexp.statistics.design import Design
from bnexp.verdicts.findings import Kind, Row, finding, is_gain, seeds_wanted
from bnexp.verdicts.more_seeds import with_seeds

FEW: Final = 3
"""Most levels of which every contrast is told; of more, how the best one stands."""


@dataclass(frozen=True)
class Verdict:
    """A finding about one cell: its `facet` (the cell without what is on x), a `sentence`, and `claim`, its core.

    `kind` is that of the contrast which the question is about; `command` adds the seeds that would decide it. `besides`
    are claims of differences in the others.
    """

    facet: str
    sentence: str
    command: str | None
    kind: Kind
    claim: str
    besides: tuple[str, ...] = ()


def verdicts(effects: pd.DataFrame, design: Design, command: str | None = None) -> list[Verdict]:
    """Return a verdict per cell of `effects` (of `comparisons.effects`), in their order.

    `command` is the sweep's, whose seeds are changed. The question is about `pre` and `post` where both are compared,
    else about the two levels with the best means; what is known of the others follows in the same sentence.
    """
    if not design.cells:
        return [_verdict(effects, design, command)] if len(effects) else []
    cells = effects.groupby(list(design.cells), dropna=False, sort=False)
    return [_verdict(rows, design, command) for _, rows in cells]


def headline(found: Sequence[Verdict]) -> str:
    """Return the answer in one sentence: each claim with the facets of which it holds, the surest first.

    What is known besides follows.
    """
    if not found:
        return "Nothing to compare."
    facets = list(dict.fromkeys(verdict.facet for verdict in found))
    order = sorted(found, key=lambda verdict: _SUREST.index(verdict.kind))
    parts = []
    for claim in dict.fromkeys([*(verdict.claim for verdict in order), *(c for v in found for c in v.besides)]):
        places = [place for facet in facets if (place := _place(found, facet, claim))]
        parts.append(f"{claim} for {_listed(places)}" if facets != [""] else claim)
    return f"{_capital('; '.join(parts))}."


_SUREST: Final[list[Kind]] = ["better", "equivalent", "undecided", "nothing"]


def _place(found: Sequence[Verdict], facet: str, claim: str) -> str:
    """Return the facet if `claim` holds in it, with the number of its cells if not in all."""
    holds = [claim in (verdict.claim, *verdict.besides) for verdict in found if verdict.facet == facet]
    return facet if all(holds) else f"{facet} ({sum(holds)} of {len(holds)})" if any(holds) else ""


def _verdict(rows: pd.DataFrame, design: Design, command: str | None) -> Verdict:
    """Return the verdict on one cell, whose contrasts are `rows`."""
    contrasts = rows.assign(**{side: rows[side].map(design.name) for side in "ab"}).to_dict("records")
    asked = min(contrasts, key=lambda row: _order(row, design))
    answer = finding(asked)
    others = [row for row in contrasts if row is not asked]
    few = list(map(finding, others)) if len(design.levels) <= FEW else []
    rest = [each.in_brief for each in few] or (_standing(contrasts, design) if len(others) else [])
    sentence = "; ".join([answer.in_full, *rest, *_lost(contrasts, design)])
    label = ", ".join(filter(None, [_named(asked, design.cells), _lrs(contrasts, asked, design)]))
    more = seeds_wanted(asked) if answer.kind == "undecided" else 0
    return Verdict(
        _named(asked, design.facets),
        f"{label}: {sentence}." if label else f"{_capital(sentence)}.",
        with_seeds(command, asked["n"] + more) if command and more else None,
        answer.kind,
        answer.claim,
        tuple(each.claim for each in few if each.kind == "better"),
    )


def _order(row: Row, design: Design) -> tuple[bool, float]:
    """Return what is least for the contrast that the question is about."""
    if {Placement.pre, Placement.post} <= set(design.levels):
        return (row["a"], row["b"]) != (Placement.post, Placement.pre), 0.0
    worse = min(row["mean_a"], row["mean_b"]) if is_gain(row) else -max(row["mean_a"], row["mean_b"])
    return bool(pd.isna(worse)), -worse


def _standing(contrasts: Sequence[Row], design: Design) -> list[str]:
    """Return how many levels the best one is better than."""
    means = {row[side]: row[f"mean_{side}"] for row in contrasts for side in "ab" if row["n"]}
    if not means:
        return []
    sign = 1 if is_gain(contrasts[0]) else -1
    leader = max(means, key=lambda level: sign * means[level])
    claims = [finding(row).claim for row in contrasts if leader in (row["a"], row["b"])]
    wins = sum(claim.startswith(f"{leader} is better than") for claim in claims)
    return [f"{leader} is better than {wins} of the other {len(design.levels) - 1}"]


def _lrs(contrasts: Sequence[Row], asked: Row, design: Design) -> str:
    """Return the learning rates at which the arms are compared, edges of the grid marked; nothing if none is tuned."""
    if not design.tuned:
        return ""
    sides = [(row[side], row[f"lr_{side}"], row[f"edge_{side}"]) for row in [asked, *contrasts] for side in "ab"]
    known = {level: f"{level} {lr}{' at the edge of the grid' if edge else ''}" for level, lr, edge in sides if lr}
    shown = list(map(design.name, design.levels)) if len(design.levels) <= FEW else [asked["b"], asked["a"]]
    texts = [known[level] for level in shown if level in known]
    return f"best lr per arm ({', '.join(texts)})" if texts else ""


def _lost(contrasts: Sequence[Row], design: Design) -> list[str]:
    """Return how many of the compared runs diverged and were stuck, by level."""
    texts = []
    for level in map(design.name, design.levels):
        sides = [(row["n"], row, side) for row in contrasts for side in "ab" if row[side] == level]
        n, row, side = max(sides, key=lambda found: found[0], default=(0, {}, ""))
        for wrong, word in (("diverged", "diverged"), ("stuck", "stuck at chance")) if n else ():
            count = row[f"{wrong}_{side}"]
            texts += [f"{count} of {n} runs of {level} {word}"] if count else []
    return texts


def _named(row: Row, names: Sequence[str]) -> str:
    """Return the cell in words, without what cannot act in it."""
    acting = pd.Series({name: row[name] for name in names}, dtype=object).dropna()
    return " / ".join(value_label(str(name), value) for name, value in acting.items())


def _listed(places: Sequence[str]) -> str:
    return ", ".join(places[:-1]) + (" and " if len(places) > 1 else "") + places[-1]


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def largest_lr_in_words(stable: pd.DataFrame, design: Design) -> str:
    """Return the sentence about `largest_stable`."""
    cells = stable.groupby(list(design.cells), dropna=False, sort=False) if design.cells else [((), stable)]
    parts = []
    for _, rows in cells:
        levels = ", ".join(
            _limit(design.name(level), lr, edge)
            for level, lr, edge in zip(rows["level"], rows["lr"], rows["edge"], strict=True)
        )
        acting = [value_label(name, rows[name].iloc[0]) for name in design.cells if rows[name].notna().all()]
        parts.append(f"{levels} for {' / '.join(acting)}" if acting else levels)
    return f"Largest learning rate at which no run diverged or stayed at chance: {'; '.join(parts)}."


def _limit(level: str, lr: float, edge: bool) -> str:
    if pd.isna(lr):
        return f"{level} at none of them"
    return f"{level} {lr:g}{' (the largest tried)' if edge else ''}"
