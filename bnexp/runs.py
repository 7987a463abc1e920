"""A run as a frozen value: what is trained, its identity and its arm.

A `Run` holds everything that can change the numbers of one training and nothing that cannot (beyond rounding): device,
workers and folders are not part of it. Names and types live here, choices in `choices.py`, what a value may be in
`ranges.py`, values in `conf/`.
"""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from bnexp.choices import (
    Activation,
    Affine,
    Dtype,
    InitScheme,
    NormStatistics,
    Optimizer,
    Placement,
    Schedule,
    Standardize,
    check_range,
    coerce,
)
from bnexp.errors import UserError
from bnexp.norms.kinds import NormKind, check_together, find_idle
from bnexp.norms.layers import settle_layers
from bnexp.own.code import decode, settle

SEMANTICS: Final = 1
"""Number of the training semantics: raised whenever the same `Run` would train to other numbers (beyond rounding)."""


def _key(key: str, default: Any = dataclasses.MISSING, **metadata: Any) -> Any:
    """Return a field of `Run` with the name under which the command line knows it."""
    return field(default=default, metadata={"key": key, **metadata})


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One training: a frozen value that holds everything that can change its numbers.

    Every argument is named, and all but `steps` and `evaluate` have a default. A choice may be written as a string and
    a number as any that equals it. `metadata["key"]` of a field is its name on the command line.

    Args:
        placement: Where batch normalization stands: `none`, `pre`, `post`, `both` or `input`, see `bnexp.Placement`.
        activation: The activation function, see `bnexp.Activation`; or one of your own as FILE.py:NAME, which the run
            then knows as NAME, with `activation_code`.
        lr: Learning rate.
        seed: Draws the initial weights and the order of the examples; equal seeds share both across all arms.
        data: Name of the data set, such as "mnist" or "digits", or of one's own.
        data_train: Number of training examples.
        data_validation: Number of validation examples.
        data_standardize: `none`, or what has mean 0 and standard deviation 1: `all` inputs together, or each `feature`.
        hidden: Widths of the hidden layers.
        batch_size: Examples per optimizer step.
        steps: Length of the training in optimizer steps.
        evaluate: Optimizer steps between two evaluations.
        optimizer: `sgd`, `adam` (weight decay in the gradient) or `adamw` (weight decay apart from it).
        momentum: Momentum of `sgd`.
        nesterov: Whether the momentum of `sgd` is Nesterov's.
        beta1: Decay of the first moment of `adam` and `adamw`, per step.
        beta2: Decay of their second moment, per step.
        adam_eps: What they add to the root of the second moment.
        weight_decay: Weight decay, per step.
        decay_all: Whether biases, gamma and beta decay as the weights do.
        hidden_lr_scale: Factor on `lr` for weights and biases of the hidden layers.
        schedule: `constant`, `cosine` or `step`: how the learning rate moves after its warm-up.
        warmup: Steps of linear warm-up.
        schedule_every: Steps between two drops of the schedule `step`.
        schedule_factor: Factor of one drop.
        init_scheme: `torch`, `xavier`, `he`, `lecun` or `normal`: how initial weights are drawn.
        init_gain: Factor on initial weights; under `normal` their standard deviation.
        init_hidden_gain: One more factor, for the hidden layers alone.
        norm_eps: What batch normalization adds to the variance.
        norm_momentum: Weight of the newest batch in the running statistics.
        norm_affine: Which of gamma and beta are learned: `both`, `gamma`, `beta` or `none`.
        norm_statistics: What evaluation normalises by: `running` or `population` statistics.
        norm_kind: What normalizes: `batch` or one of its relatives, see `docs/normalizers.md`.
        norm_gamma: Where gamma starts.
        norm_ghost: Examples in a part of the batch, under `ghost`.
        norm_freeze: Steps whose statistics are averaged, under `frozen`, before they become constants.
        norm_layers: Hidden layers that are normalized: `all`, `first`, `last`, `odd` or a list of numbers from 1.
        dtype: `float32` or `float64`.
        activation_code: Of an activation of your own, its file and the digest of what stands in it, PATH@DIGEST.

    Raises:
        UserError: A value is of the wrong type or out of range, or an epoch would end with a batch of one example.

    Example:
        >>> import bnexp
        >>> digits = {"data": "digits", "data_train": 1200, "data_validation": 300}
        >>> run = bnexp.Run(placement="pre", lr=1, hidden=[50, 20], steps=200, evaluate=20, **digits)
        >>> run.placement, run.lr, run.hidden
        (<Placement.pre: 'pre'>, 1.0, (50, 20))
        >>> run.steps_per_epoch, run.epochs
        (20, 10.0)
        >>> bnexp.Run(lr=-1, steps=200, evaluate=20)
        Traceback (most recent call last):
        bnexp.errors.UserError: lr must be a finite number greater than 0; got -1.0
    """

    placement: Placement = _key("placement", Placement.none)
    activation: Activation | str = _key("activation", Activation.relu, kind=Activation)
    lr: float = _key("lr", 0.1)
    seed: int = _key("seed", 0)
    data: str = _key("data", "mnist")
    data_train: int = _key("data.train", 50_000)
    data_validation: int = _key("data.validation", 10_000)
    data_standardize: Standardize = _key("data.standardize", Standardize.none)
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
    norm_kind: NormKind = _key("norm.kind", NormKind.batch)
    norm_gamma: float = _key("norm.gamma", 1.0)
    norm_ghost: int = _key("norm.ghost", 10)
    norm_freeze: int = _key("norm.freeze", 100)
    norm_layers: str = _key("norm.layers", "all")
    dtype: Dtype = _key("dtype", Dtype.float32)
    activation_code: str = _key("activation.code", "")

    def __post_init__(self) -> None:
        activation, code = settle(self.activation, self.activation_code)
        object.__setattr__(self, "activation", activation)
        object.__setattr__(self, "activation_code", code)
        for f in _FIELDS.values():
            asked = getattr(self, f.name)
            if f.name == "activation":
                continue
            if f.name == "norm_layers":
                asked = settle_layers(asked, len(self.hidden))
            value = coerce(f.type, asked, key(f.name))
            object.__setattr__(self, f.name, value)
            check_range(f.name, value, key(f.name))
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
        parts = {"ghost": self.norm_ghost, "batch_size": self.batch_size, "examples": self.data_train}
        check_together(self.placement, self.norm_kind, **parts)

    @property
    def data_setting(self) -> tuple[str, int, int, Standardize]:
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


def key(name: str) -> str:
    """Return the command line's name of the `Run` field `name`."""
    return str(_FIELDS[name].metadata["key"])


