"""Other roads through Hydra end as ours does, or are refused in one sentence; so do a full disk and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from tests.cli.conftest import FAILS, ROOT, Command, Fakes, process

PICKLE = "--experimental-rerun must be left out: it reads a pickle, and bnexp never reads one"


def test_a_job_that_hydra_moves_to_another_folder_ends_where_it_was_typed(
    command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    (tmp_path / "away").mkdir()
    moved = ["hydra.job.chdir=true", "hydra.run.dir=away", "hydra.sweep.dir=away", "data=digits", "data.root=here"]
    ends = [command("lr=1", "data=digits", "data.root=here")]
    ends += [command("lr=1", *moved), command("-m", "lr=1", *moved)]
    ends += [command("-m", "lr=1", "hydra/launcher=basic", *moved)]
    assert ends == [ends[0]] * 4
    assert ends[0].code == 0
    assert {asked.store.path.absolute() for asked in fakes.sweeps} == {tmp_path / "outputs" / "runs"}
    assert Path.cwd() == tmp_path


def test_a_launcher_that_trains_in_other_processes_is_refused_in_one_sentence(command: Command, fakes: Fakes) -> None:
    pytest.importorskip(
        "hydra_plugins.hydra_joblib_launcher", reason="not installed: pip install hydra-joblib-launcher"
    )
    ended = command("-m", "hydra/launcher=joblib", "seed=0,1", "data=digits", "steps=2", "hydra.launcher.n_jobs=2")
    assert ended.code == 2
    assert ended.err.splitlines()[-1].startswith("bnexp: hydra/launcher must be bnexp or basic; got one that trains")
    assert fakes.sweeps == []


def test_a_task_cannot_be_sent_to_another_process() -> None:
    import copy

    from bnexp.cli.task import Task
    from bnexp.errors import UserError

    with pytest.raises(UserError, match="hydra/launcher must be bnexp or basic"):
        copy.copy(Task("bnexp", lambda _: None))


@pytest.mark.filterwarnings("ignore")  # Optuna's, of its own old names
def test_optuna_with_a_run_that_failed_ends_in_the_table_and_exit_code_1(command: Command, fakes: Fakes) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="not installed: pip install 'bnexp[optuna]'")
    optuna = ["-m", "hydra/sweeper=optuna", "hydra.sweeper.n_jobs=4"]
    for rates, asked in ((f"0.1,{FAILS}", {0.1, FAILS}), (f"{FAILS},{FAILS}", {FAILS})):
        fakes.sweeps.clear()
        ended = command(*optuna, f"lr=choice({rates})", "hydra.sweeper.sampler.seed=1", "hydra.sweeper.n_trials=8")
        assert {run.lr for sweep in fakes.sweeps for run in sweep.runs} == asked
        assert ended.code == 1
        assert "table of" in ended.out
        assert "runs could not be trained" in ended.err.splitlines()[-1]


def test_two_dictionaries_for_one_node_are_merged_alone_and_refused_in_a_sweep(command: Command, fakes: Fakes) -> None:
    words = ["norm={eps:0.25}", "norm={momentum:0.5}"]
    assert command(*words, "placement=pre").code == 0
    run = fakes.sweeps[0].runs[0]
    assert (run.norm_eps, run.norm_momentum) == (0.25, 0.5)
    assert command("-m", *words).err.startswith("bnexp: a key must be given one dictionary in a sweep; got norm={eps")
    assert len(fakes.sweeps) == 1


def test_a_swept_group_whose_file_has_values_to_sweep_over_is_refused(
    command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    (tmp_path / "optimizer").mkdir()
    content = "# @package _global_\ndefaults: [/optimizer/sgd]\nhydra: {sweeper: {params: {seed: '0,1'}}}\n"
    (tmp_path / "optimizer" / "mine.yaml").write_text(content.replace("/optimizer/sgd", "/optimizer/sgd@optimizer"))
    assert command("-m", "--config-dir", ".", "optimizer=mine").code == 0
    assert [run.seed for run in fakes.sweeps[0].runs] == [0, 1]
    ended = command("-m", "--config-dir", ".", "optimizer=mine,sgd")
    assert ended.code == 2
    assert ended.err.startswith("bnexp: a file of a group that is swept over must not have hydra.sweeper.params")
    assert len(fakes.sweeps) == 1


def test_no_pickle_is_read(command: Command, tmp_path: Path) -> None:
    (tmp_path / "config.pickle").write_bytes(b"cos\nsystem\n(S'touch evil'\ntR.")
    ended = command("--experimental-rerun", "config.pickle")
    assert (ended.code, ended.err) == (2, f"bnexp: {PICKLE}\n")
    assert not (tmp_path / "evil").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["ls"], ["--cfg", "job"], ["ls", "--help"]])
def test_a_full_disk_behind_standard_output_is_one_sentence(words: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "bnexp", *words],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=full, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr == (
        "bnexp: standard output must be a place that can be written to; got 'No space left on device': what was stored "
        "is whole, and the same command goes on from there\n"
    )


HEARS: Final = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""Python ignores interrupts where the shell that started the tests does, as behind `&` in a script."""


