"""What tells the normalizers apart: under which changes of weights, inputs and batch each stays what it is.

Letters: S = 1 seed, G arms, R = G lanes, B examples, H units; w_i the weights that enter neuron i, g_i their gradient,
W and its gradient those of a whole layer, a > 0 a factor.

| kind       | scale of a neuron | of a layer | shift of a unit | other examples | order of examples |
|------------|-------------------|------------|-----------------|----------------|-------------------|
| batch      | invariant         | invariant  | invariant       | matter         | equivariant       |
| mean       |                   |            | invariant       | matter         | equivariant       |
| variance   | invariant         | invariant  |                 | matter         | equivariant       |
| layer, rms |                   | invariant  |                 |                | equivariant       |
| ghost      | invariant         | invariant  | invariant       | matter         |                   |
| frozen     |                   |            |                 |                | equivariant       |
| population | invariant         | invariant  | invariant       |                | equivariant       |
| weight     | invariant         | invariant  |                 |                | equivariant       |

The first two columns are of `pre`, at eps 0, with the statistics taken anew, but for the constants of `frozen`. Where
the output does not change with the scale of a block of weights, its gradient is orthogonal to it (derived). For
`population` that is true of batch renormalization's gradient, which is not the slope of the loss: it takes the ratio of
the two statistics for a constant.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from bnexp.choices import Activation, Placement
from bnexp.engine import normalizers, training
from bnexp.engine.normalizers import Norm
from bnexp.norms.kinds import NormKind
from bnexp.randomness import generator
from bnexp.theory import small_nets
from bnexp.theory.claims import Claim, at_least, at_most

NEURON: Final = (NormKind.batch, NormKind.variance, NormKind.ghost, NormKind.population, NormKind.weight)
"""Kinds that hide the scale of a neuron's weights from the output, under `pre`."""
LAYER: Final = (*NEURON, NormKind.layer, NormKind.rms)
"""Kinds that hide the scale of a layer's weights."""
SHIFT: Final = (NormKind.batch, NormKind.mean, NormKind.ghost, NormKind.population)
"""Kinds that a number added to a unit in every example does not change."""
BY_ITSELF: Final = (NormKind.layer, NormKind.rms, NormKind.frozen, NormKind.population, NormKind.weight)
"""Kinds under which an example becomes the same whatever the rest of its batch is."""
ORDERLESS: Final = tuple(kind for kind in NormKind if kind != NormKind.ghost)

PART: Final = 16
"""Examples in a part of a ghost batch of 64."""
ROUNDING: Final = 1e-10
DIFFERENT: Final = 1e-2

Errors = Mapping[NormKind, Tensor]
"""What was measured of the lanes of each kind."""


def weight_scale() -> Iterator[Claim]:
    """Scale the weights of every hidden neuron, each by another factor, and of every hidden layer; look at gradients.

    Under `frozen` the first batch has set the constants before anything is scaled.
    """
    neurons: dict[NormKind, Tensor] = {}
    layers: dict[NormKind, Tensor] = {}
    radial_neurons: dict[NormKind, Tensor] = {}
    radial_layers: dict[NormKind, Tensor] = {}
    for plain, by_neuron, by_layer in zip(*(_begin((Placement.pre,), eps=0.0) for _ in range(3)), strict=True):
        for layer in small_nets.LAYERS:
            rng, units = generator(0, "factors", layer), small_nets.BASE.hidden[layer]
            factors_H = torch.from_numpy(10 ** rng.uniform(-1, 1, units))
            by_neuron.network.weight_SGIO(layer, by_neuron.network.weights).mul_(factors_H)
            by_layer.network.weight_SGIO(layer, by_layer.network.weights).mul_(3.0)
        rows_B = small_nets.take_rows(1)
        logits = small_nets.forward(plain, rows_B, training=True)
        for errors, state in ((neurons, by_neuron), (layers, by_layer)):
            _collect(errors, plain, small_nets.relative_error(small_nets.forward(state, rows_B, training=True), logits))
        gradients = small_nets.compute_gradients(plain, rows_B)
        _collect(radial_neurons, plain, _measure_radial(plain, gradients.weights, by_layer=False))
        _collect(radial_layers, plain, _measure_radial(plain, gradients.weights, by_layer=True))
    source = "derived"
    yield from _contrast(neurons, NEURON, ("scaling neurons leaves the output", "changes the output"), source)
    yield from _contrast(layers, LAYER, ("scaling layers leaves the output", "changes the output"), source)
    words = "the gradient of a neuron is orthogonal to its weights, eps 0", "it is not"
    yield from _contrast(radial_neurons, NEURON, words, source, (1e-11, 1e-4))
    words = "the gradient of a layer is orthogonal to its weights, eps 0", "it is not"
    yield from _contrast(radial_layers, LAYER, words, source, (1e-11, 1e-4))


