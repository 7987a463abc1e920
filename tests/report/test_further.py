"""A study that compares several axes: what its page holds of each but the first."""

from pathlib import Path

import pytest

from bnexp.choices import FigureForm
from bnexp.report.evidence import Evidence, choose_design, gather
from bnexp.report.further import Further, make_further
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from tests.support.synthetic import clear_accuracy, product, rows


def evidence_of(path: Path, compare: object) -> Evidence:
    store = Store(path / "mine")
    store.write("synthetic", *rows(product(["pre", "post"], ["relu", "tanh"], seeds=range(8)), clear_accuracy))
    study = {"name": "mine", "question": None, "compare": compare}
    store.write_sweep("1", SweepRecord(configuration={"study": study}, asked=list(store.runs["run"])))
    return gather([store])


def further_of(evidence: Evidence) -> list[Further]:
    return list(make_further(evidence, choose_design(evidence, None), None, FigureForm.page))


@pytest.mark.parametrize(
    ("compare", "first", "others"),
    [
        (["placement", "activation"], "placement", ["activation"]),
        (["activation", "placement"], "activation", ["placement"]),
        (["lr", "activation", "placement"], "activation", ["placement"]),
        (["placement"], "placement", []),
        ("activation", "activation", []),
        (None, "placement", []),
    ],
)
def test_the_first_axis_that_varies_is_the_pages_and_the_others_follow_in_their_order(
    compare: object, first: str, others: list[str], tmp_path: Path
) -> None:
    evidence = evidence_of(tmp_path, compare)
    assert choose_design(evidence, None).compared == first
    assert [part.compared for part in further_of(evidence)] == others


def test_a_further_axis_has_verdicts_effects_and_a_figure_of_its_own(tmp_path: Path) -> None:
    (part,) = further_of(evidence_of(tmp_path, ["activation", "placement"]))
    assert part.headline.startswith("Post is better than pre for relu and tanh")
    assert {verdict.facet for verdict in part.verdicts} == {"relu", "tanh"}
    assert [table.name for table in part.tables] == ["by-placement-effects", "by-placement-interactions"]
    assert set(part.tables[0].frame["activation"]) == {"relu", "tanh"}
    assert [figure.name for figure in part.figures] == ["by-placement-forest"]
