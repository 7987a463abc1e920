"""This process as the worker: when it is, what it says of warnings, and how it leaves torch behind."""

import dataclasses
import warnings
from collections import deque

import pytest
import torch

from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.sweeps import pack_size, process_pool, worker
from bnexp.sweeps.in_process import InProcess, trains_here
from bnexp.sweeps.protocol import Event, Extras, Kind
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.assignments import assign
from tests.support.lanes import small_data, small_run

RUN = small_run(dtype="float32")
LONG = dataclasses.replace(RUN, steps=10**6)
SEEDS = [dataclasses.replace(RUN, seed=seed) for seed in range(2)]


@pytest.mark.parametrize(
    ("runs", "resources", "here"),
    [
        ([LONG], Resources("cpu"), True),
        ([LONG, dataclasses.replace(LONG, norm_eps=0.5)], Resources("cpu", lanes=2), True),  # one run: it has no norm
        ([LONG, dataclasses.replace(LONG, seed=1)], Resources("cpu", lanes=2), False),
        (SEEDS, Resources("cpu", lanes=2), True),
        ([RUN], Resources("cpu", workers=1), False),
        ([LONG, dataclasses.replace(LONG, seed=1)], Resources("cpu", workers=0), True),
    ],
)
def test_this_process_trains_one_run_or_little_work_unless_workers_are_asked_for(runs, resources, here):
    assert trains_here(runs, resources) == here


def test_the_first_sweep_on_a_machine_has_workers_because_they_measure_how_large_packs_should_be(tmp_path, monkeypatch):
    monkeypatch.setattr(pack_size, "cache_folder", lambda: tmp_path)
    assert not trains_here(SEEDS, Resources("cpu"))
    pack_size.fast_bytes("cpu", lambda: [{"8": 1.0}])
    assert trains_here(SEEDS, Resources("cpu"))


def test_a_single_run_is_trained_without_a_worker_and_without_measuring_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(process_pool.ProcessPool, "_start_worker", lambda _: pytest.fail("a worker was started"))
    monkeypatch.setattr(pack_size, "cache_folder", lambda: pytest.fail("the machine was measured"))
    resources, record = Resources("cpu"), SweepRecord()
    rows = train_sweep([RUN], [small_data()], Store(tmp_path), resources=resources, save_weights=False, record=record)
    assert rows["status"].tolist() == ["done"]
    (sweep,) = Store(tmp_path).sweeps
    assert set(sweep.threads.values()) == {1}


def test_torch_has_as_many_threads_after_a_pack_as_before(tmp_path):
    before = torch.get_num_threads()
    with InProcess(Store(tmp_path), "cpu", Extras()) as workers:
        workers.share([small_data()])
        events = workers.train(deque([assign("a", [RUN], threads=before + 1)]))
        seen = {torch.get_num_threads() for _ in events}
    assert seen == {before + 1}
    assert torch.get_num_threads() == before


def test_a_warning_is_told_once_as_an_event_of_the_pack_and_not_printed(tmp_path, monkeypatch, capfd):
    def train_pack(*_):
        for step in range(2):
            warnings.warn("beware", UserWarning, stacklevel=1)
            yield Event(Kind.point, step=step)
        yield Event(Kind.stored)

    monkeypatch.setattr(worker, "train_pack", train_pack)
    with warnings.catch_warnings(), InProcess(Store(tmp_path), "cpu", Extras()) as workers:
        warnings.simplefilter("default")
        workers.share([small_data()])
        events = [event for _, event in workers.train(deque([assign("a", [RUN])]))]
    assert [event.kind for event in events] == [Kind.warned, Kind.point, Kind.point, Kind.stored]
    assert events[0].text == "UserWarning: beware"
    assert capfd.readouterr() == ("", "")
