"""TensorBoard reads what is written for it, with its own reader."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnexp.choices import Probes
from bnexp.store.store import Store
from tests.exports.conftest import DIVERGED, START, TRAINED, id_of, train
from tests.support.lanes import small_run

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import plugin_data_pb2

from bnexp.exports import event_files


def open_run(path: Path) -> EventAccumulator:
    return EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()


def folders(out: Path) -> list[str]:
    return sorted(str(path.parent.relative_to(out)) for path in out.glob(f"*/*/{event_files.OWN}"))


ARM = "placement=pre,activation=relu,lr=0.1,hidden=11-8"


def test_each_run_is_a_log_folder_named_after_its_arm_and_seed(store: Store, tmp_path: Path) -> None:
    event_files.write_files(store, tmp_path / "out")
    expected = [
        f"placement={run.placement},activation=relu,lr=0.1,hidden={'-'.join(map(str, run.hidden))}/seed={run.seed}"
        for run in TRAINED
    ]
    assert folders(tmp_path / "out") == sorted(
        [*expected, "placement=none,activation=relu,lr=1e+200,hidden=11-8/seed=0"]
    )
    seen = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "out")).Reload().Runs()
    assert sorted(seen) == folders(tmp_path / "out")


def test_tensorboard_reads_the_curves_of_a_run(store: Store, tmp_path: Path) -> None:
    event_files.write_files(store, tmp_path)
    log, curves = open_run(tmp_path / ARM / "seed=1"), store.curves
    curve = curves[curves["run"] == id_of(TRAINED[5])]
    assert (TRAINED[5].placement, TRAINED[5].hidden, TRAINED[5].seed) == ("pre", (11, 8), 1)
    for part in ("train", "validation", "test"):
        for metric in ("loss", "accuracy"):
            events, column = log.Scalars(f"{metric}/{part}"), curve[["step", f"{part}_{metric}"]].dropna()
            assert [event.step for event in events] == column["step"].tolist()
            assert np.array_equal([event.value for event in events], column[f"{part}_{metric}"].astype(np.float32))
            assert len(events) >= 4


def test_tensorboard_reads_what_was_measured_inside_the_layers(store: Store, tmp_path: Path) -> None:
    event_files.write_files(store, tmp_path)
    log, layers = open_run(tmp_path / ARM / "seed=0"), store.layers
    layers = layers[layers["run"] == id_of(TRAINED[4])]
    for tag, layer, column in (("saturated/layer 2", 2, "saturated"), ("landscape/gradient_norm", 0, "gradient_norm")):
        rows = layers[layers["layer"] == layer].dropna(subset=column)
        assert [(event.step, event.value) for event in log.Scalars(tag)] == list(
            zip(rows["step"], rows[column].astype(np.float32), strict=True)
        )
    tags = log.Tags()["scalars"]
    assert "normalized/layer 1" in tags
    assert "normalized/layer 3" not in tags  # the output layer has no norm


def test_times_are_those_of_the_training(store: Store, tmp_path: Path) -> None:
    event_files.write_files(store, tmp_path)
    row = store.runs.set_index("run").loc[id_of(TRAINED[4])]
    events = open_run(tmp_path / ARM / "seed=0").Scalars("accuracy/test")
    assert events[0].wall_time == START
    assert events[-1].wall_time == pytest.approx(START + row["seconds"], abs=1e-6)


def test_the_hparams_view_groups_the_seeds_of_an_arm(store: Store, tmp_path: Path) -> None:
    event_files.write_files(store, tmp_path)

    def session(folder: str) -> Any:
        (content,) = open_run(tmp_path / folder).PluginTagToContent("hparams").values()
        return plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info

    one, other, narrower = (
        session(f) for f in (f"{ARM}/seed=0", f"{ARM}/seed=1", f"{ARM[:-2]}/seed=0".replace("11", "5"))
    )
    assert one.group_name == other.group_name == ARM != narrower.group_name
    assert dict(one.hparams) == dict(other.hparams)
    assert one.hparams["lr"].number_value == 0.1
    assert one.hparams["norm.affine"].string_value == "both"
    assert "seed" not in one.hparams


def test_a_diverged_run_ends_where_its_curve_does(store: Store, tmp_path: Path) -> None:
    event_files.write_files(store, tmp_path)
    log, curves = open_run(tmp_path / "placement=none,activation=relu,lr=1e+200,hidden=11-8" / "seed=0"), store.curves
    steps = curves.loc[curves["run"] == id_of(DIVERGED)].dropna(subset="test_loss")["step"].tolist()
    assert [event.step for event in log.Scalars("loss/test")] == steps


def test_a_second_export_writes_the_same_bytes_and_leaves_the_files_of_others(store: Store, tmp_path: Path) -> None:
    event_files.write_files(store, tmp_path / "out")
    event_files.write_files(store, tmp_path / "other")
    written = {path.relative_to(tmp_path / "out"): path.read_bytes() for path in (tmp_path / "out").glob("*/*/*")}
    again = {path.relative_to(tmp_path / "other"): path.read_bytes() for path in (tmp_path / "other").glob("*/*/*")}
    assert written == again
    mine = tmp_path / "out" / ARM / "seed=0" / "events.out.tfevents.1.mine"
    mine.write_bytes(b"")
    train(store, [small_run(placement="pre", seed=0, norm_eps=0.1)], Probes.none)
    event_files.write_files(store, tmp_path / "out")
    assert mine.exists()
    assert f"{ARM},norm.eps=1e-05/seed=0" in folders(tmp_path / "out")
    assert f"{ARM}/seed=0" not in folders(tmp_path / "out")
    assert not (tmp_path / "out" / ARM / "seed=1").exists()
    assert len(folders(tmp_path / "out")) == len(TRAINED) + 2


def test_runs_of_one_arm_and_seed_on_other_data_do_not_share_a_folder(store: Store, tmp_path: Path) -> None:
    rows, curves = store.runs, store.curves
    twin = rows[rows["run"] == id_of(TRAINED[4])].assign(run="f" * 16, probes="none")
    store.write("twin", twin.assign(pack="twin"), curves[curves["run"] == id_of(TRAINED[4])].assign(run="f" * 16))
    event_files.write_files(store, tmp_path)
    assert {f"{ARM}/seed=0,run={run}" for run in ("f" * 16, id_of(TRAINED[4]))} <= set(folders(tmp_path))
