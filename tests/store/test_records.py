"""The records of commands: their keys on disk, and records that other versions wrote."""

import dataclasses
import json
import re

import pytest

from bnexp.store.frozen import FrozenArm, FrozenContrast, FrozenPlan
from bnexp.store.records import SweepRecord, decode_record, find_confirmation, list_confirmatory
from bnexp.store.store import Store

KEYS = [
    *("created", "command", "configuration", "axes", "data", "files", "about", "asked", "packs", "threads"),
    *("semantics", "device", "machine", "versions", "git", "confirm", "sources"),
]
PLAN = FrozenPlan(
    frozen="2026-01-01 09:00:00+00:00",
    compared="placement",
    metric="test_accuracy",
    scope="question",
    arms=tuple(
        FrozenArm(settings={"placement": placement, "lr": 0.3, "steps": 40, "evaluate": 10, "hidden": [9, 8]}, tried=5)
        for placement in ("pre", "post")
    ),
    contrasts=(
        FrozenContrast(cell={"activation": "relu"}, a=1, b=0, direction=1, n=5, mean=0.1, sd=0.1, upper_sd=0.2),
    ),
    effect=0.002,
    power=0.9,
    alpha=0.05,
    margin=0.001,
    n=2,
    first_seed=5,
    rests_on=("2026-01-01 08:00:00+00:00",),
)
RECORD = SweepRecord(
    created="2026-01-01 10:00:00+00:00",
    command="bnexp -m 'seed=0,1' name=größe",
    configuration={"study": {"name": "why", "question": "Why?"}, "data": {"name": "digits", "root": None}},
    axes={"seed": [0, 1]},
    data={"digits": "d1" * 32},
    asked=["a", "b"],
    packs={"p": ["a", "b"]},
    threads={"p": 2},
    semantics=1,
    device="cpu",
    machine="Linux",
    versions={"torch": "2.13.0"},
    git={"commit": "c" * 40, "dirty": True},
)


def test_a_record_is_read_as_it_was_written_and_its_keys_on_disk_are_the_documented_ones(tmp_path):
    Store(tmp_path).write_sweep("one", RECORD)
    assert list(json.loads((tmp_path / "sweeps" / "one.json").read_text(encoding="utf-8"))) == KEYS
    assert Store(tmp_path).sweeps == [RECORD]


FROZEN = dataclasses.replace(RECORD, asked=["a", "b", "c", "d"], packs={}, threads={}, confirm=PLAN)


def test_a_frozen_plan_is_read_as_it_was_written(tmp_path):
    Store(tmp_path).write_sweep("one", FROZEN)
    assert Store(tmp_path).sweeps == [FROZEN]
    (read,) = Store(tmp_path).sweeps
    assert [(run.placement, run.lr, run.hidden, run.seed) for run in read.confirm.runs] == [
        (placement, 0.3, (9, 8), seed) for placement in ("pre", "post") for seed in (5, 6)
    ]
    assert read.confirm.encode() == PLAN.encode()


def test_runs_that_were_frozen_are_told_from_explored_ones_and_the_oldest_plan_counts():
    later = dataclasses.replace(FROZEN, created="2027", asked=["e", "f", "g", "h"])
    assert list_confirmatory([RECORD, FROZEN, later]) == set("abcdefgh")
    assert find_confirmation([later, RECORD, FROZEN]) == FROZEN
    assert (list_confirmatory([RECORD]), find_confirmation([RECORD])) == (frozenset(), None)


def test_records_come_oldest_first_whatever_their_names(tmp_path):
    for name, day in (("a", 3), ("b", 1), ("c", 2)):
        Store(tmp_path).write_sweep(name, SweepRecord(created=f"2026-01-0{day}"))
    assert [record.created[-1] for record in Store(tmp_path).sweeps] == ["1", "2", "3"]


def test_a_record_of_another_version_may_lack_keys_and_have_others():
    record = decode_record(json.dumps({"command": "bnexp", "created": "2026", "mood": "good", "git": None}))
    assert (record.command, record.created, record.git) == ("bnexp", "2026", None)
    assert (record.packs, record.threads, record.study, record.asked) == ({}, {}, {}, ())


def test_the_study_of_a_record_is_empty_if_it_was_none():
    assert RECORD.study["name"] == "why"
    assert decode_record('{"configuration": {"study": null}}').study == {}


