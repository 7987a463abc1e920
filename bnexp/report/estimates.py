"""Everything that is estimated for a report, once."""

from dataclasses import dataclass
from typing import Final

import pandas as pd

from bnexp.report.evidence import Evidence
from bnexp.statistics import comparisons
from bnexp.statistics.curves import curves
from bnexp.statistics.design import Design
from bnexp.statistics.largest_stable_lr import largest_stable
from bnexp.statistics.sensitivity import sensitivity
from bnexp.statistics.speed import speed
from bnexp.verdicts import verdicts
from bnexp.verdicts.verdicts import Verdict, largest_lr_in_words

METRIC: Final = "test_accuracy"
"""What is reported; what is chosen is chosen on validation."""


@dataclass(frozen=True)
class Estimates:
    """The frames of `statistics` about one design; see the functions of their names."""

    design: Design
    margin: float
    effects: pd.DataFrame
    fixed: pd.DataFrame
    finals: pd.DataFrame
    stable: pd.DataFrame
    best: pd.DataFrame
    sensitivity: pd.DataFrame
    speed: pd.DataFrame
    aggregate: pd.DataFrame
    curves: pd.DataFrame
    verdicts: list[Verdict]

    @property
    def headline(self) -> str:
        """The answer in a sentence; where learning rates were tried, one about the largest follows."""
        answer = verdicts.headline(self.verdicts)
        return f"{answer} {largest_lr_in_words(self.stable, self.design)}" if len(self.stable) else answer

    def at_best(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of `frame`, which has the columns of arms, whose learning rate is the best of their arm."""
        if self.design.tuned is None:
            return frame
        best = self.best.rename(columns={"level": self.design.compared})
        return frame.merge(best.drop(columns="edge"), on=[*self.design.cells, self.design.compared, "lr"])


def estimate(found: Evidence, design: Design, margin: float) -> Estimates:
    """Return all estimates about `found`; `margin` is the accuracy below which a difference is none."""
    runs = found.runs
    effects = comparisons.effects(runs, design, METRIC, margin)
    finals = comparisons.finals(runs, design, METRIC)
    command = found.sweeps[-1].command if found.sweeps else None
    return Estimates(
        design=design,
        margin=margin,
        effects=effects,
        fixed=comparisons.fixed_effects(runs, design, METRIC, margin) if design.tuned else effects[:0],
        finals=finals,
        stable=largest_stable(finals if design.tuned and design.x is None else finals[:0], design),
        best=comparisons.best(runs, design),
        sensitivity=sensitivity(runs, found.points, design),
        speed=speed(runs, found.points, design),
        aggregate=comparisons.aggregate(runs, design, METRIC),
        curves=curves(found.points, runs),
        verdicts=verdicts.verdicts(effects, design, command),
    )
