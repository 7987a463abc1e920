"""The report's page as text; `test_browser.py` looks at it in a browser."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from bnexp.report import page
from bnexp.report.explorer import make_explorer
from bnexp.report.tables import Column, Table
from tests.support.pages import FOREST, HOSTILE, LEVELS, PAGE, against_lr, curves, hostile, svg

PATHS = {"effects": "figures/effects.svg", "lr": "figures/lr.svg"}


def test_a_figure_that_is_no_svg_is_told_so() -> None:
    with pytest.raises(ValueError, match=r"must be an SVG; 'effects' begins with 'PNG': give its source"):
        page.inline_svg(dataclasses.replace(FOREST, svg="PNG"))


def test_a_long_table_is_cut_and_says_so() -> None:
    frame = pd.DataFrame({"x": range(page.MOST_ROWS + 5)})
    long = dataclasses.replace(PAGE, tables=(Table("t", "T", "All.", frame, (Column("x", "x"),)),))
    for text in (page.to_html(long), page.to_markdown(long, PATHS)):
        assert f"Here are the first {page.MOST_ROWS} of {page.MOST_ROWS + 5} rows." in text
        assert f"{page.MOST_ROWS - 1}" in text
        assert not re.search(rf">\s*{page.MOST_ROWS + 4}\s*<|\| {page.MOST_ROWS + 4} \|", text)


def test_markdown_says_what_the_page_says() -> None:
    text = MarkdownIt().enable("table").render(page.to_markdown(PAGE, PATHS))
    words = " ".join(re.sub(r"<[^>]+>", " ", text).replace("&gt;", ">").replace("&quot;", '"').split())
    for verdict in PAGE.verdicts:
        assert verdict.sentence in words
        assert verdict.command is None or verdict.command in words
    assert [PAGE.question in words, PAGE.headline in words, PAGE.citation in words] == [True] * 3
    assert text.count("<table>") == len(PAGE.tables) + 1
    assert text.count("<tr>") == sum(len(table.frame) + 1 for table in (*PAGE.tables, PAGE.diverged) if table)
    assert '<img src="figures/effects.svg"' in text


def test_markdown_says_that_no_run_diverged() -> None:
    assert "No run diverged." in page.to_markdown(dataclasses.replace(PAGE, diverged=None), PATHS)


def test_markdown_shows_markup_as_words() -> None:
    text = MarkdownIt("commonmark").enable("table").render(page.to_markdown(hostile(), {HOSTILE: "a b.svg"}))
    tags = set(re.findall(r"</?([a-z0-9]+)", text))
    assert tags <= {
        "h1",
        "h2",
        "h3",
        "p",
        "strong",
        "pre",
        "code",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "img",
    }
    assert re.findall(r"<img src=\"([^\"]*)\"", text) == ["a%20b.svg"]
    assert {row.count("<td") for row in re.findall(r"<tr>.*?</tr>", text, flags=re.DOTALL)} == {0, 1}
    assert text.count("*a* `b`") > 20


def test_a_page_of_84_arms_stays_below_3_mb() -> None:
    lrs = tuple(np.logspace(-3, 1, 10).tolist())
    many = make_explorer(curves(lrs, points=200), "placement", LEVELS, ("activation", "lr"), start={}, caption="")
    assert len(many.data["series"]) == 90 * 4
    assert len(page.to_html(dataclasses.replace(PAGE, explorer=many)).encode()) < 3e6


def test_the_lines_of_a_figure_are_in_the_page_itself() -> None:
    figure = dataclasses.replace(FOREST, svg=svg(against_lr, 6, 2))
    text = page.to_html(dataclasses.replace(PAGE, main=(figure,)))
    assert "<svg" in text
    assert not re.search(r"""(src|href)=["']?https?:""", text)
