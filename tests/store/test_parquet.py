"""Files of a store: damage of every kind is found and never ends the process, and old files are read."""

import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bnexp.errors import UserError
from bnexp.store import parquet
from bnexp.store.records import SweepRecord
from bnexp.store.schemas import CURVES, METRICS, RUNS
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.lanes import DEVICE, small_data, small_run

ROWS = 5000


@pytest.fixture
def path(tmp_path):
    """Curves of many points, so that columns have pages that are much longer than their headers."""
    rng = np.random.default_rng(0)
    numbers = {name: rng.random(ROWS) for name in ("epoch", *METRICS)}
    path = tmp_path / "curves.parquet"
    parquet.filler(pd.DataFrame({"run": "a", "step": np.arange(ROWS), **numbers}), CURVES)(path)
    return path


def overwrite(path, start, content):
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


def starts(path):
    footer = pq.read_metadata(path).row_group(0)
    columns = map(footer.column, range(footer.num_columns))
    return [c.dictionary_page_offset if c.has_dictionary_page else c.data_page_offset for c in columns]


def test_a_whole_file_has_no_damage(path):
    assert parquet.find_damage(path) is None
    assert len(parquet.read_table(path, CURVES)) == ROWS


def test_a_file_that_is_cut_off_anywhere_is_damaged(path):
    size = path.stat().st_size
    for left in (size - 1, size - 10, size // 2, 100, 4, 0):
        os.truncate(path, left)
        assert f"{path} must be a Parquet file that bnexp wrote; got '" in parquet.find_damage(path)
    path.unlink()
    assert f"{path} must be a Parquet file" in parquet.find_damage(path)


def test_a_file_without_its_middle_is_damaged_although_its_footer_is_whole(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3] + content[len(content) // 2 :])
    assert pq.read_metadata(path).num_rows == ROWS
    assert f"{path} must be a Parquet file that bnexp wrote; got '" in parquet.find_damage(path)


@pytest.mark.parametrize("column", range(len(CURVES)))
def test_a_block_that_was_lost_where_a_column_begins_is_damage(path, column):
    overwrite(path, starts(path)[column], bytes(200))
    assert f"{path} must be a Parquet file that bnexp wrote; got '" in parquet.find_damage(path)


@pytest.mark.parametrize("column", CURVES.names)
def test_a_footer_that_contradicts_itself_is_damage_and_does_not_end_the_process(path, column):
    """An optional column that is said to be required, while its statistics count the values that are missing."""
    optional, required = (bytes([0x25, sign, 0x18, len(column)]) + column.encode() for sign in (2, 0))
    content = path.read_bytes()
    assert content.count(optional) == 1
    path.write_bytes(content.replace(optional, required))
    assert f"{path} must be a Parquet file that bnexp wrote; got '" in parquet.find_damage(path)


def test_damage_within_a_page_is_one_sentence_of_whoever_reads_it_and_the_pack_is_trained_again(tmp_path):
    runs = [small_run(lr=lr, seed=seed, dtype="float32", steps=200) for lr in (0.1, 0.2) for seed in range(8)]
    store = Store(tmp_path / "store")
    sweep = {"resources": Resources(DEVICE, workers=0, lanes=32), "save_weights": False, "record": SweepRecord()}
    train_sweep(runs, [small_data()], store, **sweep)
    rows, curves = store.read_runs(), store.curves
    (path,) = (store.path / "curves").iterdir()
    overwrite(path, starts(path)[-2] + 300, bytes(500))
    advice = "move it away, and the command that made it trains its runs again"
    with pytest.raises(UserError, match=f"{path.name} must be a Parquet file that bnexp wrote; got '.*': {advice}"):
        store.curves_of(rows)
    train_sweep(runs, [small_data()], store, **sweep)
    pd.testing.assert_frame_equal(store.curves, curves)
    assert (store.path / "broken" / f"curves-{path.name}").is_file()


def test_a_sweep_of_which_all_is_stored_decodes_each_file_once_to_see_whether_it_is_whole(tmp_path, monkeypatch):
    runs = [small_run(seed=seed, dtype="float32") for seed in range(2)]
    store = Store(tmp_path / "store")
    sweep = {"resources": Resources(DEVICE, workers=0, lanes=1), "save_weights": False, "record": SweepRecord()}
    train_sweep(runs, [small_data()], store, **sweep, probes="basic")
    real, read = pq.ParquetFile.read, []

    def read_and_note(self, columns=None, **settings):
        read.append(columns)
        return real(self, columns, **settings)

    monkeypatch.setattr(pq.ParquetFile, "read", read_and_note)
    train_sweep(runs, [small_data()], store, **sweep, probes="basic")
    packs = len(list((store.path / "runs").iterdir()))
    assert packs == 2
    check = [None, ["probes"], None, None]
    assert read == check * packs + [["run", "status", "probes"]] * packs + [RUNS.names] * packs


def test_a_column_that_an_older_version_did_not_write_is_missing(path):
    pq.write_table(pq.read_table(path).drop_columns(["test_loss"]), path)
    table = parquet.read_table(path, CURVES)
    assert table.schema == CURVES
    assert table["test_loss"].null_count == ROWS
    assert table["test_accuracy"].null_count == 0


def test_a_switch_that_an_older_version_wrote_is_the_choice_that_it_was(tmp_path):
    path = tmp_path / "runs.parquet"
    pq.write_table(pa.table({"run": ["a", "b", "c"], "data_standardize": [True, False, None]}), path)
    table = parquet.read_table(path, pa.schema([RUNS.field("run"), RUNS.field("data_standardize")]))
    assert table["data_standardize"].to_pylist() == ["all", "none", None]


def test_only_the_columns_of_the_schema_are_read(path):
    table = parquet.read_table(path, pa.schema([CURVES.field("step")]))
    assert table.column_names == ["step"]


def test_a_file_without_a_mark_is_of_the_first_training_semantics(path, monkeypatch):
    assert parquet.read_semantics(path) == 1
    monkeypatch.setattr(parquet, "SEMANTICS", 7)
    parquet.filler(pd.DataFrame({"run": ["a"]}), CURVES)(path)
    assert parquet.read_semantics(path) == 7
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    assert parquet.read_semantics(path) == 1
