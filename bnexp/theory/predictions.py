"""Closed forms of what happens at initialization, by quadrature over the standard normal distribution.

Letters: Z standard normal, φ an activation, σ² the variance of a weight times its fan-in, q the variance of what enters
an activation, B examples in a batch. Gamma is 1, beta 0, eps 0, the width infinite. A growth rate is the factor by
which the squared norm of the gradient grows per layer on the way back; a normalized share is var/(var + eps).

    pre        E[φ'(Z)²]/Var φ(Z)              B → ∞; derived: normalising leaves Z, dividing by the deviation of a
                                               product of weights and φ(Z) cancels σ
    post       σ²·E[φ'(σZ)²]/Var φ(σZ)         B → ∞; derived: σZ enters φ, since the inputs have variance 1
    none       σ²·E[φ'(√q·Z)²]                 q = σ²·E[φ(√q·Z)²], the fixed point of the variance map
    pre, relu  (J'(c) + B − 1)/((B − 3)·(1 − J(c))) − 1/(B − 3), exact in B: Yang et al. 2019, theorem 8, with
               c = −1/(B − 1), J(c) = (√(1 − c²) + (π − arccos c)·c)/π, J'(c) = (π − arccos c)/π
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import expit, ndtr

from bnexp.choices import Activation, InitScheme, Placement
from bnexp.norms.kinds import NormKind

Array = NDArray[np.float64]
Scalar = Callable[[float], float]

CUTS: Final = (-12.0, -3.0, 0.0, 3.0, 12.0)
"""Ends of the quadrature in deviations (the mass beyond 12 is 4e-33), and 0, where relu and elu have a kink."""

FIXED: Final = 1e-13
"""Relative change of q at which the variance map has come to rest."""

DEEPEST: Final = 200
"""Layers after which a variance map that still moves (tanh at σ = 1: q falls as 1/layer) is taken as it is."""


def _density(z: float) -> float:
    """Return the density of the standard normal distribution."""
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _mish_slope(u: float) -> float:
    """Return the derivative of u·tanh(softplus(u)): t + u·(1 − t²)·σ(u), with t = tanh(softplus(u))."""
    t = math.tanh(np.logaddexp(0, u))
    return t + u * (1 - t * t) * float(expit(u))


LEAKY_SLOPE: Final = 0.01
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
"""Klambauer et al. 2017; like the formulas, once more than in the engine, so that a report needs no torch."""

FORMULAS: Final[dict[Activation, tuple[Scalar, Scalar]]] = {
    Activation.relu: (lambda u: max(u, 0.0), lambda u: float(u > 0)),
    Activation.leaky_relu: (lambda u: max(u, LEAKY_SLOPE * u), lambda u: 1.0 if u > 0 else LEAKY_SLOPE),
    Activation.elu: (lambda u: u if u > 0 else math.expm1(u), lambda u: 1.0 if u > 0 else math.exp(u)),
    Activation.selu: (
        lambda u: SELU_SCALE * (u if u > 0 else SELU_ALPHA * math.expm1(u)),
        lambda u: SELU_SCALE * (1.0 if u > 0 else SELU_ALPHA * math.exp(u)),
    ),
    Activation.gelu: (lambda u: u * ndtr(u), lambda u: ndtr(u) + u * _density(u)),
    Activation.silu: (lambda u: u * expit(u), lambda u: expit(u) * (1 + u * expit(-u))),
    Activation.tanh: (math.tanh, lambda u: 1 / math.cosh(u) ** 2),
    Activation.sigmoid: (expit, lambda u: expit(u) * expit(-u)),
    Activation.softplus: (lambda u: float(np.logaddexp(0, u)), expit),
    Activation.identity: (lambda u: u, lambda _: 1.0),
    Activation.mish: (lambda u: u * math.tanh(np.logaddexp(0, u)), lambda u: _mish_slope(u)),
    Activation.hardswish: (
        lambda u: u * min(max(u + 3, 0.0), 6.0) / 6,
        lambda u: (2 * u + 3) / 6 if abs(u) < 3 else float(u > 0),
    ),
    Activation.relu6: (lambda u: min(max(u, 0.0), 6.0), lambda u: float(0 < u < 6)),
    Activation.hardtanh: (lambda u: min(max(u, -1.0), 1.0), lambda u: float(-1 < u < 1)),
    Activation.softsign: (lambda u: u / (1 + abs(u)), lambda u: 1 / (1 + abs(u)) ** 2),
    Activation.clip: (lambda u: min(max(u, 0.0), 1.0), lambda u: float(0 < u < 1)),
    Activation.shifted_tanh: (lambda u: 1 + math.tanh(u), lambda u: 1 / math.cosh(u) ** 2),
    Activation.steep_sigmoid: (lambda u: expit(4 * u), lambda u: 4 * expit(4 * u) * expit(-4 * u)),
    Activation.stretched_sigmoid: (lambda u: 2 * expit(u) - 1, lambda u: 2 * expit(u) * expit(-u)),
    Activation.centred_sigmoid: (lambda u: expit(u) - 0.5, lambda u: expit(u) * expit(-u)),
    Activation.centred_relu: (lambda u: max(u, 0.0) - _density(0.0), lambda u: float(u > 0)),
    Activation.absolute: (abs, lambda u: math.copysign(1.0, u)),
    Activation.sine: (math.sin, math.cos),
    Activation.squared_relu: (lambda u: max(u, 0.0) ** 2, lambda u: 2 * max(u, 0.0)),
    Activation.cube: (lambda u: u**3, lambda u: 3 * u * u),
    Activation.leaky_half: (lambda u: u if u > 0 else u / 2, lambda u: 1.0 if u > 0 else 0.5),
    Activation.folded_half: (lambda u: u if u > 0 else -u / 2, lambda u: 1.0 if u > 0 else -0.5),
    Activation.hardtanh_half: (lambda u: min(max(u, -0.5), 0.5), lambda u: float(-0.5 < u < 0.5)),
    Activation.hardtanh_two: (lambda u: min(max(u, -2.0), 2.0), lambda u: float(-2 < u < 2)),
}
"""φ and φ', written down once more than in the engine, from their definitions."""


