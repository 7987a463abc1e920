"""The columns of a store's tables: their names, types, units and meaning."""

import dataclasses
from typing import Any, Final

import pyarrow as pa

from bnexp.choices import is_choice
from bnexp.runs import Run, kind

METRICS: Final = tuple(
    f"{part}_{metric}" for part in ("train", "validation", "test") for metric in ("loss", "accuracy")
)


PROBES: Final = (
    *(f"{what}_q{percent}" for what in ("unit", "input") for percent in (15, 50, 85)),
    *("saturated", "skewness", "normalized", "mean_gap", "var_gap"),
    *("weight_norm", "effective_lr", "update_ratio", "weight_gradient", "product_gradient"),
    *("offset_share", "top_share", "condition", "effective_rank", "kurtosis", "flat_units", "update_cosine"),
)
"""Probes of `basic`; those of the last line are missing in what older versions stored."""


LANDSCAPE: Final = (
    *("loss", "loss_low", "loss_high", "gradient_norm", "gradient_change_low", "gradient_change_high"),
    *("gradient_change_relative", "gradient_cosine_low", "gradient_cosine_high", "smoothness", "smoothness_relative"),
)


RANGES: Final = tuple(f"{what}_{end}" for what in ("input", "before", "after") for end in ("low", "high"))


HISTOGRAMS: Final = ("input_histogram", "before_histogram", "after_histogram")


def _arrow(of: Any) -> pa.DataType:
    """Return the column type of a `Run` field; all may be missing, because not every setting acts in every run."""
    if of == tuple[int, ...]:
        return pa.list_(pa.int64())
    if is_choice(of):
        return pa.string()
    return {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}[of]


RUNS: Final = pa.schema(
    [
        ("run", pa.string()),
        *((f.name, _arrow(kind(f.name))) for f in dataclasses.fields(Run)),
        ("epochs", pa.float64()),
        ("classes", pa.int64()),
        ("features", pa.int64()),
        ("status", pa.string()),
        ("diverged_step", pa.int64()),
        *((metric, pa.float64()) for metric in METRICS),
        ("best_validation_accuracy", pa.float64()),
        ("best_step", pa.int64()),
        ("probes", pa.string()),
        ("seconds", pa.float64()),
        ("pack", pa.string()),
        ("lane", pa.int64()),
        ("device", pa.string()),
        ("machine", pa.string()),
        ("version", pa.string()),
        ("test_examples", pa.int64()),
    ]
)
"""Columns of `runs`; a setting that cannot act in a run is missing.

`status` is done, diverged or failed. `diverged_step` counts from 1: the first step whose loss was not finite, or the
point of the curve that found a parameter not finite before any loss was. `train_*` are means over the batches since
the point before, not evaluations. `probes` is how much was measured: none, basic or full. `seconds` is the run's share
of its pack's time. `features` are the inputs of an example and `test_examples` the size of the test set, both missing
in what older versions stored.
"""

CORRECT: Final = pa.schema([("run", pa.string()), ("test_examples", pa.int64()), ("test_correct", pa.binary())])
"""Columns of `runs` that say which test examples a run predicts correctly at its end, read only when asked for.

`test_correct` are the bits of `numpy.packbits`, an example each in the order of the test set and the rest of the last
byte 0: 1.25 kB for 10,000 examples. It is missing for runs that diverged or failed, or that older versions stored.
"""

RUN_FILES: Final = pa.schema([*RUNS, CORRECT.field("test_correct")])
"""All columns of the files in `runs`."""

CURVES: Final = pa.schema(
    [
        ("run", pa.string()),
        ("step", pa.int64()),
        ("epoch", pa.float64()),
        *((metric, pa.float64()) for metric in METRICS),
    ]
)
"""Columns of `curves`: losses in nats, accuracies as fractions, empty where not evaluated."""

LAYERS: Final = pa.schema(
    [
        ("run", pa.string()),
        ("step", pa.int64()),
        ("layer", pa.int64()),
        *((name, pa.float64()) for name in (*PROBES, *LANDSCAPE, *RANGES)),
        *((name, pa.list_(pa.float64())) for name in HISTOGRAMS),
    ]
)
"""Columns of `layers`, measured on the seed's fixed sample of `sizes.PROBED_EXAMPLES` training examples as one
training batch.

Layers count from 1; the last is the output layer, which has only inputs, weights and gradients. Layer 0 is the network
as a whole: with `probes=full`, at up to 20 steps, its landscape. u is the input of the activation, z the output of the
matrix product with its bias, w the weights without, v what enters the product: what the layer before puts out. What a
layer, placement or activation does not have is missing.

- `unit_q15 unit_q50 unit_q85`: quantiles of u of unit 0 over examples; `input_q15 …`: of all units, over both.
- `saturated`: share of inputs (sigmoid, tanh) at which the slope is below 5 % of its greatest, or share of units (relu
  and its relatives) at which it is for every example; missing for leaky_relu and identity.
- `flat_units`: share of units at which the slope is below 5 % of its greatest for every example, dead or saturated
  ones, whatever the activation.
- `skewness`: mean over units of the absolute bias-corrected skewness of u.
- `normalized`: mean over units of var/(var + eps).
- `mean_gap`: mean over units of the distance between the mean of the sample and the mean that evaluation uses, in units
  of sqrt(var that evaluation uses + eps); `var_gap`: of |log ratio| of the two var + eps (the sample's unbiased).
- `weight_norm`: ‖w‖ of the layer; `effective_lr`: mean over neurons of lr/‖w of the neuron‖²; `update_ratio`: ‖Δw‖/‖w‖
  of the step that the optimizer would take on the sample; lr is that of the next step (at the end, of the last).
- `weight_gradient product_gradient`: squared norms of the gradient of the mean loss with respect to w, and to z of all
  examples and units.
- `offset_share top_share condition effective_rank kurtosis`: of v, missing in layer 1 (the data): ‖E v‖²/E‖v‖²; the
  greatest eigenvalue of E v vᵀ over E‖v‖²; greatest over least nonzero eigenvalue λ of the covariance of v; its
  participation ratio (Σλ)²/Σλ²; mean over units of the fourth central moment over the squared variance, 3 for a normal
  distribution (see `engine.layer_inputs`).
- `update_cosine`: cosine of the next two updates of w, as the optimizer would take them on the first two batches that
  the seed has visited; missing where fewer than two steps are left.
- `loss loss_low loss_high`: nats, at the weights and the range over steps of 0.5, 1, 2 and 4 lr along the gradient g of
  all learned parameters (the start included); `gradient_norm`: ‖g‖; `gradient_change_low …_high`: range of ‖g' − g‖;
  `gradient_change_relative`: greatest ‖g' − g‖/‖g‖; `gradient_cosine_low …_high`: range of cos(g', g);
  `smoothness`: greatest ‖g' − g‖/‖Δw‖; `smoothness_relative`: the same times ‖w‖/‖g‖.
- `input_histogram before_histogram after_histogram`: of u, and of what enters and leaves the normalization; with
  `probes=full`, at step 0 and at the end: shares of 40 bins of one width between `…_low` and `…_high`, the extremes.
"""
