"""The slow, obvious model: nn.Linear, nn.BatchNorm1d, autograd, torch.optim. What the engine is held against.

It imports nothing from the package.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from tests.support import norms


class Elementwise(nn.Module):
    """A function of one tensor as a module."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "relu6": nn.ReLU6,
    "hardtanh": nn.Hardtanh,
    "softsign": nn.Softsign,
    "clip": lambda: Elementwise(lambda u: torch.clamp(u, 0, 1)),
    "shifted_tanh": lambda: Elementwise(lambda u: torch.tanh(u) + 1),
    "steep_sigmoid": lambda: Elementwise(lambda u: torch.sigmoid(4 * u)),
    "stretched_sigmoid": lambda: Elementwise(lambda u: torch.tanh(u / 2)),
    "centred_sigmoid": lambda: Elementwise(lambda u: torch.sigmoid(u) - 1 / 2),
    "centred_relu": lambda: Elementwise(lambda u: torch.relu(u) - 1 / math.sqrt(2 * math.pi)),
    "absolute": lambda: Elementwise(torch.abs),
    "sine": lambda: Elementwise(torch.sin),
    "squared_relu": lambda: Elementwise(lambda u: torch.relu(u) * torch.relu(u)),
    "cube": lambda: Elementwise(lambda u: u * u * u),
    "leaky_half": lambda: Elementwise(lambda u: torch.where(u > 0, u, u / 2)),
    "folded_half": lambda: Elementwise(lambda u: torch.where(u > 0, u, -u / 2)),
    "hardtanh_half": lambda: Elementwise(lambda u: torch.clamp(u, -0.5, 0.5)),
    "hardtanh_two": lambda: Elementwise(lambda u: torch.clamp(u, -2, 2)),
}


@dataclass
class Reference:
    """One run: a model, its optimizer and the names under which the engine knows their tensors."""

    model: nn.Sequential
    optimizer: torch.optim.Optimizer
    named: dict[str, Tensor]
    """`1.weight` is the parameter itself ([out, in] as in torch), `1.running_mean` the buffer."""
    examples: Tensor | None = None
    """The reference batch of a model that normalizes by one."""

    def step(self, x: Tensor, y: Tensor) -> tuple[float, int]:
        """Take one training step; return the loss before it and the number of correct predictions."""
        self.model.train()
        self.measure_reference()
        self.optimizer.zero_grad()
        logits = self.model(x)
        loss = nn.functional.cross_entropy(logits, y)
        loss.backward()
        self.optimizer.step()
        return loss.item(), int((logits.argmax(1) == y).sum())

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor) -> tuple[float, float]:
        """Return loss and accuracy with running statistics."""
        self.measure_reference()
        self.model.eval()
        logits = self.model(x)
        return nn.functional.cross_entropy(logits, y).item(), (logits.argmax(1) == y).double().mean().item()

    def measure_reference(self) -> None:
        if self.examples is not None:
            norms.measure_reference(self.model, self.examples)

    @torch.no_grad()
    def use_population_statistics(self, batches: list[Tensor]) -> None:
        """Replace the running statistics by torch's own cumulative average (momentum None) over `batches`."""
        self.model.train()
        norms = [module for module in self.model if isinstance(module, nn.BatchNorm1d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        for x in batches:
            self.model(x)


def build(
    placement: str,
    activation: str,
    widths: tuple[int, ...],
    *,
    eps: float,
    norm_momentum: float,
    affine: str,
    dtype: torch.dtype,
    device: torch.device,
    kind: str = "batch",
    layers: tuple[int, ...] | None = None,
) -> tuple[nn.Sequential, dict[str, Tensor]]:
    """Return the model and its named tensors; the norm's momentum is torch's, `layers` have a norm (None: all)."""
    modules: list[nn.Module] = []
    named: dict[str, Tensor] = {}
    like = {"dtype": dtype, "device": device}
    if placement == "input":
        modules.append(nn.BatchNorm1d(widths[0], eps=eps, momentum=norm_momentum, affine=False, **like))
        named |= {f"0.{name}": getattr(modules[0], name) for name in ("running_mean", "running_var")}
    for number, (inputs, outputs) in enumerate(pairwise(widths), start=1):
        last = number == len(widths) - 1
        here = placement if layers is None or number in layers else "none"
        if kind == "weight" and here == "pre" and not last:
            linear = norms.WeightNorm(inputs, outputs, **like)
            names = {"weight": linear.v, "gamma": linear.g, "beta": linear.bias}
            _learn(linear.g, linear.bias, affine)
        else:
            linear = nn.Linear(inputs, outputs, bias=last or here not in ("pre", "both"), **like)
            names = dict(linear.named_parameters())
        modules.append(linear)
        named |= {f"{number}.{name}": tensor for name, tensor in names.items()}
        if last:
            break
        act = ACTIVATIONS[activation]()
        stages = {"pre": "na", "post": "an", "both": "nas"}.get(here, "a") if kind != "weight" else "a"
        for stage in stages:
            if stage == "a":
                modules.append(act)
                continue
            if kind == "batch":
                norm: nn.Module = nn.BatchNorm1d(outputs, eps=eps, momentum=norm_momentum, **like)
            else:
                norm = norms.KINDS[kind](outputs, eps=eps, momentum=norm_momentum, **like)
            modules.append(norm)
            _learn(norm.weight, norm.bias, affine)
            prefix = f"{number}.{'second_' if stage == 's' else ''}"
            named |= {f"{prefix}gamma": norm.weight, f"{prefix}beta": norm.bias}
            named |= {f"{prefix}{name}": value for name, value in norm.named_buffers() if name.startswith("running")}
    return nn.Sequential(*modules), named


def _learn(gamma: Tensor, beta: Tensor, affine: str) -> None:
    gamma.requires_grad_(affine in ("both", "gamma"))
    beta.requires_grad_(affine in ("both", "beta"))


def optimizer_of(
    named: dict[str, Tensor],
    kind: str,
    *,
    lr: float,
    momentum: float,
    nesterov: bool,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    decay_all: bool,
    hidden_lr_scale: float = 1.0,
) -> torch.optim.Optimizer:
    """Return torch's optimizer with the decay on the weights alone, or on everything.

    Weights and biases of all layers but the last learn with `lr` times `hidden_lr_scale`.
    """
    last = max(int(name.partition(".")[0]) for name in named)
    groups = [
        {
            "params": [tensor],
            "weight_decay": weight_decay * (decay_all or name.endswith("weight")),
            "lr": lr
            * (hidden_lr_scale if name.endswith(("weight", "bias")) and not name.startswith(f"{last}.") else 1),
        }
        for name, tensor in named.items()
        if tensor.requires_grad
    ]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=nesterov and momentum > 0)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind](groups, lr=lr, betas=betas, eps=eps)
