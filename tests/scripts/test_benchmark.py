"""The benchmark: its table has every peer in it, and every peer learns. How fast they are is no test's business."""

import csv
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT

sys.path.append(str(ROOT / "scripts"))
from benchmarks import peers

PEERS = {"plain eager loop", "bnexp", "DataLoader loop", "torch.func.vmap", "JAX vmap + scan", "torch.mm, the limit"}


@pytest.mark.slow
def test_the_table_of_the_benchmark_has_a_row_for_every_peer(tmp_path: Path) -> None:
    words = ["--quick", "--only", "steps", "--rounds", "1", "--out", str(tmp_path)]
    subprocess.run([sys.executable, ROOT / "scripts" / "benchmark_sweep.py", *words], check=True, timeout=300)
    with (tmp_path / "benchmark.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["what"] for row in rows} == PEERS
    for row in rows:
        if not row["how"].startswith("not installed"):
            assert all(0 < float(row[name]) < math.inf for name in ("median", "min", "ratio", "of torch.mm"))
    assert len((tmp_path / "benchmark.md").read_text().strip().splitlines()) == 2 + 2 + len(rows)


@pytest.mark.parametrize("peer", ["eager", "loader", "stacked", "jax"])
def test_every_peer_learns_its_examples_by_heart(peer: str) -> None:
    data = peers.examples(None, train=1200, evaluated=60)
    match peer:
        case "eager":
            trainer = peers.eager(data)
        case "loader":
            trainer = peers.loader(data)
        case "stacked":
            trainer = peers.stacked(data, runs=2)
        case "jax":
            pytest.importorskip("jax")
            from benchmarks import peer_jax

            trainer = peer_jax.scanned(data, runs=2)
    first = trainer.epoch()
    for _ in range(20):
        last = trainer.epoch()
    before, after = (np.mean([loss for loss, _ in curve[: peers.POINTS]]) for curve in (first, last))
    assert after < before / 2


def test_the_benchmark_of_the_report_times_every_part(tmp_path: Path) -> None:
    words = ["--runs", "168", "--points", "5", "--store", str(tmp_path / "store")]
    command = [sys.executable, ROOT / "scripts" / "benchmark_report.py", *words]
    printed = subprocess.run(command, check=True, timeout=300, capture_output=True, text=True).stdout
    assert "168 runs, " in printed
    for part in ("reading curves", "effects", "fixed effects", "curves over seeds", "speed", "verdicts", "peak memory"):
        assert f"\n{part}" in printed
