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

import torch
from torch import Tensor

from bnexp.engine import normalization
from bnexp.engine.network import Network, Stage
from bnexp.engine.workspace import Cell, Workspace


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
            normalization.normalize(step.source, cell.gamma, cell.beta, cell.eps, *moved, step.target)


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
