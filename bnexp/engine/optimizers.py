"""SGD (momentum, Nesterov), Adam and AdamW with every setting per lane.

Letters: R = S·G lanes (S seeds × G arms), P all biases, gammas and betas of a lane side by side, w a parameter, g its
gradient, t the number of the step (from 1), v and m, s moments.

    sgd    v ← momentum·v + g;  w ← w − lr·v          (Nesterov: w ← w − lr·(g + momentum·v))
    adam   m ← β1·m + (1 − β1)·g;  s ← β2·s + (1 − β2)·g²
           w ← w − lr·m̂/(sqrt(ŝ) + eps)  with  m̂ = m/(1 − β1ᵗ),  ŝ = s/(1 − β2ᵗ)

Weight decay is coupled (g ← g + decay·w) under sgd and adam, decoupled (w ← w − lr·decay·w) under adamw (Loshchilov
& Hutter 2019). It spares gamma, beta and biases unless `decay_all`: decaying them is a known confound of placement
studies. The conventions are torch.optim's, and it is what the tests hold them against. Adam: Kingma & Ba 2015.

Weights and biases of hidden layers learn with lr times `hidden_lr_scale`. A scale of a², with initial weights and
biases a times as large (`init.hidden_gain`) and a² times the eps of the norm, leaves every loss of plain SGD as it is
under `pre` and, where the activation is positively homogeneous, under `post`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bnexp.choices import Optimizer
from bnexp.engine.network import Network
from bnexp.engine.packs import Pack
from bnexp.engine.propagation import compute_gradient, compute_radial_parts, factor_gradient
from bnexp.engine.workspace import Workspace


@dataclass(frozen=True)
class OptimizerSettings:
    """What the optimizer of a pack is; a tensor without letters holds one setting of every lane, [S, G, 1, 1]."""

    kind: Optimizer
    nesterov: bool
    momentum: Tensor
    beta1: Tensor
    """In float64, whatever the parameters are: 1 − β1 and 1 − β1ᵗ must not be rounded away."""
    beta2: Tensor
    """In float64, whatever the parameters are: 1 − β2 and 1 − β2ᵗ must not be rounded away."""
    eps: Tensor
    decay: Tensor
    """Weight decay of the weights."""
    decay_vectors: Tensor
    """Weight decay of gamma, beta and biases."""
    hidden_scale: Tensor
    """Factor on the learning rate of the weights and biases of hidden layers."""
    rates_RP: Tensor
    """Factor on the learning rate of every entry of the vectors: 0 where a lane does not learn it."""
    has_momentum: bool
    has_decay: bool
    has_scale: bool


@dataclass(frozen=True)
class Moments:
    """What an optimizer keeps from step to step, laid out as the weights and then the vectors; plain SGD has none."""

    gradients: tuple[Tensor, ...]
    """Buffers for the gradients of the weights."""
    first: tuple[Tensor, ...]
    """v of SGD with momentum, m of Adam."""
    second: tuple[Tensor, ...]
    """s of Adam."""

    def of(self, parameter: int) -> list[Tensor]:
        """Return the moments that are kept for one parameter tensor: the weights of a layer, or (−1) the vectors."""
        return [order[parameter] for order in (self.first, self.second) if order]


@dataclass(frozen=True)
class StepRates:
    """What one step multiplies with, the same for all layers and computed once; every tensor is [S, G, 1, 1]."""

    settings: OptimizerSettings
    lr: Tensor
    """The learning rate that the schedule gives to the step."""
    factors: tuple[Tensor, ...]
    """The momentum; or, of Adam, 1 − β1, 1 − β2, and what is left for lr and eps when sqrt(1 − β2ᵗ) is taken out of
    the denominator."""

    @property
    def gradient_scale_R11(self) -> Tensor | None:
        """What `backward` shall multiply all gradients by: under plain SGD they then come out as steps."""
        return None if keeps_moments(self.settings) else self.lr.view(-1, 1, 1)


def collect_settings(pack: Pack, network: Network) -> OptimizerSettings:
    """Return the optimizer's settings of the lanes of `pack`, on the device of `network`."""

    def exact(values: Sequence[float]) -> Tensor:
        values_R = torch.tensor(values, dtype=torch.float64, device=network.eps_SG11.device)
        return values_R.view_as(network.eps_SG11)

    def per_lane(values: Sequence[float]) -> Tensor:
        return exact(values).to(network.eps_SG11)

    runs = pack.runs
    hidden_scale, rates_RP = per_lane([run.hidden_lr_scale for run in runs]), network.learned_RP.clone()
    for layer in range(network.hidden_layers):
        network.vector_SG1O("bias", layer, rates_RP).mul_(hidden_scale)
    return OptimizerSettings(
        kind=runs[0].optimizer,
        nesterov=runs[0].nesterov,
        momentum=per_lane([run.momentum for run in runs]),
        beta1=exact([run.beta1 for run in runs]),
        beta2=exact([run.beta2 for run in runs]),
        eps=per_lane([run.adam_eps for run in runs]),
        decay=per_lane([run.weight_decay for run in runs]),
        decay_vectors=per_lane([run.weight_decay * run.decay_all for run in runs]),
        hidden_scale=hidden_scale,
        rates_RP=rates_RP,
        has_momentum=any(run.momentum > 0 for run in runs),
        has_decay=any(run.weight_decay > 0 for run in runs),
        has_scale=any(run.hidden_lr_scale != 1 for run in runs),
    )


