"""Every normalizer against autograd, finite differences and its own definition, alone and in nets that train."""

import dataclasses

import pytest
import torch
from torch import Tensor

from bnexp.choices import Affine
from bnexp.data.datasets import batch_order
from bnexp.engine import normalizers, propagation, training
from bnexp.engine.normalizers import Norm
from bnexp.norms.kinds import NormKind
from tests.support import norms
from tests.support.lanes import (
    DEVICE,
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

SGBH, INPUTS, PART, FREEZE = (2, 3, 11, 5), 4, 4, 7
"""Parts of 4 of 11 examples leave a rest of 3."""

CASES = [(kind, 1) for kind in NormKind] + [(NormKind.frozen, FREEZE + 1)]
"""A kind and the number of the step: frozen statistics are others after the first steps."""

PLACES = [(kind, place) for kind in NormKind for place in ("pre", "post") if (kind, place) != ("weight", "post")]


def norm_for(kind: NormKind, gamma: Tensor, beta: Tensor, eps: Tensor, weight: Tensor | None = None) -> Norm:
    """A normalization alone, with running statistics that are those of nothing at hand."""
    mean, var = torch.full_like(gamma, 0.3), torch.full_like(gamma, 2.5)
    if kind in ("mean", "weight"):
        eps, var = torch.zeros_like(eps), torch.ones_like(var)
    if kind in ("variance", "weight"):
        mean = torch.zeros_like(mean)
    centred = gamma.new_empty(SGBH)
    return Norm(
        kind=kind, gamma=gamma, beta=beta, dgamma=torch.empty_like(gamma), dbeta=torch.empty_like(beta), eps=eps,
        momentum=torch.full_like(eps, 0.1), running_mean=mean, running_var=var,
        kept=normalizers.create_statistics(kind, centred, PART), freeze=FREEZE,
        weight_SGIH=weight if kind == "weight" else None,
    )  # fmt: skip


class Alone(torch.autograd.Function):
    """The hand-written pair as autograd would call it; the running statistics are constants."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps, weight, kind, step):
        norm, out = norm_for(kind, gamma, beta, eps, weight), torch.empty_like(x)
        normalizers.forward(norm, x, step=step, out=out)
        ctx.norm = norm
        return out

    @staticmethod
    def backward(ctx, d):
        out = torch.empty_like(d)
        normalizers.backward(ctx.norm, d, scratch=torch.empty_like(d), out=out)
        radial = None
        if ctx.norm.kind == "weight":
            radial = -normalizers.radial_slope(ctx.norm) * ctx.norm.weight_SGIH
        return out, ctx.norm.dgamma.clone(), ctx.norm.dbeta.clone(), None, radial, None, None


@pytest.fixture
def inputs():
    rng = torch.Generator().manual_seed(3)
    x = torch.randn(SGBH, dtype=torch.float64, generator=rng) * 2 + 1
    gamma, beta = (torch.randn(2, 3, 1, 5, dtype=torch.float64, generator=rng) for _ in range(2))
    weight = torch.randn(2, 3, INPUTS, 5, dtype=torch.float64, generator=rng)
    eps = torch.tensor([1e-5, 0.1, 1e-12, 1e-3, 1.0, 1e-8], dtype=torch.float64).view(2, 3, 1, 1)
    return x, gamma, beta, eps, weight


@pytest.mark.parametrize(("kind", "step"), [case for case in CASES if case[0] != "population"])
def test_the_backward_pass_is_the_derivative_of_the_forward_pass(kind, step, inputs):
    x, gamma, beta, eps, weight = inputs
    for tensor in (x, gamma, beta, weight):
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(Alone.apply, (x, gamma, beta, eps, weight, kind, step))


def test_the_backward_pass_under_population_is_that_of_batch_renormalization_at_its_r_and_d(inputs):
    x, gamma, beta, eps, _ = inputs
    mean, deviation = 0.3, (2.5 + eps).sqrt()
    r = (x.var(2, correction=0, keepdim=True) + eps).sqrt() / deviation
    shift = (x.mean(2, keepdim=True) - mean) / deviation
    weights = torch.arange(x.numel(), dtype=x.dtype).view_as(x).sin()

    def renormalize(x, gamma, beta):  # r and the shift stay what they are at x, whatever is put in
        x_hat = (x - x.mean(2, keepdim=True)) / (x.var(2, correction=0, keepdim=True) + eps).sqrt()
        return gamma * (x_hat * r + shift) + beta

    leaves = [tensor.clone().requires_grad_() for tensor in (x, gamma, beta)]
    assert torch.autograd.gradcheck(renormalize, leaves)
    (renormalize(*leaves) * weights).sum().backward()
    ours = [tensor.clone().requires_grad_() for tensor in (x, gamma, beta)]
    out = Alone.apply(*ours, eps, None, NormKind.population, 1)
    torch.testing.assert_close(out, gamma * (x - mean) / deviation + beta, rtol=1e-12, atol=1e-12)
    (out * weights).sum().backward()
    for one, other in zip(ours, leaves, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize(("kind", "step"), [case for case in CASES if case[0] not in ("weight", "population")])
def test_every_lane_is_what_its_definition_makes_of_it(kind, step, inputs):
    x, gamma, beta, eps, _ = inputs
    x.requires_grad_(), gamma.requires_grad_()
    out = Alone.apply(x, gamma, beta, eps, None, kind, step)
    weights = torch.arange(out.numel(), dtype=out.dtype).view_as(out).sin()  # so that no gradient cancels
    (out * weights).sum().backward()
    for s in range(2):
        for g in range(3):
            lane = x[s, g].detach().requires_grad_()
            norm = norms.KINDS[kind](5, eps=eps[s, g].item(), momentum=0.1, dtype=torch.float64)
            norm.weight.data.copy_(gamma[s, g, 0]), norm.bias.data.copy_(beta[s, g, 0])
            if kind == "frozen":
                norm.steps = step - 1
                norm.running_mean.fill_(0.3), norm.running_var.fill_(2.5)
            wanted = norm(lane)
            (wanted * weights[s, g]).sum().backward()
            torch.testing.assert_close(out[s, g], wanted, rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(x.grad[s, g], lane.grad, rtol=1e-10, atol=1e-11)
            torch.testing.assert_close(gamma.grad[s, g, 0], norm.weight.grad, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("kind", NormKind)
def test_the_gradient_may_take_the_place_of_its_source_and_of_what_was_kept(kind, inputs):
    x, gamma, beta, eps, weight = inputs
    d, wanted = torch.randn(SGBH, dtype=torch.float64), torch.empty(SGBH, dtype=torch.float64)
    norm = norm_for(kind, gamma, beta, eps, weight)
    normalizers.forward(norm, x, step=1, out=torch.empty_like(x))
    normalizers.backward(norm, d, scratch=torch.empty_like(d), out=wanted)
    shared = x.clone()
    kept = normalizers.create_statistics(kind, shared, PART)
    norm = dataclasses.replace(norm_for(kind, gamma, beta, eps, weight), kept=kept)
    normalizers.forward(norm, shared, step=1, out=torch.empty_like(x))
    normalizers.backward(norm, d, scratch=torch.empty_like(d), out=shared)
    assert torch.equal(shared, wanted)


@pytest.mark.parametrize("kind", NormKind)
def test_what_went_in_can_be_had_again(kind, inputs):
    x, gamma, beta, eps, weight = inputs
    norm = norm_for(kind, gamma, beta, eps, weight)
    normalizers.forward(norm, x, step=1, out=torch.empty_like(x))
    torch.testing.assert_close(normalizers.recover_input(norm), x, rtol=1e-12, atol=1e-12)


def test_a_rest_of_one_example_joins_the_part_before_it():
    kept = normalizers.create_statistics(NormKind.ghost, torch.empty(1, 1, 13, 2), 4)
    assert [tuple(one.centred_SGBH.shape[2:4]) for one in kept] == [(2, 4), (1, 5)]


def batches(run, steps):
    """The training examples of the first `steps` steps, written down the obvious way."""
    rows = []
    for epoch in range(steps // run.steps_per_epoch + 1):
        rows += torch.from_numpy(batch_order(run.seed, epoch, run.data_train)).to(DEVICE).split(run.batch_size)
    return rows[:steps]


def obvious(run, lane, x):
    """The reference of a run, with its parts, its number of steps and its reference batch."""
    source = reference_of(run, lane)
    for module in source.model:
        if isinstance(module, norms.Ghost):
            module.part = run.norm_ghost
        if isinstance(module, norms.Frozen):
            module.freeze = run.norm_freeze
    if run.norm_kind == "population":
        source.examples = x[torch.from_numpy(batch_order(run.seed, 0, run.data_train)).to(x.device)]
    return source


OPTIMIZERS = {
    "sgd": {"lr": 0.1, "weight_decay": 0.02, "hidden_lr_scale": 2.0},
    "momentum": {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.02},
    "adam": {"lr": 0.01, "optimizer": "adam", "adam_eps": 1e-6, "hidden_lr_scale": 0.5},
}


def kinds_of_runs(settings, **others):
    """Each kind at each place; batches of 9 leave one of 2: parts of 3 fit into both."""
    return [
        small_run(
            placement=place, activation=activation, norm_kind=kind, norm_ghost=3, norm_freeze=FREEZE, norm_eps=1e-3,
            norm_gamma=1.5, seed=seed, **settings, **others,
        )
        for kind, place in PLACES
        for activation, seed in (("tanh", 3), ("gelu", 3), ("tanh", 8), ("gelu", 8))
    ]  # fmt: skip


def packs_of(runs):
    """Packs by what shares one: the reference batch has its own."""
    whole = [run for run in runs if run.norm_kind != "population"]
    rest = [run for run in runs if run.norm_kind == "population"]
    return [pack_of(group) for group in (whole, rest) if group]


@pytest.mark.parametrize("settings", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_each_of_thirty_single_steps_of_every_kind_agrees_with_the_reference(settings):
    worst = 0.0
    for pack in packs_of([run for run in kinds_of_runs(settings, steps=30) if run.seed == 3]):
        state = begin(pack, small_data())
        x, y = state.examples.train
        references = [obvious(run, state.network.lane(r), x) for r, run in enumerate(pack.runs)]
        assert (state.network.vector_SG1O("gamma", 0, state.network.vectors_RP) == 1.5).all()
        for rows in batches(pack.runs[0], 30):
            for r, source in enumerate(references):
                load(state, r, source)
            state, loss_KR, _ = training.advance(state, rows[None, None])
            for r, source in enumerate(references):
                loss, _ = source.step(x[rows], y[rows])
                worst = max(worst, *distances(state.network.lane(r), source), abs(loss_KR[0, r].item() / loss - 1))
    assert worst < 1e-9


def assert_trains_as_its_reference(pack, lanes):
    """20 free steps of a pack, a run alone and the reference agree, and so do their evaluations."""
    data = small_data()
    state = begin(pack, data)
    x, y = state.examples.train
    first = [{n: v.clone() for n, v in state.network.lane(r).items()} for r in range(len(pack.runs))]
    last = list(training.train(state))[-1]
    for r in lanes:
        run = pack.runs[r]
        source = obvious(run, first[r], x)
        for rows in batches(run, run.steps):
            source.step(x[rows], y[rows])
        loss, accuracy = source.evaluate(*state.examples.validation)  # under population the statistics are moved first
        assert max(distances(state.network.lane(r), source)) < 1e-9
        assert last.validation_loss[r] == pytest.approx(loss, rel=1e-9)
        assert last.validation_accuracy[r] == accuracy
        alone = begin(pack_of([run]), data)
        list(training.train(alone))
        assert distance(alone.network.lane(0).values(), state.network.lane(r).values()) < 1e-9


def test_twenty_free_steps_of_a_pack_of_all_kinds_agree_with_the_reference_and_with_each_run_alone():
    # A large eps, because two examples that are nearly alike would be divided by nearly nothing: under `variance`,
    # which leaves their mean, outputs are then so large that the last bit decides the twentieth step.
    different = [{"norm_affine": affine, "norm_eps": 0.1} for affine in Affine]
    runs = [dataclasses.replace(run, **different[i // 4 % 4]) for i, run in enumerate(kinds_of_runs({"lr": 0.1}))]
    for pack in packs_of(runs):
        assert len(pack.seeds) == 2
        assert_trains_as_its_reference(pack, range(0, len(pack.runs), 3))


def test_both_norms_of_a_layer_and_norms_in_some_layers_alone_agree_with_the_reference():
    runs = [
        small_run(placement=place, activation="tanh", norm_layers=layers, norm_kind=kind, norm_gamma=2, seed=seed)
        for place in ("both", "pre", "post", "none")
        for layers in ("all", "first", "last")
        for kind in ("batch", "layer")
        for seed in (3, 8)
    ]
    assert_trains_as_its_reference(pack_of(runs), range(0, 28, 3))


@pytest.mark.parametrize("statistics", ["running", "population"])
def test_normalized_inputs_agree_with_the_reference(statistics):
    runs = [
        small_run(
            placement="input", activation=a, norm_momentum=0.3, norm_eps=0.01, seed=seed, norm_statistics=statistics
        )
        for a in ("tanh", "relu")
        for seed in (3, 8)
    ]  # fmt: skip
    if statistics == "running":
        assert_trains_as_its_reference(pack_of(runs), range(4))
        return
    state = begin(pack_of(runs), small_data())
    list(training.train(state))
    x, _ = state.examples.train
    order = torch.from_numpy(batch_order(3, 0, 47)).to(x.device)
    seen = x[order[:45]].view(5, 9, -1)
    torch.testing.assert_close(state.network.lane(0)["0.running_mean"], seen.mean((0, 1)))
    torch.testing.assert_close(state.network.lane(0)["0.running_var"], seen.var(1).mean(0))


def test_a_diverged_lane_with_normalized_inputs_leaves_its_neighbours_bitwise_unchanged():
    runs = [small_run(placement="input", activation="leaky_relu", lr=lr) for lr in (0.05, 0.1, 0.2)]
    wild = [*runs[:2], dataclasses.replace(runs[2], lr=1e4)]
    one, other = (begin(pack_of(some), small_data()) for some in (runs, wild))
    points = [list(training.train(state))[-1] for state in (one, other)]
    assert points[1].diverged_step.astype(bool).tolist() == [False, False, True]
    assert (points[0].validation_loss[:2] == points[1].validation_loss[:2]).all()


@pytest.mark.parametrize("kind", NormKind)
def test_a_diverged_lane_leaves_its_neighbours_of_every_kind_bitwise_unchanged(kind):
    runs = [small_run(placement="pre", norm_kind=kind, norm_ghost=3, lr=lr) for lr in (0.05, 0.1)]
    state, broken = (begin(pack_of(runs), small_data()) for _ in range(2))
    for tensor in broken.network.lane(0).values():
        tensor.fill_(torch.nan)
    for one in (state, broken):
        training.advance(one, torch.arange(9, device=DEVICE)[None, None])
    lanes = state.network.lane(1), broken.network.lane(1)
    assert all(torch.equal(tensor, lanes[1][name]) for name, tensor in lanes[0].items())
    assert broken.network.lane(0)["1.weight"].isnan().all()


def test_a_batch_is_a_sum_over_its_examples_unless_the_kind_makes_them_depend_on_each_other():
    """The gradient of a batch is the mean of the gradients of its halves where no example sees another."""
    for kind, place in PLACES:
        run = small_run(placement=place, activation="tanh", norm_kind=kind, norm_ghost=4, norm_freeze=1, batch_size=8)
        state = begin(pack_of([run]), small_data())
        gradients = [gradient_of(state, rows) for rows in (torch.arange(8), torch.arange(4), torch.arange(4, 8))]
        mean = (gradients[1] + gradients[2]) / 2
        together = float((gradients[0] - mean).norm() / mean.norm())
        apart = kind in ("layer", "rms", "weight", "frozen") or kind == "ghost"  # halves are its parts
        assert (together < 1e-12) if apart else (together > 1e-4), (kind, place)


def gradient_of(state, rows):
    net, work = state.network, state.workspace(len(rows))
    x, y = state.examples.train
    work.x_SBD.copy_(x[rows])
    propagation.forward(net, work, work.x_SBD, training=True, step=2)
    loss, correct = x.new_empty(1), y.new_empty(1)
    propagation.cross_entropy(net, work, y[rows][None], loss, correct)
    return torch.cat([propagation.compute_gradient(net, work, k).flatten() for k in propagation.backward(net, work)])


def test_the_comparison_would_see_a_kind_that_is_another():
    base = small_run(placement="pre", activation="tanh", norm_ghost=3, norm_freeze=3)
    ended = {}
    for kind in NormKind:
        state = begin(pack_of([dataclasses.replace(base, norm_kind=kind)]), small_data())
        list(training.train(state))
        ended[kind] = state.network.lane(0)["3.weight"].clone()
    names = list(ended)
    for i, one in enumerate(names):
        for other in names[:i]:
            assert distance([ended[one]], [ended[other]]) > 1e-4, (one, other)
    assert transpose(ended["batch"]).shape == (4, 8)
