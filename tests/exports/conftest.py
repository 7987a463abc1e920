"""A small store with what a store can hold: arms and seeds, two depths, a diverged run, a failed one, and probes."""

import shutil
from pathlib import Path

import pytest

from bnexp.choices import Probes
from bnexp.runs import Run, identity
from bnexp.store.records import SweepRecord
from bnexp.store.rows import failure_rows, origin_columns
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.lanes import CLASSES, pack_of, small_data, small_run

DATA = small_data()
TRAINED = [
    small_run(placement=placement, seed=seed, hidden=hidden)
    for placement in ("none", "pre")
    for hidden in ((11, 8), (5,))
    for seed in (0, 1)
]
DIVERGED = small_run(lr=1e200)
FAILED = small_run(seed=9)
CREATED = "2026-01-02 03:04:05+00:00"
START = 1767323045.0
"""`CREATED` in seconds since 1970."""


def id_of(run: Run) -> str:
    return identity(run, DATA.digest)


def train(store: Store, runs: list[Run], probes: Probes = Probes.full) -> None:
    resources, record = Resources("cpu", workers=0, lanes=64), SweepRecord(created=CREATED)
    train_sweep(runs, [DATA], store, resources=resources, save_weights=False, record=record, probes=probes)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("exports") / "demo")
    train(store, [*TRAINED, DIVERGED])
    rows = failure_rows(pack_of([FAILED]), [id_of(FAILED)])
    store.write_failure("p", rows.assign(**origin_columns("p", 1, CLASSES, "cpu")))
    return store.path


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> Store:
    """A copy of the store, in a folder named demo."""
    return Store(shutil.copytree(trained, tmp_path / "demo"))
