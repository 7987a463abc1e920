"""Small networks of the engine on Gaussian inputs, in float64, and their gradients, taken out layer by layer.

Letters: S = 1 seed, G arms, R = G lanes, B examples in a batch, D inputs, H hidden units, C classes, P biases, gammas
and betas side by side, K steps.

Nothing here computes what the engine computes: `forward`, `cross_entropy`, `backward` and `factor_gradient` are its
own, in the order of `training.advance`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from bnexp.choices import Activation, Dtype, Placement
from bnexp.engine import normalizers, propagation, training
from bnexp.engine.network import Network
from bnexp.engine.packs import Pack
from bnexp.engine.workspace import Cell
from bnexp.randomness import generator
from bnexp.runs import Run
from bnexp.theory.invariant_blocks import ALL, STEEP

FEATURES: Final = 12
CLASSES: Final = 5
BATCH: Final = 64
BATCHES: Final = 20
"""Batches that the inputs last for, and steps of a trajectory."""

BASE: Final = Run(
    data="gaussian",
    data_train=BATCH * BATCHES,
    data_validation=BATCH,
    hidden=(24, 20, 16),
    batch_size=BATCH,
    steps=BATCHES,
    evaluate=BATCHES,
    dtype=Dtype.float64,
)
LAYERS: Final = range(len(BASE.hidden))

STEP: Final = 1e-7
"""Of the central difference: so small that hardly a unit of relu crosses its kink; rounding costs 1e-9."""


@dataclass(frozen=True)
class Gradients:
    """Gradients of one batch, as clones."""

    weights: tuple[Tensor, ...]
    """Laid out as the network's, to be read by `weight_SGIO`."""
    vectors_RP: Tensor
    products: tuple[Tensor, ...]
    """With respect to the product of each hidden layer, [S, G, B, H]."""
    x_SGBD: Tensor
    """With respect to the inputs."""
    var_SG1H: tuple[Tensor, ...]
    """No gradient: the biased variance in the batch of what each hidden layer normalizes; 0 where it does not."""


SLOWNESS: Final = dict.fromkeys(STEEP, 0.01)
"""Factor on the learning rate of activations with which normalized nets diverge at the full one."""


def list_arms(base: Run) -> list[Run]:
    """Return `base` in every placement with every activation, at a lower learning rate where it would diverge."""
    return [to_arm(base, placement, activation) for placement, activation in ALL]


def to_arm(base: Run, placement: Placement, activation: Activation) -> Run:
    """Return `base` with another placement and activation, at the learning rate that the latter bears."""
    return replace(base, placement=placement, activation=activation, lr=base.lr * SLOWNESS.get(activation, 1))


def begin(runs: Sequence[Run]) -> training.State:
    """Return `runs` as the arms of one seed, on Gaussian inputs; they must come in the order of placements.

    Biases, gammas and betas are moved away from their neutral start by up to 0.3, the same in every lane: what holds
    only for gamma 1 and beta 0 shall not pass.
    """
    pack = Pack(tuple(runs), (runs[0].seed,))
    rng, count, held_out = generator(0, "gaussian inputs"), BASE.data_train, BASE.data_validation
    x_ND, y_N = rng.standard_normal((count, FEATURES)), rng.integers(CLASSES, size=count)
    part = torch.from_numpy(x_ND), torch.from_numpy(y_N)
    few = part[0][:held_out], part[1][:held_out]
    state = training.begin(pack, training.Examples(part, few, few, CLASSES))
    net = state.network
    moved_P = torch.from_numpy(rng.uniform(-0.3, 0.3, net.vectors_RP.shape[1]))
    net.vectors_RP.add_(moved_P * net.learned_RP)
    return state


def take_rows(batch: int) -> Tensor:
    """Return the examples [B] of the batch number `batch`."""
    return torch.arange(batch * BATCH, (batch + 1) * BATCH)


def forward(state: training.State, rows_B: Tensor, *, training: bool) -> Tensor:
    """Return the logits [R, C, B] on `rows_B`, a clone."""
    work = state.workspace(len(rows_B))
    work.x_SBD.copy_(state.examples.train[0][rows_B])
    propagation.forward(state.network, work, work.x_SBD, training=training, step=state.step + 1)
    return work.products[-1].clone()


def compute_loss(state: training.State, rows_B: Tensor) -> Tensor:
    """Return the loss [R] (nats) on `rows_B` in training mode; the gradient of the logits is left in the workspace."""
    logits_RCB = forward(state, rows_B, training=True)
    loss_R, correct_R = logits_RCB.new_empty(len(logits_RCB)), rows_B.new_empty(len(logits_RCB))
    y_SB = state.examples.train[1][rows_B][None]
    propagation.cross_entropy(state.network, state.workspace(len(rows_B)), y_SB, loss_R, correct_R)
    return loss_R


