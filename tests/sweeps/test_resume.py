"""A sweep that is killed and repeated gives the store of one that was not: contract 4, with the command itself.

`make test-slow` kills twenty times, the fast suite once.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bnexp.store.store import Store

ROOT = Path(__file__).resolve().parents[2]
WORDS = [
    *("-m", "data=digits", "placement=none,pre,post", "lr=0.1,0.3", "hidden=[32]", "device=cpu"),
    *("engine.lanes=3", "report=false", "name=x"),
]


def start(folder, *words, workers=2):
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "bnexp", *WORDS, f"workers={workers}", *words],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def finish(folder, *words):
    with start(folder, *words) as process:
        said, wrong = process.communicate(timeout=300)
    assert process.returncode == 0, (said, wrong)
    return wrong


def content(folder):
    """Runs, curves and layers in an order of their own; the time a run took is the only thing that may differ."""
    store = Store(folder / "outputs" / "x")
    curves = store.curves.sort_values(["run", "step"], ignore_index=True)
    layers = store.layers.sort_values(["run", "step", "layer"], ignore_index=True)
    return store.runs.drop(columns="seconds").sort_values("run", ignore_index=True), curves, layers


def stored(folder):
    return len(list((folder / "outputs" / "x" / "runs").glob("[!.]*.parquet")))  # not what is still being written


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def children(pid):
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill_and_count(folder, rng, packs, *words):
    """Start the sweep, kill it after some packs and a while (sometimes with its workers); return what is stored."""
    process = start(folder, *words)
    enough = rng.integers(packs, size=2).max()  # few rounds find nothing stored
    wait_for(lambda: stored(folder) >= enough and children(process.pid))
    time.sleep(rng.uniform(0, 1))
    workers = children(process.pid) if rng.random() < 0.5 else []
    for pid in (process.pid, *workers):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    return len(Store(folder / "outputs" / "x").runs) if stored(folder) else 0


def assert_resumes(folder, whole, rng, *words):
    packs = len(set(whole[0]["pack"]))
    found = kill_and_count(folder, rng, packs, *words)
    said = finish(folder, *words)
    for resumed, uninterrupted in zip(content(folder), whole, strict=True):
        pd.testing.assert_frame_equal(resumed, uninterrupted, check_exact=True)
    asked = len(whole[0])
    if 0 < found < asked:
        stored_now = int(said.partition(" runs asked, ")[2].partition(" stored")[0])
        assert found <= stored_now < asked  # workers of a killed sweep may finish the pack they are writing
    return found


def test_a_killed_sweep_that_is_repeated_gives_the_store_of_one_that_was_not(tmp_path):
    words = ["seed=0,1,2", "epochs=20"]
    finish(tmp_path / "whole", *words)
    whole = content(tmp_path / "whole")
    assert whole[0]["pack"].nunique() == 6
    assert set(whole[2]["run"]) == set(whole[0]["run"])
    assert_resumes(tmp_path / "killed", whole, np.random.default_rng(4), *words)
    plans = [json.loads(p.read_text())["packs"] for p in sorted((tmp_path / "killed/outputs/x/sweeps").iterdir())]
    assert set(plans[-1]) <= set(plans[0])


@pytest.mark.slow
def test_twenty_killed_sweeps_that_are_repeated_give_the_store_of_one_that_was_not(tmp_path):
    words, rng = ["seed=range(6)", "epochs=60"], np.random.default_rng()
    finish(tmp_path / "whole", *words)
    whole = content(tmp_path / "whole")
    asked = len(whole[0])
    found = [assert_resumes(tmp_path / str(number), whole, rng, *words) for number in range(20)]
    print(f"\nstored of {asked} when killed: {found}")
    assert sum(0 < count < asked for count in found) >= 15


def test_two_sweeps_into_one_store_at_once_both_finish_and_store_each_run_once(tmp_path):
    sweeps = [start(tmp_path, "epochs=10", f"seed={seeds}", workers=0) for seeds in ("0,1,2", "2,3")]
    ended = [process.communicate(timeout=120) for process in sweeps]
    assert [process.returncode for process in sweeps] == [0, 0], ended
    runs, curves, layers = content(tmp_path)
    assert len(runs) == 6 * 4
    assert runs["run"].is_unique
    assert (runs["status"] == "done").all()
    assert not curves.duplicated(["run", "step"]).any()
    assert set(curves["run"]) == set(runs["run"])
    assert not layers.duplicated(["run", "step", "layer"]).any()
    assert set(layers["run"]) == set(runs["run"])


def test_ctrl_c_stops_within_seconds_keeps_what_is_whole_and_prints_the_command_that_resumes(tmp_path):
    process = start(tmp_path, "seed=range(4)", "epochs=100")
    wait_for(lambda: stored(tmp_path) >= 1)
    workers = children(process.pid)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said, wrong = process.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert (process.returncode, said) == (130, "")
    assert "bnexp: interrupted; start it again with: bnexp -m data=digits" in wrong
    assert wrong.endswith(" 'seed=range(4)' epochs=100\n")
    assert wrong.startswith("bnexp: training 24 runs in 8 packs\n")
    assert wrong.count("\n") == 2
    assert workers
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    runs = Store(tmp_path / "outputs" / "x").runs
    assert 3 <= len(runs) < 24
    assert not list((tmp_path / "outputs").rglob(".*"))
