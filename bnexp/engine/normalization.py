"""Batch normalization over the examples of a batch: forward, backward derived by hand, running statistics.

Letters: S seeds, G arms, B examples, H units; x and y are [S, G, B, H], whatever belongs to a unit is [S, G, 1, H]. The
examples are the last dimension but one, whatever stands before it: parts of a batch are one dimension more.

    mu  = mean_B(x)                 c = x − mu
    var = mean_B(c²)   (biased)     r = 1/sqrt(var + eps)
    x̂   = r·c                       y = gamma·x̂ + beta

Only c, r and gamma·r are kept: x̂ = r·c is never stored. Backward, from d = ∂loss/∂y (Ioffe & Szegedy 2015, section 3,
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
    """What one normalization keeps for its backward pass, as buffers: c, mu, Σ_B c², r and gamma·r."""

    centred_SGBH: Tensor
    mean_SG1H: Tensor
    squares_SG1H: Tensor
    rstd_SG1H: Tensor
    scale_SG1H: Tensor


def forward(x: Tensor, gamma: Tensor, beta: Tensor, eps: Tensor, kept: Statistics, *, out: Tensor) -> None:
    """Normalize `x` by the statistics of its batch, into `out`; what `backward` needs goes into `kept`.

    `kept.centred_SGBH` may be `x` itself, if nobody needs `x` any more.
    """
    # Mean and sum: torch's var_mean over a middle dimension takes ten times as long (torch 2.13, CPU).
    torch.mean(x, -2, True, out=kept.mean_SG1H)
    torch.sub(x, kept.mean_SG1H, out=kept.centred_SGBH)
    torch.mul(kept.centred_SGBH, kept.centred_SGBH, out=out)
    torch.sum(out, -2, True, out=kept.squares_SG1H)
    torch.add(eps, kept.squares_SG1H, alpha=1 / x.shape[-2], out=kept.rstd_SG1H).rsqrt_()
    torch.mul(gamma, kept.rstd_SG1H, out=kept.scale_SG1H)
    torch.addcmul(beta, kept.centred_SGBH, kept.scale_SG1H, out=out)


def backward(d: Tensor, kept: Statistics, dgamma: Tensor, dbeta: Tensor, *, scratch: Tensor, out: Tensor) -> None:
    """Write into `out` the gradient with respect to x, given `d`, that with respect to y; write `dgamma`, `dbeta`.

    `scratch` has the size of `d`; `out` may be `d` or `kept.centred_SGBH`.
    """
    torch.mul(d, kept.centred_SGBH, out=scratch)
    torch.sum(scratch, -2, True, out=dgamma).mul_(kept.rstd_SG1H)
    torch.sum(d, -2, True, out=dbeta)
    examples = d.shape[-2]
    torch.addcmul(d, kept.centred_SGBH, dgamma * kept.rstd_SG1H, value=-1 / examples, out=scratch)
    torch.addcmul(dbeta * kept.scale_SG1H / -examples, scratch, kept.scale_SG1H, out=out)


def update_running(mean: Tensor, var: Tensor, momentum: Tensor, kept: Statistics) -> None:
    """Move the running statistics towards those of the batch, as torch does: new = (1 − m)·old + m·batch.

    The variance enters unbiased (Σ_B c²/(B − 1)); Keras' momentum 0.99 is 0.01 here.
    """
    mean.lerp_(kept.mean_SG1H, momentum)
    var.lerp_(kept.squares_SG1H / (kept.centred_SGBH.shape[-2] - 1), momentum)


def normalize(x: Tensor, gamma: Tensor, beta: Tensor, eps: Tensor, *, mean: Tensor, var: Tensor, out: Tensor) -> None:
    """Normalize `x` by given statistics (evaluation): y = x·g + (beta − mean·g), g = gamma/sqrt(var + eps)."""
    scale = gamma * torch.rsqrt(var + eps)
    torch.addcmul(torch.addcmul(beta, mean, scale, value=-1), x, scale, out=out)
