"""A figure of a report, and the words around it: one way for all of them."""

from dataclasses import dataclass
from typing import Final

import pandas as pd
from matplotlib.figure import Figure

from bnexp.figures.form import FORMS
from bnexp.figures.layout import Layout
from bnexp.figures.style import Words
from bnexp.report import captions
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence

MOST_PANELS: Final = 10
"""Panels that an eye takes in; what would have more is left to the tables and to the page's explorer."""


@dataclass(frozen=True)
class ReportFigure:
    """A figure, and the frame that it shows, which becomes a CSV beside it; `main` ones stand above the tables.

    `title` stands on the page; `alt` says in words what is to be seen.
    """

    name: str
    title: str
    alt: str
    figure: Figure
    frame: pd.DataFrame
    main: bool = False


def make_words(
    evidence: Evidence, estimates: Estimates, subject: str, *how: str, diverged: str = captions.AT_CHANCE
) -> Words:
    """Return the words around a figure that shows the `subject`, which its title says of its data.

    The caption says what was trained, `how` to read the figure (as far as a part says something), with how many seeds,
    what became of the runs that `diverged`, and the command.
    """
    runs, compared = evidence.runs, estimates.design.compared
    reading = "; ".join([*filter(None, how), captions.describe_seeds(runs)])
    lines = [
        captions.join_sentences(captions.describe_training(runs)),
        captions.join_sentences(reading, captions.describe_diverged(runs, compared, diverged)),
        captions.describe_command(evidence.sweeps),
    ]
    title = f"{captions.data_titles(runs)}: {subject}"
    return Words(title, "\n".join(filter(None, lines)), FORMS[estimates.form])


def make_layout(estimates: Estimates, facets: tuple[str, ...]) -> Layout:
    """Return the layout of what is compared, with panels by `facets`."""
    return Layout(estimates.design.compared, estimates.design.levels, facets)


def count_panels(frame: pd.DataFrame, facets: tuple[str, ...]) -> int:
    """Return how many panels `frame` has."""
    return len(frame[list(facets)].drop_duplicates()) if facets else 1


def describe_lrs(estimates: Estimates) -> str:
    """Return the words of a title that say which learning rates are shown; nothing where there is no choice."""
    return ", each arm at its best learning rate" if estimates.design.tuned else ""
