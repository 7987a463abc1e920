"""The figures that a user asks for one by one: what they show, and what they leave as it is."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bnexp
from bnexp.choices import Affine, Dtype, InitScheme, NormStatistics, Optimizer, Schedule
from bnexp.norms.kinds import NormKind
from bnexp.report.estimates import estimate
from bnexp.report.evidence import choose_design, gather
from bnexp.report.result_tables import make_result_tables
from bnexp.runs import Run
from bnexp.statistics.arms import ARM
from bnexp.statistics.comparisons import MARGIN
from bnexp.store.store import Store
from tests.support.synthetic import clear_accuracy, product, rows

OTHER = {
    "data": "mnist", "data_train": 1000, "data_validation": 200, "data_standardize": True, "hidden": (20, 20),
    "batch_size": 30, "steps": 20, "evaluate": 20, "optimizer": Optimizer.adam, "momentum": 0.9, "nesterov": True,
    "beta1": 0.8, "beta2": 0.99, "adam_eps": 1e-6, "weight_decay": 0.1, "decay_all": True, "hidden_lr_scale": 2.0,
    "schedule": Schedule.cosine, "warmup": 2, "schedule_every": 5, "schedule_factor": 0.5,
    "init_scheme": InitScheme.he, "init_gain": 2.0, "init_hidden_gain": 2.0, "norm_eps": 1e-3, "norm_momentum": 0.3,
    "norm_affine": Affine.none, "norm_statistics": NormStatistics.population, "dtype": Dtype.float64,
    "norm_kind": NormKind.mean, "norm_gamma": 2.0, "norm_ghost": 5, "norm_freeze": 7, "norm_layers": "first",
}  # fmt: skip
"""Another value than that of `product` for each setting that it does not vary."""

NEEDS = {
    "nesterov": {"momentum": 0.9}, "decay_all": {"weight_decay": 0.1},
    **{name: {"optimizer": Optimizer.adam} for name in ("beta1", "beta2", "adam_eps")},
    "norm_ghost": {"norm_kind": NormKind.ghost}, "norm_freeze": {"norm_kind": NormKind.frozen},
    **{name: {"schedule": Schedule.step} for name in ("schedule_every", "schedule_factor")},
}  # fmt: skip
"""Without which a setting cannot act."""


def fill(path: Path, runs: list[Run]) -> Store:
    store = Store(path)
    frame, points = rows(runs, clear_accuracy)
    store.write("synthetic", frame.assign(seconds=1.0, machine="a machine"), points)
    return store


SETTINGS = [name for name in ARM if name != "activation_code"]  # which goes with an activation of one's own


def test_every_setting_has_another_value_here() -> None:
    assert OTHER.keys() | {"placement", "activation", "lr"} == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_any_setting_can_be_compared_also_one_that_is_otherwise_tuned(name: str, tmp_path: Path) -> None:
    activations, lrs = (["relu"], [0.1]) if name in OTHER else (["relu", "tanh"], [0.1, 1.0])
    runs = [dataclasses.replace(run, **NEEDS.get(name, {})) for run in product(["none", "pre"], activations, lrs)]
    if name in OTHER:
        runs += [dataclasses.replace(run, **{name: OTHER[name]}) for run in runs]
    evidence = gather([fill(tmp_path, runs)])
    estimates = estimate(evidence, choose_design(evidence, name), MARGIN)
    assert estimates.design.compared == name
    assert len(estimates.design.levels) == 2
    assert (estimates.effects["n"] > 0).any()
    assert {table.name for table in make_result_tables(evidence, estimates, estimates)} > {"effects", "finals"}
    assert estimates.headline


@pytest.mark.parametrize("name", ["seed", "run", "status", "epochs", "lr"])
def test_what_cannot_be_compared_is_one_sentence(name: str, tmp_path: Path) -> None:
    evidence = gather([fill(tmp_path, product())])
    with pytest.raises(ValueError, match=r"^compare must be a setting in which the runs differ, one of placement; got"):
        choose_design(evidence, name)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    sweep = product(activations=["relu", "tanh"], lrs=[0.1, 0.3, 1.0], seeds=range(4))
    return fill(tmp_path_factory.mktemp("store"), sweep)


@pytest.mark.usefixtures("pictures")
def test_the_forest_of_a_store_shows_its_differences_and_each_seed(store: Store) -> None:
    figure = bnexp.figures.forest(store)
    evidence = gather([store])
    effects = estimate(evidence, choose_design(evidence, None), MARGIN).effects
    large = [line for line in figure.axes[1].lines if line.get_marker() in ("s", "D") and len(line.get_xdata()) == 1]
    assert [float(line.get_xdata()[0]) for line in large] == pytest.approx((100 * effects["mean"]).tolist())
    seeds = [line for line in figure.axes[1].lines if line.get_label() == "single seeds"]
    assert [np.mean(line.get_xdata()) for line in seeds] == pytest.approx((100 * effects["mean"]).tolist())


@pytest.mark.usefixtures("pictures")
def test_a_metric_and_a_comparison_can_be_chosen(store: Store) -> None:
    figure = bnexp.figures.finals(store.path, compare="activation", metric="test_loss")
    assert figure.axes[0].get_ylabel() == "test loss (nats)"
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == ["none", "pre", "post"]


@pytest.mark.usefixtures("pictures")
def test_a_figure_for_a_paper_has_its_width(store: Store) -> None:
    assert bnexp.figures.interaction(store, form="paper").get_figwidth() == pytest.approx(85 / 25.4)


@pytest.mark.parametrize(
    ("draw", "sentence"),
    [
        (lambda s: bnexp.figures.forest(s, metric="loss"), "metric must be one of .*; got 'loss'"),
        (lambda s: bnexp.figures.curves(s, compare="dtype"), "compare must be a setting .*; got 'dtype': it has one"),
        (lambda s: bnexp.figures.speed(s, form="slide"), "form must be one of page, paper; got 'slide'"),
        (lambda s: bnexp.figures.layers(s, "gradient"), "figure must be one of .*: did you mean gradients?"),
        (lambda s: bnexp.figures.layers(s, "landscape"), "landscape must have something to show"),
        (lambda s: bnexp.figures.forest(s.path / "none"), "a store must be a folder"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(draw: object, sentence: str, store: Store) -> None:
    with pytest.raises(ValueError, match=rf"^{sentence}"):
        draw(store)  # type: ignore[operator]


def test_a_notebook_keeps_its_backend_and_shows_the_figure(store: Store) -> None:
    code = (
        f"import bnexp, matplotlib, sys; figure = bnexp.figures.heat_map({str(store.path)!r})\n"
        "assert figure._repr_png_().startswith(b'\\x89PNG')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "print(matplotlib.rcParams['backend'])"
    )
    environment = {**os.environ, "MPLBACKEND": "svg"}
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert ended.stdout == "svg\n"
