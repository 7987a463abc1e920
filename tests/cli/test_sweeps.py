"""What the command line asks of the sweep, what it prints, how it ends; at the end, all of it for real."""

import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bnexp
from bnexp.choices import Activation, Placement
from bnexp.errors import UserError
from bnexp.report import build as building
from bnexp.runs import Run
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.sweeps import sweep
from bnexp.sweeps.resources import Resources
from tests.cli.conftest import DIVERGES, FAILS, WIDE, Built, Command, Ended, Fakes, process


def test_one_run_is_a_sweep_of_one_and_hydra_leaves_nothing_behind(
    command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    ended = command("placement=pre", "activation=tanh", "lr=0.2", "epochs=3")
    assert (ended.code, ended.err) == (0, "")
    (asked,) = fakes.sweeps
    assert asked.runs == [Run(placement=Placement.pre, activation=Activation.tanh, lr=0.2, steps=2502, evaluate=834)]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "placement=none,pre", "seed=0,1"],
        ["placement=none,pre", "seed=0,1", "--multirun"],
        ["-m", "placement=choice(none,pre)", "seed=range(2)"],
        ["-m", "seed=range(2)", "placement=none,pre", "hydra/sweeper=basic"],
    ],
)
def test_all_runs_of_a_sweep_are_handed_over_at_once(words: list[str], command: Command, fakes: Fakes) -> None:
    assert command(*words).code == 0
    (asked,) = fakes.sweeps
    assert {(run.placement, run.seed) for run in asked.runs} == {(p, s) for p in ("none", "pre") for s in (0, 1)}
    assert len(asked.runs) == 4


def test_runs_are_asked_in_the_order_of_the_command(command: Command, fakes: Fakes) -> None:
    command("-m", "placement=pre,none", "hidden=[50,50],[7]", "lr=0.5,0.1")
    asked = [(run.placement, run.hidden, run.lr) for run in fakes.sweeps[0].runs]
    assert asked == [(p, h, lr) for p in ("pre", "none") for h in ((50, 50), (7,)) for lr in (0.5, 0.1)]


def test_a_sweep_may_mix_data_sets_and_sizes_and_reads_each_once(command: Command, fakes: Fakes) -> None:
    command("-m", "data=mnist,digits", "data.train=100,200", "seed=0,1", "data.root=/x")
    assert fakes.loaded == [
        (n, Path("/x"), t, v, "none") for n, v in (("mnist", 10_000), ("digits", 300)) for t in (100, 200)
    ]
    assert fakes.sweeps[0].options["loaded"] == ["mnist", "mnist", "digits", "digits"]


def test_the_settings_of_the_command_reach_the_sweep(command: Command, fakes: Fakes) -> None:
    command("device=cpu", "save_weights=true", "name=mine", "workers=3", "engine.lanes=5")
    (asked,) = fakes.sweeps
    assert asked.store.path == Path("outputs/mine")
    assert (asked.options["resources"], asked.options["save_weights"]) == (Resources("cpu", 3, 5), True)


def test_the_store_is_told_the_command_its_configuration_and_its_axes(command: Command, fakes: Fakes) -> None:
    command("-m", "lr=0.5,0.1", "seed=range(2)", "data=digits")
    record = fakes.sweeps[0].options["record"]
    assert record.command == "bnexp -m lr=0.5,0.1 'seed=range(2)' data=digits"
    assert record.configuration["data"]["name"] == "digits"
    assert record.configuration["placement"] == "none"
    assert record.axes == {"lr": [0.5, 0.1], "seed": [0, 1]}


def test_it_ends_with_the_table_the_answer_and_the_path_of_the_page(command: Command, fakes: Fakes) -> None:
    ended = command("-m", "lr=0.5,0.1")
    assert "table of 2 runs" in ended.out
    assert WIDE in ended.out  # whole, although a pipe has no width
    assert ended.out.endswith(f"\nExplored: An answer.\n\n{Path('outputs/runs/report/index.html')}\n")
    assert fakes.reports == [Built([Path("outputs/runs")])]


def test_without_report_there_is_a_table_and_no_page(command: Command, fakes: Fakes) -> None:
    ended = command("report=false")
    assert "table of 1 runs" in ended.out
    assert "report" not in ended.out
    assert fakes.reports == []


@pytest.mark.parametrize(("rates", "code"), [("0.1,0.2", 0), (f"0.1,{DIVERGES}", 0), (f"0.1,{FAILS}", 1)])
def test_the_exit_code_says_whether_a_run_failed_and_diverged_is_not_failed(
    rates: str, code: int, command: Command, fakes: Fakes
) -> None:
    assert command("-m", f"lr={rates}").code == code
    assert len(fakes.reports) == 1


