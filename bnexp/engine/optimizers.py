"""SGD (momentum, Nesterov), Adam and AdamW with every setting per lane, and learning-rate schedules.

Letters: R = S·G lanes, I inputs and O outputs of a layer, P biases, gammas and betas of a lane side by side, K
steps, w a parameter, g its gradient, v and m, s moments.

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
from bnexp.engine.propagation import backward, gradient_factors
from bnexp.engine.workspace import Workspace


@dataclass(frozen=True)
class Settings:
    """What the optimizer of a pack is, per lane: every tensor is [S, G, 1, 1]."""

    kind: Optimizer
    nesterov: bool
    momentum: Tensor
    beta1: Tensor
    """In float64, whatever the parameters are: 1 − β and 1 − βᵗ must not be rounded away."""
    beta2: Tensor
    """Likewise."""
    eps: Tensor
    decay: Tensor
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
    """Gradients of the weights, and moments of weights and vectors, laid out as these; plain SGD has none."""

    gradients: tuple[Tensor, ...]
    first: tuple[Tensor, ...]
    second: tuple[Tensor, ...]


def settings(pack: Pack, network: Network) -> Settings:
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
    return Settings(
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


def moments(network: Network, chosen: Settings) -> Moments:
    """Return moments at zero, as many as the optimizer keeps."""
    parameters = (*network.weights, network.vectors_RP)
    adaptive = chosen.kind != Optimizer.sgd
    kept = adaptive or chosen.has_momentum
    return Moments(
        gradients=tuple(torch.empty_like(w) for w in network.weights) if kept else (),
        first=tuple(torch.zeros_like(w) for w in parameters) if kept else (),
        second=tuple(torch.zeros_like(w) for w in parameters) if adaptive else (),
    )


def update(network: Network, work: Workspace, kept: Moments, chosen: Settings, lr_SG11: Tensor, step: int) -> None:
    """Take the step number `step` (from 1), going back from the gradient of the logits that `work` holds.

    A layer's weights move as soon as the gradient of its inputs is known, while both are still in the cache.
    """
    if kept.first:
        _move_all(network, work, kept, chosen, lr_SG11, step)
    else:
        _descend(network, work, chosen, lr_SG11)


def _descend(network: Network, work: Workspace, chosen: Settings, lr_SG11: Tensor) -> None:
    """Plain SGD: one call per layer, no gradient of a weight is ever stored.

    All gradients are linear in that of the logits: multiplied by the learning rate there, once, they come out as steps.
    """
    work.d_products[-1].mul_(lr_SG11.view(-1, 1, 1))
    for layer in reversed(range(len(network.weights))):
        backward(network, work, layer)
        if chosen.has_decay:
            decay = rate_of(chosen, lr_SG11, network, layer) * chosen.decay
            network.weights[layer].mul_(1 - by_column(decay, network, layer))
        if chosen.has_scale and layer < network.hidden_layers:
            work.d_products[layer].mul_(by_column(chosen.hidden_scale, network, layer))
        network.weights[layer].baddbmm_(*gradient_factors(work, layer), alpha=-1)
    if chosen.has_decay:
        network.vectors_RP.mul_(1 - _flat(lr_SG11 * chosen.decay_vectors) * chosen.rates_RP)
    network.vectors_RP.addcmul_(work.dvectors_RP, chosen.rates_RP, value=-1)


def _flat(setting_SG11: Tensor) -> Tensor:
    return setting_SG11.reshape(-1, 1)


def rate_of(chosen: Settings, lr_SG11: Tensor, network: Network, layer: int) -> Tensor:
    """Return the learning rate of the weights of `layer`, of which that of the output layer is not scaled."""
    return lr_SG11 * chosen.hidden_scale if layer < network.hidden_layers else lr_SG11


def weight_step(
    network: Network, kept: Moments, chosen: Settings, lr_SG11: Tensor, step: int, layer: int, gradient: Tensor
) -> Tensor:
    """Return by how much step number `step` would move the weights of `layer`, given their gradient; nothing moves."""
    w = network.weights[layer]
    settings = (rate_of(chosen, lr_SG11, network, layer), chosen.decay, *_factors_of(kept, chosen, step))
    lr, decay, *rest = (by_column(setting, network, layer) for setting in settings)
    if not kept.first:
        return (gradient + decay * w).mul_(-lr)
    moments = [order[layer].clone() for order in (kept.first, kept.second) if order]
    moved = w.clone()
    _move(chosen, moved, gradient.clone(), moments, lr, decay, rest)
    return moved.sub_(w)


def _move_all(network: Network, work: Workspace, kept: Moments, chosen: Settings, lr_SG11: Tensor, step: int) -> None:
    """Momentum and Adam: the gradient of a layer's weights is stored, moves the moments, and these the weights."""
    last = len(network.weights)
    moments = tuple(zip(*(order for order in (kept.first, kept.second) if order), strict=True))
    factors = _factors_of(kept, chosen, step)
    for layer in reversed(range(last)):
        backward(network, work, layer)
        gradient = torch.bmm(*gradient_factors(work, layer), out=kept.gradients[layer])
        settings = (rate_of(chosen, lr_SG11, network, layer), chosen.decay, *factors)
        lr, decay, *rest = (by_column(setting, network, layer) for setting in settings)
        _move(chosen, network.weights[layer], gradient, moments[layer], lr, decay, rest)
    gradient = work.dvectors_RP.mul_(network.learned_RP)
    lr, decay, *rest = (_flat(setting) for setting in (lr_SG11, chosen.decay_vectors, *factors))
    _move(chosen, network.vectors_RP, gradient, moments[last], lr * chosen.rates_RP, decay * network.learned_RP, rest)


