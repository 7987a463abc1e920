"""The report of one or several stores: a page, the same as Markdown, and every figure and table as files."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bnexp import provenance
from bnexp.choices import FigureForm
from bnexp.errors import UserError
from bnexp.figures.export import render
from bnexp.figures.style import choose_looks
from bnexp.labels import axis_label
from bnexp.report import captions, coverage, folder, page, tables
from bnexp.report.confirmations import ConfirmedPart, describe_looks, make_confirmed_parts, write_next_step
from bnexp.report.effect_figures import make_figures
from bnexp.report.estimates import Estimates, estimate
from bnexp.report.evidence import Evidence, choose_design, gather
from bnexp.report.explorer import Explorer, Level, make_explorer
from bnexp.report.figure import ReportFigure
from bnexp.report.further import Further, make_further
from bnexp.report.mechanism import Mechanism, make_mechanism_figures, make_summary, make_tables, read_mechanism
from bnexp.report.numbers import list_runs
from bnexp.report.part import Part, describe_left_out, select_comparable, select_drawable
from bnexp.report.result_tables import make_diverged_table, make_result_tables
from bnexp.runs import key
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.verdicts.hypotheses import Judged, write_verdicts
from bnexp.verdicts.verdicts import Verdict

CITATION: Final = (
    f"The bnexp authors. bnexp {provenance.version()}: paired evidence on where batch normalization should stand. 2026."
)
BIBTEX: Final = f"""@software{{bnexp,
  author  = {{{{The bnexp authors}}}},
  title   = {{bnexp: paired evidence on where batch normalization should stand}},
  version = {{{provenance.version()}}},
  year    = {{2026}}
}}"""


@dataclass(frozen=True)
class Report:
    """A report that is not written yet: its `files` by their paths in its `folder`, and the answer in words.

    `asked`, `missing`, `damaged`, `left_out`, `looks` and `advice` are those of the page. The `verdicts` are explored:
    those on the hypotheses of a study that has any, else those on cells, what was asked last first. `confirmed` are the
    sentences about what fresh seeds say. A folder that was `chosen` by the user may hold files of theirs.
    """

    folder: Path
    chosen: bool
    files: Mapping[str, bytes]
    headline: str
    asked: str
    missing: str
    damaged: Sequence[str]
    left_out: str
    verdicts: Sequence[Verdict] | Sequence[Judged]
    confirmed: Sequence[str] = ()
    looks: str = ""
    advice: tuple[str, str] = ("", "")

    @property
    def page(self) -> Path:
        """Where the page is once the report is written."""
        return self.folder / "index.html"

    def write(self) -> None:
        """Write the files, and remove those of an earlier report in the folder.

        Raises `UserError` if the folder cannot be written to, or if a chosen one holds files of others in their place.
        """
        try:
            if self.chosen:
                folder.check_foreign(self.folder, self.files)
            folder.write_files(self.folder, self.files)
        except OSError as error:
            raise UserError(
                f"{self.folder} must be a folder that can be written to; got '{error.strerror}': make room for it or "
                "give another one; the runs are stored and `bnexp report DIR out=FOLDER` draws them again"
            ) from None


def compose(
    stores: Sequence[Store],
    stored: Sequence[pd.DataFrame] | None = None,
    *,
    compare: str | None = None,
    margin: float | None = None,
    out: Path | None = None,
    figure: FigureForm = FigureForm.page,
) -> Report:
    """Return the report about all runs in `stores`; `stored` are their rows of runs, if these were read already.

    `compare` is the axis that is compared (default: `evidence.choose_design`), `margin` the accuracy below which a
    difference is none (default: that of `estimates.estimate`), `out` the folder (default: one of its own for each
    comparison), `figure` what the figures are made for.
    Raises `UserError` if no run is stored or if `compare` does not vary.
    """
    evidence = gather(stores, stored)
    return arrange(evidence, estimate(evidence, choose_design(evidence, compare), margin, form=figure), out)


def arrange(evidence: Evidence, estimates: Estimates, out: Path | None = None) -> Report:
    """Return the report of what was gathered and estimated; `out` is its folder, as for `compose`."""
    compared = select_comparable(evidence, estimates)
    drawn = make_figures(*select_drawable(*compared))
    mechanism = read_mechanism(evidence)
    apart = [] if mechanism is None else make_mechanism_figures(evidence, mechanism, estimates.form)
    own = estimates.design.compared == choose_design(evidence, None).compared
    further = list(make_further(evidence, estimates.design, estimates.margin, estimates.form)) if own else []
    figures = [*drawn, *apart, *(one for part in further for one in part.figures)]
    confirmed = make_confirmed_parts(evidence)
    content = dataclasses.replace(
        _make_page(evidence, estimates, compared, drawn),
        confirmed=[_link_part(part) for part in confirmed],
        further=tuple(map(_put_further_on_page, further)),
        looks=describe_looks(evidence),
    )
    if mechanism is None:
        content = dataclasses.replace(content, advice=write_next_step(evidence, estimates))
    else:  # the page is about them, and what would settle its cells settles none of them
        told = _make_hypotheses(mechanism, apart)
        headline = f"{estimates.provisional}{write_verdicts(mechanism.judged)}"
        content = dataclasses.replace(content, hypotheses=told, headline=headline, cells=content.headline)
    told_cells = coverage.put_asked_first(evidence, compared[1].verdicts)
    told_causes = [] if mechanism is None else [one for one in mechanism.verdicts if one.badge != "not trained"]
    paths = {figure.name: f"figures/{figure.name}.svg" for figure in figures}
    return Report(
        folder=out or _choose_folder(evidence, estimates),
        chosen=out is not None,
        files={
            "index.html": page.to_html(content).encode(),
            "report.md": page.to_markdown(content, paths).encode(),
            **dict(_render_files(figures, content)),
            **_write_numbers(evidence, estimates),
        },
        headline=content.headline,
        asked=content.asked,
        missing=content.missing,
        damaged=content.damaged,
        left_out=content.left_out,
        verdicts=told_cells if mechanism is None else told_causes,
        confirmed=[sentence for part in confirmed for sentence in part.sentences],
        looks=content.looks,
        advice=content.advice,
    )


def build(
    stores: Sequence[Store],
    *,
    compare: str | None = None,
    margin: float | None = None,
    out: Path | None = None,
    figure: FigureForm = FigureForm.page,
) -> Report:
    """Write the report that `compose` returns, and return it."""
    report = compose(stores, compare=compare, margin=margin, out=out, figure=figure)
    report.write()
    return report


def _choose_folder(evidence: Evidence, estimates: Estimates) -> Path:
    """Return the folder of this comparison in the store; of several stores, in one of their own beside the first."""
    first = evidence.stores[0].path
    names = [store.path.resolve().name for store in evidence.stores]
    home = first if len(names) == 1 else first.parent / "+".join(names)
    compared = estimates.design.compared
    own = compared == choose_design(evidence, None).compared
    return home / ("report" if own else f"report-by-{tables.make_slug(key(compared))}")


def _render_files(figures: Sequence[ReportFigure], content: page.Page) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of a figure or a table."""
    told = content.hypotheses
    beside = [figure for part in content.further for figure in part.figures]
    shown = (*content.main, *content.figures, *(told.figures if told else ()), *beside)
    for figure, on_page in zip(figures, shown, strict=True):
        yield f"figures/{figure.name}.svg", on_page.svg.encode()
        yield f"figures/{figure.name}.pdf", render(figure.figure, "pdf", figure.name)
        yield f"figures/{figure.name}.png", render(figure.figure, "png", figure.name)
        yield f"figures/{figure.name}.csv", tables.frame_to_csv(figure.frame).encode()
    confirmed = [table for part in content.confirmed for table in part.tables]
    apart = [*confirmed, *(table for part in content.further for table in part.tables)]
    hypotheses = (told.summary, *told.tables) if told else ()
    for table in (*content.tables, *filter(None, [content.diverged]), *apart, *hypotheses):
        yield f"tables/{table.name}.csv", tables.frame_to_csv(table.frame).encode()
        yield f"tables/{table.name}.tex", tables.to_tex(table).encode()


