"""Population statistics against torch's own cumulative average, and what they must leave alone."""

import dataclasses

import pytest
import torch

from bnexp.data.datasets import batch_order
from bnexp.engine import population_statistics, training
from tests.support.lanes import PLACEMENTS, begin, distances, pack_of, reference_of, small_data, small_run

SETTINGS = [
    {"placement": placement, "activation": activation, "norm_statistics": statistics, "norm_eps": eps}
    for placement in PLACEMENTS
    for activation, eps in (("tanh", 1e-5), ("relu", 1e-2))
    for statistics in ("running", "population")
]


def whole_batches(state, run):
    """The inputs of the whole batches of the seed's first epoch, written down the obvious way."""
    x, _ = state.examples.train
    order = torch.from_numpy(batch_order(run.seed, 0, run.data_train)).to(x.device)
    return [x[order[start : start + run.batch_size]] for start in range(0, 45, 9)]


def test_evaluation_of_a_mixed_pack_uses_the_statistics_of_each_lane():
    pack = pack_of(small_run(seed=seed, lr=0.2, **settings) for settings in SETTINGS for seed in (3, 8))
    state = begin(pack, small_data())
    assert state.network.population_SG11.sum() == 2 * 6  # under none they cannot act
    start = [{n: v.clone() for n, v in state.network.lane(r).items()} for r in range(len(pack.runs))]
    last = list(training.train(state))[-1]
    x, y = state.examples.train
    for r, run in enumerate(pack.runs):
        source = reference_of(run, start[r])
        for epoch in range(4):
            order = torch.from_numpy(batch_order(run.seed, epoch, run.data_train)).to(x.device)
            for rows in order.split(run.batch_size)[: 20 - 6 * epoch]:
                source.step(x[rows], y[rows])
        running = source.evaluate(*state.examples.validation)[0]
        if run.norm_statistics == "population":
            source.use_population_statistics(whole_batches(state, run))
            assert abs(source.evaluate(*state.examples.validation)[0] / running - 1) > 1e-3
        assert last.validation_loss[r] == pytest.approx(source.evaluate(*state.examples.validation)[0], rel=1e-9)
        assert max(distances(state.network.lane(r), source)) < 1e-9


def test_the_statistics_have_no_part_in_training():
    running, fixed = (
        begin(pack_of(small_run(lr=0.2, placement=p, norm_statistics=how) for p in ("pre", "post")), small_data())
        for how in ("running", "population")
    )
    for one, other in zip(training.train(running), training.train(fixed), strict=True):
        assert one.step == 0 or (one.train_loss == other.train_loss).all()
    for r in range(2):
        own, other = fixed.network.lane(r), running.network.lane(r)
        assert all(torch.equal(own[name], other[name]) for name in own if "running" not in name)
        assert not torch.equal(own["1.running_mean"], other["1.running_mean"])


def test_a_neighbour_with_population_statistics_moves_no_bit_of_a_lane_with_running_ones():
    runs = [small_run(placement=p, lr=lr) for p in ("pre", "post") for lr in (0.1, 0.2)]
    alone, beside = (
        begin(pack_of([runs[0], dataclasses.replace(runs[1], norm_statistics=statistics), *runs[2:]]), small_data())
        for statistics in ("running", "population")
    )
    one, other = list(training.train(alone))[-1], list(training.train(beside))[-1]
    lanes = [r for r, run in enumerate(beside.pack.runs) if run.norm_statistics == "running"]
    assert len(lanes) == 3
    for r in lanes:
        twin = alone.pack.runs.index(beside.pack.runs[r])
        assert one.test_loss[twin] == other.test_loss[r]
        for name, tensor in beside.network.lane(r).items():
            assert torch.equal(tensor, alone.network.lane(twin)[name])


def test_an_average_over_one_batch_is_that_batch_with_its_variance_unbiased():
    state = begin(pack_of([small_run(placement="pre", norm_statistics="population")]), small_data())
    x = state.examples.train[0][:9]
    population_statistics.estimate(state.network, state.workspace(9), iter([x[None]]))
    lane = state.network.lane(0)
    product = x @ lane["1.weight"]
    torch.testing.assert_close(lane["1.running_mean"], product.mean(0))
    torch.testing.assert_close(lane["1.running_var"], product.var(0, correction=1))
    assert (state.network.momentum_SG11 == 0).all()
