"""The activations against torch.nn, and their derivatives against autograd."""

import pytest
import torch

from bnexp.choices import Activation
from bnexp.engine.activations import FUNCTIONS
from tests.support.reference import ACTIVATIONS

POINTS = torch.cat(
    [torch.linspace(-40, 40, 801, dtype=torch.float64), torch.tensor([-1e-9, 1e-9], dtype=torch.float64)]
)
"""Zero among them, where relu has its kink."""


def test_there_is_one_function_for_every_name_and_one_reference():
    assert list(FUNCTIONS) == list(Activation)
    assert list(ACTIVATIONS) == list(Activation)


@pytest.mark.parametrize("name", Activation)
def test_values_and_derivatives_are_those_of_torch(name):
    u = POINTS.clone().view(1, 1, -1, 1).requires_grad_()
    wanted = ACTIVATIONS[name]()(u)
    d = torch.linspace(-1, 2, u.numel(), dtype=torch.float64).view_as(u)
    wanted.backward(d)
    u_plain = u.detach()
    a, d_u = torch.empty_like(u_plain), torch.empty_like(u_plain)
    FUNCTIONS[name].forward(u_plain, a)
    FUNCTIONS[name].backward(d, u_plain, a, d_u)
    torch.testing.assert_close(a, wanted.detach(), rtol=1e-14, atol=0)
    torch.testing.assert_close(d_u, u.grad, rtol=1e-12, atol=1e-15)
    in_place = d.clone()
    FUNCTIONS[name].backward(in_place, u_plain, a, in_place)
    assert torch.equal(in_place, d_u)


@pytest.mark.parametrize("name", Activation)
def test_derivatives_agree_with_finite_differences(name):
    u = torch.linspace(-3, 3, 61, dtype=torch.float64).view(1, 1, -1, 1) + 0.013  # off the kinks
    step, values = 1e-6, []
    for moved in (u - step, u + step):
        values.append(torch.empty_like(u))
        FUNCTIONS[name].forward(moved, values[-1])
    a, d_u = torch.empty_like(u), torch.empty_like(u)
    FUNCTIONS[name].forward(u, a)
    FUNCTIONS[name].backward(torch.ones_like(u), u, a, d_u)
    torch.testing.assert_close(d_u, (values[1] - values[0]) / (2 * step), rtol=1e-6, atol=1e-8)
