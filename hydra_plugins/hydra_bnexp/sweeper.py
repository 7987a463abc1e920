"""The sweeper: Hydra's basic one without its file, and with every job launched at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn
from hydra.errors import HydraException
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


class BnexpSweeper(BasicSweeper):
    """Every combination of the values, in one launch, because runs that are launched together share packs."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra has for a sweeper."""
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.task_function = task_function

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Return the launched jobs; raise `HydraException` with one sentence if `arguments` cannot be enumerated.

        Unlike Hydra's, this neither writes multirun.yaml (the store says everything it would) nor composes every job
        once more to validate it (our launcher checks all jobs of a launch before it trains any).
        """
        assert self.hydra_context is not None
        assert self.launcher is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        for override in overrides:
            _check(override)
        if self.max_batch_size is not None and self.max_batch_size < 1:
            raise HydraException(f"hydra.sweeper.max_batch_size must be at least 1; got {self.max_batch_size}")
        batches = self.split_arguments(overrides, self.max_batch_size)
        if len(batches) > 1:
            self._check_all(list(chain.from_iterable(batches)))
        launched: list[Sequence[JobReturn]] = []
        for batch in batches:
            launched.append(self.launcher.launch(batch, initial_job_idx=sum(map(len, launched))))
            for job in launched[-1]:
                _ = job.return_value  # raises the error of a job that failed
        return launched

    def _check_all(self, jobs: Sequence[Sequence[str]]) -> None:
        """Exit with one sentence if a job is wrong: a launch sees only its own ones."""
        from bnexp.cli import values
        from bnexp.cli.expansion import expand
        from bnexp.cli.hydra_errors import one_sentence
        from bnexp.cli.task import Task

        assert self.hydra_context is not None
        assert self.config is not None
        if isinstance(self.task_function, Task):
            with one_sentence():
                for job in expand(jobs, self.hydra_context.config_loader, self.config):
                    values.run(job)


def _check(override: Override) -> None:
    if override.is_interval_sweep():
        raise HydraException(
            f"a sweep must be over values that can be listed; got '{override.input_line}': take range(...) or a list, "
            "or choose a sweeper that samples intervals by hydra/sweeper=NAME"
        )
    if override.is_sweep_override() and not any(True for _ in override.sweep_iterator()):
        raise HydraException(f"a sweep must ask for at least one run; got '{override.input_line}', which has no values")
