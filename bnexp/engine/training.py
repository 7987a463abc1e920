"""The training of one pack: from runs to the points of their curves.

Letters: R = S·G lanes (S seeds × G arms), K steps, B examples in a batch, D input features, N examples.

`advance` is the one seam: forward, loss, backward, update, and nothing else moves a weight. It can be replaced, on one
device, by anything that keeps the contracts that `tests/` states.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnexp.data.datasets import Data
from bnexp.engine import network, optimizers, population_statistics, propagation
from bnexp.engine.batches import cut_segments, find_next_point, take_first_examples
from bnexp.engine.packs import Pack
from bnexp.engine.schedules import compute_learning_rates
from bnexp.engine.sizes import EVALUATION_BATCH, POPULATION_BATCHES, REFERENCE_EXAMPLES
from bnexp.engine.workspace import Workspace, allocate_reference, allocate_workspace
from bnexp.errors import UserError
from bnexp.runs import Run

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """The parts of a data set on the device, each as inputs [N, D] in the type of the parameters and labels [N]."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    classes: int


@dataclass(frozen=True)
class State:
    """A pack between two steps. The tensors are changed in place: a state that was advanced must not be used again."""

    pack: Pack
    network: network.Network
    optimizer_settings: optimizers.OptimizerSettings
    moments: optimizers.Moments
    examples: Examples
    step: int
    workspaces: dict[int, Workspace]
    """Buffers by batch size."""
    reference: Workspace | None
    """The reference batch and its buffers, if the lanes are normalized by one."""

    def workspace(self, batch: int) -> Workspace:
        """Return the buffers for batches of `batch` examples, allocated at the first call."""
        if batch not in self.workspaces:
            self.workspaces[batch] = allocate_workspace(self.network, batch, self.reference)
        return self.workspaces[batch]


@dataclass(frozen=True)
class Point:
    """One point of the curves of a pack: every array is [R], with NaN for what was not measured or has diverged.

    `train_*` are means over the training batches since the point before, `validation_*` and `test_*` are evaluations
    with running or population statistics. `diverged_step` is 0 while a lane has not diverged.
    """

    step: int
    diverged_step: NDArray[np.int64]
    train_loss: Array
    train_accuracy: Array
    validation_loss: Array
    validation_accuracy: Array
    test_loss: Array
    test_accuracy: Array
    test_correct: NDArray[np.uint8] | None = None
    """After the last step, which test examples each lane predicts correctly, as bits [R, N/8] of `numpy.packbits`."""


