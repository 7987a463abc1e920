"""What travels between a sweep and its workers, a line of JSON each: a setting and orders one way, events the other."""

import dataclasses
import json
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, ClassVar

from bnexp.choices import Probes
from bnexp.engine.packs import Pack
from bnexp.runs import Run
from bnexp.sweeps.shared_memory import SharedArray, SharedData


@dataclass(frozen=True)
class Extras:
    """What is stored of a run besides its row and its curve: its weights, and what is measured inside its layers."""

    weights: bool = False
    probes: Probes = Probes.none


@dataclass(frozen=True)
class Assignment:
    """A pack to be trained.

    `name` is that of its files, `ids` are those of its runs, lane by lane. `threads` is what it is trained with: other
    threads may round differently, so a resumed sweep keeps them; None leaves torch's own number.
    """

    name: str
    pack: Pack
    ids: tuple[str, ...]
    threads: int | None = None
    retried: bool = False

    def __post_init__(self) -> None:
        assert len(self.ids) == len(self.pack.runs)

    def halves(self) -> "tuple[Assignment, ...]":
        """Return it as two packs of half the lanes (a single lane: as it is), for one more try."""
        pack, middle = self.pack, len(self.pack.seeds) // 2
        if len(pack.runs) == 1:
            return (dataclasses.replace(self, name=f"{self.name}-again", retried=True),)
        cut = middle * pack.arms if middle else pack.arms // 2
        seeds = (pack.seeds[:middle], pack.seeds[middle:]) if middle else (pack.seeds, pack.seeds)
        return tuple(
            Assignment(f"{self.name}-{n}of2", Pack(pack.runs[lanes], seeds[n - 1]), self.ids[lanes], self.threads, True)
            for n, lanes in enumerate((slice(None, cut), slice(cut, None)), 1)
        )


@dataclass(frozen=True)
class Setting:
    """What a worker must know before its first order: the folder of the store, the device, what to store, the data."""

    store: str
    device: str
    extras: Extras
    data: tuple[SharedData, ...]


@dataclass(frozen=True)
class Train:
    """The order to train a pack and to store it."""

    order: ClassVar = "train"
    assignment: Assignment


@dataclass(frozen=True)
class TimePack:
    """The order to measure for about `seconds` how fast a pack is trained."""

    order: ClassVar = "time_pack"
    assignment: Assignment
    seconds: float


@dataclass(frozen=True)
class TimePackSizes:
    """The order to measure how fast packs of different sizes are trained."""

    order: ClassVar = "time_pack_sizes"


Measurement = TimePack | TimePackSizes
Order = Train | Measurement


class Kind(StrEnum):
    """What an event tells of."""

    ready = auto()
    """A worker can be given packs; `text` is its device."""
    point = auto()
    """A point of a pack's curves."""
    stored = auto()
    """A pack is trained and stored."""
    failed = auto()
    """A pack could not be trained; `text` says why."""
    measured = auto()
    """The answer to a measurement, in `numbers`."""
    warned = auto()
    """A library has warned; `text` is what it said."""
    refused = auto()
    """Nothing more can be done, and the user is to be told the sentence `text`."""


@dataclass(frozen=True)
class Event:
    """What a worker tells, of a pack if it is about one.

    `validation` are the validation accuracies (fractions; NaN: diverged) of the lanes, if they were evaluated.
    """

    kind: Kind
    text: str = ""
    step: int = 0
    diverged: int = 0
    validation: list[float] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)


def encode(message: Setting | Order | Event) -> str:
    """Return a message as a line of JSON."""
    plain = dataclasses.asdict(message)
    return json.dumps(plain if isinstance(message, Setting | Event) else {"order": message.order, **plain}) + "\n"


def decode_setting(line: str) -> Setting:
    """Return the setting that was encoded as `line`."""
    plain = json.loads(line)
    extras = Extras(plain["extras"]["weights"], Probes(plain["extras"]["probes"]))
    return Setting(plain["store"], plain["device"], extras, tuple(map(_shared_data, plain["data"])))


def decode_order(line: str) -> Order:
    """Return the order that was encoded as `line`."""
    plain = json.loads(line)
    match plain["order"]:
        case Train.order:
            return Train(_assignment(plain["assignment"]))
        case TimePack.order:
            return TimePack(_assignment(plain["assignment"]), plain["seconds"])
        case _:
            assert plain["order"] == TimePackSizes.order
            return TimePackSizes()


def decode_event(line: str) -> Event:
    """Return the event that was encoded as `line`."""
    plain = json.loads(line)
    return Event(Kind(plain.pop("kind")), **plain)


def _assignment(plain: dict[str, Any]) -> Assignment:
    pack = Pack(tuple(Run(**run) for run in plain["pack"]["runs"]), tuple(plain["pack"]["seeds"]))
    return Assignment(plain["name"], pack, tuple(plain["ids"]), plain["threads"], plain["retried"])


def _shared_data(plain: dict[str, Any]) -> SharedData:
    arrays = {
        name: SharedArray(array["dtype"], tuple(array["shape"]), array["offset"])
        for name, array in plain.pop("arrays").items()
    }
    return SharedData(arrays=arrays, **plain)
