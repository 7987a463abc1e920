"""What is measured inside the layers of a pack while it trains, without changing the training by a bit.

Letters: R = S·G lanes (S seeds × G arms), L layers (hidden ones, then the output), B examples, H units, O outputs of a
layer, N numbers of a lane, Q quantiles; u input of the activation, z = Wx (+ b) output of a matrix product, w incoming
weights.

The examples are a fixed sample, the first `PROBED_EXAMPLES` that the seed visits in epoch 0, the same for all arms and
steps. They go through the network as a batch of training does: normalization uses their statistics and moves no running
one. What the numbers mean and their units: `schemas.LAYERS`. Sources: Ioffe & Szegedy 2015, figure 1 (quantiles);
van Laarhoven 2017 (effective learning rate); Santurkar et al. 2018 (landscape).
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnexp.choices import Probes
from bnexp.engine import landscape, normalizers, optimizers, propagation, training
from bnexp.engine.batches import take_first_examples
from bnexp.engine.network import Network
from bnexp.engine.normalizers import Norm
from bnexp.engine.placement import Stage
from bnexp.engine.schedules import compute_learning_rates
from bnexp.engine.sizes import PROBED_EXAMPLES
from bnexp.engine.workspace import Cell, Workspace
from bnexp.norms.kinds import NormKind
from bnexp.runs import Run

QUANTILES: Final = (15, 50, 85)
"""Quantiles in percent; those of Ioffe & Szegedy's figure 1."""

BINS: Final = 40
"""Bins of a histogram, all of one width, from the least to the greatest value."""

LANDSCAPES: Final = 20
"""Most steps at which the landscape is looked at: each costs about five times a basic measurement."""


@dataclass(frozen=True)
class Measurement:
    """What the probes saw after `step` steps, NaN where there is nothing to be measured.

    `numbers` are [R, L + 1], the first column for the network as a whole; `histograms` [R, L + 1, BINS] hold shares.
    """

    step: int
    numbers: dict[str, NDArray[np.float64]]
    histograms: dict[str, NDArray[np.float64]]


@torch.inference_mode()
def measure(state: training.State, level: Probes) -> Measurement:
    """Return what `level`, basic or full, asks for at `state.step`; lanes whose loss is not finite have no numbers."""
    net, run, (x_ND, y_N) = state.network, state.pack.runs[0], state.examples.train
    full = level is Probes.full
    rows_SB = take_first_examples(state.pack, PROBED_EXAMPLES, y_N.device)
    work = state.workspace(rows_SB.shape[1])
    torch.index_select(x_ND, 0, rows_SB.flatten(), out=work.x_SBD.view(-1, x_ND.shape[1]))
    lr_KR = compute_learning_rates(state.pack.runs, np.array([min(state.step, run.steps - 1)]))
    lr_SG11 = torch.from_numpy(lr_KR).to(net.eps_SG11).view_as(net.eps_SG11)
    rates = optimizers.compute_step_rates(state.optimizer_settings, lr_SG11, state.step + 1)
    numbers: list[dict[str, Tensor]] = [{} for _ in range(len(net.weights) + 1)]
    with _keep_running_statistics(net):
        loss_R = landscape.compute_loss(net, work, y_N[rows_SB], state.step + 1)
        for layer, cells in enumerate(work.cells):
            parts = [_measure_cell(cell, histograms=full and state.step in (0, run.steps)) for cell in cells]
            numbers[layer + 1] |= _join_cells(parts)
        for layer in propagation.backward(net, work):
            numbers[layer + 1] |= _measure_weights(state, work, rates, layer)
        if full and _landscape_due(run, state.step):
            numbers[0] |= landscape.measure_panel(net, work, y_N[rows_SB], lr_SG11, state.step + 1)
    return _gather(state.step, numbers, loss_R.isfinite().cpu().numpy())


