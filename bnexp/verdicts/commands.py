"""The commands that train runs again: one, or a sweep of arms and seeds."""

import dataclasses
import itertools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bnexp.choices import to_cli
from bnexp.data.requests import OwnFile
from bnexp.data.sources import SOURCES, Source, split_sizes
from bnexp.errors import UserError
from bnexp.own.code import write_reference
from bnexp.runs import CONTENT, Run, arm, find_acting, key, to_canonical


def write_override(key: str, values: Sequence[object]) -> str:
    """Return the override by which Hydra's grammar gives `key` one value, or each of several in a sweep.

    It is a word of the command, not yet quoted for a shell. There is none for a text of three question marks, which is
    Hydra's sign for a missing value.
    """
    return f"{key}={','.join(map(_write_value, values))}"


def _write_value(value: object) -> str:
    """Return `value` as Hydra's grammar writes it: text in quotes unless it can be read in one way only.

    What stands in quotes is still read by OmegaConf, which looks for `${`; and backslashes escape a quote or it.
    """
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_write_value, value))}]"
    if isinstance(value, _Own):
        value = str(value)
    if not isinstance(value, str):
        return to_cli(value)
    plain = re.fullmatch(r"[A-Za-z_/][\w/.+:@-]*", value, re.ASCII)
    if plain and value.lower() not in ("null", "true", "false", "inf", "nan"):
        return str(value)
    text = re.sub(r"\\*\$\{", lambda reference: rf"{2 * reference[0][:-2]}\${{", value)
    # \Z, because $ is also before a line break at the end.
    text = re.sub(r"\\+(?='|\Z)", lambda backslashes: 2 * backslashes[0], text)
    return "'" + text.replace("'", r"\'") + "'"


def write_place(name: str, outputs: str | None) -> list[str]:
    """Return the overrides by which a command takes the store `name` in the folder `outputs` (None: the usual one)."""
    return [write_override("name", [name]), *([] if outputs is None else [write_override("outputs", [outputs])])]


def write_data_words(root: str | None, file: OwnFile | None) -> list[str]:
    """Return the overrides by which a command finds the data: the folder `root`, or the `file` of one's own."""
    if file is None:
        return [write_override("data.root", [root])] if root else []
    known = {f.name: getattr(file, f.name) for f in dataclasses.fields(file)}
    if file.name == Path(file.path).name:
        del known["name"]
    if file.digest is not None:
        known["digest"] = CONTENT + file.digest[:16]
    return [write_override(f"data.{name}", [value]) for name, value in known.items() if value not in (None, False)]


def write_run_command(run: Run) -> str:
    """Return the command line that trains `run`: every field that differs from the default of `Run`."""
    acts = [name for name, value in find_acting(run).items() if value is not None]
    return shlex.join(["bnexp", *_words({name: [value] for name, value in _settings(run, acts).items()})])


def write_sweep_command(arms: Sequence[Run], seeds: Sequence[int]) -> str | None:
    """Return the command line that trains each of `arms` with each of `seeds`, and no other run.

    None if the arms are not the full product of their settings. A setting that cannot act in some of them takes the
    values that it has in the others.
    """
    acts = [(run, [name for name, value in find_acting(run).items() if value is not None]) for run in arms]
    known = [_settings(run, names) for run, names in acts]
    columns = {name: list(dict.fromkeys(one[name] for one in known if name in one)) for name in _FIELDS}
    columns = {name: values for name, values in columns.items() if values and name != "seed"}
    if len(columns["data"]) > 1 and not set(columns["data"]) <= SOURCES.keys():  # each file has words of its own
        return None
    try:
        product = [_create(dict(zip(columns, values, strict=True))) for values in itertools.product(*columns.values())]
    except UserError:  # two of the settings do not go together
        return None
    if {to_canonical(run) for run in product} != {to_canonical(arm(run)) for run in arms}:
        return None
    return shlex.join(["bnexp", "-m", *_words(columns), f"seed={_range(seeds)}"])


@dataclass(frozen=True)
class _Own:
    """An activation of the user's as one value; a command writes it as the file that must hold this very code."""

    name: str
    code: str

    def __str__(self) -> str:
        return write_reference(self.name, self.code)


def _settings(run: Run, names: Sequence[str]) -> dict[str, Any]:
    """Return the settings `names` of `run`, an activation of the user's with its code as one."""
    settings = {name: getattr(run, name) for name in names if name != "activation_code"}
    own = {"activation": _Own(run.activation, run.activation_code)} if run.activation_code else {}
    return settings | own


def _create(settings: Mapping[str, Any]) -> Run:
    """Return the run that has `settings`, as `_settings` returns them."""
    own = settings.get("activation")
    code = {"activation": own.name, "activation_code": own.code} if isinstance(own, _Own) else {}
    return Run(**{**settings, **code})


def _words(columns: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Yield the words that give each setting its values, several of them as a sweep; defaults are left out.

    `data.train` is left out only beside the default of `data.validation`: its own default is all that is left of it.
    What a data set has a default of its own for is always written.
    """
    sources = [SOURCES.get(name) for name in columns["data"]]
    for name in ("steps", "evaluate", *(name for name in columns if name not in ("steps", "evaluate"))):
        own = name in _OF_DATA and any(_has_other_default(source, name) for source in sources)
        if _differs(columns, name) or own or (name == "data_train" and _differs(columns, "data_validation")):
            yield write_override(key(name), [_name_group(name, value) for value in columns[name]])


def _has_other_default(source: Source | None, name: str) -> bool:
    """Say whether the default of `source` for the setting `name` may be another one than that of `Run`."""
    if source is None:
        return name != "data_standardize"
    if name == "data_standardize":
        return source.standardize != _FIELDS[name].default
    usual = _FIELDS["data_train"].default, _FIELDS["data_validation"].default
    return split_sizes(source, None, None) != usual


def _name_group(name: str, value: object) -> object:
    """Return what a command says of `value`: of a data set of one's own that it is a file."""
    return "file" if name == "data" and value not in SOURCES else value


def _differs(columns: Mapping[str, Sequence[Any]], name: str) -> bool:
    """Say whether a setting has another value than its default."""
    return list(columns[name]) != [_FIELDS[name].default]


def _range(seeds: Sequence[int]) -> str:
    """Return `seeds` as the command line writes them: range(10), range(5,10) or 3,7."""
    first, end = seeds[0], seeds[-1] + 1
    if list(seeds) != list(range(first, end)):
        return ",".join(map(str, seeds))
    return f"range({end})" if first == 0 else f"range({first},{end})"


_OF_DATA: Final = ("data_train", "data_validation", "data_standardize")
_FIELDS: Final = {f.name: f for f in dataclasses.fields(Run)}
