"""Workers: they train what this process would, and what happens when one dies, is refused, or has to stop."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import pandas as pd
import pytest
import torch

from bnexp.errors import UserError
from bnexp.runs import identity
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.sweeps import process_pool
from bnexp.sweeps.process_pool import ProcessPool
from bnexp.sweeps.progress import Display
from bnexp.sweeps.protocol import Extras, Kind
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.assignments import assign
from tests.support.lanes import small_data, small_run

RUNS = [small_run(lr=lr, seed=s, dtype="float32") for s in range(2) for lr in (0.1, 0.2, 1e30)]


def swept(runs, path, workers, lanes=2, **settings):
    settings = {"save_weights": False, "record": SweepRecord(command="bnexp -m …"), **settings}
    return train_sweep(runs, [small_data()], Store(path), resources=Resources("cpu", workers, lanes), **settings)


def test_workers_train_what_this_process_would_bit_for_bit(tmp_path):
    torch.set_num_threads(1)
    here, there = (swept(RUNS, tmp_path / str(n), n, save_weights=True) for n in (0, 2))
    # A plan for two workers cuts packs differently: this one was made for one.
    alone = swept(RUNS, tmp_path / "alone", 1, save_weights=True)
    pd.testing.assert_frame_equal(alone.drop(columns="seconds"), here.drop(columns="seconds"))
    curves = Store(tmp_path / "alone").curves
    pd.testing.assert_frame_equal(curves, Store(tmp_path / "0").curves)
    assert list(there["status"]) == list(here["status"]) == ["done", "done", "diverged"] * 2
    assert there["validation_loss"].tolist() == pytest.approx(here["validation_loss"].tolist(), rel=1e-3, nan_ok=True)
    for n in ("0", "2", "alone"):
        assert len(list((tmp_path / n / "weights").iterdir())) == 4
        assert not (tmp_path / n / "logs").exists()
        assert not list((tmp_path / n).rglob(".*"))


def _processes_of(monkeypatch):
    """Every worker that a pool starts from now on."""
    started = []
    real = subprocess.Popen

    def popen(*arguments, **settings):
        process = real(*arguments, **settings)
        if "pass_fds" in settings:  # git is asked for the commit, too
            started.append(process)
        return process

    monkeypatch.setattr(process_pool.subprocess, "Popen", popen)
    return started


def test_a_killed_worker_costs_its_pack_one_retry_as_halves_and_then_its_runs_are_failed(tmp_path, monkeypatch, capfd):
    started = _processes_of(monkeypatch)
    runs = [small_run(lr=0.1 + i / 100, steps=1000, evaluate=1000, dtype="float32") for i in range(4)]
    victims = {"first": None, "half": None}

    def show(_display, assignment, event):
        """Kill the worker at the first point of the first pack, and again at that of its first half."""
        kind = "half" if assignment.name.endswith("1of2") else "first" if not assignment.retried else "other"
        if event.kind is Kind.point and kind in victims and victims[kind] is None:
            victims[kind] = assignment
            started[-1].kill()

    monkeypatch.setattr(Display, "show", show)
    others = [small_run(seed=s, dtype="float32") for s in range(2)]
    rows = swept([*runs, *others], tmp_path, 1, lanes=4)
    assert len(started) == 3
    failed = {identity(run, "0" * 64) for run in victims["half"].pack.runs}
    assert len(failed) == 2
    assert (rows["status"] == "failed").tolist() == rows["run"].isin(failed).tolist()
    assert set(rows.loc[:3, "pack"]) == {f"{victims['first'].name}-{n}of2" for n in (1, 2)}
    said = capfd.readouterr().err
    assert "4 runs could not be trained and are tried again as two packs: its process was killed (signal 9" in said
    assert "2 runs failed twice: its process was killed (signal 9" in said
    assert f"pack {victims['half'].name} failed: its process was killed" in Store(tmp_path).log_path.read_text()
    monkeypatch.undo()
    assert (swept([*runs, *others], tmp_path, 0)["status"] == "done").all()


def test_a_worker_that_is_refused_says_why_and_no_process_stays(tmp_path, monkeypatch):
    started = _processes_of(monkeypatch)
    device = "cuda" if not torch.cuda.is_available() else "cpu"
    if device == "cpu":
        pytest.skip("there is a GPU")
    with ProcessPool(Store(tmp_path), device, Extras(), 0) as pool:
        pool.resize(1)
        pool.share([])
        with pytest.raises(UserError, match="device=cuda needs a GPU that torch can see; found none"):
            pool.describe()
    assert [process.poll() is not None for process in started] == [True]


def test_a_store_that_a_worker_cannot_write_to_ends_the_sweep_with_the_reason(tmp_path, monkeypatch):
    started = _processes_of(monkeypatch)
    (tmp_path / "curves").touch()  # a file where a folder must be
    with pytest.raises(UserError, match="curves must be a folder that can be written to; got 'File exists'"):
        swept(RUNS[:1], tmp_path, 1)
    assert all(process.poll() is not None for process in started)


def test_a_worker_that_cannot_start_is_told_and_its_words_are_in_the_log(tmp_path, monkeypatch):
    real = subprocess.Popen

    words = [sys.executable, "-c", "raise SystemError('no wheels')"]
    monkeypatch.setattr(process_pool.subprocess, "Popen", lambda _, **settings: real(words, **settings))
    with pytest.raises(
        UserError, match=r"a worker could not start: its process ended with exit code 1; .*log says why"
    ):
        swept(RUNS[:1], tmp_path, 1)
    assert "no wheels" in Store(tmp_path).log_path.read_text()


def test_a_second_interrupt_kills_workers_that_take_their_time(tmp_path, monkeypatch):
    started = _processes_of(monkeypatch)
    real = process_pool.subprocess.Popen
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        """print('{"kind": "ready", "text": "cpu"}', flush=True); time.sleep(99)"""
    )
    words = [sys.executable, "-c", stubborn]
    monkeypatch.setattr(process_pool.subprocess, "Popen", lambda _, **settings: real(words, **settings))
    pool = ProcessPool(Store(tmp_path), "cpu", Extras(), 0)

    def interrupt(_seconds):
        raise KeyboardInterrupt

    def interrupted():
        with pool:
            pool.resize(1)
            pool.describe()
            pool._workers[0].assignment = assign("a pack", RUNS)
            monkeypatch.setattr(process_pool.time, "sleep", interrupt)
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - began < process_pool.PATIENCE
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_workers_that_turn_out_to_be_too_many_are_stopped_and_not_replaced(tmp_path, monkeypatch):
    started = _processes_of(monkeypatch)
    with ProcessPool(Store(tmp_path), "cpu", Extras(), 1) as pool:
        pool.resize(3)
        pool.share([small_data()])
        pool.resize(1)
        assert pool.describe() == "cpu"
        assert [process.poll() is None for process in started] == [True, False, False]
        kinds = [event.kind for _, event in pool.train(deque([assign("one", RUNS[:1]), assign("two", RUNS[1:2])]))]
    assert kinds.count(Kind.stored) == 2
    assert len(started) == 3


def test_the_first_workers_to_start_are_no_more_than_there_are_runs():
    counts = [Resources("cpu", workers).first_workers(runs) for runs, workers in ((1, 8), (3, 8), (100, 8), (100, 2))]
    assert counts == [1, 3, 4, 2]


def test_a_run_in_a_process_leaves_no_process_behind_when_it_is_killed(tmp_path):
    """Workers end by themselves when nobody hears them any more."""
    words = ["data=digits", "hidden=[8]", "epochs=3000", "evaluate=100", "device=cpu", "workers=1", "engine.lanes=2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bnexp", "-m", *words, "seed=0,1", "report=false"],
        cwd=tmp_path, env=_environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == "bnexp: training 2 runs in 1 pack\n"
    children = _children(process.pid)
    assert children
    before = _written(children)
    _wait_until(lambda: _written(children) > before)  # it trains: its first point has come
    process.kill()
    process.communicate()
    _wait_until(lambda: not any(map(_runs, children)))


def _wait_until(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def _written(pids):
    """What processes have written to whoever hears them, in bytes."""
    return sum(int(Path(f"/proc/{pid}/io").read_text().split("wchar: ")[1].split()[0]) for pid in pids)


def _environment():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"}


def _children(pid):
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _runs(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
