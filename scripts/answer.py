"""Write docs/answer.md and its pictures: what the stores say about where batch normalization should stand, and why.

    python scripts/answer.py outputs/placement outputs/ingredients outputs/why

A store is taken for what the study that trained it is called; whichever of the three are given, the page says what they
say and what is missing. Every number is worked out from stored runs, and so are the words around it. The same stores
give the same bytes.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd
from pictures import shrink_picture
from results import public_command

from bnexp import load
from bnexp.choices import FigureForm
from bnexp.figures.export import render
from bnexp.files import write_whole
from bnexp.report import captions
from bnexp.report.estimates import estimate
from bnexp.report.evidence import Evidence, choose_design, gather
from bnexp.report.figure import ReportFigure
from bnexp.report.mechanism import (
    NAMED,
    Mechanism,
    draw_contributions,
    draw_gaps,
    make_mechanism_figures,
    make_tables,
    read_mechanism,
)
from bnexp.report.page import escape_markdown
from bnexp.report.tables import Column, Table, find_numeric, make_cells
from bnexp.statistics.confirmation import test_confirmation
from bnexp.statistics.intervals_and_tests import ALPHA
from bnexp.verdicts.hypotheses import list_words, points_text, write_verdicts

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"

MOST: Final = 15
"""Rows of a table of many candidates."""

NO_STORE: Final = "Not measured here: no store of `bnexp study={study}` was given."


@dataclass
class Answer:
    """The parts of the page as they are gathered: `sentences` are the answer, `figures` and `tables` its numbers."""

    sentences: list[str] = field(default_factory=list)
    figures: list[tuple[str, ReportFigure]] = field(default_factory=list)
    tables: list[tuple[Table, Evidence]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def main(words: Sequence[str] | None = None) -> None:
    """Write the page and its pictures."""
    parser = argparse.ArgumentParser(description="Make docs/answer.md and docs/figures/answer/ from stores.")
    parser.add_argument("stores", nargs="+", type=Path, metavar="STORE", help="a folder such as outputs/why")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where to write (default: docs)")
    arguments = parser.parse_args(words)
    try:
        by_study = sort_stores(arguments.stores)
    except ValueError as error:
        parser.error(str(error))
    answer = make_answer(by_study)
    folder = arguments.docs / "figures" / "answer"
    folder.mkdir(parents=True, exist_ok=True)
    for old in set(folder.glob("*.png")) - {folder / f"{name}.png" for name, _ in answer.figures}:
        old.unlink()
    for name, figure in answer.figures:
        path = folder / f"{name}.png"
        path.write_bytes(render(figure.figure, "png", name))
        _write(path, shrink_picture(path))
    _write(arguments.docs / "answer.md", write_page(answer, by_study).encode())


def sort_stores(paths: Sequence[Path]) -> dict[str, Evidence]:
    """Return what each store holds by the name of its study; raise `ValueError` for two of one study."""
    by_study: dict[str, Evidence] = {}
    for path in paths:
        evidence = gather([load(path)])
        name = str(evidence.study.get("name") or path.name)
        if name in by_study:
            raise ValueError(f"stores must be of different studies; got two of {name}: give one of them")
        by_study[name] = evidence
    return by_study


def make_answer(by_study: dict[str, Evidence]) -> Answer:
    """Return sentences, figures and tables of all that the stores say, in the order of the argument."""
    answer = Answer()
    parts = (("placement", add_placement), ("why", add_gaps), ("ingredients", add_ingredients))
    for study, add in parts:
        if study in by_study:
            add(answer, by_study[study])
        else:
            answer.sentences.append(NO_STORE.format(study=study))
    return answer


def add_placement(answer: Answer, evidence: Evidence) -> None:
    """Add post − pre at each arm's best learning rate: explored and, if there is one, confirmed."""
    parts = []
    estimates = estimate(evidence, choose_design(evidence, None))
    effects = estimates.effects
    explored = effects[(effects["a"] == "post") & (effects["b"] == "pre") & (effects["n"] > 0)]
    parts.append(explored.assign(evidence="explored", lr=_join_rates(explored)))
    for confirmation in filter(None, evidence.confirmations):
        if confirmation.complete:
            rows = test_confirmation(confirmation)
            rows = rows[(rows["a"] == "post") & (rows["b"] == "pre")]
            parts.append(rows.assign(evidence="confirmed", lr=_join_rates(rows)))
    columns = ["activation", "evidence", "lr", "n", "mean", "low", "high", "p_family"]
    frame = pd.concat([part[columns] for part in parts], ignore_index=True)
    if frame.empty:
        answer.sentences.append(NO_STORE.format(study="placement"))
        return
    last = frame[frame["evidence"] == frame["evidence"].iloc[-1]]
    how = "on fresh seeds, with learning rates frozen before" if last["evidence"].iloc[0] == "confirmed" else "explored"
    answer.sentences.append(
        f"At each arm's best learning rate ({how}, {_count(last)} paired seeds, {captions.data_titles(evidence.runs)}) "
        f"{_tell_signs(last)}."
    )
    title = f"{captions.data_titles(evidence.runs)}: post\u00a0−\u00a0pre at the best learning rates"
    caption = "Explored: whole-procedure intervals, learning rates chosen anew; confirmed: fresh seeds at frozen rates."
    answer.figures.append(("placement", draw_gaps(frame, title, caption, FigureForm.page)))
    text = "post − pre, each at its best learning rate; p by the family of all contrasts of its plan or store"
    answer.tables.append((Table("placement", "Post − pre at the best learning rates", text, frame, (
        Column("activation", "activation"), Column("evidence", "evidence"), Column("lr", "lr of post, pre"),
        Column("n", "n"), Column("mean", "post − pre (points) [95 %]", "+.2f", 100, ("low", "high")),
        Column("p_family", "p (family)", ".2g"),
    )), evidence))  # fmt: skip
    undecided = list(last.loc[last["p_family"] > ALPHA, "activation"])
    if undecided:
        answer.doubts.append(
            f"More fresh seeds may decide {list_words(undecided)}, where the sign of post − pre is open."
        )


