"""The same training elsewhere: what bnexp is compared with, each peer written as its best users would write it.

784-100-100-100-10, sigmoid, batch norm before the activation, batch 60, SGD at 0.1, MNIST; 26.376 MFLOP per run-step
(one optimizer step of one run). All peers keep running statistics, take an epoch through all training examples, the
short last batch included, and log the same numbers: ten points of the training curve, then validation and test.

Letters: R runs, N examples, B examples in a batch, D input features, C classes, K steps.

`task` is the plain loop as Hydra calls it; `scripts/peer_sweep.py` is the peer of `bnexp -m` that is made of it.
"""

import functools
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.func import grad_and_value, vmap

from bnexp.data.datasets import Data, load

WIDTHS: Final = (784, 100, 100, 100, 10)
BATCH: Final = 60
LR: Final = 0.1
EPS: Final = 1e-5
MOMENTUM: Final = 0.1
"""Weight of the newest batch in the running statistics, as in nn.BatchNorm1d."""

POINTS: Final = 10
"""Points of the training curve per epoch, as many as bnexp stores."""

FLOP: Final = 26.376e6
"""2 · 60 · (2·784·100 + 3·(2·100·100 + 100·10)): forward, gradient of weights, and of inputs but for the first
layer."""

Curve = list[tuple[Any, Any]]
"""Loss and accuracy, of one run or of each of R: the points of training, then validation, then test."""

Step = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class Trainer(NamedTuple):
    """`runs` trainings at once: take a number of steps and nothing else, or an epoch with logging and evaluation."""

    runs: int
    steps: Callable[[int], object]
    epoch: Callable[[], object]


@functools.cache  # a worker of joblib trains many runs on the data that it loaded once
def examples(root: str | None, train: int = 50_000, evaluated: int = 10_000) -> Data:
    """Return MNIST from `root`, or random images and labels of its shape, for which the arithmetic is the same."""
    if root is not None:
        return load("mnist", root=Path(root), train=train, validation=None, standardize=False)
    rng = np.random.default_rng(0)
    parts = [(rng.random((n, 784), dtype=np.float32), rng.integers(10, size=n)) for n in (train, evaluated, evaluated)]
    (x, xv, xt), (y, yv, yt) = zip(*parts, strict=True)
    return Data("random", x, xv, xt, y, yv, yt, classes=10, digest="", standardize=False)


def eager(data: Data, placement: str = "pre") -> Trainer:
    """The plain loop of a careful user: nn modules, autograd, torch.optim, batches indexed from memory."""
    x_ND, y_N = torch.from_numpy(data.x_train_ND), torch.from_numpy(data.y_train_N)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            for rows in torch.split(torch.randperm(len(y_N)), BATCH):
                yield x_ND[rows], y_N[rows]

    return _plain(data, placement, batches())


def loader(data: Data) -> Trainer:
    """The loop of most tutorials: the same through TensorDataset and DataLoader."""
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(data.x_train_ND), torch.from_numpy(data.y_train_N))
    batches = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=True)
    return _plain(data, "pre", itertools.chain.from_iterable(itertools.repeat(batches)))


def _plain(data: Data, placement: str, batches: Iterator[Any]) -> Trainer:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(WIDTHS[:-1]):
        norm, act = nn.BatchNorm1d(outputs), nn.Sigmoid()
        layers.append(nn.Linear(inputs, outputs, bias=placement != "pre"))
        order: dict[str, list[nn.Module]] = {"none": [act], "pre": [norm, act], "post": [act, norm]}
        layers += order[placement]
    model = nn.Sequential(*layers, nn.Linear(*WIDTHS[-2:]))
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)

    def step(x_BD: Tensor, y_B: Tensor) -> tuple[Tensor, Tensor]:
        logits_BC = model(x_BD)
        loss = nn.functional.cross_entropy(logits_BC, y_B)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach(), logits_BC.detach()

    def predict(x_ND: Tensor) -> Tensor:
        model.eval()
        logits_NC: Tensor = model(x_ND)
        model.train()
        return logits_NC

    return Trainer(1, functools.partial(_take, step, batches), functools.partial(_epoch, data, step, batches, predict))


