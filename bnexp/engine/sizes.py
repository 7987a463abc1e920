"""How many examples are evaluated, looked at and averaged over: what forecasts and reports must know without torch."""

from typing import Final

EVALUATION_BATCH: Final = 500
"""Examples per forward pass of an evaluation: 1000 cost the same, 100 cost 16 % more (24 lanes, one thread, n = 4)."""

PROBED_EXAMPLES: Final = EVALUATION_BATCH
"""Training examples on which everything inside the layers is measured, as one batch: an evaluation has its buffers."""

POPULATION_BATCHES: Final = 100
"""Most batches over which population statistics are taken.

They are 6,000 examples at the usual 60, and take 4 % of the time of an epoch of MNIST.
"""

REFERENCE_EXAMPLES: Final = 1000
"""Training examples by whose statistics `norm.kind=population` normalizes, at every step.

Their mean is then known to 1/32 of a deviation, and to 1/8 from a batch of 60. They go forward at each step, which
makes it about six times as long.
"""
