"""Which arms have an invariant block, and the claims that separate them from the arms that have none.

Scaling by a > 0 what enters a neuron leaves BN((aW)u) = BN(Wu) under `pre`, whatever the activation. Under `post` it
leaves BN(φ(a·(Wu + b))) = BN(φ(Wu + b)) if φ is homogeneous, of whatever degree k, because the norm takes a^k away, and
the block is weights and bias together (derived; at eps 0). What depends on the degree is eps: it must go with a^(2k).

Letters: R lanes.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from bnexp.choices import Activation, Placement
from bnexp.norms.kinds import NormKind
from bnexp.theory.claims import AcceptedRange, Claim, at_least

if TYPE_CHECKING:  # a report asks for `has_block`, and needs no torch
    from torch import Tensor

    from bnexp.engine.training import State

HOMOGENEOUS: Final = (
    Activation.relu,
    Activation.leaky_relu,
    Activation.identity,
    Activation.absolute,
    Activation.squared_relu,
    Activation.cube,
    Activation.leaky_half,
    Activation.folded_half,
)
"""φ(a·u) = a^k·φ(u) for every a > 0."""

DEGREES: Final = dict.fromkeys(HOMOGENEOUS, 1) | {Activation.squared_relu: 2, Activation.cube: 3}
"""The degree k of each."""

STEEP: Final = tuple(activation for activation, degree in DEGREES.items() if degree > 1)
"""Those that get steeper without end."""

NEARLY: Final = (Activation.relu6, Activation.centred_relu)
"""Homogeneous up to 6, or but for a constant (which a norm takes away, not to the last bit): nothing is claimed."""

Arms = Sequence[tuple[Placement, Activation]]
NONE: Final[Arms] = tuple((Placement.none, activation) for activation in Activation)
PRE: Final[Arms] = tuple((Placement.pre, activation) for activation in Activation)
POST: Final[Arms] = tuple((Placement.post, activation) for activation in Activation)
ALL: Final[Arms] = (*NONE, *PRE, *POST)

WITH_BLOCK: Final = {
    "pre, any activation": PRE,
    "post, relu and other homogeneous ones": tuple(arm for arm in POST if arm[1] in HOMOGENEOUS),
}
WITHOUT_BLOCK: Final = {
    "post, any other activation": tuple(arm for arm in POST if arm[1] not in (*HOMOGENEOUS, *NEARLY)),
    "none, any activation": NONE,
}


PER_NEURON: Final = (NormKind.batch, NormKind.variance, NormKind.ghost, NormKind.population)
"""Normalizers that undo the scale of each neuron by itself."""


def has_block(placement: Placement, activation: Activation | str, kind: NormKind = NormKind.batch) -> bool:
    """Say whether the scale of a neuron's incoming weights changes nothing, so that lr/‖w‖² is its effective rate.

    Of an activation of the user's nothing is known under `post`, and so nothing is said.
    """
    if placement == Placement.pre:
        return kind in (*PER_NEURON, NormKind.weight)
    return placement == Placement.post and kind in PER_NEURON and activation in HOMOGENEOUS


def find_degree(placement: Placement, activation: Activation | str) -> int:
    """Return the power of a by which what is normalized grows when its block is scaled by a: 1 before an activation."""
    return DEGREES.get(Activation(activation), 1) if placement == Placement.post else 1


def find_largest(values_R: "Tensor", state: "State", arms: Arms) -> float:
    """Return the largest value of the lanes of `state` that are one of `arms`; NaN if one is NaN."""
    return float(_select_lanes(values_R, state, arms).max())


def find_smallest(values_R: "Tensor", state: "State", arms: Arms) -> float:
    """Return the smallest value of the lanes of `state` that are one of `arms`; NaN if one is NaN."""
    return float(_select_lanes(values_R, state, arms).min())


def _select_lanes(values_R: "Tensor", state: "State", arms: Arms) -> "Tensor":
    """Return the values of the lanes of `state` that are one of `arms`."""
    return values_R[[r for r, run in enumerate(state.pack.runs) if (run.placement, run.activation) in arms]]


def claim_with_block(
    state: "State", errors_R: "Tensor", words: str, source: str, expected: AcceptedRange
) -> Iterator[Claim]:
    """Claim that `words` are true of every arm with an invariant block; the worst lane speaks for all."""
    for name, arms in WITH_BLOCK.items():
        yield Claim(f"{name}: {words}", source, expected, find_largest(errors_R, state, arms))


def claim_without_block(
    state: "State", errors_R: "Tensor", words: str, source: str, difference: float
) -> Iterator[Claim]:
    """Claim `words`, an error of at least `difference`, of every arm without a block; the least clear lane speaks."""
    for name, arms in WITHOUT_BLOCK.items():
        yield Claim(f"{name}: {words}", source, at_least(difference), find_smallest(errors_R, state, arms))
