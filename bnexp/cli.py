"""The command line: the trunk of bnexp. A reader starts here.

`main` → Hydra composes configurations → `Task` turns them into `Run` values, trains them, stores the rows and reports.
"""

import math
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig

from bnexp import commands, config
from bnexp.messages import check_options, is_told, one_sentence
from bnexp.runs import Run, acting

if TYPE_CHECKING:
    from bnexp.data import Data
    from bnexp.store import Store

# What loads numpy, torch, pandas or rich is imported where it is used: `bnexp --help` must not wait for it.


def main() -> int:
    """Do what `sys.argv` asks; return 0, 1 if a run failed, 2 if what is asked is wrong, 130 if interrupted."""
    words = sys.argv[1:] or ["--help"]
    try:
        if words[0] in commands.USAGE and {"-h", "--help"}.intersection(words):
            words = ["--help"]
        if "--version" in words:
            from bnexp import __version__

            print(f"bnexp {__version__}")
        elif words[0].startswith(("-", "+", "~")) or "=" in words[0]:
            return _compose(words)
        else:
            commands.obey(*words)
    except KeyboardInterrupt:
        print(f"bnexp: interrupted; start it again with: {shlex.join(['bnexp', *words])}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our words, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _compose(words: list[str]) -> int:
    """Let Hydra read `words`, and call a `Task` with what it composes."""
    with one_sentence():
        check_options(words)
    task = Task(shlex.join(["bnexp", *words]))
    sys.argv[1:] = words
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra shall raise its errors instead of printing them
    with one_sentence(is_told):
        from hydra_plugins.hydra_bnexp import register

        register()
        hydra.main(version_base="1.3", config_path=str(config.folder()), config_name="config")(task)()
    return int(task.failed)


@dataclass
class Task:
    """What Hydra calls with configurations; it remembers whether a run failed, which Hydra has no place for."""

    command: str
    failed: bool = False

    def __call__(self, cfg: DictConfig) -> float:
        """Train the run of `cfg` and return its validation loss."""
        with one_sentence():
            job = config.values(cfg)
        return self.together([job])[0]

    def together(self, jobs: Sequence[config.Values]) -> list[float]:
        """Train the runs of `jobs` as one sweep, report on them, and return their validation losses in order.

        A diverged run's is infinite, a failed run's NaN. Unless all `jobs` are right, none is trained.
        """
        with one_sentence():
            runs, settings = [config.run(job) for job in jobs], config.settings(jobs)
            data = _load(runs, settings.data_root)
            store = _prepare(settings)
        from bnexp.sweep import train_sweep

        different = len({str(acting(run)) for run in runs})
        if different < len(runs):
            reason = "a key that cannot act in a run, such as norm.eps under none, makes no other run of it"
            print(f"bnexp: {len(runs)} runs asked, {different} different: {reason}", file=sys.stderr)
        keep, record = settings.save_weights, self._record(jobs)
        with one_sentence(is_told):
            rows = train_sweep(runs, data, store, device=settings.device, save_weights=keep, record=record)
        self.failed |= bool((rows["status"] == "failed").any())
        commands.conclude(rows, store, draw=settings.report)
        lost = {"diverged": math.inf, "failed": math.nan}
        return [lost.get(row["status"], row["validation_loss"]) for row in rows.to_dict("records")]

    def _record(self, jobs: Sequence[config.Values]) -> dict[str, Any]:
        """Return what the store keeps of the command: its words, the first configuration, and where others differ."""
        return {"command": self.command, "configuration": config.nested(jobs[0]), "axes": config.axes(jobs)}


def _load(runs: Sequence[Run], root: Path | None) -> "list[Data]":
    """Return the data of `runs`: all are read before anything is trained."""
    from bnexp.data import load

    return [
        load(name, root=root, train=train, validation=validation, standardize=standardize)
        for name, train, validation, standardize in dict.fromkeys(run.data_setting for run in runs)
    ]


def _prepare(settings: config.Settings) -> "Store":
    """Return the store of a sweep whose folder can be written to, if there is the device to train on."""
    from bnexp.store import Store
    from bnexp.training import choose_device

    choose_device(settings.device)
    folder = commands.OUTPUTS / settings.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{folder} must be a folder that can be written to; got '{error.strerror}'") from None
    return Store(folder)
