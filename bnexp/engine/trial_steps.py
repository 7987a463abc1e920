"""Where the next two updates of the weights point, found by taking them and going back.

Letters: R = S·G lanes, S seeds, G arms, B examples in a batch, w weights, X and O rows and columns of a layer's.
"""

import torch
from torch import Tensor

from bnexp.engine import training
from bnexp.engine.batches import take_first_examples


def measure_update_cosine(state: training.State) -> list[Tensor]:
    """Return for each layer the cosine [S, G] of the next two updates of its weights; no list where there are none.

    The optimizer takes them, with its moments, on the first and the second batch of the seed's epoch 0: at step 0 these
    are the first two of the training. They need two steps that are left, and two whole batches of training examples.
    Parameters and moments are afterwards what they were, bit for bit; to hold the statistics of evaluation is the
    caller's. Near 1 updates go on, near 0 they are noise, near −1 they swing to and fro.
    """
    run, net = state.pack.runs[0], state.network
    if state.step + 2 > run.steps or 2 * run.batch_size > run.data_train:
        return []
    rows_SN = take_first_examples(state.pack, 2 * run.batch_size, state.examples.train[1].device)
    parameters = (*net.weights, net.vectors_RP, *state.moments.first, *state.moments.second)
    start = [tensor.clone() for tensor in parameters]
    after, _, _ = training.advance(state, rows_SN[None, :, : run.batch_size])
    between = [weights.clone() for weights in net.weights]
    training.advance(after, rows_SN[None, :, run.batch_size :])
    cosines = []
    for layer, weights in enumerate(net.weights):
        first = net.lanes_SGXO(layer, between[layer] - start[layer])
        second = net.lanes_SGXO(layer, weights - between[layer])
        norms = torch.linalg.vector_norm(first, dim=(2, 3)) * torch.linalg.vector_norm(second, dim=(2, 3))
        cosines.append((first * second).sum((2, 3)) / norms)
    for tensor, old in zip(parameters, start, strict=True):
        tensor.copy_(old)
    return cosines
