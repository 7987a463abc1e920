"""The way back: what a caller may do while it has a layer. That the gradients are right is held against autograd by the
contracts and the probes."""

import pytest
import torch

from bnexp.choices import Activation
from bnexp.engine import propagation
from tests.support.lanes import DEVICE, PLACEMENTS, begin, pack_of, small_data, small_run

BATCH = 9
ACTIVATIONS = list(Activation)[:10]
"""With more, sums that cancel to rounding have larger terms."""


def start():
    """A pack of placements and activations, and its workspace after a forward pass and the loss."""
    pack = pack_of(
        small_run(placement=p, activation=a, seed=s) for s in (3, 8) for p in PLACEMENTS for a in ACTIVATIONS
    )
    state = begin(pack, small_data())
    net, work, (x_ND, y_N) = state.network, state.workspace(BATCH), state.examples.train
    rows_SB = torch.arange(2 * BATCH, device=DEVICE).view(2, BATCH)
    work.x_SBD.copy_(x_ND[rows_SB])
    propagation.forward(net, work, work.x_SBD, training=True)
    loss_R, correct_R = x_ND.new_empty(len(pack.runs)), y_N.new_empty(len(pack.runs))
    propagation.cross_entropy(net, work, y_N[rows_SB], loss_R, correct_R)
    return net, work


def compute_gradients(net, work, **scale):
    layers = propagation.backward(net, work, **scale)
    weights = {layer: torch.bmm(*propagation.factor_gradient(work, layer)) for layer in layers}
    return weights, work.dvectors_RP.clone()


def test_every_layer_comes_once_and_the_last_first():
    net, work = start()
    assert list(propagation.backward(net, work)) == [2, 1, 0]


@pytest.mark.parametrize("destroy", ["weights", "product"])
def test_a_caller_may_move_the_weights_of_a_layer_and_use_up_its_gradient_without_changing_any_other(destroy):
    weights, vectors_RP = compute_gradients(*start())
    net, work = start()
    for layer in propagation.backward(net, work):
        assert torch.equal(torch.bmm(*propagation.factor_gradient(work, layer)), weights[layer])
        (net.weights if destroy == "weights" else work.d_products)[layer].fill_(torch.nan)
    assert torch.equal(work.dvectors_RP, vectors_RP)


def test_a_scale_multiplies_all_gradients_of_a_lane_by_its_number():
    weights, vectors_RP = compute_gradients(*start())
    net, work = start()
    scale_R11 = torch.arange(1.0, len(vectors_RP) + 1, dtype=torch.float64, device=DEVICE).view(-1, 1, 1) / 7
    scaled, scaled_RP = compute_gradients(net, work, scale_R11=scale_R11)
    torch.testing.assert_close(scaled_RP, vectors_RP * scale_R11[:, 0], rtol=1e-12, atol=1e-15)
    for layer, gradient in weights.items():
        scale_SG11 = scale_R11.view(net.seeds, net.arms, 1, 1)
        values, truth = (net.lanes_SGXO(layer, tensor) for tensor in (scaled[layer], gradient))
        torch.testing.assert_close(values, truth * scale_SG11, rtol=1e-12, atol=1e-15)
        assert (values - truth).abs().max() > 1e-3
