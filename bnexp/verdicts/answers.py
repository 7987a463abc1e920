"""What the contrasts of a cell say to the question, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from bnexp.choices import Placement
from bnexp.statistics.design import Design
from bnexp.verdicts.contrasts import Claim, Contrast, Side, read_contrast

FEW: Final = 3
"""Most levels of which every contrast is told; of more, how the best one stands."""

Setting = tuple[tuple[str, Any], ...]
"""Names and values of the settings that act in a cell."""


@dataclass(frozen=True)
class Answer:
    """What is known of one cell.

    `cell` are the settings that act in it and `facet` those without what is on x. `subject` is the contrast that the
    question is about, `contrasts` are all, in the order of the effects.
    """

    design: Design
    cell: Setting
    facet: Setting
    subject: Contrast
    contrasts: tuple[Contrast, ...]

    @property
    def others(self) -> tuple[Contrast, ...]:
        """The contrasts that the question is not about."""
        return tuple(contrast for contrast in self.contrasts if contrast is not self.subject)

    @property
    def few_others(self) -> tuple[Contrast, ...]:
        """The others, if they are few enough for each to be told."""
        return self.others if len(self.design.levels) <= FEW else ()

    @property
    def besides(self) -> tuple[Claim, ...]:
        """What is known of differences in the others."""
        return tuple(contrast.claim for contrast in self.few_others if contrast.kind == "better")

    @property
    def leader(self) -> Any:
        """The level with the best mean validation accuracy, None if no seed is shared.

        Were it the one with the best mean on the test set, that it is better than others would be chosen on this.
        """
        means = {side.level: side.validation for contrast in self.contrasts if contrast.n for side in contrast.sides}
        return max(means, key=lambda level: means[level], default=None)

    @property
    def wins(self) -> int:
        """How many levels the leader is better than."""
        winners = (contrast.winner for contrast in self.contrasts)
        return sum(winner is not None and winner.level == self.leader for winner in winners)

    def most_paired(self, level: Any) -> tuple[int, Side] | None:
        """Return the number of pairs and the arm of `level` in the contrast in which most of its runs are paired."""
        pairs = [(contrast.n, side) for contrast in self.contrasts for side in contrast.sides if side.level == level]
        return max(pairs, key=lambda pair: pair[0], default=None)


def answer_cells(effects: pd.DataFrame, design: Design, about: Sequence[Any] = ()) -> list[Answer]:
    """Return an answer per cell of `effects` (of `comparisons.compare_at_best`), in their order.

    The question is about the two levels `about`, if it says which, else about `pre` and `post` where both are compared,
    else about the two levels with the best mean validation accuracies: nothing is picked out on the test set.
    """
    if not design.cells:
        return [_answer(effects, design, about)] if len(effects) else []
    return [_answer(rows, design, about) for _, rows in effects.groupby(list(design.cells), dropna=False, sort=False)]


def _answer(rows: pd.DataFrame, design: Design, about: Sequence[Any]) -> Answer:
    """Return the answer about one cell, whose contrasts are `rows`."""
    first = rows.iloc[0]
    contrasts = tuple(read_contrast(row, design.compared) for row in rows.to_dict("records"))
    return Answer(
        design,
        _acting(first, design.cells),
        _acting(first, design.facets),
        min(contrasts, key=lambda contrast: _distance(contrast, design, about)),
        contrasts,
    )


def _acting(row: "pd.Series[Any]", names: Sequence[str]) -> Setting:
    return tuple((name, row[name]) for name in names if pd.notna(row[name]))


def _distance(contrast: Contrast, design: Design, about: Sequence[Any]) -> tuple[bool, float]:
    """Return what is least for the contrast that the question is about."""
    if about and set(about) <= set(design.levels):
        return {contrast.a.level, contrast.b.level} != set(about), 0.0
    if {Placement.pre, Placement.post} <= set(design.levels):
        return (contrast.a.level, contrast.b.level) != (Placement.post, Placement.pre), 0.0
    worse = min(contrast.a.validation, contrast.b.validation)
    return bool(pd.isna(worse)), -worse