def slope() -> Iterator[Claim]:
    """Hold the gradient of every kind against the slope of the loss along a random direction of all that is learned."""
    errors: dict[NormKind, Tensor] = {}
    for state in _begin((Placement.pre, Placement.post), eps=1e-3):
        _collect(errors, state, small_nets.measure_slope_error(state, small_nets.take_rows(1)))
    true = tuple(kind for kind in NormKind if kind != NormKind.population)
    words = "pre and post: the gradient is the slope of the loss", "it is not, for r and d are taken for constants"
    yield from _contrast(errors, true, words, "central difference", (1e-6, 1e-4))


def lone_layer() -> Iterator[Claim]:
    """Change what enters one normalization: a shift of its units, other examples, their order.

    Under `population` the reference moves with a shift, as the product of a moved weight does, and not with the batch.
    """
    rng, shape = generator(0, "kinds alone"), (1, 1, small_nets.BATCH, 8)
    x, shift = (torch.from_numpy(rng.standard_normal(size)) for size in (shape, (1, 1, 1, 8)))
    others = torch.cat([x[:, :, :1], torch.from_numpy(rng.standard_normal(shape))[:, :, 1:]], 2)
    order = torch.from_numpy(rng.permutation(small_nets.BATCH))
    of_example = torch.from_numpy(rng.standard_normal((1, 1, small_nets.BATCH, 1)))
    shifted, raised, dependent, ordered = ({} for _ in range(4))
    for kind in NormKind:
        y = _normalize(kind, x)
        moved = shift if kind == NormKind.population else 0.0
        shifted[kind] = (_normalize(kind, x + shift, moved) - y).abs().max()
        raised[kind] = (_normalize(kind, x + of_example) - y).abs().max()
        dependent[kind] = (_normalize(kind, others) - y)[:, :, 0].abs().max()
        ordered[kind] = (_normalize(kind, x[:, :, order]) - y[:, :, order]).abs().max()
    source = "derived"
    yield from _contrast(shifted, SHIFT, ("a shift of a unit leaves the output", "changes the output"), source)
    words = "a shift of all units of an example leaves its output", "changes it"
    yield from _contrast(raised, (NormKind.layer,), words, source)
    words = "other examples beside it leave the output of an example", "change it"
    yield from _contrast(dependent, BY_ITSELF, words, source)
    words = "the examples in another order give the outputs in that order", "give others"
    yield from _contrast(ordered, ORDERLESS, words, source)


def population_gradient() -> Iterator[Claim]:
    """Let the reference statistics be those of the batch: then r = 1, d = 0 and the gradient is batch normalization's.

    With others it is the same times r (derived), so that no reference makes it another direction.
    """
    rng, shape = generator(0, "renormalization"), (1, 1, small_nets.BATCH, 8)
    x, d = (torch.from_numpy(rng.standard_normal(shape)) for _ in range(2))
    mean, var = x.mean(2, keepdim=True), x.var(2, correction=0, keepdim=True)
    plain = _pull_back(_create_norm(NormKind.batch, x, 0.0, 1.0), x, d)
    own = _pull_back(_create_norm(NormKind.population, x, mean, var), x, d)
    other = _pull_back(_create_norm(NormKind.population, x, mean + 0.5, 4 * var), x, d)
    source = "Ioffe 2017"
    error = max(float((one - two).abs().max()) for one, two in zip(own, plain, strict=True))
    yield Claim("population, the batch as its reference: batch's gradients", source, at_most(1e-12), error)
    error = float((2 * other[0] - plain[0]).abs().max())
    words = "population, a reference of four times the variance: half of batch's gradient of x"
    yield Claim(words, source, at_most(1e-12), error)