def add_gaps(answer: Answer, evidence: Evidence) -> None:
    """Add post − pre at one learning rate, what interventions make of it, and what predicts it."""
    mechanism = read_mechanism(evidence)
    if mechanism is None:
        answer.sentences.append("The store of `bnexp study=why` holds no hypotheses or lacks pre or post.")
        return
    gaps = mechanism.gaps
    answer.sentences += [
        f"At one learning rate ({mechanism.base.lr:g}, {mechanism.base.steps:,} steps, {_count(gaps)} paired seeds, "
        f"{len(gaps)} activations) {_tell_signs(gaps)}.",
        write_verdicts(mechanism.judged),
        tell_prediction(mechanism),
    ]
    answer.figures += [(one.name, one) for one in make_mechanism_figures(evidence, mechanism, FigureForm.page)]
    text = f"post − pre at lr {mechanism.base.lr:g}, batches of {mechanism.base.batch_size}; p by Holm over the rows"
    columns = (
        Column("activation", "activation"), Column("n", "n"),
        Column("mean", "post − pre (points) [95 %]", "+.2f", 100, ("low", "high")),
        Column("p_family", "p (family)", ".2g"),
    )  # fmt: skip
    answer.tables.append((Table("gaps", "Post − pre at one learning rate", text, gaps, columns), evidence))
    answer.tables += [(table, evidence) for table in make_tables(mechanism)]
    for one, verdict in zip(mechanism.hypotheses, mechanism.judged["verdict"], strict=True):
        if verdict == "stands":
            answer.doubts.append(f"{one.name} ({one.words}) stands; it would fall if {one.refuted_by}.")
    if open_ones := list(mechanism.judged.loc[mechanism.judged["verdict"] == "undecided", "hypothesis"]):
        answer.doubts.append(f"More seeds may decide: {'; '.join(open_ones)}.")
    if untrained := list(mechanism.judged.loc[mechanism.judged["verdict"] == "not trained", "hypothesis"]):
        answer.doubts.append(f"Not trained, and so not known: {'; '.join(untrained)}.")


