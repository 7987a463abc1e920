"""The report of one or several stores: a page, the same as Markdown, and every figure and table as files."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bnexp import __version__
from bnexp.errors import UserError
from bnexp.figures.export import render
from bnexp.figures.style import looks
from bnexp.files import write_whole
from bnexp.labels import axis_label
from bnexp.report import captions, explorer, page, tables
from bnexp.report.effect_figures import effect_figures
from bnexp.report.estimates import Estimates, estimate
from bnexp.report.evidence import Evidence, choose_design, gather
from bnexp.report.explorer import Explorer, Level
from bnexp.report.figure import ReportFigure
from bnexp.report.result_tables import diverged_runs, result_tables
from bnexp.statistics.comparisons import MARGIN
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.verdicts.verdicts import Verdict

CITATION: Final = (
    f"The bnexp authors. bnexp {__version__}: paired evidence on where batch normalization should stand. 2026."
)
BIBTEX: Final = f"""@software{{bnexp,
  author  = {{{{The bnexp authors}}}},
  title   = {{bnexp: paired evidence on where batch normalization should stand}},
  version = {{{__version__}}},
  year    = {{2026}}
}}"""

_OURS: Final = ("figures/*", "tables/*", "index.html", "report.md")
"""What an earlier report may have left, and a new one replaces."""


@dataclass(frozen=True)
class Report:
    """What was written, and the answer in words."""

    page: Path
    headline: str
    verdicts: Sequence[Verdict]


def build(
    stores: Sequence[Store],
    runs: pd.DataFrame | None = None,
    compare: str | None = None,
    margin: float | None = None,
) -> Report:
    """Write the report about `runs` in `stores` (only the column `run` is read; default: all) and return it.

    `compare` is the axis that is compared (default: `evidence.choose_design`), `margin` the accuracy below which a
    difference is none (default: `comparisons.MARGIN`). Raises `UserError` if no run is stored, if `compare` does not
    vary, or if the folder cannot be written.
    """
    found = gather(stores, runs)
    made = estimate(found, choose_design(found, compare), MARGIN if margin is None else margin)
    figures, shown = effect_figures(found, made), result_tables(found, made)
    content = _page(found, made, figures, shown)
    files = {
        "index.html": page.html(content).encode(),
        "report.md": page.markdown(content, {figure.name: f"figures/{figure.name}.svg" for figure in figures}).encode(),
        **dict(_files(figures, content)),
    }
    try:
        for path in {path for pattern in _OURS for path in found.folder.glob(pattern)}:
            if str(path.relative_to(found.folder)) not in files:
                path.unlink()
        for name, text in files.items():
            path = found.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, functools.partial(Path.write_bytes, data=text))
    except OSError as error:
        raise UserError(
            f"{found.folder} must be a folder that can be written to; got '{error.strerror}': make room for it, "
            "the runs are stored and `bnexp report` draws them again"
        ) from None
    return Report(found.folder / "index.html", made.headline, made.verdicts)


def _files(figures: Sequence[ReportFigure], content: page.Page) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of a figure or a table."""
    for figure, shown in zip(figures, (*content.main, *content.figures), strict=True):
        yield f"figures/{figure.name}.svg", shown.svg.encode()
        yield f"figures/{figure.name}.png", render(figure.figure, "png", figure.name)
        yield f"figures/{figure.name}.csv", figure.frame.to_csv(index=False, lineterminator="\n").encode()
    for table in (*content.tables, *filter(None, [content.diverged])):
        yield f"tables/{table.name}.csv", tables.csv(table).encode()
        yield f"tables/{table.name}.tex", tables.tex(table).encode()


