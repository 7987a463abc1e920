"""A stored run in torch: `bnexp.module` gives what the engine's evaluation gave, and says why it cannot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

import bnexp
from bnexp.choices import Activation, Affine, Dtype, NormStatistics, Placement
from bnexp.engine import propagation, training
from bnexp.errors import UserError
from bnexp.norms.kinds import NormKind
from bnexp.runs import Run, identity
from bnexp.store.records import SweepRecord
from bnexp.store.rows import failure_rows, origin_columns
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.support.lanes import CLASSES, PLACEMENTS, begin, pack_of, small_data, small_run

DATA = small_data()
ARMS = [(placement, activation) for placement in PLACEMENTS for activation in Activation]
ALIKE = (
    Activation.centred_relu,
    Activation.centred_sigmoid,
    Activation.stretched_sigmoid,
    Activation.shifted_tanh,
    Activation.relu6,
)
"""Functions less a constant or stretched, which a norm behind them undoes; and relu6, as no input here exceeds 6."""
TOLERANCES = {Dtype.float32: 1e-6, Dtype.float64: 1e-12}
"""Of the logits, relative to the largest of them."""

Keep = Callable[..., Store]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """`keep(runs)` trains runs into a store and keeps their weights."""

    def train(runs: list[Run], *, save_weights: bool = True) -> Store:
        store, resources = Store(tmp_path / "store"), Resources("cpu", workers=0, lanes=64)
        train_sweep(runs, [DATA], store, resources=resources, save_weights=save_weights, record=SweepRecord())
        return store

    return train


def id_of(run: Run) -> str:
    return identity(run, DATA.digest)


def outputs_of(net: nn.Module, run: Run) -> Tensor:
    with torch.no_grad():
        return net(torch.from_numpy(DATA.x_test_ND).to(getattr(torch, run.dtype)))


@torch.inference_mode()
def engine_logits(runs: list[Run]) -> dict[Run, Tensor]:
    """The logits [B, C] that the engine's evaluation computes for the test set after training `runs` as one pack."""
    state = begin(pack_of(runs), DATA)
    for _ in training.train(state):
        pass
    x_ND, y_N = state.examples.test
    work = state.workspace(len(y_N))
    propagation.forward(state.network, work, x_ND.expand_as(work.x_SBD), training=False)
    return {run: logits.mT.cpu().clone() for run, logits in zip(state.pack.runs, work.products[-1], strict=True)}


def assert_close(values: Tensor, truth: Tensor, dtype: Dtype) -> None:
    assert values.dtype == truth.dtype == getattr(torch, dtype)
    assert (values - truth).abs().max() <= TOLERANCES[dtype] * truth.abs().max()


@pytest.mark.parametrize("dtype", Dtype)
def test_a_module_gives_what_the_engine_gave_at_every_placement_and_activation(dtype: Dtype, keep: Keep) -> None:
    rates = {Activation.cube: 0.001}  # at 0.05 it diverges
    runs = [small_run(placement=p, activation=a, dtype=dtype, lr=rates.get(a, 0.05)) for p, a in ARMS]
    store, truth, seen = keep(runs), engine_logits(runs), []
    for run in runs:
        logits = outputs_of(bnexp.module(id_of(run), store), run)
        assert_close(logits, truth[run], dtype)
        if run.activation not in ALIKE:
            seen.append(logits)
    assert min((one - other).abs().max() for i, one in enumerate(seen) for other in seen[:i]) > 1e-3


@pytest.mark.parametrize("statistics", NormStatistics)
@pytest.mark.parametrize("affine", Affine)
@pytest.mark.parametrize("placement", ["pre", "post"])
def test_a_module_gives_what_the_engine_gave_whatever_the_norm(
    placement: str, affine: Affine, statistics: NormStatistics, keep: Keep
) -> None:
    run = small_run(
        placement=placement, activation="tanh", norm_affine=affine, norm_statistics=statistics, norm_eps=0.01,
        norm_momentum=0.3, lr=0.2,
    )  # fmt: skip
    net = bnexp.module(run, keep([run]))
    assert_close(outputs_of(net, run), engine_logits([run])[run], run.dtype)
    for norm in (layer for layer in net if isinstance(layer, nn.BatchNorm1d)):
        assert norm.eps == 0.01
        assert norm.momentum == (0.3 if statistics == NormStatistics.running else None)
        learned = {name for name, parameter in norm.named_parameters() if parameter.requires_grad}
        assert learned == {"both": {"weight", "bias"}, "gamma": {"weight"}, "beta": {"bias"}, "none": set()}[affine]
    assert not net.training


@pytest.mark.parametrize("kind", NormKind)
def test_a_module_gives_what_the_engine_gave_whatever_the_kind(kind: NormKind, keep: Keep) -> None:
    places = ["pre"] if kind == NormKind.weight else ["pre", "post", "both"]
    settings = {"norm_ghost": 3, "norm_eps": 0.01, "norm_affine": "gamma", "norm_freeze": 5, "norm_gamma": 1.5}
    runs = [
        small_run(placement=place, activation="tanh", norm_kind=kind, norm_layers=layers, **settings)
        for place in places
        for layers in ("all", "last")
    ]
    store, truth = keep(runs), engine_logits(runs)
    for run in runs:
        assert_close(outputs_of(bnexp.module(run, store), run), truth[run], run.dtype)


