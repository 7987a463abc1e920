"""What the whole thing is for, on the real data: slow, so `make test-slow` runs it."""

import pytest

from bnexp.data.datasets import load
from bnexp.runs import Run
from bnexp.sweeps.sweep import train


@pytest.mark.slow
def test_pre_with_relu_reaches_97_5_percent_on_mnist_in_ten_epochs(mnist_root):
    data = load("mnist", root=mnist_root, train=None, validation=None, standardize=False)
    runs = [Run(placement="pre", activation="relu", lr=0.1, seed=seed, steps=8340, evaluate=834) for seed in range(5)]
    rows = train(runs, data).runs
    assert (rows["status"] == "done").all()
    assert rows["test_accuracy"].mean() >= 0.975
    assert (rows["validation_accuracy"] > 0.97).all()
