"""What follows from the effects, in words: a sentence per cell and one for the whole, from the numbers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from bnexp.labels import value_label
from bnexp.statistics.design import Design
from bnexp.statistics.notes import FallsBehind, StaleStatistics
from bnexp.verdicts.answers import FEW, Answer, Setting, answer_cells
from bnexp.verdicts.contrasts import BADGES, Claim, Kind
from bnexp.verdicts.more_seeds import Destination, Proposal, propose_population, propose_seeds
from bnexp.verdicts.notes import write_notes, write_staleness
from bnexp.verdicts.sentences import describe, write_claim

_SUREST: Final[list[Kind]] = ["better", "equivalent", "undecided", "nothing"]


@dataclass(frozen=True)
class Verdict:
    """An answer in words: its `facet` (the cell without what is on x) and a `sentence`.

    `command` is what to type, a line per command, to add the seeds that would decide it, or, where running statistics
    may have made it, to compare the same arms without them.
    """

    answer: Answer
    facet: str
    sentence: str
    command: str | None

    @property
    def kind(self) -> Kind:
        """That of the contrast which the question is about."""
        return self.answer.subject.kind

    @property
    def badge(self) -> str:
        """What it is in a few words, in which it says no more than its sentence and its claim do."""
        contrast, claim = self.answer.subject, self.answer.subject.claim
        words = "too few seeds" if claim.few else BADGES[self.kind]
        words = f"{words} below the margin" if self.kind == "better" and contrast.equivalent else words
        words = f"{words}, lr at the edge" if claim.edges and self.kind in ("better", "equivalent") else words
        return f"{words}, in doubt" if claim.doubtful and self.kind in ("better", "equivalent") else words

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The core of what it says, and what it says besides of differences between other levels."""
        return (self.answer.subject.claim, *self.answer.besides)


def write_verdicts(
    effects: pd.DataFrame,
    design: Design,
    runs: pd.DataFrame,
    stores: Sequence[Destination] = (),
    about: Sequence[Any] = (),
) -> list[Verdict]:
    """Return a verdict per cell of `effects` (of `comparisons.compare_at_best`), in their order.

    `runs` are the scored ones that were compared and `stores` where they lie: to these a command adds seeds.
    `about` are two levels that the question is about, if it says so.
    """
    verdicts = []
    for answer in answer_cells(effects, design, about):
        proposal = propose_population(answer, runs, stores) or propose_seeds(answer, runs, stores)
        command = None if proposal is None else proposal.command
        verdicts.append(Verdict(answer, _cell(answer.facet), _sentence(answer, proposal), command))
    return verdicts


def headline(verdicts: Sequence[Verdict]) -> str:
    """Return the answer in one sentence: each claim with the facets of which it holds, the surest first.

    What is known besides follows.
    """
    if not verdicts:
        return "Nothing to compare."
    facets = {verdict.answer.facet: verdict.facet for verdict in verdicts}
    order = sorted(verdicts, key=lambda verdict: _SUREST.index(verdict.kind))
    first = (verdict.claims[0] for verdict in order)
    parts = []
    for claim in dict.fromkeys([*first, *(claim for verdict in verdicts for claim in verdict.claims[1:])]):
        places = [
            text + share for facet, text in facets.items() if (share := _share(verdicts, facet, claim)) is not None
        ]
        words = f"{write_claim(claim)}{_reserve(claim)}"
        parts.append(f"{words} for {_join(places)}" if [*facets] != [()] else words)
    return f"{_capitalize('; '.join(parts))}."


def _reserve(claim: Claim) -> str:
    """Return what weakens a claim, in brackets: learning rates beyond which a better one may lie, old statistics."""
    names = _join([value_label(claim.compared, level) for level in claim.edges]) if claim.edges else ""
    texts = [f"lr of {names} at the edge of the grid"] if names else []
    texts += ["running statistics in doubt"] if claim.doubtful else []
    return f" ({'; '.join(texts)})" if texts else ""


def _share(verdicts: Sequence[Verdict], facet: Setting, claim: Claim) -> str | None:
    """Return in how many cells of `facet` the `claim` holds, nothing if in all, None if in none."""
    holds = [claim in verdict.claims for verdict in verdicts if verdict.answer.facet == facet]
    if not any(holds):
        return None
    return "" if all(holds) else f" ({sum(holds)} of {len(holds)})"


