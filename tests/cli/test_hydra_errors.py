"""At the border to Hydra: what Hydra and its plugins refuse is one sentence, what fails while we train is a bug."""

import argparse
import os
import re
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from bnexp.cli.hydra_errors import accept_lazy_help, call_hydra
from bnexp.errors import UserError
from bnexp.sweeps import sweep
from tests.cli.conftest import ROOT, Command, Ended, Fakes, process

OPTUNA = ["-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1"]
ROADS = {
    "a run": ["lr=0.2"],
    "a sweep": ["-m", "lr=0.1,0.2"],
    "a plan": ["plan", "lr=0.2"],
    "the sweeper of Hydra": ["-m", "lr=0.1,0.2", "hydra/sweeper=basic"],
    "the launcher of Hydra": ["-m", "lr=0.1,0.2", "hydra/launcher=basic"],
    "both of Hydra": ["-m", "lr=0.1,0.2", "hydra/launcher=basic", "hydra/sweeper=basic"],
    "the sweeper of Optuna": [*OPTUNA, "lr=interval(0.1,0.2)"],
    "Optuna and the launcher of Hydra": [*OPTUNA, "lr=interval(0.1,0.2)", "hydra/launcher=basic"],
}
"""The ways from the command line through Hydra to the training."""

Fail = Callable[[Exception], None]


@pytest.fixture(params=ROADS)
def words(request: pytest.FixtureRequest) -> list[str]:
    road = ROADS[request.param]
    if "hydra/sweeper=optuna" in road:
        pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="not installed: pip install 'bnexp[optuna]'")
    return road


@pytest.fixture
def fail(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Fail:
    """`fail(error)` has every sweep and every plan raise `error`."""
    assert fakes.sweeps == []

    def set_up(error: Exception) -> None:
        def raises(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(sweep, "train_sweep", raises)
        monkeypatch.setattr(sweep, "forecast_sweep", raises)

    return set_up


@pytest.mark.filterwarnings("ignore")  # Optuna's, of its own old names
def test_a_bug_comes_out_as_it_was_whatever_road_it_takes(words: list[str], command: Command, fail: Fail) -> None:
    bug = ValueError("operands could not be broadcast together")
    bug.__cause__ = IndexError("where it began")
    fail(bug)
    with pytest.raises(ValueError, match="broadcast") as raised:
        command(*words)
    assert raised.value is bug
    assert isinstance(bug.__cause__, IndexError)
    assert "HYDRA_FULL_ERROR" not in os.environ


@pytest.mark.filterwarnings("ignore")
def test_what_a_user_can_cause_while_runs_are_trained_is_one_sentence_whatever_road_it_takes(
    words: list[str], command: Command, fail: Fail
) -> None:
    fail(UserError("a store must be a folder; got a file"))
    ended = command(*words)
    optunas, _, ours = ended.err.rpartition("bnexp: ")
    assert (ended.code, ended.out, ours) == (2, "", "a store must be a folder; got a file\n")
    assert "Error executing job" not in optunas  # Hydra's words before those of a job
    assert ("hydra/sweeper=optuna" in words) or optunas == ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("lr=interval(1,0.01)", r"The `low` value must be smaller than or equal to the `high` value \(low=1.0, .*\)"),
        ("lr=interval(0,1", r"an argument must be KEY=VALUE, .* got 'lr=interval\(0,1': .*"),
        ("lr=interval(-2,-1)", r"lr must be a finite number greater than 0; got -1\.\d+"),
    ],
)
def test_what_optuna_or_its_values_get_wrong_is_one_sentence(
    values: str, sentence: str, command: Command, fakes: Fakes
) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="not installed: pip install 'bnexp[optuna]'")
    ended = command(*OPTUNA, values)
    assert ended.code == 2
    assert re.fullmatch(f"bnexp: {sentence}", ended.err.splitlines()[-1])
    assert fakes.sweeps == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("storage", ["nonsense", "sqlite:////no/such/folder/a.db"])
def test_a_storage_that_optuna_cannot_use_is_one_sentence(storage: str, command: Command, fakes: Fakes) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="not installed: pip install 'bnexp[optuna]'")
    ended = command(*OPTUNA, "lr=interval(0.01,1)", f"hydra.sweeper.storage='{storage}'")
    assert ended.code == 2
    sentence = r"hydra\.sweeper\.storage must be a database that optuna can use; got '\w+Error: .+': give it as in .+"
    assert re.fullmatch(f"bnexp: {sentence}", ended.err.splitlines()[-1])
    assert fakes.sweeps == []


