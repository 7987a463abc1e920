"""The claims of `bnexp check` hold here, their predictions are the literature's, and a claim can fail."""

import math

import numpy as np
import pytest
import torch

from bnexp.choices import Activation, Placement
from bnexp.engine.activations import FUNCTIONS
from bnexp.theory import before_training, checks, growth, invariant_blocks, predictions
from bnexp.theory.claims import AcceptedRange, Claim, at_least, at_most, exactly, near, reported


@pytest.mark.parametrize(
    "check",
    [*checks.EXACT, pytest.param(growth.growth_per_layer, marks=pytest.mark.slow)],
    ids=lambda check: check.__name__,
)
def test_every_claim_of_the_theory_holds_on_this_machine(check: checks.Check) -> None:
    (claims,) = checks.measure([check])
    assert [claim for claim in claims if not claim.holds] == []
    assert claims != []


def test_gradients_grow_as_predicted_in_wide_nets_of_each_placement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four of the eighteen nets of `growth_per_layer`, those over ten layers among them."""
    nets = growth.list_nets()
    some = [
        next(net for net in nets if (net.placement, net.activation, net.sigma, net.kind) == wanted)
        for wanted in (
            ("none", "sigmoid", 1, "batch"), ("pre", "sigmoid", 1, "batch"), ("post", "relu", 3, "batch"),
            ("post", "tanh", 2, "layer"),
        )
    ]  # fmt: skip
    monkeypatch.setattr(growth, "list_nets", lambda: some)
    (claims,) = checks.measure([growth.growth_per_layer])
    assert [claim for claim in claims if not claim.holds] == []
    assert len(claims) == 2 * len(some) + 2


@pytest.mark.parametrize(
    ("activation", "rate"),
    [("gelu", 1.319), ("silu", 1.212), ("tanh", 1.178), ("elu", 1.079), ("sigmoid", 1.034), ("identity", 1.0)],
)
def test_the_growth_under_pre_is_the_mean_squared_slope_over_the_variance(activation: str, rate: float) -> None:
    # Worked out once by another quadrature, to four digits; the identity passes every gradient on as it is.
    assert predictions.pre_growth_rate(Activation(activation)) == pytest.approx(rate, abs=5e-4)


def test_the_growth_under_pre_with_relu_is_known_in_closed_form() -> None:
    # E[relu'²] = 1/2 and Var relu(Z) = 1/2 − 1/(2π), so their ratio is π/(π − 1), the limit of theorem 8, too.
    assert predictions.pre_growth_rate(Activation.relu) == pytest.approx(math.pi / (math.pi - 1), rel=1e-12)
    assert predictions.pre_relu_growth_rate(10**9) == pytest.approx(math.pi / (math.pi - 1), rel=1e-8)


@pytest.mark.parametrize(("batch", "rate"), [(64, 1.493), (128, 1.480), (256, 1.473)])
def test_theorem_8_gives_its_growth_for_finite_batches(batch: int, rate: float) -> None:
    # Yang et al. 2019, theorem 8, worked out by hand; their 1.21 per layer is the norm, so 1.467 its square.
    assert predictions.pre_relu_growth_rate(batch) == pytest.approx(rate, abs=5e-4)


@pytest.mark.parametrize(("sigma", "rate"), [(0.5, 1.004), (1, 1.034), (2, 1.178), (5, 1.854)])
def test_the_growth_under_post_depends_on_the_scale_of_the_weights(sigma: float, rate: float) -> None:
    # sigmoid(u) = (1 + tanh(u/2))/2: at σ = 2 it is the tanh of pre, whose growth is 1.178.
    assert predictions.post_growth_rate(Activation.sigmoid, sigma) == pytest.approx(rate, abs=5e-4)


def test_the_growth_under_post_does_not_depend_on_that_scale_with_relu() -> None:
    rates = [predictions.post_growth_rate(Activation.relu, sigma) for sigma in (0.1, 1, 10)]
    assert rates == pytest.approx([math.pi / (math.pi - 1)] * 3, rel=1e-12)


def test_without_a_norm_the_gradient_shrinks_at_the_fixed_point_of_the_variance() -> None:
    assert predictions.none_growth_rate(Activation.sigmoid, 1) == pytest.approx(0.0557, abs=5e-5)
    # He et al. 2015: variance 2/fan-in keeps forward and backward signals of relu, whatever their size.
    assert predictions.none_growth_rate(Activation.relu, math.sqrt(2)) == pytest.approx(1, rel=1e-12)
    assert predictions.none_growth_rate(Activation.identity, 1) == pytest.approx(1, rel=1e-12)
    for steep in (Activation.squared_relu, Activation.cube):  # no fixed point, and so no rate
        assert math.isnan(predictions.none_growth_rate(steep, 1))


def test_a_homogeneous_function_takes_out_its_degree_and_no_other_does() -> None:
    for activation in Activation:
        phi, _ = predictions.FORMULAS[activation]
        degree = invariant_blocks.DEGREES.get(activation)
        same = [
            k
            for k in (1, 2, 3)
            if all(phi(a * u) == pytest.approx(a**k * phi(u), rel=1e-9) for a in (0.1, 7.0) for u in (-2.0, 0.4, 3.0))
        ]
        assert same == ([] if degree is None else [degree])


@pytest.mark.parametrize("activation", Activation)
def test_the_formulas_of_the_predictions_are_the_functions_of_the_engine(activation: Activation) -> None:
    u = torch.linspace(-6, 6, 100, dtype=torch.float64)  # without 0, where relu has no slope
    a, slope = torch.empty_like(u), torch.empty_like(u)
    FUNCTIONS[activation].forward(u, a)
    FUNCTIONS[activation].backward(torch.ones_like(u), u, a, slope)
    phi, phi_slope = predictions.FORMULAS[activation]
    np.testing.assert_allclose([phi(x) for x in u.tolist()], a.numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose([phi_slope(x) for x in u.tolist()], slope.numpy(), rtol=1e-12, atol=1e-14)


def test_the_measured_growth_would_refute_the_prediction_of_another_arm() -> None:
    (post,) = [
        net
        for net in growth.list_nets()
        if (net.placement, net.sigma) == (Placement.post, 2) and "sig" in net.activation
    ]
    measured = growth.measure_growth_rate(post)
    assert near(post.predicted_rate, growth.TOLERANCE).low < measured < near(post.predicted_rate, growth.TOLERANCE).high
    for wrong in (
        predictions.pre_growth_rate(Activation.sigmoid),
        predictions.post_growth_rate(Activation.sigmoid, 1),
        predictions.post_growth_rate(Activation.tanh, 2),
        predictions.none_growth_rate(Activation.sigmoid, 2),
    ):
        assert not Claim("", "", near(wrong, growth.TOLERANCE), measured).holds


@pytest.mark.parametrize(
    ("expected", "inside", "outside"),
    [
        (exactly(0), 0.0, 5e-324),
        (at_most(1e-10), 1e-10, 1.1e-10),
        (at_most(1e-10), 0.0, -1e-3),
        (at_least(1e-2), math.inf, 0.0099),
        (near(2, 0.02), 2.04, 2.05),
        (near(2, 0.02), 1.96, 1.95),
        (reported(2), 1e9, math.nan),
    ],
)
def test_a_claim_holds_inside_its_interval_only_and_never_for_nan(
    expected: AcceptedRange, inside: float, outside: float
) -> None:
    assert Claim("", "", expected, inside).holds
    assert not Claim("", "", expected, outside).holds
    assert not Claim("", "", expected, math.nan).holds


def test_a_proposed_batch_size_that_is_refused_turns_its_claim_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(before_training, "propose_batch_sizes", lambda _, batch: [batch])
    (claims,) = checks.measure([before_training.batch_of_one])
    assert [claim.holds for claim in claims] == [True, False, True]


def test_measuring_leaves_the_number_of_threads_as_it_was() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        checks.measure([])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_growth_is_judged_by_its_logarithm_where_that_is_clear() -> None:
    net = growth.WideNet(Placement.pre, Activation.relu, 1, 256, 1.4732, "derived")
    near_one = growth.WideNet(Placement.pre, Activation.sigmoid, 1, 256, 1.034, "derived")
    claims = [growth._claim_logarithm("", net, rate) for rate in (1.4732 * 1.018, 1.4732 * 1.021)]
    assert [claim.holds for claim in claims] == [True, False]
    assert not growth._claim_logarithm("", near_one, 1.05).judged
