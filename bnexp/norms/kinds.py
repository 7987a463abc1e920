"""The normalizers by name, which settings act under each, and the combinations that there are not."""

from enum import StrEnum, auto
from typing import Final

from bnexp.choices import Placement
from bnexp.errors import UserError


class NormKind(StrEnum):
    """What normalizes: `docs/normalizers.md` has the formula, the derivative and the source of each.

    `batch` (Ioffe & Szegedy 2015), `mean` (centring by the batch alone), `variance` (scaling by the batch alone),
    `layer` (Ba et al. 2016), `rms` (Zhang & Sennrich 2019), `ghost` (statistics of parts of the batch, Hoffer et al.
    2017), `frozen` (batch statistics of the first steps, then constants), `population` (statistics of a fixed reference
    batch at the present weights), `weight` (Salimans & Kingma 2016).
    """

    batch = auto()
    mean = auto()
    variance = auto()
    layer = auto()
    rms = auto()
    ghost = auto()
    frozen = auto()
    population = auto()
    weight = auto()


_IDLE: Final[dict[NormKind, frozenset[str]]] = {
    NormKind.batch: frozenset(),
    NormKind.mean: frozenset({"norm_eps"}),  # nothing is divided by
    NormKind.variance: frozenset(),
    NormKind.layer: frozenset({"norm_momentum", "norm_statistics"}),  # an example is normalized by itself, always
    NormKind.rms: frozenset({"norm_momentum", "norm_statistics"}),
    NormKind.ghost: frozenset(),
    NormKind.frozen: frozenset({"norm_momentum", "norm_statistics"}),  # evaluation uses the constants
    NormKind.population: frozenset({"norm_momentum", "norm_statistics"}),  # and those of the reference batch
    NormKind.weight: frozenset({"norm_eps", "norm_momentum", "norm_statistics"}),
}
"""Settings that cannot act under a kind, besides those of the other kinds."""

_OWN: Final = {"norm_ghost": NormKind.ghost, "norm_freeze": NormKind.frozen}
"""Settings of one kind alone."""

EVERY_SETTING: Final = frozenset(
    {
        *("norm_eps", "norm_momentum", "norm_affine", "norm_statistics"),
        *("norm_kind", "norm_gamma", "norm_ghost", "norm_freeze", "norm_layers"),
    }
)
"""The settings of a run that are about its normalization."""


def find_idle(placement: Placement, kind: NormKind) -> frozenset[str]:
    """Return the settings of the normalization that cannot act."""
    if placement == Placement.none:
        return EVERY_SETTING
    if placement == Placement.input:  # the first Linear has the weights and biases that gamma and beta would be
        return EVERY_SETTING - {"norm_eps", "norm_momentum", "norm_statistics"}
    return _IDLE[kind] | {name for name, of in _OWN.items() if kind != of}


def check_together(placement: Placement, kind: NormKind, *, ghost: int, batch_size: int, examples: int) -> None:
    """Raise `UserError` if a normalizer cannot stand there, or a part of a ghost batch would hold one example."""
    if placement == Placement.input and kind != NormKind.batch:
        raise UserError(
            f"norm.kind must be batch with placement=input, which normalizes the inputs by the batch; got '{kind}': "
            "take norm.kind=batch, or placement=pre or post"
        )
    if kind == NormKind.weight and placement not in (Placement.none, Placement.pre):
        raise UserError(
            "placement must be pre with norm.kind=weight, which normalizes the weights of a Linear and no output of an "
            f"activation; got '{placement}': take placement=pre, or another norm.kind"
        )
    if kind == NormKind.ghost and placement != Placement.none:
        _check_parts(ghost, batch_size, examples)


def _check_parts(ghost: int, batch_size: int, examples: int) -> None:
    if ghost > batch_size:
        raise UserError(
            f"norm.ghost must not exceed batch_size={batch_size}, of which it is a part; got {ghost}: take a smaller "
            "norm.ghost"
        )
    for size in (batch_size, examples % batch_size):
        if size % ghost == 1:
            raise UserError(
                "the last part of a batch must hold at least two examples, because one cannot be normalised; got a "
                f"batch of {size} in parts of {ghost}: take another norm.ghost"
            )
