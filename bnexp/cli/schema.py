"""The typed schema of `conf/`: every key with its type. YAML owns the values; choices are in `choices.py`."""

import dataclasses
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from bnexp.choices import (
    Activation,
    Affine,
    Dtype,
    FigureForm,
    InitScheme,
    NormStatistics,
    Optimizer,
    Placement,
    Probes,
    Schedule,
    Standardize,
)
from bnexp.files import find_outputs
from bnexp.norms.kinds import NormKind

_SWITCH: Final = {"kind": bool}
"""Of a key that must be true or false, which `values.settle` sees to: OmegaConf takes 2, yes and "1", too."""


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
    validation: int | None
    train: int | None
    standardize: Any = field(metadata={"kind": Standardize})  # which true and false are, too
    path: str | None
    test: str | None
    label: str | None
    transpose: Any = field(metadata=_SWITCH)
    scale: float | None
    digest: str | None


@dataclass
class OptimizerConfig:
    """Keys of the group `optimizer`."""

    name: Optimizer
    momentum: float
    nesterov: Any = field(metadata=_SWITCH)
    weight_decay: float
    decay_all: Any = field(metadata=_SWITCH)
    hidden_lr_scale: float
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
    hidden_gain: float


@dataclass
class NormConfig:
    """Keys under `norm`."""

    eps: float
    momentum: float
    affine: Affine
    statistics: NormStatistics
    kind: NormKind
    gamma: float
    ghost: int
    freeze: int
    layers: Any  # a word or a list


@dataclass
class EngineConfig:
    """Keys of the group `engine`."""

    lanes: int | None


@dataclass
class ReportConfig:
    """Keys under `report`; `report=false` is short for `report.draw=false`, see `typed.expand_short`."""

    draw: Any = field(metadata=_SWITCH)
    figure: FigureForm


@dataclass
class StudyConfig:
    """What a prepared sweep of the group `study` says of itself; all null where none is asked for.

    A file need not say any of it: its name is then that of its results, its question the page's own. `compare` is a key
    or a list of them, each of which is compared by itself.

    `figures` are the figures about the mechanism that its page shows, beside those that every page has; `about` are the
    two levels of `compare` that the question is about, where it is not pre and post; `answers` names what else the
    verdicts answer from what was measured (`verdicts.mechanisms.ANSWERS`). `hypotheses` are predictions about what
    changes post − pre, see `statistics.hypotheses`, and are read by `values.settle`.
    """

    name: str | None
    question: str | None
    time: str | None
    compare: Any = field(metadata={"kind": str | None})
    figures: list[str]
    about: list[str]
    answers: list[str]
    hypotheses: list[Any]


@dataclass
class Config:
    """All keys."""

    placement: Placement
    activation: Any = field(metadata={"kind": Activation})  # or FILE.py:NAME
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
    engine: EngineConfig
    workers: int | None
    name: str
    outputs: str | None
    report: ReportConfig
    probes: Probes
    save_weights: Any = field(metadata=_SWITCH)
    study: StudyConfig


ConfigStore.instance().store(name="schema", node=Config, provider="bnexp")


OmegaConf.register_new_resolver("outputs_folder", lambda folder: str(find_outputs(folder)), replace=True)
OmegaConf.register_new_resolver("product", lambda *factors: math.prod(map(float, factors)), replace=True)


def _types(node: Any, prefix: str = "") -> dict[str, Any]:
    if not dataclasses.is_dataclass(node):
        return {prefix.removesuffix("."): node}
    kinds = {f"{prefix}{f.name}.": f.metadata.get("kind", f.type) for f in dataclasses.fields(node)}
    return {name: kind for below, node in kinds.items() for name, kind in _types(node, below).items()}


KEYS: Final = _types(Config)
"""The type of every key, by its full name, such as `norm.eps`."""

GROUPS: Final = ("data", "optimizer", "schedule", "engine", "study")
"""Keys that are given the name of a file in the folder of this name, which sets all keys below."""

STUDY: Final = tuple(f"study.{f.name}" for f in dataclasses.fields(StudyConfig))
"""Keys that a study says of itself."""