def kind(name: str) -> Any:
    """Return the type of the `Run` field `name`; of the activation, that of those that are built in."""
    return _FIELDS[name].metadata.get("kind", _FIELDS[name].type)


def propose_batch_sizes(examples: int, batch_size: int) -> list[int]:
    """Return what to take instead of a `batch_size` that leaves a last batch of one of `examples` training examples.

    They are the nearest sizes below and above it that do not; an end of the range has only one.
    """
    smaller = (size for size in range(batch_size - 1, 1, -1) if examples % size != 1)
    larger = (size for size in range(batch_size + 1, examples + 1) if examples % size != 1)
    return [size for size in (next(smaller, None), next(larger, None)) if size is not None]


def find_acting(run: Run) -> dict[str, Any]:
    """Return the fields of `run` as plain values, with `None` for each that cannot act.

    Norm settings do not act without a norm or under a kind that has no use for them, the momentum of the running
    statistics not under population statistics, momentum not under Adam, betas not under SGD, Nesterov not without
    momentum, the decay of everything not without a decay, and the parameters of another schedule not at all. Choices
    are kept as they were asked: adam and adamw without a decay are two arms, although they compute the same.
    """
    idle = set(find_idle(run.placement, run.norm_kind))
    if not run.activation_code:
        idle |= {"activation_code"}
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


def to_canonical(run: Run) -> Run:
    """Return the run that stands for all that train the same: what cannot act in it is at its default."""
    return Run(**{name: value for name, value in find_acting(run).items() if value is not None})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, StrEnum) else value


def identity(run: Run, data_digest: str) -> str:
    """Return the run's id: 16 hex digits of the sha256 of what acts, the data's digest and the semantics' number.

    Settings that a later version added are left out where they cannot act or have the value that was implied before:
    the runs of older stores keep their ids. A digest that begins with `CONTENT` says all of the data, so that the same
    content is the same run whatever the file is called; of the user's code, too, the digest counts, not its place.
    """
    acting = find_acting(run)
    acting["data_standardize"] = _SWITCHED.get(run.data_standardize, str(run.data_standardize))
    if data_digest.startswith(CONTENT):
        acting["data"] = CONTENT
    if run.activation_code:
        acting["activation_code"] = decode(run.activation_code).digest
    for name in LATER:
        if acting[name] is None or acting[name] == _plain(_FIELDS[name].default):
            del acting[name]
    content = json.dumps([acting, data_digest, SEMANTICS], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def arm(run: Run) -> Run:
    """Return the run without its seed (seed 0 stands for none): the thing that is compared."""
    return dataclasses.replace(run, seed=0)


CONTENT: Final = "content-"
"""How the digest of a file of one's own begins, which says what it holds, its split and its scale."""

_SWITCHED: Final = {Standardize.none: False, Standardize.all: True}
"""What the first stores know of a standardisation: whether there is one."""

LATER: Final = ("norm_kind", "norm_gamma", "norm_ghost", "norm_freeze", "norm_layers", "activation_code")
"""Settings that the first stores do not know; what their runs did is the default of each."""

_FIELDS: Final = {f.name: f for f in dataclasses.fields(Run)}
