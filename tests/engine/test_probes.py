"""Probes against the slow, obvious measurement with autograd, and what measuring must leave alone."""

import copy
import dataclasses

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

from bnexp.choices import Activation, Probes
from bnexp.data.datasets import batch_order
from bnexp.engine import landscape, layer_inputs, probes, training
from bnexp.engine.activations import FLAT, FUNCTIONS
from bnexp.engine.batches import cut_segments
from bnexp.store import schemas
from tests.support.lanes import DEVICE, PLACEMENTS, TRAIN, begin, pack_of, reference_of, small_data, small_run
from tests.support.reference import ACTIVATIONS

ARMS = [(placement, activation) for placement in PLACEMENTS[:3] for activation in Activation]
ENDLESS = ("leaky_relu", "identity", "absolute", "sine", "cube", "leaky_half", "folded_half")
BOUNDED = (
    "clip",
    "sigmoid",
    "tanh",
    "hardtanh",
    "hardtanh_half",
    "hardtanh_two",
    "softsign",
    "shifted_tanh",
    "steep_sigmoid",
    "stretched_sigmoid",
    "centred_sigmoid",
)
OPTIMIZERS = {
    "sgd": {"lr": 0.1, "weight_decay": 0.02, "hidden_lr_scale": 3.0},
    "nesterov": {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.02},
    "adam": {"lr": 0.01, "optimizer": "adam", "weight_decay": 0.02, "adam_eps": 1e-6, "hidden_lr_scale": 0.5},
    "adamw": {"lr": 0.01, "optimizer": "adamw", "weight_decay": 0.02, "adam_eps": 1e-6},
}
STEPS = 8


