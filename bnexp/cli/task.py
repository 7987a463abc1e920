"""What Hydra calls with configurations: `Task` turns them into runs and trains these, `Plan` says what it would do."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from bnexp.cli import values
from bnexp.cli.hydra_errors import is_told, one_sentence
from bnexp.cli.plan import print_plan
from bnexp.cli.report import conclude
from bnexp.cli.usage import OUTPUTS
from bnexp.runs import Run, acting

if TYPE_CHECKING:
    import pandas as pd

    from bnexp.data.datasets import Data
    from bnexp.store.records import SweepRecord
    from bnexp.store.store import Store
    from bnexp.sweeps.resources import Resources


@dataclass
class Task:
    """What Hydra calls with configurations, all jobs at once or batch by batch, and what has come of them."""

    command: str
    settings: values.Settings | None = None
    trained: "list[pd.DataFrame]" = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    def __call__(self, cfg: DictConfig) -> float:
        """Train the run of `cfg` and return its validation loss."""
        with one_sentence():
            job = values.values(cfg)
        return self.together([job])[0]

    def together(self, jobs: Sequence[values.Values]) -> list[float]:
        """Train the runs of `jobs` as one sweep and return their validation losses in order.

        A diverged run's is infinite, a failed run's NaN. Unless all `jobs` are right, none is trained.
        """
        runs, settings = self.asked(jobs)
        from bnexp.sweeps.sweep import train_sweep

        store, data, record = _store(settings), _load(runs, settings.data_root), self._record(jobs)
        keep, resources = settings.save_weights, _resources(settings)
        with one_sentence(is_told):
            rows = train_sweep(
                runs, data, store, resources=resources, save_weights=keep, record=record, probes=settings.probes
            )
        self.trained.append(rows)
        lost = {"diverged": math.inf, "failed": math.nan}
        return [lost.get(row["status"], row["validation_loss"]) for row in rows.to_dict("records")]

    def asked(self, jobs: Sequence[values.Values]) -> tuple[list[Run], values.Settings]:
        """Return the runs of `jobs` and what is the same for all of them."""
        with one_sentence():
            runs, settings = [values.run(job) for job in jobs], values.settings(jobs)
        self.settings, different = settings, len({str(acting(run)) for run in runs})
        if different < len(runs):
            reason = "a key that cannot act in a run, such as norm.eps under none, makes no other run of it"
            print(f"bnexp: {len(runs)} runs asked, {different} different: {reason}", file=sys.stderr)
        return runs, settings

    def conclude(self) -> None:
        """Print the table of all that was trained, and draw its report."""
        if self.settings is None or not self.trained:
            return
        import pandas as pd

        rows = pd.concat(self.trained, ignore_index=True).drop_duplicates("run", keep="last", ignore_index=True)
        conclude(rows, [_store(self.settings)], draw=self.settings.report)

    @property
    def failed(self) -> bool:
        """Whether a run failed."""
        return any((rows["status"] == "failed").any() for rows in self.trained)

    def _record(self, jobs: Sequence[values.Values]) -> "SweepRecord":
        """Return what the store keeps of the command: its words, the first configuration, and where others differ."""
        from bnexp.store.records import SweepRecord

        return SweepRecord(command=self.command, configuration=values.nested(jobs[0]), axes=values.axes(jobs))


class Plan(Task):
    """The same for `bnexp plan`: it says what would be trained, and trains nothing."""

    def together(self, jobs: Sequence[values.Values]) -> list[float]:
        """Print what the sweep of `jobs` would do; there is no loss."""
        runs, settings = self.asked(jobs)
        from bnexp.sweeps.sweep import forecast_sweep

        data, keep, resources = _load(runs, settings.data_root), settings.save_weights, _resources(settings)
        with one_sentence(is_told):
            found = forecast_sweep(
                runs,
                data,
                _store(settings),
                resources=resources,
                save_weights=keep,
                started=self.started,
                probes=settings.probes,
            )
        print_plan(found, values.axes(jobs))
        return [math.nan] * len(jobs)


def _load(runs: Sequence[Run], root: Path | None) -> "Iterator[Data]":
    """Yield the data of `runs`."""
    from bnexp.data.datasets import load

    for name, train, validation, standardize in dict.fromkeys(run.data_setting for run in runs):
        with one_sentence():
            data = load(name, root=root, train=train, validation=validation, standardize=standardize)
        yield data


def _store(settings: values.Settings) -> "Store":
    from bnexp.store.store import Store

    return Store(OUTPUTS / settings.name)


def _resources(settings: values.Settings) -> "Resources":
    from bnexp.sweeps.resources import Resources

    return Resources(settings.device, settings.workers, settings.lanes)
