"""What a sweep may ask of its workers: the same of processes and of this process, and whoever else will train packs."""

from collections import deque

import pandas as pd
import pytest

from bnexp.choices import Probes
from bnexp.store.store import Store
from bnexp.sweeps.in_process import InProcess
from bnexp.sweeps.process_pool import ProcessPool
from bnexp.sweeps.protocol import Extras, Kind, TimePack
from bnexp.sweeps.workers import Workers
from tests.support.assignments import assign, ids_of
from tests.support.lanes import small_data, small_run

RUNS = [small_run(lr=lr, seed=s, dtype="float32") for s in range(2) for lr in (0.1, 1e30)]
IMPOSSIBLE = small_run(hidden=(10**12,), dtype="float32")
"""More memory than any machine has."""


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def open_workers(kind, store, extras):
    return InProcess(store, "cpu", extras) if kind == "in_process" else ProcessPool(store, "cpu", extras, 1)


@pytest.fixture(params=["in_process", "processes"])
def opened(request, store):
    """A function that opens workers of one kind, with the small data."""

    def opened(**extras) -> Workers:
        return open_workers(request.param, store, Extras(**extras))

    return opened


@pytest.fixture
def workers(opened):
    """One worker that has the small data."""
    with opened() as workers:
        workers.resize(1)
        workers.share([small_data()])
        yield workers


def kinds(events, name):
    return [event.kind for assignment, event in events if assignment.name == name and event.kind is not Kind.warned]


def test_they_tell_their_device(workers):
    assert workers.describe() == "cpu"


def test_data_that_is_shared_is_what_was_loaded_one_set_after_another(opened):
    loaded = []

    def load():
        loaded.append("small")
        yield small_data()

    with opened() as workers:
        workers.resize(1)
        (data,) = workers.share(load())
    assert loaded == ["small"]
    assert data.setting == small_data().setting
    assert (data.x_train_ND == small_data().x_train_ND).all()


def test_a_pack_is_trained_point_by_point_and_then_it_is_stored_under_the_ids_that_the_sweep_gave_it(workers, store):
    assignment = assign("a", RUNS, threads=1)
    events = list(workers.train(deque([assignment])))
    told = kinds(events, "a")
    assert told[0] is Kind.point
    assert (told.count(Kind.stored), told[-1]) == (1, Kind.stored)
    steps = [event.step for _, event in events if event.kind is Kind.point]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 20)
    rows = store.read_runs()
    assert tuple(rows["run"]) == assignment.ids == ids_of(assignment.pack.runs)
    assert tuple(zip(rows["lr"], rows["seed"], strict=True)) == tuple((r.lr, r.seed) for r in assignment.pack.runs)
    assert rows["pack"].unique().tolist() == ["a"]
    assert tuple(dict.fromkeys(store.curves_of(rows)["run"])) == assignment.ids


def test_the_ids_of_an_assignment_are_taken_as_they_are(workers, store):
    assignment = assign("a", RUNS[:1])
    object.__setattr__(assignment, "ids", ("an id that no run has",))
    list(workers.train(deque([assignment])))
    assert store.read_runs()["run"].tolist() == ["an id that no run has"]


def test_packs_that_are_added_while_others_are_trained_are_trained_too(workers, store):
    queue = deque([assign("first", RUNS[:2])])
    for assignment, event in workers.train(queue):
        if event.kind is Kind.stored and assignment.name == "first":
            queue.append(assign("second", RUNS[2:]))
    assert sorted(store.read_runs()["pack"].unique()) == ["first", "second"]


def test_a_pack_that_cannot_be_trained_is_failed_with_the_reason_and_the_next_one_is_trained(workers, store):
    events = list(workers.train(deque([assign("huge", [IMPOSSIBLE]), assign("small", RUNS)])))
    assert kinds(events, "huge") == [Kind.failed]
    (reason,) = [event.text for assignment, event in events if assignment.name == "huge"]
    assert "Error: " in reason
    assert kinds(events, "small")[-1] is Kind.stored
    assert store.read_runs()["pack"].unique().tolist() == ["small"]


def test_a_pack_that_another_sweep_has_stored_meanwhile_is_not_trained_again(workers, store):
    list(workers.train(deque([assign("a", RUNS)])))
    before = {path: path.stat().st_mtime_ns for path in (store.path / "runs").iterdir()}
    events = list(workers.train(deque([assign("a", RUNS)])))
    assert kinds(events, "a") == [Kind.stored]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_is_asked_besides_is_stored(opened, store):
    with opened(weights=True, probes=Probes.basic) as workers:
        workers.resize(1)
        workers.share([small_data()])
        assignment = assign("a", RUNS)
        list(workers.train(deque([assignment])))
    rows = store.read_runs()
    assert set(rows["probes"]) == {"basic"}
    assert set(store.layers_of(rows)["run"]) == set(assignment.ids)
    done = rows.loc[rows["status"] == "done", "run"]
    assert 0 < len(done) < len(rows)
    assert {path.stem for path in (store.path / "weights").iterdir()} == set(done)


def test_they_measure_how_fast_a_pack_is_trained_and_store_nothing(workers, store):
    workers.wait()
    (answer,) = workers.measure(TimePack(assign("a", RUNS), 0.01))
    assert answer.keys() == {"begin", "evaluation", "step", "memory"}
    assert min(answer.values()) > 0
    assert not (store.path / "runs").exists()


def test_an_error_in_the_sweep_goes_through_and_stops_them(opened):
    workers = opened()

    def interrupted():
        with workers:
            workers.resize(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [worker.process.poll() for worker in getattr(workers, "_workers", [])].count(None) == 0


def test_all_kinds_of_workers_store_the_same_bit_for_bit(tmp_path):
    stores = [Store(tmp_path / kind) for kind in ("in_process", "processes")]
    for store in stores:
        with open_workers(store.path.name, store, Extras(probes=Probes.basic)) as workers:
            workers.resize(1)
            workers.share([small_data()])
            list(workers.train(deque([assign("a", RUNS, threads=1)])))
    here, there = (store.runs.drop(columns="seconds") for store in stores)
    pd.testing.assert_frame_equal(here, there, check_exact=True)
    for kind in ("curves", "layers"):
        here, there = (getattr(store, kind) for store in stores)
        assert len(here)
        pd.testing.assert_frame_equal(here, there, check_exact=True)
