"""Activations of the user's: loaded from their file, checked on samples, and called as the engine calls its own.

Letters: u input, a = φ(u) output, d_a and d_u = d_a·φ'(u) the gradients of the loss with respect to them.

The derivative is NAME_derivative, if it stands beside NAME, else what autograd makes of φ, which is called once more
for it in every step. What is loaded runs with the user's rights, and only what a command or a `Run` names is loaded: a
file, with the digest of what stands in it. An exception of theirs is told as theirs.
"""

import functools
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from bnexp.choices import nearest
from bnexp.engine.activations import FLAT, Function, Saturation
from bnexp.errors import UserError
from bnexp.own.code import Code, decode, read
from bnexp.randomness import generator

REACH: Final = 8.0
"""Ordinary inputs are up to this large, on either side."""

SAMPLES: Final = (2, 3, 8, 4)
"""As the engine hands them over, [S, G, B, H]."""

TOLERANCES: Final = {torch.float32: 1e-4, torch.float64: 1e-9}
"""Largest error relative to 1 + |a| where equal numbers may be computed by other instructions."""

STEP: Final = 1e-5
"""Of a difference quotient in float64; its own error is about 1e-10·φ'''."""


class OwnCodeError(RuntimeError):
    """What the user's code raised or gave, in a sentence; it fails the run, as other errors of a pack do."""


@dataclass(frozen=True)
class OwnCode:
    """A function of the user's file at `path`, called `name`."""

    path: str
    name: str
    function: Callable[[Tensor], Any]

    def __call__(self, u: Tensor) -> Tensor:
        """Return what it gives at `u`; raises `OwnCodeError` if it fails, or gives no tensor like `u`."""
        try:
            a = self.function(u)
        except Exception as error:
            raise OwnCodeError(f"{self} must take one tensor and not fail; got {describe(error, self.path)}") from error
        if not isinstance(a, Tensor):
            kind = type(a).__name__ if type(a).__module__ == "builtins" else f"{type(a).__module__}.{type(a).__name__}"
            raise OwnCodeError(f"{self} must return a tensor of torch; got {kind}")
        if (a.shape, a.dtype, a.device) != (u.shape, u.dtype, u.device):
            raise OwnCodeError(
                f"{self} must keep shape, type and device of its input, {list(u.shape)} of {u.dtype} on {u.device}; "
                f"got {list(a.shape)} of {a.dtype} on {a.device}"
            )
        return a

    def __str__(self) -> str:
        return f"{self.name} of {self.path}"