def choose_device(name: str) -> torch.device:
    """Return the device called `name` (auto, cpu, cuda); raise `UserError` if there is no such device here."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda needs a GPU that torch can see; found none: take device=cpu or device=auto")
    return torch.device(name)


def to_device(data: Data, run: Run, device: torch.device) -> Examples:
    """Return `data` on `device` in the type of `run`; raise `UserError` if it is not the data that `run` names."""
    if run.data_setting != data.setting:
        raise UserError(
            "a run must be trained on the data it names (name, training and validation examples, standardised); "
            f"the run names {run.data_setting}, the data is {data.setting}: load the data with the settings of the run"
        )
    dtype = getattr(torch, run.dtype)

    def part(x: NDArray[np.float32], y: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(x).to(device, dtype), torch.from_numpy(y).to(device)

    return Examples(
        train=part(data.x_train_ND, data.y_train_N),
        validation=part(data.x_validation_ND, data.y_validation_N),
        test=part(data.x_test_ND, data.y_test_N),
        classes=data.classes,
    )


def begin(pack: Pack, examples: Examples) -> State:
    """Return the state of `pack` before its first step, on the device of `examples`."""
    x_ND, _ = examples.train
    net = network.create(pack, x_ND.shape[1], examples.classes, x_ND.device)
    settings = optimizers.collect_settings(pack, net)
    rows_SN = take_first_examples(pack, min(REFERENCE_EXAMPLES, len(x_ND)), x_ND.device)
    reference = allocate_reference(net, x_ND[rows_SN])
    return State(pack, net, settings, optimizers.create_moments(net, settings), examples, 0, {}, reference)


@torch.inference_mode()
def advance(state: State, rows_KSB: Tensor) -> tuple[State, Tensor, Tensor]:
    """Take a pack through K steps on the training examples with the indices `rows_KSB`.

    Returns the new state, and of every step each lane's loss [K, R] (nats, the mean over the batch before the update)
    and number of correct predictions [K, R].
    """
    steps, _, batch = rows_KSB.shape
    work, net, moments = state.workspace(batch), state.network, state.moments
    x_ND, y_N = state.examples.train
    lr_KR = compute_learning_rates(state.pack.runs, np.arange(state.step, state.step + steps))
    lr_KSG11 = torch.from_numpy(lr_KR).to(net.eps_SG11).view(steps, *net.eps_SG11.shape)
    y_KSB = y_N[rows_KSB]
    loss_KR = x_ND.new_empty(steps, len(state.pack.runs))
    correct_KR = y_N.new_empty(steps, len(state.pack.runs))
    for k in range(steps):
        torch.index_select(x_ND, 0, rows_KSB[k].flatten(), out=work.x_SBD.view(-1, x_ND.shape[1]))
        rates = optimizers.compute_step_rates(state.optimizer_settings, lr_KSG11[k], state.step + k + 1)
        propagation.forward(net, work, work.x_SBD, training=True, step=state.step + k + 1)
        propagation.cross_entropy(net, work, y_KSB[k], loss_KR[k], correct_KR[k])
        for layer in propagation.backward(net, work, rates.gradient_scale_R11):
            optimizers.update_weights(net, work, moments, rates, layer)
        optimizers.update_vectors(net, work, moments, rates)
    return replace(state, step=state.step + steps), loss_KR, correct_KR


@torch.inference_mode()
def evaluate(state: State, x_ND: Tensor, y_N: Tensor, out_RN: NDArray[np.bool_] | None = None) -> tuple[Array, Array]:
    """Return each lane's mean loss [R] (nats) and accuracy [R], normalized by running or population statistics.

    With `out_RN`, which examples each lane predicts correctly is written there.
    """
    loss_R, correct_R, start = np.zeros(len(state.pack.runs)), np.zeros(len(state.pack.runs)), 0
    for x_BD, y_B in zip(*(torch.split(part, EVALUATION_BATCH) for part in (x_ND, y_N)), strict=True):
        work = state.workspace(len(y_B))
        propagation.forward(state.network, work, x_BD.expand_as(work.x_SBD), training=False)
        loss, correct = x_ND.new_empty(len(loss_R)), y_N.new_empty(len(loss_R))
        propagation.cross_entropy(state.network, work, y_B.expand(state.network.seeds, -1), loss, correct)
        loss_R += len(y_B) * loss.double().cpu().numpy()
        correct_R += correct.cpu().numpy()
        if out_RN is not None:
            out_RN[:, start : start + len(y_B)] = propagation.find_correct(work, y_B).squeeze(1).cpu().numpy()
            start += len(y_B)
    return loss_R / len(y_N), correct_R / len(y_N)


def train(state: State) -> Iterator[Point]:
    """Train a pack to its end and yield the points of its curves, the first before any step.

    A lane diverges with the first step whose loss is not finite, or at the first point that finds a parameter of it not
    finite: from then on its parameters are NaN, its numbers are missing, and its neighbours do not change by a bit,
    because no product mixes lanes. When all lanes have diverged, training ends.
    """
    run, lanes = state.pack.runs[0], len(state.pack.runs)
    diverged_step = np.zeros(lanes, np.int64)
    loss_R, correct_R, examples, due = np.zeros(lanes), np.zeros(lanes), 0, find_next_point(run, 0)
    yield _measure_point(state, np.full(lanes, np.nan), np.full(lanes, np.nan), diverged_step)
    for rows_KSB in cut_segments(state.pack, state.examples.train[1].device):
        state, loss_KR, correct_KR = advance(state, rows_KSB)
        losses, batch = loss_KR.double().cpu().numpy(), rows_KSB.shape[2]
        _note_divergence(diverged_step, losses, state.step - len(losses))
        loss_R += batch * losses.sum(0)
        correct_R += correct_KR.sum(0).cpu().numpy()
        examples += batch * len(losses)
        if state.step == due:
            _freeze(state, diverged_step)
            yield _measure_point(state, loss_R / examples, correct_R / examples, diverged_step)
            if diverged_step.all():
                return
            loss_R, correct_R, examples = np.zeros(lanes), np.zeros(lanes), 0
            due = find_next_point(run, due)


def _note_divergence(diverged_step: NDArray[np.int64], losses_KR: Array, done: int) -> None:
    """Write the number (from 1) of the first step with a loss that is not finite, where none was noted before."""
    wrong_KR = ~np.isfinite(losses_KR)
    first_R = np.where(wrong_KR.any(0), done + 1 + wrong_KR.argmax(0), 0)
    np.copyto(diverged_step, first_R, where=diverged_step == 0)


def _freeze(state: State, diverged_step: NDArray[np.int64]) -> None:
    """Note lanes with a parameter that is not finite, and set every parameter of diverged lanes to NaN."""
    broken_R = ~state.network.finite_R().cpu().numpy()
    np.copyto(diverged_step, state.step, where=broken_R & (diverged_step == 0))
    for lane in np.flatnonzero(diverged_step):
        for name, tensor in state.network.lane(int(lane)).items():
            if not name.startswith("0."):  # the statistics of the inputs belong to the neighbours, too
                tensor.fill_(math.nan)


def evaluation_due(run: Run, step: int) -> bool:
    """Say whether `run` is evaluated after `step` steps: at 0, at multiples of `run.evaluate`, and after the last."""
    return step == run.steps or step % run.evaluate == 0


@torch.inference_mode()
def _estimate_population(state: State) -> None:
    """Renew the statistics that lanes with `norm.statistics=population` are evaluated with."""
    run, (x_ND, _) = state.pack.runs[0], state.examples.train
    rows_SN = take_first_examples(state.pack, POPULATION_BATCHES * run.batch_size, x_ND.device)
    whole = (rows_SB for rows_SB in torch.split(rows_SN, run.batch_size, 1) if rows_SB.shape[1] == run.batch_size)
    population_statistics.estimate(state.network, state.workspace(run.batch_size), (x_ND[rows_SB] for rows_SB in whole))


def _measure_point(state: State, train_loss: Array, train_accuracy: Array, diverged_step: NDArray[np.int64]) -> Point:
    """Return the point at `state.step`, evaluated if that is due; the numbers of diverged lanes are NaN."""
    run, nothing = state.pack.runs[0], (np.full(len(train_loss), np.nan),) * 2
    due = evaluation_due(run, state.step)
    if due and state.network.population_SG11.any():
        _estimate_population(state)
    if due and state.reference is not None:
        with torch.inference_mode():
            propagation.measure_reference(state.network, state.workspace(run.batch_size))
    validation = evaluate(state, *state.examples.validation) if due else nothing
    last = state.step == run.steps
    correct_RN = np.zeros((len(train_loss), len(state.examples.test[1])), np.bool_) if last else None
    test = evaluate(state, *state.examples.test, correct_RN) if due else nothing
    columns = (train_loss, train_accuracy, *validation, *test)
    point = Point(state.step, diverged_step.copy(), *(np.where(diverged_step == 0, c, np.nan) for c in columns))
    return point if correct_RN is None else replace(point, test_correct=np.packbits(correct_RN, axis=1))
