"""Learning-rate schedules against torch's."""

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from bnexp.engine.schedules import compute_learning_rates
from tests.support.lanes import small_run


def torch_rates(make, lr: float, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.filterwarnings("ignore:The epoch parameter in:UserWarning")  # torch 2.6 warns of a call of its own
@pytest.mark.parametrize(
    ("settings", "make"),
    [
        ({"schedule": "constant"}, lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
        ({"schedule": "cosine"}, lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=30)),
        (
            {"schedule": "step", "schedule_every": 7, "schedule_factor": 0.3},
            lambda o: lr_scheduler.StepLR(o, step_size=7, gamma=0.3),
        ),
        ({"warmup": 5}, lambda o: lr_scheduler.LambdaLR(o, lambda t: min(1.0, (t + 1) / 5))),
        (
            {"schedule": "cosine", "warmup": 6},
            lambda o: lr_scheduler.SequentialLR(
                o,
                [lr_scheduler.LambdaLR(o, lambda t: (t + 1) / 6), lr_scheduler.CosineAnnealingLR(o, T_max=24)],
                milestones=[6],
            ),
        ),
    ],
)
def test_a_schedule_is_that_of_torch(settings, make):
    run = small_run(steps=30, lr=0.4, **settings)
    assert compute_learning_rates([run], np.arange(30))[:, 0] == pytest.approx(
        torch_rates(make, 0.4, 30), rel=1e-12, abs=1e-15
    )


def test_each_lane_follows_its_own_schedule_and_segments_do_not_restart_it():
    runs = [
        small_run(lr=0.1, schedule="cosine"),
        small_run(lr=0.2, schedule="step", schedule_every=3),
        small_run(lr=0.3),
    ]
    whole = compute_learning_rates(runs, np.arange(20))
    parts = np.concatenate(
        [compute_learning_rates(runs, np.arange(0, 7)), compute_learning_rates(runs, np.arange(7, 20))]
    )
    assert (whole == parts).all()
    assert (whole[:, 2] == 0.3).all()
    assert whole[3, 1] == pytest.approx(0.02)
    assert whole[-1, 0] < 0.01
