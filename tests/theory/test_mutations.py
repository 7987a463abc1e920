"""Every mutation of the engine turns a claim of `bnexp check` red: the checks would see the mistakes one makes.

The identities are measured one check after another, the quickest first, until one is red; the slow limits of wide nets
are not. `pytest -s` prints which claims each mutation turned red.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from bnexp.choices import Activation, Placement
from bnexp.engine import activations, initialization, normalization, normalizers, placement, propagation
from bnexp.norms.kinds import NormKind
from bnexp.theory import checks, kinds, trajectories

Patch = pytest.MonkeyPatch


def scaled_backward(patch: Patch, factor: float) -> None:
    original = normalization.backward

    def backward(d, kept, dgamma, dbeta, *, scratch, out):
        original(d, kept, dgamma, dbeta, scratch=scratch, out=out)
        out.mul_(factor)

    patch.setattr(normalization, "backward", backward)


def backward_without_its_projection_on_x(patch: Patch) -> None:
    def backward(d, kept, dgamma, dbeta, *, scratch, out):  # noqa: ARG001 - as the engine calls it
        torch.sum(d * kept.centred_SGBH * kept.rstd_SG1H, -2, True, out=dgamma)
        torch.sum(d, -2, True, out=dbeta)
        torch.mul(d - dbeta / d.shape[-2], kept.scale_SG1H, out=out)

    patch.setattr(normalization, "backward", backward)


def running_statistics(patch: Patch, correction: int, momentum: Callable[[torch.Tensor], torch.Tensor]) -> None:
    def update_running(mean, var, m, kept):
        mean.lerp_(kept.mean_SG1H, momentum(m))
        var.lerp_(kept.squares_SG1H / (kept.centred_SGBH.shape[2] - correction), momentum(m))

    patch.setattr(normalization, "update_running", update_running)


def swapped_placements(patch: Patch) -> None:
    order = dict(placement.ORDER)
    patch.setitem(placement.ORDER, Placement.pre, order[Placement.post])
    patch.setitem(placement.ORDER, Placement.post, order[Placement.pre])


def eps_forgotten_in_training(patch: Patch) -> None:
    original = normalization.forward
    patch.setattr(
        normalization,
        "forward",
        lambda x, gamma, beta, eps, kept, *, out: original(x, gamma, beta, torch.zeros_like(eps), kept, out=out),
    )


def eps_forgotten_in_evaluation(patch: Patch) -> None:
    original = normalization.normalize
    patch.setattr(
        normalization,
        "normalize",
        lambda x, gamma, beta, eps, **others: original(x, gamma, beta, 0 * eps, **others),
    )


def one_stream_for_all_draws(patch: Patch) -> None:
    stream = np.random.default_rng(0)
    patch.setattr(initialization, "generator", lambda *_: stream)


def draws_keyed_by_the_seed_alone(patch: Patch) -> None:
    def generator(seed: int, *_: object) -> np.random.Generator:
        key = hashlib.sha256(str(seed).encode()).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "big")))

    patch.setattr(initialization, "generator", generator)


def softplus_with_the_slope_of_tanh(patch: Patch) -> None:
    right = activations.FUNCTIONS[Activation.softplus]
    wrong = dataclasses.replace(right, backward=activations.FUNCTIONS[Activation.tanh].backward)
    patch.setitem(activations.FUNCTIONS, Activation.softplus, wrong)


def a_gradient_of_the_loss_without_its_mean(patch: Patch) -> None:
    original = propagation.cross_entropy

    def cross_entropy(net, work, y_SB, loss_R, correct_R):
        original(net, work, y_SB, loss_R, correct_R)
        work.d_products[-1].mul_(y_SB.shape[1])

    patch.setattr(propagation, "cross_entropy", cross_entropy)


MUTATIONS: dict[str, Callable[[Patch], None]] = {
    "the backward pass of the norm times 1.001": lambda patch: scaled_backward(patch, 1.001),
    "the backward pass of the norm without its projection on x": backward_without_its_projection_on_x,
    "a biased running variance": lambda patch: running_statistics(patch, 0, lambda m: m),
    "the running momentum the other way round": lambda patch: running_statistics(patch, 1, lambda m: 1 - m),
    "pre and post swapped": swapped_placements,
    "eps forgotten in training": eps_forgotten_in_training,
    "eps forgotten in evaluation": eps_forgotten_in_evaluation,
    "one stream of random numbers for all draws": one_stream_for_all_draws,
    "random numbers keyed by the seed alone": draws_keyed_by_the_seed_alone,
    "softplus with the slope of tanh": softplus_with_the_slope_of_tanh,
    "a gradient of the loss without the mean over the batch": a_gradient_of_the_loss_without_its_mean,
}

NEUTRAL: dict[str, Callable[[Patch], None]] = {
    "the backward pass of the norm times 1": lambda patch: scaled_backward(patch, 1.0),
    "the running statistics written once more": lambda patch: running_statistics(patch, 1, lambda m: m),
}
"""The same patches without a mistake: what turns red does so for the mutation, not for the patching."""


QUICKEST_FIRST = sorted(checks.EXACT, key=lambda check: check is trajectories.equivalence)
"""The equivalence of trajectories takes 2.5 s, three quarters of all: only what no other claim sees waits for it."""


def red_claims(measured: Sequence[checks.Check]) -> list[str]:
    """What does not hold of the first check of which something does not."""
    for check in measured:
        (claims,) = checks.measure([check])
        if red := [claim.sentence for claim in claims if not claim.holds]:
            return red
    return []


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_mutation_of_the_engine_turns_a_claim_red(mutation: str, monkeypatch: Patch) -> None:
    MUTATIONS[mutation](monkeypatch)
    red = red_claims(QUICKEST_FIRST)
    print(f"\n{mutation}: {len(red)} red", *red, sep="\n    ")
    assert red


@pytest.mark.parametrize("patch", NEUTRAL)
def test_a_patch_that_changes_nothing_turns_no_claim_red(patch: str, monkeypatch: Patch) -> None:
    NEUTRAL[patch](monkeypatch)
    assert red_claims(checks.EXACT) == []


def wrong_backward(patch: Patch, kind: NormKind) -> None:
    original = normalizers.BACKWARD[kind]

    def backward(norm, d, scratch, out):
        original(norm, d, scratch, out)
        out.mul_(1.001)

    patch.setitem(normalizers.BACKWARD, kind, backward)


def wrong_gamma(patch: Patch, kind: NormKind) -> None:
    original = normalizers.BACKWARD[kind]

    def backward(norm, d, scratch, out):
        original(norm, d, scratch, out)
        norm.dgamma.mul_(1.001)

    patch.setitem(normalizers.BACKWARD, kind, backward)


def backward_as_if_statistics_were_constants(patch: Patch, kind: NormKind) -> None:
    original = normalizers.BACKWARD[kind]

    def backward(norm, d, scratch, out):
        kept_d = d.clone()
        original(norm, d, scratch, out)
        scale = norm.gamma if kind in ("mean", "layer", "rms") else norm.kept[0].scale_SG1H
        rstd = norm.kept[0].rstd_SG1H if kind in ("layer", "rms") else 1
        torch.mul(kept_d * rstd, scale, out=out)

    patch.setitem(normalizers.BACKWARD, kind, backward)


def forgotten_radial_part(patch: Patch) -> None:
    original = normalizers.radial_slope
    patch.setattr(normalizers, "radial_slope", lambda norm: torch.zeros_like(original(norm)))


def another_forward(patch: Patch, kind: NormKind, other: NormKind) -> None:
    for table in (normalizers.FORWARD, normalizers.BACKWARD):
        patch.setitem(table, kind, table[other])


OF_KINDS: dict[str, Callable[[Patch], None]] = {
    **{f"{kind}: the gradient of x times 1.001": lambda p, k=kind: wrong_backward(p, k) for kind in NormKind},
    **{f"{kind}: the gradient of gamma times 1.001": lambda p, k=kind: wrong_gamma(p, k) for kind in NormKind},
    **{
        f"{kind}: statistics taken for constants": lambda p, k=kind: backward_as_if_statistics_were_constants(p, k)
        for kind in ("mean", "variance", "layer", "rms", "population")
    },
    "weight: no radial part": forgotten_radial_part,
    "mean is batch": lambda p: another_forward(p, NormKind.mean, NormKind.batch),
    "variance is batch": lambda p: another_forward(p, NormKind.variance, NormKind.batch),
    "rms is layer": lambda p: another_forward(p, NormKind.rms, NormKind.layer),
    "layer is rms": lambda p: another_forward(p, NormKind.layer, NormKind.rms),
    "frozen is batch": lambda p: another_forward(p, NormKind.frozen, NormKind.batch),
    "population is batch": lambda p: another_forward(p, NormKind.population, NormKind.batch),
}
"""Mistakes in one of the kinds; only the claims about kinds are measured."""


@pytest.mark.parametrize("mutation", OF_KINDS)
def test_every_mutation_of_a_kind_turns_a_claim_about_kinds_red(mutation: str, monkeypatch: Patch) -> None:
    OF_KINDS[mutation](monkeypatch)
    red = red_claims((kinds.population_gradient, kinds.lone_layer, kinds.slope, kinds.weight_scale))
    print(f"\n{mutation}: {len(red)} red", *red, sep="\n    ")
    assert red
