"""From the overrides of many jobs to their values, without a composition of each by Hydra, which takes 70 ms.

In Hydra, every choice from a group is made before any single key is set, and keys are then set in their order. So jobs
that make the same choices share one composition, their base, and what is left of a job is a few keys set on it. A key's
value is converted and checked by OmegaConf on the base, once for all jobs that ask for it. Whatever is not as plain as
that goes the long way, and so does what OmegaConf refuses: the error is then Hydra's own.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, ValueType
from hydra.errors import HydraException
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from bnexp.cli import values
from bnexp.cli.schema import KEYS, Config
from bnexp.cli.values import Values
from bnexp.errors import UserError


def expand(jobs: Sequence[Sequence[str]], loader: ConfigLoader, master: DictConfig, first: int = 0) -> list[Values]:
    """Return the values of `jobs`, each a list of overrides of the sweep `master`; `first` is the number of jobs[0].

    Raises for the first wrong job what `compose` and `values.read` raise for it.
    """
    expansion = Expansion(loader, master)
    return [expansion.read_job(overrides, number) for number, overrides in enumerate(jobs, first)]


def compose(loader: ConfigLoader, master: DictConfig, overrides: Sequence[str], number: int) -> DictConfig:
    """Return the whole configuration of job `number` and make it Hydra's current one, as Hydra's launcher does."""
    cfg = loader.load_sweep_config(master, list(overrides))
    if cfg.hydra.sweeper.get("params") != master.hydra.sweeper.get("params"):
        raise HydraException(
            "a file of a group that is swept over must not have hydra.sweeper.params, values to sweep over itself; got "
            f"{' '.join(overrides)}: choose it alone"
        )
    with open_dict(cfg):
        cfg.hydra.job.id = cfg.hydra.job.num = number
    HydraConfig.instance().set_config(cfg)
    return cfg


def cut_task_part(cfg: DictConfig) -> DictConfig:
    """Return a copy of `cfg` without Hydra's own part.

    Its references are not resolved: what is text after that, such as an escaped `${x}`, would be taken for one again.
    They must be while `cfg` is Hydra's current configuration, so that `${hydra:job.num}` is the number of this job.
    """
    part = copy.deepcopy(cfg)
    with read_write(part), open_dict(part):
        del part["hydra"]
    return part


@dataclass
class _Base:
    """What jobs that make the same choices from the groups share."""

    cfg: DictConfig
    values: Values
    by_line: dict[str, Any] = field(default_factory=dict)

    def convert(self, override: Override) -> Any:
        """Return the value to which `override` sets its key; raise OmegaConf's error if the key cannot have it."""
        line, key = str(override.input_line), override.key_or_group
        if line not in self.by_line:
            OmegaConf.update(self.cfg, key, override.value(), merge=True)
            value = OmegaConf.select(self.cfg, key)
            self.by_line[line] = values.settle(key, tuple(value) if isinstance(value, ListConfig) else value)
        return self.by_line[line]


class Expansion:
    """What was parsed and composed so far for the jobs of one sweep."""

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self.loader, self.master = loader, master
        self.parser = OverridesParser.create()
        self.parsed: dict[str, Override | None] = {}
        self.groups: dict[str, bool] = {}
        self.bases: dict[tuple[str, ...], _Base | None] = {}

    def read_job(self, overrides: Sequence[str], number: int) -> Values:
        """Return the values of job `number`."""
        job = self._read_from_base(overrides, number)
        if job is None:
            job = values.read(cut_task_part(compose(self.loader, self.master, overrides, number)))
        return job

    def _read_from_base(self, overrides: Sequence[str], number: int) -> Values | None:
        """Return the values of a job, or nothing if it has to go the long way."""
        words = [word for word in map(self._parse_plain, overrides) if word is not None]
        choices = tuple(str(word.input_line) for word in words if self._is_group(word.key_or_group))
        if len(words) < len(overrides) or (base := self._find_base(choices, number)) is None:
            return None
        try:
            keys = {w.key_or_group: base.convert(w) for w in words if not self._is_group(w.key_or_group)}
        except (OmegaConfBaseException, UserError):  # the long way finds what is wrong in Hydra's order
            return None
        job = {**base.values, **keys}
        return None if MISSING in job.values() else job

    def _parse_plain(self, line: str) -> Override | None:
        """Return the override that `line` is if it chooses from a group or gives a key a value of its own."""
        if line not in self.parsed:
            (override,) = self.parser.parse_overrides([line])
            key, value = override.key_or_group, override.value()
            sets = override.type == OverrideType.CHANGE and override.value_type == ValueType.ELEMENT
            known = override.package is None and (key in KEYS or self._is_group(key))
            own = not isinstance(value, dict) and value != MISSING and not _is_reference(value)
            self.parsed[line] = override if sets and known and own else None
        return self.parsed[line]

    def _is_group(self, key: str) -> bool:
        """Say whether Hydra takes `key` for a group, because there is a folder of this name."""
        if key not in self.groups:
            hydra = OmegaConf.to_container(self.master.hydra.overrides.hydra)
            assert isinstance(hydra, list)
            name = self.master.hydra.job.config_name
            self.groups[key] = bool(self.loader.get_group_options(key, None, config_name=name, overrides=hydra))
        return self.groups[key]

    def _find_base(self, choices: tuple[str, ...], number: int) -> _Base | None:
        """Return the base of jobs that make `choices`, or nothing if a key of it refers to another or is not ours."""
        if choices not in self.bases:
            cfg = compose(self.loader, self.master, choices, number)
            with read_write(cfg), open_dict(cfg):
                del cfg["hydra"]
            written = values.flatten(cfg, resolve=False)
            ours = OmegaConf.get_type(cfg) is Config and written.keys() == KEYS.keys()
            plain = ours and not any(map(_is_reference, written.values()))
            self.bases[choices] = _Base(cfg, {name: _settle(name, written[name]) for name in KEYS}) if plain else None
        return self.bases[choices]


def _settle(name: str, value: Any) -> Any:
    """Return `value` as `values.settle` gives it; one that is missing may still come from a job."""
    return value if value == MISSING else values.settle(name, value)


def _is_reference(value: object) -> bool:
    """Say whether `value` stands for another one that has to be worked out."""
    return "${" in str(value)
