"""How long a sweep will take, from what its parts were measured to take."""

import dataclasses
import time

import pytest
import torch

from bnexp.choices import Probes
from bnexp.engine.packs import packs
from bnexp.store.store import Store
from bnexp.sweeps import calibration
from bnexp.sweeps.forecasts import MOST_SHAPES, STORING, forecast
from bnexp.sweeps.protocol import Assignment
from bnexp.sweeps.sweep import Resources, train_sweep
from bnexp.sweeps.sweep import forecast as forecast_sweep
from tests.support.lanes import pack_of, small_data, small_run

DATA = {small_data().setting: small_data()}


class Measured:
    """Workers that answer at once: one needs 2 s a step, the other 4 s."""

    def __init__(self):
        self.orders = []

    def wait(self):
        pass

    def ask(self, order):
        self.orders.append(order)
        return [{"begin": 1.0, "evaluation": 10.0, "step": step, "memory": step * 1e6} for step in (2.0, 4.0)]


def given(name, **changes):
    return Assignment(name, pack_of([small_run(steps=20, evaluate=6, **changes)]))


def seconds(planned, workers):
    hands = Measured()
    found = forecast(9, planned, DATA, hands, "cpu", workers, started=-1e9)
    started = forecast(9, planned[:1], DATA, Measured(), "cpu", 1, started=-1e9).seconds - ONE
    return found, found.seconds - started, hands


ONE = 1 + 5 * 10 + 20 * 3 + STORING  # a start, five evaluations (at 0, 6, 12, 18, 20), twenty steps of 3 s on average


@pytest.mark.parametrize(("packs", "workers", "rounds"), [(1, 1, 1), (2, 2, 1), (3, 2, 2), (5, 2, 3), (5, 1, 5)])
def test_packs_are_dealt_to_the_worker_that_is_free_first(packs, workers, rounds):
    found, took, hands = seconds([given(str(n), seed=n) for n in range(packs)], workers)
    assert took == pytest.approx(rounds * ONE, abs=0.1)
    assert (found.workers, found.memory) == (workers, 4e6)
    assert len(hands.orders) == 1  # one shape


def test_each_shape_is_measured_on_its_largest_pack_and_many_shapes_share_the_time():
    planned = [given(str(n), hidden=(100 - n,)) for n in range(MOST_SHAPES + 3)]
    _, _, hands = seconds(planned, 1)
    assert [order["assignment"]["name"] for order in hands.orders] == [str(n) for n in range(MOST_SHAPES)]
    assert sum(order["seconds"] for order in hands.orders) == pytest.approx(2)


def test_nothing_to_train_takes_no_time_and_asks_nobody():
    found = forecast(9, [], DATA, Measured(), "cpu", 2, started=0.0)
    assert (found.asked, found.seconds, found.workers) == (9, 0, 0)


def test_a_forecast_trains_and_writes_nothing_and_knows_what_is_stored(tmp_path):
    runs = [small_run(seed=s, dtype="float32") for s in range(3)]
    store, means = Store(tmp_path / "store"), Resources("cpu", workers=0, lanes=2)
    found = forecast_sweep(runs, [small_data()], store, means=means, save_weights=False, started=0.0)
    assert not store.path.exists()
    assert (found.asked, sum(len(one.pack.runs) for one in found.planned)) == (3, 3)
    assert found.seconds > 0
    assert found.memory > 2**20
    train_sweep(runs[:2], [small_data()], store, means=means, save_weights=False, record={})
    longer = [dataclasses.replace(runs[2], seed=9), *runs]
    found = forecast_sweep(longer, [small_data()], store, means=means, save_weights=False, started=0.0)
    assert (found.asked, sum(len(one.pack.runs) for one in found.planned)) == (4, 2)


def test_what_is_measured_inside_the_layers_is_part_of_an_evaluation(monkeypatch):
    (pack,) = packs([small_run(dtype="float32")], 1)
    monkeypatch.setattr(calibration.probes, "measure", lambda *_: time.sleep(0.3))
    paces = [
        calibration.time_pack(Assignment("a", pack), small_data(), torch.device("cpu"), 0.01, level)
        for level in (Probes.none, Probes.basic)
    ]
    assert paces[1]["evaluation"] >= 0.3 > paces[0]["evaluation"]
