"""Runs as values: identity, validation, the command that trains a run again; and packs of them."""

import dataclasses
import hashlib
import itertools
import json
import re
from typing import Any

import pytest

from bnexp.choices import Placement, nearest
from bnexp.errors import UserError
from bnexp.runs import LATER, SEMANTICS, Run, arm, find_acting, identity, key, propose_batch_sizes
from bnexp.verdicts.commands import write_run_command


def varied(run: Run, **changes: Any) -> Run:
    """`run` with `changes`, written as a user may write them: "pre", 1, [50, 20]."""
    return dataclasses.replace(run, **changes)


BASE = varied(
    Run(
        steps=200, evaluate=50, data_train=1000, data_validation=100, momentum=0.5, weight_decay=1e-4, schedule_every=10
    ),
    placement="pre",
    schedule="step",
)
"""A run in which every field acts but those of Adam and of the kinds of normalizers that it has not."""

OTHER: dict[str, Any] = {
    "placement": "post",
    "activation": "tanh",
    "lr": 0.2,
    "seed": 1,
    "data": "fashion_mnist",
    "data_train": 900,
    "data_validation": 90,
    "data_standardize": True,
    "hidden": (100, 100),
    "batch_size": 50,
    "steps": 100,
    "evaluate": 10,
    "optimizer": "adam",
    "momentum": 0.9,
    "nesterov": True,
    "beta1": 0.8,
    "beta2": 0.99,
    "adam_eps": 1e-7,
    "weight_decay": 1e-3,
    "decay_all": True,
    "hidden_lr_scale": 4.0,
    "schedule": "cosine",
    "warmup": 5,
    "schedule_every": 20,
    "schedule_factor": 0.5,
    "init_scheme": "he",
    "init_gain": 2.0,
    "init_hidden_gain": 3.0,
    "norm_eps": 1e-3,
    "norm_momentum": 0.2,
    "norm_affine": "none",
    "norm_statistics": "population",
    "norm_kind": "layer",
    "norm_gamma": 2.0,
    "norm_ghost": 20,
    "norm_freeze": 50,
    "norm_layers": "first",
    "dtype": "float64",
    "activation_code": "mine.py@0123456789abcdef",
}
"""Another value for every field."""

NORM = ["norm_eps", "norm_affine", "norm_kind", "norm_gamma", "norm_layers"]
"""Settings of every norm, whatever it is, but for its running statistics."""

FIELDS = [f.name for f in dataclasses.fields(Run)]
DIGEST = "d" * 64


def changed(run: Run, name: str) -> Run:
    own = {"activation": "f"} if name == "activation_code" else {}  # which has a name of its own
    return varied(run, **own, **{name: OTHER[name]})


def acts_in(name: str) -> Run:
    """A run in which the field `name` acts."""
    needed = {"norm_ghost": {"norm_kind": "ghost"}, "norm_freeze": {"norm_kind": "frozen"}}
    if name in ("beta1", "beta2", "adam_eps"):
        return varied(BASE, optimizer="adam")
    return varied(BASE, **needed.get(name, {}))


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_that_acts_changes_the_identity(name: str) -> None:
    run = acts_in(name)
    assert identity(changed(run, name), DIGEST) != identity(run, DIGEST)


@pytest.mark.parametrize(
    ("setting", "idle"),
    [
        ({"placement": "none"}, [*NORM, "norm_statistics", "norm_momentum"]),
        ({"placement": "input"}, [name for name in NORM if name not in ("norm_eps", "norm_kind")]),
        ({"norm_kind": "layer"}, ["norm_momentum", "norm_statistics"]),
        ({"norm_kind": "rms"}, ["norm_momentum", "norm_statistics"]),
        ({"norm_kind": "mean"}, ["norm_eps"]),
        ({"norm_kind": "variance"}, []),
        ({"norm_kind": "population"}, ["norm_momentum", "norm_statistics"]),
        ({"norm_kind": "weight"}, ["norm_eps", "norm_momentum", "norm_statistics"]),
        ({"norm_statistics": "population"}, ["norm_momentum"]),
        ({"optimizer": "sgd"}, ["beta1", "beta2", "adam_eps"]),
        ({"optimizer": "adam"}, ["momentum", "nesterov"]),
        ({"optimizer": "adamw"}, ["momentum", "nesterov"]),
        ({"momentum": 0.0}, ["nesterov"]),
        ({"weight_decay": 0.0}, ["decay_all"]),
        ({"schedule": "constant"}, ["schedule_every", "schedule_factor"]),
        ({"schedule": "cosine"}, ["schedule_every", "schedule_factor"]),
    ],
)
def test_a_field_that_cannot_act_does_not_change_the_identity(setting: dict[str, Any], idle: list[str]) -> None:
    run = varied(BASE, **setting)
    together = {"placement"} if run.norm_kind == "weight" else {"norm_kind"} if run.placement == "input" else set()
    others = [name for name in FIELDS if name not in together and OTHER[name] != getattr(run, name)]
    same = {name for name in others if identity(changed(run, name), DIGEST) == identity(run, DIGEST)}
    of_adam = set() if run.optimizer != "sgd" else {"beta1", "beta2", "adam_eps"}
    assert same == set(idle) | of_adam | {"norm_ghost", "norm_freeze"}


