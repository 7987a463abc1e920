"""What a store keeps of each command that wrote to it: where runs come from, and the packs they are trained in."""

import dataclasses
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bnexp.store.frozen import FrozenPlan, decode_plan

PACK_NAME: Final = re.compile(r"\w[\w.-]{0,99}")
"""What the name of a pack may be: it is the name of its files."""

SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""Halves of characters, which no file in UTF-8 can hold."""


@dataclass(frozen=True, kw_only=True)
class SweepRecord:
    """One command: what it asked for, the plan of its packs, and the code and machine that trained them.

    Every field is a key of `sweeps/<id>.json`; what the record of another version lacks is empty. `created` is the time
    in UTC, `configuration` that of the first job, `axes` the values of the keys in which jobs differ. `data` holds the
    digest of each data set by its name, `files` where those of one's own are and how they are read, `about` what was
    decided about them in words, `asked` the ids of the runs, `packs` and `threads` the ids and the number of
    threads of each pack by its name. `git` is the commit and whether it was `dirty`, or None for an installed package.
    `confirm` is the frozen plan of a command that confirms: `asked` are then its runs, arm by arm. `sources` holds the
    code of the user's that was trained with, by PATH@DIGEST: to be read, never to be executed.
    """

    created: str = ""
    command: str = ""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    asked: Sequence[str] = ()
    packs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    threads: Mapping[str, int | None] = field(default_factory=dict)
    semantics: int = 1
    device: str = ""
    machine: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    git: Mapping[str, Any] | None = None
    confirm: FrozenPlan | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def study(self) -> Mapping[str, Any]:
        """What the study says of itself; empty if the sweep was no study."""
        return self.configuration.get("study") or {}

    def encode(self) -> str:
        """Return the record as JSON; a value that JSON does not know is written as text.

        Bytes that a shell handed over and that the locale could not read are read as UTF-8.
        """
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain["confirm"] = None if self.confirm is None else self.confirm.encode()
        text = json.dumps(plain, indent=1, ensure_ascii=False, default=str)
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def decode_record(text: str) -> SweepRecord:
    """Return the record that `text` holds, without keys that only another version knows.

    Raises `ValueError` if `text` is no JSON object, or one with values that no version of bnexp has written.
    """
    try:
        plain = json.loads(text)
        halves = SURROGATE.search(json.dumps(plain, ensure_ascii=False))
    except RecursionError:
        raise ValueError("brackets within brackets without end") from None
    if halves:
        raise ValueError("half a character")
    if not isinstance(plain, dict):
        raise ValueError("no JSON object")
    known = {key: value for key, value in plain.items() if key in _IS_RIGHT}
    for key, value in known.items():
        if not _IS_RIGHT[key](value):
            raise ValueError(f"a `{key}` that is none")
    if known.get("confirm") is not None:
        known["confirm"] = decode_plan(known["confirm"])
        if len(set(known.get("asked", ()))) != len(known["confirm"].runs):
            raise ValueError("a frozen plan of other runs than were asked for")
    return SweepRecord(**known)


def list_confirmatory(records: Sequence[SweepRecord]) -> frozenset[str]:
    """Return the ids of the runs that commands of `records` froze to confirm: they belong to no exploration."""
    return frozenset(run for record in records if record.confirm is not None for run in record.asked)


def find_confirmation(records: Sequence[SweepRecord]) -> SweepRecord | None:
    """Return the record by which a store is confirmed, the oldest with a frozen plan; None if there is none."""
    return min((one for one in records if one.confirm is not None), key=lambda one: one.created, default=None)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_configuration(value: object) -> bool:
    """Whether the groups in `value` that are read are groups: what the study says of itself, and where the data lie."""
    if not isinstance(value, dict):
        return False
    study, data = value.get("study"), value.get("data", {})
    return (study is None or isinstance(study, dict)) and isinstance(data, dict) and (not data or "root" in data)


def _is_plan(value: object) -> bool:
    """Whether `value` names packs, and for each the ids of its lanes; a name becomes that of a file."""
    return isinstance(value, dict) and all(
        PACK_NAME.fullmatch(name) and _is_list_of_text(ids) and 0 < len(set(ids)) == len(ids)
        for name, ids in value.items()
    )


def _is_threads(value: object) -> bool:
    return isinstance(value, dict) and all(one is None or _is_count(one) for one in value.values())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_table_of_text(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_table_of_files(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, dict) and _is_file(**one) for one in value.values())


def _is_file(
    path: object = None, test: object = None, label: object = None, transpose: object = False, scale: object = None,
    **_: object,
) -> bool:  # fmt: skip
    """Whether these can be what `OwnFile.encode` wrote."""
    share = test is None or _is_text(test) or (isinstance(test, float) and 0 < test < 1)
    divisor = scale is None or (isinstance(scale, int | float) and 0 < scale < math.inf)
    return _is_text(path) and share and (label is None or _is_text(label)) and isinstance(transpose, bool) and divisor


_IS_RIGHT: Final[Mapping[str, Callable[[object], bool]]] = {
    **dict.fromkeys(("created", "command", "device", "machine"), _is_text),
    **dict.fromkeys(("data", "about", "versions", "sources"), _is_table_of_text),
    "files": _is_table_of_files,
    "configuration": _is_configuration,
    "axes": _is_table,
    "asked": _is_list_of_text,
    "packs": _is_plan,
    "threads": _is_threads,
    "semantics": _is_count,
    **dict.fromkeys(("git", "confirm"), lambda value: value is None or isinstance(value, dict)),
}
"""Of each key of a record, whether a value can be one: people edit files, and disks lose blocks."""
