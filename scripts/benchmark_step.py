"""How fast is a training step, alone and in packs, against the plain eager loop in the same process?

784-100-100-100-10, sigmoid, batch norm before the activation, batch 60, SGD: 26.376 MFLOP per run-step (one
optimizer step of one run); a mixed pack has every placement with four activations. Random inputs: the arithmetic does
not depend on them. Every row is the median of `--rounds` rounds, taken in turn, so that a noisy machine is noisy for
all; read the ratios, not the microseconds. Probes are measured once in an epoch of MNIST: their rows are what that
adds to each run-step of the pack of the same size.

    python scripts/benchmark_step.py --threads 1
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import product
from typing import Final

import numpy as np
import torch
from torch import nn

from bnexp.choices import Activation, Placement, Probes
from bnexp.data.datasets import Data
from bnexp.engine import probes, training
from bnexp.engine.packs import form_packs
from bnexp.runs import Run

FLOP = 26.376e6
"""2 · 60 · (2·784·100 + 3·(2·100·100 + 100·10)): forward, gradient of weights, and of inputs but for the first
layer."""

BATCH, TRAIN, STEPS = 60, 6000, 100


def data() -> Data:
    """Return random images and labels in the shapes of MNIST."""
    rng = np.random.default_rng(0)
    parts = [(rng.random((n, 784), dtype=np.float32), rng.integers(10, size=n)) for n in (TRAIN, 60, 60)]
    (x, xv, xt), (y, yv, yt) = zip(*parts, strict=True)
    return Data("random", x, xv, xt, y, yv, yt, classes=10, digest="", standardize=False)


Arm = tuple[Placement, Activation]

PLACEMENTS: Final = (Placement.none, Placement.pre, Placement.post)

UNIFORM: Final[Arm] = (Placement.pre, Activation.sigmoid)
MIXED: Final[tuple[Activation, ...]] = (Activation.relu, Activation.leaky_relu, Activation.elu, Activation.sigmoid)
DEARER: Final[tuple[Activation, ...]] = (Activation.relu, Activation.gelu, Activation.tanh, Activation.sigmoid)
"""tanh and gelu cost several times as much arithmetic as sigmoid, whatever the pack."""


EPOCH: Final = 834
"""Steps of an epoch of MNIST in batches of 60."""


def begin(seeds: int, arms: Sequence[Arm], examples: Data) -> training.State:
    """Return a pack of `seeds` × `arms` before its first step."""
    runs = [
        Run(
            placement=placement,
            activation=activation,
            lr=0.1 + g / 1000,
            seed=s,
            steps=10**9,
            evaluate=10**9,
            data="random",
            data_train=TRAIN,
            data_validation=60,
        )
        for s in range(seeds)
        for g, (placement, activation) in enumerate(arms)
    ]
    (pack,) = form_packs(runs, len(runs))
    return training.begin(pack, training.to_device(examples, runs[0], torch.device("cpu")))


def probing(seeds: int, arms: Sequence[Arm], examples: Data, level: Probes) -> Callable[[], int]:
    """Return a call that measures a pack once, and gives the number of run-steps of an epoch."""
    state = begin(seeds, arms, examples)

    def measure() -> int:
        probes.measure(state, level)
        return EPOCH * len(state.pack.runs)

    return measure


def engine(seeds: int, arms: Sequence[Arm], examples: Data) -> Callable[[], int]:
    """Return a call that trains a pack through one epoch, and gives the number of run-steps it took."""
    state = begin(seeds, arms, examples)
    runs = state.pack.runs
    order = np.stack([np.random.default_rng(s).permutation(TRAIN) for s in range(seeds)])
    steps = max(20, min(STEPS, 1600 // len(runs)))
    rows_KSB = torch.from_numpy(order[:, : steps * BATCH].reshape(seeds, steps, BATCH).swapaxes(0, 1).copy())

    def epoch() -> int:
        training.advance(state, rows_KSB)
        return steps * len(runs)

    return epoch


def eager(examples: Data) -> Callable[[], int]:
    """The plain loop of a careful user: nn modules, autograd, torch.optim, batches indexed from memory."""
    x_ND, y_N = torch.from_numpy(examples.x_train_ND), torch.from_numpy(examples.y_train_N)
    layers: list[nn.Module] = []
    for inputs, outputs in ((784, 100), (100, 100), (100, 100)):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.Sigmoid()]
    model = nn.Sequential(*layers, nn.Linear(100, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    order = torch.randperm(TRAIN)

    def epoch() -> int:
        for rows in torch.split(order[: STEPS * BATCH], BATCH):
            loss = nn.functional.cross_entropy(model(x_ND[rows]), y_N[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return STEPS

    return epoch


def matrix_product() -> Callable[[], int]:
    """This machine's torch.mm, 2048 × 2048, in units of run-steps."""
    a, b, out = (torch.randn(2048, 2048) for _ in range(3))

    def multiply() -> int:
        torch.mm(a, b, out=out)
        return round(2 * 2048**3 / FLOP)

    return multiply


def main() -> None:
    """Print a table of microseconds per run-step and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    examples = data()
    rows = {"plain eager loop": eager(examples), "torch.mm": matrix_product()}
    for seeds, arms in ((1, 1), (1, 4), (1, 8), (1, 12), (1, 16), (2, 8), (16, 1), (1, 32), (2, 16), (4, 16)):
        rows[f"bnexp, {seeds} seeds × {arms} arms"] = engine(seeds, [UNIFORM] * arms, examples)
    for name, activations in (("", MIXED), (", dearer", DEARER)):
        rows[f"bnexp, 12 mixed arms{name}"] = engine(1, list(product(PLACEMENTS, activations)), examples)
    for level in (Probes.basic, Probes.full):
        rows[f"probes={level}, 2 seeds × 16 arms"] = probing(2, [UNIFORM] * 16, examples, level)
        rows[f"probes={level}, 12 mixed arms"] = probing(1, list(product(PLACEMENTS, MIXED)), examples, level)
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    for call in rows.values():
        call()
    for _ in range(asked.rounds):
        for name, call in rows.items():
            started = time.perf_counter()
            count = call()
            seconds[name].append((time.perf_counter() - started) / count)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"threads {asked.threads}, median of {asked.rounds} rounds, torch {torch.__version__}")
    print("| what | µs per run-step | run-steps/s | × plain eager loop | of torch.mm |\n|---|---:|---:|---:|---:|")
    for name, value in medians.items():
        against, share = medians["plain eager loop"] / value, medians["torch.mm"] / value
        print(f"| {name} | {value * 1e6:.0f} | {1 / value:,.0f} | {against:.2f} | {share:.0%} |")


if __name__ == "__main__":
    main()