def _begin(placements: tuple[Placement, ...], eps: float) -> list[training.State]:
    """Return packs of every kind at `placements` before their second step; `population` has one of its own."""
    base = replace(small_nets.BASE, norm_eps=eps, norm_ghost=PART, norm_freeze=1)
    arms = [
        replace(base, placement=placement, norm_kind=kind, activation=activation)
        for placement in placements
        for kind in NormKind
        if (placement, kind) != (Placement.post, NormKind.weight)
        for activation in (Activation.gelu, Activation.tanh)
    ]
    by_itself = [arm.norm_kind == NormKind.population for arm in arms]
    packs = [[arm for arm, alone in zip(arms, by_itself, strict=True) if alone is wanted] for wanted in (False, True)]
    states = [small_nets.begin(pack) for pack in packs]
    for state in states:
        small_nets.forward(state, small_nets.take_rows(0), training=True)
    return [replace(state, step=1) for state in states]


def _collect(errors: dict[NormKind, Tensor], state: training.State, values_R: Tensor) -> None:
    """Add the lanes of `state` to what was measured of their kinds."""
    for kind in {run.norm_kind for run in state.pack.runs}:
        errors[kind] = values_R[[r for r, run in enumerate(state.pack.runs) if run.norm_kind == kind]]


def _contrast(
    errors: Errors,
    holders: tuple[NormKind, ...],
    words: tuple[str, str],
    source: str,
    bounds: tuple[float, float] = (ROUNDING, DIFFERENT),
) -> Iterator[Claim]:
    """Claim the first of `words` of the kinds that hold it and the second of all others; the least clear lane speaks.

    `bounds` are the most that rounding may be, and the least that nobody could take for it.
    """
    others = tuple(kind for kind in errors if kind not in holders)
    ends: tuple[tuple[tuple[NormKind, ...], str, Callable[[list[float]], float]], ...] = (
        (holders, words[0], max),
        (others, words[1], min),
    )
    for kinds, end, choose in ends:
        measured = choose([choose(errors[kind].flatten().tolist()) for kind in kinds])
        expected = at_most(bounds[0]) if kinds is holders else at_least(bounds[1])
        names = ", ".join(kind for kind in NormKind if kind in kinds)
        yield Claim(f"{names}: {words[0] if kinds is holders else f'{words[0]}: {end}'}", source, expected, measured)


def _measure_radial(state: training.State, gradients: tuple[Tensor, ...], *, by_layer: bool) -> Tensor:
    """Return the largest |cos(w, g)| of the hidden neurons, or layers, of each lane, [R]."""
    net, worst = state.network, []
    for layer in small_nets.LAYERS:
        w, g = (net.weight_SGIO(layer, tensors)[0] for tensors in (net.weights, gradients))
        over = (1, 2) if by_layer else (1,)
        cosines = (w * g).sum(over) / (w.square().sum(over) * g.square().sum(over)).sqrt()
        worst.append(cosines.abs().flatten(1 if not by_layer else 0).view(len(w), -1).amax(1))
    return torch.stack(worst).amax(0)


def _create_norm(kind: NormKind, x: Tensor, mean: Tensor | float, var: Tensor | float) -> Norm:
    """Return a normalization alone with gamma 1, beta 0, eps 0 and these statistics for evaluation."""
    like = x[:, :, :1]
    return Norm(
        kind=kind,
        gamma=torch.ones_like(like),
        beta=torch.zeros_like(like),
        dgamma=torch.empty_like(like),
        dbeta=torch.empty_like(like),
        eps=x.new_zeros(1, 1, 1, 1),
        momentum=x.new_zeros(1, 1, 1, 1),
        running_mean=torch.zeros_like(like) + mean,
        running_var=torch.zeros_like(like) + var,
        kept=normalizers.create_statistics(kind, torch.empty_like(x), PART),
        freeze=0,
        weight_SGIH=torch.ones_like(like),
    )


def _normalize(kind: NormKind, x: Tensor, moved: Tensor | float = 0.0) -> Tensor:
    """Return what a normalization alone makes of `x`, with statistics for evaluation of mean `moved`."""
    y = torch.empty_like(x)
    normalizers.forward(_create_norm(kind, x, moved, 1.0), x, step=1, out=y)
    return y


def _pull_back(norm: Norm, x: Tensor, d: Tensor) -> tuple[Tensor, ...]:
    """Return the gradients with respect to x, gamma and beta, the second relative to x̂ of the batch."""
    dx = torch.empty_like(x)
    normalizers.forward(norm, x, step=1, out=torch.empty_like(x))
    normalizers.backward(norm, d, scratch=torch.empty_like(x), out=dx)
    return dx, norm.dgamma, norm.dbeta
