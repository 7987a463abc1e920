"""Full disks, rivals and kills: one sentence, the right exit code, and in the end the store of a sweep without them.

`make test-faults` does it often: $BNEXP_TEST_KILLS kills, a hundred unless it says otherwise.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bnexp.store.store import Store
from tests.sweeps.test_resume import ROOT, assert_resumes, content, finish, start

KILLS = int(os.environ.get("BNEXP_TEST_KILLS", "100"))
SMALL = ["seed=range(4)", "epochs=10"]


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
    sweep = ["-m", "data=digits", "steps=40", "hidden=[8]", "seed=0,1", "name=x", "engine.lanes=2", "report=false"]
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


@pytest.mark.faults
def test_a_disk_that_is_full_anywhere_in_a_sweep_leaves_what_is_whole_and_with_room_the_sweep_ends(
    tmp_path, small_disk
):
    finish(tmp_path / "whole", *SMALL)
    whole, ends = content(tmp_path / "whole"), []
    taken = sum(path.stat().st_size for path in (tmp_path / "whole").rglob("*") if path.is_file()) // 1024
    for kib in range(8, taken + 200, max(8, taken // 12)):
        disk = small_disk(kib)
        process = start(disk, *SMALL)
        said, wrong = process.communicate(timeout=120)
        ends.append(process.returncode)
        assert process.returncode in (0, 2), (said, wrong)
        if process.returncode == 2:
            assert "got 'No space left on device'" in wrong.splitlines()[-1]
        assert "Traceback" not in wrong
        assert not [path for path in disk.rglob(".*") if path.is_file()]
        disk = small_disk(16 * taken + 1024)
        finish(disk, *SMALL)
        assert_equal(content(disk), whole)
        shutil.rmtree(disk / "outputs")
    print(f"\nends on disks from 8 KiB on: {ends}")
    assert {0, 2} == set(ends)


@pytest.mark.faults
def test_two_controllers_of_the_same_sweep_one_of_which_is_killed_give_the_store_of_one(tmp_path):
    finish(tmp_path / "whole", *SMALL)
    whole, rng = content(tmp_path / "whole"), np.random.default_rng()
    for number in range(max(1, KILLS // 10)):
        folder = tmp_path / str(number)
        first, second = start(folder, *SMALL), start(folder, *SMALL)
        if number % 2:
            time.sleep(rng.uniform(2, 8))
            first.kill()
        ended = second.communicate(timeout=120), first.communicate(timeout=120)
        assert second.returncode == 0, ended
        assert first.returncode in (0, -9), ended
        runs, curves, layers = content(folder)
        assert runs["run"].is_unique
        assert sorted(runs["run"]) == sorted(whole[0]["run"])
        assert not curves.duplicated(["run", "step"]).any()
        assert not layers.duplicated(["run", "step", "layer"]).any()
        finish(folder, *SMALL)
        assert len(content(folder)[0]) == len(whole[0])


@pytest.mark.faults
def test_a_hundred_killed_sweeps_that_are_repeated_give_the_store_of_one_that_was_not(tmp_path):
    words, rng = ["seed=range(6)", "epochs=30"], np.random.default_rng()
    finish(tmp_path / "whole", *words)
    whole = content(tmp_path / "whole")
    counts = []
    for number in range(KILLS):
        counts.append(assert_resumes(tmp_path / str(number), whole, rng, *words))
        shutil.rmtree(tmp_path / str(number))
    print(f"\nstored of {len(whole[0])} when killed: {counts}")
    assert sum(0 < count < len(whole[0]) for count in counts) >= KILLS / 2
