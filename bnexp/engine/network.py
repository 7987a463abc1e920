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
from typing import Any, Final

import torch
from torch import Tensor

from bnexp.choices import Activation, Affine, NormStatistics, Placement
from bnexp.engine import initialization
from bnexp.engine.normalizers import STATISTICS
from bnexp.engine.packs import Pack, describe_norm
from bnexp.engine.placement import NORMS, VECTORS, Stage, list_stages
from bnexp.norms.kinds import NormKind
from bnexp.norms.layers import list_layers
from bnexp.runs import Run

VECTOR_NAMES: Final = tuple(name for names in VECTORS.values() for name in names)


@dataclass(frozen=True)
class Block:
    """Arms that share everything elementwise, as a slice over G."""

    arms: slice
    placement: Placement
    kind: NormKind
    ghost: int | None
    """Examples in a part of the batch, under `ghost`."""
    freeze: int | None
    """Steps before the statistics become constants, under `frozen`."""
    layers: tuple[int, ...]
    """Hidden layers that are normalized, counted from 1."""
    activation: Activation | str
    code: str
    """Of an activation of the user's."""

    def stages(self, layer: int) -> tuple[Stage, ...]:
        """Return what follows the product of the hidden `layer` (from 0)."""
        return list_stages(self.placement, normalized=layer + 1 in self.layers)


@dataclass(frozen=True)
class InputNorm:
    """The normalization of the inputs of a pack, without gamma and beta; the lanes of a seed share it."""

    mean_S11D: Tensor
    var_S11D: Tensor
    """What evaluation uses."""
    momentum: Tensor
    """One number, 0 with population statistics."""
    eps: float
    population: bool


@dataclass(frozen=True)
class Network:
    """The parameters of a pack and what belongs to its lanes; the tensors are changed in place by training."""

    seeds: int
    arms: int
    widths: tuple[int, ...]
    """D, then every H, then C."""
    blocks: tuple[Block, ...]
    weights: tuple[Tensor, ...]
    """[S, D, G·H], then [R, I, O] for each further hidden layer, then [R, C, H]."""
    vector_names: tuple[str, ...]
    """What every layer has in `vectors_RP`, in turn: the second gamma and beta only where an arm has them."""
    vectors_RP: Tensor
    """Biases, gammas and betas; a lane that lacks one holds its neutral value (0, 1, 0)."""
    learned_RP: Tensor
    """1 where a lane learns the entry of `vectors_RP`, else 0."""
    running_mean: tuple[Tensor, ...]
    running_var: tuple[Tensor, ...]
    """Mean and variance that evaluation uses, [S, G, 1, H] per hidden layer: running or population statistics."""
    second_mean: tuple[Tensor, ...]
    second_var: tuple[Tensor, ...]
    """Those of the second normalization of a layer; empty if no arm has one."""
    input: InputNorm | None
    eps_SG11: Tensor
    momentum_SG11: Tensor
    """0 in lanes with population statistics: a training step leaves these alone."""
    population_SG11: Tensor
    """Which lanes have population statistics."""

    @property
    def hidden_layers(self) -> int:
        """Number of hidden layers; the output layer comes after them."""
        return len(self.widths) - 2

    @property
    def statistics(self) -> tuple[Tensor, ...]:
        """Every tensor of mean or variance that evaluation uses and a forward pass of training moves."""
        return (*self.running_mean, *self.running_var, *self.second_mean, *self.second_var)

    def find_statistics(self, stage: Stage, layer: int) -> tuple[Tensor, Tensor]:
        """Return mean and variance of one normalization of the hidden `layer` (from 0), [S, G, 1, H]."""
        if stage is Stage.second_normalization:
            return self.second_mean[layer], self.second_var[layer]
        return self.running_mean[layer], self.running_var[layer]

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
        start = len(self.vector_names) * sum(self.widths[1 : layer + 1]) + self.vector_names.index(name) * outputs
        return flat_RP[:, start : start + outputs].view(self.seeds, self.arms, 1, outputs)

    def stages(self, layer: int, arm: int) -> tuple[Stage, ...]:
        """Return what follows the product of `layer` (from 0) in the lanes of `arm`; at the output, a bias alone."""
        if layer == self.hidden_layers:
            return (Stage.bias,)
        return self.block(arm).stages(layer)

    def block(self, arm: int) -> Block:
        """Return the block of `arm`."""
        return next(block for block in self.blocks if block.arms.start <= arm < block.arms.stop)

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
        """Return the parameters of `lane` and its running statistics (`1.running_mean`, …), as views.

        Those of the inputs, `0.running_mean` and `0.running_var`, are shared by the lanes of a seed.
        """
        s, g = divmod(lane, self.arms)
        views = self.parameters(lane, self.weights, self.vectors_RP)
        for layer in range(self.hidden_layers):
            for stage in (stage for stage in self.stages(layer, g) if stage in NORMS):
                tensors = dict(zip(("running_mean", "running_var"), self.find_statistics(stage, layer), strict=True))
                for name in STATISTICS[self.block(g).kind]:
                    views[f"{layer + 1}.{NORMS[stage]}{name}"] = tensors[name][s, g, 0]
        if self.input is not None:
            views |= {"0.running_mean": self.input.mean_S11D[s, 0, 0], "0.running_var": self.input.var_S11D[s, 0, 0]}
        return views

    def finite_R(self) -> Tensor:
        """Return which lanes have finite parameters and running statistics only."""
        finite = self.vectors_RP.isfinite().all(1)
        for layer in range(len(self.weights)):
            finite &= self.weight_SGIO(layer, self.weights).isfinite().all(3).all(2).flatten()
        for running in self.statistics:
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
    blocks = tuple(_group_arms(pack.runs[:arms]))
    has_second = any(block.placement == Placement.both for block in blocks)
    names = VECTOR_NAMES if has_second else VECTOR_NAMES[:3]
    network = Network(
        seeds=seeds,
        arms=arms,
        widths=widths,
        blocks=blocks,
        weights=tuple(weights),
        vector_names=names,
        vectors_RP=torch.zeros(len(pack.runs), len(names) * sum(widths[1:]), **kind),
        learned_RP=torch.zeros(len(pack.runs), len(names) * sum(widths[1:]), **kind),
        running_mean=tuple(torch.zeros(seeds, arms, 1, width, **kind) for width in first.hidden),
        running_var=tuple(torch.ones(seeds, arms, 1, width, **kind) for width in first.hidden),
        second_mean=tuple(torch.zeros(seeds, arms, 1, width, **kind) for width in first.hidden if has_second),
        second_var=tuple(torch.ones(seeds, arms, 1, width, **kind) for width in first.hidden if has_second),
        input=_create_input_norm(pack, inputs, kind) if first.placement == Placement.input else None,
        eps_SG11=torch.tensor([_find_eps(run) for run in pack.runs], **kind).view(seeds, arms, 1, 1),
        momentum_SG11=torch.tensor([_find_momentum(run) for run in pack.runs], **kind).view(seeds, arms, 1, 1),
        population_SG11=torch.tensor(population, device=device).view(seeds, arms, 1, 1),
    )
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        biases = torch.from_numpy(initialization.draw_biases(pack, layer + 1, fan_in, fan_out)).unsqueeze(2)
        _start_vectors(network, pack.runs[:arms], layer, biases.to(**kind))
    return network


