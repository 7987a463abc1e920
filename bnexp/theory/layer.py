"""The layer itself: its backward pass, its affine parameters, its eps, its running statistics, the bias before it.

Letters: S seeds, G arms, R = S·G lanes, B examples, D inputs, H units, K batches; x the input, c = x − mu, var its
biased variance in the batch, x̂ = c/sqrt(var + eps), d the gradient of the loss with respect to y = gamma·x̂ + beta,
d̂ = gamma·d that with respect to x̂, m the momentum of the running statistics.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from bnexp.choices import Activation, InitScheme, Placement
from bnexp.engine import normalization
from bnexp.randomness import generator
from bnexp.theory import small_nets
from bnexp.theory.claims import Claim, at_least, at_most, near
from bnexp.theory.invariant_blocks import NONE, POST, PRE, find_largest, find_smallest

SHAPE: Final = (2, 3, 64, 7)
"""[S, G, B, H] of a layer that is looked at alone."""


@dataclass(frozen=True)
class _LoneLayer:
    """A layer alone: its input [S, G, B, H], and its statistics [S, G, 1, H], computed without the engine."""

    x: Tensor
    mu: Tensor
    var: Tensor


def _draw_lone_layer() -> _LoneLayer:
    """Return inputs whose units have deviations from 1e-2 to 1e2, and means of that size."""
    rng, scale = generator(0, "a layer alone"), torch.logspace(-2, 2, SHAPE[3], dtype=torch.float64)
    means = rng.standard_normal((*SHAPE[:2], 1, SHAPE[3]))
    x = scale * torch.from_numpy(rng.standard_normal(SHAPE) + means)
    return _LoneLayer(x, x.mean(2, True), x.var(2, correction=0, keepdim=True))


def _normalize(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> tuple[Tensor, normalization.Statistics]:
    """Return what the engine makes of `x`, and what it keeps for its backward pass."""
    units = [torch.empty_like(gamma) for _ in range(4)]
    kept, y = normalization.Statistics(torch.empty_like(x), *units), torch.empty_like(x)
    normalization.forward(x, gamma, beta, torch.full_like(gamma, eps), kept, out=y)
    return y, kept


def energy_identity() -> Iterator[Claim]:
    """Hold the squared norm of the backward pass, unit by unit, against what its two projections take away.

    dx = (d̂ − mean(d̂) − x̂·mean(d̂·x̂))/sqrt(var) removes from d̂ its parts along 1 and along x̂, which are orthogonal and
    of squared length B at eps 0. By Pythagoras ‖dx‖² = (‖d̂‖² − (Σd̂)²/B − (Σd̂·x̂)²/B)/var (derived; the equality
    behind the inequality of Santurkar et al. 2018, theorem 4.1).
    """
    alone, rng = _draw_lone_layer(), generator(0, "backward")
    d, gamma = torch.from_numpy(rng.standard_normal(SHAPE)), torch.from_numpy(rng.uniform(0.5, 2, alone.var.shape))
    _, kept = _normalize(alone.x, gamma, torch.zeros_like(gamma), 0.0)
    dx, dgamma, dbeta = torch.empty_like(d), torch.empty_like(gamma), torch.empty_like(gamma)
    normalization.backward(d, kept, dgamma, dbeta, scratch=torch.empty_like(d), out=dx)
    standard, d_hat, examples = (alone.x - alone.mu) / alone.var.sqrt(), gamma * d, SHAPE[2]
    along_one, along_x = d_hat.sum(2, True), (d_hat * standard).sum(2, True)
    left = d_hat.square().sum(2, True) - (along_one.square() + along_x.square()) / examples
    error = float((dx.square().sum(2, True) / (left / alone.var) - 1).abs().max())
    words = "backward: ‖dx‖² = (‖d̂‖² − (Σd̂)²/B − (Σd̂·x̂)²/B)/var, eps 0"
    yield Claim(words, "derived", at_most(1e-12), error)


def slope() -> Iterator[Claim]:
    """Hold the gradient against the slope of the loss along one random direction of all learned parameters."""
    state = small_nets.begin(small_nets.list_arms(small_nets.BASE))
    error = float(small_nets.measure_slope_error(state, small_nets.take_rows(0)).max())
    words = "the gradient is the slope of the loss, every placement and activation"
    yield Claim(words, "central difference", at_most(1e-6), error)


def recovered_identity() -> Iterator[Claim]:
    """Let gamma = sqrt(var + eps) and beta = mu undo the normalization."""
    alone, eps = _draw_lone_layer(), small_nets.BASE.norm_eps
    y, _ = _normalize(alone.x, (alone.var + eps).sqrt(), alone.mu, eps)
    by_unit = (tensor.transpose(0, 3).flatten(1) for tensor in (y, alone.x))
    error = float(small_nets.relative_error(*by_unit).max())
    words = "gamma = sqrt(var + eps) and beta = mu give y = x"
    yield Claim(words, "Ioffe & Szegedy 2015, 3", at_most(1e-12), error)


def eps_floor() -> Iterator[Claim]:
    """Show that the output's variance is var/(var + eps): near 1 above eps, and nothing is normalised far below.

    var = wᵀ·C·w of a unit of the first layer, with C the biased covariance of the inputs in the batch.
    """
    deviations = (1e-4, 1e-2, 1.0)
    base = replace(
        small_nets.BASE, placement=Placement.pre, activation=Activation.identity, init_scheme=InitScheme.normal
    )
    state = small_nets.begin([replace(base, init_gain=deviation) for deviation in deviations])
    net, rows_B = state.network, small_nets.take_rows(0)
    for name, value in (("gamma", 1.0), ("beta", 0.0)):
        net.vector_SG1O(name, 0, net.vectors_RP).fill_(value)
    small_nets.forward(state, rows_B, training=True)
    h_RBH = state.workspace(len(rows_B)).h[0]
    covariance_DD = torch.cov(state.examples.train[0][rows_B].T, correction=0)
    w_RDH = net.weight_SGIO(0, net.weights)[0]
    var_RH = (w_RDH * (covariance_DD @ w_RDH)).sum(1)
    expected_R = (var_RH / (var_RH + base.norm_eps)).mean(1)
    measured_R = h_RBH.var(1, correction=0).mean(1)
    for r, deviation in enumerate(deviations):
        words = f"weights of deviation {deviation:g}: the output's variance is var/(var + eps), eps {base.norm_eps:g}"
        yield Claim(words, "derived", near(float(expected_R[r]), 1e-10), float(measured_R[r]))


def running_statistics() -> Iterator[Claim]:
    """Hold the running statistics after K batches against their closed form.

    From the start s_0: s_K = (1 − m)^K·s_0 + Σ_k m·(1 − m)^(K − k)·batch_k, k = 1 … K, with the batch's variance
    unbiased, as `torch.nn.BatchNorm1d` does it. Under `pre` they are the statistics of the product, under `post` those
    of the activation.
    """
    batches, momenta = 5, (0.01, 0.1, 1.0)
    base = replace(small_nets.BASE, activation=Activation.relu)
    state = small_nets.begin([
        replace(base, placement=p, norm_momentum=m) for p in (Placement.pre, Placement.post) for m in momenta
    ])  # fmt: skip
    net, m_R = state.network, state.network.momentum_SG11.view(-1, 1)
    norm_inputs = []
    for batch in range(batches):
        small_nets.forward(state, small_nets.take_rows(batch), training=True)
        x_BD = state.examples.train[0][small_nets.take_rows(batch)]
        u_RBH = x_BD @ net.weight_SGIO(0, net.weights)[0] + net.vector_SG1O("bias", 0, net.vectors_RP)[0]
        norm_inputs.append(torch.cat([u_RBH[: len(momenta)], u_RBH[len(momenta) :].clamp_min(0)]))
    for name, start, running, of_batch in (
        ("means", 0.0, net.running_mean[0], [values.mean(1) for values in norm_inputs]),
        ("variances (unbiased)", 1.0, net.running_var[0], [values.var(1, correction=1) for values in norm_inputs]),
    ):
        expected_RH = (1 - m_R) ** batches * start
        for k, values_RH in enumerate(of_batch, start=1):
            expected_RH = expected_RH + m_R * (1 - m_R) ** (batches - k) * values_RH
        error = float(small_nets.relative_error(running.flatten(0, 2), expected_RH).max())
        words = f"running {name} after {batches} batches: (1 − m)^K·start + Σ m·(1 − m)^(K−k)·batch_k"
        yield Claim(words, "PyTorch, BatchNorm1d", at_most(1e-12), error)


def bias_before_a_norm() -> Iterator[Claim]:
    """Show that a bias in front of the normalization would never learn: its gradient Σ_B dx is zero.

    dx has no part along 1, because a shift of x changes nothing. Relative to Σ_B |dx|, the largest value of all units.
    """
    state = small_nets.begin(small_nets.list_arms(small_nets.BASE))
    products = small_nets.compute_gradients(state, small_nets.take_rows(0)).products
    ratios = [(d.sum(2).abs().amax(2) / d.abs().sum(2).amax(2)).flatten() for d in products]
    ratios_R = torch.stack(ratios).amax(0)
    source = "Ioffe & Szegedy 2015, 3.2"
    words = "pre, any activation: a bias before the norm has gradient 0"
    yield Claim(words, source, at_most(1e-12), find_largest(ratios_R, state, PRE))
    bent_post = [arm for arm in POST if arm[1] != Activation.identity]
    for name, arms in {"post, any activation but the identity": bent_post, "none, any activation": NONE}.items():
        yield Claim(f"{name}: the bias has a gradient", source, at_least(1e-4), find_smallest(ratios_R, state, arms))
