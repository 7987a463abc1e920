"""Learning-rate schedules against torch's, and what weight decay touches."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from bnexp.engine import training
from bnexp.engine.schedules import compute_learning_rates
from tests.support.lanes import DEVICE, begin, pack_of, small_data, small_run


def torch_rates(make, lr: float, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


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


def test_the_schedule_reaches_the_weights():
    data = small_data()
    base = small_run(steps=10, lr=0.1)
    constant, warm = (begin(pack_of([dataclasses.replace(base, warmup=w)]), data) for w in (0, 4))
    before = constant.network.lane(0)["1.weight"].clone()
    rows_KSB = torch.arange(9, device=DEVICE)[None, None]
    for state in (constant, warm):
        training.advance(state, rows_KSB)
    moved = [state.network.lane(0)["1.weight"] - before for state in (constant, warm)]
    torch.testing.assert_close(moved[1], moved[0] / 4)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_weight_decay_spares_norm_parameters_and_biases_unless_asked(optimizer):
    data = small_data()

    def trained(**settings: object) -> dict[str, torch.Tensor]:
        base = small_run(placement="post", activation="tanh", optimizer=optimizer, lr=0.01, steps=1, evaluate=1)
        state = begin(pack_of([dataclasses.replace(base, **settings)]), data)
        list(training.train(state))
        return state.network.lane(0)

    plain, spared, decayed = trained(), trained(weight_decay=0.5), trained(weight_decay=0.5, decay_all=True)
    for name in plain:
        if "running" not in name:
            assert torch.equal(plain[name], spared[name]) == (not name.endswith("weight"))
        if name.endswith("gamma"):
            assert not torch.equal(spared[name], decayed[name])


@pytest.mark.parametrize("placement", ["pre", "post"])
def test_affine_says_which_of_gamma_and_beta_are_learned(placement):
    data = small_data()
    for affine in ("both", "gamma", "beta", "none"):
        state = begin(pack_of([small_run(placement=placement, norm_affine=affine)]), data)
        list(training.train(state))
        lane = state.network.lane(0)
        assert bool((lane["1.gamma"] == 1).all()) == (affine in ("beta", "none"))
        assert bool((lane["2.beta"] == 0).all()) == (affine in ("gamma", "none"))


def test_parameters_that_a_lane_lacks_stay_neutral_under_every_optimizer():
    data = small_data()
    for settings in ({}, {"momentum": 0.9}, {"optimizer": "adam"}, {"optimizer": "adamw"}):
        pack = pack_of(small_run(placement=p, weight_decay=0.1, decay_all=True, **settings) for p in ("none", "pre"))
        state = begin(pack, data)
        list(training.train(state))
        network = state.network
        assert (network.vector_SG1O("gamma", 0, network.vectors_RP)[:, 0] == 1).all()
        assert (network.vector_SG1O("beta", 0, network.vectors_RP)[:, 0] == 0).all()
        assert (network.vector_SG1O("bias", 0, network.vectors_RP)[:, 1] == 0).all()
        assert (network.vector_SG1O("bias", 0, network.vectors_RP)[:, 0] != 0).any()


def test_a_beta_that_float32_rounds_to_one_still_trains():
    run = small_run(optimizer="adam", beta2=0.99999999, lr=1e-3, dtype="float32", activation="tanh")
    points = list(training.train(begin(pack_of([run]), small_data())))
    assert points[-1].diverged_step.tolist() == [0]
    assert points[-1].train_loss[0] < points[1].train_loss[0]
