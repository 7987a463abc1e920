import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnexp.report.tables import Column, Table, find_numeric, frame_to_csv, make_cells, to_tex, value_text
from tests.support.pages import EFFECTS, FINALS

HOSTILE = r"50 % of $x_1$ & {y} \input{z} ~a^b # <c> [d] |"


def table(frame: pd.DataFrame, *columns: Column) -> Table:
    return Table("name", "Title", "Caption.", frame, columns)


def texts(sample: Table) -> list[tuple[str, ...]]:
    return [tuple(cell.text for cell in row) for row in make_cells(sample)]


def test_a_fraction_is_read_in_percent_with_its_bounds_behind_it() -> None:
    frame = pd.DataFrame(
        {"mean": [0.97213, -0.0021], "low": [0.971, -0.003], "high": [0.9732, 0.0], "sd": [0.001, 0.2]}
    )
    interval = Column("mean", "accuracy (%)", ".2f", 100, ("low", "high"))
    deviation = Column("mean", "accuracy (%)", ".1f", 100, ("sd",))
    assert texts(table(frame, interval, deviation)) == [
        ("97.21 [97.10, 97.32]", "97.2 ± 0.1"),
        ("−0.21 [−0.30, 0.00]", "−0.2 ± 20.0"),
    ]


def test_a_missing_number_is_a_dash_and_an_interval_that_is_none_is_left_out() -> None:
    frame = pd.DataFrame({"mean": [np.nan, 0.5], "low": [0.1, np.nan], "word": [None, "a"]})
    sample = table(frame, Column("mean", "m", ".1f", bounds=("low", "low")), Column("word", "w"))
    assert texts(sample) == [("–", "–"), ("0.5", "a")]


def test_without_a_format_numbers_are_short_and_truth_is_a_word() -> None:
    frame = pd.DataFrame({"lr": [0.1, 1.0, 1e-5], "n": [10, 50000, 3], "best": [True, False, True]})
    sample = table(frame, *(Column(name, name) for name in frame))
    assert texts(sample) == [("0.1", "10", "yes"), ("1", "50000", ""), ("1e−05", "3", "yes")]
    assert find_numeric(sample) == (True, True, False)


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.1235"), (60, "60"), ("relu", "relu"), (np.nan, "–"), (None, "–")]
)
def test_a_setting_is_written_as_in_labels_and_one_that_cannot_act_is_a_dash(value: object, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("values", "orders"),
    [
        ([0.1, np.nan, 10], ["0.1", "", "10.0"]),
        (["0.3 | 0.1", "0.1", "n = 5", ""], ["0.3", "0.1", None, None]),
        (pd.Categorical(["post", None, "none"], ["none", "pre", "post"]), ["2", "", "0"]),
    ],
)
def test_cells_are_sorted_by_their_number_or_by_the_order_of_their_categories(values: object, orders: object) -> None:
    sample = table(pd.DataFrame({"x": values}), Column("x", "x", bounds=()))
    assert [row[0].order for row in make_cells(sample)] == orders


def test_csv_gives_back_every_number_in_full(tmp_path: Path) -> None:
    (tmp_path / "finals.csv").write_text(frame_to_csv(FINALS.frame))
    kinds = {"placement": FINALS.frame["placement"].dtype}
    # The reader of pandas 2 rounds unless it is told otherwise; that of pandas 3 does not, and warns of being told.
    exact: dict[str, Any] = {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}
    read = pd.read_csv(tmp_path / "finals.csv", dtype=kinds, **exact)
    pd.testing.assert_frame_equal(read, FINALS.frame, check_exact=True)


def test_csv_keeps_words_with_commas_quotes_and_line_breaks() -> None:
    frame = pd.DataFrame({"word": ['a,"b"', "c\nd", HOSTILE]})
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(frame_to_csv(table(frame).frame))), frame)


@pytest.mark.parametrize("sample", [FINALS, EFFECTS])
def test_a_table_for_a_paper_has_booktabs_rules_and_as_many_cells_in_each_row_as_columns(sample: Table) -> None:
    lines = [line.strip() for line in to_tex(sample).splitlines()]
    top, middle, bottom = (lines.index(rf"\{place}rule") for place in ("top", "mid", "bottom"))
    rows = [*lines[top + 1 : middle], *lines[middle + 1 : bottom]]
    assert len(rows) == 1 + len(sample.frame)
    assert all(row.endswith(r" \\") for row in rows)
    assert {row.count(" & ") for row in rows} == {len(sample.columns) - 1}
    assert re.fullmatch(rf"\\begin{{tabular}}{{[lr]{{{len(sample.columns)}}}}}", lines[top - 1])
    assert rf"\label{{tab:{sample.name}}}" in lines


def test_what_tex_would_take_for_a_command_is_printed_as_it_is() -> None:
    frame = pd.DataFrame({"x": [HOSTILE, "[16] −1"]})
    text = to_tex(Table(HOSTILE, HOSTILE, f"{HOSTILE}\n% ", frame, (Column("x", HOSTILE),)))
    escaped = (
        r"50 \% of \$x\_1\$ \& \{y\} \textbackslash{}input\{z\} \textasciitilde{}a\textasciicircum{}b \# "
        r"\textless{}c\textgreater{} [d] \textbar{}"
    )
    assert text.count(escaped) == 4
    assert rf"\caption{{{escaped}. {escaped} \%}}" in text
    assert r"    {}[16] $-$1 \\" in text
    bare = re.sub(r"\\[&%$#_{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert "input{z}" not in bare
    assert re.search(r"\\label\{tab:[A-Za-z0-9.=+-]+\}", text)


def test_a_table_fits_into_the_text_of_an_article(tmp_path: Path) -> None:
    latex = shutil.which("pdflatex")
    if latex is None:
        pytest.skip("no LaTeX: pdflatex must be on the PATH (Debian: texlive-latex-recommended)")
    wide = table(EFFECTS.frame, *EFFECTS.columns, *EFFECTS.columns)
    hostile = Table(HOSTILE, HOSTILE, HOSTILE, pd.DataFrame({"x": [HOSTILE, "±×→≤≥≈–—…−"]}), (Column("x", HOSTILE),))
    floats = "\n".join(to_tex(sample) for sample in (FINALS, EFFECTS, wide, hostile))
    head = "\\documentclass{article}\n\\usepackage{booktabs,graphicx}\n\\begin{document}"
    (tmp_path / "paper.tex").write_text(f"{head}\n{floats}\n\\end{{document}}\n", encoding="utf-8")
    command = [latex, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = (tmp_path / "paper.log").read_text(encoding="utf-8", errors="replace")
    assert ended.returncode == 0
    assert not re.findall(r"Overfull .hbox.*|Missing character.*", log)
