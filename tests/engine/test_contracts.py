"""Contract 1: a lane of a pack is a run alone is the reference. Contract 2: randomness is keyed. Contract 3:
divergence."""

import dataclasses

import numpy as np
import pytest
import torch

from bnexp.choices import Activation, Affine
from bnexp.data.datasets import batch_order
from bnexp.data.datasets import load as load_data
from bnexp.engine import training
from bnexp.engine.batches import cut_segments
from bnexp.runs import Run
from tests.support.lanes import (
    DEVICE,
    PLACEMENTS,
    begin,
    distance,
    distances,
    load,
    pack_of,
    reference_of,
    small_data,
    small_run,
    transpose,
)

TOLERANCE = 1e-9

OPTIMIZERS = {
    "sgd": {"lr": 0.1},
    "sgd with decay": {"lr": 0.1, "weight_decay": 0.02},
    "momentum": {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.02, "decay_all": True},
    "nesterov": {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.02},
    "adam": {"lr": 0.01, "optimizer": "adam", "weight_decay": 0.02, "beta1": 0.8, "adam_eps": 1e-6},
    "adamw": {"lr": 0.01, "optimizer": "adamw", "weight_decay": 0.02, "decay_all": True, "adam_eps": 1e-6},
}
"""Adam with an eps of 1e-8 is ill-conditioned where a gradient is zero but for rounding (beta under `pre` with the
identity):
noise of 1e-15 over 1e-8 moves the parameter, in the reference as here. An eps of 1e-6 keeps the comparison
well-posed."""

ARMS = [(placement, activation) for placement in PLACEMENTS for activation in list(Activation)[:10]]
"""Every optimizer with each of these; the activations after the first ten with plain SGD alone."""
MORE_ARMS = [(placement, activation) for placement in PLACEMENTS for activation in list(Activation)[10:]]


