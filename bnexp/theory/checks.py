"""The list of what is checked, and its results as a table and as JSON.

A check is a function that yields claims with what it measured: the command and the tests call the same ones.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import torch

from bnexp.theory import before_training, folding, growth, kinds, layer, symmetry, trajectories
from bnexp.theory.claims import Claim

Check = Callable[[], Iterator[Claim]]

EXACT: Final[tuple[Check, ...]] = (
    symmetry.scale_invariance,
    symmetry.radial_identity,
    trajectories.equivalence,
    trajectories.norm_growth,
    layer.energy_identity,
    layer.slope,
    layer.recovered_identity,
    layer.eps_floor,
    layer.bias_before_a_norm,
    layer.running_statistics,
    folding.folding,
    kinds.weight_scale,
    kinds.slope,
    kinds.lone_layer,
    kinds.population_gradient,
    before_training.batch_of_one,
    before_training.paired_draws,
)
"""Identities: they hold up to rounding, in nets of any size."""

CHECKS: Final[tuple[Check, ...]] = (*EXACT, growth.growth_per_layer)
"""And the limits of wide nets, which take most of the time."""


def measure(checks: Sequence[Check]) -> list[list[Claim]]:
    """Return the claims of each check, measured now, in one thread.

    Most nets are so small that two threads wait for each other: on a machine that does something else, too, the
    identities took 32 s with two threads and 2 s with one (2 cores, torch 2.13 CPU).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            return [list(check()) for check in checks]
    finally:
        torch.set_num_threads(threads)


def count_failures(claims: Sequence[Sequence[Claim]]) -> int:
    """Return the number of claims that do not hold."""
    return sum(not claim.holds for group in claims for claim in group)