def trained_beside_references(settings):
    """A mixed pack and the reference of every seventh lane, both after `STEPS` steps."""
    different = [{"norm_eps": 1e-5}, {"norm_eps": 1e-2, "norm_affine": "gamma"}, {"norm_momentum": 0.5}]
    runs = [
        small_run(placement=p, activation=a, seed=seed, **settings, **different[i % 3])
        for i, (p, a) in enumerate(ARMS)
        for seed in (3, 8)
    ]
    state = begin(pack_of(runs), small_data())
    lanes = range(0, len(runs), 7)
    references = {r: reference_of(state.pack.runs[r], state.network.lane(r)) for r in lanes}
    x, y = state.examples.train
    for rows_KSB in (rows for rows in list(cut_segments(state.pack, DEVICE))[:STEPS]):
        for rows_SB in rows_KSB:
            if state.step < STEPS:
                state, _, _ = training.advance(state, rows_SB[None])
                for r, source in references.items():
                    rows = rows_SB[r // state.pack.arms]
                    source.step(x[rows], y[rows])
    return state, references


def sample_of(state, run):
    """All 47 training examples, in the order of the seed's first epoch."""
    x, y = state.examples.train
    rows = torch.from_numpy(batch_order(run.seed, 0, run.data_train)).to(x.device)
    return x[rows], y[rows]


def slope_of(activation, u):
    u = u.detach().clone().requires_grad_()
    ACTIVATIONS[activation]()(u).sum().backward()
    return u.grad.abs()


def greatest_slope(activation):
    """Of those that get steeper without end, up to 1."""
    end = 1 if activation in ("squared_relu", "cube") else 20
    return slope_of(activation, torch.linspace(-end, end, 400_001, dtype=torch.float64)).max()


def saturated_share(activation, u):
    """From the definition: by inputs for the bounded functions, by dead units for those that are flat on one side."""
    if activation in ENDLESS:
        return np.nan
    flat = slope_of(activation, u) < FLAT * greatest_slope(activation)
    return (flat if activation in BOUNDED else flat.all(0)).double().mean().item()


def flat_share(activation, u):
    return (slope_of(activation, u) < FLAT * greatest_slope(activation)).all(0).double().mean().item()


def of_inputs(v):
    """From the definitions, by numpy in float64."""
    rounding, v = np.finfo(v.dtype).eps, v.astype(np.float64)
    mean, covariance, second = v.mean(0), np.cov(v.T, bias=True), (v**2).sum(1).mean()
    spectrum = np.linalg.eigvalsh(covariance)
    seen = spectrum[spectrum > spectrum.max() * max(v.shape) * rounding]
    varies = np.ptp(v, axis=0) > 0
    return {
        "offset_share": (mean**2).sum() / second,
        "top_share": np.linalg.eigvalsh(v.T @ v / len(v)).max() / second,
        "condition": seen.max() / seen.min() if len(seen) else np.nan,
        "effective_rank": spectrum.sum() ** 2 / (spectrum**2).sum(),
        "kurtosis": scipy.stats.kurtosis(v[:, varies], fisher=False).mean(),
    }


def measure_obviously(source, run, x, y):
    """The numbers of each layer, by hooks and autograd; at the end the reference takes a step on the sample."""
    inputs, outputs = {}, {}

    def remember(module, args, output):
        inputs[module], outputs[module] = args[0], output
        output.retain_grad()

    before = copy.deepcopy(source.model)
    hooks = [module.register_forward_hook(remember) for module in source.model]
    source.model.train()
    source.optimizer.zero_grad()
    loss = nn.functional.cross_entropy(source.model(x), y)
    loss.backward()
    for hook in hooks:
        hook.remove()
    linears = [module for module in source.model if isinstance(module, nn.Linear)]
    weights = [linear.weight.detach().clone() for linear in linears]
    source.optimizer.step()
    layers = []
    for number, (linear, weight) in enumerate(zip(linears, weights, strict=True)):
        hidden = number < len(linears) - 1
        lr = run.lr * (run.hidden_lr_scale if hidden else 1)
        numbers = {
            "weight_norm": weight.norm(),
            "effective_lr": (lr / weight.square().sum(1)).mean(),
            "update_ratio": (linear.weight.detach() - weight).norm() / weight.norm(),
            "weight_gradient": linear.weight.grad.square().sum(),
            "product_gradient": outputs[linear].grad.square().sum(),
        }
        layers.append({name: float(value) for name, value in numbers.items()})
        layers[-1] |= of_inputs(inputs[linear].detach().cpu().numpy()) if number else {}
        if hidden:
            size = 2 if run.placement == "none" else 3
            block = list(zip(source.model, before, strict=True))[size * number + 1 : size * number + size]
            for module, old in block:
                name, values = ("norm", old) if isinstance(module, nn.BatchNorm1d) else ("act", module)
                seen = inputs[module].detach()
                layers[-1] |= of_norm(values, seen, outputs[module]) if name == "norm" else of_activation(run, seen)
    return layers


def of_activation(run, u):
    values = u.cpu().numpy()
    numbers = {
        "saturated": saturated_share(run.activation, u),
        "flat_units": flat_share(run.activation, u),
        "skewness": np.abs(scipy.stats.skew(values, axis=0, bias=False)).mean(),
        "input_low": values.min(),
        "input_high": values.max(),
        "input_histogram": histogram(values),
    }
    for percent in (15, 50, 85):
        numbers[f"unit_q{percent}"] = np.percentile(values[:, 0], percent)
        numbers[f"input_q{percent}"] = np.percentile(values, percent)
    return numbers


def of_norm(norm, x, out):
    mean, var, unbiased = x.mean(0), x.var(0, correction=0), x.var(0, correction=1)
    evaluated = norm.running_var + norm.eps
    values, normalised = x.cpu().numpy(), out.detach().cpu().numpy()
    return {
        "normalized": (var / (var + norm.eps)).mean().item(),
        "mean_gap": ((mean - norm.running_mean).abs() / evaluated.sqrt()).mean().item(),
        "var_gap": ((unbiased + norm.eps) / evaluated).log().abs().mean().item(),
        "before_low": values.min(),
        "before_high": values.max(),
        "before_histogram": histogram(values),
        "after_low": normalised.min(),
        "after_high": normalised.max(),
        "after_histogram": histogram(normalised),
    }


def histogram(values):
    return np.histogram(values, bins=40)[0] / values.size


@pytest.mark.parametrize("settings", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_every_number_of_a_layer_is_that_of_the_obvious_measurement(settings):
    state, references = trained_beside_references({**settings, "steps": STEPS})
    measurement = probes.measure(state, Probes.full)
    assert measurement.step == STEPS
    known = {*schemas.PROBES, *schemas.LANDSCAPE, *schemas.RANGES} - {"update_cosine"}  # no step is left to be taken
    assert set(measurement.numbers) == known
    assert set(measurement.histograms) == set(schemas.HISTOGRAMS)
    tables = measurement.numbers | measurement.histograms
    for r, source in references.items():
        run = state.pack.runs[r]
        wanted = measure_obviously(source, run, *sample_of(state, run))
        assert len(wanted) == 3
        for layer, numbers in enumerate(wanted, start=1):
            for name in (*sorted(known - {*schemas.LANDSCAPE}), *schemas.HISTOGRAMS):
                # The weights have come apart by up to 1e-9 in eight steps; a value on an edge may change its bin, and
                # what is zero but for rounding (mean_gap under `pre` with the identity) has no relative precision.
                few = 1 / TRAIN / 8
                tolerance = {"rtol": 0, "atol": few} if name in schemas.HISTOGRAMS else {"rtol": 1e-7, "atol": 1e-14}
                value = numbers.get(name, np.nan)
                np.testing.assert_allclose(tables[name][r, layer], value, **tolerance, err_msg=f"{run} {name} {layer}")


def landscape_by_autograd(source, x, y, lr):
    learned = [tensor for tensor in source.named.values() if tensor.requires_grad]
    start = [tensor.detach().clone() for tensor in learned]
    source.model.train()

    def loss_and_gradient():
        loss = nn.functional.cross_entropy(source.model(x), y)
        return loss.item(), torch.cat([g.flatten() for g in torch.autograd.grad(loss, learned)])

    loss, g = loss_and_gradient()
    losses, turned = [loss], []
    for length in landscape.LENGTHS:
        offset = 0
        for tensor, old in zip(learned, start, strict=True):
            step = g[offset : offset + old.numel()].view_as(old)
            tensor.data.copy_(old - lr * length * step)
            offset += old.numel()
        moved = loss_and_gradient()
        losses.append(moved[0])
        turned.append(moved[1])
    weight = torch.cat([old.flatten() for old in start]).norm()
    changes = torch.stack([(new - g).norm() for new in turned])
    cosines = torch.stack([nn.functional.cosine_similarity(new, g, dim=0) for new in turned])
    smoothness = max(c / (lr * length * g.norm()) for c, length in zip(changes, landscape.LENGTHS, strict=True))
    return {
        "loss": loss,
        "loss_low": min(losses),
        "loss_high": max(losses),
        "gradient_norm": g.norm(),
        "gradient_change_low": changes.min(),
        "gradient_change_high": changes.max(),
        "gradient_change_relative": changes.max() / g.norm(),
        "gradient_cosine_low": cosines.min(),
        "gradient_cosine_high": cosines.max(),
        "smoothness": smoothness,
        "smoothness_relative": smoothness * weight / g.norm(),
    }


def test_the_landscape_is_that_of_autograd_along_the_gradient_of_what_is_learned():
    state, references = trained_beside_references({"lr": 0.1, "steps": STEPS, "schedule": "constant"})
    numbers = probes.measure(state, Probes.full).numbers
    for r, source in references.items():
        run = state.pack.runs[r]
        wanted = landscape_by_autograd(source, *sample_of(state, run), run.lr)
        assert set(wanted) == set(schemas.LANDSCAPE)
        for name, value in wanted.items():
            assert numbers[name][r, 0] == pytest.approx(float(value), rel=1e-6)
            assert np.isnan(numbers[name][r, 1:]).all()


def test_measuring_moves_no_bit_of_a_pack():
    for settings in OPTIMIZERS.values():
        state = begin(pack_of(small_run(placement=p, **settings) for p in PLACEMENTS), small_data())
        state, _, _ = training.advance(state, torch.arange(9, device=DEVICE)[None, None])
        tensors = [*state.network.weights, state.network.vectors_RP, *state.network.running_mean]
        tensors += [*state.network.running_var, state.network.momentum_SG11, *state.moments.first]
        tensors += [*state.moments.second, state.optimizer_settings.rates_RP]
        before = [tensor.clone() for tensor in tensors]
        first = probes.measure(state, Probes.full)
        assert all(torch.equal(tensor, old) for tensor, old in zip(tensors, before, strict=True))
        again = probes.measure(state, Probes.full)
        for name, table in first.numbers.items():
            np.testing.assert_array_equal(table, again.numbers[name])


def test_a_lane_that_is_not_finite_has_no_numbers_and_leaves_its_neighbours_theirs():
    runs = [small_run(placement=p, lr=lr) for p in PLACEMENTS for lr in (0.1, 0.2)]
    state = begin(pack_of(runs), small_data())
    whole = probes.measure(state, Probes.full)
    lost = [1, 4]
    for lane in lost:
        for tensor in state.network.lane(lane).values():
            tensor.fill_(torch.nan)
    broken = probes.measure(state, Probes.full)
    kept = [r for r in range(len(runs)) if r not in lost]
    for before, after in ((whole.numbers, broken.numbers), (whole.histograms, broken.histograms)):
        for name, table in before.items():
            np.testing.assert_array_equal(after[name][kept], table[kept])
            assert np.isnan(after[name][lost]).all()
    assert not np.isnan(whole.numbers["weight_norm"][lost, 1:]).any()


def test_the_skewness_of_a_known_sample_is_scipys_and_units_that_do_not_vary_have_none():
    rng = np.random.default_rng(5)
    u = rng.exponential(size=(2, 3, 40, 6))
    u[0, 1, :, 2] = 0.3
    wanted = np.abs(scipy.stats.skew(np.delete(u[0, 1], 2, axis=1), axis=0, bias=False)).mean()
    skewness = probes._measure_skewness(torch.from_numpy(u))
    assert skewness[0, 1].item() == pytest.approx(wanted, rel=1e-12)
    assert skewness[1, 2].item() == pytest.approx(
        np.abs(scipy.stats.skew(u[1, 2], axis=0, bias=False)).mean(), rel=1e-12
    )
    assert abs(skewness[1, 2].item() / np.abs(scipy.stats.skew(u[1, 2], axis=0)).mean() - 1) > 0.01
    assert probes._measure_skewness(torch.from_numpy(u[:, :, :2])).isnan().all()


@pytest.mark.parametrize("activation", Activation)
def test_the_saturation_of_constructed_inputs_is_known(activation):
    u = torch.zeros(1, 2, 8, 4, dtype=torch.float64) + 0.25
    u[0, 0, :3, 1] = -20.0  # flat on three of eight examples of one unit
    u[0, 1, :, :3] = -20.0  # three of four units flat on every example
    a = torch.empty_like(u)
    FUNCTIONS[activation].forward(u, a)
    saturated, flat = (share[0].tolist() for share in FUNCTIONS[activation].measure_flatness_SG(u, a))
    wanted = [3 / 32, 3 / 4] if activation in BOUNDED else [0, 3 / 4]
    assert np.isnan(saturated).all() if activation in ENDLESS else saturated == wanted
    assert flat == [0, 3 / 4 if activation not in ENDLESS or activation == "leaky_relu" else 0]


@pytest.mark.parametrize("activation", Activation)
def test_the_greatest_slope_of_an_activation_is_the_one_it_names(activation):
    assert greatest_slope(activation).item() == pytest.approx(FUNCTIONS[activation].steepest, rel=1e-6)


def test_the_landscape_is_seen_at_most_twenty_times_evenly_and_at_the_end():
    for steps, evaluate in ((20, 6), (1000, 10), (190, 10), (191, 10), (7, 100), (50_000, 834)):
        run = small_run(steps=steps, evaluate=evaluate)
        points = [step for step in range(steps + 1) if training.evaluation_due(run, step)]
        seen = [step for step in points if probes._landscape_due(run, step)]
        assert {0, steps} <= set(seen)
        assert min(len(points), 10) <= len(seen) <= 20
        assert len(set(np.diff(seen)[:-1])) <= 1


def test_a_rate_that_a_schedule_has_brought_to_zero_at_the_end_is_that_of_the_last_step():
    run = small_run(schedule="cosine", steps=4, evaluate=4)
    state = begin(pack_of([run]), small_data())
    last = probes.measure(dataclasses.replace(state, step=4), Probes.basic).numbers["update_ratio"]
    third = probes.measure(dataclasses.replace(state, step=3), Probes.basic).numbers["update_ratio"]
    np.testing.assert_array_equal(last, third)
    assert (last[0, 1:] > 0).all()


def test_the_moments_of_inputs_are_those_of_numpy_wherever_units_are_dead_or_outnumber_the_examples():
    rng = np.random.default_rng(7)
    shapes = {"few units": (3, 60, 9), "few examples": (3, 9, 60)}
    for name, shape in shapes.items():
        v = np.maximum(rng.normal(0.3, 1, size=shape) @ rng.normal(size=(shape[2], shape[2])), 0)
        v[0, :, 2] = 0
        v[1, :, 4] = 1.7
        found = layer_inputs.measure_inputs(torch.from_numpy(v))
        for r in range(len(v)):
            for number, value in of_inputs(v[r]).items():
                np.testing.assert_allclose(found[number][r].item(), value, rtol=1e-9, err_msg=f"{name} {r} {number}")
    single = v.astype(np.float32)
    found = layer_inputs.measure_inputs(torch.from_numpy(single))
    for number, value in of_inputs(single[2]).items():
        np.testing.assert_allclose(found[number][2].item(), value, rtol=1e-9)


def test_inputs_that_do_not_vary_have_no_condition_and_lanes_that_are_not_finite_no_moments():
    v = torch.randn(4, 20, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    whole = layer_inputs.measure_inputs(v)
    v[1], v[2, 3, 1], v[3, 0, 0] = 0.25, torch.nan, torch.inf
    found = layer_inputs.measure_inputs(v)
    assert all(number[2:].isnan().all() and number[0] == whole[name][0] for name, number in found.items())
    assert found["offset_share"][1] == 1
    assert found["top_share"][1].item() == pytest.approx(1)
    assert found["condition"][1].isnan()
    assert found["kurtosis"][1].isnan()


@pytest.mark.parametrize("settings", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_the_cosine_of_updates_is_that_of_two_steps_of_the_reference(settings):
    state, references = trained_beside_references({**settings, "steps": STEPS + 2})
    cosines = probes.measure(state, Probes.basic).numbers["update_cosine"]
    assert np.isnan(cosines[:, 0]).all()
    for r, source in references.items():
        x, y = sample_of(state, state.pack.runs[r])
        linears = [module for module in source.model if isinstance(module, nn.Linear)]
        before = [linear.weight.detach().clone() for linear in linears]
        source.step(x[:9], y[:9])
        between = [linear.weight.detach().clone() for linear in linears]
        source.step(x[9:18], y[9:18])
        for layer, linear in enumerate(linears):
            pair = (between[layer] - before[layer], linear.weight.detach() - between[layer])
            wanted = nn.functional.cosine_similarity(*(step.flatten() for step in pair), dim=0).item()
            assert cosines[r, layer + 1] == pytest.approx(wanted, rel=1e-6, abs=1e-9)
            assert abs(wanted) < 0.999


def test_no_cosine_of_updates_is_measured_where_two_steps_or_two_batches_are_not_left():
    for settings in ({"steps": 1}, {"batch_size": 24}):
        state = begin(pack_of([small_run(**settings)]), small_data())
        assert "update_cosine" not in probes.measure(state, Probes.full).numbers
