"""Which test examples a run predicts correctly at its end: bits in the store, read only when they are asked for."""

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from bnexp.engine import training
from bnexp.errors import UserError
from bnexp.runs import Run
from bnexp.store.records import SweepRecord
from bnexp.store.schemas import RUNS
from bnexp.store.store import Store, unpack_correct
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train, train_sweep
from tests.support.lanes import DEVICE, HELD_OUT, begin, pack_of, reference_of, small_data, small_run

ASKED = [small_run(placement=p, seed=s, lr=lr) for p in ("none", "post") for s in (0, 1) for lr in (0.1, 1e200)]
"""Those with the higher rate diverge."""


def sweep(store: Store, runs: list[Run] = ASKED) -> None:
    resources = Resources(DEVICE, workers=0, lanes=32)
    train_sweep(runs, [small_data()], store, resources=resources, save_weights=False, record=SweepRecord())


def strip(store: Store) -> None:
    """Leave of the files of `store` what an older version would have written."""
    for path in (store.path / "runs").iterdir():
        pq.write_table(pq.read_table(path).drop_columns(["test_correct", "test_examples"]), path)


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store(tmp_path / "store")
    sweep(store)
    return store


def test_the_bits_of_a_lane_say_of_which_test_examples_the_reference_predicts_the_label():
    runs = [small_run(placement=p, activation=a, seed=s) for p in ("none", "pre", "post") for a in ("relu", "tanh")
            for s in (3, 8)]  # fmt: skip
    state = begin(pack_of(runs), small_data())
    points = list(training.train(state))
    assert all(point.test_correct is None for point in points[:-1])
    correct_RN = unpack_correct([row.tobytes() for row in points[-1].test_correct], HELD_OUT)
    x, y = state.examples.test
    for r, run in enumerate(state.pack.runs):
        source = reference_of(run, state.network.lane(r))
        for layer, running in enumerate(norms(source.model), start=1):
            running.load_state_dict(
                running.state_dict()
                | {name: state.network.lane(r)[f"{layer}.{name}"] for name in ("running_mean", "running_var")}
            )
        source.model.eval()
        with torch.no_grad():
            wanted = source.model(x).argmax(1) == y
        assert 0 < wanted.sum() < HELD_OUT
        assert correct_RN[r].tolist() == wanted.tolist()


def norms(model: torch.nn.Module) -> list[torch.nn.Module]:
    return [part for part in model.modules() if isinstance(part, torch.nn.BatchNorm1d)]


def test_the_share_of_the_bits_that_are_set_is_the_test_accuracy_and_a_run_that_diverged_has_none(store):
    runs = store.runs
    bits = store.correct_of(runs)
    assert (runs["test_examples"] == HELD_OUT).all()
    assert bits.isna().tolist() == (runs["status"] == "diverged").tolist() == (runs["lr"] > 1).tolist()
    done = runs["status"] == "done"
    correct_RN = unpack_correct(bits[done].tolist(), HELD_OUT)
    assert correct_RN.shape == (4, HELD_OUT)
    np.testing.assert_array_equal(correct_RN.mean(1), runs.loc[done, "test_accuracy"])


def test_an_evaluation_in_several_batches_puts_every_example_in_its_place(monkeypatch):
    whole = list(training.train(begin(pack_of(ASKED[:1]), small_data())))[-1]
    monkeypatch.setattr(training, "EVALUATION_BATCH", 7)
    parts = list(training.train(begin(pack_of(ASKED[:1]), small_data())))[-1]
    assert parts.test_correct.tolist() == whole.test_correct.tolist()


def test_reading_runs_reads_no_bits(store, monkeypatch):
    read, real = [], pq.ParquetFile.read
    monkeypatch.setattr(pq.ParquetFile, "read", lambda self, columns: read.extend(columns) or real(self, columns))
    assert list(store.runs.columns) == RUNS.names
    assert read
    assert "test_correct" not in read


def test_bits_are_found_by_the_id_of_a_run_whatever_the_order_and_the_pack(store):
    other = [dataclasses.replace(run, seed=run.seed + 2) for run in ASKED]
    sweep(store, other)
    runs = store.runs
    assert runs["pack"].nunique() == 2
    bits, shuffled = store.correct_of(runs), runs.iloc[::-1]
    assert store.correct_of(shuffled).to_dict() == bits.to_dict()
    trained = train([*ASKED, *other], small_data(), DEVICE).runs.set_index("run")["test_correct"]
    assert dict(zip(runs["run"], bits, strict=True)) == trained.to_dict()


def test_a_store_of_an_older_version_is_read_is_not_trained_again_and_grows(store):
    before = store.runs
    strip(store)
    assert store.correct_of(store.runs).isna().all()
    sweep(store)
    assert store.runs.drop(columns="test_examples").equals(before.drop(columns="test_examples"))
    more = dataclasses.replace(ASKED[0], seed=9)
    sweep(store, [*ASKED, more])
    runs = store.runs
    assert runs.loc[store.correct_of(runs).notna(), "seed"].tolist() == [9]


def test_rows_without_bits_are_stored_without_bits(store, tmp_path):
    other, runs = Store(tmp_path / "other"), store.runs
    other.write(runs["pack"][0], runs.drop(columns="test_examples"), store.curves)
    assert other.correct_of(other.runs).isna().all()
    assert other.runs["test_examples"].isna().all()


def test_bits_that_are_not_one_for_each_test_example_are_one_sentence(store):
    runs, (path,) = store.runs, (store.path / "runs").iterdir()
    table = pq.read_table(path)
    place = table.column_names.index("test_correct")
    for wrong in (b"", b"abc", b"abcde"):
        bits = [one and wrong for one in table["test_correct"].to_pylist()]
        field = table.schema.field("test_correct")
        pq.write_table(table.set_column(place, field, [bits]).replace_schema_metadata(table.schema.metadata), path)
        assert store.runs.equals(runs)
        with pytest.raises(UserError, match=f"bnexp wrote; got 'bits of {len(wrong)} bytes for 30 test examples': mov"):
            store.correct_of(runs)
    pq.write_table(table.drop_columns(["test_examples"]), path)
    with pytest.raises(UserError, match="got 'bits of 4 bytes for unknown test examples'"):
        store.correct_of(store.runs)
