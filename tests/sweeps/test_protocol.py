"""What travels between a sweep and its workers arrives as it was, a line of JSON each."""

import json

import pytest

from bnexp.choices import Probes
from bnexp.engine.packs import shape
from bnexp.sweeps.protocol import (
    Event,
    Extras,
    Kind,
    Setting,
    TimePack,
    TimePackSizes,
    Train,
    decode_event,
    decode_order,
    decode_setting,
    encode,
)
from bnexp.sweeps.shared_memory import SharedArray, SharedData
from tests.support.assignments import assign
from tests.support.lanes import small_run

RUNS = [small_run(lr=lr, seed=s, placement="post") for s in range(2) for lr in (0.1, 1 / 3)]
PACK = assign("abc", RUNS, threads=3, retried=True)


@pytest.mark.parametrize("order", [Train(PACK), TimePack(PACK, 0.25), TimePackSizes()])
def test_an_order(order):
    line = encode(order)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert decode_order(line) == order


def test_the_runs_of_an_order_keep_the_types_of_their_fields():
    decoded = decode_order(encode(Train(PACK)))
    for run, original in zip(decoded.assignment.pack.runs, PACK.pack.runs, strict=True):
        assert shape(run) == shape(original)
        assert repr(run) == repr(original)


def test_the_setting_of_a_worker():
    arrays = {"x_train_ND": SharedArray("<f4", (3, 2), 0), "y_train_N": SharedArray("<i8", (3,), 64)}
    data = SharedData(7, 88, arrays, "digits", 10, "0" * 64, True)
    setting = Setting("a folder/with ü", "cuda", Extras(True, Probes.full), (data, data))
    assert decode_setting(encode(setting)) == setting


def test_an_event():
    event = Event(Kind.point, "tell\nme", step=7, diverged=1, validation=[0.5, 1 / 3], numbers={"a": 0.1})
    assert encode(event).count("\n") == 1
    assert decode_event(encode(event)) == event


def test_an_order_that_nobody_knows_is_not_obeyed():
    with pytest.raises(AssertionError):
        decode_order(json.dumps({"order": "dance"}))


def test_an_assignment_has_an_id_for_every_run():
    with pytest.raises(AssertionError):
        type(PACK)(PACK.name, PACK.pack, PACK.ids[:-1])
