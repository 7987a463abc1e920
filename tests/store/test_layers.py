"""What is measured inside the layers, in the store: which rows there are, when runs are trained again for them."""

import dataclasses

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from bnexp.choices import Placement, Probes
from bnexp.engine import probes, training
from bnexp.store.records import SweepRecord
from bnexp.store.schemas import HISTOGRAMS, LANDSCAPE, LAYERS, RANGES
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.lanes import DEVICE, begin, pack_of, small_data, small_run

ASKED = [
    small_run(placement=p, seed=s, lr=lr, dtype="float32", activation="leaky_relu")
    for p in (Placement.none, Placement.pre, Placement.post)
    for s in (0, 1)
    for lr in (0.1, 1e5)
]
"""Those with the higher rate diverge."""

POINTS = [0, 6, 12, 18, 20]


def sweep(store, level, runs=ASKED, **settings):
    settings = {"save_weights": False, **settings}
    resources = Resources(DEVICE, workers=0, lanes=32)
    record = SweepRecord()
    return train_sweep(runs, [small_data()], store, resources=resources, record=record, probes=level, **settings)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def trained(monkeypatch):
    """The runs that are trained from now on."""
    began, real = [], training.begin
    monkeypatch.setattr(training, "begin", lambda pack, examples: began.extend(pack.runs) or real(pack, examples))
    return began


def test_runs_and_curves_are_the_same_bit_for_bit_however_much_is_measured(tmp_path):
    stores = [Store(tmp_path / level) for level in Probes]
    for store, level in zip(stores, Probes, strict=True):
        rows = sweep(store, level)
        assert set(rows["probes"]) == {level}
    for other in stores[1:]:
        drop = ["seconds", "probes"]
        pd.testing.assert_frame_equal(other.runs.drop(columns=drop), stores[0].runs.drop(columns=drop))
        pd.testing.assert_frame_equal(other.curves, stores[0].curves)
    assert not (stores[0].path / "layers").exists()
    assert stores[0].layers.empty
    basic, full = (
        store.layers[store.layers["layer"] > 0].drop(columns=[*RANGES, *HISTOGRAMS]).reset_index(drop=True)
        for store in stores[1:]
    )
    pd.testing.assert_frame_equal(basic, full)


def test_there_is_a_row_for_every_evaluation_and_layer_until_a_run_diverges(store):
    rows = sweep(store, Probes.basic)
    layers, (path,) = store.layers, (store.path / "layers").iterdir()
    assert pq.read_schema(path).remove_metadata() == LAYERS
    assert rows.groupby("lr")["status"].agg(set).to_dict() == {0.1: {"done"}, 1e5: {"diverged"}}
    for row in rows.itertuples():
        own = layers[layers["run"] == row.run]
        reached = [step for step in POINTS if row.status == "done" or step < row.diverged_step]
        assert own["step"].tolist() == [step for step in reached for _ in range(3)]
        assert own["layer"].tolist() == [1, 2, 3] * len(reached)
    assert layers["weight_norm"].notna().all()
    placement = layers["run"].map(rows.set_index("run")["placement"])
    hidden = layers["layer"] < 3
    assert (layers["normalized"].notna() == (hidden & (placement != "none"))).all()
    assert (layers["skewness"].notna() == hidden).all()
    assert layers[["saturated", *LANDSCAPE, *RANGES, *HISTOGRAMS]].isna().all(axis=None)


def test_a_row_holds_what_was_measured_at_its_step_in_its_layer(store):
    run = small_run(placement="post", activation="tanh")
    sweep(store, Probes.full, [run])
    state, layers = begin(pack_of([run]), small_data()), store.layers.set_index(["step", "layer"])
    for point in training.train(state):
        if point.step not in POINTS:
            continue
        found = probes.measure(dataclasses.replace(state, step=point.step), Probes.full)
        for name, table in found.numbers.items():
            np.testing.assert_array_equal(layers.loc[point.step, name], table[0])
        for name in HISTOGRAMS:
            bars = layers.loc[point.step, name]
            assert bars.notna().tolist() == [False, *[point.step in (0, 20)] * 2, False]
            for layer, shares in bars.dropna().items():
                np.testing.assert_array_equal(shares, found.histograms[name][0, layer])
                assert sum(shares) == pytest.approx(1)


def test_a_run_is_trained_again_if_more_is_asked_than_was_measured_and_only_then(store, trained):
    sweep(store, Probes.none)
    before = store.runs.drop(columns=["seconds", "probes"])
    trained.clear()
    for level, again in ((Probes.none, 0), (Probes.basic, 12), (Probes.none, 0), (Probes.full, 12), (Probes.basic, 0)):
        sweep(store, level)
        assert len(trained) == again
        trained.clear()
    assert set(store.runs["probes"]) == {"full"}
    pd.testing.assert_frame_equal(store.runs.drop(columns=["seconds", "probes"]), before)
    assert store.layers["loss"].notna().any()


def test_weights_that_are_asked_for_later_cost_nothing_that_was_measured(store):
    calm = [run for run in ASKED if run.lr == 0.1]
    sweep(store, Probes.full, calm)
    before = store.layers
    sweep(store, Probes.none, calm, save_weights=True)
    assert set(store.runs["probes"]) == {"full"}
    pd.testing.assert_frame_equal(store.layers, before)


def test_of_a_run_that_was_trained_twice_the_one_that_was_measured_counts(store):
    sweep(store, Probes.basic, ASKED[:2])
    measured = store.layers
    other = Store(store.path.parent / "other")
    sweep(other, Probes.none, ASKED[:1])
    for kind in ("runs", "curves"):
        (path,) = (other.path / kind).iterdir()
        path.rename(store.path / kind / f"0{path.name}")  # read first
    assert store.runs["probes"].tolist() == ["basic", "basic"]
    pd.testing.assert_frame_equal(store.layers, measured)


def test_a_pack_whose_layers_are_missing_or_damaged_is_set_aside_and_trained_again(store, trained, capsys):
    sweep(store, Probes.basic)
    before, (path,) = store.layers, (store.path / "layers").iterdir()
    content = path.read_bytes()
    for spoiled in (None, content[:-10]):
        path.unlink()
        if spoiled:
            path.write_bytes(spoiled)
        trained.clear()
        sweep(store, Probes.none)
        assert f"{path} must be a Parquet file that bnexp wrote" in capsys.readouterr().err
        assert len(trained) == 12
        sweep(store, Probes.basic)
        pd.testing.assert_frame_equal(store.layers, before)


def test_a_pack_that_is_not_finite_from_the_start_has_rows_without_numbers(store):
    sweep(store, Probes.full, [small_run(init_scheme="normal", init_gain=1e30, dtype="float32")])
    layers = store.layers
    assert layers["layer"].tolist() == [0, 1, 2, 3]
    assert (layers["step"] == 0).all()
    assert layers.drop(columns=["run", "step", "layer"]).isna().all(axis=None)
