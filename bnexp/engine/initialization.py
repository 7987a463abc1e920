"""Initial weights and biases: drawn from the seed and the layer alone, then scaled by each lane's scheme and gain.

Letters: S seeds, G arms, I inputs and O outputs of a layer (its fan-in and fan-out).

| scheme | weights                                        | source                        |
|--------|------------------------------------------------|-------------------------------|
| torch  | uniform in ±1/sqrt(I); biases likewise         | torch.nn.Linear's default     |
| xavier | uniform in ±sqrt(6/(I + O))                    | Glorot & Bengio 2010          |
| he     | normal, variance 2/I                           | He et al. 2015                |
| lecun  | normal, variance 1/I                           | LeCun et al. 1998             |
| normal | normal, standard deviation 1: the gain is it   | Ioffe & Szegedy 2015, sec 4.1 |

The gain multiplies everything that is drawn, the hidden gain what hidden layers draw. Biases are zero but for `torch`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from bnexp.choices import InitScheme
from bnexp.engine.packs import Pack
from bnexp.randomness import generator
from bnexp.runs import Run

Array = NDArray[np.float64]


def draw_weights(pack: Pack, layer: int, inputs: int, outputs: int) -> Array:
    """Return the initial weights of `layer` (counted from 1) for every lane: float64 [S, G, I, O]."""
    lanes = [_draw_lane_weights(run, layer, inputs, outputs) for run in pack.runs]
    return np.stack(lanes).reshape(len(pack.seeds), pack.arms, inputs, outputs)


def draw_biases(pack: Pack, layer: int, inputs: int, outputs: int) -> Array:
    """Return the initial biases of `layer` (counted from 1) for every lane: float64 [S, G, O]."""
    lanes = [_draw_lane_biases(run, layer, inputs, outputs) for run in pack.runs]
    return np.stack(lanes).reshape(len(pack.seeds), pack.arms, outputs)


def _draw_lane_weights(run: Run, layer: int, inputs: int, outputs: int) -> Array:
    """Return the initial weights [I, O] of `layer` (counted from 1) of `run`."""
    rng, size = generator(run.seed, "weights", layer), (inputs, outputs)
    match run.init_scheme:
        case InitScheme.torch:
            unit = rng.uniform(-1, 1, size) / math.sqrt(inputs)
        case InitScheme.xavier:
            unit = rng.uniform(-1, 1, size) * math.sqrt(6 / (inputs + outputs))
        case InitScheme.he:
            unit = rng.standard_normal(size) * math.sqrt(2 / inputs)
        case InitScheme.lecun:
            unit = rng.standard_normal(size) / math.sqrt(inputs)
        case InitScheme.normal:
            unit = rng.standard_normal(size)
    return _multiply_gains(run, layer) * unit


def _multiply_gains(run: Run, layer: int) -> float:
    """Return the factor on everything that `layer` (counted from 1) draws."""
    return run.init_gain * (run.init_hidden_gain if layer <= len(run.hidden) else 1)


def _draw_lane_biases(run: Run, layer: int, inputs: int, outputs: int) -> Array:
    """Return the initial biases [O] of `layer` (counted from 1) of `run`."""
    if run.init_scheme != InitScheme.torch:
        return np.zeros(outputs)
    return (
        _multiply_gains(run, layer) * generator(run.seed, "biases", layer).uniform(-1, 1, outputs) / math.sqrt(inputs)
    )