def test_only_what_can_change_numbers_is_a_field() -> None:
    assert not {"device", "name", "data_root", "probes", "report", "save_weights", "workers"} & set(FIELDS)


def test_the_content_of_the_data_changes_the_identity() -> None:
    assert identity(BASE, DIGEST) != identity(BASE, "e" * 64)


@pytest.mark.parametrize(
    ("written", "other"),
    [
        ({"lr": 1}, {"lr": 1.0}),
        ({"weight_decay": -0.0}, {"weight_decay": 0.0}),
        ({"hidden": [50.0, 20]}, {"hidden": (50, 20)}),
        ({"placement": "post"}, {"placement": Placement.post}),
        ({"seed": 3.0}, {"seed": 3}),
    ],
)
def test_one_value_written_in_two_ways_is_one_run(written: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = varied(BASE, **written), varied(BASE, **other)
    assert first == second
    assert identity(first, DIGEST) == identity(second, DIGEST)


def test_the_identity_of_a_known_run_is_the_one_it_always_had() -> None:
    """Golden: if this changes, every store that exists loses its runs, and each is trained again.

    It may change only together with `runs.SEMANTICS`, or with a field of `Run` (a new one must be missing from the
    identity at its default, or has to be worth retraining everything).
    """
    assert identity(Run(steps=8340, evaluate=834), DIGEST) == "09c4b8bd6c9ca162"


@pytest.mark.parametrize(
    ("placement", "settings", "known"),
    [
        ("none", {}, "09c4b8bd6c9ca162"),
        ("none", {"norm_kind": "layer", "norm_layers": [1], "norm_gamma": 3}, "09c4b8bd6c9ca162"),
        ("pre", {"norm_eps": 1e-3, "norm_statistics": "population"}, "4b4b435cf2c9f69c"),
        ("post", {"norm_eps": 1e-3, "norm_statistics": "population"}, "2e26441fa155535f"),
        ("post", {"norm_eps": 1e-3, "norm_statistics": "population", "norm_ghost": 4}, "2e26441fa155535f"),
    ],
)
def test_settings_that_came_later_leave_the_ids_of_older_stores_as_they_were(
    placement: str, settings: dict[str, Any], known: str
) -> None:
    """Golden: the ids were written down before `norm.kind` and its neighbours existed."""
    assert identity(varied(Run(steps=8340, evaluate=834), placement=placement, **settings), DIGEST) == known
    assert set(LATER) == {"norm_kind", "norm_gamma", "norm_ghost", "norm_freeze", "norm_layers", "activation_code"}


def test_a_choice_of_layers_is_one_run_however_it_is_written() -> None:
    for layers, written in (("odd", [1, 3]), ([3], "last"), ([1, 2, 3], "all"), ("[2,3]", (3, 2))):
        assert varied(BASE, norm_layers=layers) == varied(BASE, norm_layers=written)
    assert varied(BASE, norm_layers=[2]).norm_layers == "[2]"


def test_two_runs_of_one_arm_differ_in_the_seed_alone() -> None:
    assert arm(varied(BASE, seed=7)) == arm(varied(BASE, seed=8))
    for name in set(FIELDS) - {"seed"}:
        assert arm(changed(BASE, name)) != arm(BASE), name


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"lr": 0}, "lr must be a finite number greater than 0; got 0.0"),
    ({"lr": float("inf")}, "lr must be a finite number greater than 0; got inf"),
    ({"lr": float("nan")}, "lr must be a finite number greater than 0; got nan"),
    ({"lr": "fast"}, "lr must be a number; got 'fast'"),
    ({"lr": True}, "lr must be a number; got true"),
    ({"lr": None}, "lr must be a number; got null"),
    ({"seed": 2**63}, "seed must be below 2^63, the most that a store holds; got 9223372036854775808"),
    ({"seed": -1}, "seed must be a whole number of at least 0; got -1"),
    ({"seed": 0.5}, "seed must be a whole number; got 0.5"),
    ({"hidden": []}, "hidden must be a list of at least one width, each at least 1, such as [100,100]; got []"),
    ({"hidden": [9, 0]}, "hidden must be a list of at least one width, each at least 1, such as [100,100]; got [9,0]"),
    ({"hidden": 100}, "hidden must be a list of whole numbers such as [100,100]; got 100"),
    ({"hidden": "100"}, "hidden must be a list of whole numbers such as [100,100]; got '100'"),
    ({"hidden": [1.5]}, "hidden must be a list of whole numbers such as [100,100]; got [1.5]"),
    ({"batch_size": 1}, "batch_size must be at least 2, because one example cannot be normalised; got 1"),
    (
        {"batch_size": 2000},
        "batch_size must not exceed the 1000 training examples; got 2000: take a smaller batch_size or more data.train",
    ),
    (
        {"batch_size": 27},
        "the last batch of an epoch must hold at least two examples, because one cannot be normalised; got 1000 "
        "examples in batches of 27: take batch_size=26 or 28",
    ),
    ({"data_train": 1}, "data.train must be at least 2 examples; got 1"),
    ({"data_validation": 0}, "data.validation must be at least 1 example; got 0"),
    ({"data_standardize": "yes"}, "data.standardize must be one of none, all, feature; got 'yes'"),
    ({"data_standardize": 1}, "data.standardize must be one of none, all, feature; got 1"),
    ({"steps": 0}, "steps must be at least 1; got 0"),
    ({"evaluate": 0}, "evaluate must be at least 1; got 0"),
    ({"momentum": 1.0}, "optimizer.momentum must be at least 0 and less than 1; got 1.0"),
    ({"beta1": -0.1}, "optimizer.beta1 must be at least 0 and less than 1; got -0.1"),
    ({"beta2": 1.0}, "optimizer.beta2 must be at least 0 and less than 1; got 1.0"),
    ({"adam_eps": 0}, "optimizer.eps must be a finite number greater than 0; got 0.0"),
    ({"weight_decay": -1}, "optimizer.weight_decay must be a finite number of at least 0; got -1.0"),
    ({"warmup": -1}, "schedule.warmup must be at least 0 steps; got -1"),
    ({"schedule_every": 0}, "schedule.every must be at least 1 step; got 0"),
    ({"schedule_factor": 0}, "schedule.factor must be a finite number greater than 0; got 0.0"),
    ({"init_gain": 0}, "init.gain must be a finite number greater than 0; got 0.0"),
    ({"init_hidden_gain": 0}, "init.hidden_gain must be a finite number greater than 0; got 0.0"),
    ({"hidden_lr_scale": 0}, "optimizer.hidden_lr_scale must be a finite number greater than 0; got 0.0"),
    ({"norm_eps": -1e-9}, "norm.eps must be a finite number of at least 0; got -1e-09"),
    ({"norm_momentum": 1.1}, "norm.momentum must be between 0 and 1; got 1.1"),
    ({"norm_gamma": 0}, "norm.gamma must be a finite number greater than 0; got 0.0"),
    ({"norm_ghost": 1}, "norm.ghost must be at least 2, because one example cannot be normalised; got 1"),
    (
        {"norm_kind": "ghost", "norm_ghost": 61},
        "norm.ghost must not exceed batch_size=60, of which it is a part; got 61: take a smaller norm.ghost",
    ),
    (
        {"norm_kind": "ghost", "norm_ghost": 13},
        "the last part of a batch must hold at least two examples, because one cannot be normalised; got a batch of 40 "
        "in parts of 13: take another norm.ghost",
    ),
    ({"norm_freeze": 0}, "norm.freeze must be at least 1 step; got 0"),
    (
        {"norm_layers": [4]},
        "norm.layers must be one of all, first, last, odd, or a list of hidden layers from 1 to 3 such as [1]; got [4]",
    ),
    (
        {"norm_layers": "lst"},
        "norm.layers must be one of all, first, last, odd, or a list of hidden layers from 1 to 3 such as [1]; got "
        "'lst': did you mean last?",
    ),
    (
        {"placement": "post", "norm_kind": "weight"},
        "placement must be pre with norm.kind=weight, which normalizes the weights of a Linear and no output of an "
        "activation; got 'post': take placement=pre, or another norm.kind",
    ),
    (
        {"placement": "input", "norm_kind": "rms"},
        "norm.kind must be batch with placement=input, which normalizes the inputs by the batch; got 'rms': take "
        "norm.kind=batch, or placement=pre or post",
    ),
    ({"placement": "middle"}, "placement must be one of none, pre, post, both, input; got 'middle'"),
    ({"placement": "pree"}, "placement must be one of none, pre, post, both, input; got 'pree': did you mean pre?"),
    ({"optimizer": "adan"}, "optimizer must be one of sgd, adam, adamw; got 'adan': did you mean adam?"),
    ({"dtype": "float16"}, "dtype must be one of float32, float64; got 'float16': did you mean float64?"),
]


