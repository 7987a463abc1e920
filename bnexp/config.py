"""The typed schema of `conf/` and its one conversion into `Run` values.

YAML owns values; names and types are here and in `runs.py`, choices in `choices.py`. After the conversion nobody sees a
`DictConfig`.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from bnexp.choices import Activation, Affine, Dtype, InitScheme, Optimizer, Placement, Schedule, nearest, shown
from bnexp.runs import Run


class Device(StrEnum):
    """Where packs are trained; `auto` takes a GPU if there is one."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


@dataclass
class DataConfig:
    """Keys of the group `data`."""

    name: str
    root: str | None
    validation: int
    train: int | None
    standardize: bool


@dataclass
class OptimizerConfig:
    """Keys of the group `optimizer`."""

    name: Optimizer
    momentum: float
    nesterov: bool
    weight_decay: float
    decay_all: bool
    beta1: float
    beta2: float
    eps: float


@dataclass
class ScheduleConfig:
    """Keys of the group `schedule`."""

    name: Schedule
    warmup: int
    every: int
    factor: float


@dataclass
class InitConfig:
    """Keys under `init`."""

    scheme: InitScheme
    gain: float


@dataclass
class NormConfig:
    """Keys under `norm`."""

    eps: float
    momentum: float
    affine: Affine


@dataclass
class Config:
    """All keys."""

    placement: Placement
    activation: Activation
    lr: float
    seed: int
    data: DataConfig
    hidden: list[int]
    batch_size: int
    epochs: int
    steps: int | None
    evaluate: int | None
    optimizer: OptimizerConfig
    schedule: ScheduleConfig
    init: InitConfig
    norm: NormConfig
    dtype: Dtype
    device: Device
    name: str
    report: bool
    save_weights: bool


ConfigStore.instance().store(name="schema", node=Config, provider="bnexp")


def _types(node: Any, prefix: str = "") -> dict[str, Any]:
    if not dataclasses.is_dataclass(node):
        return {prefix.removesuffix("."): node}
    return {name: kind for f in dataclasses.fields(node) for name, kind in _types(f.type, f"{prefix}{f.name}.").items()}


KEYS: Final = _types(Config)
"""The type of every key, by its full name, such as `norm.eps`."""


@dataclass(frozen=True)
class Settings:
    """What is no part of a run and is the same for a whole sweep: where it is trained and what it leaves behind."""

    name: str
    data_root: Path | None
    device: Device
    report: bool
    save_weights: bool


def folder() -> Path:
    """Return the folder of the configuration: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    return next(path for path in (package / "conf", package.parent / "conf") if (path / "config.yaml").is_file())


def run(cfg: DictConfig) -> Run:
    """Return the run that `cfg` asks for; raise `ValueError` with one sentence if there is no such run.

    Epochs become optimizer steps, and the default of `data.train` the number of examples that it stands for.
    """
    from bnexp.data import training_examples  # here, because it loads numpy, for which `bnexp --help` must not wait

    config = _typed(cfg)
    values = {f.name: _value(config, f.metadata["key"]) for f in dataclasses.fields(Run)}
    values["data_train"] = training_examples(config.data.name, config.data.train, config.data.validation)
    draft = Run(**values | {"steps": 1, "evaluate": 1})  # everything but its length is right, so that an epoch has one
    steps, evaluate = _length(config, draft.steps_per_epoch)
    return dataclasses.replace(draft, steps=steps, evaluate=evaluate)


def settings(cfgs: Sequence[DictConfig]) -> Settings:
    """Return the settings that all of `cfgs` share; raise `ValueError` if they differ or name no folder."""
    configs = [_typed(cfg) for cfg in cfgs]
    for name in ("name", "data.root", "device", "report", "save_weights"):
        values = dict.fromkeys(attrgetter(name)(config) for config in configs)
        if len(values) > 1:
            raise ValueError(
                f"{name} must be the same for all runs of a sweep; got {' and '.join(map(shown, values))}: take one"
            )
    first = configs[0]
    # Exactly one folder below outputs/, on any system, and not a hidden one.
    if not first.name or first.name.startswith(".") or not set(first.name).isdisjoint('/\\:*?"<>|\0'):
        raise ValueError(f"name must be a plain folder name without slashes or a leading dot; got {shown(first.name)}")
    root = None if first.data.root is None else Path(first.data.root).expanduser()
    return Settings(first.name, root, first.device, first.report, first.save_weights)


def axes(cfgs: Sequence[DictConfig]) -> dict[str, list[Any]]:
    """Return the keys in which `cfgs` differ, each with its values in the order of their first appearance."""
    columns: dict[str, list[Any]] = {}
    for cfg in cfgs:
        for name, value in _leaves(OmegaConf.to_container(cfg, resolve=True)).items():
            values = columns.setdefault(name, [])
            values += [value] if value not in values else []
    return {name: values for name, values in columns.items() if len(values) > 1}


def unknown_key(name: str) -> ValueError:
    """Return the error about a key that does not exist: it suggests keys of that last name, or else the nearest one."""
    twins = [key for key in KEYS if key.rpartition(".")[2] == name.rpartition(".")[2]]
    hint = f": did you mean {' or '.join(twins)}?" if twins else nearest(name, (k.removesuffix(".name") for k in KEYS))
    return ValueError(f"a key must be one of those that `bnexp --help` lists; got '{name}'{hint}")


def missing_value(name: str) -> ValueError:
    """Return the error about a key whose value was taken away."""
    return ValueError(f"{name} must have a value; got none: give it one, or leave it out to take its default")


def _typed(cfg: DictConfig) -> Config:
    """Return `cfg` as a `Config`, which has every key and no other."""
    found = _leaves(OmegaConf.to_container(cfg))
    for name in [name for name, value in found.items() if value == MISSING] + [key for key in KEYS if key not in found]:
        raise missing_value(name)
    for name in found:
        if name not in KEYS:
            raise unknown_key(name)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, Config)
    return config


def _leaves(node: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(node, dict) or not node:
        return {prefix.removesuffix("."): node}
    return {name: value for k, inner in node.items() for name, value in _leaves(inner, f"{prefix}{k}.").items()}


def _value(config: Config, name: str) -> Any:
    """Return the value of the key `name`; a group stands for the name of what was chosen from it."""
    return attrgetter(name if name in KEYS else f"{name}.name")(config)


def _length(config: Config, steps_per_epoch: int) -> tuple[int, int]:
    """Return the optimizer steps of the training and of the distance between two evaluations."""
    for name in ("epochs", "steps", "evaluate"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}")
    unit = steps_per_epoch if config.steps is None else 1
    steps = config.epochs * steps_per_epoch if config.steps is None else config.steps
    return steps, steps_per_epoch if config.evaluate is None else config.evaluate * unit
