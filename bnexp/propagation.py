"""Forward and backward through a stacked network, by hand and into buffers that are allocated once.

Letters: R = S·G lanes (S seeds × G arms), B examples in a batch, D input features, H hidden units, C classes, F =
G·H columns of the wide first layer, O outputs of a layer, P all biases, gammas and betas of a lane side by side.

Matrix products run over all lanes at once. Elementwise parts run on slices over G: arms are ordered by (placement,
activation), so one `Cell` covers all the arms that share both, and no lane is masked or visited alone.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bnexp import activations, normalization
from bnexp.choices import Activation, Placement
from bnexp.network import ORDER, Network, Stage


@dataclass(frozen=True)
class Cell:
    """The elementwise part of one hidden layer for the arms of one block: views of parameters and buffers.

    Each stage of `path` reads its first tensor and writes its second; the last one writes the layer's output.
    """

    path: tuple[tuple[Stage, Tensor, Tensor], ...]
    function: activations.Function
    d: Tensor
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
    z_SBF: Tensor
    """Product of the first layer."""
    z: tuple[Tensor, ...]
    """Products of the further layers, [R, B, O]; the last are the logits."""
    h: tuple[Tensor, ...]
    """Outputs of the hidden layers, [R, B, H]."""
    d: tuple[Tensor, ...]
    """Gradients of the loss with respect to every layer's product, [R, B, O]."""
    dvectors_RP: Tensor
    cells: tuple[tuple[Cell, ...], ...]


def workspace(network: Network, batch: int) -> Workspace:
    """Allocate the buffers for batches of `batch` examples."""
    like = network.vectors_RP
    lanes, hidden = network.seeds * network.arms, network.widths[1:-1]
    x_SBD = like.new_empty(network.seeds, batch, network.widths[0])
    z_SBF = like.new_empty(network.seeds, batch, network.arms * hidden[0])
    z = tuple(like.new_empty(lanes, batch, width) for width in network.widths[2:])
    h = tuple(like.new_empty(lanes, batch, width) for width in hidden)
    d = tuple(like.new_empty(lanes, batch, width) for width in network.widths[1:])
    dvectors_RP = torch.zeros_like(like)
    cells = []
    for layer, width in enumerate(hidden):
        grid = (network.seeds, network.arms, batch, width)
        product = (
            z_SBF.view(network.seeds, batch, network.arms, width).transpose(1, 2)
            if layer == 0
            else z[layer - 1].view(grid)
        )
        full = {
            "product": product,
            "u": like.new_empty(grid),
            "a": like.new_empty(grid),
            "h": h[layer].view(grid),
            "d": d[layer].view(grid),
        }
        unit = [like.new_empty(network.seeds, network.arms, 1, width) for _ in range(3)]
        kept = normalization.Statistics(like.new_empty(grid), like.new_empty(grid), *unit)
        cells.append(tuple(_cell(network, layer, block, full, kept, dvectors_RP) for block in network.blocks))
    return Workspace(x_SBD, z_SBF, z, h, d, dvectors_RP, tuple(cells))


def _cell(
    network: Network,
    layer: int,
    block: tuple[slice, Placement, Activation],
    full: dict[str, Tensor],
    kept: normalization.Statistics,
    dvectors_RP: Tensor,
) -> Cell:
    arms, placement, activation = block
    stages = ORDER[placement]
    path, source = [], full["product"]
    for stage in stages:
        target = full["h"] if stage is stages[-1] else full["a"] if stage is Stage.activation else full["u"]
        path.append((stage, source[:, arms], target[:, arms]))
        source = target
    vectors = {
        prefix + name: network.vector_SG1O(name, layer, flat)[:, arms]
        for prefix, flat in (("", network.vectors_RP), ("d", dvectors_RP))
        for name in ("bias", "gamma", "beta")
    }
    return Cell(
        path=tuple(path),
        function=activations.FUNCTIONS[activation],
        d=full["d"][:, arms],
        eps=network.eps_SG11[:, arms],
        momentum=network.momentum_SG11[:, arms],
        running_mean=network.running_mean[layer][:, arms],
        running_var=network.running_var[layer][:, arms],
        kept=kept.of(arms),
        **vectors,
    )