def stacked(data: Data, runs: int) -> Trainer:
    """R models at once by torch.func.vmap, each with its own order of the examples."""
    x_ND, y_N = torch.from_numpy(data.x_train_ND), torch.from_numpy(data.y_train_N)
    hidden = [
        [torch.randn(runs, i, o) / i**0.5, torch.ones(runs, o), torch.zeros(runs, o)]
        for i, o in itertools.pairwise(WIDTHS[:-1])
    ]
    parameters = [*hidden, [torch.randn(runs, *WIDTHS[-2:]) / WIDTHS[-2] ** 0.5, torch.zeros(runs, WIDTHS[-1])]]
    running = [[torch.zeros(runs, o), torch.ones(runs, o)] for o in WIDTHS[1:-1]]

    def forward(parameters: Any, x: Tensor, moments: Any) -> tuple[Tensor, Any]:
        """Return the logits and the mean and variance of each layer: those of the batch where `moments` are None."""
        used = []
        for (weight, gamma, beta), known in zip(parameters[:-1], moments, strict=True):
            z = x @ weight
            mean = z.mean(0) if known is None else known[0]
            z = z - mean
            variance = (z * z).mean(0) if known is None else known[1]
            x = torch.sigmoid(z * torch.rsqrt(variance + EPS) * gamma + beta)
            used.append((mean, variance))
        weight, bias = parameters[-1]
        return x @ weight + bias, used

    def loss(parameters: Any, x_BD: Tensor, y_B: Tensor) -> tuple[Tensor, Any]:
        logits_BC, moments = forward(parameters, x_BD, [None] * len(running))
        return -torch.log_softmax(logits_BC, -1).gather(1, y_B[:, None]).mean(), (logits_BC, moments)

    gradient = vmap(grad_and_value(loss, has_aux=True))

    def step(x_RBD: Tensor, y_RB: Tensor) -> tuple[Tensor, Tensor]:
        gradients, (loss_R, (logits_RBC, moments)) = gradient(parameters, x_RBD, y_RB)
        for layer, changes in zip(parameters, gradients, strict=True):
            for tensor, change in zip(layer, changes, strict=True):
                tensor.sub_(change, alpha=LR)
        unbiased = y_RB.shape[1] / (y_RB.shape[1] - 1)
        for (mean, variance), (batch_mean, batch_variance) in zip(running, moments, strict=True):
            mean.lerp_(batch_mean, MOMENTUM)
            variance.lerp_(batch_variance * unbiased, MOMENTUM)
        return loss_R, logits_RBC

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            for rows_RB in torch.split(torch.stack([torch.randperm(len(y_N)) for _ in range(runs)]), BATCH, 1):
                yield x_ND[rows_RB], y_N[rows_RB]

    def predict(x_ND: Tensor) -> Tensor:
        logits_RNC: Tensor = vmap(forward, in_dims=(0, None, 0))(parameters, x_ND, running)[0]
        return logits_RNC

    taken = functools.partial(_take, step, batches())
    return Trainer(runs, taken, functools.partial(_epoch, data, step, batches(), predict))


def _take(step: Step, batches: Iterator[tuple[Tensor, Tensor]], steps: int) -> None:
    for x, y in itertools.islice(batches, steps):
        step(x, y)


def _epoch(data: Data, step: Step, batches: Iterator[Any], predict: Callable[[Tensor], Tensor]) -> Curve:
    """Train through all examples once; the sums stay tensors until a point is due."""
    curve: Curve = []
    for due in np.array_split(np.arange(-(-len(data.y_train_N) // BATCH)), POINTS):
        loss, correct, seen = torch.zeros(()), torch.zeros(()), 0
        for x, y in itertools.islice(batches, len(due)):
            value, logits = step(x, y)
            loss, correct = loss.add(value, alpha=y.shape[-1]), correct + _correct(logits, y)
            seen += y.shape[-1]
        curve.append(((loss / seen).tolist(), (correct / seen).tolist()))
    for x_ND, y_N in ((data.x_validation_ND, data.y_validation_N), (data.x_test_ND, data.y_test_N)):
        curve.append(_evaluate(predict, torch.from_numpy(x_ND), torch.from_numpy(y_N)))
    return curve


@torch.inference_mode()
def _evaluate(predict: Callable[[Tensor], Tensor], x_ND: Tensor, y_N: Tensor) -> tuple[Any, Any]:
    loss, correct = torch.zeros(()), torch.zeros(())
    for x, y in zip(torch.split(x_ND, 1000), torch.split(y_N, 1000), strict=True):
        logits = predict(x)
        picked = torch.log_softmax(logits, -1).gather(-1, y.expand(logits.shape[:-1])[..., None])
        loss, correct = loss - picked.sum((-2, -1)), correct + _correct(logits, y)
    return (loss / len(y_N)).tolist(), (correct / len(y_N)).tolist()


def _correct(logits: Tensor, y: Tensor) -> Tensor:
    return (logits.argmax(-1) == y).sum(-1)


def product(_: Data) -> Trainer:
    """This machine's torch.mm, 2048 × 2048, as if each product were a step of as many runs: the limit of them all."""
    a, b, out = (torch.randn(2048, 2048) for _ in range(3))

    def steps(number: int) -> None:
        for _ in range(number):
            torch.mm(a, b, out=out)

    return Trainer(round(2 * 2048**3 / FLOP), steps, lambda: None)


def task(cfg: DictConfig) -> float:
    """Train one run, write its curve into the folder of its Hydra job and return its validation loss."""
    torch.set_num_threads(1)
    torch.manual_seed(cfg.seed)
    trainer = eager(examples(cfg.root), cfg.placement)
    curves: list[Any] = [trainer.epoch() for _ in range(cfg.epochs)]
    Path(HydraConfig.get().runtime.output_dir, "curves.json").write_text(json.dumps(curves))
    return float(curves[-1][POINTS][0])
