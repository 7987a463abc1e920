"""A trained run as a module of `torch.nn`, in evaluation mode, for use without the engine.

Letters: I inputs and O outputs of a layer, H hidden units. The tensors of a run are named as `Network.lane` names them;
layers count from 1, the output layer is the last one:

    1.weight [I, O]                        torch's Linear holds it the other way round, [O, I]
    1.bias [O]                             where the layer has one: under `pre` the output layer alone
    1.gamma [H], 1.beta [H]                torch's `weight` and `bias` of a BatchNorm1d
    1.running_mean [H], 1.running_var [H]  what evaluation normalizes by: running or population statistics
"""

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor, nn

from bnexp.choices import Activation, Affine, NormStatistics
from bnexp.engine.activations import RELU_MEAN
from bnexp.engine.placement import ORDER, Stage
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
        raise AssertionError(self.activation)

    def extra_repr(self) -> str:
        """Return the name of the function."""
        return str(self.activation)


def to_module(run: Run, tensors: Mapping[str, Tensor]) -> nn.Sequential:
    """Return `run` with the parameters and statistics in `tensors` as a module in evaluation mode, on the CPU.

    A layer's bias belongs to its `Linear`, wherever `ORDER` adds it: right behind the product, or nowhere.
    """
    layers: list[nn.Module] = []
    for layer in range(1, len(run.hidden) + 1):
        layers.append(_linear(layer, tensors))
        for stage in ORDER[run.placement]:
            if stage is Stage.normalization:
                layers.append(_normalization(run, layer, tensors))
            elif stage is Stage.activation:
                module = ACTIVATIONS.get(run.activation)
                layers.append(Elementwise(run.activation) if module is None else module())
    return nn.Sequential(*layers, _linear(len(run.hidden) + 1, tensors)).eval()


def _linear(layer: int, tensors: Mapping[str, Tensor]) -> nn.Linear:
    weight_IO, bias = tensors[f"{layer}.weight"], tensors.get(f"{layer}.bias")
    inputs, outputs = weight_IO.shape
    linear = nn.Linear(inputs, outputs, bias=bias is not None, dtype=weight_IO.dtype)
    with torch.no_grad():
        linear.weight.copy_(weight_IO.mT)
        if bias is not None:
            linear.bias.copy_(bias)
    return linear


def _normalization(run: Run, layer: int, tensors: Mapping[str, Tensor]) -> nn.BatchNorm1d:
    """Return a normalization whose further training learns what the run learned of gamma and beta.

    Population statistics have no momentum: torch then averages over all batches since `reset_running_stats`.
    """
    mean = tensors[f"{layer}.running_mean"]
    momentum = None if run.norm_statistics == NormStatistics.population else run.norm_momentum
    affine = run.norm_affine != Affine.none
    norm = nn.BatchNorm1d(len(mean), eps=run.norm_eps, momentum=momentum, affine=affine, dtype=mean.dtype)
    state = {"running_mean": mean, "running_var": tensors[f"{layer}.running_var"]}
    if affine:
        state |= {"weight": tensors[f"{layer}.gamma"], "bias": tensors[f"{layer}.beta"]}
        norm.weight.requires_grad_(run.norm_affine in (Affine.both, Affine.gamma))
        norm.bias.requires_grad_(run.norm_affine in (Affine.both, Affine.beta))
    norm.load_state_dict(state, strict=False)  # num_batches_tracked is not stored
    return norm
