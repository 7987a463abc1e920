"""wandb writes offline runs, without network and in the target alone; what they hold is read with its own messages."""

import json
import os
import shutil
import socket
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from bnexp.store.store import Store
from tests.exports.conftest import DIVERGED, FAILED, START, TRAINED, id_of, train
from tests.support.lanes import small_run
from tests.support.wandb_log import read_records

pytest.importorskip("wandb", reason="the extra wandb is not installed")

from bnexp.exports import wandb_runs

ARM = "placement=pre,activation=relu,lr=0.1,hidden=11-8"


def keys(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture(scope="session")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the store, made once, by a user who has an account and runs of their own."""
    folder = tmp_path_factory.mktemp("wandb")
    (folder / "home").mkdir()
    own = {"HOME": str(folder / "home"), "WANDB_API_KEY": "a" * 40, "WANDB_MODE": "online", "WANDB_RUN_GROUP": "mine"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)
        patch.chdir(folder / "home")
        patch.setattr(socket.socket, "connect", refuse_networks(socket.socket.connect))
        before = dict(os.environ)
        said = wandb_runs.write_files(Store(trained), folder / "out")
        assert dict(os.environ) == before
    assert said.startswith(f"{len(TRAINED) + 2} new runs")
    assert keys(folder) == {"home", "out"} | {str(Path("out", key)) for key in keys(folder / "out")}
    return folder / "out"


def refuse_networks(connect: Any) -> Any:
    def refuse(self: socket.socket, address: Any) -> Any:
        assert self.family == socket.AF_UNIX
        return connect(self, address)

    return refuse


@pytest.fixture
def out(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "out"))


def place_of(out: Path, run: str) -> Path:
    (place,) = (out / "wandb").glob(f"offline-run-*-{run}")
    return place


def read_run(out: Path, run: str) -> dict[str, Any]:
    """What the file of a run holds: its settings, and its history by step."""
    records = read_records(place_of(out, run) / f"run-{run}.wandb")
    (head,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    history: dict[int, dict[str, Any]] = defaultdict(dict)
    for record in records:
        for item in record.history.item:
            history[record.history.step.num]["/".join(item.nested_key)] = json.loads(item.value_json)
    return {
        "project": head.project, "group": head.run_group, "name": head.display_name, "tags": list(head.tags),
        "config": {one.key: json.loads(one.value_json) for one in head.config.update if one.key != "_wandb"},
        "history": history,
        "exit": [record.exit.exit_code for record in records if record.WhichOneof("record_type") == "exit"],
    }  # fmt: skip


def test_each_run_is_grouped_by_its_arm_with_its_settings_and_its_end(out: Path) -> None:
    assert {path.name.split("-")[-1] for path in (out / "wandb").iterdir()} == {
        id_of(run) for run in (*TRAINED, DIVERGED, FAILED)
    }
    run = read_run(out, id_of(TRAINED[5]))
    assert (run["project"], run["group"], run["name"]) == ("demo", ARM, f"{ARM},seed=1")
    assert run["config"]["placement"] == "pre"
    assert run["config"]["hidden"] == "11-8"
    assert run["config"]["norm_eps"] == 1e-5
    assert "beta1" not in run["config"]
    ends = {one: read_run(out, id_of(one)) for one in (TRAINED[5], DIVERGED, FAILED)}
    assert [(end["tags"], end["exit"]) for end in ends.values()] == [
        (["done"], [0]),
        (["diverged"], [0]),
        (["failed"], [1]),
    ]


def test_the_history_has_every_step_and_every_digit(store: Store, out: Path) -> None:
    run = id_of(TRAINED[5])
    history, curves, layers = read_run(out, run)["history"], store.curves, store.layers
    for part in ("train", "test"):
        curve = curves[curves["run"] == run].dropna(subset=f"{part}_accuracy")
        for metric in ("accuracy", "loss"):
            found = {step: point[f"{metric}/{part}"] for step, point in history.items() if f"{metric}/{part}" in point}
            assert found == dict(zip(curve["step"], curve[f"{part}_{metric}"], strict=True))
            assert len(found) >= 4
    rows = layers[(layers["run"] == run) & (layers["layer"] == 1)]
    found = {step: point["normalized/layer 1"] for step, point in history.items() if "normalized/layer 1" in point}
    assert found == dict(zip(rows["step"], rows["normalized"], strict=True))
    row = store.runs.set_index("run").loc[run]
    assert history[max(history)]["_timestamp"] == pytest.approx(START + row["seconds"], rel=0, abs=1e-6)


def test_exporting_again_writes_what_is_new_or_half_written_and_leaves_the_rest(store: Store, out: Path) -> None:
    old = {run: place_of(out, id_of(run)) for run in TRAINED}
    sent = old[TRAINED[1]] / f"run-{id_of(TRAINED[1])}.wandb.synced"
    sent.touch()
    (old[TRAINED[0]] / wandb_runs.OWN).unlink()
    train(store, [FAILED, small_run(placement="pre", seed=7)])
    assert wandb_runs.write_files(store, out).startswith("3 new runs")
    assert sent.exists()
    assert read_run(out, id_of(FAILED))["tags"] == ["done"]
    assert (place_of(out, id_of(TRAINED[0])) / wandb_runs.OWN).exists()
    assert sorted(path.name for path in out.iterdir()) == ["wandb"]
