"""The buffers of a training step, allocated once, and the path of every placement through a layer: views of them.

Letters: R = S·G lanes (S seeds × G arms), B examples in a batch, D input features, H hidden units, C classes, F =
G·H columns of the wide first layer, P all biases, gammas and betas of a lane side by side.

Buffers are few, because a step is as fast as what it touches is near: the gradient of a product takes the product's
place, biases are added in place, and the gradients of all hidden outputs share one buffer. `propagation` says in which
order they may be used.
"""

from dataclasses import dataclass, replace
from itertools import groupby

import torch
from torch import Tensor

from bnexp.choices import Activation
from bnexp.engine.activations import FUNCTIONS, Function
from bnexp.engine.network import Block, Network
from bnexp.engine.normalizers import Norm, create_statistics
from bnexp.engine.own_activations import load
from bnexp.engine.placement import NORMS, Stage
from bnexp.norms.kinds import NormKind


@dataclass(frozen=True)
class StageBuffers:
    """What one stage of a cell reads and writes on the way forward, and on the way back: views [S, G, B, H]."""

    stage: Stage
    source: Tensor
    target: Tensor
    d_target: Tensor
    d_source: Tensor
    functions: tuple[tuple[Function, tuple[Tensor, Tensor, Tensor, Tensor]], ...]
    """Of an activation: each function with its u, a, d_a and d_u, the four tensors cut to the arms that share it."""
    norm: Norm | None = None
    """Of a normalization."""


@dataclass(frozen=True)
class Cell:
    """The elementwise part of one hidden layer for the G arms that are normalized alike: views, [S, G, 1, H] each."""

    arms: slice
    path: tuple[StageBuffers, ...]
    """From the product to the layer's output."""
    bias: Tensor
    dbias: Tensor

    @property
    def norms(self) -> tuple[Norm, ...]:
        """The normalizations on the path."""
        return tuple(buffers.norm for buffers in self.path if buffers.norm is not None)


@dataclass(frozen=True)
class Workspace:
    """Every buffer that a training step or an evaluation on batches of one size needs."""

    x_SBD: Tensor
    """The batch of every seed."""
    inputs_SBD: Tensor
    """What enters the first product: the batch itself, or another buffer for its normalized inputs."""
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
    """Of each hidden layer, one cell per way of normalizing."""
    reference: "Workspace | None" = None
    """Under `population`: the buffers in which the reference batch is normalized, and in `x_SBD` the batch itself."""


def allocate_reference(network: Network, x_SBD: Tensor) -> Workspace | None:
    """Return the buffers of the reference batch `x_SBD` if `network` normalizes by one.

    There every norm is a batch normalization whose statistics are those of the batch at hand: momentum 1.
    """
    if all(block.kind is not NormKind.population for block in network.blocks):
        return None
    blocks = tuple(replace(block, kind=NormKind.batch) for block in network.blocks)
    moving = replace(network, blocks=blocks, momentum_SG11=torch.ones_like(network.momentum_SG11))
    work = allocate_workspace(moving, x_SBD.shape[1])
    work.x_SBD.copy_(x_SBD)
    return work


def allocate_workspace(network: Network, batch: int, reference: Workspace | None = None) -> Workspace:
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
    alike = [
        tuple(blocks)
        for _, blocks in groupby(network.blocks, key=lambda b: (b.placement, b.kind, b.ghost, b.freeze, b.layers))
    ]
    cells = []
    for layer, width in enumerate(hidden):
        grid = (seeds, arms, batch, width)
        wide = products[0].view(seeds, batch, arms, -1).transpose(1, 2)
        views = (products[layer].view(grid) if layer else wide, h[layer].view(grid), d_h[layer].view(grid))
        cells.append(tuple(_create_cell(network, layer, blocks, views, dvectors_RP) for blocks in alike))
    x_SBD = like.new_empty(seeds, batch, network.widths[0])
    return Workspace(
        x_SBD=x_SBD,
        inputs_SBD=x_SBD if network.input is None else torch.empty_like(x_SBD),
        products=products,
        h=h,
        d_products=(*products[:-1], torch.empty_like(products[-1])),
        d_h=d_h,
        dvectors_RP=dvectors_RP,
        cells=tuple(cells),
        reference=reference,
    )


def _create_cell(
    network: Network,
    layer: int,
    blocks: tuple[Block, ...],
    views: tuple[Tensor, Tensor, Tensor],
    dvectors_RP: Tensor,
) -> Cell:
    """Lay the path of arms that are normalized alike through a layer; `views` are its product, h and d_h, [S, G, B, H].

    A normalization may keep what it needs where its input lay, unless the stage before it needs its own output on the
    way back.
    """
    arms, stages = slice(blocks[0].arms.start, blocks[-1].arms.stop), blocks[0].stages(layer)
    product, h, d = (view[:, arms] for view in views)
    path, source, d_source = [], product, product
    for stage in stages:
        if stage is Stage.bias:
            path.append(StageBuffers(stage, source, source, d_source, d_source, ()))
            continue
        target = h if stage is stages[-1] else source.new_empty(source.shape)
        buffers = _cut_buffers(stage, (source, target, d, d_source), blocks)
        if stage in NORMS:
            centred = source if source is product else source.new_empty(source.shape)
            buffers = replace(buffers, norm=_create_norm(network, layer, blocks, (stage, centred), dvectors_RP))
        path.append(buffers)
        source, d_source = target, d
    bias, dbias = (network.vector_SG1O("bias", layer, flat)[:, arms] for flat in (network.vectors_RP, dvectors_RP))
    return Cell(arms, tuple(path), bias, dbias)


def _create_norm(
    network: Network,
    layer: int,
    blocks: tuple[Block, ...],
    place: tuple[Stage, Tensor],
    dvectors_RP: Tensor,
) -> Norm:
    """Return one normalization of a layer; its `place` is its stage and a buffer for what it keeps of its input."""
    (stage, centred), block = place, blocks[0]
    arms = slice(block.arms.start, blocks[-1].arms.stop)
    vectors = {
        prefix + name: network.vector_SG1O(NORMS[stage] + name, layer, flat)[:, arms]
        for prefix, flat in (("", network.vectors_RP), ("d", dvectors_RP))
        for name in ("gamma", "beta")
    }
    mean, var = network.find_statistics(stage, layer)
    return Norm(
        kind=block.kind,
        eps=network.eps_SG11[:, arms],
        momentum=network.momentum_SG11[:, arms],
        running_mean=mean[:, arms],
        running_var=var[:, arms],
        kept=create_statistics(block.kind, centred, block.ghost),
        freeze=block.freeze,
        weight_SGIH=(network.weight_SGIO(layer, network.weights)[:, arms] if block.kind is NormKind.weight else None),
        **vectors,
    )


def _cut_buffers(
    stage: Stage, tensors: tuple[Tensor, Tensor, Tensor, Tensor], blocks: tuple[Block, ...]
) -> StageBuffers:
    """Return the buffers of `stage`; `tensors` are its source, target and their gradients, d_target before d_source."""
    first, functions = blocks[0].arms.start, []
    for block in blocks:
        u, a, d_a, d_u = (tensor[:, block.arms.start - first : block.arms.stop - first] for tensor in tensors)
        function = load(block.activation, block.code) if block.code else FUNCTIONS[Activation(block.activation)]
        functions.append((function, (u, a, d_a, d_u)))
    return StageBuffers(stage, *tensors, tuple(functions) if stage is Stage.activation else ())
