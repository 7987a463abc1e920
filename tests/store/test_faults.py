"""What lies in a store that is not as bnexp left it: files that cannot be read now, and files that are not ours."""

import errno
import os
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bnexp.errors import UserError
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.lanes import DEVICE, small_data, small_run

ASKED = [small_run(seed=seed, dtype="float32") for seed in range(2)]
NOT_NOW = [errno.EACCES, errno.ESTALE, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOTCONN, errno.ETIMEDOUT]


def sweep(store):
    sweep = {"resources": Resources(DEVICE, workers=0, lanes=1), "save_weights": True, "record": SweepRecord()}
    return train_sweep(ASKED, [small_data()], store, **sweep, probes="basic")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store of two packs, which no test writes to."""
    path = tmp_path_factory.mktemp("whole") / "store"
    sweep(Store(path))
    return path


@pytest.fixture
def store(whole, tmp_path):
    return Store(shutil.copytree(whole, tmp_path / "store"))


def files_of(store):
    """Path and content of every file but the log and the records of sweeps, of which each sweep writes one."""
    paths = [path for path in store.path.rglob("*") if path.is_file() and path.parent.name not in ("sweeps", "logs")]
    return {path.relative_to(store.path): path.read_bytes() for path in paths}


def refuse(monkeypatch, kind, code):
    """Let pyarrow and Python refuse to open the files in a folder: for root, permissions do not bite."""
    real_parquet, real_schema, real_open = pq.ParquetFile, pq.read_schema, Path.open

    def checked(real):
        def opened(path, *words, **settings):
            if Path(path).parent.name == kind:
                raise OSError(code, f"Failed to open local file '{path}'. Detail: {os.strerror(code)}")
            return real(path, *words, **settings)

        return opened

    monkeypatch.setattr(pq, "ParquetFile", checked(real_parquet))
    monkeypatch.setattr(pq, "read_schema", checked(real_schema))
    monkeypatch.setattr(Path, "open", checked(real_open))


@pytest.mark.parametrize("kind", ["runs", "curves", "layers", "sweeps"])
@pytest.mark.parametrize("code", NOT_NOW, ids=errno.errorcode.get)
def test_a_file_that_cannot_be_read_now_is_one_sentence_and_nothing_is_moved_or_trained(store, monkeypatch, code, kind):
    before = files_of(store)
    (store.path / "weights").rename(store.path / "elsewhere")  # so that there would be something to train
    with monkeypatch.context() as patch:
        refuse(patch, kind, code)
        with pytest.raises(UserError, match=rf"must be .*read.*; got '{os.strerror(code)}': nothing was changed") as e:
            sweep(store)
    assert "\n" not in str(e.value)
    (store.path / "elsewhere").rename(store.path / "weights")
    assert files_of(store) == before
    assert not (store.path / "broken").exists()


@pytest.mark.parametrize("kind", ["runs", "sweeps"])
def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(store, monkeypatch, kind):
    def refusing(real):
        def listed(path):
            if Path(path).name == kind:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return real(path)

        return listed

    before = files_of(store)
    (store.path / "weights").rename(store.path / "elsewhere")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", refusing(Path.iterdir))
        patch.setattr(os, "scandir", refusing(os.scandir))  # of which `glob` makes an empty folder
        with pytest.raises(UserError, match=f"{kind} must be readable; got 'Permission denied': nothing was changed"):
            sweep(store)
    (store.path / "elsewhere").rename(store.path / "weights")
    assert files_of(store) == before


def test_memory_that_is_short_is_no_damage(store, monkeypatch):
    def refused(*_):
        raise pa.ArrowMemoryError("malloc of size 64 failed")

    monkeypatch.setattr(pq, "ParquetFile", refused)
    with pytest.raises(UserError, match="there must be memory to read"):
        store.set_aside_broken()
    assert not (store.path / "broken").exists()


def test_a_pack_that_another_sweep_sets_aside_meanwhile_is_not_broken(store, monkeypatch):
    gone = sorted((store.path / "runs").iterdir())[0]
    real = pq.ParquetFile

    def raced(path, *words, **settings):
        gone.unlink(missing_ok=True)
        return real(path, *words, **settings)

    monkeypatch.setattr(pq, "ParquetFile", raced)
    assert store.set_aside_broken() == []
    assert not (store.path / "broken").exists()


def test_a_link_that_leads_nowhere_is_a_disk_that_is_away_and_no_missing_part(store, tmp_path):
    (store.path / "curves").rename(tmp_path / "disk")
    (store.path / "curves").symlink_to(tmp_path / "disk")
    before = files_of(store)
    assert len(sweep(store)) == len(ASKED)
    (tmp_path / "disk").rename(tmp_path / "away")
    with pytest.raises(UserError, match=r"curves must lead to a folder; got a link to .*disk, which is not there"):
        sweep(store)
    (tmp_path / "away").rename(tmp_path / "disk")
    assert files_of(store) == before


@pytest.mark.parametrize("kind", ["curves", "layers"])
def test_a_pack_with_a_missing_part_is_broken_all_of_it_is_set_aside_and_trained_again(store, kind):
    before = store.runs
    sorted((store.path / kind).iterdir())[0].unlink()
    sweep(store)
    assert len(list((store.path / "broken").iterdir())) == 2
    pd.testing.assert_frame_equal(store.runs.drop(columns="seconds"), before.drop(columns="seconds"))


@pytest.mark.parametrize("kind", ["runs", "curves", "layers"])
def test_a_folder_where_a_file_belongs_is_set_aside_with_what_is_in_it_as_often_as_it_comes(store, kind):
    before = store.runs
    path = sorted((store.path / kind).iterdir())[0]
    for number in range(2):
        path.unlink()
        path.mkdir()
        (path / "mine").write_text(f"mine {number}")
        sweep(store)
        pd.testing.assert_frame_equal(store.runs.drop(columns="seconds"), before.drop(columns="seconds"))
    kept = (store.path / "broken").rglob("mine")
    assert {file.read_text() for file in kept} == {"mine 0", "mine 1"}


def spoil(store):
    """Leave what desktops, editors and people leave, in every folder of the store; return all that was left."""
    left = []
    for folder in (store.path, *(store.path / kind for kind in ("runs", "curves", "layers", "sweeps", "weights"))):
        for name in ("Thumbs.db", ".DS_Store", "desktop.ini", "x.parquet~", "x.json~", "#x.json#", "x.bak", "{}"):
            left.append(folder / name)
            left[-1].write_bytes(b"\0\1{}")
        for name in ("sub-folder", ".git", ".hidden.parquet", "._0123456789abcdef.parquet"):
            (folder / name).mkdir()
            left.append(folder / name / "x.parquet")
            left[-1].write_bytes(b"\0")
        os.utime(folder / ".git", (0, 0))
        os.utime(folder / ".DS_Store", (0, 0))
    return left


def test_what_desktops_and_editors_leave_stops_nothing_and_stays(store, capsys):
    before, curves, layers, sweeps = store.runs, store.curves, store.layers, store.sweeps
    left = spoil(store)
    pd.testing.assert_frame_equal(store.runs, before)
    pd.testing.assert_frame_equal(store.curves, curves)
    pd.testing.assert_frame_equal(store.layers, layers)
    assert store.sweeps == sweeps
    sweep(store)
    assert capsys.readouterr().err == "bnexp: 2 runs asked, 2 stored, 0 to train\n"
    assert all(path.is_file() for path in left)


def test_a_table_of_somebody_else_is_set_aside_and_stops_nothing(store, capsys):
    path = store.path / "runs" / "penguins.parquet"
    pq.write_table(pa.table({"species": ["Adelie"]}), path)
    with pytest.raises(UserError, match=r"penguins\.parquet must be a Parquet file that bnexp wrote; got 'no column"):
        _ = store.runs
    sweep(store)
    assert "penguins.parquet must be" in capsys.readouterr().err
    assert len(store.runs) == 2


def test_a_level_of_probes_that_only_another_version_knows_counts_as_not_measured(store):
    for path in (store.path / "runs").iterdir():
        table = pq.read_table(path)
        place = table.column_names.index("probes")
        pq.write_table(table.set_column(place, "probes", pa.array(["everything"])), path)
        assert store.probes_of(path.stem) == "none"
    assert list(store.runs["probes"]) == ["none", "none"]
    assert len(sweep(store)) == 2
    assert list(store.runs["probes"]) == ["basic", "basic"]


def test_columns_of_another_type_are_one_sentence(store):
    path = sorted((store.path / "runs").iterdir())[0]
    table = pq.read_table(path)
    place = table.column_names.index("lr")
    pq.write_table(table.set_column(place, "lr", pa.array([["much"]])), path)
    with pytest.raises(UserError, match=f"{path.name} must be a Parquet file that bnexp wrote"):
        _ = store.runs


def test_a_full_disk_is_one_sentence_for_every_kind_of_file_and_leaves_nothing_behind(store, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before, rows = files_of(store), store.runs
    monkeypatch.setattr(os, "fsync", full)
    writes = [
        lambda: store.write("p", rows, store.curves),
        lambda: store.write_failure("p", rows),
        lambda: store.write_weights("r", "p", {"1.weight": small_data().x_test_ND}),
        lambda: store.write_sweep("s", SweepRecord()),
    ]
    for write in writes:
        with pytest.raises(UserError, match="must be a folder that can be written to; got 'No space left on device'"):
            write()
    assert files_of(store) == before


def test_a_sweep_says_once_of_each_damaged_record_that_it_is_passed_over_and_goes_on(store, capsys):
    before = store.runs
    for path in (store.path / "sweeps").iterdir():
        path.write_bytes(bytes(100))
    for path in (store.path / "runs").iterdir():
        path.unlink()
    sweep(store)
    assert capsys.readouterr().err.count("must be the JSON that bnexp wrote") == 1
    assert len(store.sweeps) == 1
    assert sorted(store.runs["run"]) == sorted(before["run"])
