"""What Hydra calls with configurations: `Task` turns them into a `Request` and has it carried out.

Importing this loads neither numpy nor pandas: `bnexp --help` must not wait for them.
"""

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from omegaconf import DictConfig

from bnexp.cli import values
from bnexp.cli.hydra_errors import other_launcher, pass_through_hydra
from bnexp.cli.values import SweepOptions, Values
from bnexp.runs import Run, find_acting

if TYPE_CHECKING:
    import pandas as pd

    from bnexp.data.datasets import Data
    from bnexp.store.records import SweepRecord
    from bnexp.store.store import Store
    from bnexp.sweeps.resources import Resources


@dataclass(frozen=True)
class Request:
    """What jobs that are launched together ask for.

    `runs` are those of `jobs`, in their order; `options` are the same for all of them. `command` is what was typed, at
    `started` by `time.perf_counter`.
    """

    command: str
    started: float
    jobs: tuple[Values, ...]
    runs: tuple[Run, ...]
    options: SweepOptions

    def record(self) -> "SweepRecord":
        """Return what the store keeps: the command, the first configuration, and the keys in which others differ."""
        from bnexp.store.records import SweepRecord

        first, axes = values.nest(self.jobs[0]), values.find_axes(self.jobs)
        return SweepRecord(command=self.command, configuration=first, axes=axes)


def train(request: Request) -> "pd.DataFrame":
    """Train what the store lacks of `request` and return a row for each of its runs, in their order."""
    from bnexp.sweeps.sweep import train_sweep

    return train_sweep(
        request.runs,
        load_data(request),
        open_store(request.options),
        resources=choose_resources(request.options),
        save_weights=request.options.save_weights,
        record=request.record(),
        probes=request.options.probes,
    )


def load_data(request: Request) -> "Iterator[Data]":
    """Yield the data sets of the runs of `request`, each read when it is asked for."""
    from bnexp.data.datasets import load, load_file

    files, root = request.options.files, request.options.data_root
    for name, size, validation, by in dict.fromkeys(run.data_setting for run in request.runs):
        if name in files:
            yield load_file(files[name], train=size, validation=validation, standardize=by)
        else:
            yield load(name, root=root, train=size, validation=validation, standardize=by)


def open_store(options: SweepOptions) -> "Store":
    """Return the store that `options` name, whether or not it is there."""
    from bnexp.store.store import Store

    return Store(options.outputs / options.name)


def choose_resources(options: SweepOptions) -> "Resources":
    """Return what `options` say about by what a sweep is trained."""
    from bnexp.sweeps.resources import Resources

    return Resources(options.device, options.workers, options.lanes)


@dataclass
class Task:
    """What Hydra calls with the configuration of a job, and our launcher with the values of many.

    `carry_out` gets each request and returns the rows of its runs, or `None` if it trains none. `trained` are the rows
    of all requests so far, `options` those of the last one. Paths start at `folder`, where the command was typed.
    """

    command: str
    carry_out: "Callable[[Request], pd.DataFrame | None]"
    started: float = field(default_factory=time.perf_counter)
    folder: Path = field(default_factory=Path.cwd)
    options: SweepOptions | None = None
    trained: "list[pd.DataFrame]" = field(default_factory=list)

    def __call__(self, cfg: DictConfig) -> float:
        """Have the run of `cfg` carried out and return its validation loss."""
        with pass_through_hydra(), contextlib.chdir(self.folder):  # where hydra.job.chdir does not lead
            return self._launch([values.read(cfg)])[0]

    def __reduce__(self) -> NoReturn:
        """Refuse to be sent to another process, which other launchers do: its results would not come back here."""
        raise other_launcher()

    def launch(self, jobs: Sequence[Values]) -> list[float]:
        """Have the runs of `jobs` carried out as one request and return their validation losses in order.

        That of a run that diverged, failed or was not trained is infinite: a sweeper that searches shall not choose it,
        and Optuna's stops at a NaN. Unless all `jobs` are right, none is carried out.
        """
        with pass_through_hydra():
            return self._launch(jobs)

    def _launch(self, jobs: Sequence[Values]) -> list[float]:
        jobs = [values.name_study(job) for job in jobs]
        runs = tuple(values.to_run(job) for job in jobs)
        self.options = values.to_options(jobs)
        self._check_own_activations(runs)
        different = len({str(find_acting(run)) for run in runs})
        if different < len(runs):
            reason = "a key that cannot act in a run, such as norm.eps under none, makes no other run of it"
            print(f"bnexp: {len(runs)} runs asked, {different} different: {reason}", file=sys.stderr)
        rows = self.carry_out(Request(self.command, self.started, tuple(jobs), runs, self.options))
        if rows is None:
            return [math.inf] * len(jobs)
        self.trained.append(rows)
        return [row["validation_loss"] if row["status"] == "done" else math.inf for row in rows.to_dict("records")]

    def _check_own_activations(self, runs: Sequence[Run]) -> None:
        """Raise `UserError` unless each activation of the user's is one; say so if the store has runs of older code."""
        own = dict.fromkeys((str(run.activation), run.activation_code) for run in runs if run.activation_code)
        if not own:
            return
        from bnexp.engine.own_activations import load
        from bnexp.store.own_names import describe_edits

        for name, code in own:
            load(name, code)
        assert self.options is not None
        stored = open_store(self.options).read_runs(["run", "status", "probes", "activation", "activation_code"])
        for sentence in describe_edits(stored, own):
            print(f"bnexp: {sentence}", file=sys.stderr)

    def conclude(self) -> None:
        """Print the table of all that was trained, and draw its report."""
        if self.options is None or not self.trained:
            return
        import pandas as pd

        from bnexp.cli.report import conclude

        rows = pd.concat(self.trained, ignore_index=True).drop_duplicates("run", keep="last", ignore_index=True)
        conclude(rows, open_store(self.options), draw=self.options.report, figure=self.options.figure)

    @property
    def failed(self) -> bool:
        """Whether a run failed."""
        return any((rows["status"] == "failed").any() for rows in self.trained)
