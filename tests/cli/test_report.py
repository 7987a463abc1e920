"""`bnexp report`, and what a sweep ends with: the page of the whole store, and words wherever it cannot be written."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bnexp.store import parquet
from bnexp.store.store import Store
from tests.cli.conftest import Command
from tests.support.synthetic import product, rows

SWEEP = ["data=digits", "steps=20", "evaluate=10", "hidden=[8]", "workers=0", "engine.lanes=8", "probes=none"]


def fill(path: Path) -> Store:
    store = Store(path)
    runs, points = rows(product())
    store.write("synthetic", runs.assign(seconds=1.0, machine="a machine"), points)
    return store


def test_a_later_command_takes_nothing_from_the_page_of_a_store(command: Command, tmp_path: Path) -> None:
    assert command("-m", "placement=none,pre,post", "seed=range(3)", *SWEEP).code == 0
    folder = tmp_path / "outputs" / "runs" / "report"
    files = {path.relative_to(folder) for path in folder.rglob("*")}
    effects = (folder / "tables" / "effects.csv").read_bytes()
    ended = command("placement=pre", *SWEEP)
    assert {path.relative_to(folder) for path in folder.rglob("*")} == files
    assert (folder / "tables" / "effects.csv").read_bytes() == effects
    assert "The last command asked for 1 of these 9 runs: bnexp placement=pre" in ended.out
    table = [line.split() for line in ended.out.splitlines() if line.startswith((" none", " pre", " post"))]
    assert [(row[0], row[4]) for row in table] == [("pre", "1")]  # the table shows what was asked
    again = command("report", "outputs/runs")  # and this one all that is stored
    assert sum(line.startswith((" none", " pre", " post")) for line in again.out.splitlines()) == 3
    assert again.out.split("\n\n", 1)[1] == ended.out.split("\n\n", 1)[1]


def test_a_damaged_record_of_a_command_is_told_of_in_a_sentence_and_stops_nothing(
    command: Command, tmp_path: Path
) -> None:
    store = fill(tmp_path / "outputs" / "mine")
    (store.path / "sweeps").mkdir()
    (store.path / "sweeps" / "20260101T000000Z-abc.json").write_bytes(b"{\0")
    ended = command("report", "outputs/mine")
    assert ended.code == 0
    assert ended.out.endswith("outputs/mine/report/index.html\n")
    (line,) = ended.err.splitlines()
    assert line.startswith("bnexp: outputs/mine/sweeps/20260101T000000Z-abc.json must be the JSON that bnexp wrote; ")


def test_a_page_that_cannot_be_written_is_one_sentence_below_the_table_and_the_answer(
    command: Command, tmp_path: Path
) -> None:
    fill(tmp_path / "outputs" / "mine")
    (tmp_path / "outputs" / "mine" / "report").write_text("in the way")
    ended = command("report", "outputs/mine")
    assert ended.code == 2
    assert "placement" in ended.out
    assert "between pre and post" in ended.out
    assert "index.html" not in ended.out
    assert ended.err.startswith("bnexp: outputs/mine/report must be a folder that can be written to; got '")
    assert len(ended.err.splitlines()) == 1
    assert command("report", "outputs/mine", "out=elsewhere/page").out.endswith("\nelsewhere/page/index.html\n")
    assert (tmp_path / "elsewhere" / "page" / "report.md").is_file()


def test_a_name_that_no_folder_can_have_is_one_sentence(command: Command, tmp_path: Path) -> None:
    fill(tmp_path / "outputs" / "mine")
    ended = command("report", "outputs/mine", f"out={'x' * 300}")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "File name too long" in ended.err


def test_each_file_of_a_store_is_read_once(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "outputs" / "mine")
    read, reads = parquet.read_table, Counter[tuple[Path, str]]()

    def count(path: Path, *schema: Any) -> Any:
        reads[path, str(schema)] += 1
        return read(path, *schema)

    monkeypatch.setattr(parquet, "read_table", count)
    assert command("report", "outputs/mine").code == 0
    assert len(reads) == 3  # runs and curves, and of the runs, by itself, which test examples each predicts correctly
    assert set(reads.values()) == {1}


def test_two_comparisons_stand_side_by_side(command: Command, tmp_path: Path) -> None:
    store = Store(tmp_path / "outputs" / "mine")
    runs, points = rows(product(activations=["relu", "tanh"]))
    store.write("synthetic", runs.assign(seconds=1.0, machine="a machine"), points)
    for words, folder in (([], "report"), (["compare=activation"], "report-by-activation")):
        assert command("report", "outputs/mine", *words).out.endswith(f"\noutputs/mine/{folder}/index.html\n")
    effects = [pd.read_csv(path)["a"][0] for path in sorted(store.path.glob("report*/tables/effects.csv"))]
    assert effects == ["pre", "tanh"]
