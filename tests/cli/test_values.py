"""From `conf/` to `Run` values: every key is read, and its default is the one that `Run` has."""

import copy
import dataclasses
import functools
import json
import shlex
from pathlib import Path
from typing import Any

import hydra
import pytest
from omegaconf import DictConfig, OmegaConf

from bnexp.choices import Activation, Affine, Dtype, FigureForm, InitScheme, Optimizer, Placement, Probes, Schedule
from bnexp.cli import values
from bnexp.cli.own_files import OF_FILES
from bnexp.cli.schema import GROUPS, KEYS, STUDY, Device
from bnexp.cli.values import Values
from bnexp.data.sources import SETS, count_training_examples
from bnexp.norms.kinds import NormKind
from bnexp.runs import Run, identity, key
from bnexp.verdicts.commands import write_run_command

ANOTHER = {
    "placement": "pre",
    "activation": "tanh",
    "lr": "0.2",
    "seed": "1",
    "data.name": "fashion_mnist",
    "data.root": "/somewhere",
    "data.validation": "9000",
    "data.train": "1000",
    "data.standardize": "feature",
    "data.path": "mine.npz",
    "data.test": "0.3",
    "data.label": "1",
    "data.transpose": "true",
    "data.scale": "2",
    "data.digest": "content-0123456789abcdef",
    "hidden": "[100,100]",
    "batch_size": "50",
    "epochs": "9",
    "steps": "9",
    "evaluate": "2",
    "optimizer.name": "adam",
    "optimizer.momentum": "0.9",
    "optimizer.nesterov": "true",
    "optimizer.weight_decay": "0.1",
    "optimizer.decay_all": "true",
    "optimizer.hidden_lr_scale": "4",
    "optimizer.beta1": "0.8",
    "optimizer.beta2": "0.8",
    "optimizer.eps": "0.1",
    "schedule.name": "cosine",
    "schedule.warmup": "5",
    "schedule.every": "5",
    "schedule.factor": "0.5",
    "init.scheme": "he",
    "init.gain": "2",
    "init.hidden_gain": "3",
    "norm.eps": "0.1",
    "norm.momentum": "0.2",
    "norm.affine": "gamma",
    "norm.statistics": "population",
    "norm.kind": "rms",
    "norm.gamma": "2",
    "norm.ghost": "20",
    "norm.freeze": "50",
    "norm.layers": "first",
    "dtype": "float64",
    "device": "cpu",
    "engine.lanes": "8",
    "workers": "2",
    "name": "other",
    "outputs": "/scratch",
    "report.draw": "false",
    "report.figure": "paper",
    "probes": "full",
    "save_weights": "true",
}
"""Another value for every key that can have one."""


@functools.cache
def _composed(overrides: tuple[str, ...]) -> DictConfig:
    with hydra.initialize_config_dir(str(values.find_conf()), version_base="1.3"):
        return hydra.compose("config", list(overrides))


def compose(*overrides: str) -> DictConfig:
    return copy.deepcopy(_composed(overrides))


def job(*overrides: str) -> Values:
    return values.read(compose(*overrides))


def changed(name: str, value: Any) -> Values:
    """The default job with another value for the key `name`: what an override does, without a new composition."""
    cfg = compose()
    OmegaConf.update(cfg, name, value)
    return values.read(cfg)


def another(name: str) -> Values:
    return changed(name, OmegaConf.from_dotlist([f"x={ANOTHER[name]}"])["x"])


def run_of(*overrides: str) -> Run:
    return values.to_run(job(*overrides))


def test_the_defaults_of_the_configuration_are_those_of_a_run_trained_for_ten_epochs() -> None:
    assert run_of() == Run(steps=10 * 834, evaluate=834)


def test_the_configuration_holds_exactly_the_keys_of_the_schema() -> None:
    def leaves(node: Any, prefix: str = "") -> set[str]:
        if not isinstance(node, dict):
            return {prefix.removesuffix(".")}
        return {leaf for name, inner in node.items() for leaf in leaves(inner, f"{prefix}{name}.")}

    assert leaves(OmegaConf.to_container(compose())) == KEYS.keys()


@pytest.mark.parametrize("name", [name for name in ANOTHER if name not in OF_FILES])
def test_every_key_changes_the_run_or_the_settings_of_the_sweep(name: str) -> None:
    default, other = job(), another(name)
    assert (values.to_run(other), values.to_options([other])) != (values.to_run(default), values.to_options([default]))


def test_every_key_but_those_of_a_study_has_another_value_here() -> None:
    assert KEYS.keys() - set(STUDY) == ANOTHER.keys()


def test_a_study_is_a_setting_of_its_sweep_and_says_all_of_itself() -> None:
    settings = values.to_options([job("study=affine")])
    assert settings.study is not None
    assert (settings.study.name, settings.study.compare, settings.name) == ("affine", ("norm.affine",), "affine")
    assert settings.study.question.endswith("?")


