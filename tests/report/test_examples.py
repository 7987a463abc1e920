"""What a report says of test examples, from bits in a store to the table, the headline and the margin."""

import numpy as np
import pytest

from bnexp.report.estimates import estimate
from bnexp.report.evidence import choose_design, gather
from bnexp.report.result_tables import make_result_tables
from bnexp.report.tables import make_cells, to_tex
from bnexp.statistics.comparisons import MARGIN
from bnexp.store.store import Store
from tests.statistics.test_examples import DIGITS, lean, store_rows
from tests.support.synthetic import product, rows


@pytest.fixture
def evidence(tmp_path):
    """Two stores of two placements whose difference is that of two examples of 297: one run each stands in both."""
    runs = product(["pre", "post"], seeds=range(8))
    frame, (_, points) = store_rows(runs, lean(2)), rows(runs)
    for name, seeds in (("one", range(5)), ("two", range(4, 8))):
        Store(tmp_path / name).write("synthetic", frame[frame["seed"].isin(seeds)], points)
    return gather([Store(tmp_path / "one"), Store(tmp_path / "two")])


def test_bits_of_several_stores_make_the_interval_over_examples_and_widen_the_margin(evidence):
    assert len(evidence.runs) == 16
    assert "test_correct" not in evidence.rows
    estimates = estimate(evidence, choose_design(evidence, None))
    (row,) = estimates.effects.to_dict("records")
    assert row["test_examples"] == DIGITS
    assert row["crossed_low"] < 0 < row["low"]
    assert estimates.margin == row["margin"] == np.ceil(10_000 * row["se_examples"]) / 10_000 > MARGIN
    assert estimates.headline.startswith("Post is better than pre on these 297 test examples")
    assert estimate(evidence, choose_design(evidence, None), 0.002).margin == 0.002


def test_the_table_has_both_intervals_and_what_each_is_about(evidence):
    estimates = estimate(evidence, choose_design(evidence, None))
    table = make_result_tables(evidence, estimates, estimates)[0]
    (row,) = make_cells(table)
    shown, numbers = dict(zip([c.header for c in table.columns], row, strict=True)), table.frame.iloc[0]
    assert shown["over examples too, from"].text == f"{100 * numbers['crossed_low']:+.2f}".replace("-", "−")
    assert shown["s.e. examples"].text == f"{100 * numbers['se_examples']:.2f}"
    assert "about other trainings that are judged by this test set" in table.caption
    assert "over examples too, from" in to_tex(table)
