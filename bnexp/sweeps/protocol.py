"""What travels between a sweep and its workers, as plain data: packs one way, events the other."""

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

from bnexp.engine.packs import Pack
from bnexp.runs import Run


@dataclass(frozen=True)
class Assignment:
    """A pack to be trained.

    `name` is that of its files. `threads` is what it is trained with: other threads may round differently, so a resumed
    sweep keeps them; None leaves torch's own number.
    """

    name: str
    pack: Pack
    threads: int | None = None
    retried: bool = False

    def halves(self) -> "tuple[Assignment, ...]":
        """Return it as two packs of half the lanes (a single lane: as it is), for one more try."""
        pack, middle = self.pack, len(self.pack.seeds) // 2
        if len(pack.runs) == 1:
            return (dataclasses.replace(self, name=f"{self.name}-again", retried=True),)
        if middle:
            cut = middle * pack.arms
            parts = [Pack(pack.runs[:cut], pack.seeds[:middle]), Pack(pack.runs[cut:], pack.seeds[middle:])]
        else:
            cut = pack.arms // 2
            parts = [Pack(runs, pack.seeds) for runs in (pack.runs[:cut], pack.runs[cut:])]
        return tuple(
            Assignment(f"{self.name}-{number}of2", part, self.threads, retried=True)
            for number, part in enumerate(parts, 1)
        )

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can write it."""
        runs = [{f.name: getattr(run, f.name) for f in dataclasses.fields(run)} for run in self.pack.runs]
        return {"name": self.name, "runs": runs, "seeds": self.pack.seeds, "threads": self.threads}


def assignment(plain: dict[str, Any]) -> Assignment:
    """Return the assignment that `plain` describes."""
    pack = Pack(tuple(Run(**run) for run in plain["runs"]), tuple(plain["seeds"]))
    return Assignment(plain["name"], pack, plain["threads"])


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
    """What a worker says, of a pack if it is about one.

    `validation` are the validation accuracies (fractions; NaN: diverged) of the lanes, if they were evaluated.
    """

    kind: Kind
    text: str = ""
    step: int = 0
    diverged: int = 0
    validation: list[float] = dataclasses.field(default_factory=list)
    numbers: dict[str, float] = dataclasses.field(default_factory=dict)

    def written(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps({f.name: getattr(self, f.name) for f in dataclasses.fields(self)}) + "\n"


def event(line: str) -> Event:
    """Return the event that was written as `line`."""
    plain = json.loads(line)
    return Event(Kind(plain.pop("kind")), **plain)
