"""The stacked multilayer perceptron of a pack: its parameters and how they are laid out.

Letters: R = S·G lanes (S seeds × G arms), D input features, H hidden units, C classes, I inputs and O outputs of a
layer, P all biases, gammas and betas of a lane side by side. Lanes are numbered seed by seed: r = s·G + g.

The first layer is laid out [S, D, G·H], because the lanes of one seed see the same batch: one wide product per seed
instead of G small ones. Hidden layers are [R, I, O]. The output layer is turned round, [R, C, H], as are its logits,
[R, C, B]: with rows of C = 10 numbers MKL takes four times as long. (A hidden layer of 98 or 99 units costs 3–11 % more
per step than one of 100 or 96: 16 lanes, one thread, best of 5, torch 2.13 CPU.)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch
from torch import Tensor

from bnexp.choices import Activation, Affine, NormStatistics, Placement
from bnexp.engine import initialization
from bnexp.engine.packs import Pack
from bnexp.engine.placement import ORDER, VECTORS, Stage
from bnexp.runs import Run


@dataclass(frozen=True)
class Network:
    """The parameters of a pack and what belongs to its lanes; the tensors are changed in place by training."""

    seeds: int
    arms: int
    widths: tuple[int, ...]
    """D, then every H, then C."""
    blocks: tuple[tuple[slice, Placement, Activation], ...]
    """Arms that share placement and activation, as slices over G."""
    weights: tuple[Tensor, ...]
    """[S, D, G·H], then [R, I, O] for each further hidden layer, then [R, C, H]."""
    vectors_RP: Tensor
    """Biases, gammas and betas; a lane that lacks one holds its neutral value (0, 1, 0)."""
    learned_RP: Tensor
    """1 where a lane learns the entry of `vectors_RP`, else 0."""
    running_mean: tuple[Tensor, ...]
    running_var: tuple[Tensor, ...]
    """Mean and variance that evaluation uses, [S, G, 1, H] per hidden layer: running or population statistics."""
    eps_SG11: Tensor
    momentum_SG11: Tensor
    """0 in lanes with population statistics: a training step leaves these alone."""
    population_SG11: Tensor
    """Which lanes have population statistics."""

    @property
    def hidden_layers(self) -> int:
        """Number of hidden layers; the output layer comes after them."""
        return len(self.widths) - 2

    def weight_SGIO(self, layer: int, weights: tuple[Tensor, ...]) -> Tensor:
        """Return one layer (from 0) of `weights`, tensors laid out as `self.weights`, with the lanes in front."""
        return self.lanes_SGXO(layer, weights[layer])

    def lanes_SGXO(self, layer: int, tensor: Tensor) -> Tensor:
        """Return a view of weights of `layer` or of its product with the lanes in front; X is I, or B."""
        outputs = self.widths[layer + 1]
        if layer == 0:
            return tensor.view(self.seeds, -1, self.arms, outputs).transpose(1, 2)
        if layer == self.hidden_layers:
            return tensor.view(self.seeds, self.arms, outputs, -1).mT
        return tensor.view(self.seeds, self.arms, -1, outputs)

    def vector_SG1O(self, name: str, layer: int, flat_RP: Tensor) -> Tensor:
        """Return bias, gamma or beta of `layer` (from 0) as a view of `flat_RP`, a tensor laid out as `vectors_RP`."""
        outputs = self.widths[layer + 1]
        start = 3 * sum(self.widths[1 : layer + 1]) + ("bias", "gamma", "beta").index(name) * outputs
        return flat_RP[:, start : start + outputs].view(self.seeds, self.arms, 1, outputs)

    def stages(self, layer: int, arm: int) -> tuple[Stage, ...]:
        """Return what follows the product of `layer` (from 0) in the lanes of `arm`; at the output, a bias alone."""
        if layer == self.hidden_layers:
            return (Stage.bias,)
        return next(ORDER[placement] for arms, placement, _ in self.blocks if arms.start <= arm < arms.stop)

    def parameters(self, lane: int, weights: tuple[Tensor, ...], vectors_RP: Tensor) -> dict[str, Tensor]:
        """Return the parameters that `lane` really has, as views of `weights` and `vectors_RP`.

        These are laid out as `self.weights` and `self.vectors_RP`. The views are named `1.weight` [I, O],
        `1.bias` [O], `1.gamma` [O], `1.beta` [O], …; layers count from 1.
        """
        s, g = divmod(lane, self.arms)
        views = {}
        for layer in range(len(self.weights)):
            views[f"{layer + 1}.weight"] = self.weight_SGIO(layer, weights)[s, g]
            for stage in self.stages(layer, g):
                for name in VECTORS[stage]:
                    views[f"{layer + 1}.{name}"] = self.vector_SG1O(name, layer, vectors_RP)[s, g, 0]
        return views

    def lane(self, lane: int) -> dict[str, Tensor]:
        """Return the parameters of `lane` and its running statistics (`1.running_mean`, …), as views."""
        s, g = divmod(lane, self.arms)
        views = self.parameters(lane, self.weights, self.vectors_RP)
        for layer, (mean, var) in enumerate(zip(self.running_mean, self.running_var, strict=True)):
            if Stage.normalization in self.stages(layer, g):
                views |= {f"{layer + 1}.running_mean": mean[s, g, 0], f"{layer + 1}.running_var": var[s, g, 0]}
        return views

    def finite_R(self) -> Tensor:
        """Return which lanes have finite parameters and running statistics only."""
        finite = self.vectors_RP.isfinite().all(1)
        for layer in range(len(self.weights)):
            finite &= self.weight_SGIO(layer, self.weights).isfinite().all(3).all(2).flatten()
        for running in (*self.running_mean, *self.running_var):
            finite &= running.isfinite().all(3).flatten()
        return finite


def create(pack: Pack, inputs: int, classes: int, device: torch.device) -> Network:
    """Return the network of `pack` at initialization; draws depend on (seed, purpose, layer) alone."""
    first = pack.runs[0]
    seeds, arms, widths = len(pack.seeds), pack.arms, (inputs, *first.hidden, classes)
    kind = {"dtype": getattr(torch, first.dtype), "device": device}
    weights = []
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        drawn = torch.from_numpy(initialization.draw_weights(pack, layer + 1, fan_in, fan_out))
        if layer == 0:
            laid = drawn.transpose(1, 2).reshape(seeds, fan_in, -1)
        else:
            laid = (drawn.mT if layer == len(first.hidden) else drawn).flatten(0, 1)
        weights.append(laid.to(**kind).contiguous())
    population = [run.norm_statistics == NormStatistics.population for run in pack.runs]
    momenta = [0.0 if fixed else run.norm_momentum for fixed, run in zip(population, pack.runs, strict=True)]
    network = Network(
        seeds=seeds,
        arms=arms,
        widths=widths,
        blocks=tuple(_group_arms(pack.runs[:arms])),
        weights=tuple(weights),
        vectors_RP=torch.zeros(len(pack.runs), 3 * sum(widths[1:]), **kind),
        learned_RP=torch.zeros(len(pack.runs), 3 * sum(widths[1:]), **kind),
        running_mean=tuple(torch.zeros(seeds, arms, 1, width, **kind) for width in first.hidden),
        running_var=tuple(torch.ones(seeds, arms, 1, width, **kind) for width in first.hidden),
        eps_SG11=torch.tensor([run.norm_eps for run in pack.runs], **kind).view(seeds, arms, 1, 1),
        momentum_SG11=torch.tensor(momenta, **kind).view(seeds, arms, 1, 1),
        population_SG11=torch.tensor(population, device=device).view(seeds, arms, 1, 1),
    )
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        biases = torch.from_numpy(initialization.draw_biases(pack, layer + 1, fan_in, fan_out)).unsqueeze(2)
        _start_vectors(network, pack.runs[:arms], layer, biases.to(**kind))
    return network


def _group_arms(arms: tuple[Run, ...]) -> Iterator[tuple[slice, Placement, Activation]]:
    """Yield the slices over G of the arms that share placement and activation; `arms` lie in the order of a pack."""
    start = 0
    for (placement, activation), group in groupby(arms, key=lambda run: (run.placement, run.activation)):
        stop = start + len(list(group))
        yield slice(start, stop), placement, activation
        start = stop


def _start_vectors(network: Network, arms: tuple[Run, ...], layer: int, biases_SG1O: Tensor) -> None:
    """Set the start of bias, gamma and beta of one layer, and say which of them each arm learns."""
    network.vector_SG1O("gamma", layer, network.vectors_RP).fill_(1)
    for g, run in enumerate(arms):
        stages = network.stages(layer, g)
        for name in (name for stage in stages for name in VECTORS[stage]):
            learned = name == "bias" or run.norm_affine in (Affine.both, name)
            network.vector_SG1O(name, layer, network.learned_RP)[:, g] = float(learned)
        if Stage.bias in stages:
            network.vector_SG1O("bias", layer, network.vectors_RP)[:, g] = biases_SG1O[:, g]
