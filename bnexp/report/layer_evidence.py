"""What was measured inside the layers of a report's runs, and how its figures are named and captioned."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from bnexp.figures import layers as draw
from bnexp.figures.layout import Layout
from bnexp.report import captions
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence
from bnexp.report.figure import MOST_PANELS, ReportFigure, at_best, count, figure_title, make_layout
from bnexp.statistics import layers
from bnexp.statistics.arms import ARM


@dataclass(frozen=True)
class LayerEvidence:
    """What was measured inside the arms at their best learning rates: `rows` as `layers.add_run_columns` gives them."""

    found: Evidence
    made: Estimates
    rows: pd.DataFrame

    @property
    def everything(self) -> pd.DataFrame:
        """The rows of all arms, read when it is asked for."""
        return _rows(self.found, self.found.runs)

    @property
    def deepest(self) -> pd.DataFrame:
        """Those of the nets with the most layers, if the nets differ in them."""
        return layers.deepest_nets(self.rows)

    @property
    def band(self) -> str:
        """What a band is, in a caption's words."""
        return f"bands: {captions.interval(self.found.runs)}"

    @property
    def where(self) -> str:
        """Which arms the figures by layer show, in a title's words."""
        several = f", {self.rows['depth'].max()} hidden layers" if self.rows["depth"].nunique() > 1 else ""
        return several + at_best(self.made)

    @property
    def cells(self) -> tuple[str, ...]:
        """The columns whose values make a panel."""
        return self.made.design.cells

    @property
    def arm(self) -> list[str]:
        """The columns by which arms differ."""
        return [*self.cells, self.made.design.compared]

    def layout(self, frame: pd.DataFrame) -> Layout:
        """Return the layout with a panel for each cell of `frame`; what is the same in all is not said of each."""
        facets = tuple(name for name in self.cells if name == "activation" or frame[name].nunique() > 1)
        return make_layout(self.made, facets)

    def titled(self, words: str) -> str:
        """Return the title of a figure."""
        return figure_title(self.found, words)

    def under(self, *how: str) -> str:
        """Return a caption: what was trained, how to read the figure, and the command."""
        runs, compared = self.found.runs, self.made.design.compared
        lost = runs.groupby(compared)["diverged"].agg(["sum", "size"])
        texts = [f"{count} of {size} {level}" for level, (count, size) in lost.iterrows() if count]
        gone = f"runs that diverged have no numbers from then on: {', '.join(texts)}" if texts else ""
        reading = captions.join_sentences("; ".join([*how, captions.seeds(runs)]), gone)
        return "\n".join(
            filter(
                None,
                [
                    captions.join_sentences(captions.training_in_words(runs)),
                    reading,
                    captions.command(self.found.sweeps),
                ],
            )
        )

    def by_layer(self, name: str, title: str, words: str, frame: pd.DataFrame, *how: str) -> Iterator[ReportFigure]:
        """Yield the figure against the layer with its stages, without the early one where that would be too much."""
        cells = count(frame, self.cells)
        stages = [stage for stage in draw.STAGES if (frame["stage"] == stage).any()]
        if cells * len(stages) > MOST_PANELS:
            stages = [stage for stage in stages if stage != "early"]
        if not 0 < cells * len(stages) <= MOST_PANELS:
            return
        frame = frame[frame["stage"].isin(stages)].sort_values("layer", kind="stable")
        caption = self.under(*how, self.band)
        figure = draw.by_layer(frame, self.layout(frame), self.titled(words), caption)
        yield ReportFigure(name, title, caption, words, figure, frame)


def read_layers(found: Evidence, made: Estimates) -> LayerEvidence:
    """Return what was measured inside the arms of `made` at their best learning rates; no rows if nothing was."""
    return LayerEvidence(found, made, _rows(found, made.at_best(found.runs)))


def _rows(found: Evidence, runs: pd.DataFrame) -> pd.DataFrame:
    return layers.add_run_columns(found.layers(runs), runs, ARM)
