"""A trained run as a module of `torch.nn`, in evaluation mode, for use without the engine.

Letters: I inputs and O outputs of a layer, H hidden units. The tensors of a run are named as `Network.lane` names them;
layers count from 1, the output layer is the last one:

    1.weight [I, O]                        torch's Linear holds it the other way round, [O, I]
    1.bias [O]                             where the layer has one: under `pre` the output layer alone
    1.gamma [H], 1.beta [H]                torch's `weight` and `bias` of a BatchNorm1d
    1.running_mean [H], 1.running_var [H]  what evaluation normalizes by: running or population statistics
    1.second_gamma [H], …                  the same of the second normalization of a layer, under `both`
    0.running_mean [D], 0.running_var [D]  the same of the inputs, under `input`

Batch normalization becomes torch's, and so do its relatives that torch has (LayerNorm; weight normalization folds into
the Linear: its weights are gamma·w/‖w‖). What the others do in evaluation mode is `Fixed`: a scale and a shift.
"""

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor, nn

from bnexp.choices import Activation, Affine, NormStatistics, Placement
from bnexp.engine.activations import RELU_MEAN
from bnexp.engine.placement import NORMS, Stage, list_stages
from bnexp.errors import UserError
from bnexp.norms.kinds import NormKind
from bnexp.norms.layers import list_layers
from bnexp.runs import Run

ACTIVATIONS: Final[dict[Activation, Callable[[], nn.Module]]] = {
    Activation.relu: nn.ReLU,
    Activation.leaky_relu: nn.LeakyReLU,
    Activation.elu: nn.ELU,
    Activation.selu: nn.SELU,
    Activation.gelu: nn.GELU,
    Activation.silu: nn.SiLU,
    Activation.tanh: nn.Tanh,
    Activation.sigmoid: nn.Sigmoid,
    Activation.softplus: nn.Softplus,
    Activation.identity: nn.Identity,
    Activation.mish: nn.Mish,
    Activation.hardswish: nn.Hardswish,
    Activation.relu6: nn.ReLU6,
    Activation.hardtanh: nn.Hardtanh,
    Activation.softsign: nn.Softsign,
    Activation.clip: lambda: nn.Hardtanh(0.0, 1.0),
    Activation.leaky_half: lambda: nn.LeakyReLU(0.5),
    Activation.folded_half: lambda: nn.LeakyReLU(-0.5),
    Activation.hardtanh_half: lambda: nn.Hardtanh(-0.5, 0.5),
    Activation.hardtanh_two: lambda: nn.Hardtanh(-2.0, 2.0),
}
"""Those that torch has a module for."""


