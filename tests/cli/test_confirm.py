"""`bnexp confirm` typed: it freezes, trains fresh seeds, tests once, goes on where it was cut off, refuses the rest."""

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest

from bnexp.cli.usage import USAGE
from bnexp.data import datasets
from bnexp.store.records import list_confirmatory
from bnexp.store.store import Store
from bnexp.sweeps import sweep
from tests.cli.conftest import Command
from tests.support.synthetic import product, rows

SHAPE = ["data=digits", "hidden=[8]", "steps=60", "evaluate=30", "batch_size=40", "name=mine"]
QUICK = ["workers=0", "report=false", "engine.lanes=8"]
BN = ("pre", "post")


@pytest.fixture
def mine(command: Command, tmp_path: Path) -> Store:
    asked = ["-m", "placement=pre,post", "activation=relu,tanh", "lr=0.1,0.5", "seed=range(4)"]
    assert command(*asked, *SHAPE, *QUICK, "outputs=elsewhere").code == 0
    return Store(tmp_path / "elsewhere" / "mine")


def plans(store: Store) -> list[dict[str, object]]:
    read = [json.loads(path.read_text()) for path in sorted((store.path / "sweeps").glob("*.json"))]
    return [record["confirm"] for record in read if record["confirm"]]


def test_from_an_explored_store_to_a_verdict_that_stays(
    mine: Store, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = mine.runs
    words = ["confirm", "elsewhere/mine", "n=7", "effect=5", *QUICK]

    dry = command(*words, "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert "7 fresh seeds, 4 to 10, for each of 4 arms" in " ".join(dry.out.split())
    assert len(mine.sweeps) == 1

    train_packs = sweep._train_packs

    def interrupt(planned: list[object], *rest: object, **options: object) -> None:
        assert plans(mine)[0]["n"] == 7  # the plan is stored before anything of it is trained
        assert set(mine.runs["run"]) == set(before["run"])
        train_packs(planned[:1], *rest, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "_train_packs", interrupt)
    cut = command(*words)
    assert cut.code == 130
    assert "start it again with: bnexp confirm elsewhere/mine n=7 effect=5" in cut.err
    monkeypatch.setattr(sweep, "_train_packs", train_packs)
    part = len(mine.runs) - len(before)
    assert 0 < part < 28
    assert f"running ({part} of 28 runs)" in listed(command)

    ended = command("confirm", "elsewhere/mine", *QUICK)
    assert ended.code == 0
    assert "Tested on 7 fresh seeds (4 to 10) that nothing was chosen on" in " ".join(ended.out.split())
    after = mine.runs
    fresh = after[~after["run"].isin(before["run"])]
    assert set(fresh["run"]) == list_confirmatory(mine.sweeps)
    assert sorted(fresh["seed"].unique()) == list(range(4, 11))
    assert (fresh.groupby(["placement", "activation"])["lr"].nunique() == 1).all()
    assert len(fresh) == 28

    monkeypatch.setattr(sweep, "train_sweep", None)  # nothing is trained any more
    again = command("confirm", "elsewhere/mine", *QUICK)
    assert again.out == ended.out
    assert "confirmed" in listed(command)
    pd.testing.assert_frame_equal(mine.runs, after)

    other = command("confirm", "elsewhere/mine", "effect=3")
    assert other.code == 2
    assert "a store is confirmed once" in other.err
    assert "got another effect than the 5 of the plan frozen on" in other.err


def listed(command: Command) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BNEXP_OUTPUTS", "elsewhere")
        return command("ls").out


def test_other_data_than_the_explored_is_refused_before_anything_is_written(
    mine: Store, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = datasets.load

    def other(*names: object, **setting: object) -> datasets.Data:
        data = load(*names, **setting)
        return dataclasses.replace(data, digest="f" * 64)

    monkeypatch.setattr(datasets, "load", other)
    ended = command("confirm", "elsewhere/mine", "n=7", *QUICK)
    assert ended.code == 2
    assert "a confirmation must be trained on the data that was explored; got other content of digits" in ended.err
    assert plans(mine) == []


def write(path: Path, *, diverged: bool = False, **changes: object) -> None:
    sweep = product(BN, seeds=range(4))
    runs, points = rows(sweep, diverged=dict.fromkeys(sweep, 20) if diverged else {})
    Store(path).write("synthetic", runs.assign(**changes), points)


def test_what_is_typed_wrong_or_cannot_be_confirmed_ends_with_one_sentence(command: Command, tmp_path: Path) -> None:
    write(tmp_path / "whole")
    write(tmp_path / "failed", status=["failed"] + 7 * ["done"])
    write(tmp_path / "diverged", diverged=True)
    (tmp_path / "empty" / "runs").mkdir(parents=True)
    mistakes = {
        ("nowhere",): "a store must be a folder with results in runs/; found none in nowhere",
        ("empty",): "a store must hold at least one run",
        ("failed",): "a store to confirm must have no failed runs; got 1 of 8 in failed",
        ("diverged",): "must rest on two arms with 3 explored seeds or more; got runs that all diverged",
        ("whole", "effect=0"): "effect must be a number of percentage points above 0 and below 100; got '0'",
        ("whole", "power=1.2"): "power must be a number above 0 and below 1; got '1.2'",
        ("whole", "n=x"): "n must be a whole number of at least 2; got 'x'",
        ("whole", "n=9", "power=0.8"): "n must be counted from power=, or be given itself; got both",
        ("whole", "contrasts=some"): "contrasts must be one of question, all; got 'some'",
        ("whole", "lr=1"): "the command must be `bnexp confirm DIR",
        ("whole", "failed"): "got 2 DIR",
        ("effect=1",): "got no DIR",
        ("whole", "compare=lr"): "compare must be a setting in which the runs differ",
        ("whole", "seed=2"): "seed must begin 6 seeds that no arm of the store has used",
    }
    for words, sentence in mistakes.items():
        ended = command("confirm", *words)
        assert (ended.code, ended.out) == (2, ""), words
        assert ended.err.count("\n") == 1
        assert sentence in ended.err, words


def test_the_help_of_confirm_names_every_word_that_it_takes(command: Command) -> None:
    ended = command("confirm", "--help")
    assert ended.code == 0
    for word in ("effect=", "power=", "n=", "margin=", "contrasts=", "compare=", "seed=", "data.root=", "device=",
                 "workers=", "engine.lanes=", "report=false", "--dry-run"):  # fmt: skip
        assert word in ended.out
    assert USAGE["confirm"].startswith("bnexp confirm DIR ")
