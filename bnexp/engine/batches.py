"""Which training examples a pack sees at each step, and at which steps there is a point of its curves.

Letters: S seeds, K steps, B examples in a batch, N examples in the order in which a seed visits them.

Everything depends on the seed, the epoch and the sizes of a run alone: a resumed pack, or another one with the same
seeds, sees the same batches.
"""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from torch import Tensor

from bnexp.data.datasets import batch_order
from bnexp.engine.packs import Pack
from bnexp.runs import Run

POINTS_PER_EVALUATION: Final = 10
"""Points of the training curve for each evaluation: fine enough to see the first epoch, small enough to store."""


def cut_segments(pack: Pack, device: torch.device) -> Iterator[Tensor]:
    """Yield the indices of the training examples [K, S, B] of consecutive steps, from the first to the last.

    They are cut where a point is due, an epoch ends, or its last batch is a short one.
    """
    run = pack.runs[0]
    per_epoch, whole = run.steps_per_epoch, run.data_train // run.batch_size
    step, epoch, order_SN = 0, -1, torch.empty(0)
    while step < run.steps:
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order_SN = _order_examples(pack, epoch, device)
        position = step % per_epoch
        end_of_batch_size = epoch * per_epoch + (whole if position < whole else per_epoch)
        stop = min(end_of_batch_size, find_next_point(run, step))
        rows_SN = order_SN[:, position * run.batch_size : (position + stop - step) * run.batch_size]
        yield rows_SN.view(len(pack.seeds), stop - step, -1).transpose(0, 1)
        step = stop


def find_next_point(run: Run, step: int) -> int:
    """Return the first step after `step` at which a point of the curves is due.

    There are `POINTS_PER_EVALUATION` points from one evaluation to the next, and one after the last step.
    """
    every, since = math.ceil(run.evaluate / POINTS_PER_EVALUATION), step % run.evaluate
    return min(step - since + min(since - since % every + every, run.evaluate), run.steps)


def take_first_examples(pack: Pack, examples: int, device: torch.device) -> Tensor:
    """Return the indices [S, N] of the first training examples that each seed visits in its epoch 0: a fixed sample.

    It is the same for all arms and at all steps, so that nothing changes between two steps but the weights.
    """
    return _order_examples(pack, 0, device)[:, :examples]


def _order_examples(pack: Pack, epoch: int, device: torch.device) -> Tensor:
    """Return the order [S, N] in which each seed visits the training examples in `epoch`."""
    orders = np.stack([batch_order(seed, epoch, pack.runs[0].data_train) for seed in pack.seeds])
    return torch.from_numpy(orders).to(device)