def without(**wrong):
    return json.dumps({**dataclasses.asdict(RECORD), **wrong}).encode()


def unfrozen(**wrong):
    return json.dumps({**dataclasses.asdict(FROZEN), "confirm": {**PLAN.encode(), **wrong}}).encode()


DAMAGED = {
    "no json": b"no json",
    "a list": b"[1, 2]",
    "nothing": b"",
    "null bytes": bytes(4096),
    "null bytes within": RECORD.encode().encode().replace(b"packs", b"pa\0ks"),
    "cut off": RECORD.encode().encode()[:-20],
    "no UTF-8": RECORD.encode().encode("latin-1"),
    "brackets": b"[" * 100_000,
    "digits": b"9" * 100_000,
    "a list of packs": without(packs=[["a", "b"]]),
    "packs of text": without(packs={"p": "ab"}),
    "packs of numbers": without(packs={"p": [1, 2]}),
    "an empty pack": without(packs={"p": []}),
    "a run twice": without(packs={"p": ["a", "a"]}),
    "a pack outside": without(packs={"../../p": ["a"]}),
    "hidden pack": without(packs={".p": ["a"]}),
    "threads": without(threads={"p": -1}),
    "threads of text": without(threads={"p": "2"}),
    "a time": without(created=5),
    "half a character": without(command="\ud800"),
    "half a character in a value that is only kept": without(axes={"\udfff": [1]}),
    "configuration": without(configuration=[]),
    "study": without(configuration={"study": "why"}),
    "data of the configuration": without(configuration={"data": "digits"}),
    "asked": without(asked={"a": 1}),
    "files": without(files={"mine.csv": "/mine.csv"}),
    "a file without a path": without(files={"mine.csv": {}}),
    "a file and its test set": without(files={"mine.csv": {"path": "/mine.csv", "test": [1]}}),
    "a share of tests": without(files={"mine.csv": {"path": "/mine.csv", "test": 2}}),
    "a scale": without(files={"mine.csv": {"path": "/mine.csv", "scale": "1"}}),
    "about": without(about={"mine.csv": 1}),
    "axes": without(axes=[1]),
    "data": without(data={"digits": None}),
    "versions": without(versions=["torch"]),
    "semantics": without(semantics="1"),
    "git": without(git="c" * 40),
    "device": without(device=None),
    "a plan of text": without(confirm="yes"),
    "an empty plan": without(confirm={}),
    "a plan of other runs": unfrozen(n=3),
    "a plan without arms": unfrozen(arms=[]),
    "a plan of an arm that is none": unfrozen(arms=[{"settings": {"lr": -1}}] * 2),
    "a plan of one arm twice": unfrozen(arms=[PLAN.encode()["arms"][0]] * 2),
    "a plan of an arm that is not there": unfrozen(contrasts=[{**PLAN.encode()["contrasts"][0], "a": 7}]),
    "a plan without a direction": unfrozen(contrasts=[{**PLAN.encode()["contrasts"][0], "direction": 0}]),
    "a plan whose cell is a list": unfrozen(contrasts=[{**PLAN.encode()["contrasts"][0], "cell": []}]),
    "a plan without contrasts": unfrozen(contrasts=[]),
    "a plan without a margin": unfrozen(margin=0),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_record_is_passed_over_with_one_sentence(content, tmp_path):
    Store(tmp_path).write_sweep("whole", RECORD)
    (tmp_path / "sweeps" / "x.json").write_bytes(content)
    assert Store(tmp_path).sweeps == [RECORD]
    (sentence,) = Store(tmp_path).describe_damaged_records()
    assert re.fullmatch(r"\S+x\.json must be the JSON that bnexp wrote; got '.+': it is passed over, and .+", sentence)


def test_an_empty_record_is_one_of_which_nothing_is_known(tmp_path):
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "x.json").write_text("{}")
    assert Store(tmp_path).sweeps == [SweepRecord()]


@pytest.mark.parametrize(("typed", "read"), [("\udcff", "\ufffd"), ("gr\udcc3\udcb6\udcc3\udc9fe", "größe")])
def test_a_command_that_the_locale_could_not_read_is_recorded_as_utf_8(typed, read, tmp_path):
    Store(tmp_path).write_sweep("x", SweepRecord(command=typed))
    assert [record.command for record in Store(tmp_path).sweeps] == [read]
