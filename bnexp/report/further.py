"""What a study compares besides its first axis: each further axis with its own verdicts, its effects and one figure.

They come in the order in which the study names them; `bnexp report DIR compare=KEY` makes a whole page of each.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bnexp.choices import FigureForm
from bnexp.figures.form import FORMS, shrink
from bnexp.report.effect_figures import make_forest
from bnexp.report.estimates import estimate
from bnexp.report.evidence import Evidence
from bnexp.report.figure import ReportFigure
from bnexp.report.part import describe_left_out, select_comparable, select_drawable
from bnexp.report.result_tables import make_result_tables
from bnexp.report.tables import Table, make_slug
from bnexp.runs import key
from bnexp.statistics.arms import axes
from bnexp.statistics.design import Design, deduce_design
from bnexp.verdicts.verdicts import Verdict

SHOWN: Final = ("effects", "interactions")
"""Tables of a further axis; those of arms are on the page already."""


@dataclass(frozen=True)
class Further:
    """One further comparison: the key that is `compared`, and what is said and shown of it."""

    compared: str
    headline: str
    verdicts: list[Verdict]
    left_out: str
    tables: list[Table]
    figures: list[ReportFigure]


def make_further(evidence: Evidence, first: Design, margin: float | None, form: FigureForm) -> Iterator[Further]:
    """Yield the further comparisons of the study of `evidence`, whose page is about the axis of `first`.

    An axis of which the runs have one value has nothing to compare and is left out. Figures and tables have names that
    no other axis gives to its own.
    """
    varied = [key(name) for name in axes(evidence.runs) if evidence.runs[name].nunique() > 1]
    for asked in evidence.compared:
        if asked not in varied or asked == key(first.compared):
            continue
        estimates = estimate(evidence, deduce_design(evidence.runs, asked), margin, form=form)
        part = select_comparable(evidence, estimates)
        figures = list(make_forest(*select_drawable(*part)))
        for figure in figures:
            shrink(figure.figure, FORMS[form])
        tables = [table for table in make_result_tables(evidence, estimates, part[1]) if table.name in SHOWN]
        own = f"by-{make_slug(asked)}-"
        yield Further(
            asked,
            part[1].headline,
            list(part[1].verdicts),
            describe_left_out(estimates, part[1]),
            [dataclasses.replace(table, name=own + table.name) for table in tables],
            [dataclasses.replace(figure, name=own + figure.name) for figure in figures],
        )