@pytest.mark.parametrize(("wrong", "sentence"), REFUSED)
def test_a_value_that_no_run_can_have_is_refused_in_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        varied(BASE, **wrong)


def test_every_number_of_a_run_has_a_range_and_a_case_above() -> None:
    refused = {name for wrong, _ in REFUSED for name in wrong}
    assert {f.name for f in dataclasses.fields(Run) if f.type in (int, float, tuple[int, ...])} <= refused


def test_a_batch_of_one_is_never_trained_whatever_the_sizes() -> None:
    for examples, size in itertools.product(range(2, 40), range(2, 40)):
        try:
            run = varied(BASE, data_train=examples, batch_size=size)
        except ValueError as refusal:
            assert examples < size or examples % size == 1
            for proposed in str(refusal).partition("take batch_size=")[2].split(" or "):
                assert not proposed or examples % int(proposed) != 1
        else:
            assert run.steps_per_epoch == len(range(0, examples, size))
            assert examples - size * (run.steps_per_epoch - 1) >= 2


def test_the_refusal_of_a_batch_of_one_names_the_sizes_that_are_proposed_instead() -> None:
    for examples, size in ((1000, 27), (1000, 37), (3, 2), (5, 4)):
        assert examples % size == 1
        sizes = propose_batch_sizes(examples, size)
        assert sizes
        with pytest.raises(UserError, match=f"take batch_size={' or '.join(map(str, sizes))}$"):
            varied(BASE, data_train=examples, batch_size=size)


