"""The records of commands: their keys on disk, and records that other versions wrote."""

import json

import pytest

from bnexp.errors import UserError
from bnexp.store.records import SweepRecord, decode_record
from bnexp.store.store import Store

KEYS = [
    *("created", "command", "configuration", "axes", "data", "asked", "packs", "threads", "semantics"),
    *("device", "machine", "versions", "git"),
]
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
    assert list(json.loads((tmp_path / "sweeps" / "one.json").read_text())) == KEYS
    assert Store(tmp_path).sweeps == [RECORD]


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


@pytest.mark.parametrize("text", ["no json", "[1, 2]", ""])
def test_a_record_that_is_no_record_is_one_sentence(text, tmp_path):
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "x.json").write_text(text)
    with pytest.raises(UserError, match=r"x\.json must be the JSON that bnexp wrote; got '.+': move it away"):
        _ = Store(tmp_path).sweeps
