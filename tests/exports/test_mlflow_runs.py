"""MLflow opens what is written for it, with its own client."""

import shutil
from pathlib import Path

import pytest

from bnexp.errors import UserError
from bnexp.store.store import Store
from tests.exports.conftest import DIVERGED, FAILED, START, TRAINED, id_of, train
from tests.support.lanes import small_run

for package in ("sqlalchemy", "alembic"):
    pytest.importorskip(package, reason="the extra mlflow is not installed")
entities = pytest.importorskip("mlflow.entities", reason="the extra mlflow is not installed")
tracking = pytest.importorskip("mlflow.tracking", reason="the extra mlflow is not installed")
mlflow_runs = pytest.importorskip("bnexp.exports.mlflow_runs")

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:The ``noload`` loader strategy:DeprecationWarning"
    ),  # MLflow under SQLAlchemy 2.1
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # MLflow leaves its connections to the garbage collector
]


def open_store(out: Path) -> tracking.MlflowClient:
    return tracking.MlflowClient(f"sqlite:///{out / 'mlflow.db'}")


@pytest.fixture(scope="session")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the store, made once: MLflow takes seconds to create its tables."""
    folder = tmp_path_factory.mktemp("mlflow") / "out"
    assert mlflow_runs.write_files(Store(trained), folder).startswith(f"{len(TRAINED) + 2} new runs")
    return folder


@pytest.fixture
def out(exported: Path, tmp_path: Path) -> Path:
    """A copy of the export."""
    return Path(shutil.copytree(exported, tmp_path / "out"))


def runs_of(client: tracking.MlflowClient, name: str = "demo") -> dict[str, entities.Run]:
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id])
    assert len({run.data.tags["run"] for run in runs}) == len(runs)
    return {run.data.tags["run"]: run for run in runs}


def test_mlflow_opens_an_experiment_with_each_run_its_settings_and_its_tags(out: Path) -> None:
    runs = runs_of(open_store(out))
    assert set(runs) == {id_of(run) for run in (*TRAINED, DIVERGED, FAILED)}
    run = runs[id_of(TRAINED[5])]
    assert run.data.params["placement"] == "pre"
    assert run.data.params["hidden"] == "11-8"
    assert run.data.params["norm.eps"] == "1e-05"
    assert "optimizer.beta1" not in run.data.params
    arm = "placement=pre,activation=relu,lr=0.1,hidden=11-8"
    assert {name: run.data.tags[name] for name in ("arm", "seed", "status", "probes")} == {
        "arm": arm, "seed": "1", "status": "done", "probes": "full",
    }  # fmt: skip
    assert run.info.run_name == f"{arm},seed=1"
    assert run.info.start_time == round(1000 * START) <= run.info.end_time
    assert [runs[id_of(run)].info.status for run in (TRAINED[0], DIVERGED, FAILED)] == [
        "FINISHED",
        "FINISHED",
        "FAILED",
    ]
    assert runs[id_of(DIVERGED)].data.tags["status"] == "diverged"


def test_metrics_have_their_steps_and_every_digit(store: Store, out: Path) -> None:
    client, curves, layers = open_store(out), store.curves, store.layers
    run_id = id_of(TRAINED[5])
    run = runs_of(client)[run_id].info.run_id
    curve = curves[curves["run"] == run_id].dropna(subset="test_accuracy")
    history = client.get_metric_history(run, "accuracy/test")
    assert [(point.step, point.value) for point in history] == list(
        zip(curve["step"], curve["test_accuracy"], strict=True)
    )
    rows = layers[(layers["run"] == run_id) & (layers["layer"] == 1)]
    inside = client.get_metric_history(run, "normalized/layer 1")
    assert [(point.step, point.value) for point in inside] == list(zip(rows["step"], rows["normalized"], strict=True))
    assert len(inside) >= 4


def test_exporting_twice_makes_no_run_twice_and_keeps_what_was_noted(store: Store, out: Path) -> None:
    client = open_store(out)
    first = runs_of(client)
    client.set_tag(first[id_of(TRAINED[0])].info.run_id, "note", "mine")
    train(store, [small_run(placement="pre", seed=0, norm_eps=0.1)])
    assert mlflow_runs.write_files(store, out).startswith("1 new runs")
    second = runs_of(client)
    assert {name: run.info.run_id for name, run in first.items()}.items() <= {
        name: run.info.run_id for name, run in second.items()
    }.items()
    assert second[id_of(TRAINED[0])].data.tags["note"] == "mine"
    arm = "placement=pre,activation=relu,lr=0.1,hidden=11-8,norm.eps=1e-05"
    assert second[id_of(TRAINED[4])].data.tags["arm"] == arm
    assert second[id_of(TRAINED[4])].info.run_name == f"{arm},seed=0"


def test_a_run_that_was_left_half_written_or_trained_since_is_written_again(store: Store, out: Path) -> None:
    client = open_store(out)
    half = runs_of(client)[id_of(TRAINED[0])].info.run_id
    client.update_run(half, status="RUNNING")
    train(store, [FAILED])
    assert mlflow_runs.write_files(store, out).startswith("2 new runs")
    runs = runs_of(client)
    assert runs[id_of(TRAINED[0])].info.run_id != half
    assert runs[id_of(FAILED)].info.status == "FINISHED"


def test_a_database_of_something_else_is_one_sentence(store: Store, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("no database" * 100)
    with pytest.raises(UserError, match=r"must be a database that this version of MLflow can write to; got '.*': move"):
        mlflow_runs.write_files(store, tmp_path)
