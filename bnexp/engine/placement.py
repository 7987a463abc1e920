"""Where batch normalization stands in a hidden layer: the one place in which placement is decided, `ORDER`."""

from enum import Enum, auto
from typing import Final

from bnexp.choices import Placement


class Stage(Enum):
    """The elementwise parts that may follow a matrix product."""

    bias = auto()
    normalization = auto()
    activation = auto()


ORDER: Final[dict[Placement, tuple[Stage, ...]]] = {
    Placement.none: (Stage.bias, Stage.activation),
    # No bias before a normalization, which would subtract it again: its gradient is exactly zero and beta replaces it.
    Placement.pre: (Stage.normalization, Stage.activation),
    Placement.post: (Stage.bias, Stage.activation, Stage.normalization),
}
"""The parts behind the product of a hidden layer, in turn."""

VECTORS: Final[dict[Stage, tuple[str, ...]]] = {
    Stage.bias: ("bias",),
    Stage.normalization: ("gamma", "beta"),
    Stage.activation: (),
}
"""What each part learns, one number a unit."""
