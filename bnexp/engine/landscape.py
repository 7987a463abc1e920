"""How the loss and its gradient change along the gradient: the landscape panel of Santurkar et al. 2018, section 3.1.

Letters: R = S·G lanes, S seeds, G arms, B examples, K step lengths, w the learned parameters of a lane, g their
gradient.

From w the panel goes to w − lr·k·g for each k of `LENGTHS`, on the same examples, and looks at the loss and at the new
gradient g'. What Santurkar et al. draw are the ranges of the loss and of ‖g' − g‖ (gradient predictiveness), and the
greatest ‖g' − g‖/‖Δw‖ (effective β-smoothness). All of these change when weights are merely scaled, which normalization
hides from the loss (g goes with 1/‖w‖): the cosine of g' and g, ‖g' − g‖/‖g‖, and its ratio to ‖Δw‖/‖w‖ do not.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from bnexp.engine import propagation
from bnexp.engine.network import Network
from bnexp.engine.optimizers import spread_over_columns
from bnexp.engine.workspace import Workspace

LENGTHS: Final = (0.5, 1.0, 2.0, 4.0)
"""Steps along the gradient in units of the learning rate, from a half to four of them as in Santurkar et al. 2018."""


def compute_loss(network: Network, work: Workspace, y_SB: Tensor, step: int = 1) -> Tensor:
    """Return each lane's loss [R] (nats) on the examples in `work.x_SBD`, as in training; `backward` may follow.

    `step` is the number of the step, from 1, that would be taken with it.
    """
    propagation.forward(network, work, work.x_SBD, training=True, step=step)
    lanes = network.seeds * network.arms
    loss_R, correct_R = network.vectors_RP.new_empty(lanes), y_SB.new_empty(lanes)
    propagation.cross_entropy(network, work, y_SB, loss_R, correct_R)
    return loss_R


def measure_panel(network: Network, work: Workspace, y_SB: Tensor, lr_SG11: Tensor, step: int = 1) -> dict[str, Tensor]:
    """Return the numbers of the panel, each [R]; the parameters are afterwards what they were, bit for bit."""
    parameters = (*network.weights, network.vectors_RP)
    start = tuple(parameter.clone() for parameter in parameters)
    loss_R, g = compute_loss(network, work, y_SB, step), _compute_gradient(network, work)
    learned = (*start[:-1], start[-1] * network.learned_RP)
    norm_R, weight_norm_R = _norm(network, g), _norm(network, learned)
    losses, changes, cosines = [loss_R], [], []
    for length in LENGTHS:
        _move_along(network, start, g, lr_SG11 * length)
        losses.append(compute_loss(network, work, y_SB, step))
        moved = _compute_gradient(network, work)
        changes.append(_norm(network, [new - old for new, old in zip(moved, g, strict=True)]))
        cosines.append(_inner_product(network, moved, g) / (_norm(network, moved) * norm_R))
    for parameter, old in zip(parameters, start, strict=True):
        parameter.copy_(old)
    loss_KR, change_KR, cosine_KR = torch.stack(losses), torch.stack(changes), torch.stack(cosines)
    length_KR = torch.stack([lr_SG11.flatten() * length * norm_R for length in LENGTHS])
    return {
        "loss": loss_R,
        "loss_low": loss_KR.amin(0),
        "loss_high": loss_KR.amax(0),
        "gradient_norm": norm_R,
        "gradient_change_low": change_KR.amin(0),
        "gradient_change_high": change_KR.amax(0),
        "gradient_change_relative": change_KR.amax(0) / norm_R,
        "gradient_cosine_low": cosine_KR.amin(0),
        "gradient_cosine_high": cosine_KR.amax(0),
        "smoothness": (change_KR / length_KR).amax(0),
        "smoothness_relative": (change_KR / length_KR).amax(0) * weight_norm_R / norm_R,
    }


def _compute_gradient(network: Network, work: Workspace) -> tuple[Tensor, ...]:
    """Return the gradient of all parameters, laid out as they are; 0 for what a lane does not learn."""
    layers = propagation.backward(network, work)
    weights = [propagation.compute_gradient(network, work, layer) for layer in layers]
    return (*reversed(weights), work.dvectors_RP * network.learned_RP)


def _move_along(network: Network, start: Sequence[Tensor], g: Sequence[Tensor], length_SG11: Tensor) -> None:
    """Set the parameters to w − length·g, with w in `start`."""
    for layer, weights in enumerate(network.weights):
        weights.copy_(start[layer]).addcmul_(g[layer], spread_over_columns(length_SG11, network, layer), value=-1)
    network.vectors_RP.copy_(start[-1]).addcmul_(g[-1], length_SG11.view(-1, 1), value=-1)


def _inner_product(network: Network, a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """Return the inner product [R] of two lists of tensors laid out as the parameters."""
    of_layers = [
        (network.lanes_SGXO(layer, a[layer]) * network.lanes_SGXO(layer, b[layer])).sum((2, 3)).flatten()
        for layer in range(len(network.weights))
    ]
    return torch.stack([*of_layers, (a[-1] * b[-1]).sum(1)]).sum(0)


def _norm(network: Network, a: Sequence[Tensor]) -> Tensor:
    """Return the Euclidean norm [R] of a list of tensors laid out as the parameters."""
    return _inner_product(network, a, a).sqrt_()
