"""What must hold before anything is trained: paired draws, and no batch that cannot be normalised."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Final

import torch

from bnexp.choices import Placement
from bnexp.errors import UserError
from bnexp.runs import propose_batch_sizes
from bnexp.theory import small_nets
from bnexp.theory.claims import Claim, at_least, at_most, exactly

EXAMPLES: Final = range(2, 41)
"""Sizes of the training sets that are tried with every batch size."""

SQUARE: Final = (small_nets.FEATURES,) * 3
"""Hidden layers of one shape, whose weights could be the same."""

DEVIATIONS: Final = 5
"""A correlation of n independent pairs has the deviation 1/√n; beyond 5 of them lies 6e-7 of the chance."""


def paired_draws() -> Iterator[Claim]:
    """Compare the initial weights of arms, layers and seeds."""
    base = replace(small_nets.BASE, hidden=SQUARE)
    places = [placement for placement in Placement if placement != Placement.input]  # which has packs of its own
    together = small_nets.begin([replace(base, placement=placement) for placement in places]).network
    alone = small_nets.begin([replace(base, placement=Placement.post)]).network
    layers = range(len(SQUARE))
    first = [together.weight_SGIO(layer, together.weights)[0] for layer in layers]
    again = [alone.weight_SGIO(layer, alone.weights)[0] for layer in layers]
    apart = max(float((one - other).abs().max()) for one, other in zip(first, again, strict=True))
    source = "common random numbers"
    yield Claim("arms of one seed start from the same weights, in any pack", source, exactly(0), apart)
    other = small_nets.begin([replace(base, seed=1)]).network
    drawn = [weights[0].flatten() for weights in again]
    drawn += [other.weight_SGIO(layer, other.weights)[0].flatten() for layer in layers]
    pairs = [float(torch.corrcoef(torch.stack(pair))[0, 1].abs()) for pair in combinations(drawn, 2)]
    largest = max(pairs) * math.sqrt(len(drawn[0]))
    words = "layers and seeds are drawn independently: the largest |correlation|·√n of their weights"
    yield Claim(words, source, at_most(DEVIATIONS), largest)


def batch_of_one() -> Iterator[Claim]:
    """Ask for every number of examples in batches of every size, and count the wrong answers.

    One example has variance 0: x̂ is 0 whatever it is. So a run must be refused exactly if N mod B = 1 or B = 1, and
    what the refusal proposes instead (`runs.propose_batch_sizes`) must be accepted.

    Letters: N examples, B of them in a batch.
    """
    asked = [(examples, batch) for examples in EXAMPLES for batch in range(1, examples + 1)]
    wrong = [pair for pair in asked if _accepts(*pair) == (pair[1] == 1 or pair[0] % pair[1] == 1)]
    refused = [pair for pair in asked if pair[1] > 1 and pair[0] % pair[1] == 1]
    proposed = [(examples, size) for examples, batch in refused for size in propose_batch_sizes(examples, batch)]
    source = "derived"
    words = "a batch of one is refused, and no other: wrong answers"
    yield Claim(f"{words} among {len(asked)} pairs of examples and batch size", source, exactly(0), len(wrong))
    unfit = sum(not _accepts(*pair) for pair in proposed)
    yield Claim("batch sizes that a refusal proposes and that are refused, too", source, exactly(0), unfit)
    yield Claim("batch sizes that refusals propose", source, at_least(len(refused)), len(proposed))


def _accepts(examples: int, batch: int) -> bool:
    """Say whether a run on `examples` training examples may have `batch` of them in a batch."""
    try:
        replace(small_nets.BASE, data_train=examples, batch_size=batch)
    except UserError:
        return False
    return True
