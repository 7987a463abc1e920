"""The normalizers as modules that autograd differentiates, each written from its definition.

They import nothing from the package. Inputs are [B, H].
"""

import torch
from torch import Tensor, nn


class Norm(nn.Module):
    """y = weight·x̂ + bias; a subclass says x̂ in training and in evaluation."""

    def __init__(self, units: int, *, eps: float, momentum: float, **kind) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(units, **kind)), nn.Parameter(torch.zeros(units, **kind))
        for name, value in self.start(units, kind).items():
            self.register_buffer(name, value)

    def start(self, units: int, kind: dict) -> dict[str, Tensor]:
        return {"running_mean": torch.zeros(units, **kind), "running_var": torch.ones(units, **kind)}

    @torch.no_grad()
    def move(self, x: Tensor, momentum: float) -> None:
        for name, value in (("running_mean", x.mean(0)), ("running_var", x.var(0, correction=1))):
            if name in dict(self.named_buffers()):
                getattr(self, name).lerp_(value, momentum)

    def forward(self, x: Tensor) -> Tensor:
        x_hat = self.in_training(x) if self.training else self.in_evaluation(x)
        return self.weight * x_hat + self.bias

    def standardize(self, x: Tensor) -> Tensor:
        return (x - x.mean(0)) / (x.var(0, correction=0) + self.eps).sqrt()

    def in_training(self, x: Tensor) -> Tensor:
        self.move(x, self.momentum)
        return self.standardize(x)

    def in_evaluation(self, x: Tensor) -> Tensor:
        return (x - self.running_mean) / (self.running_var + self.eps).sqrt()


class Mean(Norm):
    def start(self, units, kind):
        return {"running_mean": torch.zeros(units, **kind)}

    def standardize(self, x):
        return x - x.mean(0)

    def in_evaluation(self, x):
        return x - self.running_mean


class Variance(Norm):
    def start(self, units, kind):
        return {"running_var": torch.ones(units, **kind)}

    def standardize(self, x):
        return x / (x.var(0, correction=0) + self.eps).sqrt()

    def in_evaluation(self, x):
        return x / (self.running_var + self.eps).sqrt()


class Layer(Norm):
    def start(self, units, kind):  # noqa: ARG002 - as its neighbours
        return {}

    def in_training(self, x):
        return nn.functional.layer_norm(x, x.shape[1:], eps=self.eps)

    in_evaluation = in_training


class Rms(Layer):
    def in_training(self, x):
        return nn.functional.rms_norm(x, x.shape[1:], eps=self.eps)

    in_evaluation = in_training


class Ghost(Norm):
    part = 4

    @torch.no_grad()
    def move(self, x, momentum):
        parts = x.split(self.part)
        shares = [len(part) / len(x) for part in parts]
        mean = sum(share * part.mean(0) for share, part in zip(shares, parts, strict=True))
        var = sum(share * part.var(0, correction=1) for share, part in zip(shares, parts, strict=True))
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(var, momentum)

    def standardize(self, x):
        return torch.cat([super(Ghost, self).standardize(part) for part in x.split(self.part)])


class Frozen(Norm):
    freeze = 7

    def __init__(self, *args, **others) -> None:
        super().__init__(*args, **others)
        self.steps = 0

    def in_training(self, x):
        self.steps += 1
        if self.steps > self.freeze:
            return self.in_evaluation(x)
        self.move(x, 1 / self.steps)
        return self.standardize(x)


class Population(Norm):
    """Batch renormalization (Ioffe 2017) to the statistics that `measure` has seen last, its r and d constants."""

    def measure(self, x: Tensor) -> Tensor:
        self.move(x, 1.0)
        return self.weight * self.standardize(x) + self.bias

    def in_training(self, x):
        deviation = (self.running_var + self.eps).sqrt()
        r = ((x.var(0, correction=0) + self.eps).sqrt() / deviation).detach()
        d = ((x.mean(0) - self.running_mean) / deviation).detach()
        return self.standardize(x) * r + d


class WeightNorm(nn.Module):
    """A Linear with the weights g·v/‖v‖ and a bias (Salimans & Kingma 2016)."""

    def __init__(self, inputs: int, outputs: int, **kind) -> None:
        super().__init__()
        self.v = nn.Parameter(torch.randn(outputs, inputs, **kind))
        self.g, self.bias = nn.Parameter(torch.ones(outputs, **kind)), nn.Parameter(torch.zeros(outputs, **kind))

    def forward(self, u: Tensor) -> Tensor:
        return nn.functional.linear(u, (self.g / self.v.norm(dim=1))[:, None] * self.v, self.bias)


KINDS = {
    "batch": Norm,
    "mean": Mean,
    "variance": Variance,
    "layer": Layer,
    "rms": Rms,
    "ghost": Ghost,
    "frozen": Frozen,
    "population": Population,
}
"""All kinds but that of the weights, which is a Linear."""


@torch.no_grad()
def measure_reference(model: nn.Sequential, x: Tensor) -> None:
    """Let every `Population` of `model` see the statistics of `x`, layer after layer."""
    for module in model:
        x = module.measure(x) if isinstance(module, Population) else module(x)
