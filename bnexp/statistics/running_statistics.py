"""Whether an evaluation by running statistics says something of the trained network, or only of the statistics.

The running mean and variance start at 0 and 1, and after each step are (1 − m) times the old ones plus m times those of
the batch, m being norm.momentum: after t steps (1 − m)ᵗ of them is still what they started at.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.choices import NormStatistics, Placement
from bnexp.statistics.intervals_and_tests import Floats

Booleans = NDArray[np.bool_]

STALE: Final = 0.02
"""Share of the start from which on running statistics are called stale.

Digits, 100 steps, hidden 16-16, pre and post, relu and sigmoid, n = 10 seeds: with 0.048 left an arm loses 1.9 to 14.7
points of validation accuracy against population statistics, with 0.006 left 0.2 to 2.7, and with none left
(norm.momentum 0.1) −0.2 to 2.6.
"""

APART: Final = 0.1
"""How much further an arm may fall behind its training accuracy than the other one does.

Training accuracy is by the statistics of the batches. Overfitting, on the same data, is much alike in two arms: what
drives them apart by ten points is, where one is evaluated by running statistics, most likely these.
"""


def uses_running(runs: pd.DataFrame) -> Booleans:
    """Return which runs are evaluated by running statistics; those of a diverged run evaluate nothing."""
    running = (runs["placement"] != Placement.none) & (runs["norm_statistics"] == NormStatistics.running)
    return (running & (runs["status"] != "diverged")).to_numpy(dtype=bool)


def share_left(runs: pd.DataFrame) -> Floats:
    """Return which share of the running statistics of each run is from before training, 0 for a run without any."""
    momentum = runs["norm_momentum"].to_numpy(dtype=float, na_value=np.nan)
    share = (1 - momentum) ** runs["steps"].to_numpy(dtype=float)
    return np.where(uses_running(runs), share, 0.0)


def lag(runs: pd.DataFrame) -> Floats:
    """Return by how much each run falls behind its training accuracy in the validation, 0 for a diverged run."""
    behind = (runs["train_accuracy"] - runs["validation_accuracy"]).to_numpy(dtype=float)
    return np.where(runs["status"] == "diverged", 0.0, behind)
