"""The relatives of batch normalization: each forward, and backward derived by hand, under one signature.

Letters: S seeds, G arms, B examples, H units, I inputs of the Linear; x and y are [S, G, B, H], d = ∂loss/∂y, what
belongs to a unit is [S, G, 1, H], to an example [S, G, B, 1]. In all of them y = gamma·x̂ + beta, dbeta = Σ_B d and
dgamma = Σ_B d·x̂; with c = x − mean_B(x), var = mean_B(c²), d̂ = gamma·d (derived; `docs/normalizers.md` has the lines):

    batch       x̂ = r·c, r = 1/sqrt(var + eps)          dx = gamma·r·(d − mean_B(d) − x̂·mean_B(d·x̂))
    mean        x̂ = c                                   dx = gamma·(d − mean_B(d))
    variance    x̂ = r·x                                 dx = gamma·r·(d − r·c·mean_B(d·x̂))
    layer       as batch, over H instead of B            dx = r·(d̂ − mean_H(d̂) − x̂·mean_H(d̂·x̂))
    rms         x̂ = r·x, r = 1/sqrt(mean_H(x²) + eps)   dx = r·(d̂ − x̂·mean_H(d̂·x̂))
    ghost       batch in each part of the batch          the same
    frozen      batch in the first steps; then x̂ = (x − m)/sqrt(v + eps) with constants, dx = gamma·d/sqrt(v + eps)
    population  x̂ = (x − m)/sqrt(v + eps) with the statistics m, v of a fixed reference batch at the present weights
                dx = gamma/sqrt(v + eps)·(d − mean_B(d) − r·c·mean_B(d·r·c))
    weight      x̂ = x/‖w‖, x = w·u                      dx = gamma·d/‖w‖; to dw is added −gamma·dgamma/‖w‖²·w

`population` is batch renormalization (Ioffe 2017) without its limits: what an example becomes does not depend on the
batch, while the gradient passes as through batch normalization. With constants in the backward pass as well the
gradient would pull at the scale of the weights, which changes no output, and drive it on for ever (Ioffe & Szegedy
2015, section 2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from bnexp.engine import normalization
from bnexp.engine.normalization import Statistics
from bnexp.norms.kinds import NormKind


@dataclass(frozen=True)
class Norm:
    """One normalization of the G arms of a cell: views of parameters, statistics and buffers, [S, G, 1, H] each.

    `eps` and `momentum` are [S, G, 1, 1]. `kept` holds one `Statistics`, or under `ghost` one for the whole parts and,
    if there is a rest, another for it. `weight_SGIH` is there under `weight` alone.
    """

    kind: NormKind
    gamma: Tensor
    beta: Tensor
    dgamma: Tensor
    dbeta: Tensor
    eps: Tensor
    momentum: Tensor
    running_mean: Tensor
    running_var: Tensor
    kept: tuple[Statistics, ...]
    freeze: int | None = None
    """Steps whose statistics are averaged, under `frozen`."""
    weight_SGIH: Tensor | None = None


STATISTICS: Final[dict[NormKind, tuple[str, ...]]] = {
    NormKind.batch: ("running_mean", "running_var"),
    NormKind.mean: ("running_mean",),
    NormKind.variance: ("running_var",),
    NormKind.layer: (),
    NormKind.rms: (),
    NormKind.ghost: ("running_mean", "running_var"),
    NormKind.frozen: ("running_mean", "running_var"),
    NormKind.population: ("running_mean", "running_var"),
    NormKind.weight: (),
}
"""What evaluation needs besides the parameters."""


def forward(norm: Norm, x: Tensor, *, step: int, out: Tensor) -> None:
    """Normalize `x` as step number `step` (from 1) of a training does, into `out`, and move the running statistics."""
    FORWARD[norm.kind](norm, x, step, out)


def backward(norm: Norm, d: Tensor, *, scratch: Tensor, out: Tensor) -> None:
    """Write into `out` the gradient with respect to x, given `d`, that with respect to y; write `dgamma`, `dbeta`.

    `scratch` has the size of `d`; `out` may be `d` or what `kept` calls centred.
    """
    BACKWARD[norm.kind](norm, d, scratch, out)


def evaluate(norm: Norm, x: Tensor, *, out: Tensor) -> None:
    """Normalize `x` as an evaluation does: by itself, or by the running statistics, which then are constants.

    Those that a kind does not have are neutral: mean 0 and, with an eps of 0, variance 1.
    """
    if norm.kind in (NormKind.layer, NormKind.rms):
        FORWARD[norm.kind](norm, x, 0, out)
        return
    if norm.kind is NormKind.weight:
        _measure_weight(norm)
    mean, var = norm.running_mean, norm.running_var
    normalization.normalize(x, norm.gamma, norm.beta, norm.eps, mean=mean, var=var, out=out)


def recover_input(norm: Norm) -> Tensor:
    """Return a copy of what went in, [S, G, B, H], after a forward pass of training."""
    if norm.kind is NormKind.ghost:
        return torch.cat([(one.centred_SGBH + one.mean_SG1H).flatten(2, 3) for one in norm.kept], 2)
    return norm.kept[0].centred_SGBH + norm.kept[0].mean_SG1H


def _forward_batch(norm: Norm, x: Tensor, _step: int, out: Tensor) -> None:
    (kept,) = norm.kept
    normalization.forward(x, norm.gamma, norm.beta, norm.eps, kept, out=out)
    normalization.update_running(norm.running_mean, norm.running_var, norm.momentum, kept)


def _backward_batch(norm: Norm, d: Tensor, scratch: Tensor, out: Tensor) -> None:
    (kept,) = norm.kept
    normalization.backward(d, kept, norm.dgamma, norm.dbeta, scratch=scratch, out=out)


def _forward_mean(norm: Norm, x: Tensor, _step: int, out: Tensor) -> None:
    (kept,) = norm.kept
    torch.mean(x, 2, True, out=kept.mean_SG1H)
    torch.sub(x, kept.mean_SG1H, out=kept.centred_SGBH)
    torch.addcmul(norm.beta, kept.centred_SGBH, norm.gamma, out=out)
    norm.running_mean.lerp_(kept.mean_SG1H, norm.momentum)


def _backward_mean(norm: Norm, d: Tensor, scratch: Tensor, out: Tensor) -> None:
    (kept,) = norm.kept
    _sum_vectors(norm, d, kept.centred_SGBH, scratch)
    torch.sub(d, norm.dbeta / d.shape[2], out=scratch)
    torch.mul(scratch, norm.gamma, out=out)


def _forward_variance(norm: Norm, x: Tensor, _step: int, out: Tensor) -> None:
    (kept,) = norm.kept
    torch.mean(x, 2, True, out=kept.mean_SG1H)
    torch.sub(x, kept.mean_SG1H, out=kept.centred_SGBH)
    torch.sum(torch.mul(kept.centred_SGBH, kept.centred_SGBH, out=out), 2, True, out=kept.squares_SG1H)
    torch.add(norm.eps, kept.squares_SG1H, alpha=1 / x.shape[2], out=kept.rstd_SG1H).rsqrt_()
    torch.mul(norm.gamma, kept.rstd_SG1H, out=kept.scale_SG1H)
    shift = torch.addcmul(norm.beta, kept.mean_SG1H, kept.scale_SG1H)  # x = c + mean, and c may lie where x lay
    torch.addcmul(shift, kept.centred_SGBH, kept.scale_SG1H, out=out)
    norm.running_var.lerp_(kept.squares_SG1H / (x.shape[2] - 1), norm.momentum)


def _backward_variance(norm: Norm, d: Tensor, scratch: Tensor, out: Tensor) -> None:
    (kept,) = norm.kept
    _sum_vectors(norm, d, kept.centred_SGBH, scratch)
    norm.dgamma.addcmul_(norm.dbeta, kept.mean_SG1H).mul_(kept.rstd_SG1H)
    slope = norm.dgamma * kept.rstd_SG1H
    torch.addcmul(d, kept.centred_SGBH, slope, value=-1 / d.shape[2], out=scratch)
    torch.mul(scratch, kept.scale_SG1H, out=out)


def _forward_over_units(norm: Norm, x: Tensor, out: Tensor, *, centring: bool) -> None:
    """Normalize every example over its units; the statistics that are kept are [S, G, B, 1], the scale is gamma."""
    (kept,) = norm.kept
    torch.mean(x, 3, True, out=kept.mean_SG1H)
    if not centring:
        kept.mean_SG1H.zero_()
    torch.sub(x, kept.mean_SG1H, out=kept.centred_SGBH)
    torch.sum(torch.mul(kept.centred_SGBH, kept.centred_SGBH, out=out), 3, True, out=kept.squares_SG1H)
    torch.add(norm.eps, kept.squares_SG1H, alpha=1 / x.shape[3], out=kept.rstd_SG1H).rsqrt_()
    torch.mul(kept.centred_SGBH, kept.rstd_SG1H, out=out)
    out.mul_(norm.gamma).add_(norm.beta)


def _backward_over_units(norm: Norm, d: Tensor, scratch: Tensor, out: Tensor, *, centring: bool) -> None:
    (kept,) = norm.kept
    torch.mul(d, kept.centred_SGBH, out=scratch).mul_(kept.rstd_SG1H)
    torch.sum(scratch, 2, True, out=norm.dgamma)
    torch.sum(d, 2, True, out=norm.dbeta)
    along_x = scratch.mul_(norm.gamma).mean(3, True).mul_(kept.rstd_SG1H)
    torch.mul(d, norm.gamma, out=scratch)
    if centring:
        scratch.sub_(scratch.mean(3, True))
    scratch.addcmul_(kept.centred_SGBH, along_x, value=-1)
    torch.mul(scratch, kept.rstd_SG1H, out=out)


def _cut_parts(x: Tensor, kept: tuple[Statistics, ...]) -> list[Tensor]:
    """Return views of `x` as [S, G, parts, examples of a part, H], one for each of `kept`."""
    start, views = 0, []
    for one in kept:
        parts, examples = one.centred_SGBH.shape[2:4]
        views.append(_cut(x, start, parts, examples))
        start += parts * examples
    return views


def _cut(x: Tensor, start: int, parts: int, examples: int) -> Tensor:
    """Return a view of `parts` · `examples` of `x` [S, G, B, H], from `start` on, as [S, G, parts, examples, H]."""
    seeds, arms, units = x.shape[0], x.shape[1], x.shape[3]
    return x[:, :, start : start + parts * examples].view(seeds, arms, parts, examples, units)


def _forward_ghost(norm: Norm, x: Tensor, _step: int, out: Tensor) -> None:
    gamma, beta, eps = (tensor.unsqueeze(2) for tensor in (norm.gamma, norm.beta, norm.eps))
    mean, var = torch.zeros_like(norm.gamma), torch.zeros_like(norm.gamma)
    for kept, source, target in zip(norm.kept, _cut_parts(x, norm.kept), _cut_parts(out, norm.kept), strict=True):
        normalization.forward(source, gamma, beta, eps, kept, out=target)
        examples = source.shape[3]
        mean.add_(kept.mean_SG1H.sum(2), alpha=examples / x.shape[2])
        var.add_(kept.squares_SG1H.sum(2), alpha=examples / (examples - 1) / x.shape[2])
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(var, norm.momentum)


def _backward_ghost(norm: Norm, d: Tensor, scratch: Tensor, out: Tensor) -> None:
    norm.dgamma.zero_()
    norm.dbeta.zero_()
    pieces = zip(norm.kept, *(_cut_parts(tensor, norm.kept) for tensor in (d, scratch, out)), strict=True)
    for kept, d_part, scratch_part, out_part in pieces:
        dgamma, dbeta = torch.empty_like(kept.mean_SG1H), torch.empty_like(kept.mean_SG1H)
        normalization.backward(d_part, kept, dgamma, dbeta, scratch=scratch_part, out=out_part)
        norm.dgamma.add_(dgamma.sum(2))
        norm.dbeta.add_(dbeta.sum(2))


def _forward_frozen(norm: Norm, x: Tensor, step: int, out: Tensor) -> None:
    """Average the statistics of the first batches, the mean of k numbers being that of k − 1, moved by 1/k."""
    assert norm.freeze is not None
    (kept,) = norm.kept
    if step > norm.freeze:
        _forward_constants(norm, x, out)
        kept.squares_SG1H.fill_(-1)  # the sign by which the way back knows it
        return
    normalization.forward(x, norm.gamma, norm.beta, norm.eps, kept, out=out)
    normalization.update_running(norm.running_mean, norm.running_var, norm.momentum / max(step, 1), kept)


def _forward_constants(norm: Norm, x: Tensor, out: Tensor) -> None:
    """Normalize by mean and variance that no weight moves."""
    (kept,) = norm.kept
    kept.mean_SG1H.copy_(norm.running_mean)
    torch.sub(x, kept.mean_SG1H, out=kept.centred_SGBH)
    torch.rsqrt(norm.running_var + norm.eps, out=kept.rstd_SG1H)
    torch.mul(norm.gamma, kept.rstd_SG1H, out=kept.scale_SG1H)
    torch.addcmul(norm.beta, kept.centred_SGBH, kept.scale_SG1H, out=out)


def _backward_frozen(norm: Norm, d: Tensor, scratch: Tensor, out: Tensor) -> None:
    frozen = bool(norm.kept[0].squares_SG1H.flatten()[0] < 0)
    (_backward_constants if frozen else _backward_batch)(norm, d, scratch, out)


def _backward_constants(norm: Norm, d: Tensor, scratch: Tensor, out: Tensor) -> None:
    (kept,) = norm.kept
    _sum_vectors(norm, d, kept.centred_SGBH, scratch)
    norm.dgamma.mul_(kept.rstd_SG1H)
    torch.mul(d, kept.scale_SG1H, out=out)


def _forward_population(norm: Norm, x: Tensor, _step: int, out: Tensor) -> None:
    """Normalize by the statistics of the reference batch; keep c and r of the batch at hand for the way back."""
    (kept,) = norm.kept
    torch.mean(x, 2, True, out=kept.mean_SG1H)
    torch.sub(x, kept.mean_SG1H, out=kept.centred_SGBH)
    torch.sum(torch.mul(kept.centred_SGBH, kept.centred_SGBH, out=out), 2, True, out=kept.squares_SG1H)
    torch.add(norm.eps, kept.squares_SG1H, alpha=1 / x.shape[2], out=kept.rstd_SG1H).rsqrt_()
    torch.mul(norm.gamma, torch.rsqrt(norm.running_var + norm.eps), out=kept.scale_SG1H)
    shift = torch.addcmul(norm.beta, kept.mean_SG1H - norm.running_mean, kept.scale_SG1H)
    torch.addcmul(shift, kept.centred_SGBH, kept.scale_SG1H, out=out)


def _backward_population(norm: Norm, d: Tensor, scratch: Tensor, out: Tensor) -> None:
    (kept,) = norm.kept
    _sum_vectors(norm, d, kept.centred_SGBH, scratch)
    along_x = norm.dgamma * kept.rstd_SG1H.square()
    norm.dgamma.addcmul_(norm.dbeta, kept.mean_SG1H - norm.running_mean)
    norm.dgamma.mul_(torch.rsqrt(norm.running_var + norm.eps))
    torch.addcmul(d, kept.centred_SGBH, along_x, value=-1 / d.shape[2], out=scratch)
    scratch.sub_(norm.dbeta / d.shape[2])
    torch.mul(scratch, kept.scale_SG1H, out=out)


def _measure_weight(norm: Norm) -> None:
    """Write ‖w‖² where other kinds have the variance that they divide by."""
    assert norm.weight_SGIH is not None
    norm.running_var.copy_(norm.weight_SGIH.square().sum(2, True))


def _forward_weight(norm: Norm, x: Tensor, _step: int, out: Tensor) -> None:
    _measure_weight(norm)
    _forward_constants(norm, x, out)


def _backward_weight(norm: Norm, d: Tensor, scratch: Tensor, out: Tensor) -> None:
    (kept,) = norm.kept
    _backward_constants(norm, d, scratch, out)
    torch.mul(kept.scale_SG1H, norm.dgamma, out=kept.squares_SG1H).mul_(kept.rstd_SG1H)


def radial_slope(norm: Norm) -> Tensor:
    """Return gamma·dgamma/‖w‖² [S, G, 1, H]: after a backward pass, how much of w its gradient has less."""
    return norm.kept[0].squares_SG1H


def _sum_vectors(norm: Norm, d: Tensor, x: Tensor, scratch: Tensor) -> None:
    """Write Σ_B d·x into `dgamma` and Σ_B d into `dbeta`."""
    torch.sum(torch.mul(d, x, out=scratch), 2, True, out=norm.dgamma)
    torch.sum(d, 2, True, out=norm.dbeta)


FORWARD: Final[dict[NormKind, Callable[[Norm, Tensor, int, Tensor], None]]] = {
    NormKind.batch: _forward_batch,
    NormKind.mean: _forward_mean,
    NormKind.variance: _forward_variance,
    NormKind.layer: lambda norm, x, _, out: _forward_over_units(norm, x, out, centring=True),
    NormKind.rms: lambda norm, x, _, out: _forward_over_units(norm, x, out, centring=False),
    NormKind.ghost: _forward_ghost,
    NormKind.frozen: _forward_frozen,
    NormKind.population: _forward_population,
    NormKind.weight: _forward_weight,
}
BACKWARD: Final[dict[NormKind, Callable[[Norm, Tensor, Tensor, Tensor], None]]] = {
    NormKind.batch: _backward_batch,
    NormKind.mean: _backward_mean,
    NormKind.variance: _backward_variance,
    NormKind.layer: lambda norm, d, scratch, out: _backward_over_units(norm, d, scratch, out, centring=True),
    NormKind.rms: lambda norm, d, scratch, out: _backward_over_units(norm, d, scratch, out, centring=False),
    NormKind.ghost: _backward_ghost,
    NormKind.frozen: _backward_frozen,
    NormKind.population: _backward_population,
    NormKind.weight: _backward_weight,
}


def create_statistics(kind: NormKind, centred: Tensor, ghost: int | None) -> tuple[Statistics, ...]:
    """Return buffers for what a normalization keeps for its backward pass; `centred` [S, G, B, H] is one of them.

    A rest of one example joins the part before it: its own variance would be 0.
    """
    seeds, arms, examples, units = centred.shape
    if kind is NormKind.ghost:
        assert ghost is not None
        whole, rest = divmod(examples, ghost)
        sizes = [(whole, ghost), (1, rest)] if rest != 1 else [(whole - 1, ghost), (1, ghost + 1)]
        start, kept = 0, []
        for parts, size in sizes:
            if parts and size:
                of_parts = (centred.new_empty(seeds, arms, parts, 1, units) for _ in range(4))
                kept.append(Statistics(_cut(centred, start, parts, size), *of_parts))
                start += parts * size
        return tuple(kept)
    over_units = kind in (NormKind.layer, NormKind.rms)
    shape = (seeds, arms, examples, 1) if over_units else (seeds, arms, 1, units)
    return (Statistics(centred, *(centred.new_empty(shape) for _ in range(4))),)
