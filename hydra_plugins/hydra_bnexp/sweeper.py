"""The sweeper: Hydra's basic one without its file, and with every job launched at once."""

from dataclasses import dataclass

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException


@dataclass
class BnexpSweeperConf:
    """Configuration of `hydra/sweeper=bnexp`: `params`, values to sweep over unless the command line has others."""

    _target_: str = "hydra_plugins.hydra_bnexp.sweeper.BnexpSweeper"
    params: dict[str, str] | None = None


ConfigStore.instance().store(group="hydra/sweeper", name="bnexp", node=BnexpSweeperConf, provider="bnexp")


class BnexpSweeper(BasicSweeper):
    """Every combination of the values, in one launch, because runs that are launched together share packs."""

    def __init__(self, params: dict[str, str] | None) -> None:
        super().__init__(max_batch_size=None, params=params)

    def sweep(self, arguments: list[str]) -> object:
        """Return the launched jobs; raise `HydraException` with one sentence if `arguments` cannot be enumerated.

        Unlike Hydra's, this neither writes multirun.yaml (the store says everything it would) nor composes every job
        once more to validate it (our launcher composes all before it trains any).
        """
        assert self.hydra_context is not None
        assert self.launcher is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        for override in overrides:
            _check(override)
        (jobs,) = self.split_arguments(overrides, max_batch_size=None)
        launched = self.launcher.launch(jobs, initial_job_idx=0)
        for job in launched:
            _ = job.return_value  # raises the error of a job that failed
        return [launched]


def _check(override: Override) -> None:
    if override.is_interval_sweep():
        raise HydraException(
            f"a sweep must be over values that can be listed; got '{override.input_line}': take range(...) or a list, "
            "or choose a sweeper that samples intervals by hydra/sweeper=NAME"
        )
    if override.is_sweep_override() and not any(True for _ in override.sweep_iterator()):
        raise HydraException(f"a sweep must ask for at least one run; got '{override.input_line}', which has no values")
