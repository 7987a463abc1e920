"""Sweeps and the store: what is trained, what is written, and what a killed or failing sweep leaves behind."""

import dataclasses
import os
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

import bnexp
from bnexp import runs
from bnexp.choices import Placement, Probes
from bnexp.engine import training
from bnexp.runs import identity
from bnexp.store.records import SweepRecord
from bnexp.store.schemas import CURVES, METRICS, RUN_FILES
from bnexp.store.store import Store
from bnexp.sweeps.in_process import InProcess
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train, train_sweep
from tests.support.lanes import DEVICE, begin, pack_of, small_data, small_run


def sweep(runs, store, **settings):
    resources = Resources(DEVICE, workers=0, lanes=32)
    record = SweepRecord(command="bnexp -m …")
    settings = {"resources": resources, "save_weights": False, "record": record, **settings}
    return train_sweep(runs, [small_data()], store, **settings)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


RUNS_ASKED = [
    small_run(placement=p, seed=s, lr=lr, dtype="float32", activation="leaky_relu")
    for s in (1, 0)
    for p in (Placement.post, Placement.pre, Placement.none)
    for lr in (0.1, 1e5)
]


def test_a_sweep_returns_one_row_per_asked_run_in_their_order(store):
    asked = [*RUNS_ASKED, RUNS_ASKED[3]]
    rows = sweep(asked, store)
    assert list(rows["run"]) == [identity(run, small_data().digest) for run in asked]
    assert list(rows["placement"]) == [run.placement for run in asked]
    assert (rows.loc[rows["lr"] == 0.1, "status"] == "done").all()
    assert (rows.loc[(rows["lr"] == 1e5) & (rows["placement"] == "none"), "status"] == "diverged").all()
    assert len(store.runs) == len(RUNS_ASKED)


def test_what_is_read_back_is_what_training_gave(store):
    sweep(RUNS_ASKED, store)
    for run, row in zip(
        RUNS_ASKED,
        store.runs.set_index("run").loc[[identity(r, "0" * 64) for r in RUNS_ASKED]].itertuples(),
        strict=True,
    ):
        points = list(training.train(begin(pack_of([run]), small_data())))
        for metric in METRICS:
            assert getattr(row, metric) == pytest.approx(getattr(points[-1], metric)[0], rel=1e-3, nan_ok=True)
        curve = store.curves.query("run == @row.Index")
        reached = [p.step for p in points if not points[-1].diverged_step[0] or p.step < points[-1].diverged_step[0]]
        assert list(curve["step"]) == reached
        assert curve["validation_loss"].notna().tolist() == [step % 6 == 0 or step == 20 for step in reached]
        assert curve["epoch"].iloc[-1] == pytest.approx(reached[-1] / 6)


def test_the_files_have_the_documented_columns_and_types(store):
    sweep(RUNS_ASKED, store)
    for kind, schema in (("runs", RUN_FILES), ("curves", CURVES)):
        (path,) = (store.path / kind).glob("*")
        assert pq.read_schema(path).remove_metadata() == schema
    runs = store.runs
    assert runs["hidden"].map(list).tolist() == [[11, 8]] * len(runs)
    assert runs.loc[runs["placement"] == "none", "norm_eps"].isna().all()
    assert (runs.loc[runs["placement"] != "none", "norm_eps"] == 1e-5).all()
    diverged = runs["status"] == "diverged"
    assert runs.loc[diverged, "diverged_step"].notna().all()
    assert runs.loc[~diverged, "diverged_step"].isna().all()


def test_the_best_validation_accuracy_is_the_best_of_the_curve(store):
    sweep(RUNS_ASKED, store)
    best = store.curves.groupby("run")["validation_accuracy"].max()
    for row in store.runs.itertuples():
        assert row.best_validation_accuracy == best[row.run]
        curve = store.curves.query("run == @row.run").set_index("step")
        assert curve.loc[row.best_step, "validation_accuracy"] == best[row.run]
        assert (curve.loc[: row.best_step - 1, "validation_accuracy"].dropna() < best[row.run]).all()


