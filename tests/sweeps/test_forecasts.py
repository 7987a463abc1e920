"""How long a sweep will take, from what its parts were measured to take."""

import dataclasses
import time

import pytest
import torch

from bnexp.choices import Probes
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.sweeps import calibration
from bnexp.sweeps.forecasts import MAX_SHAPES, STORING, forecast
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import forecast_sweep, train_sweep
from tests.support.assignments import assign
from tests.support.lanes import small_data, small_run

DATA = {small_data().setting: small_data()}


class Measured:
    """Workers that answer at once: one needs 2 s a step, the other 4 s."""

    def __init__(self):
        self.orders = []

    def wait(self):
        pass

    def measure(self, order):
        self.orders.append(order)
        return [{"begin": 1.0, "evaluation": 10.0, "step": step, "memory": step * 1e6} for step in (2.0, 4.0)]


def pack(name, **changes):
    return assign(name, [small_run(steps=20, evaluate=6, **changes)])


def forecast_by(workers, planned, count):
    return forecast(planned, DATA, workers, count=count, asked=9, device="cpu", started=-1e9)


def seconds(planned, count):
    workers = Measured()
    whole = forecast_by(workers, planned, count)
    started = forecast_by(Measured(), planned[:1], 1).seconds - ONE
    return whole, whole.seconds - started, workers


ONE = 1 + 5 * 10 + 20 * 3 + STORING  # a start, five evaluations (at 0, 6, 12, 18, 20), twenty steps of 3 s on average


@pytest.mark.parametrize(("packs", "count", "rounds"), [(1, 1, 1), (2, 2, 1), (3, 2, 2), (5, 2, 3), (5, 1, 5)])
def test_packs_are_dealt_to_the_worker_that_is_free_first(packs, count, rounds):
    whole, took, workers = seconds([pack(str(n), seed=n) for n in range(packs)], count)
    assert took == pytest.approx(rounds * ONE, abs=0.1)
    assert (whole.workers, whole.memory) == (count, 4e6)
    assert len(workers.orders) == 1  # one shape


def test_each_shape_is_measured_on_its_largest_pack_and_many_shapes_share_the_time():
    planned = [pack(str(n), hidden=(100 - n,)) for n in range(MAX_SHAPES + 3)]
    _, _, workers = seconds(planned, 1)
    assert [order.assignment.name for order in workers.orders] == [str(n) for n in range(MAX_SHAPES)]
    assert sum(order.seconds for order in workers.orders) == pytest.approx(2)


def test_nothing_to_train_takes_no_time_and_asks_nobody():
    nothing = forecast_by(Measured(), [], 2)
    assert (nothing.asked, nothing.seconds, nothing.workers) == (9, 0, 0)


def test_a_forecast_trains_and_writes_nothing_and_knows_what_is_stored(tmp_path):
    runs = [small_run(seed=s, dtype="float32") for s in range(3)]
    store, resources = Store(tmp_path / "store"), Resources("cpu", workers=0, lanes=2)
    whole = forecast_sweep(runs, [small_data()], store, resources=resources, save_weights=False, started=0.0)
    assert not store.path.exists()
    assert (whole.asked, sum(len(one.pack.runs) for one in whole.planned)) == (3, 3)
    assert whole.seconds > 0
    assert whole.memory > 2**20
    train_sweep(runs[:2], [small_data()], store, resources=resources, save_weights=False, record=SweepRecord())
    longer = [dataclasses.replace(runs[2], seed=9), *runs]
    rest = forecast_sweep(longer, [small_data()], store, resources=resources, save_weights=False, started=0.0)
    assert (rest.asked, sum(len(one.pack.runs) for one in rest.planned)) == (4, 2)


def test_what_is_measured_inside_the_layers_is_part_of_an_evaluation(monkeypatch):
    assignment = assign("a", [small_run(dtype="float32")])
    monkeypatch.setattr(calibration.probes, "measure", lambda *_: time.sleep(0.3))
    times = [
        calibration.time_pack(assignment, small_data(), torch.device("cpu"), 0.01, level)
        for level in (Probes.none, Probes.basic)
    ]
    assert times[1]["evaluation"] >= 0.3 > times[0]["evaluation"]
