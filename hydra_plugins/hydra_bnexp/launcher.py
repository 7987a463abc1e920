"""The launcher: it hands all jobs of a sweep to bnexp at once, so that they become packs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobRuntime, JobStatus, filter_overrides
from omegaconf import OmegaConf, open_dict, read_write

if TYPE_CHECKING:
    from bnexp.cli.task import Task

# bnexp is imported where it is used: Hydra imports this module for every program on the machine that uses Hydra.


@dataclass
class BnexpLauncherConf:
    """Configuration of `hydra/launcher=bnexp`: none."""

    _target_: str = "hydra_plugins.hydra_bnexp.launcher.BnexpLauncher"


ConfigStore.instance().store(group="hydra/launcher", name="bnexp", node=BnexpLauncherConf, provider="bnexp")


class BnexpLauncher(BasicLauncher):
    """Trains all jobs together; leaves the task of another program to Hydra's own launcher."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Return one `JobReturn` per job, in order, with the validation loss of its run.

        Its `cfg` and `hydra_cfg` are `None` if nobody reads them, because only a full composition has them, which costs
        70 ms a job: our sweeper reads the losses alone; another one, and callbacks, may read everything.
        """
        from bnexp.cli.task import Task

        task = self.task_function
        if not isinstance(task, Task):
            return super().launch(job_overrides, initial_job_idx)
        assert self.config is not None
        ours = str(self.config.hydra.sweeper._target_).startswith("hydra_plugins.hydra_bnexp.")
        current = HydraConfig.instance().cfg
        try:
            if ours and not self.config.hydra.callbacks:
                return self._launch(task, job_overrides, initial_job_idx)
            return self._launch_watched(task, job_overrides, initial_job_idx)
        finally:
            HydraConfig.instance().cfg = current

    def _launch(self, task: "Task", job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        from bnexp.cli.expansion import expand
        from bnexp.cli.hydra_errors import one_sentence

        assert self.config is not None
        assert self.hydra_context is not None
        with one_sentence():
            values = expand(job_overrides, self.hydra_context.config_loader, self.config, first)
        losses = task.together(values)
        return [_ended(JobReturn(), *job) for job in zip(job_overrides, losses, strict=True)]

    def _launch_watched(self, task: "Task", job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Return jobs with their configurations, after callbacks were told of each as by Hydra's own launcher.

        All jobs start before the first one ends, because they are trained together.
        """
        from bnexp.cli import values as config
        from bnexp.cli.expansion import compose, task_part
        from bnexp.cli.hydra_errors import one_sentence

        assert self.config is not None
        assert self.hydra_context is not None
        loader, callbacks = self.hydra_context.config_loader, self.hydra_context.callbacks
        cfgs, jobs = [], []
        for number, overrides in enumerate(job_overrides, first):
            cfg = compose(loader, self.config, overrides, number)
            with read_write(cfg.hydra.runtime), open_dict(cfg.hydra.runtime):
                output = Path(cfg.hydra.sweep.dir) / cfg.hydra.sweep.subdir
                cfg.hydra.runtime.output_dir = str(output.absolute())
            cfgs.append(cfg)
            jobs.append(JobReturn(cfg=task_part(cfg), hydra_cfg=OmegaConf.masked_copy(cfg, "hydra")))
        with one_sentence():
            values = [config.values(job.cfg) for job in jobs if job.cfg is not None]
        for cfg in cfgs:
            Path(cfg.hydra.runtime.output_dir).mkdir(parents=True, exist_ok=True)
            HydraConfig.instance().set_config(cfg)
            callbacks.on_job_start(config=cfg, task_function=task)
        losses = task.together(values)
        for cfg, job, overrides, loss in zip(cfgs, jobs, job_overrides, losses, strict=True):
            HydraConfig.instance().set_config(cfg)
            callbacks.on_job_end(config=cfg, job_return=_ended(job, overrides, loss))
        return jobs


def _ended(job: JobReturn, overrides: Sequence[str], loss: float) -> JobReturn:
    """Return `job` as one that ended with `loss`."""
    job.overrides, job.working_dir = filter_overrides(overrides), str(Path.cwd())
    job.task_name = JobRuntime.instance().get("name")
    job.status, job.return_value = JobStatus.COMPLETED, loss
    return job