def test_a_stored_run_is_not_trained_again_and_a_wider_sweep_trains_only_what_is_new(store, monkeypatch):
    sweep(RUNS_ASKED[:4], store)
    before = {path: path.stat().st_mtime_ns for path in (store.path / "runs").iterdir()}
    began = []
    real = training.begin
    monkeypatch.setattr(training, "begin", lambda pack, examples: began.extend(pack.runs) or real(pack, examples))
    sweep(RUNS_ASKED[:4], store)
    assert began == []
    sweep(RUNS_ASKED, store)
    assert set(began) == set(RUNS_ASKED[4:])
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_runs_that_differ_only_in_what_cannot_act_are_one_also_where_seeds_ask_for_different_ones(store):
    runs = [small_run(seed=s, norm_eps=eps) for s, eps in ((0, 1e-3), (0, 1e-5), (1, 1e-5), (1, 1e-4))]
    rows = sweep(runs, store)
    assert rows["run"].tolist()[::2] == rows["run"].tolist()[1::2]
    assert len(store.runs) == 2
    for path in (store.path / "runs").iterdir():
        path.unlink()
    again = sweep(runs, store)  # in the packs that were planned
    assert set(again["pack"]) == set(rows["pack"])


def test_a_pack_that_cannot_be_trained_is_failed_and_logged_and_the_others_go_on(store, monkeypatch):
    other_shape = [dataclasses.replace(run, hidden=(5,)) for run in RUNS_ASKED[:3]]
    real = training.begin

    def begin_or_fail(pack, examples):
        if pack.runs[0].hidden == (5,):
            raise RuntimeError("not enough memory")
        return real(pack, examples)

    monkeypatch.setattr(training, "begin", begin_or_fail)
    rows = sweep([*other_shape, *RUNS_ASKED], store)
    assert (rows["status"][:3] == "failed").all()
    assert (rows["status"][3:] != "failed").all()
    assert rows["test_loss"][:3].isna().all()
    assert "not enough memory" in (store.path / "logs" / "bnexp.log").read_text()
    monkeypatch.undo()
    assert (sweep(other_shape, store)["status"] != "failed").all()
    assert store.runs["run"].is_unique
    assert (store.runs["status"] != "failed").all()


def test_a_pack_that_fails_is_tried_again_as_halves_which_are_marked(store, monkeypatch):
    real, lanes = training.begin, []

    def begin_if_small(pack, examples):
        lanes.append(len(pack.runs))
        if len(pack.runs) > 6:
            raise RuntimeError("not enough memory")
        return real(pack, examples)

    monkeypatch.setattr(training, "begin", begin_if_small)
    rows = sweep(RUNS_ASKED, store)
    assert lanes == [12, 6, 6]
    assert (rows["status"] != "failed").all()
    name = next(iter(store.sweeps[0].packs))
    assert set(rows["pack"]) == {f"{name}-1of2", f"{name}-2of2"}
    assert rows.groupby("pack")["lane"].apply(sorted).tolist() == [[*range(6)]] * 2


def test_a_retry_that_fails_takes_nothing_away(store, monkeypatch):
    calm = [run for run in RUNS_ASKED if run.lr == 0.1]  # with none diverged, the retry is the same pack
    done, curves = sweep(calm, store), store.curves
    monkeypatch.setattr(training, "begin", lambda *_: (_ for _ in ()).throw(RuntimeError("not enough memory")))
    again = sweep(calm, store, save_weights=True)
    pd.testing.assert_frame_equal(again, done, check_dtype=False)  # a missing best_step makes pandas' integers floats
    pd.testing.assert_frame_equal(store.curves, curves)


def test_a_pack_that_is_not_finite_from_the_start_is_data(store):
    runs = [small_run(init_scheme="normal", init_gain=1e30, dtype="float32", seed=seed) for seed in (0, 1)]
    rows = sweep(runs, store)
    assert (rows["status"] == "diverged").all()
    assert (rows["diverged_step"] == 1).all()
    assert (store.curves["step"] == 0).all()