def _write_numbers(evidence: Evidence, estimates: Estimates) -> dict[str, bytes]:
    """Return the files of numbers that the page links to beside those of its tables."""
    frames = {"runs": list_runs(evidence), "seeds": estimates.pairs}
    return {f"tables/{name}.csv": tables.frame_to_csv(frame).encode() for name, frame in frames.items()}


def _make_page(evidence: Evidence, estimates: Estimates, compared: Part, figures: Sequence[ReportFigure]) -> page.Page:
    """Return the page; its words and tables are about what is `compared`, that of all arms and the curves about all."""
    on_page = tuple(map(_put_on_page, figures))
    main = sum(figure.main for figure in figures)
    diverged = make_diverged_table(evidence)
    return page.Page(
        title=evidence.title,
        question=_choose_question(evidence, estimates),
        headline=compared[1].headline,
        asked=coverage.describe_asked(evidence),
        missing=coverage.describe_missing(evidence, estimates.completeness),
        damaged=tuple(evidence.damaged),
        left_out=describe_left_out(estimates, compared[1]),
        verdicts=compared[1].verdicts,
        main=on_page[:main],
        tables=tuple(map(_link_files, make_result_tables(evidence, estimates, compared[1]))),
        figures=on_page[main:],
        explorer=_make_explorer(evidence, estimates),
        diverged=None if diverged is None else _link_files(diverged),
        commands=tuple(dict.fromkeys(sweep.command for sweep in evidence.sweeps)),
        provenance=tuple(_list_provenance(evidence)),
        citation=CITATION,
        bibtex=BIBTEX,
    )