def test_a_study_need_not_say_how_long_it_takes_or_what_it_is_called() -> None:
    asked = values.name_study(job("study=affine", "study.time=null", "study.name=null", "name=mine"))
    study = values.to_options([asked]).study
    assert study is not None
    assert (study.name, study.time) == ("mine", None)
    assert values.to_options([values.name_study(job("name=mine"))]).study is None


def test_a_value_may_be_the_product_of_others() -> None:
    asked = run_of("study=scale_symmetry", "init.hidden_gain=8")
    assert (asked.hidden_lr_scale, asked.norm_eps, asked.init_hidden_gain) == (64, 64e-5, 8)


OF_KEYS = [field for field in dataclasses.fields(Run) if field.name != "activation_code"]
"""All but the code of an activation of one's own, which comes with its name: tests/engine/test_own_activations.py."""


@pytest.mark.parametrize("field", OF_KEYS, ids=lambda field: field.name)
def test_every_field_of_a_run_can_be_set_by_its_key(field: "dataclasses.Field[Any]") -> None:
    name = field.metadata["key"]
    run = values.to_run(another(name if name in KEYS else f"{name}.name"))
    assert getattr(run, field.name) != getattr(run_of(), field.name)


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("placement", Placement),
        ("activation", Activation),
        ("optimizer", Optimizer),
        ("schedule", Schedule),
        ("init.scheme", InitScheme),
        ("norm.affine", Affine),
        ("norm.kind", NormKind),
        ("dtype", Dtype),
    ],
)
def test_every_choice_can_be_made_by_its_name(name: str, choices: Any) -> None:
    field = next(f.name for f in dataclasses.fields(Run) if key(f.name) == name)
    for choice in choices:
        run = values.to_run(changed(name if name in KEYS else f"{name}.name", str(choice)))
        assert getattr(run, field) == choice


@pytest.mark.parametrize("group", ["data", "optimizer", "schedule", "engine"])
def test_a_group_has_a_file_for_every_choice_and_no_other(group: str) -> None:
    choices: dict[str, Any] = {
        "data": (*SETS, "file"),
        "optimizer": Optimizer,
        "schedule": Schedule,
        "engine": ["local"],
    }
    assert {path.stem for path in (values.find_conf() / group).iterdir()} == set(choices[group])


def test_every_folder_of_the_configuration_is_a_group() -> None:
    assert {path.name for path in values.find_conf().iterdir() if path.is_dir()} - {"hydra"} == set(GROUPS)


@pytest.mark.parametrize("chosen", ["optimizer=adam", "optimizer=adamw", "schedule=cosine", "schedule=step"])
def test_choosing_from_a_group_changes_nothing_but_the_choice(chosen: str) -> None:
    group, _, choice = chosen.partition("=")
    assert run_of(chosen) == run_of(f"{group}.name={choice}")


@pytest.mark.parametrize("name", SETS)
def test_a_data_set_is_chosen_by_its_name_and_validates_on_as_many_examples_as_it_does_by_default(name: str) -> None:
    run = run_of(f"data={name}")
    assert (run.data, run.data_train) == (name, count_training_examples(name, None, None))


def test_epochs_become_steps_that_count_the_short_last_batch() -> None:
    short = run_of("data=digits", "epochs=3", "batch_size=500")
    assert (short.data_train, short.steps, short.evaluate) == (1200, 9, 3)


def test_an_evaluation_is_due_once_per_epoch_or_in_the_unit_of_the_length() -> None:
    def cadence(*overrides: str) -> tuple[int, int]:
        run = run_of("data=digits", "batch_size=60", *overrides)
        return run.steps, run.evaluate

    assert cadence("epochs=4") == (80, 20)
    assert cadence("epochs=4", "evaluate=2") == (80, 40)
    assert cadence("epochs=4", "steps=50") == (50, 20)
    assert cadence("epochs=4", "steps=50", "evaluate=7") == (50, 7)


def test_data_train_takes_only_so_many_examples() -> None:
    assert run_of("data=digits", "data.train=200", "epochs=1", "batch_size=50").steps == 4


