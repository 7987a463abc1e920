"""The launcher: it hands all jobs of a sweep to bnexp at once, so that they become packs."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobRuntime, JobStatus, filter_overrides
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

if TYPE_CHECKING:
    from bnexp.cli.task import Task
    from bnexp.cli.values import Values


@dataclass
class BnexpLauncherConf:
    """Configuration of `hydra/launcher=bnexp`: none."""

    _target_: str = "hydra_plugins.hydra_bnexp.launcher.BnexpLauncher"


ConfigStore.instance().store(group="hydra/launcher", name="bnexp", node=BnexpLauncherConf, provider="bnexp")


class BnexpLauncher(Launcher):
    """Trains all jobs together; leaves the task of another program to Hydra's own launcher."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra has for a launcher."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Return one `JobReturn` per job, in order, with the validation loss of its run.

        Its `cfg` and `hydra_cfg` are `None` if nobody reads them, because only a full composition has them, which costs
        70 ms a job: our sweeper reads the losses alone; another one, and callbacks, may read everything.
        """
        from bnexp.cli.task import Task

        task = self.task_function
        if not isinstance(task, Task):
            return self._find_basic_launcher().launch(job_overrides, initial_job_idx)
        ours = str(self.config.hydra.sweeper._target_).startswith("hydra_plugins.hydra_bnexp.")
        current = HydraConfig.instance().cfg
        try:
            if ours and not self.config.hydra.callbacks:
                return self._launch_expanded(task, job_overrides, initial_job_idx)
            return self._launch_composed(task, job_overrides, initial_job_idx)
        finally:
            HydraConfig.instance().cfg = current

    def _find_basic_launcher(self) -> Launcher:
        """Return Hydra's own launcher, by the name under which a configuration chooses it."""
        config = copy.deepcopy(self.config)
        with read_write(config), open_dict(config):
            config.hydra.launcher = ConfigStore.instance().load("hydra/launcher/basic.yaml").node
        return Plugins.instance().instantiate_launcher(self.hydra_context, self.task_function, config)

    def _launch_expanded(self, task: "Task", job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Return jobs without their configurations, of which only the values of the keys were worked out."""
        from bnexp.cli.expansion import expand

        losses = task.launch(expand(job_overrides, self.hydra_context.config_loader, self.config, first))
        return [_complete(JobReturn(), *job) for job in zip(job_overrides, losses, strict=True)]

    def _launch_composed(self, task: "Task", job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Return jobs with their configurations, after callbacks were told of each as by Hydra's own launcher.

        All jobs start before the first one ends, because they are trained together.
        """
        callbacks = self.hydra_context.callbacks
        composed = [self._compose(overrides, number) for number, overrides in enumerate(job_overrides, first)]
        for cfg, _, _ in composed:
            Path(cfg.hydra.runtime.output_dir).mkdir(parents=True, exist_ok=True)
            HydraConfig.instance().set_config(cfg)
            callbacks.on_job_start(config=cfg, task_function=task)
        losses = task.launch([job_values for _, _, job_values in composed])
        for (cfg, job, _), overrides, loss in zip(composed, job_overrides, losses, strict=True):
            HydraConfig.instance().set_config(cfg)
            callbacks.on_job_end(config=cfg, job_return=_complete(job, overrides, loss))
        return [job for _, job, _ in composed]

    def _compose(self, overrides: Sequence[str], number: int) -> "tuple[DictConfig, JobReturn, Values]":
        """Return the whole configuration of job `number`, what is returned of it so far, and its values.

        References are resolved now, while `${hydra:job.num}` is the number of this job.
        """
        from bnexp.cli import values
        from bnexp.cli.expansion import compose, cut_task_part

        cfg = compose(self.hydra_context.config_loader, self.config, overrides, number)
        with read_write(cfg.hydra.runtime), open_dict(cfg.hydra.runtime):
            output = Path(cfg.hydra.sweep.dir) / cfg.hydra.sweep.subdir
            cfg.hydra.runtime.output_dir = str(output.absolute())
        part = cut_task_part(cfg)
        job_values = values.read(part)
        OmegaConf.resolve(part)
        return cfg, JobReturn(cfg=part, hydra_cfg=OmegaConf.masked_copy(cfg, "hydra")), job_values


def _complete(job: JobReturn, overrides: Sequence[str], loss: float) -> JobReturn:
    """Return `job` as one that ended with `loss`."""
    job.overrides, job.working_dir = filter_overrides(overrides), str(Path.cwd())
    job.task_name = JobRuntime.instance().get("name")
    job.status, job.return_value = JobStatus.COMPLETED, loss
    return job