def test_an_interrupted_sweep_keeps_its_whole_packs_and_nothing_else(store, monkeypatch):
    other_shape = [dataclasses.replace(run, steps=19) for run in RUNS_ASKED]  # longer ones are trained first
    real = training.train

    def train_until_interrupted(state):
        if state.pack.runs[0].steps == 19:
            raise KeyboardInterrupt
        yield from real(state)

    monkeypatch.setattr(training, "train", train_until_interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep([*RUNS_ASKED, *other_shape], store)
    assert set(store.runs["steps"]) == {20}
    assert len(store.runs) == len(RUNS_ASKED)
    assert not list(store.path.rglob(".*"))


def test_a_file_is_there_whole_or_not_at_all(store, monkeypatch):
    sweep(RUNS_ASKED[:2], store)
    before = store.runs
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(
        ValueError, match=r"can be written to; got 'No space left on device': what was stored before is whole"
    ):
        store.write("other", before, pd.DataFrame())
    monkeypatch.undo()
    pd.testing.assert_frame_equal(store.runs, before)
    assert {path.name for path in (store.path / "curves").iterdir()} == {f"{before['pack'][0]}.parquet"}


def cut_off(content):
    return content[:-10]


def damaged(content):
    return content[:200] + bytes(200) + content[400:]


@pytest.mark.parametrize("spoiled", [cut_off, damaged])
@pytest.mark.parametrize("kind", ["runs", "curves"])
def test_a_truncated_file_is_named_set_aside_and_its_runs_are_trained_again(kind, spoiled, store, capsys):
    sweep(RUNS_ASKED[:2], store)
    before, curves = store.runs.drop(columns="seconds"), store.curves
    sweep([dataclasses.replace(RUNS_ASKED[0], steps=7)], store)
    capsys.readouterr()
    path = store.path / kind / f"{before['pack'][0]}.parquet"
    path.write_bytes(spoiled(path.read_bytes()))
    with pytest.raises(ValueError, match=f"{path.name} must be a Parquet file"):
        _ = getattr(store, kind)
    with pytest.raises(ValueError, match=f"{path.name} must be a Parquet file"):
        _ = (store.check_semantics(), store.curves)
    sweep(RUNS_ASKED[:2], store)
    said = capsys.readouterr().err
    assert f"{path} must be a Parquet file that bnexp wrote" in said
    assert {p.name for p in (store.path / "broken").iterdir()} >= {f"{kind}-{path.name}"}
    pd.testing.assert_frame_equal(store.runs[store.runs["steps"] == 20].drop(columns="seconds"), before)
    assert len(store.curves) > len(curves)


def test_what_a_killed_writer_left_is_removed_but_not_what_is_being_written(store):
    sweep(RUNS_ASKED[:2], store)
    old, new = store.path / "runs" / ".a.parquet", store.path / "curves" / ".b.parquet"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    sweep(RUNS_ASKED[:2], store)
    assert not old.exists()
    assert new.exists()


def test_a_store_of_other_training_semantics_is_refused_with_the_reason(store, monkeypatch):
    sweep(RUNS_ASKED[:2], store)
    monkeypatch.setattr("bnexp.store.store.SEMANTICS", 2)
    with pytest.raises(ValueError, match="one training semantics, which is number 2 in this version of bnexp; got"):
        sweep(RUNS_ASKED[2:4], store)
    assert len(store.runs) == 2  # and can still be read


def test_a_run_that_two_sweeps_trained_is_read_once(store, tmp_path):
    other = Store(tmp_path / "other")
    sweep(RUNS_ASKED[:2], store)
    sweep(RUNS_ASKED[1:3], other)
    for kind in ("runs", "curves"):
        (path,) = (other.path / kind).iterdir()
        path.rename(store.path / kind / path.name)
    assert sorted(store.runs["run"]) == sorted({identity(run, "0" * 64) for run in RUNS_ASKED[:3]})
    assert not store.curves.duplicated(["run", "step"]).any()
    assert set(store.curves["run"]) == set(store.runs["run"])


def test_weights_are_those_of_the_end_and_only_where_asked(store):
    run = RUNS_ASKED[0]
    row = sweep([run], store).iloc[0]
    assert not store.weights(row["run"]).exists()
    sweep([run], store, save_weights=True)
    found = load_file(store.weights(row["run"]))
    state = begin(pack_of([run]), small_data())
    start = {name: tensor.cpu().numpy().copy() for name, tensor in state.network.lane(0).items()}
    list(training.train(state))
    assert found.keys() == start.keys()
    for name, tensor in state.network.lane(0).items():
        np.testing.assert_array_equal(found[name], tensor.cpu().numpy())
    assert not np.array_equal(found["1.weight"], start["1.weight"])


def test_the_id_of_a_run_is_computed_once_in_a_sweep(store, monkeypatch):
    counts = []
    sha256 = runs.hashlib.sha256
    monkeypatch.setattr(runs, "hashlib", SimpleNamespace(sha256=lambda text: counts.append(text) or sha256(text)))
    sweep([*RUNS_ASKED, RUNS_ASKED[3]], store, probes=Probes.basic, save_weights=True)
    assert len(counts) == len(set(counts)) == len(RUNS_ASKED)


class Noting(InProcess):
    """This process as a worker, which notes what the sweep asks of it in which order."""

    def resize(self, count):
        self.notes.append(f"resize {count}")

    def share(self, loaded):
        self.notes.append("share")
        return super().share(loaded)

    def train(self, queue):
        self.notes.append("train")
        return super().train(queue)


@pytest.fixture
def notes(monkeypatch):
    def choose(_runs, store, resources, extras):
        workers = Noting(store, resources.device, extras)
        workers.notes = notes
        return workers

    notes = []
    monkeypatch.setattr("bnexp.sweeps.sweep._choose_workers", choose)
    return notes


def test_workers_start_before_the_data_is_there_if_nothing_is_stored(store, notes):
    four = Resources(DEVICE, workers=4, lanes=32)
    sweep(RUNS_ASKED[:3], store, resources=four)
    assert notes == ["resize 3", "share", "resize 3", "resize 3", "train"]
    notes.clear()
    sweep(RUNS_ASKED, store, resources=four)
    assert notes[0] == "share"
    assert notes[-1] == "train"


def test_no_worker_starts_if_all_is_stored(store, notes):
    sweep(RUNS_ASKED, store)
    notes.clear()
    sweep(RUNS_ASKED, store)
    assert notes == ["share"]


def test_a_sweep_records_where_its_results_come_from(store):
    rows = sweep(RUNS_ASKED, store)
    (record,) = store.sweeps
    assert record.command == "bnexp -m …"
    assert record.asked == list(rows["run"])
    assert sorted(run for ids in record.packs.values() for run in ids) == sorted(rows["run"])
    assert set(record.packs) == set(rows["pack"])
    assert record.data == {"small": "0" * 64}
    assert {"python", "torch", "numpy"} <= set(record.versions)
    assert record.device == DEVICE


def test_training_without_a_store_gives_the_same_rows(store):
    rows = sweep(RUNS_ASKED, store).drop(columns="seconds")
    trained = train(RUNS_ASKED, small_data(), DEVICE)
    found = trained.runs.drop(columns=["seconds", "test_correct"]).astype(rows.dtypes.to_dict())
    pd.testing.assert_frame_equal(found, rows)
    assert trained.runs["test_correct"].tolist() == store.correct_of(rows).tolist()
    assert set(trained.curves["run"]) == set(rows["run"])


def test_data_that_is_not_the_runs_is_refused():
    with pytest.raises(ValueError, match=r"a run must be trained on the data it names"):
        train([dataclasses.replace(RUNS_ASKED[0], data_train=44)], small_data())
    with pytest.raises(ValueError, match="at least one run; got none"):
        train([], small_data())


def test_a_folder_without_results_is_no_store(tmp_path):
    with pytest.raises(ValueError, match=r"a store must be a folder with results in runs/; found none in"):
        bnexp.load(tmp_path)


def test_the_library_trains_into_a_folder_what_is_missing_there(tmp_path, capfd):
    first = bnexp.sweep(RUNS_ASKED[:2], small_data(), tmp_path / "mine", device=DEVICE, workers=0, probes="basic")
    again = bnexp.sweep(RUNS_ASKED[:3], [small_data()], Store(tmp_path / "mine"), device=DEVICE, workers=0)
    assert list(again["run"])[:2] == list(first["run"])
    assert again["seconds"][:2].tolist() == first["seconds"].tolist()
    assert len(bnexp.load(tmp_path / "mine").layers["run"].unique()) == 2
    assert capfd.readouterr() == ("", "")
    bnexp.sweep(RUNS_ASKED[:4], small_data(), tmp_path / "mine", device=DEVICE, workers=0, progress=True)
    assert "bnexp: training 1 run in 1 pack" in capfd.readouterr().err
    with pytest.raises(ValueError, match=r"^data must hold the data of every run; got none of the setting "):
        bnexp.sweep(RUNS_ASKED, [], tmp_path)
    with pytest.raises(ValueError, match=r"^a sweep must ask for at least one run; got none$"):
        bnexp.sweep([], small_data(), tmp_path)
