"""Studies: prepared sweeps that a command may ask for by name, and change."""

import pytest
from omegaconf import OmegaConf

from bnexp.cli import values
from tests.cli.conftest import Command, Ended, Fakes

STUDIES = sorted(path.stem for path in (values.find_conf() / "study").iterdir())


LONG = "scale_symmetry"
"""Refers from key to key, so that each of its 120 jobs is composed for itself: as long as all others together."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n == LONG else n for n in STUDIES])
def test_a_study_is_a_sweep_without_m_over_the_product_of_its_grid(name: str, command: Command, fakes: Fakes) -> None:
    ended = command(f"study={name}")
    assert ended.code == 0, ended.err
    (asked,) = fakes.sweeps
    written = OmegaConf.to_container(OmegaConf.load(values.find_conf() / "study" / f"{name}.yaml"))
    assert isinstance(written, dict)
    assert len(asked.runs) >= 18
    assert len(set(asked.runs)) == len(asked.runs)
    assert asked.store.path.name == written["study"]["name"] == name


def test_a_study_whose_values_refer_to_each_other_has_them_in_each_job(command: Command, fakes: Fakes) -> None:
    assert command(f"study={LONG}", "seed=0", "activation=relu", "placement=pre,post").code == 0
    scaled = {(run.init_hidden_gain, run.hidden_lr_scale, run.norm_eps) for run in fakes.sweeps[0].runs}
    assert scaled == {(1.0, 1.0, 1e-5), (8.0, 64.0, 64e-5)}
    assert len(fakes.sweeps[0].runs) == 4


def test_whoever_asks_for_a_study_may_say_its_values_otherwise(command: Command, fakes: Fakes) -> None:
    ended = command("study=quickstart", "lr=0.5", "seed=3,4", "epochs=2", "name=mine", "placement=pre")
    assert (ended.code, len(fakes.sweeps)) == (0, 1)
    (asked,) = fakes.sweeps
    assert {(run.lr, run.seed, run.steps, run.placement) for run in asked.runs} == {(0.5, s, 40, "pre") for s in (3, 4)}
    assert {run.activation for run in asked.runs} == {"relu", "sigmoid"}
    assert asked.store.path.name == "mine"


@pytest.mark.parametrize("name", ["quickstart", "depth"])
def test_what_is_said_of_nets_without_normalization_is_said_under_two_initializations(
    name: str, command: Command, fakes: Fakes
) -> None:
    assert command(f"study={name}").code == 0
    (asked,) = fakes.sweeps
    assert {run.init_scheme for run in asked.runs} == {"torch", "he"}
    assert name != "quickstart" or len(asked.runs) <= 320  # it runs in CI and is read by newcomers


def test_a_study_can_be_looked_at_and_is_the_same_with_m(command: Command, fakes: Fakes) -> None:
    assert "question: Does" in command("study=quickstart", "--cfg", "job").out
    assert command("-m", "study=quickstart").code == command("study=quickstart").code == 0
    assert fakes.sweeps[0].runs == fakes.sweeps[1].runs


@pytest.mark.parametrize(
    "words", [["study=affine,depth"], ["-m", "study=affine,depth"], ["study=affine", "study=depth"]]
)
def test_several_studies_at_once_are_refused(words: list[str], command: Command, fakes: Fakes) -> None:
    got = " ".join(word for word in words if word != "-m")
    assert command(*words) == Ended(
        2, "", f"bnexp: a command must ask for one study; got {got}: run them one after another\n"
    )
    assert fakes.sweeps == []