def gaussian_mean(f: Scalar) -> float:
    """Return E[f(Z)] for a smooth f, which may have a kink at 0."""
    return sum(quad(lambda z: f(z) * _density(z), low, high, epsabs=1e-14)[0] for low, high in pairwise(CUTS))


def pre_growth_rate(activation: Activation) -> float:
    """Return the growth rate under `pre` for large batches; the scale of the weights does not enter."""
    return post_growth_rate(activation, 1)


def post_growth_rate(activation: Activation, sigma: float) -> float:
    """Return the growth rate under `post` for large batches."""
    phi, slope = FORMULAS[activation]
    return sigma**2 * gaussian_mean(lambda z: slope(sigma * z) ** 2) / _gaussian_variance(phi, sigma)


UNSETTLED: Final = (Activation.squared_relu, Activation.cube)
"""Of a degree above 1: q grows as a power of itself, and the variance map has no fixed point but 0 and infinity."""


def none_growth_rate(activation: Activation, sigma: float) -> float:
    """Return the growth rate without a norm, at the fixed point of the variance map that inputs of variance 1 reach.

    NaN for an activation whose map has none (`UNSETTLED`): its gradients grow by another factor in every layer.
    """
    if activation in UNSETTLED:
        return math.nan
    phi, slope = FORMULAS[activation]
    before, q = math.inf, sigma**2
    for _ in range(DEEPEST):
        if abs(q - before) <= FIXED * q:
            break
        scale = math.sqrt(q)
        before, q = q, sigma**2 * gaussian_mean(lambda z: phi(scale * z) ** 2)  # noqa: B023 – called before scale moves
    return sigma**2 * gaussian_mean(lambda z: slope(math.sqrt(q) * z) ** 2)