def describe(error: BaseException, path: str) -> str:
    """Return what was raised, and in which line of the file at `path`, as the end of a sentence."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    words = " ".join(str(error).split())
    return f"{type(error).__name__}{f' ({words})' if words else ''}{f' in line {lines[-1]}' if lines else ''}"


@functools.cache
def load(name: str, code: str) -> Function:
    """Return the function `name` of `code`, PATH@DIGEST, after it was checked.

    Later edits of the file do not reach a process that has loaded it. Raises `UserError`, whose sentence names the file
    and the line, if the file is not what it was, if it fails, or if the function is none of one number.
    """
    source = decode(code)
    namespace = _execute(source, read(source))
    own = OwnCode(source.path, name, _find(name, source.path, namespace))
    beside = f"{name}_derivative"
    derivative = OwnCode(source.path, beside, _find(beside, source.path, namespace)) if beside in namespace else None
    slope = derivative or (lambda u: _differentiate(own, u))
    try:
        for dtype in TOLERANCES:
            u = draw_samples(dtype)
            _check_elementwise(own, u)
            _check_elementwise(derivative, u) if derivative else _check_slope(own, slope(u))
        if derivative:
            _check_derivative(own, derivative, draw_samples(torch.float64))
        return _to_function(own, slope)
    except OwnCodeError as error:
        raise UserError(str(error)) from None


def draw_samples(dtype: torch.dtype) -> Tensor:
    """Return `SAMPLES` ordinary inputs, evenly spread and in disorder, none at a whole number, where kinks are."""
    size = torch.Size(SAMPLES).numel()
    even = torch.linspace(-REACH, REACH, size, dtype=torch.float64) + 0.0123
    return even[torch.from_numpy(generator(0, "samples of an activation").permutation(size))].view(SAMPLES).to(dtype)


def _execute(source: Code, text: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": f"bnexp_own_{source.digest}", "__file__": source.path}
    try:
        exec(compile(text, source.path, "exec"), namespace)  # noqa: S102 - the user has named this file in a command
    except (Exception, SystemExit) as error:
        raise UserError(f"{source.path} must run without an error; got {describe(error, source.path)}") from None
    return namespace


def _find(name: str, path: str, namespace: dict[str, Any]) -> Callable[[Tensor], Any]:
    if name not in namespace:
        theirs = [other for other, value in namespace.items() if callable(value) and not other.startswith("_")]
        raise UserError(f"{path} must define {name}; it does not{nearest(name, theirs)}")
    found = namespace[name]
    if not callable(found):
        raise UserError(f"{name} of {path} must be a function of one tensor; got {type(found).__name__} {found!r:.40}")
    return found  # type: ignore[no-any-return]


def _check_elementwise(own: OwnCode, u: Tensor) -> None:
    """Raise unless every output depends on its own input, and on nothing else."""
    before, a = u.clone(), own(u)
    if not torch.equal(before, u):
        raise OwnCodeError(f"{own} must leave its input as it is; got it changed in place: work on u.clone()")
    wrong = ~torch.isfinite(a)
    if wrong.any():
        raise OwnCodeError(
            f"{own} must be finite at inputs from {-REACH:g} to {REACH:g}, in {u.dtype}; got "
            f"{a[wrong][0].item()} at {u[wrong][0].item():.4g}"
        )
    order = torch.from_numpy(generator(0, "order of samples").permutation(u.numel()))
    moved = u.flatten().clone()
    moved[::2] = moved[::2] * -0.37 + 1.3
    for what, others, seen in (
        ("is asked again", own(u.clone()).flatten(), a.flatten()),
        ("stands at another place", own(u.flatten()[order].view_as(u)).flatten(), a.flatten()[order]),
        ("has other neighbours", own(moved.view_as(u)).flatten()[1::2], a.flatten()[1::2]),
        ("stands alone", torch.cat([own(one.view(1, 1, 1, 1)).flatten() for one in u.flatten()[:3]]), a.flatten()[:3]),
    ):
        if not ((others - seen).abs() <= TOLERANCES[u.dtype] * (1 + seen.abs())).all():
            raise OwnCodeError(
                f"{own} must be elementwise, each output a function of its own input alone; got another output for an "
                f"input that {what}"
            )


def _check_slope(own: OwnCode, slope: Tensor) -> None:
    if not torch.isfinite(slope).all():
        raise OwnCodeError(
            f"the derivative of {own} must be finite at inputs from {-REACH:g} to {REACH:g}; autograd got "
            f"{slope[~torch.isfinite(slope)][0].item()}: write {own.name}_derivative(u) beside it"
        )


def _check_derivative(own: OwnCode, derivative: OwnCode, u: Tensor) -> None:
    """Raise unless `derivative` is what differences of the function give, but at kinks, where its sides differ."""
    left, right = (own(u) - own(u - STEP)) / STEP, (own(u + STEP) - own(u)) / STEP
    wanted, given = (left + right) / 2, derivative(u)
    wrong = ((given - wanted).abs() > 1e-3 * (1 + wanted.abs())) & ((left - right).abs() < 1e-2 * (1 + wanted.abs()))
    if wrong.any():
        raise OwnCodeError(
            f"{derivative} must be the derivative of {own.name}; got {given[wrong][0].item():.4g} at "
            f"{u[wrong][0].item():.4g}, where differences of {own.name} give {wanted[wrong][0].item():.4g}"
        )


def _differentiate(own: OwnCode, u: Tensor) -> Tensor:
    """Return φ'(u) by autograd, which needs tensors that are none of inference mode."""
    with torch.inference_mode(False), torch.enable_grad():
        v = u.clone().requires_grad_()
        a = own(v)
        if not a.requires_grad:
            raise OwnCodeError(
                f"autograd must see how {own} depends on its input; it does not: use functions of torch alone, or "
                f"write {own.name}_derivative(u) beside it"
            )
        try:
            (slope,) = torch.autograd.grad(a.sum(), v, materialize_grads=True)
        except Exception as error:  # whatever a backward pass of theirs raises
            raise OwnCodeError(f"autograd must go back through {own}; got {describe(error, own.path)}") from error
    return slope


def _to_function(own: OwnCode, slope: Callable[[Tensor], Tensor]) -> Function:
    """Return it as the engine takes it, with the greatest slope that it has at ordinary inputs, and where it is flat.

    Saturation is of inputs if it is flat at both ends of `REACH`, of units if at one, and else has no meaning; the
    greatest slope of one that gets steeper without end is that at |u| ≤ 1.
    """

    def measure(end: float) -> Tensor:
        return slope(torch.linspace(-end, end, 4001, dtype=torch.float64).view(1, 1, -1, 1)).abs().flatten()

    one, near, far = map(measure, (1.0, REACH / 2, REACH))
    endless = float(far.max()) > 1.1 * float(near.max())
    steepest = float(one.max() if endless else far.max())
    flat_sides = [bool((side < FLAT * steepest).all()) for side in (far[:500], far[-500:])]
    kinds = (Saturation.none, Saturation.of_units, Saturation.of_inputs)
    return Function(
        lambda u, out: out.copy_(own(u)),
        lambda d, u, _, out: torch.mul(d, slope(u), out=out),
        steepest,
        kinds[sum(flat_sides)],
    )
