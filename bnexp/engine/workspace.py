"""The buffers of a training step, allocated once, and the path of every placement through a layer: views of them.

Letters: R = S·G lanes (S seeds × G arms), B examples in a batch, D input features, H hidden units, C classes, F =
G·H columns of the wide first layer, P all biases, gammas and betas of a lane side by side.

Buffers are few, because a step is as fast as what it touches is near: the gradient of a product takes the product's
place, biases are added in place, and the gradients of all hidden outputs share one buffer. `propagation` says in which
order they may be used.
"""

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import torch
from torch import Tensor

from bnexp.choices import Activation, Placement
from bnexp.engine import activations, normalization
from bnexp.engine.network import Network
from bnexp.engine.placement import ORDER, Stage


@dataclass(frozen=True)
class StageBuffers:
    """What one stage of a cell reads and writes on the way forward, and on the way back: views [S, G, B, H]."""

    stage: Stage
    source: Tensor
    target: Tensor
    d_target: Tensor
    d_source: Tensor
    functions: tuple[tuple[activations.Function, tuple[Tensor, Tensor, Tensor, Tensor]], ...]
    """Of an activation: each function with its u, a, d_a and d_u, the four tensors cut to the arms that share it."""


@dataclass(frozen=True)
class Cell:
    """The elementwise part of one hidden layer for the G arms of one placement: views of parameters and buffers.

    Vectors, running statistics and their gradients are [S, G, 1, H]; eps and momentum of the norm are [S, G, 1, 1].
    """

    path: tuple[StageBuffers, ...]
    """From the product to the layer's output."""
    bias: Tensor
    gamma: Tensor
    beta: Tensor
    dbias: Tensor
    dgamma: Tensor
    dbeta: Tensor
    eps: Tensor
    momentum: Tensor
    running_mean: Tensor
    running_var: Tensor
    kept: normalization.Statistics


@dataclass(frozen=True)
class Workspace:
    """Every buffer that a training step or an evaluation on batches of one size needs."""

    x_SBD: Tensor
    """The batch of every seed."""
    products: tuple[Tensor, ...]
    """[S, B, F], then [R, B, H] for each further hidden layer, then the logits [R, C, B]."""
    h: tuple[Tensor, ...]
    """Outputs of the hidden layers, [R, B, H]."""
    d_products: tuple[Tensor, ...]
    """Gradients with respect to `products`: the same memory, but for the logits."""
    d_h: tuple[Tensor, ...]
    """Gradients with respect to `h`, all in the same memory."""
    dvectors_RP: Tensor
    """Gradients with respect to `Network.vectors_RP`, laid out as these."""
    cells: tuple[tuple[Cell, ...], ...]
    """Of each hidden layer, one cell per placement."""


def allocate_workspace(network: Network, batch: int) -> Workspace:
    """Allocate the buffers that `network` needs for batches of `batch` examples."""
    like, hidden = network.vectors_RP, network.widths[1:-1]
    seeds, arms, lanes = network.seeds, network.arms, network.seeds * network.arms
    products = (
        like.new_empty(seeds, batch, arms * hidden[0]),
        *(like.new_empty(lanes, batch, width) for width in hidden[1:]),
        like.new_empty(lanes, network.widths[-1], batch),
    )
    h = tuple(like.new_empty(lanes, batch, width) for width in hidden)
    shared = like.new_empty(max(output.numel() for output in h))
    d_h = tuple(shared[: output.numel()].view_as(output) for output in h)
    dvectors_RP = torch.zeros_like(like)
    placements = [tuple(blocks) for _, blocks in groupby(network.blocks, key=itemgetter(1))]
    cells = []
    for layer, width in enumerate(hidden):
        grid = (seeds, arms, batch, width)
        wide = products[0].view(seeds, batch, arms, -1).transpose(1, 2)
        views = (products[layer].view(grid) if layer else wide, h[layer].view(grid), d_h[layer].view(grid))
        cells.append(tuple(_create_cell(network, layer, blocks, views, dvectors_RP) for blocks in placements))
    return Workspace(
        x_SBD=like.new_empty(seeds, batch, network.widths[0]),
        products=products,
        h=h,
        d_products=(*products[:-1], torch.empty_like(products[-1])),
        d_h=d_h,
        dvectors_RP=dvectors_RP,
        cells=tuple(cells),
    )


def _create_cell(
    network: Network,
    layer: int,
    blocks: tuple[tuple[slice, Placement, Activation], ...],
    views: tuple[Tensor, Tensor, Tensor],
    dvectors_RP: Tensor,
) -> Cell:
    """Lay the path of one placement through a layer; `views` are its product, h and d_h as [S, G, B, H]."""
    arms, stages = slice(blocks[0][0].start, blocks[-1][0].stop), ORDER[blocks[0][1]]
    product, h, d = (view[:, arms] for view in views)
    path, source, d_source, centred = [], product, product, product
    for stage in stages:
        if stage is Stage.bias:
            path.append(StageBuffers(stage, source, source, d_source, d_source, ()))
            continue
        if stage is Stage.normalization and source is not product:
            centred = source.new_empty(source.shape)  # the stage before it needs its output on the way back
        target = h if stage is stages[-1] else source.new_empty(source.shape)
        path.append(_cut_buffers(stage, (source, target, d, d_source), blocks))
        source, d_source = target, d
    vectors = {
        prefix + name: network.vector_SG1O(name, layer, flat)[:, arms]
        for prefix, flat in (("", network.vectors_RP), ("d", dvectors_RP))
        for name in ("bias", "gamma", "beta")
    }
    units = (torch.empty_like(network.running_mean[layer][:, arms]) for _ in range(4))
    return Cell(
        path=tuple(path),
        eps=network.eps_SG11[:, arms],
        momentum=network.momentum_SG11[:, arms],
        running_mean=network.running_mean[layer][:, arms],
        running_var=network.running_var[layer][:, arms],
        kept=normalization.Statistics(centred, *units),
        **vectors,
    )


def _cut_buffers(
    stage: Stage,
    tensors: tuple[Tensor, Tensor, Tensor, Tensor],
    blocks: tuple[tuple[slice, Placement, Activation], ...],
) -> StageBuffers:
    """Return the buffers of `stage`; `tensors` are its source, target and their gradients, d_target before d_source."""
    first, functions = blocks[0][0].start, []
    for arms, _, activation in blocks:
        u, a, d_a, d_u = (tensor[:, arms.start - first : arms.stop - first] for tensor in tensors)
        functions.append((activations.FUNCTIONS[activation], (u, a, d_a, d_u)))
    return StageBuffers(stage, *tensors, tuple(functions) if stage is Stage.activation else ())