@pytest.mark.parametrize(
    "overrides",
    [
        [f"{name.removesuffix('.name')}={value}" for name, value in ANOTHER.items() if name != "steps"],
        ["data=digits", "optimizer.momentum=0.5", "optimizer.nesterov=true", "schedule=step", "schedule.factor=0.3"],
        [
            "placement=post",
            "optimizer=adamw",
            "optimizer.beta2=0.99",
            "lr=1e-5",
            "hidden=[7]",
            "steps=11",
            "evaluate=3",
        ],
        ["placement=pre", "norm.layers=[2]", "norm.kind=ghost", "norm.ghost=6", "norm.gamma=4", "data.train=49980"],
        [],
    ],
)
def test_the_command_of_a_run_trains_that_run_again(overrides: list[str]) -> None:
    run = run_of(*overrides)
    program, *words = shlex.split(write_run_command(run))
    assert program == "bnexp"
    assert identity(run_of(*words), "") == identity(run, "")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["epochs=0"], "epochs must be at least 1; got 0"),
        (["steps=-1"], "steps must be at least 1; got -1"),
        (["evaluate=0"], "evaluate must be at least 1; got 0"),
        (["evaluate=-2"], "evaluate must be at least 1; got -2"),
        (["batch_size=0"], "batch_size must be at least 2, because one example cannot be normalised; got 0"),
        (["lr=???"], "lr must have a value; got none: give it one, or leave it out to take its default"),
        (["~lr"], "lr must have a value; got none: give it one, or leave it out to take its default"),
        (["~data"], "data must have a value; got none: give it one, or leave it out to take its default"),
        (["+foo=1"], "a key must be one of those that `bnexp --help` lists; got 'foo'"),
        (["+norm.ep=1"], "a key must be one of those that `bnexp --help` lists; got 'norm.ep': did you mean norm.eps?"),
        (
            ["+momentum=1"],
            "a key must be one of those that `bnexp --help` lists; got 'momentum': did you mean optimizer.momentum or "
            "norm.momentum?",
        ),
        (
            ["data.name=minst"],
            f"data must be one of {', '.join(SETS)}, file; got 'minst': did you mean mnist?",
        ),
    ],
)
def test_a_configuration_that_is_no_run_is_refused_in_one_sentence(overrides: list[str], sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - all of it is compared
        run_of(*overrides)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "outputs",
        "data.root",
        "device",
        "workers",
        "engine.lanes",
        "report.draw",
        "report.figure",
        "probes",
        "save_weights",
    ],
)
def test_what_is_no_part_of_a_run_must_be_the_same_for_a_whole_sweep(name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^{name} must be the same for all runs of a sweep; got .+ and .+: take one$"
    ):
        values.to_options([job(), another(name)])


def test_settings_are_those_of_the_configuration() -> None:
    asked = job(
        *("name=a-b_1", "outputs=/scratch", "data.root='~/x'", "device=cuda", "workers=0", "engine.lanes=8"),
        *("report.draw=false", "report.figure=paper", "probes=full", "save_weights=true"),
    )
    expected = values.SweepOptions(
        *("a-b_1", Path("/scratch"), Path.home() / "x", Device.cuda, 0, 8),
        report=False, figure=FigureForm.paper, probes=Probes.full, save_weights=True, study=None,
    )  # fmt: skip
    assert values.to_options([asked, asked]) == expected
    assert values.to_options([job()]) == values.SweepOptions(
        *("runs", Path("outputs"), None, Device.auto, None, None),
        report=True, figure=FigureForm.page, probes=Probes.basic, save_weights=False, study=None,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "/a", "a\\b", "a:b"])
def test_a_name_that_is_no_plain_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^name must be a plain folder name without slashes or a leading dot; got "):
        values.to_options([changed("name", name)])


def test_the_axes_of_a_sweep_are_the_keys_in_which_its_jobs_differ() -> None:
    jobs = [job(f"placement={p}", f"hidden={h}") for p in ("pre", "none") for h in ("[5]", "[6,7]")]
    assert values.find_axes(jobs) == {"placement": ["pre", "none"], "hidden": [(5,), (6, 7)]}
    assert values.find_axes(jobs[:1]) == {}


def test_the_values_of_a_job_are_plain_and_typed_and_the_record_has_the_form_of_the_configuration() -> None:
    asked = job("placement=pre", "optimizer=adam", "hidden=[6,7]", "lr=1")
    assert list(asked) == list(KEYS)
    assert (asked["placement"], asked["optimizer.name"]) == (Placement.pre, Optimizer.adam)
    assert (repr(asked["lr"]), asked["hidden"], asked["steps"]) == ("1.0", (6, 7), None)
    written = json.dumps(values.nest(asked))
    assert json.loads(written) == values.nest(asked)
    cfg = compose("placement=pre", "optimizer=adam", "hidden=[6,7]", "lr=1")
    assert written == json.dumps(OmegaConf.to_container(cfg, resolve=True, enum_to_str=True))
    assert '"placement": "pre"' in written


def test_the_configuration_of_an_installed_package_wins_over_a_folder_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path / "bnexp" / "conf", tmp_path / "conf"):
        folder.mkdir(parents=True)
        (folder / "config.yaml").touch()
    monkeypatch.setattr(values, "__file__", str(tmp_path / "bnexp" / "cli" / "values.py"))
    assert values.find_conf() == tmp_path / "bnexp" / "conf"
    (tmp_path / "bnexp" / "conf" / "config.yaml").unlink()
    assert values.find_conf() == tmp_path / "conf"
