"""Which columns the table of effects has: those that say something."""

from pathlib import Path

from bnexp.report.estimates import estimate
from bnexp.report.evidence import choose_design, gather
from bnexp.report.result_tables import make_result_tables
from bnexp.report.tables import Table, make_cells, to_tex
from bnexp.statistics.comparisons import MARGIN
from bnexp.store.store import Store
from tests.support.synthetic import clear_accuracy, product, rows


def effects(path: Path, seeds: int) -> Table:
    """Return the table of the effects of runs of `pre` and `post` in the folder `path`."""
    runs, points = rows(product(["pre", "post"], seeds=range(seeds)), clear_accuracy)
    Store(path).write("synthetic", runs, points)
    evidence = gather([Store(path)])
    estimates = estimate(evidence, choose_design(evidence, None), MARGIN)
    return make_result_tables(evidence, estimates, estimates)[0]


def shown(table: Table) -> dict[str, str]:
    """Return the only row as it is read, by the headers."""
    (row,) = make_cells(table)
    return {column.header: cell.text for column, cell in zip(table.columns, row, strict=True)}


def test_twenty_pairs_have_their_bootstrap_interval_in_the_table(tmp_path: Path) -> None:
    few, many = effects(tmp_path / "few", 19), effects(tmp_path / "many", 20)
    assert not {"bootstrap from", "to"} & set(shown(few))
    row, numbers = shown(many), many.frame.iloc[0]
    assert row["bootstrap from"] == f"{100 * numbers['bootstrap_low']:+.2f}"
    assert row["to"] == f"{100 * numbers['bootstrap_high']:+.2f}"
    assert numbers["bootstrap_low"] < numbers["mean"] < numbers["bootstrap_high"]
    assert "Bootstrap: BCa interval over the pairs, from 20 on." in many.caption
    assert "Bootstrap" not in few.caption


def test_what_a_probability_means_is_said_where_it_says_something(tmp_path: Path) -> None:
    many, few = effects(tmp_path / "many", 10), effects(tmp_path / "few", 5)
    assert shown(many)["P(a > b) is"] == "significant and meaningful"
    assert "P(a > b) is significant where its interval, not corrected, leaves out 1/2" in many.caption
    assert "P(a > b) is" not in shown(few)
    assert "leaves out" not in few.caption


def test_the_table_for_a_paper_has_the_columns_of_the_page(tmp_path: Path) -> None:
    table = effects(tmp_path, 20)
    assert "bootstrap from & to" in to_tex(table)
    assert "significant and meaningful" in to_tex(table)
