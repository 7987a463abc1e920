"""What the settings of a run may be: choices by name, types, ranges; and the sentences about a value that is none."""

import difflib
import json
import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum, auto
from typing import Any, Final, TypeGuard, TypeVar

from bnexp.errors import UserError


class Placement(StrEnum):
    """Where batch normalization stands in every hidden layer.

    A member is a string, so that "pre" can be written wherever a placement is asked for.

    Args:
        value: The name of a placement, such as "pre".

    Returns:
        The member of that name: `none` (Linear → activation), `pre` (Linear → batch normalization → activation), `post`
        (Linear → activation → batch normalization), `both` (before and after the activation) or `input` (the inputs of
        the net alone are normalized).

    Raises:
        ValueError: There is no placement of that name.

    Example:
        >>> import bnexp
        >>> [str(placement) for placement in bnexp.Placement]
        ['none', 'pre', 'post', 'both', 'input']
        >>> bnexp.Placement("pre") is bnexp.Placement.pre
        True
        >>> bnexp.Placement.pre == "pre"
        True
    """

    none = auto()
    pre = auto()
    post = auto()
    both = auto()
    input = auto()


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
        >>> ", ".join(list(bnexp.Activation)[:5])
        'relu, leaky_relu, elu, selu, gelu'
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
    mish = auto()
    hardswish = auto()
    relu6 = auto()
    hardtanh = auto()
    softsign = auto()
    clip = auto()
    shifted_tanh = auto()
    steep_sigmoid = auto()
    stretched_sigmoid = auto()
    centred_sigmoid = auto()
    centred_relu = auto()
    absolute = auto()
    sine = auto()
    squared_relu = auto()
    cube = auto()
    leaky_half = auto()
    folded_half = auto()
    hardtanh_half = auto()
    hardtanh_two = auto()


ALIASES: Final = {"celu": Activation.elu, "swish": Activation.silu, "linear": Activation.identity}
"""Other names of activations. Each stands for the defaults of `torch.nn`, and with its alpha of 1 celu is elu: two arms
that compute the same would differ by nothing but rounding.
"""


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


class Standardize(StrEnum):
    """What inputs are brought to mean 0 and standard deviation 1 by: nothing, two numbers for all, or two for each.

    The numbers are those of the training part. `false` and `true` are the `none` and `all` of earlier versions.
    """

    none = auto()
    all = auto()
    feature = auto()

    @classmethod
    def _missing_(cls, value: object) -> "Standardize | None":
        return {"false": cls.none, "true": cls.all}.get(str(value).lower())


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


class FigureForm(StrEnum):
    """What figures are made for: a page, with the words that explain them, or the columns of a paper, without."""

    page = auto()
    paper = auto()


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
        known = ALIASES.get(str(value).lower()) if kind is Activation else None
        hint = f": it is {known}" if known else nearest(str(value), kind)
        return UserError(f"{name} must be one of {', '.join(kind)}; got {quote_value(value)}{hint}")
    return UserError(f"{name} must be {_KINDS[kind]}; got {quote_value(value)}")


def nearest(word: str, words: Iterable[str]) -> str:
    """Return `": did you mean …?"` with the word of `words` nearest to `word`, or nothing if none is near."""
    matches = difflib.get_close_matches(word.lower(), list(words), n=1)  # they are all in small letters
    return f": did you mean {matches[0]}?" if matches else ""


def is_choice(kind: object) -> TypeGuard[type[StrEnum]]:
    """Say whether `kind` is a type of choices, such as `Placement`."""
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def place_choice(kind: type[StrEnum], value: str) -> tuple[int, str]:
    """Return what sorts `value` as `kind` has its members, and what is none of them last, by name."""
    names = [str(choice) for choice in kind]
    return (names.index(value) if value in names else len(names)), value


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


_RANGES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "lr": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "seed": (lambda v: v >= 0, "a whole number of at least 0"),
    "data_train": (lambda v: v >= 2, "at least 2 examples"),
    "data_validation": (lambda v: v >= 1, "at least 1 example"),
    "hidden": (
        lambda v: len(v) > 0 and all(width >= 1 for width in v),
        "a list of at least one width, each at least 1, such as [100,100]",
    ),
    "batch_size": (lambda v: v >= 2, "at least 2, because one example cannot be normalised"),
    "steps": (lambda v: v >= 1, "at least 1"),
    "evaluate": (lambda v: v >= 1, "at least 1"),
    "momentum": (lambda v: 0 <= v < 1, "at least 0 and less than 1"),
    "beta1": (lambda v: 0 <= v < 1, "at least 0 and less than 1"),
    "beta2": (lambda v: 0 <= v < 1, "at least 0 and less than 1"),
    "adam_eps": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "weight_decay": (lambda v: 0 <= v < math.inf, "a finite number of at least 0"),
    "hidden_lr_scale": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "warmup": (lambda v: v >= 0, "at least 0 steps"),
    "schedule_every": (lambda v: v >= 1, "at least 1 step"),
    "schedule_factor": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "init_gain": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "init_hidden_gain": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "norm_eps": (lambda v: 0 <= v < math.inf, "a finite number of at least 0"),
    "norm_momentum": (lambda v: 0 <= v <= 1, "between 0 and 1"),
    "norm_gamma": (lambda v: 0 < v < math.inf, "a finite number greater than 0"),
    "norm_ghost": (lambda v: v >= 2, "at least 2, because one example cannot be normalised"),
    "norm_freeze": (lambda v: v >= 1, "at least 1 step"),
}
"""What the value of a setting must fulfil, and the same in words; a setting that is missing here may have any value."""


def check_range(name: str, value: Any, key: str) -> None:
    """Raise `UserError` unless the setting `name`, on the command line `key`, may have `value`."""
    if name not in _RANGES:
        return
    holds, sentence = _RANGES[name]
    if not holds(value):
        raise UserError(f"{key} must be {sentence}; got {quote_value(value)}")


def describe_range(name: str) -> str | None:
    """Return what the value of the setting `name` must be, in words; None where its type says all."""
    return _RANGES[name][1] if name in _RANGES else None


def round_digits(value: float) -> float:
    """Return `value` to 12 significant digits, as people write numbers: three steps of 0.1 are 0.3.

    Two values of which nobody would say that they differ must not make two identities; nor must -0.0 and 0.0.
    """
    return float(f"{value:.12g}") + 0.0


def coerce(kind: Any, value: Any, key: str) -> Any:
    """Return `value` as a `kind`, the type of a setting: 1 as 1.0, "pre" as `Placement.pre`.

    Raises:
        UserError: There is no such value; the sentence names the setting by its `key` on the command line.
    """
    if type(value) is kind and kind not in (int, float):
        return value
    if is_choice(kind):
        return parse(kind, value, key)
    if kind is float and _is_real(value):
        return round_digits(float(value))
    if kind is int and _is_whole(value):
        if int(value) >= 2**63:
            raise UserError(f"{key} must be below 2^63, the most that a store holds; got {value}")
        return int(value)
    if kind in (bool, str) and isinstance(value, kind):
        return value
    if kind == tuple[int, ...] and isinstance(value, Iterable) and not isinstance(value, str):
        widths = tuple(value)
        if all(map(_is_whole, widths)):
            return tuple(map(int, widths))
    raise wrong_value(kind, value, key)


def _is_real(value: object) -> TypeGuard[float]:
    return isinstance(value, float | numbers.Real) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    if isinstance(value, int | numbers.Integral):
        return not isinstance(value, bool)
    return _is_real(value) and float(value).is_integer()
