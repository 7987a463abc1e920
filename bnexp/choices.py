"""The choices of a run and of what is measured in it, as names; the sentences about a value that is none of them."""

import difflib
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum, auto
from typing import Any, Final, TypeGuard, TypeVar

from bnexp.errors import UserError


class Placement(StrEnum):
    """Where batch normalization stands in every hidden layer.

    A member is a string, so that "pre" can be written wherever a placement is asked for.

    Args:
        value: The name of a placement, such as "pre".

    Returns:
        The member of that name: `none` (Linear → activation), `pre` (Linear → batch normalization → activation) or
        `post` (Linear → activation → batch normalization).

    Raises:
        ValueError: There is no placement of that name.

    Example:
        >>> import bnexp
        >>> [str(placement) for placement in bnexp.Placement]
        ['none', 'pre', 'post']
        >>> bnexp.Placement("pre") is bnexp.Placement.pre
        True
        >>> bnexp.Placement.pre == "pre"
        True
    """

    none = auto()
    pre = auto()
    post = auto()


class Activation(StrEnum):
    """The activation functions, in the order in which reports list them.

    A member is a string, so that "tanh" can be written wherever an activation is asked for.

    Args:
        value: The name of an activation function, such as "tanh".

    Returns:
        The member of that name.

    Raises:
        ValueError: There is no activation function of that name.

    Example:
        >>> import bnexp
        >>> ", ".join(bnexp.Activation)
        'relu, leaky_relu, elu, selu, gelu, silu, tanh, sigmoid, softplus, identity'
        >>> bnexp.Activation("tanh") is bnexp.Activation.tanh
        True
    """

    relu = auto()
    leaky_relu = auto()
    elu = auto()
    selu = auto()
    gelu = auto()
    silu = auto()
    tanh = auto()
    sigmoid = auto()
    softplus = auto()
    identity = auto()


class Optimizer(StrEnum):
    """The optimizers: SGD (with momentum and Nesterov), Adam (coupled weight decay) and AdamW (decoupled)."""

    sgd = auto()
    adam = auto()
    adamw = auto()


class Schedule(StrEnum):
    """How the learning rate moves over the steps, after its warm-up."""

    constant = auto()
    cosine = auto()
    step = auto()


class InitScheme(StrEnum):
    """How initial weights are drawn; `normal` takes `init.gain` as its standard deviation."""

    torch = auto()
    xavier = auto()
    he = auto()
    lecun = auto()
    normal = auto()


class Affine(StrEnum):
    """Which of batch norm's two affine parameters are learned; the other keeps its start (gamma 1, beta 0)."""

    both = auto()
    gamma = auto()
    beta = auto()
    none = auto()


class NormStatistics(StrEnum):
    """What batch norm is evaluated with: moving averages, or averages over training batches at the present weights."""

    running = auto()
    population = auto()


class Dtype(StrEnum):
    """Floating-point type of parameters and arithmetic."""

    float32 = auto()
    float64 = auto()


class Probes(StrEnum):
    """How much is measured inside the layers while training; each level holds what the one before it does."""

    none = auto()
    basic = auto()
    full = auto()

    def covers(self, other: "Probes") -> bool:
        """Say whether this level holds everything of `other`."""
        return list(Probes).index(self) >= list(Probes).index(other)


Choice = TypeVar("Choice", bound=StrEnum)


def parse(choices: type[Choice], value: object, name: str) -> Choice:
    """Return the member of `choices` called `value`; raise `UserError` naming the choices and the nearest one."""
    try:
        return choices(str(value))
    except ValueError:
        raise wrong_value(choices, value, name) from None


def wrong_value(kind: Any, value: object, name: str) -> UserError:
    """Return the error that says what `name` must be: a `kind` (the type of a field of `Run`), which `value` is not."""
    if is_choice(kind):
        return UserError(
            f"{name} must be one of {', '.join(kind)}; got {quote_value(value)}{nearest(str(value), kind)}"
        )
    return UserError(f"{name} must be {_KINDS[kind]}; got {quote_value(value)}")


def nearest(word: str, words: Iterable[str]) -> str:
    """Return `": did you mean …?"` with the word of `words` nearest to `word`, or nothing if none is near."""
    matches = difflib.get_close_matches(word, list(words), n=1)
    return f": did you mean {matches[0]}?" if matches else ""


def is_choice(kind: object) -> TypeGuard[type[StrEnum]]:
    """Say whether `kind` is a type of choices, such as `Placement`."""
    return isinstance(kind, type) and issubclass(kind, StrEnum)


_KINDS: Final[Mapping[Any, str]] = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "a name",
    tuple[int, ...]: "a list of whole numbers such as [100,100]",
}


def quote_value(value: object) -> str:
    """Return `value` as an error shows it."""
    return f"'{value}'" if isinstance(value, str) else to_cli(value)


def to_cli(value: object) -> str:
    """Return `value` as the command line writes it."""
    simple = value is None or isinstance(value, bool | list | tuple)
    return json.dumps(value, separators=(",", ":"), default=str) if simple else str(value)
