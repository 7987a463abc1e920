"""What does not change when a neuron's incoming weights are scaled: where the placements differ, provably.

Letters: S = 1 seed, G arms, R = G lanes, B examples in a batch, H hidden units, C classes; neuron i has weights w_i,
bias b_i, their gradients g_i and db_i; a > 0 scales it.

`invariant_blocks` says which arms have an invariant block, and why.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from bnexp.choices import Activation, Placement
from bnexp.engine import training
from bnexp.randomness import generator
from bnexp.theory import small_nets
from bnexp.theory.claims import Claim, at_least, at_most
from bnexp.theory.invariant_blocks import claim_with_block, claim_without_block, find_degree, find_smallest

SOURCE: Final = "Ioffe & Szegedy 2015, 3.3"
DECADES: Final = (-2, 2)
"""Powers of ten between which the neurons of every hidden layer are scaled, both ends included."""
ROUNDING: Final = 1e-10
DIFFERENT: Final = 1e-2


def scale_invariance() -> Iterator[Claim]:
    """Scale every hidden neuron, each by another factor, and compare outputs, Jacobians and gradients.

    The Jacobian is compared by its product with one random cotangent, which no wrong Jacobian survives but by chance.
    The gradient of a scaled neuron must be 1/a times that of the neuron (Ioffe & Szegedy 2015, section 3.3).
    """
    plain, scaled, unbiased = (
        small_nets.begin(small_nets.list_arms(replace(small_nets.BASE, norm_eps=0.0))) for _ in range(3)
    )
    factors = [_draw_factors(layer) for layer in small_nets.LAYERS]
    for layer, a_H in enumerate(factors):
        _scale_neurons(scaled, layer, a_H, bias=True)
        _scale_neurons(unbiased, layer, a_H, bias=False)
    rows_B = small_nets.take_rows(0)
    logits_RCB = small_nets.forward(plain, rows_B, training=True)
    output_R = small_nets.relative_error(small_nets.forward(scaled, rows_B, training=True), logits_RCB)
    alone_R = small_nets.relative_error(small_nets.forward(unbiased, rows_B, training=True), logits_RCB)
    cotangent_RCB = torch.from_numpy(generator(0, "cotangent").standard_normal(logits_RCB.shape))
    before, after = (small_nets.pull_back(state, rows_B, cotangent_RCB) for state in (plain, scaled))
    jacobian_R = small_nets.relative_error(after.x_SGBD[0], before.x_SGBD[0])
    gradient_R = torch.stack(
        [_measure_gradient_error(plain, before, after, *pair) for pair in enumerate(factors)]
    ).amax(0)
    yield from _claim_contrast(plain, output_R, ("leaves the output", "changes the output"))
    yield Claim(
        "post, leaky_relu: scaling the weights without the bias changes the output",
        "derived",
        at_least(DIFFERENT),
        find_smallest(alone_R, plain, [(Placement.post, Activation.leaky_relu)]),
    )
    yield from _claim_contrast(plain, jacobian_R, ("leaves the Jacobian of the inputs", "changes that Jacobian"))
    yield from _claim_contrast(plain, gradient_R, ("divides their gradients by a", "divides them by something else"))


def _claim_contrast(state: training.State, errors_R: Tensor, words: tuple[str, str]) -> Iterator[Claim]:
    """Claim what scaling does to arms with an invariant block, and to those without one: the two ends of `words`."""
    low, high = (10**power for power in DECADES)
    holds, fails = (f"scaling neurons by a in [{low:g}, {high:g}] {end}" for end in words)
    yield from claim_with_block(state, errors_R, holds, SOURCE, at_most(ROUNDING))
    yield from claim_without_block(state, errors_R, fails, SOURCE, DIFFERENT)


def radial_identity() -> Iterator[Claim]:
    """Compare the part of the gradient along the weights with what eps leaves of it, at any eps.

    With y = gamma·x̂ + beta and x̂ = c/sqrt(var + eps), scaling the block by a scales c and sqrt(var) by a^k, where k is
    1 or, behind an activation, its degree, so that at a = 1 dx̂/da = k·x̂·eps/(var + eps). Hence, with dgamma_i = Σ_B
    dy·x̂ (derived):

        <w_i, g_i> + b_i·db_i = k·eps/(var_i + eps)·gamma_i·dgamma_i

    The error is relative to the layer's largest ‖(w_i, b_i)‖·‖(g_i, db_i)‖: no left side could be larger.
    """
    errors = []
    for eps in (1e-5, 1e-2, 1.0):
        state = small_nets.begin(small_nets.list_arms(replace(small_nets.BASE, norm_eps=eps)))
        gradients = small_nets.compute_gradients(state, small_nets.take_rows(0))
        errors.append(
            torch.stack([_measure_radial_error(state, gradients, layer, eps) for layer in small_nets.LAYERS]).amax(0)
        )
    errors_R = torch.stack(errors)
    words = "<w, dw> + b·db = k·eps/(var + eps)·gamma·dgamma at eps 1e-5, 0.01 and 1"
    yield from claim_with_block(state, errors_R.amax(0), words, "derived", at_most(1e-12))
    yield from claim_without_block(state, errors_R.amin(0), "that identity fails", "derived", 1e-4)


def _draw_factors(layer: int) -> Tensor:
    """Return a factor a [H] for each neuron of `layer`, spread evenly over the `DECADES` in a random order."""
    rng = generator(0, "factors", layer)
    return torch.from_numpy(
        10 ** rng.permutation(torch.linspace(*DECADES, small_nets.BASE.hidden[layer]).double().numpy())
    )


def _scale_neurons(state: training.State, layer: int, a_H: Tensor, *, bias: bool) -> None:
    """Multiply the weights of each neuron of `layer` by its factor, and with `bias` its bias, too."""
    net = state.network
    net.weight_SGIO(layer, net.weights).mul_(a_H)
    if bias:
        net.vector_SG1O("bias", layer, net.vectors_RP).mul_(a_H)


def _measure_gradient_error(
    state: training.State, before: small_nets.Gradients, after: small_nets.Gradients, layer: int, a_H: Tensor
) -> Tensor:
    """Return each lane's largest error of a·(gradient of a scaled neuron) relative to the layer's largest gradient."""
    old, new = (small_nets.gather_neurons(state, layer, one.weights, one.vectors_RP) for one in (before, after))
    return ((a_H * new - old).square().sum(1).amax(1) / old.square().sum(1).amax(1)).sqrt()


def _measure_radial_error(state: training.State, gradients: small_nets.Gradients, layer: int, eps: float) -> Tensor:
    """Return by how much the identity of `radial_identity` fails in `layer`, [R]: the worst neuron of each lane."""
    net = state.network
    w = small_nets.gather_neurons(state, layer, net.weights, net.vectors_RP)
    g = small_nets.gather_neurons(state, layer, gradients.weights, gradients.vectors_RP)
    gamma, dgamma = (net.vector_SG1O("gamma", layer, flat) for flat in (net.vectors_RP, gradients.vectors_RP))
    k_R1 = torch.tensor([[find_degree(run.placement, run.activation)] for run in state.pack.runs])
    expected_RH = k_R1 * (eps / (gradients.var_SG1H[layer] + eps) * gamma * dgamma).flatten(0, 2)
    lengths = (w.square().sum(1) * g.square().sum(1)).sqrt()
    return ((w * g).sum(1) - expected_RH).abs().amax(1) / lengths.amax(1)