def tell_prediction(mechanism: Mechanism) -> str:
    """Return what predicts the gap over activations, in a sentence, and whether that pays for having tried so many."""
    if mechanism.ranked.empty:
        return "Too few activations are trained to say what predicts post − pre."
    best = mechanism.ranked.iloc[0]
    holds = int((mechanism.ranked["p_family"] <= ALPHA).sum())
    many = f"{len(mechanism.ranked)} candidates"
    verdict = (
        f"{holds} of {many} predict it" if holds else f"none of {many} predicts it beyond what the best of as many may"
    )
    linear = mechanism.ranked[mechanism.ranked["candidate"] == "linear_share"]
    share = ""
    for one in linear.itertuples():
        share = f"; the linear share of φ has R² = {one.r2:.2f}, r = {one.r:+.2f}, p = {one.p_family:.2g}"
    return (
        f"Over {best['activations']} activations post − pre is predicted best by {best['candidate']} (each left out of "
        f"its own prediction: R² = {best['r2']:.2f}, p = {best['p_family']:.2g}); at 5 % {verdict}{share}."
    ).replace("-", "−")


def add_ingredients(answer: Answer, evidence: Evidence) -> None:
    """Add what each normalizer that lacks an ingredient gains or loses against batch normalization."""
    frame, figure = draw_contributions(evidence, FigureForm.page)
    if figure is None:
        answer.sentences.append(NO_STORE.format(study="ingredients"))
        return
    cells = frame.groupby(["activation", "placement"]).ngroups
    against = NAMED[frame["against"].iloc[0]]
    told = []
    for kind, part in frame.groupby("kind", sort=False):
        worse, better = ((part["p_family"] <= ALPHA) & (sign * part["mean"] > 0) for sign in (-1, 1))
        counts = [f"{word} in {count}" for count, word in ((worse.sum(), "worse"), (better.sum(), "better")) if count]
        told.append(
            f"{kind} is {' and '.join(counts) or 'different in none'}, median {100 * part['mean'].median():+.2f}"
        )
    answer.sentences.append(
        f"Against {against} ({_count(frame)} paired seeds, {cells} pairs of activation "
        f"and placement, differences significant in all together; medians in points): {'; '.join(told)}.".replace(
            "-", "−"
        )
    )
    answer.figures.append(("contributions", figure))
    text = f"normalizer − {against}, at the same activation and, if it has one, placement; p by Holm over all rows"
    answer.tables.append((Table("contributions", f"Normalizers against {against}", text, frame, (
        Column("kind", "normalizer"), Column("placement", "placement"), Column("activation", "activation"),
        Column("n", "n"), Column("mean", "difference (points) [95 %]", "+.2f", 100, ("low", "high")),
        Column("p_family", "p (family)", ".2g"),
    )), evidence))  # fmt: skip