def test_the_nearest_word_is_proposed_and_a_far_one_is_not() -> None:
    assert nearest("sigmoyd", ["sigmoid", "tanh"]) == ": did you mean sigmoid?"
    assert nearest("zzz", ["sigmoid", "tanh"]) == ""


def test_the_command_of_a_run_names_what_is_not_a_default_and_nothing_that_cannot_act() -> None:
    start = Run(steps=5, evaluate=2, norm_eps=1e-3, data_standardize=True, lr=1e-5)
    run = varied(start, placement="none", hidden=[8, 4])
    assert write_run_command(run) == "bnexp steps=5 evaluate=2 lr=1e-05 data.standardize=all 'hidden=[8,4]'"


def test_the_name_of_a_field_on_the_command_line_is_its_key() -> None:
    assert [key(name) for name in ("lr", "adam_eps", "norm_eps")] == ["lr", "optimizer.eps", "norm.eps"]


@pytest.mark.parametrize(("by", "stored"), [("none", False), ("all", True), (False, False), (True, True)])
def test_a_standardisation_has_the_identity_of_the_switch_that_it_was(by: Any, stored: bool) -> None:
    run = Run(steps=5, evaluate=2, data_standardize=by)
    acting = {name: value for name, value in find_acting(run).items() if name not in LATER}
    content = [acting | {"data_standardize": stored}, "digest", SEMANTICS]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert identity(run, "digest") == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_the_name_of_a_file_of_ones_own_is_no_part_of_a_run_and_that_of_a_data_set_is() -> None:
    a, b = (Run(steps=5, evaluate=2, data=name) for name in ("a.csv", "b.csv"))
    assert identity(a, "content-1") == identity(b, "content-1") != identity(a, "content-2")
    assert identity(a, "1") != identity(b, "1")
