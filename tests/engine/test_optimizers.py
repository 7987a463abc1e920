"""What an update touches: schedules, weight decay, and what a lane does not learn."""

import dataclasses

import pytest
import torch

from bnexp.engine import training
from tests.support.lanes import DEVICE, begin, pack_of, small_data, small_run


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
