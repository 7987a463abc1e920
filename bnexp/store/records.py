"""What a store keeps of each command that wrote to it: where runs come from, and the packs they are trained in."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SweepRecord:
    """One command: what it asked for, the plan of its packs, and the code and machine that trained them.

    Every field is a key of `sweeps/<id>.json`; what the record of another version lacks is empty. `created` is the time
    in UTC, `configuration` that of the first job, `axes` the values of the keys in which jobs differ. `data` holds the
    digest of each data set by its name, `asked` the ids of the runs, `packs` and `threads` the ids and the number of
    threads of each pack by its name. `git` is the commit and whether it was `dirty`, or None for an installed package.
    """

    created: str = ""
    command: str = ""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    asked: Sequence[str] = ()
    packs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    threads: Mapping[str, int | None] = field(default_factory=dict)
    semantics: int = 1
    device: str = ""
    machine: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    git: Mapping[str, Any] | None = None

    @property
    def study(self) -> Mapping[str, Any]:
        """What the study says of itself; empty if the sweep was no study."""
        return self.configuration.get("study") or {}

    def encode(self) -> str:
        """Return the record as JSON; a value that JSON does not know is written as text."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return json.dumps(plain, indent=1, ensure_ascii=False, default=str)


def decode_record(text: str) -> SweepRecord:
    """Return the record that `text` holds, without keys that only another version knows.

    Raises `ValueError` if `text` is no JSON object.
    """
    plain = json.loads(text)
    if not isinstance(plain, dict):
        raise ValueError("no JSON object")
    known = {f.name for f in dataclasses.fields(SweepRecord)}
    return SweepRecord(**{key: value for key, value in plain.items() if key in known})