def _find_eps(run: Run) -> float:
    """Return what is added to a variance: nothing where there is none, so that evaluation divides by 1, or by ‖w‖."""
    return 0.0 if run.norm_kind in (NormKind.mean, NormKind.weight) else run.norm_eps


def _find_momentum(run: Run) -> float:
    """Return the momentum of the running statistics; under `frozen` it is a factor on 1/k, elsewhere none may move."""
    if run.norm_kind == NormKind.frozen:
        return 1.0
    return 0.0 if run.norm_statistics == NormStatistics.population else run.norm_momentum


def _create_input_norm(pack: Pack, inputs: int, kind: dict[str, Any]) -> InputNorm:
    """Return the normalization of the inputs; packs are formed so that the runs of one agree in it."""
    first, size = pack.runs[0], (len(pack.seeds), 1, 1, inputs)
    return InputNorm(
        mean_S11D=torch.zeros(size, **kind),
        var_S11D=torch.ones(size, **kind),
        momentum=torch.tensor(_find_momentum(first), **kind),
        eps=first.norm_eps,
        population=first.norm_statistics == NormStatistics.population,
    )


def _group_arms(arms: tuple[Run, ...]) -> Iterator[Block]:
    """Yield the blocks of `arms`, which lie in the order of a pack."""
    start = 0
    for (norm, *function), group in groupby(
        arms, lambda run: (describe_norm(run), run.activation, run.activation_code)
    ):
        stop = start + len(list(group))
        placement, kind, ghost, freeze, layers = norm
        numbers = list_layers(layers, len(arms[0].hidden))
        yield Block(slice(start, stop), placement, kind, ghost, freeze, numbers, *function)
        start = stop


def _start_vectors(network: Network, arms: tuple[Run, ...], layer: int, biases_SG1O: Tensor) -> None:
    """Set the start of bias, gamma and beta of one layer, and say which of them each arm learns."""
    for name in (name for name in network.vector_names if name.endswith("gamma")):
        network.vector_SG1O(name, layer, network.vectors_RP).fill_(1)
    for g, run in enumerate(arms):
        stages = network.stages(layer, g)
        for name in (name for stage in stages for name in VECTORS[stage]):
            learned = name == "bias" or run.norm_affine in (Affine.both, name.removeprefix("second_"))
            if name.endswith("gamma"):
                network.vector_SG1O(name, layer, network.vectors_RP)[:, g] = run.norm_gamma
            network.vector_SG1O(name, layer, network.learned_RP)[:, g] = float(learned)
        if Stage.bias in stages:
            network.vector_SG1O("bias", layer, network.vectors_RP)[:, g] = biases_SG1O[:, g]
