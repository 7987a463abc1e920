"""In evaluation mode every placement is a net without a norm: the placements differ in optimization, not in functions.

Letters: G arms, B examples, H units, C classes; y = g·x + s is what a normalization does in evaluation mode, with
g = gamma/sqrt(running_var + eps) and s = beta − running_mean·g.

`pre` folds into the Linear before it, W ← W·g, b ← s, and `post` into the Linear after it, W ← g·W, b ← b + s·W.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from bnexp.choices import Activation, Placement
from bnexp.engine import training
from bnexp.theory import small_nets
from bnexp.theory.claims import Claim, at_least, at_most

STEPS: Final = 10
"""Trained first, so that gamma, beta and the running statistics are those of no start."""


def folding() -> Iterator[Claim]:
    """Fold the norms of trained nets away and compare the logits on examples of another batch."""
    for placement in (Placement.pre, Placement.post):
        base = replace(small_nets.BASE, placement=placement)
        normed = small_nets.begin([small_nets.to_arm(base, placement, activation) for activation in Activation])
        rows_KSB = torch.stack([small_nets.take_rows(batch) for batch in range(STEPS)]).unsqueeze(1)
        normed, _, _ = training.advance(normed, rows_KSB)
        without = [
            replace(small_nets.BASE, placement=Placement.none, activation=activation) for activation in Activation
        ]
        plain, folded = small_nets.begin(without), small_nets.begin(without)
        for state in (plain, folded):
            _copy(normed, state)
        fold = _fold_before if placement == Placement.pre else _fold_after
        for layer in small_nets.LAYERS:
            fold(normed, folded, layer)
        original, without_norm, unfolded = (
            small_nets.forward(state, small_nets.take_rows(STEPS), training=False) for state in (normed, folded, plain)
        )
        where = "before" if placement == Placement.pre else "after"
        words = f"{placement}, any activation: folded into the Linear {where} it, a net without a norm has its logits"
        yield Claim(words, "derived", at_most(1e-11), float(small_nets.relative_error(without_norm, original).max()))
        difference = float(small_nets.relative_error(unfolded, original).min())
        yield Claim(f"{placement}: left out instead of folded, it has others", "derived", at_least(1e-2), difference)


def _copy(source: training.State, target: training.State) -> None:
    """Copy the weights, and the biases where `source` has them."""
    for to, weights in zip(target.network.weights, source.network.weights, strict=True):
        to.copy_(weights)
    for layer in (*small_nets.LAYERS, source.network.hidden_layers):
        _view_bias(target, layer).copy_(_view_bias(source, layer))


def _fold_before(normed: training.State, folded: training.State, layer: int) -> None:
    """Fold the norm of `layer` of `normed` into the Linear before it in `folded`."""
    g_SG1H, s_SG1H = _compute_affine(normed, layer)
    folded.network.weight_SGIO(layer, folded.network.weights).mul_(g_SG1H)
    _view_bias(folded, layer).copy_(s_SG1H)


def _fold_after(normed: training.State, folded: training.State, layer: int) -> None:
    """Fold the norm of `layer` of `normed` into the Linear after it in `folded`."""
    g_SG1H, s_SG1H = _compute_affine(normed, layer)
    after_SGIO = folded.network.weight_SGIO(layer + 1, folded.network.weights)
    _view_bias(folded, layer + 1).add_(s_SG1H @ after_SGIO)
    after_SGIO.mul_(g_SG1H.mT)


def _compute_affine(state: training.State, layer: int) -> tuple[Tensor, Tensor]:
    """Return g and s of the normalization of `layer`, [S, G, 1, H] each."""
    net = state.network
    gamma, beta = (net.vector_SG1O(name, layer, net.vectors_RP) for name in ("gamma", "beta"))
    g_SG1H = gamma / (net.running_var[layer] + net.eps_SG11).sqrt()
    return g_SG1H, beta - net.running_mean[layer] * g_SG1H


def _view_bias(state: training.State, layer: int) -> Tensor:
    """Return the bias of `layer`, [S, G, 1, H], as a view."""
    return state.network.vector_SG1O("bias", layer, state.network.vectors_RP)
