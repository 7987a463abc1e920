"""A run as a frozen value: what is trained, its identity and its arm.

A `Run` holds everything that can change the numbers of one training and nothing that cannot (beyond rounding): device,
workers and folders are not part of it. Names and types live here, choices in `choices.py`, values in `conf/`.
"""

import dataclasses
import hashlib
import itertools
import json
import math
import numbers
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeGuard

from bnexp.choices import (
    Activation,
    Affine,
    Dtype,
    InitScheme,
    NormStatistics,
    Optimizer,
    Placement,
    Schedule,
    is_choice,
    parse,
    quote_value,
    to_cli,
    wrong_value,
)
from bnexp.errors import UserError

SEMANTICS: Final = 1
"""Number of the training semantics: raised whenever the same `Run` would train to other numbers (beyond rounding)."""


def _key(key: str, default: Any = dataclasses.MISSING) -> Any:
    """A field of `Run` with the name under which the command line knows it."""
    return field(default=default, metadata={"key": key})


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One training: a frozen, validated value.

    `steps` and `evaluate` count optimizer steps; `data_train` and `data_validation` count examples; `warmup` and
    `schedule_every` count steps; `lr`, decays and momenta are per step. Raises `UserError` with one sentence for any
    value out of range. A field's `metadata["key"]` is its name on the command line.
    """

    placement: Placement = _key("placement", Placement.none)
    activation: Activation = _key("activation", Activation.relu)
    lr: float = _key("lr", 0.1)
    seed: int = _key("seed", 0)
    data: str = _key("data", "mnist")
    data_train: int = _key("data.train", 50_000)
    data_validation: int = _key("data.validation", 10_000)
    data_standardize: bool = _key("data.standardize", False)
    hidden: tuple[int, ...] = _key("hidden", (100, 100, 100))
    batch_size: int = _key("batch_size", 60)
    steps: int = _key("steps")
    evaluate: int = _key("evaluate")
    optimizer: Optimizer = _key("optimizer", Optimizer.sgd)
    momentum: float = _key("optimizer.momentum", 0.0)
    nesterov: bool = _key("optimizer.nesterov", False)
    beta1: float = _key("optimizer.beta1", 0.9)
    beta2: float = _key("optimizer.beta2", 0.999)
    adam_eps: float = _key("optimizer.eps", 1e-8)
    weight_decay: float = _key("optimizer.weight_decay", 0.0)
    decay_all: bool = _key("optimizer.decay_all", False)
    hidden_lr_scale: float = _key("optimizer.hidden_lr_scale", 1.0)
    schedule: Schedule = _key("schedule", Schedule.constant)
    warmup: int = _key("schedule.warmup", 0)
    schedule_every: int = _key("schedule.every", 1000)
    schedule_factor: float = _key("schedule.factor", 0.1)
    init_scheme: InitScheme = _key("init.scheme", InitScheme.torch)
    init_gain: float = _key("init.gain", 1.0)
    init_hidden_gain: float = _key("init.hidden_gain", 1.0)
    norm_eps: float = _key("norm.eps", 1e-5)
    norm_momentum: float = _key("norm.momentum", 0.1)
    norm_affine: Affine = _key("norm.affine", Affine.both)
    norm_statistics: NormStatistics = _key("norm.statistics", NormStatistics.running)
    dtype: Dtype = _key("dtype", Dtype.float32)

    def __post_init__(self) -> None:
        for f in _FIELDS.values():
            value = _coerce(f, getattr(self, f.name))
            object.__setattr__(self, f.name, value)
            if f.name in _RANGES:
                holds, sentence = _RANGES[f.name]
                if not holds(value):
                    raise UserError(f"{f.metadata['key']} must be {sentence}; got {quote_value(value)}")
        if self.batch_size > self.data_train:
            raise UserError(
                f"batch_size must not exceed the {self.data_train} training examples; got {self.batch_size}: "
                "take a smaller batch_size or more data.train"
            )
        if self.data_train % self.batch_size == 1:
            sizes = " or ".join(str(size) for size in propose_batch_sizes(self.data_train, self.batch_size))
            raise UserError(
                f"the last batch of an epoch must hold at least two examples, because one cannot be normalised; "
                f"got {self.data_train} examples in batches of {self.batch_size}: take batch_size={sizes}"
            )

    @property
    def data_setting(self) -> tuple[str, int, int, bool]:
        """What decides which data the run is trained on: name, training and validation examples, standardised."""
        return self.data, self.data_train, self.data_validation, self.data_standardize

    @property
    def steps_per_epoch(self) -> int:
        """Steps in one pass over the training examples, the short last batch included."""
        return math.ceil(self.data_train / self.batch_size)

    @property
    def epochs(self) -> float:
        """Length of the training in passes over the training examples."""
        return self.steps / self.steps_per_epoch


_RANGES: Final[dict[str, tuple[Any, str]]] = {
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
}


def key(name: str) -> str:
    """Return the command line's name of the `Run` field `name`."""
    return str(_FIELDS[name].metadata["key"])