def test_a_storage_under_sqlalchemy_2_is_one_sentence_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = {"__name__": "optuna.storages._rdb.storage"}  # where it fails then, without a word
    exec("def make_storage():\n    assert None is not None", module)  # noqa: S102 - a frame of that module
    monkeypatch.setattr(metadata, "version", {"sqlalchemy": "2.1.9", "optuna": "2.10.1"}.__getitem__)
    with pytest.raises(UserError) as raised:
        call_hydra(module["make_storage"])  # type: ignore[arg-type]
    assert str(raised.value) == (
        "hydra.sweeper.storage must find SQLAlchemy below 2; got SQLAlchemy 2.1.9, with which optuna 2.10.1 makes "
        "none: pip install 'bnexp[optuna]'"
    )


def test_a_bug_has_a_traceback_and_exit_code_1(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from bnexp.cli import main, task\n"
        "from bnexp.sweeps import sweep\n"
        "def buggy(*_, **__):\n    raise ValueError('operands could not be broadcast together')\n"
        "sweep.train_sweep = buggy\n"
        "sys.exit(main.main())\n"
    )
    for words in (["lr=0.2"], ["-m", "lr=0.1,0.2"], ["-m", "lr=0.1", "hydra/launcher=basic"]):
        ended = process("-c", script, *words, cwd=tmp_path)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("Traceback (most recent call last):\n")
        assert ended.stderr.count("Traceback") == 1
        assert "line 5, in buggy" in ended.stderr
        assert ended.stderr.endswith("\nValueError: operands could not be broadcast together\n")


def test_whoever_asks_for_the_traceback_when_the_command_starts_gets_it(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("lr=-1") == Ended(2, "", "bnexp: lr must be a finite number greater than 0; got -1.0\n")
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    for words in (["lr=-1"], ["placment=pre"], ["nonsense"]):
        with pytest.raises(UserError, match="must be"):
            command(*words)
    assert os.environ["HYDRA_FULL_ERROR"] == "1"


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize("words", [["--cfg", "job"], ["--hydra-help"], ["lr=0.1"], ["-m", "lr=0.1,1"]])
def test_an_argparse_that_formats_a_help_when_it_is_added_is_no_obstacle(
    words: list[str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, checked = argparse.ArgumentParser.add_argument, []

    def add_argument(parser: argparse.ArgumentParser, *flags: str, **options: Any) -> argparse.Action:
        """Do as Python 3.14 does, on every Python."""
        if not isinstance(options.get("help"), str | None):
            raise ValueError("badly formed help string")
        checked.append(flags)
        return plain(parser, *flags, **options)

    monkeypatch.setattr(argparse.ArgumentParser, "add_argument", add_argument)
    ended = command(*words)
    assert (ended.code, ended.err) == (0, "")
    assert argparse.ArgumentParser.add_argument is add_argument  # as it was before
    assert checked.count(("--shell-completion", "-sc")) == 2  # our look at the options, and Hydra's
    if "--hydra-help" in words:
        assert "Bash - Install:" in ended.out


def test_the_parser_of_hydras_options_is_where_we_look_for_it() -> None:
    moved = (
        "Hydra has moved what it parses its options with, which is private: see which function hydra/main.py calls "
        "before `parse_args`, and import that one in `bnexp.cli.hydra_errors.put_options_first`. Without it an unknown "
        "option would be answered by Hydra's usage instead of one sentence."
    )
    try:
        from hydra._internal.utils import get_args_parser

        with accept_lazy_help():
            options = get_args_parser().parse_args(["-m", "lr=1,2"])
    except (ImportError, AttributeError, TypeError):
        pytest.fail(moved)
    assert (options.multirun, options.overrides) == (True, ["lr=1,2"])


def test_nothing_else_is_taken_from_the_inside_of_hydra() -> None:
    modules = [path for folder in ("bnexp", "hydra_plugins") for path in (ROOT / folder).rglob("*.py")]
    lines = [(path.stem, line.split("#")[0].strip()) for path in modules for line in path.read_text().splitlines()]
    private = [(stem, line) for stem, line in lines if "hydra._internal" in line]
    assert private == [("hydra_errors", "from hydra._internal.utils import get_args_parser")]