def compute_gradients(state: training.State, rows_B: Tensor) -> Gradients:
    """Return the gradients of the loss on `rows_B`, in training mode."""
    compute_loss(state, rows_B)
    return _go_back(state, len(rows_B))


def measure_slope_error(state: training.State, rows_B: Tensor) -> Tensor:
    """Return by how much the gradient misses the slope of the loss along one random direction of what is learned, [R].

    Relative to the sum of what each parameter contributes to the slope, taken without its sign. The parameters of
    `state` are moved by the step of a central difference.
    """
    net, gradients, rng = state.network, compute_gradients(state, rows_B), generator(0, "direction")
    parameters, slopes = [*net.weights, net.vectors_RP], [*gradients.weights, gradients.vectors_RP * net.learned_RP]
    directions = [torch.from_numpy(rng.standard_normal(tuple(tensor.shape))) for tensor in parameters]
    directions[-1].mul_(net.learned_RP)
    parts = [gradient * direction for gradient, direction in zip(slopes, directions, strict=True)]
    signed_R, unsigned_R = (_sum_by_lane(net, some) for some in (parts, [part.abs() for part in parts]))
    losses = []
    for factor in (STEP, -2 * STEP):
        for tensor, direction in zip(parameters, directions, strict=True):
            tensor.add_(direction, alpha=factor)
        losses.append(compute_loss(state, rows_B))
    return (((losses[0] - losses[1]) / (2 * STEP) - signed_R) / unsigned_R).abs()


def _sum_by_lane(net: Network, parts: list[Tensor]) -> Tensor:
    """Return the sum of what belongs to each lane, [R]; the parts are laid out as weights and, last, vectors."""
    weights = [net.weight_SGIO(layer, tuple(parts)).sum((2, 3)).flatten() for layer in range(len(net.weights))]
    return torch.stack([*weights, parts[-1].sum(1)]).sum(0)


def pull_back(state: training.State, rows_B: Tensor, d_logits_RCB: Tensor) -> Gradients:
    """Return the gradients of the sum of `d_logits_RCB` times the logits: a product with every layer's Jacobian."""
    forward(state, rows_B, training=True)
    state.workspace(len(rows_B)).d_products[-1].copy_(d_logits_RCB)
    return _go_back(state, len(rows_B))


def _go_back(state: training.State, batch: int) -> Gradients:
    """Go back from the gradient of the logits that the workspace holds."""
    net, work = state.network, state.workspace(batch)
    variances = tuple(torch.cat([_measure_variance(cell) for cell in cells], 1) for cells in work.cells)
    weights: list[Tensor] = []
    products: list[Tensor] = []
    for layer in propagation.backward(net, work):
        weights.insert(0, propagation.compute_gradient(net, work, layer))
        if layer < net.hidden_layers:
            products.insert(0, _view_by_lane(net.seeds, net.arms, layer, work.d_products[layer]).clone())
    x_SGBD = products[0] @ net.weight_SGIO(0, net.weights).mT
    return Gradients(tuple(weights), work.dvectors_RP.clone(), tuple(products), x_SGBD, variances)


def _measure_variance(cell: Cell) -> Tensor:
    """Return the biased variance in the batch of what the first norm of `cell` got, [S, G, 1, H], or 0 without one."""
    if not cell.norms:
        return torch.zeros_like(cell.bias)
    return normalizers.recover_input(cell.norms[0]).var(2, correction=0, keepdim=True)


def _view_by_lane(seeds: int, arms: int, layer: int, product: Tensor) -> Tensor:
    """Return what is laid out as a hidden layer's product as [S, G, B, H]."""
    if layer == 0:
        return product.view(seeds, product.shape[1], arms, -1).transpose(1, 2)
    return product.view(seeds, arms, *product.shape[1:])


def gather_neurons(state: training.State, layer: int, weights: tuple[Tensor, ...], vectors_RP: Tensor) -> Tensor:
    """Return what enters each neuron of `layer`, [R, I + 1, H]: its weights and, in the last row, its bias.

    The tensors are parameters or gradients, laid out as the network's. A lane without a bias has 0 there.
    """
    net = state.network
    bias = net.vector_SG1O("bias", layer, vectors_RP) * net.vector_SG1O("bias", layer, net.learned_RP)
    return torch.cat([net.weight_SGIO(layer, weights), bias], 2).flatten(0, 1)


def relative_error(values: Tensor, truth: Tensor) -> Tensor:
    """Return the norm of each lane's difference relative to the norm of `truth`, [R]; both lead with the lanes."""
    return norm(values - truth) / norm(truth)


def norm(tensor: Tensor) -> Tensor:
    """Return the Euclidean norm over every dimension but the first, [R]."""
    return tensor.flatten(1).square().sum(1).sqrt()