def is_adaptive(settings: OptimizerSettings) -> bool:
    """Say whether the optimizer is Adam or AdamW."""
    return settings.kind != Optimizer.sgd


def keeps_moments(settings: OptimizerSettings) -> bool:
    """Say whether the optimizer is anything but plain SGD."""
    return is_adaptive(settings) or settings.has_momentum


def create_moments(network: Network, settings: OptimizerSettings) -> Moments:
    """Return moments at zero, as many as the optimizer keeps."""
    parameters = (*network.weights, network.vectors_RP)
    has_first, has_second = keeps_moments(settings), is_adaptive(settings)
    return Moments(
        gradients=tuple(torch.empty_like(w) for w in network.weights) if has_first else (),
        first=tuple(torch.zeros_like(w) for w in parameters) if has_first else (),
        second=tuple(torch.zeros_like(w) for w in parameters) if has_second else (),
    )


def compute_step_rates(settings: OptimizerSettings, lr_SG11: Tensor, step: int) -> StepRates:
    """Return the rates of the step number `step` (from 1), to which the schedules give `lr_SG11`."""
    if not is_adaptive(settings):
        return StepRates(settings, lr_SG11, (settings.momentum,))
    root = (1 - settings.beta2**step).sqrt()
    exact = (1 - settings.beta1, 1 - settings.beta2, root / (1 - settings.beta1**step), settings.eps * root)
    return StepRates(settings, lr_SG11, tuple(factor.to(settings.momentum.dtype) for factor in exact))


def update_weights(network: Network, work: Workspace, moments: Moments, rates: StepRates, layer: int) -> None:
    """Move the weights of the `layer` that `backward` has just yielded.

    Plain SGD is one call, and no gradient of a weight is ever stored. Momentum and Adam store it: it moves the moments,
    and these the weights.
    """
    settings, weights = rates.settings, network.weights[layer]
    if keeps_moments(settings):
        gradient = compute_gradient(network, work, layer, moments.gradients[layer])
        lr, decay, *factors = _spread_rates(network, rates, layer)
        _update_tensor(settings, weights, gradient, moments.of(layer), lr=lr, decay=decay, factors=factors)
        return
    radial = compute_radial_parts(work, layer)  # of the weights as they were
    if settings.has_decay:
        decay = scale_rate(rates, network, layer) * settings.decay
        weights.mul_(1 - spread_over_columns(decay, network, layer))
    if settings.has_scale and layer < network.hidden_layers:
        work.d_products[layer].mul_(spread_over_columns(settings.hidden_scale, network, layer))
    weights.baddbmm_(*factor_gradient(work, layer), alpha=-1)
    for arms, part in radial:  # in hidden layers only
        network.weight_SGIO(layer, network.weights)[:, arms].addcmul_(part, settings.hidden_scale[:, arms], value=-1)