def test_there_is_no_page_if_no_run_is_stored(command: Command, fakes: Fakes) -> None:
    assert command(f"lr={FAILS}").code == 1
    assert fakes.reports == []


def test_an_interrupted_sweep_says_how_to_start_it_again(
    command: Command, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    assert fakes.sweeps == []
    monkeypatch.setattr(sweep, "train_sweep", interrupted)
    for words in (["lr=0.2"], ["-m", "lr=0.1,0.2", "seed=range(2)"]):
        ended = command(*words)
        assert (ended.code, ended.out) == (130, "")
        assert ended.err == f"bnexp: interrupted; start it again with: {shlex.join(['bnexp', *words])}\n"
    monkeypatch.setenv("BNEXP_OUTPUTS", "/a disk")  # perhaps for this one command: the next is typed without it
    again = "bnexp: interrupted; start it again with: BNEXP_OUTPUTS='/a disk' bnexp lr=0.2\n"
    assert command("lr=0.2").err == again


def test_a_bug_is_not_taken_for_a_mistake_of_the_user(
    command: Command, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def buggy(*_: Any, **__: Any) -> None:
        raise ValueError("operands could not be broadcast together")

    assert fakes.sweeps == []
    monkeypatch.setattr(sweep, "train_sweep", buggy)
    for words in (["lr=0.2"], ["-m", "lr=0.1,0.2"], ["-m", "hydra/launcher=basic", "lr=0.1"]):
        with pytest.raises(ValueError, match="broadcast"):
            command(*words)


def test_a_store_that_cannot_be_written_is_told_in_one_sentence(
    command: Command, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(_runs: Sequence[Run], _loaded: Any, store: Store, **_: Any) -> None:
        store.write_sweep("id", SweepRecord())

    assert fakes.sweeps == []
    monkeypatch.setattr(sweep, "train_sweep", full)
    for file in (tmp_path / "outputs" / "runs" / "sweeps", tmp_path / "outputs" / "runs"):
        shutil.rmtree(tmp_path / "outputs", ignore_errors=True)
        file.parent.mkdir(parents=True)
        file.touch()  # a file where a folder must be
        ended = command("lr=0.2")
        assert ended.code == 2
        reason = r"must be a folder that can be written to; got '.*'"
        assert re.fullmatch(rf"bnexp: outputs/runs/sweeps {reason}: what was stored before is whole, .*\n", ended.err)


def test_the_whole_command_trains_stores_reports_and_shows_how_to_train_a_run_again(
    command: Command, tmp_path: Path
) -> None:
    words = [
        "-m",
        "data=digits",
        "placement=none,pre",
        "seed=0,1",
        "epochs=1",
        "hidden=[16]",
        "name=tiny",
        "device=cpu",
    ]
    ended = process("-m", "bnexp", *words, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    started, finished = ended.stderr.splitlines()
    assert re.fullmatch(r"bnexp: training 4 runs in \d packs?", started)
    assert re.fullmatch(r"bnexp: 4 of 4 runs trained in \d+ s; mean validation accuracy: none .* %, pre .* %", finished)
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]
    page = Path(ended.stdout.splitlines()[-1])
    assert page == Path("outputs/tiny/report/index.html")
    assert len(page.read_text()) > 50_000
    runs = bnexp.load("outputs/tiny").runs
    assert set(zip(runs["placement"], runs["seed"], strict=True)) == {(p, s) for p in ("none", "pre") for s in (0, 1)}
    assert command("report", "outputs/tiny") == Ended(0, ended.stdout, "")

    shown = command("show", runs["run"][2][:12])
    assert (shown.code, shown.err) == (0, "")
    assert re.search(rf"test_accuracy\W+{runs['test_accuracy'][2]}", shown.out)
    program, *again = shlex.split(shown.out.splitlines()[-1])
    assert program == "bnexp"
    assert command(*again, "name=tiny", "report=false").code == 0
    pd.testing.assert_frame_equal(bnexp.load("outputs/tiny").runs, runs)
    assert command("show", runs["run"][2], "outputs/tiny") == shown
    assert "give more of its digits" in command("show", "").err


def test_a_page_that_cannot_be_written_leaves_the_table(
    command: Command, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise UserError("there must be room; got none")

    assert not fakes.reports
    monkeypatch.setattr(building.Report, "write", full)
    ended = command("lr=1")
    assert (ended.code, ended.err) == (2, "bnexp: there must be room; got none\n")
    assert "table of 1 runs" in ended.out
