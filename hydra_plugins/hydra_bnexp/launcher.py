"""The launcher: it hands all jobs of a sweep to bnexp at once, so that they become packs."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf, open_dict, read_write


@dataclass
class BnexpLauncherConf:
    """Configuration of `hydra/launcher=bnexp`: none."""

    _target_: str = "hydra_plugins.hydra_bnexp.launcher.BnexpLauncher"


ConfigStore.instance().store(group="hydra/launcher", name="bnexp", node=BnexpLauncherConf, provider="bnexp")


class BnexpLauncher(BasicLauncher):
    """Trains all jobs together in this process; leaves the task of another program to Hydra's own launcher."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Return one `JobReturn` per job, in order, with the validation loss of its run."""
        from bnexp import config
        from bnexp.cli import Task  # here, because Hydra imports this module before `bnexp.cli` is complete
        from bnexp.messages import one_sentence

        task = self.task_function
        if not isinstance(task, Task):
            return super().launch(job_overrides, initial_job_idx)
        jobs = [self._composed(overrides, number) for number, overrides in enumerate(job_overrides, initial_job_idx)]
        with one_sentence():
            values = [config.values(job.cfg) for job in jobs if job.cfg is not None]
        losses = task.together(values)
        for job, loss in zip(jobs, losses, strict=True):
            job.status, job.return_value = JobStatus.COMPLETED, loss
        assert self.config is not None
        if not str(self.config.hydra.sweeper._target_).startswith("hydra_plugins.hydra_bnexp."):
            Path(self.config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)  # where other sweepers write
        return jobs

    def _composed(self, overrides: Sequence[str], number: int) -> JobReturn:
        """Return a job with its configuration, before it has run."""
        assert self.config is not None
        assert self.hydra_context is not None
        cfg = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(cfg):
            cfg.hydra.job.id = cfg.hydra.job.num = number
        HydraConfig.instance().set_config(cfg)
        task_cfg = copy.deepcopy(cfg)
        with read_write(task_cfg), open_dict(task_cfg):
            del task_cfg["hydra"]
        OmegaConf.resolve(task_cfg)  # now, while ${hydra:job.num} is this job's
        return JobReturn(
            overrides=list(cfg.hydra.overrides.task),
            cfg=task_cfg,
            hydra_cfg=OmegaConf.masked_copy(cfg, "hydra"),
            working_dir=str(Path.cwd()),
            task_name=cfg.hydra.job.name,
        )
