"""Whatever lies in a store, it is read or it is a sentence: records and tables, damaged as nobody would."""

import contextlib
import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnexp.errors import UserError
from bnexp.store.records import SweepRecord, decode_record
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.fuzzing import QUICK, damaged, fuzz
from tests.support.lanes import DEVICE, small_data, small_run

RECORD = SweepRecord(
    command="bnexp -m seed=0,1", configuration={"study": {"name": "why"}, "data": {"name": "digits", "root": None}},
    axes={"seed": [0, 1]}, data={"digits": "d1"}, asked=["a", "b"], packs={"p": ["a", "b"]}, threads={"p": 2},
)  # fmt: skip
PLAIN = json.loads(RECORD.encode())
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
RECORDS = st.one_of(
    st.text(max_size=99),
    VALUES.map(json.dumps),
    st.dictionaries(st.sampled_from(list(PLAIN)), VALUES, max_size=3).map(lambda wrong: json.dumps({**PLAIN, **wrong})),
    damaged(RECORD.encode().encode()).map(lambda content: content.decode(errors="replace")),
)


def check_record(text):
    """A record that is read can be used as those of ours are, and written again."""
    try:
        record = decode_record(text)
    except ValueError:
        return
    assert record.study.get("name") != 0
    assert (record.configuration.get("data") or {"root": None})["root"] != 0
    assert all(set(ids) for ids in record.packs.values())
    assert not any(record.threads.get(name) == 0 for name in record.packs)
    assert record.created < "~" or record.created
    assert decode_record(record.encode()).packs == record.packs


@QUICK
@given(RECORDS)
def test_no_record_ends_in_another_error(text):
    check_record(text)


@pytest.mark.fuzz
def test_four_hundred_thousand_records_end_in_a_sentence():
    assert fuzz(check_record, RECORDS, 400_000) < 2**28


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store of one small pack, for it is read again and again."""
    store = Store(tmp_path_factory.mktemp("fuzz") / "store")
    settings = {"resources": Resources(DEVICE, workers=0, lanes=2), "save_weights": False, "record": SweepRecord()}
    runs = [small_run(seed=seed, dtype="float32") for seed in range(2)]
    train_sweep(runs, [small_data()], store, **settings, probes="basic")
    return store


def damaged_tables(store):
    """Return what draws the path of a file of the store, and its content with damage."""
    paths = [path for kind in ("runs", "curves", "layers") for path in (store.path / kind).iterdir()]
    return st.one_of(*(st.tuples(st.just(path), damaged(path.read_bytes())) for path in paths))


def checker(store):
    """Return what puts damaged content into a file of the store and reads it in every way."""
    whole = {path: path.read_bytes() for kind in ("runs", "curves", "layers") for path in (store.path / kind).iterdir()}
    (pack,) = {path.stem for path in whole}
    ways = (
        store.set_aside_broken, store.read_runs, store.check_semantics, lambda: store.probes_of(pack),
        lambda: store.curves, lambda: store.layers, lambda: store.correct_of(store.read_runs()),
    )  # fmt: skip

    def check(table):
        path, content = table
        path.write_bytes(content)
        for read in ways:
            with contextlib.suppress(UserError):
                read()
            if (store.path / "broken").exists():
                assert read == ways[0]
                assert not path.exists()
                shutil.rmtree(store.path / "broken")
                for other, there in whole.items():
                    other.write_bytes(there)
                path.write_bytes(content)
        path.write_bytes(whole[path])

    return check


def test_no_table_ends_in_another_error(store):
    QUICK(given(damaged_tables(store))(checker(store)))()


@pytest.mark.fuzz
def test_twenty_thousand_tables_end_in_a_sentence(store):
    assert fuzz(checker(store), damaged_tables(store), 20_000) < 2**29
