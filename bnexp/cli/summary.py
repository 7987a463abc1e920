"""The table that a sweep ends with in a terminal."""

import math
from typing import Final

import pandas as pd
from rich import box
from rich.table import Table

from bnexp.report.captions import data_titles, join_sentences, warn_of_short_batches
from bnexp.report.tables import value_text
from bnexp.runs import key
from bnexp.statistics.arms import STUCK, average_arms, axes, score_runs

MOST_ARMS: Final = 30
"""Rows of the table in a terminal."""


def draw_table(runs: pd.DataFrame) -> Table:
    """Return the table for the terminal: the accuracies at the end of each arm of `runs`, in the order of the axes.

    Of more than `MOST_ARMS` arms, those with the best validation accuracy. A diverged run counts at chance accuracy.
    """
    scored = score_runs(runs)
    arms, names = average_arms(scored), axes(scored)
    shown = arms[arms["validation_accuracy"].rank(method="first", ascending=False) <= MOST_ARMS]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, caption_justify="left")
    table.caption = _write_caption(runs, len(arms))
    for name in names:
        table.add_column(key(name), overflow="fold")
    for heading in ("validation (%)", "test (%)", "n", "diverged", "stuck"):
        table.add_column(heading, justify="right", no_wrap=True)
    for arm in shown.to_dict("records"):
        accuracies = [
            _format_percent(arm[name], arm[f"{name}_sd"]) for name in ("validation_accuracy", "test_accuracy")
        ]
        counts = [str(arm[name]) for name in ("n", "diverged", "stuck")]
        table.add_row(*(value_text(arm[name]) for name in names), *accuracies, *counts)
    return table


def _write_caption(runs: pd.DataFrame, arms: int) -> str:
    failed, diverged = (int((runs["status"] == status).sum()) for status in ("failed", "diverged"))
    sentences = [
        f"{data_titles(runs)}. Accuracy at the end, mean ± sd over n seeds.",
        "Choose by validation; the test set is for the record.",
        "Diverged runs count at chance accuracy." if diverged else "",
        f"Stuck: ends within {100 * STUCK:g} points of chance.",
        join_sentences(warn_of_short_batches(runs)),
        f"Not counted: {failed} failed." if failed else "",
        f"Shown: the best {MOST_ARMS} by validation accuracy; {arms - MOST_ARMS} hidden." if arms > MOST_ARMS else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _format_percent(mean: float, sd: float) -> str:
    return f"{100 * mean:.2f}" if math.isnan(sd) else f"{100 * mean:.2f} ± {100 * sd:.2f}"
