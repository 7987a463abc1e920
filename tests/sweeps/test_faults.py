"""Full disks, rivals and kills: one sentence, the right exit code, and in the end the store of a sweep without them.

`make test-faults` does it often: $BNEXP_TEST_KILLS kills, a hundred unless it says otherwise.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bnexp.errors import UserError
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.lanes import DEVICE, small_data, small_run
from tests.sweeps.test_resume import ROOT, children, content, finish, start, stored, wait_for

KILLS = int(os.environ.get("BNEXP_TEST_KILLS", "100"))
SMALL = ["seed=range(4)", "epochs=10"]
KILLED = ["seed=range(3)", "epochs=20"]


def assert_equal(one, other):
    for ours, theirs in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def bnexp(folder, *words, out="/dev/null"):
    with Path(out).open("wb") as stream:
        return subprocess.run(
            [sys.executable, "-m", "bnexp", *words], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=stream, stderr=subprocess.PIPE, encoding="utf-8", check=False,
        )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_what_cannot_be_printed_is_one_sentence_and_the_runs_are_stored(tmp_path):
    sweep = ["-m", "data=digits", "steps=40", "hidden=[8]", "seed=0,1", "name=x", "engine.lanes=2", "workers=0"]
    sweep.append("report=false")
    for words in (sweep, ["--version"], ["--help"]):
        ended = bnexp(tmp_path, *words, out="/dev/full")
        assert ended.returncode == 2
        last = ended.stderr.splitlines()[-1]
        assert last.startswith("bnexp: standard output must be a place that can be written to; got 'No space left")
        assert "Traceback" not in ended.stderr
        assert "Exception ignored" not in ended.stderr
    assert len(Store(tmp_path / "outputs" / "x").runs) == 2


@pytest.fixture
def small_disk(tmp_path):
    """Call it with a number of KiB: a disk of that size, which the next call makes larger or smaller."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(*options):
        return (
            subprocess.run(
                [shutil.which("mount") or "/bin/mount", *options, str(disk)], capture_output=True, check=False
            ).returncode
            == 0
        )

    if not mount("-t", "tmpfs", "-o", "size=1m", "tmpfs"):
        pytest.skip("a disk of a chosen size is a tmpfs, which only root can mount")

    def resize(kib):
        assert mount("-o", f"remount,size={kib}k")
        return disk

    yield resize
    subprocess.run([shutil.which("umount") or "/bin/umount", "--lazy", str(disk)], check=True)


def sweep_here(folder):
    """Train four packs in this process, which takes a fifth of a second, as a sweep without workers does."""
    runs = [small_run(seed=seed, lr=lr, dtype="float32") for seed in range(4) for lr in (0.1, 0.2)]
    resources = Resources(DEVICE, workers=0, lanes=2)
    store = Store(folder / "outputs" / "x")
    train_sweep(
        runs, [small_data()], store, resources=resources, save_weights=True, record=SweepRecord(), probes="basic"
    )