def write_page(answer: Answer, by_study: dict[str, Evidence]) -> str:
    """Return the page."""
    scope = [
        f"`{name}`: {escape_markdown(captions.describe_training(one.runs))}; {len(one.runs):,} runs."
        for name, one in by_study.items()
    ]
    blocks = [
        "# Should batch normalization stand before or after the activation, and why?",
        "Generated by scripts/answer.py; do not edit. Differences are of test accuracy at the end, in percentage "
        "points, between runs of the same seed, with 95 % intervals.",
        "## The answer",
        "\n".join(f"{number}. {_escape(text)}" for number, text in enumerate(answer.sentences, 1)),
        *(f"![{escape_markdown(figure.title)}](figures/answer/{name}.png)" for name, figure in answer.figures),
        "## What follows from the definitions",
        "Between two hidden layers batch normalization takes away any affine map of the activation: post normalizes it "
        "itself, under pre the next layer's does, in value and in gradient (up to eps). So a mean offset or a scale of "
        "the activation can act in one place alone, under pre at the output layer, which nothing normalizes; what is "
        "left to explain the sign is the shape of the activation and what normalization makes of the batch.",
        "## What would change our mind",
        "\n".join(f"- {_escape(text)}" for text in [*answer.doubts, *_name_limits(by_study)]),
        "## Every number",
        *(block for table, evidence in answer.tables for block in _write_table(table, evidence)),
        "## What was trained",
        "\n".join(f"- {text}" for text in scope),
    ]
    return "\n\n".join(blocks) + "\n"


def _name_limits(by_study: dict[str, Evidence]) -> list[str]:
    """Return what none of the stores varies, from their runs."""
    limits = []
    for column, words in (("data", "data set"), ("hidden", "shape of the net"), ("optimizer", "optimizer")):
        values = sorted({str(value) for one in by_study.values() for value in one.runs[column].unique()})
        if len(values) == 1:
            limits.append(f"All of it is of one {words}, {values[0]}: another one may say otherwise.")
    return limits


def _write_table(table: Table, evidence: Evidence) -> list[str]:
    """Return the heading, the rows and the commands of a table; of many candidates the first `MOST`."""
    most = MOST if table.name == "predictors" else None
    head = " | ".join(column.header for column in table.columns)
    rule = "|".join("---:" if right else "---" for right in find_numeric(table))
    rows = [f"| {' | '.join(escape_markdown(cell.text) for cell in row)} |" for row in make_cells(table, most)]
    cut = f" Here are the first {MOST} of {len(table.frame)}." if most and len(table.frame) > most else ""
    commands = dict.fromkeys(public_command(sweep.command) for sweep in evidence.sweeps)
    confirming = [public_command(one.command) for one in evidence.confirmations if one and table.name == "placement"]
    return [
        f"### {table.title}",
        _escape(table.caption.rstrip(".") + ".") + cut,
        "\n".join([f"| {head} |", f"|{rule}|", *rows]),
        "\n".join(f"    {command}" for command in [*commands, *confirming]),
    ]


def _tell_signs(gaps: pd.DataFrame) -> str:
    """Return for which activations post is better, worse, and neither, with the numbers; p is family-wise."""
    decided = gaps["p_family"] <= ALPHA
    parts = []
    for rows, words in (
        (gaps[decided & (gaps["mean"] > 0)], "post is better than pre for"),
        (gaps[decided & (gaps["mean"] < 0)], "worse for"),
        (gaps[~decided], "the sign is open for"),
    ):
        ordered = rows.reindex(rows["mean"].abs().sort_values(ascending=False).index)
        named = [
            f"{row['activation']} ({points_text(row['mean'], row['low'], row['high'])})"
            for row in ordered.to_dict("records")
        ]
        if named:
            parts.append(f"{words} {list_words(named)}")
    return "; ".join(parts)


def _join_rates(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows["lr_a"].astype(str) + "; " + rows["lr_b"].astype(str)


def _count(frame: pd.DataFrame) -> str:
    few, many = int(frame["n"].min()), int(frame["n"].max())
    return f"n = {few}" if few == many else f"n = {few} to {many}"


def _escape(text: str) -> str:
    """Return `text` for Markdown, its `code` left as it is."""
    parts: list[Any] = text.split("`")
    return "`".join(part if place % 2 else escape_markdown(f"·{part}·")[1:-1] for place, part in enumerate(parts))


def _write(path: Path, content: bytes) -> None:
    write_whole(path, lambda temporary: temporary.write_bytes(content))


if __name__ == "__main__":
    main()
