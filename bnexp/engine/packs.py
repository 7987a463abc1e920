"""Packs: runs of one shape, laid out as a rectangle of seeds × arms, to be trained as one batched program.

Letters: S seeds, G arms, R = S·G runs (lanes) of a pack.
"""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from bnexp.choices import Activation, Placement, place_choice
from bnexp.norms.kinds import NormKind
from bnexp.runs import Run, arm, find_acting

Item = TypeVar("Item")


@dataclass(frozen=True)
class Pack:
    """Runs of one shape that are trained together: a rectangle of S seeds × G arms.

    `runs` are in the order of the lanes, seed by seed; within a seed, arms are ordered by what normalizes them, then
    by activation, so that equal elementwise parts lie side by side.
    """

    runs: tuple[Run, ...]
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        lanes = [self.runs[s * self.arms : (s + 1) * self.arms] for s in range(len(self.seeds))]
        assert self.runs and len({shape(run) for run in self.runs}) == 1
        assert all({run.seed for run in lane} == {seed} for seed, lane in zip(self.seeds, lanes, strict=True))
        assert len({tuple(map(arm, lane)) for lane in lanes}) == 1

    @property
    def arms(self) -> int:
        """Number of arms per seed, G."""
        return len(self.runs) // len(self.seeds)


def shape(run: Run) -> tuple[Any, ...]:
    """Return what two runs must share to be trained in one pack; everything else may differ from lane to lane.

    Code of the user's may fail, and is slow: it has packs of its own.
    """
    own = (run.activation, run.activation_code) if run.activation_code else ()
    return (*(getattr(run, name) for name in _SHAPE), _find_whole(run), *own)


def _find_whole(run: Run) -> tuple[Any, ...] | None:
    """Return what the normalization of `run` shares with all lanes of a pack: nothing, for most kinds.

    Normalized inputs are the same for the lanes of a seed, because the first layer is one product for them. A reference
    batch goes forward in every lane at each step, which would make neighbours that have none several times as slow.
    """
    acting = find_acting(run)
    if run.placement == Placement.input:
        return ("input", acting["norm_eps"], acting["norm_momentum"], acting["norm_statistics"])
    return ("reference",) if acting["norm_kind"] == NormKind.population else None


def describe_norm(run: Run) -> tuple[Placement, NormKind, int | None, int | None, str]:
    """Return what elementwise parts depend on besides the activation: placement, kind, ghost, freeze, layers."""
    acting = find_acting(run)
    kind, layers = acting["norm_kind"] or NormKind.batch, acting["norm_layers"] or "all"
    return run.placement, NormKind(kind), acting["norm_ghost"], acting["norm_freeze"], layers


_SHAPE: Final = (
    "data",
    "data_train",
    "data_validation",
    "data_standardize",
    "hidden",
    "batch_size",
    "steps",
    "evaluate",
    "optimizer",
    "nesterov",
    "dtype",
)


def form_packs(runs: Iterable[Run], lanes: int, workers: int = 1) -> Iterator[Pack]:
    """Yield `runs` in packs of at most `lanes` lanes; a pure function of the set of runs.

    Each run comes once, and so do runs that differ only in settings that cannot act, because they are one. Seeds that
    ask for the same arms form a rectangle, which is cut so that `workers` processes are done soonest.
    """
    by_shape: dict[tuple[Any, ...], dict[int, set[Run]]] = defaultdict(lambda: defaultdict(set))
    for run in {repr(find_acting(run)): run for run in sorted(runs, key=repr)}.values():
        by_shape[shape(run)][run.seed].add(arm(run))
    for _, by_seed in sorted(by_shape.items(), key=lambda item: repr(item[0])):
        by_arms: dict[tuple[Run, ...], list[int]] = defaultdict(list)
        for seed in sorted(by_seed):
            by_arms[tuple(sorted(by_seed[seed], key=_sort_key))].append(seed)
        for arms, seeds in by_arms.items():
            most_arms, most_seeds = _cut(len(arms), len(seeds), lanes, workers)
            for some in _cut_batches(arms, most_arms):
                for few in _cut_batches(seeds, most_seeds):
                    yield Pack(tuple(dataclasses.replace(a, seed=s) for s in few for a in some), few)


def _cut(arms: int, seeds: int, lanes: int, workers: int) -> tuple[int, int]:
    """Return how many arms and how many seeds of a rectangle go into a pack, so that the last worker is done soonest.

    Besides its lanes, a pack of G arms and S seeds costs about 0.8 lanes for calling torch at all, and half a lane for
    each seed: arms of one seed share its batches, which makes the first layer one wide product (1 × 1 took 1,136 µs a
    run-step, 1 × 16 711, 16 × 1 1,054, 4 × 16 645; one thread, median of 5).
    """
    possible = [(g, s) for g in range(1, min(arms, lanes) + 1) for s in range(1, min(seeds, lanes // g) + 1)]

    def cost(cut: tuple[int, int]) -> tuple[float, int]:
        g, s = cut
        in_turn = math.ceil(math.ceil(arms / g) * math.ceil(seeds / s) / workers)
        return in_turn * (g * s + s / 2 + 0.8), -g

    return min(possible, key=cost)


def _sort_key(a: Run) -> tuple[Any, ...]:
    """Return what the arms of a pack are sorted by: the norm, placement first, then activation, then all the rest."""
    placement, kind, ghost, freeze, layers = describe_norm(a)
    return (
        list(Placement).index(placement),
        list(NormKind).index(kind),
        (ghost or 0, freeze or 0, layers),
        place_choice(Activation, a.activation),
        tuple((value is not None, str(value).zfill(24)) for value in find_acting(a).values()),
    )


def _cut_batches(items: Sequence[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Yield `items` in order, `size` at a time; the last may be fewer."""
    for start in range(0, len(items), size):
        yield tuple(items[start : start + size])
