"""Forward and backward through a stacked network, by hand and into buffers that are allocated once.

Letters: R = S·G lanes (S seeds × G arms), B examples in a batch, D input features, H hidden units, C classes, F =
G·H columns of the wide first layer, P all biases, gammas and betas of a lane side by side.

Matrix products run over all lanes at once. Elementwise parts run on slices over G: arms are ordered by what
normalizes them, so one `Cell` covers all the arms that are normalized alike, and no lane is masked or visited alone.

Layers share buffers (`workspace`). The way back therefore goes from the last layer to the first, and `backward` stops
at each one: there, and only there, the layer's gradients can be had, and there its weights may move.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from bnexp.engine import normalizers
from bnexp.engine.network import Network
from bnexp.engine.placement import Stage
from bnexp.engine.workspace import Cell, Workspace


def forward(network: Network, work: Workspace, x_SBD: Tensor, *, training: bool, step: int = 1) -> None:
    """Write the logits [R, C, B] of the inputs `x_SBD` into `work.products[-1]`.

    In training, norms use the statistics of the batch and move the running ones, as in the step number `step` (from 1);
    otherwise they use the running ones.
    """
    if training:
        measure_reference(network, work)
    inputs = _normalize_inputs(network, work, x_SBD, training=training)
    inputs = _forward_hidden(network, work, inputs, training=training, step=step)
    last = len(work.cells)
    logits = torch.bmm(network.weights[last], inputs.mT, out=work.products[last])
    _view_by_lane(network, logits).add_(network.vector_SG1O("bias", last, network.vectors_RP).mT)


def _forward_hidden(network: Network, work: Workspace, inputs: Tensor, *, training: bool, step: int) -> Tensor:
    """Take `inputs` through the hidden layers and return the outputs of the last."""
    for layer, cells in enumerate(work.cells):
        torch.bmm(inputs, network.weights[layer], out=work.products[layer])
        for cell in cells:
            _forward_cell(cell, training=training, step=step)
        inputs = work.h[layer]
    return inputs


def measure_reference(network: Network, work: Workspace) -> None:
    """Bring the statistics of the reference batch, if there is one, up to the present weights."""
    if work.reference is not None:
        _forward_hidden(network, work.reference, work.reference.x_SBD, training=True, step=1)


def _normalize_inputs(network: Network, work: Workspace, x_SBD: Tensor, *, training: bool) -> Tensor:
    """Return what enters the first product: `x_SBD`, or its normalization, in a buffer of `work`."""
    norm = network.input
    if norm is None:
        return x_SBD
    mean, var = norm.mean_S11D[:, 0], norm.var_S11D[:, 0]
    if training:
        batch = torch.mean(x_SBD, 1, True)
        squares = (x_SBD - batch).square_()
        biased = squares.mean(1, True)
        mean.lerp_(batch, norm.momentum)
        var.lerp_(squares.sum(1, True) / (x_SBD.shape[1] - 1), norm.momentum)
        mean, var = batch, biased
    return torch.mul(x_SBD - mean, torch.rsqrt(var + norm.eps), out=work.inputs_SBD)


def _view_by_lane(network: Network, tensor_R: Tensor) -> Tensor:
    """Return what is [R, …] as [S, G, …]."""
    return tensor_R.view(network.seeds, network.arms, *tensor_R.shape[1:])


def _forward_cell(cell: Cell, *, training: bool, step: int) -> None:
    """Take the product of a layer through its stages, to the layer's output."""
    for buffers in cell.path:
        if buffers.stage is Stage.bias:
            torch.add(buffers.source, cell.bias, out=buffers.target)
        elif buffers.stage is Stage.activation:
            for function, (u, a, _, _) in buffers.functions:
                function.forward(u, a)
        elif buffers.norm is not None and training:
            normalizers.forward(buffers.norm, buffers.source, step=step, out=buffers.target)
        elif buffers.norm is not None:
            normalizers.evaluate(buffers.norm, buffers.source, out=buffers.target)


