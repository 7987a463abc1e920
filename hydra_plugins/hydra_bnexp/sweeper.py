"""The sweeper: every combination of the values, as Hydra's basic one has it, but every job launched at once."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class BnexpSweeperConf:
    """Configuration of `hydra/sweeper=bnexp`.

    `params` are values to sweep over unless the command line has others; at most `max_batch_size` jobs are launched
    together (`None`: all).
    """

    _target_: str = "hydra_plugins.hydra_bnexp.sweeper.BnexpSweeper"
    max_batch_size: int | None = None
    params: dict[str, str] | None = None


ConfigStore.instance().store(group="hydra/sweeper", name="bnexp", node=BnexpSweeperConf, provider="bnexp")


class BnexpSweeper(Sweeper):
    """Every combination of the values, in one launch, because runs that are launched together share packs."""

    def __init__(self, max_batch_size: int | None, params: dict[str, str] | None = None) -> None:
        self.max_batch_size, self.params = max_batch_size, params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra has for a sweeper, and have it make the launcher."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config
        self.launcher = Plugins.instance().instantiate_launcher(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Return the launched jobs; raise `HydraException` with one sentence if `arguments` cannot be enumerated.

        Unlike Hydra's, this neither writes multirun.yaml (the store says everything it would) nor composes every job
        once more to validate it (our launcher checks all jobs of a launch before it trains any).
        """
        assert self.hydra_context is not None
        assert self.launcher is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._write_params(), *arguments])
        for override in overrides:
            _check(override)
        _check_dictionaries(overrides)
        if self.max_batch_size is not None and self.max_batch_size < 1:
            raise HydraException(f"hydra.sweeper.max_batch_size must be at least 1; got {self.max_batch_size}")
        jobs = combine(overrides)
        size = self.max_batch_size or len(jobs)
        if len(jobs) > size:
            self._check_all(jobs)
        launched: list[Sequence[JobReturn]] = []
        for first in range(0, len(jobs), size):
            launched.append(self.launcher.launch(jobs[first : first + size], initial_job_idx=first))
            for job in launched[-1]:
                _ = job.return_value  # raises the error of a job that failed
        return launched

    def _write_params(self) -> list[str]:
        """Return the values to sweep over of the configuration, as the command line writes them."""
        from bnexp.cli.task import Task
        from bnexp.cli.typed import quote_texts

        words = [f"{key}={values}" for key, values in self.params.items()]
        return quote_texts(["-m", *words])[1:] if isinstance(self.task_function, Task) else words

    def _check_all(self, jobs: Sequence[Sequence[str]]) -> None:
        """Raise the error of the first wrong job: a launch sees only its own ones."""
        from bnexp.cli import values
        from bnexp.cli.expansion import expand
        from bnexp.cli.task import Task

        assert self.hydra_context is not None
        assert self.config is not None
        if isinstance(self.task_function, Task):
            for job in expand(jobs, self.hydra_context.config_loader, self.config):
                values.to_run(job)


def combine(overrides: Sequence[Override]) -> list[list[str]]:
    """Return the overrides of each job: every combination of the values, those of the last key changing fastest.

    A key that is given twice takes its last values, at its first place, as in Hydra's basic sweeper.

    A range of numbers with a point is one of 12 digits: three steps of 0.1 are 0.3, and three of 0.3 do not stay below
    an end of 0.9.
    """
    words: dict[str, list[str]] = {}
    for override in overrides:
        key = override.get_key_element()
        swept = override.is_sweep_override()
        values = _list_values(override) if swept else [override.get_value_element_as_str()]
        words[key] = [f"{key}={value}" for value in values]
    return [list(job) for job in itertools.product(*words.values())]


def _check_dictionaries(overrides: Sequence[Override]) -> None:
    """Raise `HydraException` if a node is given two dictionaries: only outside of a sweep are they merged."""
    given = [override.get_key_element() for override in overrides if isinstance(override.value(), dict)]
    twice = [override.input_line for override in overrides if given.count(override.get_key_element()) > 1]
    if twice:
        raise HydraException(f"a key must be given one dictionary in a sweep; got {' and '.join(map(str, twice))}")


def _list_values(override: Override) -> list[str]:
    """Return the values of a sweep as the command line writes them."""
    from bnexp.choices import round_digits

    values, sweep = override.sweep_string_iterator(), override.value()
    if not isinstance(sweep, RangeSweep) or isinstance(sweep.range(), range):
        return list(values)
    assert sweep.stop is not None
    numbers = [round_digits(float(value)) for value in values]
    return [str(number) for number in numbers if number != round_digits(float(sweep.stop))]


def _check(override: Override) -> None:
    if override.is_interval_sweep():
        raise HydraException(
            f"a sweep must be over values that can be listed; got '{override.input_line}': take range(...) or a list, "
            "or choose a sweeper that samples intervals by hydra/sweeper=NAME"
        )
    if override.is_sweep_override() and not any(True for _ in override.sweep_iterator()):
        raise HydraException(f"a sweep must ask for at least one run; got '{override.input_line}', which has no values")
