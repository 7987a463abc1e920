"""Initial weights: their distribution by scheme, and what they are drawn from."""

import math

import numpy as np
import pytest

from bnexp.choices import InitScheme
from bnexp.engine import initialization
from tests.support.lanes import pack_of, small_run

DEVIATIONS = {
    "torch": 1 / math.sqrt(3 * 400),
    "xavier": math.sqrt(2 / (400 + 300)),
    "he": math.sqrt(2 / 400),
    "lecun": math.sqrt(1 / 400),
    "normal": 1.0,
}


@pytest.mark.parametrize("scheme", InitScheme)
def test_weights_have_the_deviation_of_their_scheme_times_the_gain(scheme):
    pack = pack_of([small_run(init_scheme=scheme, init_gain=2.0, seed=11)])
    weights = initialization.draw_weights(pack, 2, 400, 300)
    # The standard error of the deviation of 120,000 normal draws is 0.2 %; five of them.
    assert weights.std() == pytest.approx(2 * DEVIATIONS[scheme], rel=0.01)
    assert abs(weights.mean()) < 5 * weights.std() / math.sqrt(weights.size)
    uniform = scheme in ("torch", "xavier")
    assert (np.abs(weights).max() < 1.8 * weights.std()) == uniform


def test_biases_are_zero_but_for_torchs_default():
    for scheme in InitScheme:
        biases = initialization.draw_biases(pack_of([small_run(init_scheme=scheme)]), 1, 400, 300)
        assert (np.abs(biases).max() > 0) == (scheme == "torch")
        assert np.abs(biases).max() <= 1 / math.sqrt(400)


def test_arms_of_one_seed_share_their_draws_up_to_the_scale():
    pack = pack_of(small_run(seed=s, init_scheme=scheme, init_gain=gain) for s in (0, 1) for scheme, gain in
                   (("he", 1.0), ("he", 3.0), ("lecun", 1.0)))  # fmt: skip
    weights = initialization.draw_weights(pack, 1, 30, 20).reshape(6, -1)
    by_run = dict(zip(pack.runs, weights, strict=True))
    he, wide, lecun = (
        next(w for run, w in by_run.items() if (run.seed, run.init_scheme, run.init_gain) == key)
        for key in ((1, "he", 1.0), (1, "he", 3.0), (1, "lecun", 1.0))
    )
    np.testing.assert_allclose(wide, 3 * he, rtol=1e-15)
    np.testing.assert_allclose(he, math.sqrt(2) * lecun, rtol=1e-15)
    other = next(w for run, w in by_run.items() if (run.seed, run.init_scheme, run.init_gain) == (0, "he", 1.0))
    assert abs(np.corrcoef(he, other)[0, 1]) < 0.2


def test_the_draws_of_a_seed_are_the_same_on_every_machine():
    """Golden: changed only together with `runs.SEMANTICS`, because every stored run would be another one."""
    weights = initialization.draw_weights(pack_of([small_run(init_scheme="normal", seed=7)]), 1, 3, 2)
    golden = [-0.5812335788142562, 1.112045365305493, 1.5663607240680157, 1.1887607201049053, 0.001262751049755584, -1.8079804619874948]  # fmt: skip # noqa: E501
    np.testing.assert_allclose(weights.ravel(), golden, rtol=1e-12)
