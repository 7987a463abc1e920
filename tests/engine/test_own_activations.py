"""Activations of one's own: against their built-in twins, their identity, their errors, and what a store keeps."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch

from bnexp.cli import show
from bnexp.engine import training
from bnexp.engine.activations import FUNCTIONS, Saturation
from bnexp.engine.own_activations import draw_samples, load
from bnexp.engine.packs import form_packs
from bnexp.errors import UserError
from bnexp.exports.weights import module
from bnexp.runs import Run, find_acting, identity, to_canonical
from bnexp.store.records import SweepRecord
from bnexp.store.rows import to_run
from bnexp.store.store import Store
from bnexp.sweeps.protocol import Train, decode_order, encode
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from bnexp.verdicts.commands import write_run_command, write_sweep_command
from tests.support import own_functions
from tests.support.assignments import assign
from tests.support.lanes import begin, pack_of, small_data, small_run
from tests.support.own_functions import TWINS

FILE = own_functions.__file__
PLACEMENTS = ("none", "pre", "post", "both", "input")
F = "import torch\n\ndef f(u):\n    return torch.tanh(u)\n"


def write(folder: Path, text: str = F, name: str = "mine.py") -> str:
    """The reference to `f` in a file that holds `text`."""
    (folder / name).write_text(text, encoding="utf-8")
    return f"{folder / name}:f"


def states_of(activations, placement, **changes):
    runs = [small_run(placement=placement, activation=a, lr=0.02, **changes) for a in activations]
    data = small_data()
    return [begin(pack_of([run]), data) for run in runs]


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("name", TWINS)
def test_a_function_of_ones_own_trains_as_its_built_in_twin(name, placement):
    rows = torch.arange(40).view(5, 1, 8)
    own, twin, other = states_of([f"{FILE}:{name}", TWINS[name], "sine"], placement)
    losses = []
    for state in (own, twin, other):
        state, loss_KR, _ = training.advance(state, rows)
        losses.append(loss_KR)
        losses[-1] = torch.cat([losses[-1].flatten(), *[t.flatten() for t in state.network.lane(0).values()]])
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-9, atol=1e-12)
    assert not torch.allclose(losses[0], losses[2], rtol=1e-4)


@pytest.mark.parametrize("name", TWINS)
def test_it_is_as_steep_and_as_flat_as_its_twin(name):
    code = small_run(activation=f"{FILE}:{name}").activation_code
    own, twin = load(name, code), FUNCTIONS[TWINS[name]]
    assert own.steepest == pytest.approx(twin.steepest, rel=1e-5)
    known = twin.saturation if name != "bent" else Saturation.of_units  # leaky_relu is flat by the definition alone
    assert own.saturation is known


def test_a_run_is_the_function_and_the_digest_of_its_file_wherever_it_lies(tmp_path, monkeypatch):
    run = small_run(activation=write(tmp_path))
    (tmp_path / "below").mkdir()
    moved = small_run(activation=write(tmp_path / "below", name="other.py"))
    edited = small_run(activation=write(tmp_path, F + "# another thought\n"))
    ids = [
        identity(one, "digest")
        for one in (run, moved, edited, dataclasses.replace(run, activation="tanh", activation_code=""))
    ]
    assert run.activation == "f"
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    monkeypatch.chdir(tmp_path)
    assert small_run(activation="./mine.py:f").activation_code == f"mine.py@{edited.activation_code.rpartition('@')[2]}"


def test_a_run_with_a_built_in_activation_has_the_id_that_it_always_had():
    run = Run(placement="post", activation="tanh", steps=100, evaluate=10)
    assert find_acting(run)["activation_code"] is None
    assert identity(run, "0" * 64) == "dcbd567670dbca9b"


def test_it_travels_to_a_worker_and_into_a_row_and_back(tmp_path):
    run = small_run(activation=write(tmp_path), placement="pre")
    assert decode_order(encode(Train(assign("pack", [run])))).assignment.pack.runs == (run,)
    assert to_run({**find_acting(run), "hidden": run.hidden}) == to_canonical(run) == run
    assert to_run({**find_acting(run), "hidden": run.hidden, "activation": "f@01234567"}) == run


def test_code_of_ones_own_has_packs_of_its_own(tmp_path):
    write(tmp_path, F + "def g(u):\n    return u\n")
    runs = [small_run(activation=a) for a in ("relu", "tanh", f"{tmp_path}/mine.py:f", f"{tmp_path}/mine.py:g")]
    assert sorted(sorted(map(str, {run.activation for run in pack.runs})) for pack in form_packs(runs, 8)) == [
        ["f"], ["g"], ["relu", "tanh"],
    ]  # fmt: skip


def test_a_command_names_the_file_with_the_digest_that_it_must_have(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    runs = [small_run(activation=a, placement=p) for p in ("pre", "post") for a in ("relu", "mine.py:f")]
    digest = runs[1].activation_code.rpartition("@")[2][:8]
    assert f"activation=mine.py:f@{digest}" in write_run_command(runs[1])
    assert f"activation=relu,mine.py:f@{digest}" in write_sweep_command(runs, [0, 1])
    assert small_run(activation=f"mine.py:f@{digest}") == small_run(activation="mine.py:f")
    write(tmp_path, F + "\n")
    with pytest.raises(UserError, match=f"mine.py must hold the code that is asked for, {digest}; got "):
        small_run(activation=f"mine.py:f@{digest}")


def train(store: Store, *activations: str, **changes: object):
    return train_sweep(
        [small_run(activation=a, placement="pre", **changes) for a in activations], [small_data()], store,
        resources=Resources("cpu", 0, 4), save_weights=True, record=SweepRecord(), progress=False,
    )  # fmt: skip


def test_a_store_keeps_the_code_and_shows_it_and_executes_it_never(tmp_path, capsys):
    store, reference = Store(tmp_path / "store"), write(tmp_path)
    rows = train(store, "relu", reference)
    assert rows["activation"].tolist() == ["relu", "f"]
    assert rows["activation_code"].isna().tolist() == [True, False]
    assert list(store.sweeps[-1].sources.values()) == [F]
    write(tmp_path, "raise SystemExit('executed')\n")
    run = rows["run"][1]
    show.show(run, [store.path], json_wanted=True)
    assert json.loads(capsys.readouterr().out)["source"] == F
    show.show(run, [store.path], json_wanted=False)
    assert "    return torch.tanh(u)\n" in capsys.readouterr().out
    with pytest.raises(UserError, match="a module must have an activation that is built in; got f of "):
        module(run, store)


def test_an_edited_function_is_another_arm_with_its_digest_behind_its_name_and_one_path_stands_for_all(tmp_path):
    store = Store(tmp_path / "store")
    train(store, write(tmp_path), "relu")
    assert set(store.runs["activation"]) == {"f", "relu"}
    train(store, write(tmp_path, name="copy.py"), seed=1)
    assert set(store.runs["activation"]) == {"f", "relu"}
    assert store.runs["activation_code"].dropna().nunique() == 1
    train(store, write(tmp_path, F + "#\n"))
    codes = store.runs.dropna(subset="activation_code").groupby("activation")["activation_code"].unique()
    assert len(codes) == 2
    for name, (code,) in codes.items():
        assert name == f"f@{code.rpartition('@')[2][:8]}"


def test_what_fails_while_it_trains_is_told_as_theirs_and_fails_its_runs_alone(tmp_path):
    text = "def f(u):\n    if u.shape[2] == 9:\n        raise ValueError('nine is too many')\n    return u.tanh()\n"
    store = Store(tmp_path / "store")
    rows = train(store, "relu", write(tmp_path, text))
    assert rows["status"].tolist() == ["done", "failed"]
    told = f"f of {tmp_path}/mine.py must take one tensor and not fail; got ValueError (nine is too many) in line 3"
    assert told in store.log_path.read_text()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_samples_are_ordinary_inputs_on_both_sides_of_zero_and_none_at_a_kink(dtype):
    u = draw_samples(dtype)
    assert u.abs().max() == pytest.approx(8, abs=0.02)
    assert (u - u.round()).abs().min() > 1e-3
    assert math.isclose(u.mean().item(), 0, abs_tol=0.02)