def _sentence(answer: Answer, proposal: Proposal | None) -> str:
    """Return what is known of one cell, and what is proposed to decide it."""
    rest = [describe(contrast).in_brief for contrast in answer.few_others] or _standing(answer)
    next_step = [] if proposal is None else [proposal.words]
    first = [describe(answer.subject).in_full, *_doubts(answer), *next_step]
    words = "; ".join([*first, *rest, *_mishaps(answer)])
    label = ", ".join(filter(None, [_cell(answer.cell), _lrs(answer)]))
    return f"{label}: {words}." if label else f"{_capitalize(words)}."


def _doubts(answer: Answer) -> list[str]:
    """Return the warning that running statistics may have made a difference, arms that share a reason together."""
    contrasts = (answer.subject, *answer.others)
    doubts = dict.fromkeys(doubt for contrast in contrasts for doubt in contrast.doubts)
    stale = {doubt.level: write_staleness(doubt.share) for doubt in doubts if isinstance(doubt, StaleStatistics)}
    texts = []
    for reason in dict.fromkeys(stale.values()):
        levels = [level for level in answer.design.levels if stale.get(level) == reason]
        names = _join([value_label(answer.design.compared, level) for level in levels])
        texts.append(f"{names} {'is' if len(levels) == 1 else 'are'} {reason}")
    rest = [doubt for doubt in doubts if isinstance(doubt, FallsBehind)]
    texts += [write_notes([doubt], answer.design.compared) for doubt in rest]
    return [f"beware: {', and '.join(texts)}"] if texts else []


def _standing(answer: Answer) -> list[str]:
    """Return how many levels the best one is better than, if there are more than two."""
    if not answer.others or answer.leader is None or answer.subject.kind == "nothing":
        return []
    leader, others = value_label(answer.design.compared, answer.leader), len(answer.design.levels) - 1
    return [f"{leader}, the best on validation, is better than {answer.wins} of the other {others}"]


def _lrs(answer: Answer) -> str:
    """Return the learning rates at which the arms are compared, edges of the grid marked; nothing if none is tuned."""
    design = answer.design
    if not design.tuned:
        return ""
    sides = {side.level: side for contrast in answer.contrasts for side in contrast.sides if side.lr}
    levels = design.levels if len(design.levels) <= FEW else [side.level for side in reversed(answer.subject.sides)]
    texts = [
        f"{value_label(design.compared, level)} {sides[level].lr}{' at the edge of the grid' * sides[level].edge}"
        for level in levels
        if level in sides
    ]
    return f"best lr per arm ({', '.join(texts)})" if texts else ""


def _mishaps(answer: Answer) -> list[str]:
    """Return how many of the compared runs diverged and were stuck, by level, without what the first words told."""
    texts, told = [], {side.level for side in answer.subject.idle if answer.subject.claim.idle}
    for level in answer.design.levels:
        pair = answer.most_paired(level)
        if pair is None or level in told:
            continue
        n, side = pair
        name = value_label(answer.design.compared, level)
        for number, word in ((side.diverged, "diverged"), (side.stuck, "stuck at chance")):
            texts += [f"{number} of {n} runs of {name} {word}"] if number else []
    return texts


def _cell(setting: Setting) -> str:
    """Return the settings of a cell in words."""
    return " / ".join(value_label(name, value) for name, value in setting)


def _join(places: Sequence[str]) -> str:
    return ", ".join(places[:-1]) + (" and " if len(places) > 1 else "") + places[-1]


def _capitalize(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def largest_lr_in_words(stable: pd.DataFrame, design: Design) -> str:
    """Return the sentence about the learning rates of `largest_stable_lr.largest_stable`."""
    cells = stable.groupby(list(design.cells), dropna=False, sort=False) if design.cells else [((), stable)]
    parts = []
    for _, rows in cells:
        limits = zip(rows["level"], rows["lr"], rows["edge"], strict=True)
        levels = ", ".join(_limit(design.compared, *limit) for limit in limits)
        acting = [value_label(name, rows[name].iloc[0]) for name in design.cells if rows[name].notna().all()]
        parts.append(f"{levels} for {' / '.join(acting)}" if acting else levels)
    return f"Largest learning rate at which no run diverged or stayed at chance: {'; '.join(parts)}."


def _limit(compared: str, level: Any, lr: float, edge: bool) -> str:
    name = value_label(compared, level)
    if pd.isna(lr):
        return f"{name} at none of them"
    return f"{name} {lr:g}{' (the largest tried)' if edge else ''}"