def batches(run, steps):
    """The training examples [K, S=1, B] of the first `steps` steps, written down the obvious way."""
    rows = []
    for epoch in range(steps // run.steps_per_epoch + 1):
        rows += torch.from_numpy(batch_order(run.seed, epoch, run.data_train)).to(DEVICE).split(run.batch_size)
    return rows[:steps]


@pytest.mark.parametrize(
    ("arms", "steps", "settings"),
    [
        *((ARMS, 12, settings) for settings in OPTIMIZERS.values()),
        (MORE_ARMS, 20, {"lr": 0.05}),
        *(pytest.param(ARMS, 200, settings, marks=pytest.mark.slow) for settings in OPTIMIZERS.values()),
    ],
    ids=[*OPTIMIZERS, "more activations", *(f"200 steps of {name}" for name in OPTIMIZERS)],
)
def test_each_of_many_single_steps_agrees_with_the_reference(arms, steps, settings):
    data = small_data()
    pack = pack_of(small_run(placement=p, activation=a, steps=steps, **settings) for p, a in arms)
    state = begin(pack, data)
    references = [reference_of(run, state.network.lane(r)) for r, run in enumerate(pack.runs)]
    x, y = state.examples.train
    worst = 0.0
    for rows in batches(pack.runs[0], steps):
        for r, source in enumerate(references):
            load(state, r, source)
        state, loss_KR, correct_KR = training.advance(state, rows[None, None])
        for r, source in enumerate(references):
            loss, correct = source.step(x[rows], y[rows])
            worst = max(worst, *distances(state.network.lane(r), source), abs(loss_KR[0, r].item() / loss - 1))
            assert correct_KR[0, r] == correct
    assert worst < TOLERANCE


@pytest.mark.parametrize("settings", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_twenty_free_steps_of_a_mixed_pack_agree_with_the_reference_and_with_each_run_alone(settings):
    data = small_data()
    different = [
        {"norm_eps": 1e-5, "norm_momentum": 0.1, "init_gain": 1.0, "norm_affine": Affine.both},
        {
            "norm_eps": 1e-2,
            "norm_momentum": 0.5,
            "init_gain": 2.0,
            "norm_affine": Affine.gamma,
            "init_scheme": "he",
            "hidden_lr_scale": 3.0,
        },
        {
            "hidden_lr_scale": 0.25,
            "norm_eps": 1e-3,
            "norm_momentum": 0.01,
            "init_gain": 0.5,
            "norm_affine": Affine.none,
            "init_scheme": "xavier",
        },
    ]
    arms = [
        {"placement": p, "activation": a, **different[i % 3], **settings, "lr": settings["lr"] * (1 + i % 4)}
        for i, (p, a) in enumerate(ARMS)
    ]
    pack = pack_of(small_run(seed=seed, **arm) for seed in (3, 8) for arm in arms)
    state = begin(pack, data)
    first = [{n: v.clone() for n, v in state.network.lane(r).items()} for r in range(len(pack.runs))]
    points = list(training.train(state))
    x, y = state.examples.train
    for r in range(
        0, len(pack.runs), 7
    ):  # 7 and the number of arms, 30, share no factor: both seeds and all arms' kinds
        run = pack.runs[r]
        source = reference_of(run, first[r])
        losses = [source.step(x[rows], y[rows])[0] for rows in batches(run, run.steps)]
        assert max(distances(state.network.lane(r), source)) < TOLERANCE
        assert points[-1].validation_loss[r] == pytest.approx(
            source.evaluate(*state.examples.validation)[0], rel=TOLERANCE
        )
        assert points[-1].test_accuracy[r] == source.evaluate(*state.examples.test)[1]
        assert points[1].train_loss[r] == pytest.approx(losses[0], rel=TOLERANCE)

        alone = begin(pack_of([run]), data)
        last = list(training.train(alone))[-1]
        assert distance(alone.network.lane(0).values(), state.network.lane(r).values()) < TOLERANCE
        assert last.test_loss[0] == pytest.approx(points[-1].test_loss[r], rel=TOLERANCE)


def test_the_comparison_would_see_a_run_that_differs_in_one_setting():
    data = small_data()
    base = small_run(placement="post", activation="tanh", momentum=0.9, weight_decay=0.1)
    changes = [
        {"placement": "pre"}, {"activation": "sigmoid"}, {"lr": 0.1001}, {"momentum": 0.89}, {"weight_decay": 0.11},
        {"norm_eps": 1.1e-5}, {"norm_affine": "gamma"}, {"init_gain": 1.01}, {"decay_all": True}, {"nesterov": True},
        {"hidden_lr_scale": 1.001}, {"init_hidden_gain": 1.01},
    ]  # fmt: skip
    state = begin(pack_of([base]), data)
    list(training.train(state))
    for change in changes:
        other = begin(pack_of([dataclasses.replace(base, **change)]), data)
        list(training.train(other))
        assert distance([other.network.lane(0)["3.weight"]], [state.network.lane(0)["3.weight"]]) > 1e-6


def losses_of(run):
    return np.array([point.train_loss[0] for point in training.train(begin(pack_of([run]), small_data()))])[1:]


@pytest.mark.parametrize(
    ("arm", "same"),
    [(("pre", a), True) for a in ("relu", "sigmoid", "gelu")]
    + [(("post", a), a in ("relu", "leaky_relu")) for a in ("relu", "leaky_relu", "sigmoid", "gelu")]
    + [(("none", a), False) for a in ("relu", "tanh")],
)
def test_a_scale_of_the_hidden_layers_does_not_change_a_loss_where_the_placement_makes_it_invisible(arm, same):
    placement, activation = arm
    run = small_run(placement=placement, activation=activation, lr=0.2, evaluate=10)
    losses = losses_of(run)
    for a in (0.25, 4.0, 10.0):
        scale = {"init_hidden_gain": a, "hidden_lr_scale": a**2, "norm_eps": a**2 * run.norm_eps}
        scaled = losses_of(dataclasses.replace(run, **scale))
        if not same:
            assert np.abs(scaled / losses - 1).max() > 1e-2
        elif a == 10:
            np.testing.assert_allclose(scaled, losses, rtol=1e-9)
        else:  # a power of two changes no bit of a mantissa
            np.testing.assert_array_equal(scaled, losses)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_the_first_float32_gradient_agrees_with_the_reference(placement):
    data = small_data()
    pack = pack_of(small_run(placement=placement, activation=a, dtype="float32", lr=1.0) for a in Activation)
    state = begin(pack, data)
    before = [{n: v.clone() for n, v in state.network.lane(r).items()} for r in range(len(pack.runs))]
    references = [reference_of(run, before[r]) for r, run in enumerate(pack.runs)]
    rows = batches(pack.runs[0], 1)[0]
    x, y = state.examples.train
    state, _, _ = training.advance(state, rows[None, None])
    for r, source in enumerate(references):
        source.step(x[rows], y[rows])
        learned = [name for name, tensor in source.named.items() if tensor.requires_grad]
        moved = [before[r][name] - state.network.lane(r)[name] for name in learned]
        assert distance(moved, [transpose(source.named[name].grad) for name in learned]) < 1e-5


def test_a_short_last_batch_is_trained_on_and_every_example_is_seen_once_an_epoch():
    run = small_run(steps=12)
    seen = [rows[:, 0] for rows in cut_segments(pack_of([run]), DEVICE)]
    assert [len(row) for rows in seen for row in rows] == [9, 9, 9, 9, 9, 2] * 2
    for epoch in (0, 1):
        examples = torch.cat([row for rows in seen for row in rows][6 * epoch : 6 * epoch + 6])
        assert sorted(examples.tolist()) == list(range(47))


def test_initial_weights_are_bitwise_those_of_the_seed_whatever_the_arm_the_pack_and_the_lane():
    data = small_data()
    wide = begin(pack_of(small_run(placement=p, activation=a, seed=s) for p, a in ARMS for s in (5, 1, 9)), data)
    alone = begin(pack_of([small_run(seed=9, placement="pre")]), data).network.lane(0)
    of_seed = [r for r, run in enumerate(wide.pack.runs) if run.seed == 9]
    assert len(of_seed) == len(ARMS)
    for r in of_seed:
        for name, tensor in wide.network.lane(r).items():
            if name in alone:
                assert torch.equal(tensor, alone[name])
    other = wide.network.lane(next(r for r, run in enumerate(wide.pack.runs) if run.seed == 5))
    assert not torch.equal(other["1.weight"], alone["1.weight"])
    assert not torch.equal(other["2.weight"][:8, :8], other["1.weight"][:8, :8])


def test_the_batch_order_is_that_of_seed_and_epoch_and_of_nothing_else():
    state = begin(pack_of(small_run(seed=s, placement=p, steps=18) for s in (4, 2) for p in PLACEMENTS), small_data())
    np.random.seed(0)  # noqa: NPY002 - a global stream that must not matter
    rows_KSB = torch.cat([rows.flatten(2).transpose(0, 1).flatten(1) for rows in cut_segments(state.pack, DEVICE)], 1)
    for s, seed in enumerate(state.pack.seeds):
        wanted = torch.cat(batches(small_run(seed=seed), 18))
        assert torch.equal(rows_KSB[s], wanted)
    assert not torch.equal(rows_KSB[0, :47], rows_KSB[0, 47:94])


def test_a_diverged_lane_is_marked_frozen_and_leaves_its_neighbours_bitwise_unchanged():
    data = small_data()
    kinds = [(p, lr, seed) for p in PLACEMENTS for lr in (0.05, 0.1, 0.2) for seed in (0, 1)]
    calm = [small_run(placement=p, activation="leaky_relu", lr=lr, seed=seed) for p, lr, seed in kinds]
    wild = [dataclasses.replace(run, lr=1e4) if (run.placement, run.lr) == ("none", 0.2) else run for run in calm]
    with_wild, without = begin(pack_of(wild), data), begin(pack_of(calm), data)
    points, quiet = list(training.train(with_wild)), list(training.train(without))
    diverged = points[-1].diverged_step > 0
    assert [run.lr == 1e4 for run in with_wild.pack.runs] == diverged.tolist()
    assert (quiet[-1].diverged_step == 0).all()
    calm_lane = {run: r for r, run in enumerate(without.pack.runs)}
    for r, run in enumerate(with_wild.pack.runs):
        if diverged[r]:
            assert all(tensor.isnan().all() for tensor in with_wild.network.lane(r).values())
            assert np.isnan([points[-1].train_loss[r], points[-1].test_loss[r], points[-1].test_accuracy[r]]).all()
            continue
        for name, tensor in with_wild.network.lane(r).items():
            assert torch.equal(tensor, without.network.lane(calm_lane[run])[name])
        assert points[-1].validation_loss[r] == quiet[-1].validation_loss[calm_lane[run]]


def test_the_step_of_divergence_is_that_of_the_first_loss_that_is_not_finite():
    data, run = small_data(), small_run(activation="leaky_relu", lr=1e4, steps=60, evaluate=20)
    state = begin(pack_of([run, dataclasses.replace(run, lr=0.1)]), data)
    source = reference_of(state.pack.runs[1], state.network.lane(1))
    x, y = state.examples.train
    losses = [source.step(x[rows], y[rows])[0] for rows in batches(run, 60)]
    first = next(step for step, loss in enumerate(losses, start=1) if not np.isfinite(loss))
    points = list(training.train(state))
    assert points[-1].diverged_step.tolist() == [0, first]
    assert points[-1].step == 60


def test_training_ends_early_when_every_lane_has_diverged():
    state = begin(
        pack_of([small_run(activation="leaky_relu", lr=1e4, steps=6000, evaluate=10, seed=s) for s in (0, 1)]),
        small_data(),
    )
    points = list(training.train(state))
    assert (points[-1].diverged_step > 0).all()
    assert points[-1].step < 200


def test_a_parameter_that_is_not_finite_is_a_divergence_even_if_the_loss_is_finite():
    state = begin(pack_of([small_run(activation="sigmoid")]), small_data())
    state.network.lane(0)["1.weight"][0, 0] = torch.inf  # sigmoid(inf) = 1: the loss stays finite
    state, loss_KR, _ = training.advance(state, torch.arange(9, device=DEVICE)[None, None])
    diverged_step = np.zeros(1, np.int64)
    training._note_divergence(diverged_step, loss_KR.cpu().numpy(), 0)
    assert diverged_step.tolist() == [0]
    training._freeze(state, diverged_step)
    assert diverged_step.tolist() == [1]
    assert all(tensor.isnan().all() for tensor in state.network.lane(0).values())


def test_training_does_not_read_or_move_the_global_generators():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = list(training.train(begin(pack_of([small_run()]), small_data())))[-1]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    again = list(training.train(begin(pack_of([small_run()]), small_data())))[-1]
    assert first.test_loss == again.test_loss


def test_losses_on_real_mnist_batches_agree_with_the_reference(mnist_root):
    data = load_data("mnist", root=mnist_root, train=None, validation=None, standardize=False)
    arms = [(p, a) for p in PLACEMENTS for a in ("relu", "sigmoid")]
    runs = [Run(placement=p, activation=a, steps=20, evaluate=20, dtype="float64") for p, a in arms]
    state = begin(pack_of(runs), data)
    references = [reference_of(run, state.network.lane(r), 784, 10) for r, run in enumerate(state.pack.runs)]
    x, y = state.examples.train
    for rows in batches(runs[0], 20):
        state, loss_KR, _ = training.advance(state, rows[None, None])
        for r, source in enumerate(references):
            assert loss_KR[0, r].item() == pytest.approx(source.step(x[rows], y[rows])[0], rel=TOLERANCE)
