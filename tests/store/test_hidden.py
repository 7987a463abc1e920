"""The widths of the hidden layers: a value like any other, by which rows are grouped, chosen and compared."""

import pandas as pd
import pytest

import bnexp
from bnexp.statistics.arms import average_arms, score_runs
from bnexp.store.records import SweepRecord
from bnexp.store.rows import to_run
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.lanes import DEVICE, small_data, small_run

ASKED = [small_run(hidden=hidden, seed=seed, placement="pre") for hidden in ((11, 8), (5,)) for seed in (0, 1)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    store = Store(tmp_path_factory.mktemp("store"))
    resources = Resources(DEVICE, workers=0, lanes=32)
    train_sweep(ASKED, [small_data()], store, resources=resources, save_weights=False, record=SweepRecord())
    return store.runs


def test_runs_of_a_store_are_grouped_by_their_hidden_layers(runs: pd.DataFrame) -> None:
    assert runs.groupby("hidden").size().to_dict() == {(5,): 2, (11, 8): 2}
    assert runs["hidden"].nunique() == 2
    assert len(runs.drop_duplicates("hidden")) == 2
    assert list(runs.pivot_table(index="hidden", values="lr").index) == [(5,), (11, 8)]
    assert (runs["hidden"] == (11, 8)).sum() == 2


def test_a_row_of_a_store_makes_its_run(runs: pd.DataFrame) -> None:
    assert sorted(map(to_run, runs.to_dict("records")), key=repr) == sorted(ASKED, key=repr)


def test_rows_that_were_not_stored_hold_the_same_widths() -> None:
    rows, _ = bnexp.train(ASKED, small_data())
    assert rows["hidden"].tolist() == [run.hidden for run in ASKED]


def test_an_arm_of_several_widths_is_named_by_its_text(runs: pd.DataFrame) -> None:
    assert sorted(average_arms(score_runs(runs))["hidden"]) == ["11-8", "5"]
