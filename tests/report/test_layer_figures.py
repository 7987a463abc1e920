"""The pages' figures about what happens inside the layers, from real runs on the digits, and the theory beside them."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnexp.choices import Activation, InitScheme, NormStatistics, Placement, Probes
from bnexp.data import datasets
from bnexp.engine import initialization, probes, training
from bnexp.report import predictions as predicted
from bnexp.report.build import build
from bnexp.report.estimates import estimate
from bnexp.report.evidence import choose_design, gather
from bnexp.report.layer_figures import FIGURES, describe_effective, make_layer_figures
from bnexp.runs import Run
from bnexp.statistics.comparisons import MARGIN
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from bnexp.theory import predictions
from tests.support.lanes import pack_of, small_run
from tests.support.svg import read_texts

DIGITS = datasets.load("digits", root=None, train=None, validation=300, standardize=False)


def digits(**changes: Any) -> Run:
    base = Run(
        data="digits",
        data_train=len(DIGITS.y_train_N),
        data_validation=300,
        hidden=(20, 20, 20, 20),
        steps=30,
        evaluate=5,
    )
    return dataclasses.replace(base, **changes)


def train_store(path: Path, runs: list[Run], figures: list[str] | None, compare: str = "placement") -> Store:
    """Return a store with `runs`, measured in full, as a study that names `figures` would leave it."""
    store = Store(path)
    study = {"name": "why", "question": "Why?", "compare": compare, "figures": figures} if figures is not None else {}
    record = SweepRecord(command="bnexp study=why", created="2026-01-01", configuration={"study": study})
    resources = Resources("cpu", workers=0, lanes=32)
    train_sweep(runs, [DIGITS], store, resources=resources, record=record, probes=Probes.full, save_weights=False)
    return store


@pytest.fixture(scope="module")
def placements(tmp_path_factory: pytest.TempPathFactory) -> Store:
    runs = [
        digits(placement=p, activation=a, seed=s)
        for p in ("none", "pre", "post")
        for a in ("relu", "sigmoid")
        for s in (0, 1)
    ]
    return train_store(tmp_path_factory.mktemp("placements"), runs, None)


def name_figures(store: Store, figures: list[str]) -> Store:
    """Let the sweep of `store` be a study that names `figures`."""
    (path,) = (store.path / "sweeps").iterdir()
    record = json.loads(path.read_text())
    record["configuration"] = {"study": {"name": "why", "question": "Why?", "compare": "placement", "figures": figures}}
    path.write_text(json.dumps(record))
    return store


def draw_figures(store: Store) -> list[str]:
    build([store])
    return sorted(path.stem for path in (store.path / "report" / "figures").glob("*.csv"))


def find_frame(store: Store, name: str) -> pd.DataFrame:
    """Return what the figure `name` shows."""
    evidence = gather([store])
    figure, *_ = make_layer_figures(evidence, estimate(evidence, choose_design(evidence, None), MARGIN))
    assert figure.name == name
    return figure.frame


def test_a_page_of_any_sweep_shows_saturation_gradients_and_what_was_measured_of_the_landscape(
    placements: Store,
) -> None:
    names = draw_figures(name_figures(placements, []))
    assert {"saturation", "saturation-steps", "gradients", "landscape"} < set(names)
    assert not {"histograms", "quantiles", "growth"} & set(names)
    frame = pd.read_csv(placements.path / "report" / "figures" / "gradients.csv")
    layers = placements.layers.merge(placements.runs[["run", "placement", "activation"]], on="run")
    rows = layers[(layers["placement"] == "pre") & (layers["activation"] == "relu") & (layers["step"] == 30)]
    by_hand = np.exp(np.log(rows[rows["layer"] == 2]["product_gradient"]).mean())
    of_pre = frame[(frame["placement"] == "pre") & (frame["activation"] == "relu") & (frame["stage"] == "end")]
    assert of_pre.loc[of_pre["layer"] == 2, "mean"].item() == pytest.approx(by_hand)


@pytest.mark.usefixtures("pictures")
def test_a_study_page_shows_the_mechanism_that_it_names_beside_the_effect(placements: Store) -> None:
    names = ["growth", "histograms", "quantiles", "effective_lr"]
    assert {*names, "histograms-2"} < set(draw_figures(name_figures(placements, names)))
    page = (placements.path / "report" / "index.html").read_text()
    places = {name: page.index(f'figures/{name}.svg"') for name in ("forest", "growth", "curves", "quantiles")}
    assert sorted(places, key=lambda name: places[name]) == ["forest", "growth", "curves", "quantiles"]
    assert places["growth"] < page.index("tables/") < places["curves"]


@pytest.mark.usefixtures("pictures")
def test_a_figure_says_what_became_of_the_runs_that_diverged(tmp_path: Path) -> None:
    runs = [digits(placement=p, lr=lr, seed=0) for p, lr in (("none", 1e9), ("none", 0.1), ("pre", 0.1))]
    build([train_store(tmp_path, runs, ["gradients"])])
    paths = [tmp_path / "report" / "figures" / f"{name}.svg" for name in ("gradients", "forest")]
    inside, forest = (" ".join(read_texts(path.read_text())) for path in paths)
    assert "Runs that diverged have no numbers from then on: 1 of 2 none." in inside
    assert "Diverged runs count at chance and at their loss at initialization: 1 of 2 none." in forest


def test_a_figure_that_does_not_exist_is_a_sentence(placements: Store) -> None:
    with pytest.raises(ValueError, match=r"study.figures must name .*; got 'saturated': did you mean saturation\?$"):
        build([name_figures(placements, ["saturated"])])


def test_every_figure_that_a_study_of_the_project_names_exists() -> None:
    folder = Path(__file__).parents[2] / "conf" / "study"
    texts = [line for path in folder.glob("*.yaml") for line in path.read_text().splitlines() if "figures: [" in line]
    asked = {name for line in texts for name in line.split("[")[1].rstrip("] ").split(", ") if name}
    assert "growth" in asked
    assert asked <= set(FIGURES)


def test_nets_that_a_symmetry_joins_are_drawn_as_twins_and_only_they_agree(tmp_path: Path) -> None:
    runs = [
        digits(
            placement=placement,
            activation="sigmoid",
            init_hidden_gain=gain,
            hidden_lr_scale=gain**2,
            norm_eps=1e-5 * gain**2,
            dtype="float64",
            seed=0,
        )
        for placement in ("pre", "post")
        for gain in (1.0, 8.0)
    ]
    store = train_store(tmp_path / "twins", runs, ["symmetry"], "init.hidden_gain")
    frame = find_frame(store, "symmetry").set_index("placement")
    assert frame["difference"]["pre"] < 1e-12  # to rounding: the lanes of a product of width 20 are rounded by place
    assert frame["difference"]["post"] > 1e-2


@pytest.mark.parametrize(("placement", "activation"), [("post", "relu"), ("pre", "sigmoid")])
def test_the_floor_of_eps_in_a_wide_net_is_the_predicted_one(tmp_path: Path, placement: str, activation: str) -> None:
    gains = [0.0004, 0.0008, 0.0032]
    base = digits(placement=placement, activation=activation, hidden=(400, 400), init_scheme=InitScheme.normal)
    runs = [dataclasses.replace(base, init_gain=gain, steps=1, evaluate=1) for gain in gains]
    store = train_store(tmp_path / "floor", runs, ["floor"], "init.gain")
    frame = find_frame(store, "floor")
    later = frame[frame["layer"] > 1]
    assert np.ptp(later["mean"]) > 0.5
    assert later["mean"].to_numpy() == pytest.approx(later["predicted"].to_numpy(), abs=0.05)


@pytest.mark.parametrize("scheme", InitScheme)
def test_sigma_is_the_deviation_that_is_drawn_times_the_root_of_the_inputs(scheme: InitScheme) -> None:
    run = small_run(init_scheme=scheme, init_gain=2.0, seed=1)
    weights = initialization.draw_weights(pack_of([run]), 2, 300, 300)
    assert predictions.initial_sigma(scheme, 2.0, 300) == pytest.approx(weights.std() * math.sqrt(300), rel=0.01)


def test_a_rate_is_that_of_its_placement() -> None:
    sigmoid = Activation.sigmoid
    assert predictions.growth_rate(Placement.none, sigmoid, 1, 500) == pytest.approx(0.0557, abs=5e-5)
    assert predictions.growth_rate(Placement.pre, sigmoid, 5, 500) == pytest.approx(1.034, abs=5e-4)
    assert predictions.growth_rate(Placement.post, sigmoid, 5, 500) == pytest.approx(1.854, abs=5e-4)
    assert predictions.growth_rate(Placement.pre, Activation.relu, 5, 64) == pytest.approx(1.493, abs=5e-4)


def test_a_variance_map_that_never_rests_still_has_a_rate() -> None:
    assert predictions.none_growth_rate(Activation.tanh, 1) == pytest.approx(1, abs=0.01)


def test_the_gap_that_sampling_leaves_is_that_of_averaged_batches() -> None:
    rng = np.random.default_rng(0)
    b, m, n = 20, 0.1, 100_000
    rows = pd.DataFrame({"probe": ["first_mean_gap"], "batch_size": b, "data_train": n, "norm_momentum": m})
    gaps = []
    for _ in range(400):
        batches = rng.standard_normal((200, b)).mean(1)
        running = m * ((1 - m) ** np.arange(200)[::-1] * batches).sum()
        gaps.append(abs(running - rng.standard_normal(predicted.PROBED_EXAMPLES).mean()))
    running = predicted.add_predicted_gap(rows.assign(norm_statistics=NormStatistics.running))["predicted"].item()
    # A mean of 400 half-normal numbers has a standard error of 3.8 %; four of them.
    assert np.mean(gaps) == pytest.approx(running, rel=0.15)
    still = predicted.add_predicted_gap(rows.assign(norm_statistics=NormStatistics.population))["predicted"].item()
    assert still == pytest.approx(math.sqrt(2 / math.pi * (1 / 500 - 1 / 2000)))


def test_the_report_knows_the_sizes_of_the_samples_that_the_engine_takes() -> None:
    assert predicted.PROBED_EXAMPLES == probes.PROBED_EXAMPLES == 500
    assert predicted.POPULATION_BATCHES == training.POPULATION_BATCHES == 100


def test_lr_over_the_squared_norm_is_called_effective_only_where_the_scale_of_the_weights_does_not_matter() -> None:
    columns = ["placement", "activation", "norm_kind", "norm_layers"]
    arms = [("none", "relu", None, None), ("pre", "tanh", "batch", "all"), ("post", "relu", "batch", "all")]
    arms += [("post", "tanh", "batch", "all"), ("pre", "relu", "layer", "all"), ("pre", "relu", "batch", "first")]
    words = describe_effective(pd.DataFrame(arms, columns=columns))
    assert words == (
        "the effective learning rate of post with relu, pre with tanh, which are blind to the scale of a neuron's "
        "weights; not of none with relu, post with tanh, pre with relu, pre with relu (layer), where the scale of the "
        "weights matters"
    )
    alone = describe_effective(pd.DataFrame(arms[:1], columns=columns))
    assert alone == "not an effective learning rate, as the scale of the weights matters: none with relu"
