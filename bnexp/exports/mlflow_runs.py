"""A store as MLflow reads it: a database with an experiment named after the store and a run for each of its runs.

    mlflow.db    settings are params, numbers metrics by step; the tags are `run` (its id), `arm`, `seed`, `status` and
                 `probes`
    artifacts/   where MLflow would keep files; an export writes none

A diverged run is a finished one of MLflow, with the tag `status`; one that failed has failed there, too.
"""

import itertools
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before the import: an export tells nobody

from mlflow.entities import Metric, Param, RunTag
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from bnexp.errors import UserError
from bnexp.exports.arms import find_starts, name_arms, read_settings
from bnexp.exports.scalars import Scalars, read_scalars
from bnexp.runs import key
from bnexp.store.store import Store

MOST_METRICS: Final = 1000
"""Metrics that MLflow takes in one request."""


def write_files(store: Store, folder: Path) -> str:
    """Write the runs of `store` into the database `folder/mlflow.db`, and return what was written.

    A run that an earlier export wrote is left as it is, with whatever was noted there, unless it has been trained or
    measured anew; one that an export left half-written is written again.

    Raises:
        UserError: MLflow cannot write to the database.
    """
    for name in ("mlflow", "alembic"):  # they tell of each table that they create
        logging.getLogger(name).setLevel(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    database = folder.resolve() / "mlflow.db"
    try:
        written = _write_runs(store, MlflowClient(f"sqlite:///{database}"), folder.resolve() / "artifacts")
    except (MlflowException, SQLAlchemyError) as error:
        raise UserError(
            f"{database} must be a database that this version of MLflow can write to; got '{_first_line(error)}': move "
            "it away, or take another folder with out=FOLDER"
        ) from None
    return f"{written} new runs in {database}: open them with mlflow ui --backend-store-uri 'sqlite:///{database}'"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _write_runs(store: Store, client: MlflowClient, artifacts: Path) -> int:
    """Write the runs that are not there yet, and return how many."""
    experiment, runs = _open_experiment(client, store.path.resolve().name, artifacts), store.read_runs()
    known = {run.data.tags.get("run"): run for run in _list_runs(client, experiment)}
    scalars, starts, written = read_scalars(store, runs), find_starts(store), 0
    for row, arm in zip(runs.to_dict("records"), name_arms(runs), strict=True):
        run, tags = row["run"], {"arm": arm, **{name: str(row[name]) for name in ("run", "seed", "status", "probes")}}
        if run in known and _is_current(known[run], tags):
            _rename(client, known[run], arm)
            continue
        if run in known:
            client.delete_run(known[run].info.run_id)
        _write_run(client, experiment, row, tags, scalars=scalars[run], start=starts.get(run, 0.0))
        written += 1
    return written


def _open_experiment(client: MlflowClient, name: str, artifacts: Path) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return str(client.create_experiment(name, artifact_location=artifacts.as_uri()))
    return str(experiment.experiment_id)


def _list_runs(client: MlflowClient, experiment: str) -> Iterator[MlflowRun]:
    token = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _is_current(run: MlflowRun, tags: Mapping[str, str]) -> bool:
    """Say whether `run` was written to its end, and nothing was trained or measured anew since."""
    same = all(run.data.tags.get(name) == tags[name] for name in ("status", "probes"))
    return same and run.info.status in ("FINISHED", "FAILED")


def _rename(client: MlflowClient, run: MlflowRun, arm: str) -> None:
    """Let `run` be called by the present name of its arm: with further arms, further settings tell them apart."""
    if run.data.tags["arm"] != arm:
        client.set_tag(run.info.run_id, "arm", arm)
        client.update_run(run.info.run_id, name=f"{arm},seed={run.data.tags['seed']}")


def _write_run(
    client: MlflowClient,
    experiment: str,
    row: Mapping[Any, Any],
    tags: Mapping[str, str],
    *,
    scalars: Scalars,
    start: float,
) -> None:
    """Write one run; until its last number is written, MLflow calls it running."""
    seconds = 0.0 if row["status"] == "failed" else row["seconds"]
    begun, ended = round(1000 * start), round(1000 * (start + seconds))
    name = f"{tags['arm']},seed={tags['seed']}"
    run = client.create_run(experiment, start_time=begun, run_name=name).info.run_id
    params = [Param(key(name), str(value)) for name, value in read_settings(row).items()]
    client.log_batch(run, params=params, tags=[RunTag(name, value) for name, value in tags.items()])
    metrics = (
        Metric(name, number, round(begun + 1000 * seconds * step / row["steps"]), step)
        for step, numbers in sorted(scalars.items())
        for name, number in numbers.items()
    )
    while batch := list(itertools.islice(metrics, MOST_METRICS)):
        client.log_batch(run, metrics=batch)
    client.set_terminated(run, "FAILED" if row["status"] == "failed" else "FINISHED", ended)
