"""What the CSV files of a store hold is what the store holds, number for number."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bnexp.exports import csv_files
from bnexp.store.schemas import CURVES, HISTOGRAMS, LAYERS, RUNS
from bnexp.store.store import Store
from tests.exports.conftest import DIVERGED, FAILED, TRAINED, id_of


def read(path: Path) -> pd.DataFrame:
    """The table as texts: what reads them as numbers is Python, to the last digit."""
    return pd.read_csv(path, dtype=str)


@pytest.mark.parametrize(("name", "schema"), [("runs", RUNS), ("curves", CURVES), ("layers", LAYERS)])
def test_a_file_has_the_columns_of_the_store_and_its_numbers_to_the_last_digit(
    name: str, schema: object, store: Store, tmp_path: Path
) -> None:
    csv_files.write_files(store, tmp_path / "out")
    table, stored = read(tmp_path / "out" / f"{name}.csv"), getattr(store, name)
    assert list(table) == list(schema.names)
    assert len(table) == len(stored) > 0
    numbers = [column for column in stored.select_dtypes("number") if stored[column].notna().any()]
    assert len(numbers) >= 8
    for column in numbers:
        assert np.array_equal(
            [float(text) for text in table[column]], stored[column].to_numpy(float), equal_nan=True
        ), column
    assert table["run"].tolist() == stored["run"].tolist()


def test_rows_of_diverged_and_failed_runs_are_there_and_what_they_lack_is_empty(store: Store, tmp_path: Path) -> None:
    csv_files.write_files(store, tmp_path)
    lines = (tmp_path / "runs.csv").read_text().splitlines()
    assert len(lines) == 1 + len(TRAINED) + 2
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=False)) for line in lines[1:]]
    by_id = {row["run"]: row for row in rows}
    diverged, failed, done = (by_id[id_of(run)] for run in (DIVERGED, FAILED, TRAINED[0]))
    assert (done["status"], diverged["status"], failed["status"]) == ("done", "diverged", "failed")
    assert (done["diverged_step"], failed["test_loss"], done["hidden"]) == ("", "", "11-8")
    assert diverged["diverged_step"].isdecimal()  # 7, not 7.0


def test_a_histogram_is_a_json_list(store: Store, tmp_path: Path) -> None:
    csv_files.write_files(store, tmp_path)
    table, stored = read(tmp_path / "layers.csv"), store.layers
    for name in HISTOGRAMS:
        lists = table[name].dropna()
        assert lists.map(json.loads).tolist() == [bars.tolist() for bars in stored[name].dropna()]
        assert len(lists) > 0


def test_a_second_export_replaces_its_own_files_and_no_other(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    csv_files.write_files(store, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "notes.txt").write_text("mine")
    (folder / "runs.csv").write_text("old")
    csv_files.write_files(store, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before | {"notes.txt": b"mine"}