def test_a_module_normalizes_the_inputs_if_the_run_did(keep: Keep) -> None:
    run = small_run(placement="input", norm_eps=0.01)
    assert_close(outputs_of(bnexp.module(run, keep([run])), run), engine_logits([run])[run], run.dtype)


def test_a_module_scores_what_the_store_says(keep: Keep) -> None:
    run = small_run(placement="post", lr=0.1)
    store = keep([run])
    logits = outputs_of(bnexp.module(run, store.path), run)
    row = store.runs.iloc[0]
    assert (logits.argmax(1).numpy() == DATA.y_test_N).mean() == row["test_accuracy"]
    assert nn.functional.cross_entropy(logits, torch.from_numpy(DATA.y_test_N)).item() == pytest.approx(
        row["test_loss"]
    )


def test_a_file_of_weights_has_the_documented_keys_and_orientation(keep: Keep) -> None:
    runs = {placement: small_run(placement=placement) for placement in Placement}
    store = keep(list(runs.values()))
    features = DATA.x_train_ND.shape[1]
    weights = {"1.weight": (features, 11), "2.weight": (11, 8), "3.weight": (8, CLASSES), "3.bias": (CLASSES,)}
    biases = {"1.bias": (11,), "2.bias": (8,)}
    norms = {
        f"{layer}.{name}": (width,)
        for layer, width in ((1, 11), (2, 8))
        for name in ("gamma", "beta", "running_mean", "running_var")
    }
    second = {name.replace(".", ".second_"): shape for name, shape in norms.items()}
    inputs = {f"0.{name}": (features,) for name in ("running_mean", "running_var")}
    expected = {"none": weights | biases, "pre": weights | norms, "post": weights | biases | norms}
    expected |= {"both": weights | norms | second, "input": weights | biases | inputs}
    for placement, run in runs.items():
        tensors = load_file(store.weights(id_of(run)))
        assert {name: tensor.shape for name, tensor in tensors.items()} == expected[placement]
        net = bnexp.module(run, store)
        first = next(layer for layer in net if isinstance(layer, nn.Linear))
        assert np.array_equal(first.weight.detach().numpy(), tensors["1.weight"].T)


def test_a_run_is_named_by_its_id_its_beginning_or_its_settings(keep: Keep) -> None:
    runs = [small_run(seed=seed) for seed in range(3)]
    store = keep(runs)
    asked = small_run(seed=1, norm_eps=0.5)  # it has no norm: the same run
    texts = [str(bnexp.module(name, store)[0].weight) for name in (id_of(runs[1]), id_of(runs[1])[:6], asked)]
    assert len(set(texts)) == 1
    assert str(bnexp.module(runs[2], store)[0].weight) != texts[0]


def sentence_of(run: Run | str, store: Store | Path) -> str:
    with pytest.raises(UserError) as caught:
        bnexp.module(run, store)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_run_without_weights_is_one_sentence(keep: Keep) -> None:
    run = small_run()
    store = keep([run], save_weights=False)
    assert sentence_of(id_of(run), store) == (
        f"run must have weights in {store.path / 'weights'}; got none of {id_of(run)}, whose status is done: train it "
        "again with save_weights=true"
    )


def test_a_diverged_run_is_one_sentence(keep: Keep) -> None:
    run = small_run(lr=1e200)
    assert sentence_of(run, keep([run])).endswith(
        f"got none of {id_of(run)}, whose status is diverged: a diverged run has none: take one that is done"
    )


def test_a_failed_run_is_one_sentence(tmp_path: Path) -> None:
    run, store = small_run(), Store(tmp_path)
    rows = failure_rows(pack_of([run]), [id_of(run)])
    store.write_failure("p", rows.assign(**origin_columns("p", 1, CLASSES, "cpu")))
    assert sentence_of(run, store).endswith("it could not be trained: train it again with save_weights=true")


def test_an_unknown_run_an_ambiguous_one_and_no_store_are_one_sentence_each(keep: Keep, tmp_path: Path) -> None:
    store = keep([small_run(seed=seed) for seed in range(7)])
    assert "got 'zz', and " in sentence_of("zz", store)
    assert "got a run of these settings, and " in sentence_of(small_run(seed=9), store)
    several = sentence_of("", store)
    assert "got '', which means 7 of " in several
    assert several.count(", ") == 6
    assert sentence_of("a", tmp_path / "nowhere").startswith("a store must be a folder with results in runs/")


def test_a_broken_file_of_weights_is_one_sentence(keep: Keep) -> None:
    runs = [small_run(), small_run(placement="pre")]
    store = keep(runs)
    store.weights(id_of(runs[0])).write_bytes(b"no weights")
    assert "must be the weights that bnexp wrote of run" in sentence_of(runs[0], store)
    store.weights(id_of(runs[1])).write_bytes(
        (store.path / "weights" / f"{id_of(runs[1])}.safetensors").read_bytes()[:99]
    )
    assert "must be the weights that bnexp wrote of run" in sentence_of(runs[1], store)
