"""What the engine's tests share: small data, lanes filled from a reference, and the comparison of the two."""

import dataclasses
import os
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from bnexp.data.datasets import Data
from bnexp.engine import training
from bnexp.engine.packs import Pack, form_packs
from bnexp.norms.layers import list_layers
from bnexp.runs import Run
from tests.support import reference

FEATURES, CLASSES, TRAIN, HELD_OUT = 13, 4, 47, 30


def small_data(seed: int = 0) -> Data:
    """Gaussian classes that overlap; 47 training examples, so that batches of 9 leave a short last one of 2."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLASSES, FEATURES))

    def part(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = rng.integers(CLASSES, size=n)
        return (centres[y] + rng.normal(size=(n, FEATURES))).astype(np.float32), y

    (x, y), (xv, yv), (xt, yt) = part(TRAIN), part(HELD_OUT), part(HELD_OUT)
    return Data(
        name="small", x_train_ND=x, y_train_N=y, x_validation_ND=xv, y_validation_N=yv, x_test_ND=xt, y_test_N=yt,
        classes=CLASSES, digest="0" * 64, standardize=False,
    )  # fmt: skip


def small_run(**changes: object) -> Run:
    """A float64 run on `small_data`."""
    base = Run(
        data="small", data_train=TRAIN, data_validation=HELD_OUT, hidden=(11, 8), batch_size=9, steps=20, evaluate=6,
        dtype="float64",
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def pack_of(runs: Iterable[Run]) -> Pack:
    """The one pack that `runs` form."""
    (pack,) = form_packs(runs, 1000)
    return pack


PLACEMENTS = ("none", "pre", "post", "both")
"""Placements that share a pack; normalized inputs have packs of their own."""


DEVICE = os.environ.get("BNEXP_TEST_DEVICE", "cpu")
"""`BNEXP_TEST_DEVICE=cuda make test` holds the engine against the reference on a GPU."""


def begin(pack: Pack, data: Data) -> training.State:
    return training.begin(pack, training.to_device(data, pack.runs[0], training.choose_device(DEVICE)))


def reference_of(
    run: Run, lane: dict[str, Tensor], features: int = FEATURES, classes: int = CLASSES
) -> reference.Reference:
    """The reference of `run`, started from the parameters of `lane`."""
    model, named = reference.build(
        run.placement, run.activation, (features, *run.hidden, classes), kind=run.norm_kind,
        layers=list_layers(run.norm_layers, len(run.hidden)),
        eps=run.norm_eps, norm_momentum=run.norm_momentum, affine=run.norm_affine, dtype=getattr(torch, run.dtype),
        device=lane["1.weight"].device,
    )  # fmt: skip
    optimizer = reference.optimizer_of(
        named, run.optimizer, lr=run.lr, momentum=run.momentum, nesterov=run.nesterov, betas=(run.beta1, run.beta2),
        eps=run.adam_eps, weight_decay=run.weight_decay, decay_all=run.decay_all, hidden_lr_scale=run.hidden_lr_scale,
    )  # fmt: skip
    assert named.keys() == lane.keys()
    with torch.no_grad():
        for name, tensor in named.items():
            tensor.copy_(transpose(lane[name]))
    return reference.Reference(model, optimizer, named)


MOMENTS = {"momentum_buffer": "first", "exp_avg": "first", "exp_avg_sq": "second"}


def load(state: training.State, lane: int, source: reference.Reference) -> None:
    """Put the reference's parameters, running statistics and optimizer moments into `lane`."""
    with torch.no_grad():
        for name, view in state.network.lane(lane).items():
            view.copy_(transpose(source.named[name]))
        for name, order in MOMENTS.items():
            kept = getattr(state.moments, order)
            if not kept:
                continue
            for parameter, view in state.network.parameters(lane, kept[:-1], kept[-1]).items():
                moment = source.optimizer.state.get(source.named[parameter], {}).get(name)
                if moment is not None:
                    view.copy_(transpose(moment))


def distance(values: Iterable[Tensor], truth: Iterable[Tensor]) -> float:
    """Norm of the difference of two lists of tensors relative to the norm of `truth`, all tensors taken as one vector.

    Taken together, because single tensors may be zero but for rounding: the gradient of beta under `pre` with the
    identity is.
    """
    one, other = (torch.cat([tensor.detach().flatten() for tensor in tensors]) for tensors in (values, truth))
    return float((one - other).norm() / other.norm())


def distances(lane: dict[str, Tensor], source: reference.Reference) -> list[float]:
    """Distance of the parameters, of the running means and of the running variances of a lane from the reference's."""
    kinds = [
        [name for name in lane if "running" not in name],
        [name for name in lane if name.endswith("running_mean")],
        [name for name in lane if name.endswith("running_var")],
    ]
    return [distance([lane[n] for n in kind], [transpose(source.named[n]) for n in kind]) for kind in kinds if kind]


def transpose(tensor: Tensor) -> Tensor:
    """A weight in the engine's layout [in, out] from torch's [out, in], or back; vectors as they are."""
    return tensor.mT if tensor.dim() == 2 else tensor
