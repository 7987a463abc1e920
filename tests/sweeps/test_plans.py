"""Plans: what is missing is trained once, in packs that earlier sweeps planned, or in new ones of the right size."""

import dataclasses
import itertools
import json

import pytest

from bnexp.runs import Run, identity
from bnexp.store.records import SweepRecord
from bnexp.sweeps import pack_size
from bnexp.sweeps.plans import MEMORY, Machine, lane_bytes, name_pack, plan
from tests.support.assignments import assign, ids_of
from tests.support.lanes import small_data, small_run

DATA = {small_data().setting: small_data()}
MACHINE = Machine("cpu", workers=2, cores=2, fast_bytes=1e9, lanes=4)


def asked(runs):
    return {identity(run, small_data().digest): run for run in runs}


RUNS = [small_run(lr=lr, seed=s) for s, lr in itertools.product(range(4), (0.1, 0.2, 0.3))]


def recorded(planned):
    return SweepRecord(
        packs={one.name: list(ids_of(one.pack.runs)) for one in planned},
        threads={one.name: one.threads for one in planned},
    )


def test_each_missing_run_is_planned_once_and_the_plan_is_a_function_of_the_set():
    planned = plan(asked(RUNS), [], DATA, MACHINE)
    assert sorted((run for one in planned for run in one.pack.runs), key=repr) == sorted(RUNS, key=repr)
    assert plan(asked(reversed(RUNS)), [], DATA, MACHINE) == planned
    assert all(len(one.pack.runs) <= 4 for one in planned)


def test_what_a_sweep_left_is_trained_in_the_packs_it_had_planned():
    planned = plan(asked(dataclasses.replace(run, hidden=(300, 8)) for run in RUNS), [], DATA, MACHINE)
    left = planned[1:]
    missing = asked(run for one in left for run in one.pack.runs)
    other = dataclasses.replace(MACHINE, workers=5, cores=10, lanes=12)
    assert plan(missing, [], DATA, other) != left
    assert plan(missing, [recorded(planned)], DATA, other) == left  # with the threads it had planned, too


def test_a_wider_sweep_first_finishes_the_packs_of_a_narrower_one_that_was_cut_off():
    narrow = plan(asked(RUNS[:6]), [], DATA, MACHINE)
    wide = plan(asked(RUNS), [recorded(narrow)], DATA, MACHINE)
    assert {one.name for one in narrow} < {one.name for one in wide}
    assert sorted(run.seed for one in wide for run in one.pack.runs) == sorted(run.seed for run in RUNS)


def test_a_pack_of_which_a_run_is_stored_or_not_asked_is_planned_anew():
    planned = plan(asked(RUNS), [], DATA, MACHINE)
    gone = planned[0].pack.runs[0]
    again = plan(asked(run for run in RUNS if run != gone), [recorded(planned)], DATA, MACHINE)
    assert planned[0].name not in {one.name for one in again}
    assert {one.name for one in planned[1:]} < {one.name for one in again}
    assert sum(len(one.pack.runs) for one in again) == len(RUNS) - 1


def test_a_planned_pack_of_more_lanes_than_are_now_asked_for_is_cut():
    planned = plan(asked(RUNS), [], DATA, MACHINE)
    again = plan(asked(RUNS), [recorded(planned)], DATA, dataclasses.replace(MACHINE, lanes=2))
    assert max(len(one.pack.runs) for one in again) == 2


def test_the_costliest_packs_come_first():
    runs = [small_run(steps=10), small_run(steps=500), small_run(hidden=(200, 8)), small_run(batch_size=30)]
    steps = [one.pack.runs[0] for one in plan(asked(runs), [], DATA, MACHINE)]
    assert steps == [runs[1], runs[2], runs[3], runs[0]]


def test_threads_are_the_cores_that_a_worker_has_for_itself():
    machine = dataclasses.replace(MACHINE, workers=8, cores=8, lanes=32)
    runs = [dataclasses.replace(run, hidden=(300, 8)) for run in RUNS]
    assert {one.threads for one in plan(asked(runs[:1]), [], DATA, machine)} == {8}
    assert {one.threads for one in plan(asked(runs[:2]), [], DATA, machine)} == {4}
    assert {one.threads for one in plan(asked(runs), [], DATA, machine)} == {1}
    assert {one.threads for one in plan(asked(runs), [], DATA, dataclasses.replace(machine, cores=None))} == {None}


def test_a_second_thread_has_no_part_in_a_small_pack_unless_that_was_planned_before():
    machine = dataclasses.replace(MACHINE, workers=8, cores=8, lanes=32)
    (alone,) = plan(asked(RUNS[:1]), [], DATA, machine)
    assert alone.threads == 1
    earlier = dataclasses.replace(recorded([alone]), threads={alone.name: 3})
    assert [one.threads for one in plan(asked(RUNS[:1]), [earlier], DATA, machine)] == [3]
    (long,) = plan(asked([dataclasses.replace(RUNS[0], hidden=(190,) * 40)]), [], DATA, machine)  # of many layers
    assert long.threads == 8


def test_packs_are_as_large_as_is_fast_and_fits_into_memory():
    few = 5 * lane_bytes(RUNS[0], 13, 4) + 1
    machine = Machine("cpu", workers=1, cores=1, fast_bytes=few)
    assert max(len(one.pack.runs) for one in plan(asked(RUNS), [], DATA, machine)) <= 5
    wide = [dataclasses.replace(run, hidden=(20_000,)) for run in RUNS]
    endless = dataclasses.replace(machine, fast_bytes=1e15)
    most = max(len(one.pack.runs) for one in plan(asked(wide), [], DATA, endless))
    assert 1 <= most <= MEMORY["cpu"] / lane_bytes(wide[0], 13, 4)
    assert most < len(RUNS)
    huge = [dataclasses.replace(run, hidden=(10**9,)) for run in RUNS[:2]]
    assert [len(one.pack.runs) for one in plan(asked(huge), [], DATA, machine)] == [1, 1]


