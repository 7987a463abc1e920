"""Where normalization stands in a hidden layer: the one place in which placement is decided, `ORDER`."""

from enum import Enum, auto
from typing import Final

from bnexp.choices import Placement


class Stage(Enum):
    """The elementwise parts that may follow a matrix product."""

    bias = auto()
    normalization = auto()
    activation = auto()
    second_normalization = auto()
    """Behind the activation of a layer that has another one before it."""


ORDER: Final[dict[Placement, tuple[Stage, ...]]] = {
    Placement.none: (Stage.bias, Stage.activation),
    # No bias before a normalization, which would subtract it again: its gradient is exactly zero and beta replaces it.
    # The kinds that do not centre have none either, so that an arm differs from its neighbour in its kind alone.
    Placement.pre: (Stage.normalization, Stage.activation),
    Placement.post: (Stage.bias, Stage.activation, Stage.normalization),
    Placement.both: (Stage.normalization, Stage.activation, Stage.second_normalization),
    # The inputs of the net are normalized before the first product, and what follows it is as without a norm.
    Placement.input: (Stage.bias, Stage.activation),
}
"""The parts behind the product of a hidden layer, in turn; a layer that `norm.layers` leaves out is one of `none`."""

VECTORS: Final[dict[Stage, tuple[str, ...]]] = {
    Stage.bias: ("bias",),
    Stage.normalization: ("gamma", "beta"),
    Stage.activation: (),
    Stage.second_normalization: ("second_gamma", "second_beta"),
}
"""What each part learns, one number a unit."""

NORMS: Final[dict[Stage, str]] = {Stage.normalization: "", Stage.second_normalization: "second_"}
"""The parts that normalize, and what the names of their parameters and statistics begin with."""


def list_stages(placement: Placement, *, normalized: bool) -> tuple[Stage, ...]:
    """Return the parts of a hidden layer, which is one of those that `norm.layers` means or not."""
    return ORDER[placement if normalized else Placement.none]
