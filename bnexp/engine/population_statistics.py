"""The paper's inference: evaluation with averages over training batches, taken at the present weights.

Letters: S seeds, G arms, B examples in a batch, D input features, K batches.

    mean = E[mu_B]        var = B/(B − 1)·E[var_B]        (Ioffe & Szegedy 2015, algorithm 2; E over K batches)

Running averages, which are usual today, lag behind the weights instead, and are noisier where their momentum is large.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from bnexp.engine import propagation
from bnexp.engine.network import Network
from bnexp.engine.workspace import Workspace


def estimate(network: Network, work: Workspace, batches: Iterator[Tensor]) -> None:
    """Write the population statistics over `batches` [S, B, D] where evaluation reads the statistics of a lane.

    Only lanes with `norm.statistics=population` get them; all else of `network` is afterwards what it was, bit for bit.
    """
    moved = network.statistics
    before = [tensor.clone() for tensor in moved]
    momenta = [network.momentum_SG11] if network.input is None else [network.momentum_SG11, network.input.momentum]
    momenta_before = [momentum.clone() for momentum in momenta]
    for k, x_SBD in enumerate(batches, start=1):
        for momentum in momenta:
            momentum.fill_(1 / k)  # the mean of k numbers is that of k − 1, moved towards the last by 1/k
        propagation.forward(network, work, x_SBD, training=True)
    for momentum, old in zip(momenta, momenta_before, strict=True):
        momentum.copy_(old)
    for tensor, old in zip(moved, before, strict=True):
        tensor.copy_(torch.where(network.population_SG11, tensor, old))
