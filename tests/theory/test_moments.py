"""Moments of activations: closed forms, a grid, and what an affine map leaves."""

import math

import numpy as np
import pytest
import torch

from bnexp.choices import Activation
from bnexp.theory.moments import compute_moments, find_twins
from bnexp.theory.predictions import FORMULAS


def test_the_moments_of_relu_are_their_closed_forms() -> None:
    moments = compute_moments(Activation.relu)
    mean, var = 1 / math.sqrt(2 * math.pi), 0.5 - 1 / (2 * math.pi)
    assert moments["linear_share"] == pytest.approx(0.25 / var, abs=1e-12)
    assert moments["offset_share"] == pytest.approx(mean**2 / 0.5, abs=1e-12)
    assert moments["pre_growth"] == pytest.approx(math.log(0.5 / var), abs=1e-12)
    assert moments["even_share"] == pytest.approx((0.25 - mean**2) / var, abs=1e-12)


def test_a_straight_line_is_normal_and_an_even_function_has_no_line() -> None:
    line = compute_moments(Activation.identity)
    assert [line[name] for name in ("linear_share", "kurtosis", "skewness", "even_share")] == pytest.approx(
        [1, 3, 0, 0]
    )
    assert compute_moments(Activation.absolute)["linear_share"] == pytest.approx(0, abs=1e-12)
    assert compute_moments(Activation.absolute)["even_share"] == pytest.approx(1)


@pytest.mark.parametrize("activation", list(Activation))
def test_the_moments_are_those_of_a_fine_grid(activation: Activation) -> None:
    z = np.linspace(-10, 10, 40_001)
    weights = np.exp(-z * z / 2)
    weights /= weights.sum()
    values = np.array([FORMULAS[activation][0](float(x)) for x in z])
    mean = weights @ values
    var = weights @ (values - mean) ** 2
    moments = compute_moments(activation)
    assert moments["linear_share"] == pytest.approx((weights @ (z * values)) ** 2 / var, abs=1e-5)
    assert moments["kurtosis"] == pytest.approx(weights @ (values - mean) ** 4 / var**2, rel=1e-5)
    assert moments["skewness"] == pytest.approx(weights @ (values - mean) ** 3 / var**1.5, abs=1e-5)


def test_twins_differ_by_an_affine_map_and_have_all_moments_but_the_offset() -> None:
    twins = find_twins(list(Activation))
    assert twins == {
        Activation.shifted_tanh: Activation.tanh,
        Activation.stretched_sigmoid: Activation.sigmoid,
        Activation.centred_sigmoid: Activation.sigmoid,
        Activation.centred_relu: Activation.relu,
    }
    for one, other in twins.items():
        a, b = compute_moments(one), compute_moments(other)
        assert a["offset_share"] != pytest.approx(b["offset_share"], abs=0.01)
        assert {k: v for k, v in a.items() if k != "offset_share"} == pytest.approx(
            {k: v for k, v in b.items() if k != "offset_share"}, abs=1e-7
        )


def test_bounded_is_what_has_a_bound_on_both_sides() -> None:
    bounded = {a for a in Activation if compute_moments(a)["bounded"]}
    names = (
        "tanh sigmoid relu6 hardtanh softsign clip shifted_tanh steep_sigmoid stretched_sigmoid centred_sigmoid sine "
        "hardtanh_half hardtanh_two"
    )
    assert bounded == set(map(Activation, names.split()))


def test_under_pre_an_affine_map_of_a_hidden_activation_changes_neither_loss_nor_gradients() -> None:
    """Two hidden layers, normalized before φ; the map stands after the first φ, or after the last, where it acts."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda *size: torch.randn(*size, generator=generator, dtype=torch.float64)  # noqa: E731
    x, first, second, last = draw(20, 5), draw(5, 6), draw(6, 6), draw(6, 3)
    labels = torch.arange(20) % 3

    def differentiate(scales: tuple[float, float], offsets: tuple[float, float]) -> list[torch.Tensor]:
        weights = [w.clone().requires_grad_() for w in (first, second)]
        h = x
        for w, scale, offset in zip(weights, scales, offsets, strict=True):
            z = h @ w
            h = scale * torch.relu((z - z.mean(0)) / z.std(0, unbiased=False)) + offset
        loss = torch.nn.functional.cross_entropy(h @ last, labels)
        return [loss.detach(), *torch.autograd.grad(loss, weights)]

    plain = differentiate((1, 1), (0, 0))
    between = differentiate((3, 1), (-0.4, 0))
    beneath = differentiate((1, 3), (0, -0.4))
    assert all(torch.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(plain, between, strict=True))
    assert not any(torch.allclose(a, b, rtol=1e-2) for a, b in zip(plain, beneath, strict=True))