def cross_entropy(network: Network, work: Workspace, y_SB: Tensor, loss_R: Tensor, correct_R: Tensor) -> None:
    """Write each lane's mean loss (nats) and number of correct predictions, and the gradient of the logits into `work`.

    loss = −log softmax(logits)[y] and ∂loss/∂logits = (softmax(logits) − onehot(y))/B.
    """
    logits, d = work.products[-1], work.d_products[-1]
    y_R1B = y_SB.repeat_interleave(network.arms, 0).unsqueeze(1)
    torch.sum(find_correct(work, y_R1B), (1, 2), out=correct_R)
    torch.log_softmax(logits, 1, out=d)
    picked_R1B = d.gather(1, y_R1B)
    torch.mean(picked_R1B, (1, 2), out=loss_R).neg_()
    d.exp_().scatter_add_(1, y_R1B, picked_R1B.fill_(-1)).div_(y_SB.shape[1])


def find_correct(work: Workspace, y_R1B: Tensor) -> Tensor:
    """Return which of the examples, [R, 1, B], have their greatest logit at their label."""
    _, predicted_R1B = work.products[-1].max(1, keepdim=True)  # argmax over a middle dimension takes ten times as long
    return predicted_R1B == y_R1B


def backward(network: Network, work: Workspace, scale_R11: Tensor | None = None) -> Iterator[int]:
    """Go back from the gradient of the logits, which `work` holds, and yield each layer (from 0), the last first.

    While the caller has the layer, `factor_gradient` gives the gradient of its weights, `work.d_products` that of its
    product, and its part of `work.dvectors_RP` is written. The weights may then move, because the gradient of the
    layer's inputs has been taken with them as they were, and both are still in the cache. Afterwards the layer's inputs
    and the gradient of its product are lost. The gradients of all vectors are there when the first layer is.

    With `scale_R11` all gradients are multiplied by it, lane by lane: they are linear in the gradient of the logits,
    so that one small product does it.
    """
    last = len(work.cells)
    d_logits = work.d_products[last]
    if scale_R11 is not None:
        d_logits.mul_(scale_R11)
    torch.sum(_view_by_lane(network, d_logits), 3, True, out=network.vector_SG1O("bias", last, work.dvectors_RP).mT)
    torch.bmm(d_logits.mT, network.weights[last], out=work.d_h[last - 1])
    yield last
    for layer in reversed(range(last)):
        for cell in work.cells[layer]:
            _backward_cell(cell)
        if layer:
            torch.bmm(work.d_products[layer], network.weights[layer].mT, out=work.d_h[layer - 1])
        yield layer


def _backward_cell(cell: Cell) -> None:
    """Turn the gradient of a layer's output into that of its product, and write those of the cell's vectors."""
    for buffers in reversed(cell.path):
        if buffers.stage is Stage.bias:
            torch.sum(buffers.d_target, 2, True, out=cell.dbias)
        elif buffers.stage is Stage.activation:
            for function, (u, a, d_a, d_u) in buffers.functions:
                function.backward(d_a, u, a, d_u)
        elif buffers.norm is not None:
            # Whoever needed the stage's output has had it: its memory serves as scratch.
            normalizers.backward(buffers.norm, buffers.d_target, scratch=buffers.target, out=buffers.d_source)


def factor_gradient(work: Workspace, layer: int) -> tuple[Tensor, Tensor]:
    """Return the two factors of ∂loss/∂W of the `layer` that `backward` has just yielded.

    Their batched product (lane by lane, in the first layer seed by seed) is laid out as the weights are. Under weight
    normalization the gradient has another part, see `compute_radial_parts`.
    """
    if layer == len(work.cells):
        return work.d_products[layer], work.h[layer - 1]
    inputs = work.h[layer - 1] if layer else work.inputs_SBD
    return inputs.mT, work.d_products[layer]


def compute_radial_parts(work: Workspace, layer: int) -> list[tuple[slice, Tensor]]:
    """Return the other part −gamma·dgamma/‖w‖²·w [S, G, I, O] of ∂loss/∂W, for each slice of arms that has one."""
    if layer == len(work.cells):
        return []
    return [
        (cell.arms, -normalizers.radial_slope(norm) * norm.weight_SGIH)
        for cell in work.cells[layer]
        for norm in cell.norms
        if norm.weight_SGIH is not None
    ]


def compute_gradient(network: Network, work: Workspace, layer: int, out: Tensor | None = None) -> Tensor:
    """Return ∂loss/∂W of the `layer` that `backward` has just yielded, laid out as the weights are."""
    gradient = torch.bmm(*factor_gradient(work, layer), out=out)
    for arms, part in compute_radial_parts(work, layer):
        network.lanes_SGXO(layer, gradient)[:, arms].add_(part)
    return gradient
