"""What was measured inside the layers of a report's runs, and the words around its figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pandas as pd

from bnexp.figures.kinds.layers import STAGES, draw_by_layer
from bnexp.figures.layout import Layout
from bnexp.figures.style import Words
from bnexp.report import captions
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence
from bnexp.report.figure import MOST_PANELS, ReportFigure, count_panels, describe_lrs, make_layout, make_words
from bnexp.statistics import layers
from bnexp.statistics.arms import ARM

NO_NUMBERS: Final = "runs that diverged have no numbers from then on"
"""What becomes of runs that diverged in what was measured inside the layers."""


@dataclass(frozen=True)
class LayerEvidence:
    """What was measured inside the arms at their best learning rates: `rows` as `layers.add_run_columns` gives them."""

    evidence: Evidence
    estimates: Estimates
    rows: pd.DataFrame

    @property
    def deepest_rows(self) -> pd.DataFrame:
        """Those of the nets with the most layers, if the nets differ in them."""
        return layers.deepest_nets(self.rows)

    @property
    def cell_columns(self) -> tuple[str, ...]:
        """The columns whose values make a panel."""
        return self.estimates.design.cells

    @property
    def arm_columns(self) -> list[str]:
        """The columns by which arms differ."""
        return [*self.cell_columns, self.estimates.design.compared]

    @property
    def band_text(self) -> str:
        """What a band is, in a caption's words."""
        return f"bands: {captions.describe_interval(self.evidence.runs)}"

    @property
    def nets_text(self) -> str:
        """Which nets the figures by layer show, in a title's words."""
        several = f", {self.rows['depth'].max()} hidden layers" if self.rows["depth"].nunique() > 1 else ""
        return several + describe_lrs(self.estimates)

    def read_all_rows(self) -> pd.DataFrame:
        """Return the rows of all arms, at every learning rate."""
        return _read_rows(self.evidence, self.evidence.runs)

    def make_layout(self, frame: pd.DataFrame) -> Layout:
        """Return the layout with a panel for each cell of `frame`; what is the same in all is not said of each."""
        facets = tuple(name for name in self.cell_columns if name == "activation" or frame[name].nunique() > 1)
        return make_layout(self.estimates, facets)

    def make_words(self, subject: str, *how: str) -> Words:
        """Return the words around a figure that shows the `subject`; its caption says `how` to read it."""
        return make_words(self.evidence, self.estimates, subject, *how, diverged=NO_NUMBERS)

    def draw_by_layer(
        self, frame: pd.DataFrame, subject: str, *how: str, name: str, title: str
    ) -> Iterator[ReportFigure]:
        """Yield the figure against the layer with its stages, without the early one where that would be too much."""
        cells = count_panels(frame, self.cell_columns)
        stages = [stage for stage in STAGES if (frame["stage"] == stage).any()]
        if cells * len(stages) > MOST_PANELS:
            stages = [stage for stage in stages if stage != "early"]
        if not 0 < cells * len(stages) <= MOST_PANELS:
            return
        frame = frame[frame["stage"].isin(stages)].sort_values("layer", kind="stable")
        words = self.make_words(subject, *how, self.band_text)
        yield ReportFigure(name, title, subject, draw_by_layer(frame, self.make_layout(frame), words), frame)


def read_layers(evidence: Evidence, estimates: Estimates) -> LayerEvidence:
    """Return what was measured in the arms of `estimates` at their best learning rates; no rows if nothing was."""
    return LayerEvidence(evidence, estimates, _read_rows(evidence, estimates.at_best(evidence.runs)))


def _read_rows(evidence: Evidence, runs: pd.DataFrame) -> pd.DataFrame:
    return layers.add_run_columns(evidence.layers(runs), runs, ARM)