def update_vectors(network: Network, work: Workspace, moments: Moments, rates: StepRates) -> None:
    """Move all biases, gammas and betas, once `backward` has reached the first layer."""
    settings, vectors_RP = rates.settings, network.vectors_RP
    if keeps_moments(settings):
        gradient = work.dvectors_RP.mul_(network.learned_RP)
        per_lane = (rates.lr, settings.decay_vectors, *rates.factors)
        lr, decay, *factors = (setting.reshape(-1, 1) for setting in per_lane)
        lr, decay = lr * settings.rates_RP, decay * network.learned_RP
        _update_tensor(settings, vectors_RP, gradient, moments.of(-1), lr=lr, decay=decay, factors=factors)
        return
    if settings.has_decay:
        vectors_RP.mul_(1 - (rates.lr * settings.decay_vectors).reshape(-1, 1) * settings.rates_RP)
    vectors_RP.addcmul_(work.dvectors_RP, settings.rates_RP, value=-1)


def compute_weight_step(network: Network, moments: Moments, rates: StepRates, layer: int, gradient: Tensor) -> Tensor:
    """Return by how much a step would move the weights of `layer`, if `gradient` is theirs; nothing moves."""
    weights = network.weights[layer]
    lr, decay, *factors = _spread_rates(network, rates, layer)
    if not keeps_moments(rates.settings):
        return (gradient + decay * weights).mul_(-lr)
    moved, copies = weights.clone(), [moment.clone() for moment in moments.of(layer)]
    _update_tensor(rates.settings, moved, gradient.clone(), copies, lr=lr, decay=decay, factors=factors)
    return moved.sub_(weights)


def scale_rate(rates: StepRates, network: Network, layer: int) -> Tensor:
    """Return the learning rate [S, G, 1, 1] of the weights of `layer`; that of the output layer is not scaled."""
    return rates.lr * rates.settings.hidden_scale if layer < network.hidden_layers else rates.lr


def spread_over_columns(setting_SG11: Tensor, network: Network, layer: int) -> Tensor:
    """Return a setting of every lane once for every column of the weights of `layer`, to broadcast over the rows alone.

    Elementwise kernels are faster over it: `lerp_` 127 against 213 µs, `mul_` 63 against 148 (16 lanes of the first
    layer of MNIST, float32, one thread, best of 9, torch 2.13 CPU).
    """
    weights = network.weights[layer]
    columns = weights.shape[0] * weights.shape[2] // setting_SG11.numel()
    return setting_SG11.expand(-1, -1, 1, columns).reshape(weights.shape[0], 1, -1)


def _spread_rates(network: Network, rates: StepRates, layer: int) -> list[Tensor]:
    """Return lr, decay and the factors of `rates` as `spread_over_columns` lays them out."""
    per_lane = (scale_rate(rates, network, layer), rates.settings.decay, *rates.factors)
    return [spread_over_columns(setting, network, layer) for setting in per_lane]


def _update_tensor(
    settings: OptimizerSettings,
    w: Tensor,
    g: Tensor,
    moments: Sequence[Tensor],
    *,
    lr: Tensor,
    decay: Tensor,
    factors: Sequence[Tensor],
) -> None:
    """Move one parameter tensor by its gradient, which is lost, and its moments; all that is per lane broadcasts."""
    if settings.has_decay and settings.kind == Optimizer.adamw:
        w.mul_(1 - lr * decay)
    elif settings.has_decay:
        g.addcmul_(w, decay)
    if settings.kind == Optimizer.sgd:
        (v,), (momentum,) = moments, factors
        v.mul_(momentum).add_(g)
        w.addcmul_(g.addcmul_(v, momentum) if settings.nesterov else v, lr, value=-1)
        return
    (m, s), (first, second, correction, eps) = moments, factors
    m.lerp_(g, first)
    s.lerp_(g.mul_(g), second)
    torch.sqrt(s, out=g).add_(eps)
    w.addcmul_(torch.div(m, g, out=g), lr * correction, value=-1)
