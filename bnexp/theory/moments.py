"""What an activation is to normalization: moments of φ(Z), Z standard normal, that no affine map of φ changes but one.

Under `pre` the next layer, under `post` its own normalizes any affine map of φ away: between hidden layers two
activations that differ by one are the same, in value and in gradient. Only `offset_share` tells them apart, which
the output layer sees under `pre`. Letters: c₁ = E[Z φ(Z)], the first Hermite coefficient; μ, v mean and variance of
φ(Z).

    linear_share   c₁²/v                         part of the variance that a straight line has
    even_share     Var((φ(Z) + φ(−Z))/2)/v       part of the even part
    kurtosis       E[(φ(Z) − μ)⁴]/v²             3 for a normal distribution
    skewness       E[(φ(Z) − μ)³]/v^1.5
    offset_share   μ²/E[φ(Z)²]                   part of the second moment that the mean has
    pre_growth     log E[φ'(Z)²]/v               growth of squared gradients per layer under pre, see `predictions`
    bounded        1 or 0
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.integrate import quad

from bnexp.choices import Activation
from bnexp.theory.predictions import FORMULAS, Scalar

CUTS: Final = (-12.0, -6.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0, 12.0)
"""Ends of the quadrature: beside those of `predictions`, the kinks of hardtanh and its relatives, clip and relu6."""

FAR: Final = 1e4
"""An input at which an activation that is not bounded is above `FAR`/200 (leaky_relu: 1e2 at −1e4)."""

SAME: Final = 1e-9
"""Largest distance of standardized values of two activations that differ by an affine map."""


def compute_moments(activation: Activation) -> dict[str, float]:
    """Return the moments of `activation` by their names above."""
    phi, slope = FORMULAS[activation]
    mean, second = _expect(phi), _expect(lambda z: phi(z) ** 2)
    central = {power: _expect(lambda z, p=power: (phi(z) - mean) ** p) for power in (2, 3, 4)}  # type: ignore[misc]
    var = central[2]
    return {
        "linear_share": _expect(lambda z: z * phi(z)) ** 2 / var,
        "even_share": _expect(lambda z: ((phi(z) + phi(-z)) / 2 - mean) ** 2) / var,
        "kurtosis": central[4] / var**2,
        "skewness": central[3] / var**1.5,
        "offset_share": mean**2 / second,
        "pre_growth": math.log(_expect(lambda z: slope(z) ** 2) / var),
        "bounded": float(max(abs(phi(z)) for z in (-FAR, FAR)) < FAR / 200),
    }


def find_twins(activations: Sequence[Activation]) -> dict[Activation, Activation]:
    """Return each of `activations` that is an affine map of an earlier one, with that one."""
    grid = np.linspace(-8, 8, 161)
    seen: dict[Activation, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    twins = {}
    for activation in activations:
        values = np.array([FORMULAS[activation][0](float(z)) for z in grid])
        values = (values - values.mean()) / values.std()
        same = (old for old, known in seen.items() if np.abs(known - values).max() < SAME)
        if (twin := next(same, None)) is None:
            seen[activation] = values
        else:
            twins[activation] = twin
    return twins


def _expect(f: Scalar) -> float:
    """Return E[f(Z)]."""
    density = 1 / math.sqrt(2 * math.pi)
    return sum(
        quad(lambda z: f(z) * density * math.exp(-z * z / 2), low, high, epsabs=1e-13)[0]
        for low, high in pairwise(CUTS)
    )