def test_a_lane_holds_its_parameters_and_more_under_adam():
    run = small_run(dtype="float32")
    parameters = 13 * 11 + 3 * 11 + 11 * 8 + 3 * 8 + 8 * 4 + 3 * 4
    assert lane_bytes(run, 13, 4) == 4 * (parameters + 9 * (3 * 19 + 8))
    adam = dataclasses.replace(run, optimizer="adam")
    assert lane_bytes(adam, 13, 4) - lane_bytes(run, 13, 4) == 4 * 3 * parameters
    assert lane_bytes(dataclasses.replace(run, dtype="float64"), 13, 4) == 2 * lane_bytes(run, 13, 4)


@pytest.mark.parametrize("grid", [(4, 3), (1, 6), (3, 1), (1, 1)])
def test_the_halves_of_a_pack_hold_its_runs_and_are_marked(grid):
    seeds, arms = grid
    whole = assign("abc", [small_run(lr=0.1 + a, seed=s) for s in range(seeds) for a in range(arms)], threads=2)
    pack, halves = whole.pack, whole.halves()
    assert sorted((run for half in halves for run in half.pack.runs), key=repr) == sorted(pack.runs, key=repr)
    assert all(half.retried and half.threads == 2 and half.name.startswith("abc-") for half in halves)
    assert len({half.name for half in halves}) == len(halves) == min(2, len(pack.runs))
    assert max(len(half.pack.runs) for half in halves) <= -(-len(pack.runs) * 2 // 3)


def test_a_planned_pack_carries_the_ids_of_its_runs_also_where_an_earlier_sweep_planned_it():
    first = plan(asked(RUNS), [], DATA, MACHINE)
    again = plan(asked(RUNS), [recorded(first)], DATA, MACHINE)
    halves = [half for one in first for half in one.halves()]
    for one in (*first, *again, *halves):
        assert one.ids == ids_of(one.pack.runs)


def test_the_name_of_a_pack_is_that_of_its_runs_in_their_lanes():
    assert name_pack(["a", "b"]) == name_pack(["a", "b"]) != name_pack(["b", "a"])


def test_how_large_packs_should_be_is_measured_once_and_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr("bnexp.sweeps.pack_size.cache_folder", lambda: tmp_path)
    asked_for = []

    def measure():
        asked_for.append(1)
        return [{"8": 1.0, "16": 1.02, "32": 1.5}, {"8": 1.0, "16": 1.02, "32": 1.5}]

    first, second = (pack_size.fast_bytes("cpu", measure) for _ in range(2))
    assert first == second == 16 * lane_bytes(Run(steps=1, evaluate=1), 784, 10)
    assert len(asked_for) == 1
    assert pack_size.fast_bytes("cuda", measure) > 0
    assert len(asked_for) == 2
    (tmp_path / "machine.json").write_text("no json")
    assert pack_size.fast_bytes("cpu", measure) > 0
    assert len(asked_for) == 3


def test_of_packs_that_are_equally_fast_the_largest_is_taken():
    assert pack_size.largest_fast_pack({"8": 1.0, "16": 1.02, "32": 1.5}) == 16
    assert pack_size.largest_fast_pack({"8": 2.0, "16": 1.5, "32": 1.0}) == 32
    assert pack_size.largest_fast_pack({"8": 1.0, "16": 1.2, "32": 1.5}) == 8


def test_a_plan_that_somebody_has_changed_is_passed_over():
    runs = {f"{lr}-{seed}": small_run(lr=lr, seed=seed) for lr in (0.1, 0.2) for seed in range(2)}
    runs["other"] = small_run(hidden=(9,), seed=2)
    whole = plan(runs, [], DATA, MACHINE)
    for ids in (["0.1-0", "0.2-1"], ["0.1-0", "0.1-1", "0.2-0"], ["0.1-0", "other"], ["0.1-0", "nobody"]):
        assert plan(runs, [SweepRecord(packs={"changed": ids})], DATA, MACHINE) == whole
    kept = plan(runs, [SweepRecord(packs={"kept": ["0.2-0", "0.2-1"]})], DATA, MACHINE)
    assert "kept" in {assignment.name for assignment in kept}


@pytest.mark.parametrize(
    "content",
    [b"{}", b"[]", b"null", bytes(99), b"[" * 99_999, b'{"KEY": {}}', b'{"KEY": [1]}', b'{"KEY": {"8": -1.0}}',
     b'{"KEY": {"many": 1.0}}', b'{"KEY": {"8": NaN}}'],
)  # fmt: skip
def test_a_damaged_memory_of_this_machine_is_measured_again(content, tmp_path, monkeypatch):
    monkeypatch.setattr("bnexp.sweeps.pack_size.cache_folder", lambda: tmp_path)
    path, measured = tmp_path / "machine.json", [{"8": 2.0, "16": 1.0}]
    assert pack_size.fast_bytes("cpu", lambda: measured) > 0
    (key,) = json.loads(path.read_text(encoding="utf-8"))
    path.write_bytes(content.replace(b"KEY", json.dumps(key)[1:-1].encode()))
    whole = pack_size.fast_bytes("cpu", lambda: measured)
    assert whole == pack_size.fast_bytes("cpu", lambda: pytest.fail("it was not remembered"))
