"""Batch normalization over the examples of a batch: forward, backward derived by hand, running statistics.

Letters: S seeds, G arms, B examples, H units; x and y are [S, G, B, H], whatever belongs to a unit is [S, G, 1, H].

    mu  = mean_B(x)                 c = x − mu
    var = mean_B(c²)   (biased)     r = 1/sqrt(var + eps)
    x̂   = r·c                       y = gamma·x̂ + beta

Only c and r are kept: x̂ = r·c is never stored. Backward, from d = ∂loss/∂y (Ioffe & Szegedy 2015, section 3,
simplified):

    dgamma = Σ_B d·x̂                dbeta = Σ_B d
    dx = gamma·r·(d − dbeta/B − x̂·dgamma/B)

which is dx = (B·dx̂ − Σdx̂ − x̂·Σ(dx̂·x̂))·r/B with dx̂ = gamma·d put in: gamma is one number per unit and leaves
the sums.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Statistics:
    """What one normalization keeps for its backward pass, as buffers: c, a scratch of its size, mu, var and r."""

    centred_SGBH: Tensor
    scratch_SGBH: Tensor
    mean_SG1H: Tensor
    var_SG1H: Tensor
    rstd_SG1H: Tensor

    def of(self, arms: slice) -> "Statistics":
        """Return the views that belong to `arms`."""
        parts = (self.centred_SGBH, self.scratch_SGBH, self.mean_SG1H, self.var_SG1H, self.rstd_SG1H)
        return Statistics(*(part[:, arms] for part in parts))


def forward(x: Tensor, gamma: Tensor, beta: Tensor, eps: Tensor, kept: Statistics, out: Tensor) -> None:
    """Normalise `x` by the statistics of its batch, into `out`; what backward needs goes into `kept`."""
    # Two means: torch's var_mean over a middle dimension takes ten times as long (torch 2.13, CPU).
    torch.mean(x, 2, True, out=kept.mean_SG1H)
    torch.sub(x, kept.mean_SG1H, out=kept.centred_SGBH)
    torch.mul(kept.centred_SGBH, kept.centred_SGBH, out=kept.scratch_SGBH)
    torch.mean(kept.scratch_SGBH, 2, True, out=kept.var_SG1H)
    torch.add(kept.var_SG1H, eps, out=kept.rstd_SG1H).rsqrt_()
    torch.addcmul(beta, kept.centred_SGBH, gamma * kept.rstd_SG1H, out=out)


def backward(d: Tensor, gamma: Tensor, kept: Statistics, dgamma: Tensor, dbeta: Tensor) -> None:
    """Turn `d`, the gradient with respect to y, into that with respect to x, in place; write `dgamma`, `dbeta`."""
    examples = d.shape[2]
    torch.mul(d, kept.centred_SGBH, out=kept.scratch_SGBH)
    dgamma.copy_(kept.scratch_SGBH.sum(2, True).mul_(kept.rstd_SG1H))
    dbeta.copy_(d.sum(2, True))
    scale = gamma * kept.rstd_SG1H
    d.addcmul_(kept.centred_SGBH, dgamma * kept.rstd_SG1H, value=-1 / examples)
    torch.addcmul(dbeta * scale / -examples, d, scale, out=d)


def update_running(mean: Tensor, var: Tensor, momentum: Tensor, kept: Statistics) -> None:
    """Move the running statistics towards those of the batch, as torch does: new = (1 − m)·old + m·batch.

    The variance enters unbiased (B/(B − 1)); Keras' momentum 0.99 is 0.01 here.
    """
    examples = kept.centred_SGBH.shape[2]
    mean.lerp_(kept.mean_SG1H, momentum)
    var.lerp_(kept.var_SG1H * (examples / (examples - 1)), momentum)


def apply(x: Tensor, gamma: Tensor, beta: Tensor, eps: Tensor, mean: Tensor, var: Tensor, out: Tensor) -> None:
    """Normalise `x` by given statistics (evaluation): y = x·g + (beta − mean·g), g = gamma/sqrt(var + eps)."""
    scale = gamma * torch.rsqrt(var + eps)
    torch.addcmul(torch.addcmul(beta, mean, scale, value=-1), x, scale, out=out)