@contextlib.contextmanager
def _keep_running_statistics(network: Network) -> Iterator[None]:
    """Let the forward passes of training inside this context move no running statistics of `network`."""
    momenta = [network.momentum_SG11]
    moved = [*momenta, *network.statistics]
    if network.input is not None:
        momenta.append(network.input.momentum)
        moved += [network.input.momentum, network.input.mean_S11D, network.input.var_S11D]
    before = [tensor.clone() for tensor in moved]
    for momentum in momenta:
        momentum.zero_()
    yield
    for tensor, old in zip(moved, before, strict=True):  # momentum 0 moves what is finite by nothing, and no more
        tensor.copy_(old)


def _landscape_due(run: Run, step: int) -> bool:
    """Return whether this is the last evaluation or one of those that are left when they are thinned out evenly."""
    every = math.ceil((run.steps // run.evaluate + 1) / (LANDSCAPES - 1))
    return step == run.steps or step // run.evaluate % every == 0


def _measure_cell(cell: Cell, *, histograms: bool) -> dict[str, Tensor]:
    """Return the numbers of the stages of a cell after a forward pass, each [S, G], and histograms [S, G, BINS]."""
    numbers: dict[str, Tensor] = {}
    for buffers in cell.path:
        source, target = buffers.source, buffers.target
        if buffers.stage is Stage.activation:
            numbers |= _measure_quantiles("unit", source[..., 0]) | _measure_quantiles("input", source.flatten(2))
            shares = [function.measure_saturation_SG(u, a) for function, (u, a, _, _) in buffers.functions]
            numbers |= {"saturated": torch.cat(shares, 1), "skewness": _measure_skewness(source)}
            numbers |= _count_histogram("input", source) if histograms else {}
        if buffers.norm is not None and buffers.norm is cell.norms[0]:  # of two in a layer, the first is looked at
            numbers |= _measure_normalization(buffers.norm)
            before = normalizers.recover_input(buffers.norm)
            numbers |= _count_histogram("before", before) | _count_histogram("after", target) if histograms else {}
    return numbers


def _measure_quantiles(name: str, values_SGN: Tensor) -> dict[str, Tensor]:
    """Return the `QUANTILES` of each lane's values, each [S, G]."""
    # numpy selects where torch sorts: 27 against 119 ms for 32 lanes of 50,000 (one thread, best of 5, torch 2.13 CPU).
    # Of values that are infinite there is none, NaN: numpy, which subtracts two of them, warns on some machines.
    with np.errstate(invalid="ignore"):
        values_QSG = np.quantile(values_SGN.cpu().numpy(), [q / 100 for q in QUANTILES], axis=2)
    return {f"{name}_q{q}": torch.from_numpy(values_QSG[i]).to(values_SGN) for i, q in enumerate(QUANTILES)}


def _measure_skewness(u: Tensor) -> Tensor:
    """Return the mean over units, [S, G], of |G1|, the bias-corrected sample skewness sqrt(B(B−1))/(B−2)·m3/m2^1.5.

    Units that do not vary (to rounding) have none and are left out; with fewer than three examples there is none.
    """
    examples = u.shape[2]
    mean = u.mean(2, keepdim=True)
    centred = u - mean
    squares = centred.square()
    m2, m3 = squares.mean(2), squares.mul_(centred).mean(2)
    factor = math.sqrt(examples * (examples - 1)) / (examples - 2) if examples > 2 else math.nan
    varies = m2 > (torch.finfo(u.dtype).eps * mean.squeeze(2)).square()
    return torch.where(varies, (factor * m3 / m2**1.5).abs(), math.nan).nanmean(2)


_DIVIDES: Final = tuple(kind for kind in NormKind if kind not in (NormKind.mean, NormKind.weight))
_BY_BATCH: Final = (NormKind.batch, NormKind.variance, NormKind.ghost, NormKind.frozen, NormKind.population)


def _measure_normalization(norm: Norm) -> dict[str, Tensor]:
    """Return how well a norm normalizes, and how far the statistics of evaluation are from the batch's, each [S, G].

    Under `mean` and `weight` nothing is divided by a deviation, under these, `layer` and `rms` no unit has statistics
    of its own that could be apart.
    """
    x = normalizers.recover_input(norm)
    examples, numbers = x.shape[2], {}
    mean = x.mean(2, True)
    squares = (x - mean).square_().sum(2, True)
    var = squares / examples
    if norm.kind in (NormKind.layer, NormKind.rms):
        var = norm.kept[0].squares_SG1H / x.shape[3]
    if norm.kind in _DIVIDES:
        numbers["normalized"] = (var / (var + norm.eps)).mean((2, 3))
    if norm.kind in _BY_BATCH:
        evaluated = norm.running_var + norm.eps
        numbers["var_gap"] = ((squares / (examples - 1) + norm.eps) / evaluated).log().abs().mean((2, 3))
        if norm.kind is not NormKind.variance:
            numbers["mean_gap"] = ((mean - norm.running_mean).abs() / evaluated.sqrt()).mean((2, 3))
    return numbers


def _count_histogram(name: str, values_SGBH: Tensor) -> dict[str, Tensor]:
    """Return the least and the greatest value [S, G], and the shares [S, G, BINS] of the bins between them."""
    values_SGN = values_SGBH.flatten(2)
    low, high = values_SGN.aminmax(dim=2, keepdim=True)
    bins = ((values_SGN - low) / (high - low) * BINS).nan_to_num_(0).clamp_(0, BINS - 1).long()
    counts = low.new_zeros(*low.shape[:2], BINS).scatter_add_(2, bins, torch.ones_like(values_SGN))
    return {
        f"{name}_low": low.squeeze(2),
        f"{name}_high": high.squeeze(2),
        f"{name}_histogram": counts / values_SGN.shape[2],
    }


def _join_cells(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Join the numbers of the cells of a layer, arm beside arm; what a placement lacks is NaN."""
    like = {name: number for part in parts for name, number in part.items()}
    joined = {}
    for name, number in like.items():
        missing = [number.new_full((number.shape[0], part["skewness"].shape[1], *number.shape[2:]), math.nan)
                   for part in parts]  # fmt: skip
        joined[name] = torch.cat([part.get(name, lack) for part, lack in zip(parts, missing, strict=True)], 1)
    return joined


def _measure_weights(
    state: training.State, work: Workspace, rates: optimizers.StepRates, layer: int
) -> dict[str, Tensor]:
    """Return the numbers of the weights and gradients of the `layer` that `backward` has just yielded, each [S, G]."""
    net, d_product = state.network, work.d_products[layer]
    gradient = propagation.compute_gradient(net, work, layer)
    step = optimizers.compute_weight_step(net, state.moments, rates, layer, gradient)
    squares_SGO = torch.linalg.vector_norm(net.lanes_SGXO(layer, net.weights[layer]), dim=2).square_()
    step_norm, gradient_norm, product_norm = (
        torch.linalg.vector_norm(net.lanes_SGXO(layer, tensor), dim=(2, 3)) for tensor in (step, gradient, d_product)
    )
    weight_norm = squares_SGO.sum(2).sqrt_()
    rate_SG1 = optimizers.scale_rate(rates, net, layer)[:, :, :, 0]
    return {
        "weight_norm": weight_norm,
        "effective_lr": (rate_SG1 / squares_SGO).mean(2),
        "update_ratio": step_norm / weight_norm,
        "weight_gradient": gradient_norm.square_(),
        "product_gradient": product_norm.square_(),
    }


def _gather(step: int, layers: list[dict[str, Tensor]], finite_R: NDArray[np.bool_]) -> Measurement:
    """Lay out by name what was measured in the `layers`; a number that is not finite is missing."""
    numbers: dict[str, NDArray[np.float64]] = {}
    histograms: dict[str, NDArray[np.float64]] = {}
    for layer, of_layer in enumerate(layers):
        for name, number in of_layer.items():
            values = number.double().cpu().numpy().reshape(len(finite_R), -1)
            values = np.where(finite_R[:, None] & np.isfinite(values), values, np.nan)
            kind = histograms if name.endswith("histogram") else numbers
            table = kind.setdefault(name, np.full((len(finite_R), len(layers), values.shape[1]), np.nan))
            table[:, layer] = values
    return Measurement(step, {name: table[:, :, 0] for name, table in numbers.items()}, histograms)
