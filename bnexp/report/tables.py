"""Tables of a report: a frame, what to show of it, and its text as cells, CSV and TeX. Nothing is estimated here.

The frame keeps its numbers in full (accuracies as fractions) and goes to CSV as it is; `Column` says how one column
reads for the eye: `97.21 [97.10, 97.32]` under a header with its unit, sorted by the number it starts with.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from bnexp.labels import number_text

MISSING: Final = "–"

MINUS: Final = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Column:
    """How the column `name` of a frame is shown.

    `format` is a format specification for its numbers (`.2f`, `+.2f`), which are first multiplied by `scale`: 100 shows
    a fraction in percent. `bounds` names columns of the same kind to show behind: one as `± x`, two as `[low, high]`.
    """

    name: str
    header: str
    format: str = ""
    scale: float = 1.0
    bounds: tuple[str, ...] = ()


EXAMPLES: Final = (
    Column("crossed_low", "over examples too, from", "+.2f", 100),
    Column("crossed_high", "to", "+.2f", 100),
    Column("se_seeds", "s.e. seeds", ".2f", 100),
    Column("se_examples", "s.e. examples", ".2f", 100),
)
"""Columns of what `statistics.examples.add_examples` gives."""


@dataclass(frozen=True)
class Table:
    """A table of a report; `name` names its files, and `files` are those to link to, relative to the page."""

    name: str
    title: str
    caption: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """What is read in a cell and the number that it is sorted by: empty if missing, None if its text is what sorts."""

    text: str
    order: str | None


def make_cells(table: Table, most: int | None = None) -> list[tuple[Cell, ...]]:
    """Return the rows of `table` as they are read, at most `most` of them."""
    frame = table.frame.head(most) if most is not None else table.frame
    columns = [_make_column(frame, column) for column in table.columns]
    return list(zip(*columns, strict=True))


def find_numeric(table: Table) -> tuple[bool, ...]:
    """Return which columns of `table` hold numbers, which are set to the right."""
    kinds = (table.frame[column.name].dtype for column in table.columns)
    return tuple(pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in kinds)


def frame_to_csv(frame: pd.DataFrame) -> str:
    """Return the whole `frame` with its numbers in full."""
    return frame.to_csv(index=False, lineterminator="\n")


def to_tex(table: Table) -> str:
    r"""Return the table as a float of LaTeX, for a document with `\usepackage{booktabs,graphicx}`.

    One that is wider than the text is made smaller.
    """
    align = "".join("r" if right else "l" for right in find_numeric(table))
    rows = [[cell.text for cell in row] for row in make_cells(table)]
    head, *body = (
        " & ".join(map(escape_tex, row)) + r" \\" for row in [[column.header for column in table.columns], *rows]
    )
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape_tex(f'{table.title}. {table.caption}')}}}",
        rf"  \label{{tab:{make_slug(table.name)}}}",
        r"  \resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
        rf"  \begin{{tabular}}{{{align}}}",
        r"    \toprule",
        f"    {head}",
        r"    \midrule",
        *(f"    {row}" for row in body),
        r"    \bottomrule",
        r"  \end{tabular}}",
        r"\end{table}",
    ]
    return "\n".join([r"% needs \usepackage{booktabs,graphicx}", *lines, ""])


def value_text(value: Any) -> str:
    """Return the `value` of a setting as labels write it, and that of one that cannot act as a dash."""
    return MISSING if pd.isna(value) else number_text(value)


def make_slug(name: str) -> str:
    """Return `name` as a word that may stand in an id, a label or a path."""
    return re.sub(r"[^A-Za-z0-9.=+-]+", "-", name).strip("-") or "unnamed"


def escape_tex(text: str) -> str:
    """Return `text` so that LaTeX prints it: its special characters and the signs that reports use."""
    line = " ".join(text.split())
    guard = "{}" if line.startswith("[") else ""  # else the line break before it would take it for its argument
    return guard + "".join(_TEX.get(character, character) for character in line)


_TEX: Final = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    MINUS: "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "→": r"$\to$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≈": r"$\approx$",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
}


def _make_column(frame: pd.DataFrame, column: Column) -> list[Cell]:
    values = frame[column.name]
    texts = [[_write_value(value, column) for value in frame[name]] for name in (column.name, *column.bounds)]
    orders = [_find_order(value) for value in values]
    if isinstance(values.dtype, pd.CategoricalDtype):  # in the order of its categories: none, pre, post
        orders = ["" if code < 0 else str(code) for code in values.cat.codes]
    return [Cell(_join_bounds(*row), order) for *row, order in zip(*texts, orders, strict=True)]


def _join_bounds(text: str, *bounds: str) -> str:
    if not bounds or MISSING in (text, *bounds):
        return text
    return f"{text} ± {bounds[0]}" if len(bounds) == 1 else f"{text} [{', '.join(bounds)}]"


def _write_value(value: Any, column: Column) -> str:
    if pd.isna(value):
        return MISSING
    if isinstance(value, bool | np.bool_):
        return "yes" if value else ""
    if not isinstance(value, int | float | np.number):
        return str(value)
    number = column.scale * float(value)
    return format(number, column.format or (".0f" if number.is_integer() else ".4g")).replace("-", MINUS)


def _find_order(value: Any) -> str | None:
    """Return the number by which `value` is sorted; of a text such as `0.1 | 0.3`, the number it starts with."""
    if pd.isna(value):
        return ""
    try:
        return repr(float(value.split()[0]) if isinstance(value, str) else float(value))
    except (ValueError, IndexError, TypeError):
        return None