def _make_hypotheses(mechanism: Mechanism, figures: Sequence[ReportFigure]) -> page.Hypotheses:
    tables = tuple(map(_link_files, make_tables(mechanism)))
    summary = _link_files(make_summary(mechanism))
    return page.Hypotheses(summary, mechanism.verdicts, tables, tuple(map(_put_on_page, figures)))


def _put_further_on_page(part: Further) -> page.Comparison:
    tables, figures = tuple(map(_link_files, part.tables)), tuple(map(_put_on_page, part.figures))
    return page.Comparison(part.compared, part.headline, part.verdicts, part.left_out, tables, figures)


def _put_on_page(figure: ReportFigure) -> page.Figure:
    svg = render(figure.figure, "svg", figure.name).decode()
    files = tuple(f"figures/{figure.name}.{kind}" for kind in ("svg", "pdf", "png", "csv"))
    return page.Figure(figure.name, figure.title, svg, figure.alt, files)


def _link_part(part: ConfirmedPart) -> ConfirmedPart:
    return dataclasses.replace(part, tables=tuple(map(_link_files, part.tables)))


def _link_files(table: tables.Table) -> tables.Table:
    return dataclasses.replace(table, files=tuple(f"tables/{table.name}.{kind}" for kind in ("csv", "tex")))


def _choose_question(evidence: Evidence, estimates: Estimates) -> str:
    if question := evidence.study.get("question"):
        return str(question)
    if estimates.design.compared == "placement":
        return "Should batch normalization stand before the activation, after it, or nowhere?"
    return f"What difference does {axis_label(estimates.design.compared)} make?"


def _make_explorer(evidence: Evidence, estimates: Estimates) -> Explorer:
    design, curves, runs = estimates.design, estimates.curves, evidence.runs
    levels = [
        Level(level, look.text, look.colour, _svg_dashes(look.line))
        for level, look in choose_looks(design.compared, design.levels).items()
    ]
    axes = [name for name in (*design.cells, *filter(None, [design.tuned])) if curves[name].nunique() > 0]
    first = estimates.best.iloc[0] if design.tuned else curves.iloc[0]
    start = {name: first[name] for name in axes if pd.notna(first[name])}
    caption = captions.join_sentences(
        captions.describe_training(runs),
        f"bands: {captions.describe_interval(runs)}",
        captions.describe_seeds(runs),
    )
    return make_explorer(curves, design.compared, levels, axes, start=start, caption=caption)


def _svg_dashes(line: Any) -> str:
    """Return a line style of matplotlib as SVG's dashes, for lines twice as wide as matplotlib's unit."""
    return "" if line == "-" else " ".join(f"{2 * length:g}" for length in line[1])


def _list_provenance(evidence: Evidence) -> Iterator[tuple[str, str]]:
    runs, sweeps = evidence.runs, evidence.sweeps
    last = sweeps[-1] if sweeps else SweepRecord()
    ended = ", ".join(f"{int((runs['status'] == status).sum()):,} {status}" for status in ("done", "diverged"))
    stuck = f"{int(runs['stuck'].sum()):,} of them stuck; {evidence.failed:,} failed and left out"
    yield "runs", f"{len(runs):,}: {ended}, {stuck}"
    yield "trained", captions.describe_training(runs)
    if warning := captions.warn_of_short_batches(runs):
        yield "beware", warning
    yield "time of training", f"{runs['seconds'].sum() / 3600:.2f} core hours"
    yield "machine", ", ".join(map(str, runs["machine"].dropna().unique()))
    for sweep in _last_of_each_commit(sweeps):
        yield "commit", _commit_text(sweep.git)
    yield "versions", ", ".join(f"{name} {version}" for name, version in last.versions.items())
    for name, about in {name: about for sweep in sweeps for name, about in sweep.about.items()}.items():
        yield captions.title_of(name), about
    for name, digest in last.data.items():
        yield f"sha256 of {captions.title_of(name)}", str(digest)
    if sweeps:
        yield "date", f"{sweeps[0].created[:16]} to {last.created[:16]} UTC"
    yield "chosen", "learning rates, and the arms that a sentence singles out, on validation accuracy alone"


def _last_of_each_commit(sweeps: Sequence[SweepRecord]) -> list[SweepRecord]:
    """Return the newest sweep of each commit."""
    return list({str(sweep.git): sweep for sweep in sweeps}.values())


def _commit_text(git: Mapping[str, Any] | None) -> str:
    if not git:
        return "installed package, no checkout"
    return f"{git['commit']}{', with changes that are not committed' if git['dirty'] else ''}"
