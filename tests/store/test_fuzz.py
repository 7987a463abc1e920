"""Whatever lies in a store, it is read or it is a sentence: records and tables, damaged as nobody would."""

import contextlib
import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnexp.errors import UserError
from bnexp.store.records import SweepRecord, decode_record
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.fuzzing import QUICK, damage, damaged, fuzz
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


def vary_record(rng, text):
    """Return `text` with damage, or a record in which values are those of other keys or of none."""
    if rng.random() < 0.5:
        return damage(rng, text.encode("utf-8", "replace")).decode(errors="replace")
    plain = dict(PLAIN)
    for key in rng.choices(list(PLAIN), k=2):
        plain[key] = draw_json(rng, 3)
    return json.dumps(plain)


def draw_json(rng, depth):
    """Return a value of JSON, of lists within tables `depth` deep at most, or one that a record of ours holds."""
    scalars = (None, True, 0, -1, 1, 2**70, 1e999, float("nan"), "", "a", "../a", "\ud800", "\0", rng.random())
    kind = rng.randrange(4 if depth else 2)
    if kind == 0:
        return rng.choice(scalars)
    if kind == 1:
        return rng.choice(list(PLAIN.values()))
    inner = [draw_json(rng, depth - 1) for _ in range(rng.randrange(3))]
    if kind == 2:
        return inner
    return {rng.choice(("name", "root", "study", "data", "p", "../p", "", "\udfff")): value for value in inner}


@pytest.mark.fuzz
def test_a_million_records_end_in_a_sentence():
    assert fuzz(check_record, RECORDS, vary_record, 1_000_000) < 2**28


@pytest.fixture(scope="module")
def store():
    """A store of one small pack, in memory where there is such a folder, for it is read again and again."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of a name that nobody can guess is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        store = Store(Path(folder) / "store")
        settings = {"resources": Resources(DEVICE, workers=0, lanes=2), "save_weights": False, "record": SweepRecord()}
        runs = [small_run(seed=seed, dtype="float32") for seed in range(2)]
        train_sweep(runs, [small_data()], store, **settings, probes="basic")
        yield store


def damaged_tables(store):
    """Return what draws the path of a file of the store, and its content with damage."""
    paths = [path for kind in ("runs", "curves", "layers") for path in (store.path / kind).iterdir()]
    return st.one_of(*(st.tuples(st.just(path), damaged(path.read_bytes())) for path in paths))


def checker(store):
    """Return what puts damaged content into a file of the store and reads it in every way in which it is read."""
    whole = {path: path.read_bytes() for kind in ("runs", "curves", "layers") for path in (store.path / kind).iterdir()}
    (pack,), rows = {path.stem for path in whole}, store.runs
    ways = {
        "runs": (
            store.read_runs,
            store.check_semantics,
            lambda: store.probes_of(pack),
            lambda: store.curves,
            lambda: store.correct_of(store.read_runs()),
        ),
        "curves": (lambda: store.curves_of(rows),),
        "layers": (lambda: store.layers_of(rows),),
    }

    def check(table):
        path, content = table
        path.write_bytes(content)
        for read in ways[path.parent.name]:
            with contextlib.suppress(UserError):
                read()
        with contextlib.suppress(UserError):
            store.set_aside_broken()
        if (store.path / "broken").exists():
            assert not any(there.exists() for there in whole)
            shutil.rmtree(store.path / "broken")
            for other, there in whole.items():
                other.write_bytes(there)
        path.write_bytes(whole[path])

    return check


def test_no_table_ends_in_another_error(store):
    QUICK(given(damaged_tables(store))(checker(store)))()


def table_varier(store):
    """Return what puts little damage into a table: in its footer, or among its pages."""
    whole = {path: path.read_bytes() for kind in ("runs", "curves", "layers") for path in (store.path / kind).iterdir()}

    def vary(rng, table):
        content = whole[table[0]]
        footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        start = rng.choice((0, footer))
        if rng.random() < 0.3:
            return table[0], content[:start] + damage(rng, content[start:])
        place, new = rng.randrange(start, len(content)), rng.randbytes(rng.choice((1, 1, 2, 4)))
        return table[0], content[:place] + new + content[place + len(new) :]

    return vary


@pytest.mark.fuzz
def test_twenty_thousand_tables_end_in_a_sentence(store):
    assert fuzz(checker(store), damaged_tables(store), table_varier(store), 20_000) < 2**29
