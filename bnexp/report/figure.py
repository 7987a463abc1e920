"""A figure of a report with what stands under it, and the words that all of them share."""

from dataclasses import dataclass
from typing import Final

import pandas as pd
from matplotlib.figure import Figure

from bnexp.figures.layout import Layout
from bnexp.report import captions
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence

MOST_PANELS: Final = 10
"""Panels that an eye takes in; what would have more is left to the tables and to the page's explorer."""


@dataclass(frozen=True)
class ReportFigure:
    """A figure, and the frame that it shows, which becomes a CSV beside it; `main` ones stand above the tables."""

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure
    frame: pd.DataFrame
    main: bool = False


def figure_title(found: Evidence, words: str) -> str:
    """Return the title of a figure: what it shows names its data."""
    return f"{captions.data_titles(found.runs)}: {words}"


def make_layout(made: Estimates, facets: tuple[str, ...]) -> Layout:
    """Return the layout of what is compared, with panels by `facets`."""
    return Layout(made.design.compared, made.design.levels, facets)


def count(frame: pd.DataFrame, facets: tuple[str, ...]) -> int:
    """Return how many panels `frame` has."""
    return len(frame[list(facets)].drop_duplicates()) if facets else 1


def at_best(made: Estimates) -> str:
    """Return the words of a title that say which learning rates are shown."""
    return ", each arm at its best learning rate" if made.design.tuned else ""
