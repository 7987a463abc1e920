"""Activation functions with their derivatives, as pairs of elementwise kernels that write into buffers of the caller.

Letters: u input of the activation, a = φ(u) its output, d_a and d_u = d_a·φ'(u) the gradients of the loss with
respect to them; every tensor is [S, G, B, H]. Formulas: Ioffe & Szegedy 2015 (sigmoid), Clevert et al. 2016 (elu),
Klambauer et al. 2017 (selu), Hendrycks & Gimpel 2016 (gelu, the exact form with the normal distribution function),
Elfwing et al. 2018 (silu), Misra 2020 (mish), Howard et al. 2019 (hardswish), Sandler et al. 2018 (relu6), Glorot &
Bengio 2010 (softsign), Kim et al. 2023 (shifted_tanh), Sitzmann et al. 2020 (sine), So et al. 2021 (squared_relu),
Chen & Manning 2014 (cube).
Slopes and scales are those of `torch.nn`: leaky_relu 0.01, elu alpha 1.

Some are there to tell causes apart: they differ from another one in one thing. clip is hardtanh moved and shrunk to
[0, 1]; shifted_tanh is tanh + 1; steep_sigmoid is σ(4u); stretched_sigmoid is 2σ(u) − 1, which is tanh(u/2);
centred_sigmoid is σ(u) − 1/2; centred_relu is max(u, 0) less its mean under a standard normal input; absolute is even;
sine is odd and bounded, and not monotone. Two families have one parameter and a few members. The slope s of max(u, 0) +
s·min(u, 0) goes from even to odd: absolute (−1), folded_half (−0.5), relu (0), leaky_half (0.5), identity (1). The
bound c of min(max(u, −c), c) goes from bounded to unbounded: hardtanh_half (0.5), hardtanh, hardtanh_two (2), identity.

An input is flat where |φ'| is below `FLAT` of the greatest |φ'|: almost no gradient passes. What follows from that
depends on the function. A bounded one (sigmoid, tanh) is flat on both sides, and each flat input is lost. One that is
flat on one side only (relu and its relatives, relu6 among them) is so by design; what is lost is a unit that is flat on
the whole batch, a dead one. leaky_relu was made so that no unit dies, identity, absolute, leaky_half and folded_half
are nowhere flat, sine and cube are flat in the middle of what they use: there the word has no meaning. squared_relu and
cube get steeper without end: for the greatest |φ'| stands that at |u| = 1.

Where torch has derivative kernels they are used (one fused pass each); that they are the derivatives is tested against
autograd.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import torch
from torch import Tensor

from bnexp.choices import Activation

aten = torch.ops.aten

LEAKY_SLOPE: Final = 0.01
SELU_ALPHA: Final = 1.6732632423543772848170429916717
SELU_SCALE: Final = 1.0507009873554804934193349852946
RELU_MEAN: Final = 0.3989422804014326779399460599344
"""E max(Z, 0) = 1/sqrt(2π) for a standard normal Z."""

FLAT: Final = 0.05
"""Share of the greatest slope below which an activation counts as flat."""


class Saturation(Enum):
    """What is saturated: every flat input, every unit that is flat on the whole batch, or nothing."""

    of_inputs = auto()
    of_units = auto()
    none = auto()


@dataclass(frozen=True)
class Function:
    """One activation: `forward(u, out)` writes a; `backward(d_a, u, a, out)` writes d_u; `out` may be `d_a` itself."""

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor], object]
    steepest: float
    """The greatest |φ'|; where there is none, that at |u| = 1."""
    saturation: Saturation

    def measure_flatness_SG(self, u: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
        """Return the share of inputs, or of units, that is saturated, and that of units flat on the whole batch.

        The first is NaN where the word has no meaning; the second is taken by the slope alone, whatever the function.
        """
        slope = torch.ones_like(u)
        self.backward(slope, u, a, slope)
        flat = slope.abs_() < FLAT * self.steepest
        units_SG = flat.all(2).to(u.dtype).mean(2)
        if self.saturation is Saturation.none:
            return torch.full_like(units_SG, math.nan), units_SG
        return units_SG if self.saturation is Saturation.of_units else flat.to(u.dtype).mean(2).mean(2), units_SG


def _leak(slope: float) -> Function:
    """Return the function max(u, 0) + slope·min(u, 0)."""
    return Function(
        lambda u, out: aten.leaky_relu.out(u, slope, out=out),
        lambda d, u, _, out: aten.leaky_relu_backward.grad_input(d, u, slope, False, grad_input=out),
        1.0,
        Saturation.none,
    )


def _clamp(low: float, high: float, saturation: Saturation) -> Function:
    """Return the function min(max(u, low), high)."""
    return Function(
        lambda u, out: aten.hardtanh.out(u, low, high, out=out),
        lambda d, u, _, out: aten.hardtanh_backward.grad_input(d, u, low, high, grad_input=out),
        1.0,
        saturation,
    )


FUNCTIONS: Final[dict[Activation, Function]] = {
    Activation.relu: Function(
        lambda u, out: torch.clamp_min(u, 0, out=out),
        lambda d, _, a, out: aten.threshold_backward.grad_input(d, a, 0, grad_input=out),
        1.0,
        Saturation.of_units,
    ),
    Activation.leaky_relu: _leak(LEAKY_SLOPE),
    Activation.elu: Function(
        lambda u, out: aten.elu.out(u, 1.0, 1.0, 1.0, out=out),
        lambda d, _, a, out: aten.elu_backward.grad_input(d, 1.0, 1.0, 1.0, True, a, grad_input=out),
        1.0,
        Saturation.of_units,
    ),
    Activation.selu: Function(
        lambda u, out: aten.elu.out(u, SELU_ALPHA, SELU_SCALE, 1.0, out=out),
        lambda d, _, a, out: aten.elu_backward.grad_input(d, SELU_ALPHA, SELU_SCALE, 1.0, True, a, grad_input=out),
        SELU_ALPHA * SELU_SCALE,
        Saturation.of_units,
    ),
    Activation.gelu: Function(
        lambda u, out: aten.gelu.out(u, out=out),
        lambda d, u, _, out: aten.gelu_backward.grad_input(d, u, grad_input=out),
        1.128904145,
        Saturation.of_units,
    ),
    Activation.silu: Function(
        lambda u, out: aten.silu.out(u, out=out),
        lambda d, u, _, out: aten.silu_backward.grad_input(d, u, grad_input=out),
        1.099839320,
        Saturation.of_units,
    ),
    Activation.tanh: Function(
        lambda u, out: torch.tanh(u, out=out),
        lambda d, _, a, out: aten.tanh_backward.grad_input(d, a, grad_input=out),
        1.0,
        Saturation.of_inputs,
    ),
    Activation.sigmoid: Function(
        lambda u, out: torch.sigmoid(u, out=out),
        lambda d, _, a, out: aten.sigmoid_backward.grad_input(d, a, grad_input=out),
        0.25,
        Saturation.of_inputs,
    ),
    Activation.softplus: Function(
        lambda u, out: aten.softplus.out(u, out=out),
        lambda d, u, _, out: aten.softplus_backward.grad_input(d, u, 1.0, 20.0, grad_input=out),
        1.0,
        Saturation.of_units,
    ),
    Activation.identity: Function(
        lambda u, out: out.copy_(u),
        lambda d, _u, _a, out: out.copy_(d) if out is not d else None,
        1.0,
        Saturation.none,
    ),
    Activation.mish: Function(
        lambda u, out: aten.mish.out(u, out=out),
        lambda d, u, _, out: out.copy_(aten.mish_backward(d, u)),
        1.088498,
        Saturation.of_units,
    ),
    Activation.hardswish: Function(
        lambda u, out: aten.hardswish.out(u, out=out),
        lambda d, u, _, out: aten.hardswish_backward.out(d, u, out=out),
        1.5,
        Saturation.of_units,
    ),
    Activation.relu6: _clamp(0.0, 6.0, Saturation.of_units),
    Activation.hardtanh: _clamp(-1.0, 1.0, Saturation.of_inputs),
    Activation.softsign: Function(
        lambda u, out: torch.div(u, u.abs().add_(1), out=out),
        lambda d, u, _, out: torch.div(d, u.abs().add_(1).square_(), out=out),
        1.0,
        Saturation.of_inputs,
    ),
    Activation.clip: _clamp(0.0, 1.0, Saturation.of_inputs),
    Activation.shifted_tanh: Function(
        lambda u, out: torch.tanh(u, out=out).add_(1),
        lambda d, u, _, out: aten.tanh_backward.grad_input(d, u.tanh(), grad_input=out),
        1.0,
        Saturation.of_inputs,
    ),
    Activation.steep_sigmoid: Function(
        lambda u, out: torch.mul(u, 4, out=out).sigmoid_(),
        lambda d, _, a, out: aten.sigmoid_backward.grad_input(d, a, grad_input=out).mul_(4),
        1.0,
        Saturation.of_inputs,
    ),
    Activation.stretched_sigmoid: Function(
        lambda u, out: torch.mul(u, 0.5, out=out).tanh_(),
        lambda d, _, a, out: aten.tanh_backward.grad_input(d, a, grad_input=out).mul_(0.5),
        0.5,
        Saturation.of_inputs,
    ),
    Activation.centred_sigmoid: Function(
        lambda u, out: torch.sigmoid(u, out=out).sub_(0.5),
        lambda d, u, _, out: aten.sigmoid_backward.grad_input(d, u.sigmoid(), grad_input=out),
        0.25,
        Saturation.of_inputs,
    ),
    Activation.centred_relu: Function(
        lambda u, out: torch.clamp_min(u, 0, out=out).sub_(RELU_MEAN),
        lambda d, u, _, out: aten.threshold_backward.grad_input(d, u, 0, grad_input=out),
        1.0,
        Saturation.of_units,
    ),
    Activation.absolute: Function(
        lambda u, out: torch.abs(u, out=out),
        lambda d, u, _, out: torch.mul(d, u.sign(), out=out),
        1.0,
        Saturation.none,
    ),
    Activation.sine: Function(
        lambda u, out: torch.sin(u, out=out),
        lambda d, u, _, out: torch.mul(d, u.cos(), out=out),
        1.0,
        Saturation.none,
    ),
    Activation.squared_relu: Function(
        lambda u, out: torch.clamp_min(u, 0, out=out).square_(),
        lambda d, u, _, out: torch.mul(d, u.clamp_min(0).mul_(2), out=out),
        2.0,
        Saturation.of_units,
    ),
    Activation.cube: Function(
        lambda u, out: torch.pow(u, 3, out=out),
        lambda d, u, _, out: torch.mul(d, u.square().mul_(3), out=out),
        3.0,
        Saturation.none,
    ),
    Activation.leaky_half: _leak(0.5),
    Activation.folded_half: _leak(-0.5),
    Activation.hardtanh_half: _clamp(-0.5, 0.5, Saturation.of_inputs),
    Activation.hardtanh_two: _clamp(-2.0, 2.0, Saturation.of_inputs),
}
