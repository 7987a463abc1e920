"""Batch normalization against autograd, finite differences, nn.BatchNorm1d and closed forms."""

import pytest
import torch
from torch import Tensor, nn

from bnexp.engine import normalization
from bnexp.engine.placement import ORDER, Stage

SGBH = (2, 3, 7, 5)


def kept_for(x: Tensor) -> normalization.Statistics:
    unit = (*x.shape[:2], 1, x.shape[3])
    return normalization.Statistics(torch.empty_like(x), *(x.new_empty(unit) for _ in range(4)))


class Norm(torch.autograd.Function):
    """The hand-written pair as autograd would call it."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        kept, out = kept_for(x), torch.empty_like(x)
        normalization.forward(x, gamma, beta, eps, kept, out=out)
        ctx.kept, ctx.gamma = kept, gamma
        return out

    @staticmethod
    def backward(ctx, d):
        d, dgamma, dbeta = d.clone(), torch.empty_like(ctx.gamma), torch.empty_like(ctx.gamma)
        normalization.backward(d, ctx.kept, dgamma, dbeta, scratch=torch.empty_like(d), out=d)
        return d, dgamma, dbeta, None


@pytest.fixture
def inputs():
    rng = torch.Generator().manual_seed(3)
    x = torch.randn(SGBH, dtype=torch.float64, generator=rng) * 2 + 1
    gamma, beta = (torch.randn(2, 3, 1, 5, dtype=torch.float64, generator=rng) for _ in range(2))
    eps = torch.tensor([1e-5, 0.1, 1e-12, 1e-3, 1.0, 1e-8], dtype=torch.float64).view(2, 3, 1, 1)
    return x, gamma, beta, eps


def test_the_backward_pass_is_the_derivative_of_the_forward_pass(inputs):
    x, gamma, beta, eps = inputs
    assert torch.autograd.gradcheck(
        Norm.apply, (x.requires_grad_(), gamma.requires_grad_(), beta.requires_grad_(), eps)
    )


def test_every_lane_is_what_batchnorm1d_makes_of_it(inputs):
    x, gamma, beta, eps = inputs
    x.requires_grad_()
    out = Norm.apply(x, gamma, beta, eps)
    weight = torch.arange(out.numel(), dtype=out.dtype).view_as(out).sin()  # so that no gradient cancels
    (out * weight).sum().backward()
    for s in range(2):
        for g in range(3):
            lane = x[s, g].detach().requires_grad_()
            norm = nn.BatchNorm1d(5, eps=eps[s, g].item(), dtype=torch.float64)
            norm.weight.data.copy_(gamma[s, g, 0]), norm.bias.data.copy_(beta[s, g, 0])
            wanted = norm(lane)
            (wanted * weight[s, g]).sum().backward()
            torch.testing.assert_close(out[s, g], wanted, rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(x.grad[s, g], lane.grad, rtol=1e-10, atol=1e-12)


def test_the_sign_of_a_missing_term_in_the_backward_pass_would_be_seen(inputs):
    x, gamma, _, eps = inputs
    kept, d = kept_for(x), torch.randn(SGBH, dtype=torch.float64)
    normalization.forward(x, gamma, torch.zeros_like(gamma), eps, kept, out=torch.empty_like(x))
    naive = d * gamma * kept.rstd_SG1H  # what it were if mean and variance did not depend on x
    normalization.backward(
        d, kept, torch.empty_like(gamma), torch.empty_like(gamma), scratch=torch.empty_like(d), out=d
    )
    assert (d - naive).abs().max() > 0.1
    torch.testing.assert_close(d.sum(2), torch.zeros(2, 3, 5, dtype=torch.float64), rtol=0, atol=1e-12)


def test_the_gradient_is_orthogonal_to_the_normalised_input_at_eps_0(inputs):
    x, gamma, beta, _ = inputs
    kept, d, eps = kept_for(x), torch.randn(SGBH, dtype=torch.float64), torch.zeros(2, 3, 1, 1, dtype=torch.float64)
    normalization.forward(x, gamma, beta, eps, kept, out=torch.empty_like(x))
    normalization.backward(
        d, kept, torch.empty_like(gamma), torch.empty_like(gamma), scratch=torch.empty_like(d), out=d
    )
    assert (d * kept.centred_SGBH).sum(2).abs().max() < 1e-12


def test_gamma_and_beta_recover_the_identity(inputs):
    x, _, _, eps = inputs
    mean, var = x.mean(2, keepdim=True), x.var(2, correction=0, keepdim=True)
    out = torch.empty_like(x)
    normalization.forward(x, (var + eps).sqrt(), mean, eps, kept_for(x), out=out)
    assert (out - x).abs().max() < 1e-12


def test_running_statistics_after_t_steps_on_one_batch_have_their_closed_form(inputs):
    x, gamma, beta, eps = inputs
    kept = kept_for(x)
    normalization.forward(x, gamma, beta, eps, kept, out=torch.empty_like(x))
    mean, var = torch.zeros_like(gamma), torch.ones_like(gamma)
    momentum = torch.tensor([0.1, 0.5, 1.0, 0.01, 0.0, 0.3], dtype=torch.float64).view(2, 3, 1, 1)
    for _ in range(5):
        normalization.update_running(mean, var, momentum, kept)
    rest = (1 - momentum) ** 5
    torch.testing.assert_close(mean, (1 - rest) * x.mean(2, keepdim=True))
    torch.testing.assert_close(var, rest + (1 - rest) * x.var(2, correction=1, keepdim=True))


def test_evaluation_uses_the_given_statistics_and_not_those_of_the_batch(inputs):
    x, gamma, beta, eps = inputs
    mean, var = torch.full_like(gamma, 0.3), torch.full_like(gamma, 2.5)
    out = torch.empty_like(x)
    normalization.normalize(x, gamma, beta, eps, mean=mean, var=var, out=out)
    torch.testing.assert_close(out, gamma * (x - 0.3) / (2.5 + eps).sqrt() + beta)


def test_placement_is_the_order_of_the_stages():
    names = {placement: [stage.name for stage in stages] for placement, stages in ORDER.items()}
    assert names == {
        "none": ["bias", "activation"],
        "pre": ["normalization", "activation"],
        "post": ["bias", "activation", "normalization"],
        "both": ["normalization", "activation", "second_normalization"],
        "input": ["bias", "activation"],
    }
    assert Stage.bias not in ORDER["pre"]
