"""The answer of a sweep that is not complete is a provisional one."""

from pathlib import Path

from bnexp.report.estimates import Estimates, estimate
from bnexp.report.evidence import choose_design, gather
from bnexp.statistics.comparisons import MARGIN
from bnexp.statistics.completeness import ShortArm
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from tests.support.synthetic import clear_accuracy, name, product, rows

ASKED = product(["pre", "post"], seeds=range(12))


def estimates_of(path: Path, count: int) -> Estimates:
    """Return the estimates of a store that has the first `count` of the runs asked for."""
    store = Store(path / "mine")
    store.write("synthetic", *rows(ASKED[:count], clear_accuracy))
    axes = {"placement": ["pre", "post"], "seed": list(range(12))}
    store.write_sweep("1", SweepRecord(asked=list(map(name, ASKED)), axes=axes))
    evidence = gather([store])
    return estimate(evidence, choose_design(evidence, None), MARGIN)


def test_the_headline_of_an_incomplete_sweep_says_first_that_it_is_provisional(tmp_path: Path) -> None:
    estimates = estimates_of(tmp_path, 20)
    assert estimates.headline == "Provisional: 20 of 24 runs asked are stored. Post is better than pre for relu."
    assert estimates.completeness.short == (ShortArm("post", 12, 8),)


def test_that_of_a_whole_one_is_final(tmp_path: Path) -> None:
    assert estimates_of(tmp_path, 24).headline == "Post is better than pre for relu."