@pytest.mark.parametrize("seconds", [0.15, 0.3, 0.6])
def test_an_interrupt_while_it_loads_is_one_sentence_with_the_command_that_goes_on(
    seconds: float, tmp_path: Path
) -> None:
    words = ["data=digits", "steps=20000", "name=a b"]  # so few that nothing is left running where it is not heard
    script = (
        f"{HEARS}import bnexp.__main__ as m; print('up', flush=True); import sys; sys.argv[1:] = {words!r}; "
        "sys.exit(m.main())"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", script, *words],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert started.stdout is not None
    assert started.stdout.readline() == "up\n"
    time.sleep(seconds)
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert err == "bnexp: interrupted; start it again with: bnexp data=digits steps=20000 'name=a b'\n"
    assert started.returncode in (130, -signal.SIGINT)  # which a shell calls 130, too


LOSES_AN_INTERRUPT = f"""{HEARS}
import os, signal, sys, time
import bnexp.__main__ as m, bnexp.cli.main as c

class Lock:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)

def run():
    Lock()
    time.sleep(30)
    return 0

c.main = run
sys.exit(m.main())
"""


def test_an_interrupt_that_python_can_only_print_is_heard_all_the_same(tmp_path: Path) -> None:
    began = time.monotonic()
    ended = process("-c", LOSES_AN_INTERRUPT, cwd=tmp_path)
    assert ended.returncode == 130
    assert ended.stderr == "bnexp: interrupted; start it again with: bnexp\n"
    assert time.monotonic() - began < 25


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_locale_that_lacks_a_sign_gets_a_question_mark(encoding: str, tmp_path: Path) -> None:
    ended = process("-m", "bnexp", "lr=→", "data=digits", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("bnexp: an argument must be KEY=VALUE")
    assert "lr=?" in ended.stderr
    assert process("-m", "bnexp", "ls", cwd=tmp_path, PYTHONIOENCODING=encoding).returncode == 0


def test_an_interrupt_of_which_a_library_makes_another_error_is_told_as_one(tmp_path: Path) -> None:
    script = (
        f"{HEARS}import os, signal, sys, bnexp.__main__ as m, bnexp.cli.main as trunk\n"
        "def loads():\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGINT)\n        [None for _ in range(10**6)]\n"
        "    except KeyboardInterrupt:\n        raise ImportError('partially initialized') from None\n"
        "trunk.main = loads\n"
        "sys.argv[1:] = ['lr=1']\n"
        "sys.exit(m.main())\n"
    )
    ended = process("-c", script, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (130, "bnexp: interrupted; start it again with: bnexp lr=1\n")
