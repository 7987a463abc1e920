"""A file of one's own at the command line: it trains, a store knows its content, and a pasted command finds it."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from bnexp.data.requests import OwnFile
from bnexp.errors import UserError
from bnexp.report.captions import describe_training
from bnexp.report.evidence import find_files, gather
from bnexp.runs import Run
from bnexp.store.store import Store
from bnexp.verdicts.commands import write_data_words, write_sweep_command
from tests.cli.conftest import Command, command

__all__ = ["command"]

SHORT = ("hidden=[4]", "steps=2", "evaluate=2", "batch_size=8", "workers=0", "report=false", "probes=none")


def write(path: Path, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    np.savez(path, x=rng.integers(0, 9, (60, 5)), y=np.arange(60) % 3)


def lines(path: Path) -> None:
    with np.load(path.with_suffix(".npz")) as arrays:
        rows = np.column_stack([arrays["x"], arrays["y"]])
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows.tolist()))


def test_a_file_trains_and_what_show_prints_trains_it_again_wherever_it_is_typed(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "mine.npz")
    assert command("data=file", "data.path=mine.npz", "data.standardize=feature", "name=a", *SHORT).code == 0
    row = Store("outputs/a").runs.iloc[0]
    assert (row["data"], row["data_train"], row["features"], row["classes"], row["test_examples"]) == (
        "mine.npz", 40, 5, 3, 12,
    )  # fmt: skip
    assert describe_training(Store("outputs/a").runs.assign(hidden="4")).startswith(
        "mine.npz, 40 training examples; network 5-4-3;"
    )
    (record,) = Store("outputs/a").sweeps
    assert "48 examples for training and validation, 12 for tests" in record.about["mine.npz"]
    pasted = command("show", row["run"], "outputs/a").out.splitlines()[-1]
    words = shlex.split(pasted.replace("name=a", "name=b"))[1:]
    assert f"data.path={tmp_path / 'mine.npz'}" in words
    monkeypatch.chdir(tmp_path.parent)
    assert command(*words, f"outputs={tmp_path / 'outputs'}", "workers=0", "report=false").code == 0
    again = Store(tmp_path / "outputs/b").runs.iloc[0]
    assert again["run"] == row["run"]
    assert again["validation_loss"] == row["validation_loss"]
    write(tmp_path / "mine.npz", seed=1)
    refused = command(*words, f"outputs={tmp_path / 'outputs'}", "workers=0")
    assert refused.code == 2
    assert re.fullmatch(
        r"bnexp: \S+/mine.npz must hold what data.digest=\w{16} says; got the digest \w{16}: the file or .+\n",
        refused.err,
    )


def test_the_same_content_under_another_name_is_the_same_run(command: Command, tmp_path: Path) -> None:
    write(tmp_path / "mine.npz")
    lines(tmp_path / "mine.csv")
    for name, file in (("a", "mine.npz"), ("a", "mine.csv"), ("b", "mine.csv")):
        assert command("data=file", f"data.path={file}", f"name={name}", *SHORT).code == 0
    a, b = Store("outputs/a").runs, Store("outputs/b").runs
    assert a["run"].tolist() == b["run"].tolist()
    assert a["test_loss"].tolist() == b["test_loss"].tolist()
    assert (a["data"].item(), b["data"].item()) == ("mine.npz", "mine.csv")


def test_a_store_refuses_other_content_of_the_same_name(command: Command, tmp_path: Path) -> None:
    write(tmp_path / "mine.npz")
    assert command("data=file", "data.path=mine.npz", "name=a", *SHORT).code == 0
    write(tmp_path / "mine.npz", seed=1)
    refused = command("data=file", "data.path=mine.npz", "name=a", *SHORT)
    assert refused.code == 2
    assert refused.err.startswith(
        "bnexp: a store must know its data sets apart by their names; got other content of mine.npz than the one of "
    )
    assert len(Store("outputs/a").runs) == 1
    assert command("data=file", "data.path=mine.npz", "data.name=newer", "name=a", *SHORT).code == 0
    assert sorted(Store("outputs/a").runs["data"]) == ["mine.npz", "newer"]
    assert command("data=file", "data.path=mine.npz", "name=b", *SHORT).code == 0
    with pytest.raises(UserError, match=r"got two contents of mine\.npz in outputs/a and outputs/b"):
        gather([Store("outputs/a"), Store("outputs/b")])


def test_a_sweep_may_be_over_files_of_other_names(command: Command, tmp_path: Path) -> None:
    write(tmp_path / "one.npz")
    write(tmp_path / "two.npz", seed=1)
    assert command("-m", "data=file", "data.path=one.npz,two.npz", "name=a", *SHORT).code == 0
    assert sorted(Store("outputs/a").runs["data"]) == ["one.npz", "two.npz"]
    assert sorted(find_files(Store("outputs/a").sweeps)) == ["one.npz", "two.npz"]
    twice = command("-m", "data=file", "data.path=one.npz", "data.test=0.2,0.3", "name=b", *SHORT)
    assert (twice.code, twice.out) == (2, "")
    assert "got two called 'one.npz'" in twice.err


def test_data_verify_says_what_is_read_and_trains_nothing(command: Command, tmp_path: Path) -> None:
    write(tmp_path / "mine.npz")
    ended = command("data", "verify", "data=file", "data.path=mine.npz", "data.test=0.5")
    assert ended.out.startswith("mine.npz: 30 examples for training and validation, 30 for tests, 5 features;")
    assert ended.out.splitlines()[1].startswith("content-")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]


@pytest.mark.parametrize("name", ["it's mine.npz", "müßig ${x}.csv", "1e5"])
def test_a_name_of_any_signs_is_written_so_that_it_can_be_typed(command: Command, tmp_path: Path, name: str) -> None:
    write(tmp_path / "mine.npz")
    words = write_data_words(None, OwnFile(str(tmp_path / "mine.npz"), name))
    assert command("data=file", *words, "name=a", *SHORT).code == 0
    assert Store("outputs/a").runs["data"].item() == name


def test_what_a_set_has_a_default_of_its_own_for_is_always_written() -> None:
    size = {"data_train": 50_000, "data_validation": 10_000, "steps": 1, "evaluate": 1}
    for name in ("emnist_letters", "mine.csv"):
        command = write_sweep_command([Run(data=name, **size)], [0])
        assert command is not None
        assert "data.train=50000 data.validation=10000" in command
    wine = write_sweep_command([Run(data="wine", data_train=114, data_validation=28, steps=1, evaluate=1)], [0])
    assert wine is not None
    assert "data.standardize=none" in wine
    kmnist = write_sweep_command([Run(data="kmnist", **size)], [0])
    assert kmnist == "bnexp -m steps=1 evaluate=1 data=kmnist 'seed=range(1)'"
    assert write_sweep_command([Run(data=name, **size) for name in ("digits", "mine.csv")], [0]) is None