def kib_of(folder):
    return sum(-(-path.stat().st_size // 4096) * 4 for path in folder.rglob("*") if path.is_file())


@pytest.mark.faults
def test_a_disk_that_is_full_anywhere_in_a_sweep_leaves_what_is_whole_and_with_room_the_sweep_ends(
    tmp_path, small_disk
):
    sweep_here(tmp_path / "whole")
    whole, taken, sentences = content(tmp_path / "whole"), kib_of(tmp_path / "whole"), []
    for kib in range(4, taken + 64, max(4, taken // 40)):
        disk = small_disk(kib)
        try:
            sweep_here(disk)
            sentences.append("")
        except UserError as error:
            sentences.append(str(error))
            assert "got 'No space left on device'" in sentences[-1]
        assert not [path for path in disk.rglob(".*") if path.is_file()]
        disk = small_disk(4 * taken)
        sweep_here(disk)
        assert_equal(content(disk), whole)
        shutil.rmtree(disk / "outputs")
    print(f"\n{sum(map(bool, sentences))} of {len(sentences)} disks from 4 KiB to {kib} KiB were full")
    assert "" in sentences
    assert sum(map(bool, sentences)) > 10


@pytest.mark.faults
@pytest.mark.parametrize("part", [0.1, 0.6])
def test_a_command_on_a_disk_that_is_full_ends_in_one_sentence_and_with_room_it_goes_on(part, tmp_path, small_disk):
    finish(tmp_path / "whole", *SMALL)
    disk = small_disk(int(part * kib_of(tmp_path / "whole")))
    process = start(disk, *SMALL)
    said, wrong = process.communicate(timeout=300)
    assert process.returncode == 2, (said, wrong)
    assert "got 'No space left on device'" in wrong.splitlines()[-1]
    assert "Traceback" not in wrong
    disk = small_disk(16 * kib_of(tmp_path / "whole"))
    finish(disk, *SMALL)
    assert_equal(content(disk), content(tmp_path / "whole"))


@pytest.mark.faults
def test_two_controllers_of_the_same_sweep_one_of_which_is_killed_give_the_store_of_one(tmp_path):
    finish(tmp_path / "whole", *SMALL)
    whole, rng = content(tmp_path / "whole"), np.random.default_rng()
    for number in range(max(2, KILLS // 25)):
        folder = tmp_path / str(number)
        first, second = start(folder, *SMALL), start(folder, *SMALL)
        if number % 2:
            wait_for(lambda folder=folder, first=first: stored(folder) or first.poll() is not None, 300)
            time.sleep(rng.uniform(0, 0.5))
            first.kill()
        ended = second.communicate(timeout=300), first.communicate(timeout=300)
        assert second.returncode == 0, ended
        assert first.returncode in (0, -9), ended
        runs, curves, layers = content(folder)
        assert runs["run"].is_unique
        assert sorted(runs["run"]) == sorted(whole[0]["run"])
        assert not curves.duplicated(["run", "step"]).any()
        assert not layers.duplicated(["run", "step", "layer"]).any()
        finish(folder, *SMALL)
        assert len(content(folder)[0]) == len(whole[0])


def kill_soon(folder, rng):
    """Start the sweep and kill it while it starts or when more is stored, half the time with its workers.

    Return whether it was still running.
    """
    enough = stored(folder) + rng.integers(3)
    process, delay = start(folder, *KILLED), rng.uniform(0, 0.3)
    wait_for(lambda: (stored(folder) >= enough and children(process.pid)) or process.poll() is not None, 300)
    time.sleep(delay)
    workers = children(process.pid) if rng.random() < 0.5 else []
    for pid in (process.pid, *workers):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.mark.faults
def test_a_hundred_kills_of_sweeps_that_are_repeated_give_the_stores_of_sweeps_that_were_not(tmp_path):
    """A sweep is killed, and its repetition, and so on until all is stored: a kill costs the start of one command."""
    finish(tmp_path / "whole", *KILLED)
    whole, rng, counts, sweeps = content(tmp_path / "whole"), np.random.default_rng(), [], 0
    packs = stored(tmp_path / "whole")
    while len(counts) < KILLS:
        folder, sweeps = tmp_path / str(sweeps), sweeps + 1
        folder.mkdir()
        while len(counts) < KILLS and stored(folder) < packs and kill_soon(folder, rng):
            counts.append(stored(folder))
            print(end=f" {counts[-1]}", flush=True)
        kept = {path: path.read_bytes() for path in (folder / "outputs/x/runs").glob("[!.]*.parquet")}
        finish(folder, *KILLED)
        assert_equal(content(folder), whole)
        assert all(path.read_bytes() == before for path, before in kept.items())
        shutil.rmtree(folder)
        print(end=";", flush=True)
    print(f"\n{len(counts)} kills of {sweeps} sweeps; packs of {packs} that were stored then: above")
    assert sum(0 < count < packs for count in counts) >= KILLS / 3