def forward(network: Network, work: Workspace, *, training: bool) -> Tensor:
    """Return the logits [R, B, C] of `work.x_SBD` (a buffer of `work`).

    In training the statistics of the batch are used and the running ones moved.
    """
    for s in range(network.seeds):
        torch.mm(work.x_SBD[s], network.weights[0][s], out=work.z_SBF[s])
    for layer, cells in enumerate(work.cells):
        for cell in cells:
            _forward_cell(cell, training=training)
        torch.bmm(work.h[layer], network.weights[layer + 1], out=work.z[layer])
    last = len(work.cells)
    work.z[-1].view(network.seeds, network.arms, *work.z[-1].shape[1:]).add_(
        network.vector_SG1O("bias", last, network.vectors_RP)
    )
    return work.z[-1]


def _forward_cell(cell: Cell, *, training: bool) -> None:
    for stage, source, target in cell.path:
        if stage is Stage.bias:
            torch.add(source, cell.bias, out=target)
        elif stage is Stage.activation:
            cell.function.forward(source, target)
        elif training:
            normalization.forward(source, cell.gamma, cell.beta, cell.eps, cell.kept, target)
            normalization.update_running(cell.running_mean, cell.running_var, cell.momentum, cell.kept)
        else:
            normalization.apply(source, cell.gamma, cell.beta, cell.eps, cell.running_mean, cell.running_var, target)


def backward(network: Network, work: Workspace) -> None:
    """From the gradient of the logits in `work.d[-1]`, fill every other `work.d` and `work.dvectors_RP`."""
    last = len(work.cells)
    d_logits = work.d[last].view(network.seeds, network.arms, *work.d[last].shape[1:])
    torch.sum(d_logits, 2, True, out=network.vector_SG1O("bias", last, work.dvectors_RP))
    for layer in reversed(range(last)):
        torch.bmm(work.d[layer + 1], network.weights[layer + 1].mT, out=work.d[layer])
        for cell in work.cells[layer]:
            _backward_cell(cell)


def _backward_cell(cell: Cell) -> None:
    for stage, source, target in reversed(cell.path):
        if stage is Stage.bias:
            torch.sum(cell.d, 2, True, out=cell.dbias)
        elif stage is Stage.activation:
            cell.function.backward(cell.d, source, target, cell.d)
        else:
            normalization.backward(cell.d, cell.gamma, cell.kept, cell.dgamma, cell.dbeta)


def cross_entropy(network: Network, work: Workspace, y_SB: Tensor, loss_R: Tensor, correct_R: Tensor) -> None:
    """Write each lane's mean loss (nats) and number of correct predictions; put the logits' gradient into `work.d[-1]`.

    loss = logsumexp(logits) − logits[y] and ∂loss/∂logits = (softmax(logits) − onehot(y))/B, from one exponential.
    """
    logits, d = work.z[-1], work.d[-1]
    y_RB1 = y_SB.repeat_interleave(network.arms, 0).unsqueeze(2)
    highest, predicted = logits.max(2, keepdim=True)
    torch.sub(logits, highest, out=d)
    picked = d.gather(2, y_RB1)
    d.exp_()
    total = d.sum(2, keepdim=True)
    torch.mean(torch.sub(total.log(), picked), (1, 2), out=loss_R)
    torch.sum(predicted == y_RB1, (1, 2), out=correct_R)
    d.div_(total)
    d.scatter_add_(2, y_RB1, torch.full_like(picked, -1)).div_(d.shape[1])


def weight_gradient(network: Network, work: Workspace, layer: int, out: Tensor) -> None:
    """Write ∂loss/∂W of `layer` into `out`, laid out as the weights themselves."""
    if layer:
        torch.bmm(work.h[layer - 1].mT, work.d[layer], out=out)
        return
    for x, wide, gradient in zip(work.x_SBD, _wide(network, work), out, strict=True):
        torch.mm(x.T, wide, out=gradient)


def descend(network: Network, work: Workspace, layer: int, lr_SG11: Tensor) -> None:
    """Plain SGD, W ← W − Xᵀ(lr·d), inside the product: the gradient is never stored. Scales `work.d[layer]` by lr."""
    d = work.d[layer]
    d.view(network.seeds, network.arms, *d.shape[1:]).mul_(lr_SG11)
    if layer:
        network.weights[layer].baddbmm_(work.h[layer - 1].mT, d, alpha=-1)
        return
    for x, wide, weight in zip(work.x_SBD, _wide(network, work), network.weights[0], strict=True):
        weight.addmm_(x.T, wide, alpha=-1)


def _wide(network: Network, work: Workspace) -> Tensor:
    """Return the gradient of the first product, seed by seed as [S, B, G·H]; it takes the product's place."""
    seeds, batch, _ = work.z_SBF.shape
    d = work.d[0].view(seeds, network.arms, batch, -1)
    work.z_SBF.view(seeds, batch, network.arms, -1).transpose(1, 2).copy_(d)
    return work.z_SBF