def _coerce(f: "dataclasses.Field[Any]", value: Any) -> Any:
    """Return `value` in the type of field `f`: 1 as 1.0, "pre" as `Placement.pre`; raise `UserError` if none."""
    if type(value) is f.type and f.type not in (int, float):
        return value
    if is_choice(f.type):
        return parse(f.type, value, f.metadata["key"])
    if f.type is float and _is_real(value):
        return float(value) + 0.0  # -0.0 and 0.0 are one value and must not make two identities
    if f.type is int and _is_whole(value):
        if int(value) >= 2**63:
            raise UserError(f"{f.metadata['key']} must be below 2^63, the most that a store holds; got {value}")
        return int(value)
    if f.type in (bool, str) and isinstance(value, f.type):
        return value
    if f.type == tuple[int, ...] and isinstance(value, Iterable) and not isinstance(value, str):
        widths = tuple(value)
        if all(map(_is_whole, widths)):
            return tuple(map(int, widths))
    raise wrong_value(f.type, value, f.metadata["key"])


def _is_real(value: object) -> TypeGuard[float]:
    return isinstance(value, float | numbers.Real) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    if isinstance(value, int | numbers.Integral):
        return not isinstance(value, bool)
    return _is_real(value) and float(value).is_integer()


def propose_batch_sizes(examples: int, batch_size: int) -> list[int]:
    """Return what to take instead of a `batch_size` that leaves a last batch of one of `examples` training examples.

    They are the nearest sizes below and above it that do not; an end of the range has only one.
    """
    smaller = (size for size in range(batch_size - 1, 1, -1) if examples % size != 1)
    larger = (size for size in range(batch_size + 1, examples + 1) if examples % size != 1)
    return [size for size in (next(smaller, None), next(larger, None)) if size is not None]


def acting(run: Run) -> dict[str, Any]:
    """Return the fields of `run` as plain values, with `None` for each that cannot act.

    Norm settings do not act without a norm, its momentum not under population statistics, momentum not under Adam,
    betas not under SGD, Nesterov not without momentum, the decay of everything not without a decay, and the parameters
    of another schedule not at all. Choices are kept as they were asked: adam and adamw without a decay are two arms,
    although they compute the same.
    """
    idle: set[str] = set()
    if run.placement == Placement.none:
        idle |= {"norm_eps", "norm_momentum", "norm_affine", "norm_statistics"}
    if run.norm_statistics == NormStatistics.population:
        idle |= {"norm_momentum"}
    if run.optimizer == Optimizer.sgd:
        idle |= {"beta1", "beta2", "adam_eps"}
    else:
        idle |= {"momentum", "nesterov"}
    if run.momentum == 0:
        idle |= {"nesterov"}
    if run.weight_decay == 0:
        idle |= {"decay_all"}
    if run.schedule != Schedule.step:
        idle |= {"schedule_every", "schedule_factor"}
    return {name: None if name in idle else _plain(getattr(run, name)) for name in _FIELDS}


def canonical(run: Run) -> Run:
    """Return the run that stands for all that train the same: what cannot act in it is at its default."""
    return Run(**{name: value for name, value in acting(run).items() if value is not None})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, StrEnum) else value


def identity(run: Run, data_digest: str) -> str:
    """Return the run's id: 16 hex digits of the sha256 of what acts, the data's digest and the semantics' number."""
    content = json.dumps([acting(run), data_digest, SEMANTICS], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def arm(run: Run) -> Run:
    """Return the run without its seed (seed 0 stands for none): the thing that is compared."""
    return dataclasses.replace(run, seed=0)


def command(run: Run) -> str:
    """Return the command line that trains `run`: every field that differs from the default of `Run`."""
    acts = [name for name, value in acting(run).items() if value is not None]
    return shlex.join(["bnexp", *_words({name: [getattr(run, name)] for name in acts})])


def sweep_command(arms: Sequence[Run], seeds: Sequence[int]) -> str | None:
    """Return the command line that trains each of `arms` with each of `seeds`, and no other run.

    None if the arms are not the full product of their settings. A setting that cannot act in some of them takes the
    values that it has in the others.
    """
    acts = [(run, [name for name, value in acting(run).items() if value is not None]) for run in arms]
    known = [{name: getattr(run, name) for name in names} for run, names in acts]
    columns = {name: list(dict.fromkeys(one[name] for one in known if name in one)) for name in _FIELDS}
    columns = {name: values for name, values in columns.items() if values and name != "seed"}
    try:
        product = [Run(**dict(zip(columns, values, strict=True))) for values in itertools.product(*columns.values())]
    except UserError:  # two of the settings do not go together
        return None
    if {canonical(run) for run in product} != {canonical(arm(run)) for run in arms}:
        return None
    return shlex.join(["bnexp", "-m", *_words(columns), f"seed={_range(seeds)}"])


def _words(columns: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Yield the words that give each setting its values, several of them as a sweep; defaults are left out.

    `data.train` is left out only beside the default of `data.validation`: its own default is all that is left of it.
    """
    for name in ("steps", "evaluate", *(name for name in columns if name not in ("steps", "evaluate"))):
        if _differs(columns, name) or (name == "data_train" and _differs(columns, "data_validation")):
            yield f"{key(name)}={','.join(map(to_cli, columns[name]))}"


def _differs(columns: Mapping[str, Sequence[Any]], name: str) -> bool:
    """Say whether a setting has another value than its default."""
    return list(columns[name]) != [_FIELDS[name].default]


def _range(seeds: Sequence[int]) -> str:
    """Return `seeds` as the command line writes them: range(10), range(5,10) or 3,7."""
    first, end = seeds[0], seeds[-1] + 1
    if list(seeds) != list(range(first, end)):
        return ",".join(map(str, seeds))
    return f"range({end})" if first == 0 else f"range({first},{end})"


_FIELDS: Final = {f.name: f for f in dataclasses.fields(Run)}