class Elementwise(nn.Module):
    """An activation for which torch has no module."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, u: Tensor) -> Tensor:
        """Return φ(u)."""
        match self.activation:
            case Activation.shifted_tanh:
                return u.tanh() + 1
            case Activation.steep_sigmoid:
                return (4 * u).sigmoid()
            case Activation.stretched_sigmoid:
                return (u / 2).tanh()
            case Activation.centred_sigmoid:
                return u.sigmoid() - 0.5
            case Activation.centred_relu:
                return u.relu() - RELU_MEAN
            case Activation.absolute:
                return u.abs()
            case Activation.sine:
                return u.sin()
            case Activation.squared_relu:
                return u.relu().square()
            case Activation.cube:
                return u**3
        raise AssertionError(self.activation)

    def extra_repr(self) -> str:
        """Return the name of the function."""
        return str(self.activation)


class Rms(nn.RMSNorm):
    """Root mean square normalization with a bias, which torch's has not."""

    def __init__(self, units: int, *, eps: float, dtype: torch.dtype) -> None:
        super().__init__(units, eps=eps, dtype=dtype)
        self.bias = nn.Parameter(torch.zeros(units, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalized `x` [B, H]."""
        return super().forward(x) + self.bias


class Fixed(nn.Module):
    """Normalization by mean and variance that are constants, in training as well: (x − mean)/sqrt(var + eps).

    It is what these kinds do when they are evaluated: mean (its variance is 1, its eps 0), variance (its mean is 0),
    ghost, frozen and population. None can be trained on as bnexp trains it.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, units: int, *, eps: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.eps = eps
        self.weight, self.bias = (nn.Parameter(torch.ones(units, dtype=dtype)) for _ in range(2))
        self.register_buffer("running_mean", torch.zeros(units, dtype=dtype))
        self.register_buffer("running_var", torch.ones(units, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalized `x` [B, H]."""
        return (x - self.running_mean) * (self.weight * torch.rsqrt(self.running_var + self.eps)) + self.bias


def to_module(run: Run, tensors: Mapping[str, Tensor]) -> nn.Sequential:
    """Return `run` with the parameters and statistics in `tensors` as a module in evaluation mode, on the CPU.

    A layer's bias belongs to its `Linear`, wherever `ORDER` adds it: right behind the product, or nowhere. Raises
    `UserError` for an activation of the user's: a store's word is no reason to execute a file.
    """
    if run.activation_code:
        raise UserError(
            f"a module must have an activation that is built in; got {run.activation} of {run.activation_code}: read "
            "the weights by safetensors.torch.load_file, and put the function between them yourself"
        )
    layers: list[nn.Module] = []
    normalized = list_layers(run.norm_layers, len(run.hidden))
    if run.placement == Placement.input:
        layers.append(_input_normalization(run, tensors))
    for layer in range(1, len(run.hidden) + 1):
        stages = list_stages(run.placement, normalized=layer in normalized)
        by_weight = run.norm_kind == NormKind.weight and any(stage in NORMS for stage in stages)
        layers.append(_weight_normalization(layer, tensors) if by_weight else _linear(layer, tensors))
        for stage in stages:
            if stage is Stage.activation:
                activation = Activation(run.activation)
                module = ACTIVATIONS.get(activation)
                layers.append(Elementwise(activation) if module is None else module())
            elif stage in NORMS and not by_weight:
                layers.append(_normalization(run, f"{layer}.{NORMS[stage]}", tensors))
    return nn.Sequential(*layers, _linear(len(run.hidden) + 1, tensors)).eval()


def _linear(layer: int, tensors: Mapping[str, Tensor]) -> nn.Linear:
    return _fill_linear(tensors[f"{layer}.weight"], tensors.get(f"{layer}.bias"))


def _weight_normalization(layer: int, tensors: Mapping[str, Tensor]) -> nn.Linear:
    weight_IO, gamma, beta = (tensors[f"{layer}.{name}"] for name in ("weight", "gamma", "beta"))
    return _fill_linear(weight_IO * (gamma / weight_IO.norm(dim=0)), beta)


def _fill_linear(weight_IO: Tensor, bias: Tensor | None) -> nn.Linear:
    inputs, outputs = weight_IO.shape
    linear = nn.Linear(inputs, outputs, bias=bias is not None, dtype=weight_IO.dtype)
    with torch.no_grad():
        linear.weight.copy_(weight_IO.mT)
        if bias is not None:
            linear.bias.copy_(bias)
    return linear


def _normalization(run: Run, prefix: str, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Return a normalization whose further training learns what the run learned of gamma and beta.

    `prefix` is what the names of its tensors begin with. Population statistics have no momentum: torch then averages
    over all batches since `reset_running_stats`.
    """
    gamma = tensors[f"{prefix}gamma"]
    units, dtype, eps = len(gamma), gamma.dtype, run.norm_eps
    statistics = {name: tensors.get(f"{prefix}{name}") for name in ("running_mean", "running_var")}
    state = {name: value for name, value in statistics.items() if value is not None}
    norm: nn.Module
    if run.norm_kind == NormKind.batch:
        affine = run.norm_affine != Affine.none or run.norm_gamma != 1
        norm = nn.BatchNorm1d(units, eps=eps, momentum=_find_momentum(run), affine=affine, dtype=dtype)
    elif run.norm_kind == NormKind.layer:
        norm = nn.LayerNorm(units, eps=eps, dtype=dtype)
    elif run.norm_kind == NormKind.rms:
        norm = Rms(units, eps=eps, dtype=dtype)
    else:
        norm = Fixed(units, eps=0.0 if run.norm_kind == NormKind.mean else eps, dtype=dtype)
    learned = dict(norm.named_parameters())
    if learned:
        state |= {"weight": gamma, "bias": tensors[f"{prefix}beta"]}
        learned["weight"].requires_grad_(run.norm_affine in (Affine.both, Affine.gamma))
        learned["bias"].requires_grad_(run.norm_affine in (Affine.both, Affine.beta))
    norm.load_state_dict(state, strict=False)  # num_batches_tracked is not stored
    return norm


def _input_normalization(run: Run, tensors: Mapping[str, Tensor]) -> nn.BatchNorm1d:
    mean, momentum = tensors["0.running_mean"], _find_momentum(run)
    norm = nn.BatchNorm1d(len(mean), eps=run.norm_eps, momentum=momentum, affine=False, dtype=mean.dtype)
    norm.load_state_dict({"running_mean": mean, "running_var": tensors["0.running_var"]}, strict=False)
    return norm


def _find_momentum(run: Run) -> float | None:
    return None if run.norm_statistics == NormStatistics.population else run.norm_momentum