def by_column(setting_SG11: Tensor, network: Network, layer: int) -> Tensor:
    """Return a per-lane setting once for every column of the weights of `layer`, to broadcast over the rows alone.

    Elementwise kernels are faster over it: `lerp_` 127 against 213 µs, `mul_` 63 against 148 (16 lanes of the first
    layer of MNIST, float32, one thread, best of 9, torch 2.13 CPU).
    """
    weights = network.weights[layer]
    columns = weights.shape[0] * weights.shape[2] // setting_SG11.numel()
    return setting_SG11.expand(-1, -1, 1, columns).reshape(weights.shape[0], 1, -1)


def _move(
    chosen: Settings, w: Tensor, g: Tensor, moments: Sequence[Tensor], lr: Tensor, decay: Tensor, rest: Sequence[Tensor]
) -> None:
    """Update one parameter tensor from its gradient, which is lost, and its moments; settings broadcast over it."""
    if chosen.has_decay and chosen.kind == Optimizer.adamw:
        w.mul_(1 - lr * decay)
    elif chosen.has_decay:
        g.addcmul_(w, decay)
    if chosen.kind == Optimizer.sgd:
        (v,), (momentum,) = moments, rest
        v.mul_(momentum).add_(g)
        w.addcmul_(g.addcmul_(v, momentum) if chosen.nesterov else v, lr, value=-1)
        return
    (m, s), (first, second, correction, eps) = moments, rest
    m.lerp_(g, first)
    s.lerp_(g.mul_(g), second)
    torch.sqrt(s, out=g).add_(eps)
    w.addcmul_(torch.div(m, g, out=g), lr * correction, value=-1)


def _factors_of(kept: Moments, chosen: Settings, step: int) -> tuple[Tensor, ...]:
    """Return what `_move` needs besides lr and decay: the momentum, or what Adam makes of its settings.

    Adam: 1 − β1, 1 − β2, and what is left for lr and eps when sqrt(1 − β2ᵗ) is taken out of the denominator.
    """
    if not kept.second:
        return (chosen.momentum,)
    root = (1 - chosen.beta2**step).sqrt()
    exact = (1 - chosen.beta1, 1 - chosen.beta2, root / (1 - chosen.beta1**step), chosen.eps * root)
    return tuple(factor.to(chosen.momentum.dtype) for factor in exact)