def _page(
    found: Evidence, made: Estimates, figures: Sequence[ReportFigure], shown: Sequence[tables.Table]
) -> page.Page:
    parts = [
        page.Figure(
            figure.name,
            figure.title,
            "",  # what the caption says stands in the picture, which is to be understood without the page, too
            render(figure.figure, "svg", figure.name).decode(),
            figure.alt,
            tuple(f"figures/{figure.name}.{kind}" for kind in ("svg", "png", "csv")),
        )
        for figure in figures
    ]
    main = sum(figure.main for figure in figures)
    return page.Page(
        title=found.title,
        question=_question(found, made),
        headline=made.headline,
        verdicts=made.verdicts,
        main=tuple(parts[:main]),
        tables=tuple(map(_linked, shown)),
        figures=tuple(parts[main:]),
        explorer=_explorer(found, made),
        diverged=None if (lost := diverged_runs(found)) is None else _linked(lost),
        commands=tuple(dict.fromkeys(sweep.command for sweep in found.sweeps)),
        provenance=tuple(_provenance(found)),
        citation=CITATION,
        bibtex=BIBTEX,
    )


def _linked(table: tables.Table) -> tables.Table:
    files = tuple(f"tables/{table.name}.{kind}" for kind in ("csv", "tex"))
    return tables.Table(table.name, table.title, table.caption, table.frame, table.columns, files)


def _question(found: Evidence, made: Estimates) -> str:
    if found.study:
        return str(found.study["question"])
    if made.design.compared == "placement":
        return "Should batch normalization stand before the activation, after it, or nowhere?"
    return f"What difference does {axis_label(made.design.compared)} make?"


def _explorer(found: Evidence, made: Estimates) -> Explorer:
    design = made.design
    levels = [
        Level(level, look.text, look.colour, _dashes(look.line))
        for level, look in looks(design.compared, design.levels).items()
    ]
    axes = [name for name in (*design.cells, *filter(None, [design.tuned])) if made.curves[name].nunique() > 0]
    start = dict(made.best.iloc[0][["lr"]]) if design.tuned else {}
    return explorer.explorer(
        made.curves,
        design.compared,
        levels,
        axes,
        start,
        captions.join_sentences(
            captions.training_in_words(found.runs),
            f"bands: {captions.interval(found.runs)}",
            captions.seeds(found.runs),
        ),
    )


def _dashes(line: Any) -> str:
    """Return a line style of matplotlib as SVG's dashes, for lines twice as wide as matplotlib's unit."""
    return "" if line == "-" else " ".join(f"{2 * length:g}" for length in line[1])


def _provenance(found: Evidence) -> Iterator[tuple[str, str]]:
    runs, last = found.runs, found.sweeps[-1] if found.sweeps else SweepRecord()
    ended = ", ".join(f"{int((runs['status'] == status).sum()):,} {status}" for status in ("done", "diverged"))
    stuck = f"{int(runs['stuck'].sum()):,} of them stuck; {found.failed:,} failed and left out"
    yield "runs", f"{len(runs):,}: {ended}, {stuck}"
    yield "trained", captions.training_in_words(runs)
    if warning := captions.short_batches(runs):
        yield "beware", warning
    yield "time of training", f"{runs['seconds'].sum() / 3600:.2f} core hours"
    yield "machine", ", ".join(map(str, runs["machine"].dropna().unique()))
    for sweep in _last_of_each(found.sweeps):
        yield "commit", _commit(sweep.git)
    yield "versions", ", ".join(f"{name} {version}" for name, version in last.versions.items())
    for name, digest in last.data.items():
        yield f"sha256 of {captions.title_of(name)}", str(digest)
    if found.sweeps:
        yield "date", f"{found.sweeps[0].created[:16]} to {last.created[:16]} UTC"
    yield "chosen", "learning rates on validation accuracy alone; the test set is evaluated for the record"


def _last_of_each(sweeps: Sequence[SweepRecord]) -> list[SweepRecord]:
    """Return the newest sweep of each commit."""
    return list({str(sweep.git): sweep for sweep in sweeps}.values())


def _commit(git: Mapping[str, Any] | None) -> str:
    if not git:
        return "installed package, no checkout"
    return f"{git['commit']}{', with changes that are not committed' if git['dirty'] else ''}"
