"""A maker of rows that look like those of a store, with numbers simple enough to compute by hand.

Accuracies rise from 0.1 at step 0 to the final one of the run, losses fall from 2.4 to the final one, both on
straight lines; there is an evaluation every 10 of 40 steps and a training value every 5.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bnexp.choices import Activation, Optimizer, Placement
from bnexp.runs import Run, find_acting
from bnexp.statistics.arms import score_runs
from bnexp.statistics.design import deduce_design
from bnexp.statistics.grid import Grid, build_grid
from bnexp.store.schemas import METRICS

STEPS, EVALUATE, EVERY = 40, 10, 5
START_ACCURACY, START_LOSS, END_LOSS = 0.1, 2.4, 0.4

Rows = tuple[pd.DataFrame, pd.DataFrame]


def product(
    placements: Iterable[str] = ("none", "pre", "post"),
    activations: Iterable[str] = ("relu",),
    lrs: Iterable[float] = (0.1,),
    seeds: Iterable[int] = range(3),
) -> list[Run]:
    """Return the runs of a sweep on digits."""
    return [
        Run(
            placement=Placement(placement),
            activation=Activation(activation),
            lr=lr,
            seed=seed,
            data="digits",
            data_train=1200,
            data_validation=300,
            steps=STEPS,
            evaluate=EVALUATE,
        )
        for placement in placements
        for activation in activations
        for lr in lrs
        for seed in seeds
    ]


def name(run: Run) -> str:
    """Return an id: equal for equal runs, whatever cannot act."""
    return "/".join(str(value) for value in find_acting(run).values())


def rows(
    runs: Iterable[Run],
    accuracy: Callable[[Run], float] = lambda run: 0.9 + 0.01 * run.seed,
    end_loss: float = END_LOSS,
    diverged: Mapping[Run, int] = {},
) -> Rows:
    """Return the frames `runs` and `curves`; `diverged` says at which step a run did."""
    ended, points = [], []
    for run in dict.fromkeys(runs):
        step = np.arange(0, run.steps + 1, EVERY)
        part = step / run.steps
        accuracies = START_ACCURACY + (accuracy(run) - START_ACCURACY) * part
        losses = START_LOSS + (end_loss - START_LOSS) * part
        evaluated, trained = (step % run.evaluate == 0) | (step == run.steps), step > 0
        columns = {
            metric: np.where(
                trained if metric.startswith("train") else evaluated,
                accuracies if metric.endswith("accuracy") else losses,
                np.nan,
            )
            for metric in METRICS
        }
        curve = pd.DataFrame({"run": name(run), "step": step, "epoch": step / run.steps_per_epoch, **columns})
        status, last = "done", curve[list(METRICS)].to_numpy()[-1]
        if run in diverged:
            status, last = "diverged", last * np.nan
            curve = curve[curve["step"] < diverged[run]]
        points.append(curve)
        facts: dict[str, Any] = {
            "classes": 10,
            "status": status,
            "diverged_step": diverged.get(run),
            "pack": "synthetic",
        }
        ended.append(
            {
                "run": name(run),
                **find_acting(run),
                "epochs": run.epochs,
                **facts,
                **dict(zip(METRICS, last, strict=True)),
            }
        )
    return pd.DataFrame(ended), pd.concat(points, ignore_index=True)


def clear_accuracy(run: Run) -> float:
    """Return accuracies of which those of any two arms differ clearly: a test decides as soon as it has the seeds."""
    arm = 0.5 * len(run.hidden) + list(Placement).index(run.placement)
    arm += 0.3 * (run.norm_eps > 1e-4) + 0.2 * (run.optimizer != Optimizer.sgd) + 0.7 * (run.activation == "tanh")
    return 0.7 + 0.05 * arm - 0.05 * (run.lr != 0.1) + 0.001 * (7 * run.seed % 5) * (1 + arm)


def grid(runs: pd.DataFrame, compared: str = "placement") -> Grid:
    """Return the grid of a frame `runs`, as it comes from `rows` or a store, in which `compared` is compared."""
    scored = score_runs(runs)
    return build_grid(scored, deduce_design(scored, compared))
