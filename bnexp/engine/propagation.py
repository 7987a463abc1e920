"""Forward and backward through a stacked network, by hand and into buffers that are allocated once.

Letters: R = S·G lanes (S seeds × G arms), B examples in a batch, D input features, H hidden units, C classes, F =
G·H columns of the wide first layer, P all biases, gammas and betas of a lane side by side.

Matrix products run over all lanes at once. Elementwise parts run on slices over G: arms are ordered by (placement,
activation), so one `Cell` covers all the arms of a placement, and no lane is masked or visited alone.

Buffers are few, because a step is as fast as what it touches is near: biases are added in place, the gradient of a
product takes the product's place, all hidden outputs share one buffer for their gradients. The way back therefore goes
from the last layer to the first, and what needs a layer's gradients takes them before `backward` goes on to the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import torch
from torch import Tensor

from bnexp.choices import Activation, Placement
from bnexp.engine import activations, normalization
from bnexp.engine.network import ORDER, Network, Stage


@dataclass(frozen=True)
class Step:
    """One stage of a cell: what it reads and writes on the way forward, and on the way back; [S, G, B, H]."""

    stage: Stage
    source: Tensor
    target: Tensor
    d_target: Tensor
    d_source: Tensor
    functions: tuple[tuple[activations.Function, tuple[Tensor, Tensor, Tensor, Tensor]], ...]
    """Of an activation stage: the four tensors once more, cut into the arms that share a function."""


@dataclass(frozen=True)
class Cell:
    """The elementwise part of one hidden layer for the arms of one placement: views of parameters and buffers."""

    path: tuple[Step, ...]
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
    """Every buffer that a step on batches of one size needs, allocated once."""

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
    cells: tuple[tuple[Cell, ...], ...]
    """Of each hidden layer."""


def workspace(network: Network, batch: int) -> Workspace:
    """Allocate the buffers for batches of `batch` examples."""
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
        cells.append(tuple(_cell(network, layer, blocks, views, dvectors_RP) for blocks in placements))
    return Workspace(
        x_SBD=like.new_empty(seeds, batch, network.widths[0]),
        products=products,
        h=h,
        d_products=(*products[:-1], torch.empty_like(products[-1])),
        d_h=d_h,
        dvectors_RP=dvectors_RP,
        cells=tuple(cells),
    )


def _cell(
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
            path.append(Step(stage, source, source, d_source, d_source, ()))
            continue
        if stage is Stage.normalization and source is not product:
            centred = source.new_empty(source.shape)  # the stage before it needs its output on the way back
        target = h if stage is stages[-1] else source.new_empty(source.shape)
        path.append(_step(stage, (source, target, d, d_source), blocks))
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


def _step(
    stage: Stage,
    tensors: tuple[Tensor, Tensor, Tensor, Tensor],
    blocks: tuple[tuple[slice, Placement, Activation], ...],
) -> Step:
    first, functions = blocks[0][0].start, []
    for arms, _, activation in blocks:
        u, a, d_a, d_u = (tensor[:, arms.start - first : arms.stop - first] for tensor in tensors)
        functions.append((activations.FUNCTIONS[activation], (u, a, d_a, d_u)))
    return Step(stage, *tensors, tuple(functions) if stage is Stage.activation else ())


def forward(network: Network, work: Workspace, x_SBD: Tensor, *, training: bool) -> None:
    """Write the logits of `x_SBD` into `work.products[-1]`.

    In training the statistics of the batch are used and the running ones moved.
    """
    inputs, last = x_SBD, len(work.cells)
    for layer, cells in enumerate(work.cells):
        torch.bmm(inputs, network.weights[layer], out=work.products[layer])
        for cell in cells:
            _forward_cell(cell, training=training)
        inputs = work.h[layer]
    logits = torch.bmm(network.weights[last], inputs.mT, out=work.products[last])
    _by_lane(network, logits).add_(network.vector_SG1O("bias", last, network.vectors_RP).mT)


def _by_lane(network: Network, tensor_R: Tensor) -> Tensor:
    return tensor_R.view(network.seeds, network.arms, *tensor_R.shape[1:])


def _forward_cell(cell: Cell, *, training: bool) -> None:
    for step in cell.path:
        if step.stage is Stage.bias:
            torch.add(step.source, cell.bias, out=step.target)
        elif step.stage is Stage.activation:
            for function, (u, a, _, _) in step.functions:
                function.forward(u, a)
        elif training:
            normalization.forward(step.source, cell.gamma, cell.beta, cell.eps, cell.kept, step.target)
            normalization.update_running(cell.running_mean, cell.running_var, cell.momentum, cell.kept)
        else:
            moved = (cell.running_mean, cell.running_var)
            normalization.apply(step.source, cell.gamma, cell.beta, cell.eps, *moved, step.target)


def cross_entropy(network: Network, work: Workspace, y_SB: Tensor, loss_R: Tensor, correct_R: Tensor) -> None:
    """Write each lane's mean loss (nats) and number of correct predictions; put the gradient of the logits into `work`.

    loss = −log softmax(logits)[y] and ∂loss/∂logits = (softmax(logits) − onehot(y))/B.
    """
    logits, d = work.products[-1], work.d_products[-1]
    y_R1B = y_SB.repeat_interleave(network.arms, 0).unsqueeze(1)
    _, predicted_R1B = logits.max(1, keepdim=True)  # argmax over a middle dimension takes ten times as long
    torch.sum(predicted_R1B == y_R1B, (1, 2), out=correct_R)
    torch.log_softmax(logits, 1, out=d)
    picked_R1B = d.gather(1, y_R1B)
    torch.mean(picked_R1B, (1, 2), out=loss_R).neg_()
    d.exp_().scatter_add_(1, y_R1B, picked_R1B.fill_(-1)).div_(y_SB.shape[1])


def backward(network: Network, work: Workspace, layer: int) -> None:
    """Turn the gradient of the outputs of `layer` into that of its product, and write that of its inputs.

    Goes from the last layer, where `cross_entropy` began, to the first. Reads the weights of `layer` and, between the
    two, what `work.h[layer]` and `work.d_products[layer + 1]` hold is lost.
    """
    if layer == len(work.cells):
        d_logits = work.d_products[layer]
        torch.sum(_by_lane(network, d_logits), 3, True, out=network.vector_SG1O("bias", layer, work.dvectors_RP).mT)
        torch.bmm(d_logits.mT, network.weights[layer], out=work.d_h[layer - 1])
        return
    for cell in work.cells[layer]:
        _backward_cell(cell)
    if layer:
        torch.bmm(work.d_products[layer], network.weights[layer].mT, out=work.d_h[layer - 1])


def _backward_cell(cell: Cell) -> None:
    for step in reversed(cell.path):
        if step.stage is Stage.bias:
            torch.sum(step.d_target, 2, True, out=cell.dbias)
        elif step.stage is Stage.activation:
            for function, (u, a, d_a, d_u) in step.functions:
                function.backward(d_a, u, a, d_u)
        else:
            # Whoever needed the stage's output has had it: its memory serves as scratch.
            normalization.backward(step.d_target, cell.kept, cell.dgamma, cell.dbeta, step.target, step.d_source)


def weight_gradients(network: Network, work: Workspace) -> Iterator[tuple[int, Tensor]]:
    """Go back through all layers, the last first, and yield each with ∂loss/∂W laid out as its weights are."""
    for layer in reversed(range(len(network.weights))):
        backward(network, work, layer)
        yield layer, torch.bmm(*gradient_factors(work, layer))


def gradient_factors(work: Workspace, layer: int) -> tuple[Tensor, Tensor]:
    """Return the two factors whose product, lane by lane or seed by seed, is ∂loss/∂W laid out as the weights are."""
    if layer == len(work.cells):
        return work.d_products[layer], work.h[layer - 1]
    inputs = work.h[layer - 1] if layer else work.x_SBD
    return inputs.mT, work.d_products[layer]