def over_units_growth_rate(kind: NormKind, placement: Placement, activation: Activation, sigma: float) -> float:
    """Return the growth rate under `layer` or `rms`, which divide by what one example shows over all units.

    Under `pre`, W·φ(Z) has mean 0 over the units, whatever the mean of φ(Z), and the variance σ²·E[φ(Z)²], by which
    both divide: E[φ'(Z)²]/E[φ(Z)²]. Under `post`, σZ enters φ, because outputs have the mean square 1: `layer` divides
    by Var φ(σZ), as batch normalization does, `rms` by E[φ(σZ)²]. Derived; the gradient of relu stays as it is, but for
    `layer` under `post`.
    """
    scale = 1.0 if placement == Placement.pre else sigma
    phi, slope = FORMULAS[activation]
    if placement == Placement.post and kind == NormKind.layer:
        return post_growth_rate(activation, sigma)
    return scale**2 * gaussian_mean(lambda z: slope(scale * z) ** 2) / gaussian_mean(lambda z: phi(scale * z) ** 2)


def pre_relu_growth_rate(batch: int) -> float:
    """Return the growth rate under `pre` with relu at a finite batch."""
    c = -1 / (batch - 1)
    slope = (math.pi - math.acos(c)) / math.pi
    j = math.sqrt(1 - c * c) / math.pi + slope * c
    return (slope + batch - 1) / ((batch - 3) * (1 - j)) - 1 / (batch - 3)


def growth_rate(placement: Placement, activation: Activation, sigma: float, batch: int) -> float:
    """Return the growth rate of an arm; only for `pre` with relu does the batch enter."""
    match placement:
        case Placement.none | Placement.input:
            return none_growth_rate(activation, sigma)
        case Placement.pre | Placement.both:  # what the second norm divides by, the next layer's first one divides out
            return pre_relu_growth_rate(batch) if activation == Activation.relu else pre_growth_rate(activation)
        case Placement.post:
            return post_growth_rate(activation, sigma)


def initial_sigma(scheme: InitScheme, gain: float, inputs: int) -> float:
    """Return σ of a layer with as many outputs as `inputs`, the deviation of its initial weights times √inputs."""
    deviation = {
        InitScheme.torch: math.sqrt(1 / 3 / inputs),  # uniform in ±1/√inputs
        InitScheme.xavier: math.sqrt(1 / inputs),
        InitScheme.he: math.sqrt(2 / inputs),
        InitScheme.lecun: math.sqrt(1 / inputs),
        InitScheme.normal: 1.0,
    }
    return gain * deviation[scheme] * math.sqrt(inputs)


def normalized_shares(
    placement: Placement, activation: Activation, sigma: float, eps: float, *, first: float, layers: int
) -> list[float]:
    """Return var/(var + eps) of each of `layers` hidden layers at initialization, from `first`, that of layer 1.

    A normalization gives its output the variance n = var/(var + eps) instead of 1, so the next layer's product has
    σ²·n under `post` and σ²·Var φ(√n·Z) under `pre`; what the next normalization sees is that (`pre`) or Var φ of it
    (`post`). Derived; Gaussian weights, no bias, infinite width.
    """
    phi, _ = FORMULAS[activation]
    shares = [first]
    for _ in range(layers - 1):
        scale = math.sqrt(shares[-1])
        is_pre = placement != Placement.post
        var = sigma**2 * _gaussian_variance(phi, scale) if is_pre else _gaussian_variance(phi, sigma * scale)
        shares.append(var / (var + eps))
    return shares


def _gaussian_variance(phi: Scalar, scale: float) -> float:
    """Return Var φ(scale·Z)."""
    centre = gaussian_mean(lambda z: phi(scale * z))
    return gaussian_mean(lambda z: (phi(scale * z) - centre) ** 2)
