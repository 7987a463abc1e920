"""Everything that is estimated for a report, once."""

import dataclasses
from dataclasses import dataclass
from typing import Final

import pandas as pd

from bnexp.choices import FigureForm
from bnexp.report.evidence import Evidence
from bnexp.statistics import comparisons
from bnexp.statistics.arms import ARM
from bnexp.statistics.completeness import Completeness, measure_completeness
from bnexp.statistics.curves import average_curves
from bnexp.statistics.design import Design
from bnexp.statistics.grid import build_grid
from bnexp.statistics.interactions import compare_cells
from bnexp.statistics.largest_stable_lr import largest_stable
from bnexp.statistics.layers import add_run_columns
from bnexp.statistics.seeds import list_finals, list_pairs
from bnexp.statistics.sensitivity import lr_sensitivity
from bnexp.statistics.speed import steps_to_threshold
from bnexp.verdicts.interactions import write_interactions
from bnexp.verdicts.mechanisms import Measured, write_answer
from bnexp.verdicts.notes import put_into_words
from bnexp.verdicts.verdicts import Verdict, headline, largest_lr_in_words, write_verdicts

METRIC: Final = "test_accuracy"
"""What is reported; what is chosen is chosen on validation."""


@dataclass(frozen=True)
class Estimates:
    """The frames of `statistics` about one design; see the functions that `estimate` calls.

    `margin`, the `metric` and the `form` of the figures are what was wished; `effects` has the notes of a contrast in
    words, `note`, and says that it is explored, in its last column `evidence`.
    """

    design: Design
    margin: float
    metric: str
    form: FigureForm
    effects: pd.DataFrame
    interactions: pd.DataFrame
    pairs: pd.DataFrame
    fixed: pd.DataFrame
    finals: pd.DataFrame
    seeds: pd.DataFrame
    stable: pd.DataFrame
    best: pd.DataFrame
    sensitivity: pd.DataFrame
    speed: pd.DataFrame
    aggregate: pd.DataFrame
    curves: pd.DataFrame
    verdicts: list[Verdict]
    completeness: Completeness

    @property
    def provisional(self) -> str:
        """How the headline of a sweep begins that is not complete; empty for one that is."""
        if self.completeness.complete:
            return ""
        stored, asked = self.completeness.stored, self.completeness.asked
        return f"Provisional: {stored:,} of {asked:,} runs asked are stored. "

    @property
    def headline(self) -> str:
        """The answer in a sentence; whether it depends on a setting follows, and the largest learning rates that train.

        That of a sweep which is not complete begins with how much of it is stored.
        """
        answer = f"{self.provisional}{headline(self.verdicts)}"
        depends = write_interactions(self.interactions, self.design.compared, self.metric)
        largest = largest_lr_in_words(self.stable, self.design) if len(self.stable) else ""
        return " ".join(filter(None, [answer, depends, largest]))

    def at_best(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of `frame`, which has the columns of arms, whose learning rate is the best of their arm."""
        if self.design.tuned is None:
            return frame
        best = self.best.rename(columns={"level": self.design.compared})
        return frame.merge(best.drop(columns="edge"), on=[*self.design.cells, self.design.compared, "lr"])


def estimate(
    evidence: Evidence,
    design: Design,
    margin: float | None = None,
    *,
    metric: str = METRIC,
    form: FigureForm = FigureForm.page,
) -> Estimates:
    """Return all estimates about `evidence`.

    `margin` is the accuracy below which a difference of `metric` is none; None for `comparisons.MARGIN`, or for what
    the test set is large enough for, if that is more.
    """
    grid = build_grid(evidence.runs, design)
    effects = comparisons.compare_at_best(grid, metric, margin)
    if margin is None:
        margin = float(effects["margin"].max()) if len(effects) else comparisons.MARGIN
    about = [level for level in evidence.study.get("about") or () if level in set(design.levels)]
    finals = comparisons.average_finals(grid, metric)
    in_words = put_into_words(effects, design.compared)
    made = Estimates(
        design=design,
        margin=margin,
        metric=metric,
        form=form,
        effects=in_words.assign(evidence="explored"),
        interactions=compare_cells(grid, metric),
        pairs=list_pairs(grid, metric),
        fixed=comparisons.compare_at_each_lr(grid, metric, margin) if design.tuned else in_words[:0],
        finals=finals,
        seeds=list_finals(grid, metric),
        stable=largest_stable(finals if design.tuned and design.x is None else finals[:0], design),
        best=comparisons.best_lrs(grid),
        sensitivity=lr_sensitivity(grid, evidence.points),
        speed=steps_to_threshold(grid, evidence.points),
        aggregate=comparisons.aggregate(grid, metric),
        curves=average_curves(evidence.points, evidence.runs),
        verdicts=write_verdicts(effects, design, evidence.runs, evidence.destinations, about),
        completeness=measure_completeness(evidence.sweeps, evidence.rows),
    )
    return dataclasses.replace(made, verdicts=_answer_study(evidence, made))


def _answer_study(evidence: Evidence, made: Estimates) -> list[Verdict]:
    """Return the verdicts, each with the answers to what the study asks besides."""
    asked = evidence.study.get("answers") or ()
    if not asked:
        return made.verdicts
    runs = made.at_best(evidence.runs)
    measured = Measured(add_run_columns(evidence.layers(runs), runs, ARM), made.sensitivity, made.speed)
    return [
        dataclasses.replace(
            verdict,
            sentence=" ".join(
                filter(None, [verdict.sentence, *(write_answer(verdict.answer, name, measured) for name in asked)])
            ),
        )
        for verdict in made.verdicts
    ]
