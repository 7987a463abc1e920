"""The peer in JAX: R models at once by jax.vmap over lax.scan, jitted, as `peers.py` describes them all.

Letters: R runs, N examples, B examples in a batch, D input features, K steps. Needs the extra `bench`.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import BATCH, EPS, LR, MOMENTUM, POINTS, WIDTHS, Curve, Trainer
from bnexp.data.datasets import Data


def scanned(data: Data, runs: int) -> Trainer:
    """An epoch is one call, its short last batch another, because a scan wants equal shapes."""
    rng, count = np.random.default_rng(0), len(data.y_train_N)
    x_ND, y_N = jnp.asarray(data.x_train_ND), jnp.asarray(data.y_train_N, jnp.int32)
    held = [(data.x_validation_ND, data.y_validation_N), (data.x_test_ND, data.y_test_N)]
    held = [(jnp.asarray(x), jnp.asarray(y, jnp.int32)) for x, y in held]

    def begin(key: Any) -> Any:
        keys = jax.random.split(key, len(WIDTHS) - 1)
        sizes = zip(keys, WIDTHS, WIDTHS[1:], strict=False)
        *hidden, (weight, _, bias) = [
            (jax.random.normal(k, (i, o)) / i**0.5, jnp.ones(o), jnp.zeros(o)) for k, i, o in sizes
        ]
        return [*hidden, (weight, bias)], [(jnp.zeros(o), jnp.ones(o)) for o in WIDTHS[1:-1]]

    def forward(parameters: Any, x: Any, moments: Any) -> Any:
        used = []
        for (weight, gamma, beta), known in zip(parameters[:-1], moments, strict=True):
            z = x @ weight
            mean, variance = (z.mean(0), z.var(0)) if known is None else known
            x = jax.nn.sigmoid((z - mean) * jax.lax.rsqrt(variance + EPS) * gamma + beta)
            used.append((mean, variance))
        weight, bias = parameters[-1]
        return x @ weight + bias, used

    def measures(logits: Any, y: Any) -> Any:
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1)
        return -picked.mean(), (logits.argmax(1) == y).mean()

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        logits, moments = forward(parameters, x, [None] * (len(WIDTHS) - 2))
        value, accuracy = measures(logits, y)
        return value, (accuracy, moments)

    def step(state: Any, rows_B: Any) -> Any:
        parameters, running = state
        (value, (accuracy, moments)), gradients = jax.value_and_grad(loss, has_aux=True)(
            parameters, x_ND[rows_B], y_N[rows_B]
        )
        unbiased = rows_B.shape[0] / (rows_B.shape[0] - 1)
        moments = [(mean, variance * unbiased) for mean, variance in moments]
        running = jax.tree.map(lambda old, new: old + MOMENTUM * (new - old), running, moments)
        return (jax.tree.map(lambda old, g: old - LR * g, parameters, gradients), running), (value, accuracy)

    train = jax.jit(jax.vmap(functools.partial(jax.lax.scan, step)), donate_argnums=0)
    evaluate = jax.jit(jax.vmap(lambda s, x, y: measures(forward(s[0], x, s[1])[0], y), in_axes=(0, None, None)))
    state = jax.vmap(begin)(jax.random.split(jax.random.key(0), runs))

    def order() -> Any:
        return rng.permuted(np.tile(np.arange(count, dtype=np.int32), (runs, 1)), axis=1)

    def steps(number: int) -> None:
        nonlocal state
        state, _ = train(state, drawn[:, : number * BATCH].reshape(runs, number, BATCH))
        jax.block_until_ready(state)

    def epoch() -> Curve:
        nonlocal state
        rows, whole, logged = order(), count // BATCH, []
        for part in (rows[:, : whole * BATCH].reshape(runs, whole, BATCH), rows[:, None, whole * BATCH :]):
            if part.size:
                state, seen = train(state, part)
                logged.append((np.asarray(seen), part.shape[-1]))
        weight = np.concatenate([np.full(seen.shape[-1], size) for seen, size in logged])
        steps_2RK = np.concatenate([seen for seen, _ in logged], axis=-1)
        curve = [
            tuple(np.average(steps_2RK[..., due], axis=-1, weights=weight[due]).tolist())
            for due in np.array_split(np.arange(len(weight)), POINTS)
        ]
        return [*curve, *(tuple(np.asarray(evaluate(state, x, y)).tolist()) for x, y in held)]

    drawn = order()
    return Trainer(runs, steps, epoch)
