"""What the symmetry means for training: equivalent trajectories, and weights that can only grow.

Letters: R lanes, K steps, I inputs and H units of a layer; W0 the initial weights, a > 0 a factor, (w, b) a neuron.

All steps are `training.advance`, plain SGD, one at a time.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from bnexp.engine import training
from bnexp.theory import small_nets
from bnexp.theory.claims import Claim, at_most, exactly
from bnexp.theory.invariant_blocks import claim_with_block, claim_without_block, find_degree

LR: Final = 0.1
GROWTH_STEPS: Final = 10
GROWTH_LR: Final = 1.0
"""Large: a growth of 1e-6 of ‖w‖² would be known to ten digits only."""


def equivalence() -> Iterator[Claim]:
    """Train from (a·W0, a²·lr on the invariant block, eps·a²) beside (W0, lr, eps) and compare the losses.

    In the hidden layers the block's gradient is 1/a times the other's, so that a step of a²·lr takes the same way at
    scale a; var and eps both carry a² (derived), behind an activation of degree k a^(2k). A power of two only moves
    exponents: the losses are then equal to the last bit. The block is taken to be weights and biases of the hidden
    layers in every arm, also where it is none: there a = 10 must show (at 0.1 a smooth activation is nearly linear),
    and a diverged loss is infinitely different.
    """
    plain = _record_losses(1)
    twos = torch.stack([_largest_difference(_record_losses(2.0**k), plain) for k in (-3, 5)])
    tens = torch.stack([_largest_difference(_record_losses(a), plain) for a in (0.1, 10)])
    state = _begin(1, 1)
    words = f"from (a·W, a²·lr, a^(2k)·eps) the same loss in {small_nets.BATCHES} SGD steps"
    bits, digits = f"{words}, to the last bit for a = 1/8 and 32", f"{words}, for a = 0.1 and 10"
    yield from claim_with_block(state, twos.amax(0), bits, "derived", exactly(0))
    yield from claim_with_block(state, tens.amax(0), digits, "derived", at_most(1e-9))
    yield from claim_without_block(state, tens[1].nan_to_num(math.inf), "not the same loss for a = 10", "derived", 1e-2)


def norm_growth() -> Iterator[Claim]:
    """Hold the growth of each neuron's squared norm against lr²·‖g‖², the square of its step.

    With eps 0 the gradient of an invariant block is orthogonal to it (the radial identity), so that by Pythagoras
    ‖w_(t+1)‖² = ‖w_t‖² + lr²·‖g_t‖². The error is relative to the layer's largest growth.
    """
    state = small_nets.begin(small_nets.list_arms(replace(small_nets.BASE, lr=GROWTH_LR, norm_eps=0.0)))
    worst_R = torch.zeros(len(state.pack.runs), dtype=torch.float64)
    lr_R1 = torch.tensor([[run.lr] for run in state.pack.runs], dtype=torch.float64)
    for batch in range(GROWTH_STEPS):
        rows_B = small_nets.take_rows(batch)
        gradients = small_nets.compute_gradients(state, rows_B)
        before = [_square_neurons(state, layer) for layer in small_nets.LAYERS]
        state, _, _ = training.advance(state, rows_B[None, None])
        for layer, before_RH in enumerate(before):
            g = small_nets.gather_neurons(state, layer, gradients.weights, gradients.vectors_RP)
            steps_RH = lr_R1.square() * g.square().sum(1)
            errors_RH = (_square_neurons(state, layer) - before_RH - steps_RH).abs()
            worst_R = torch.maximum(worst_R, errors_RH.amax(1) / steps_RH.amax(1))
    source = "van Laarhoven 2017"
    words = f"‖w‖² grows by lr²·‖g‖² in each of {GROWTH_STEPS} SGD steps, eps 0"
    yield from claim_with_block(state, worst_R, words, source, at_most(1e-10))
    other_R = worst_R.nan_to_num(math.inf)  # cube alone diverges
    yield from claim_without_block(state, other_R, "‖w‖² grows by something else", source, 1e-2)


def _square_neurons(state: training.State, layer: int) -> Tensor:
    """Return ‖(w, b)‖² of every neuron of `layer`, [R, H]."""
    net = state.network
    return small_nets.gather_neurons(state, layer, net.weights, net.vectors_RP).square().sum(1)


def _begin(lr_factor: float, eps_factor: float) -> training.State:
    """Return every arm of the small nets, learning at lr and with an eps that are multiplied by these factors.

    That of eps is taken to the degree of what is normalized; a run's own eps would be rounded to 12 digits.
    """
    state = small_nets.begin(small_nets.list_arms(replace(small_nets.BASE, lr=LR * lr_factor)))
    degrees = [find_degree(run.placement, run.activation) for run in state.pack.runs]
    eps_SG11 = state.network.eps_SG11
    eps_SG11.mul_(torch.tensor([eps_factor**k for k in degrees], dtype=torch.float64).view_as(eps_SG11))
    return state


def _record_losses(a: float) -> Tensor:
    """Return the loss [K, R] before each step of the trajectories that start from a·W0.

    `advance` has one learning rate for a whole lane, so two packs take every step from the same point, one at lr and
    one at a²·lr: the next point is the block of the second and the rest of the first.
    """
    slow, fast = (_begin(factor, a**2) for factor in (1, a**2))
    for state in (slow, fast):
        for block in _view_blocks(state):
            block.mul_(a)
    losses = []
    for batch in range(small_nets.BATCHES):
        rows_B = small_nets.take_rows(batch)
        slow, loss_KR, _ = training.advance(slow, rows_B[None, None])
        fast, _, _ = training.advance(fast, rows_B[None, None])
        losses.append(loss_KR[0])
        for block, moved in zip(_view_blocks(slow), _view_blocks(fast), strict=True):
            block.copy_(moved)
        for after, before in zip(_view_parameters(fast), _view_parameters(slow), strict=True):
            after.copy_(before)
    return torch.stack(losses)


def _view_blocks(state: training.State) -> list[Tensor]:
    """Return weights and biases of the hidden layers, as views."""
    net = state.network
    biases = [net.vector_SG1O("bias", layer, net.vectors_RP) for layer in small_nets.LAYERS]
    return [*net.weights[:-1], *biases]


def _view_parameters(state: training.State) -> tuple[Tensor, ...]:
    """Return all parameters."""
    return *state.network.weights, state.network.vectors_RP


def _largest_difference(losses_KR: Tensor, plain_KR: Tensor) -> Tensor:
    """Return the largest relative difference of the losses over the steps, [R]."""
    return ((losses_KR - plain_KR).abs() / plain_KR).amax(0)
