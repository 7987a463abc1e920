"""Fixtures that several test files share."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Tests train tiny nets, for which a second thread only waits: where other programs share the two cores,
# tests/test_contracts.py takes 57 s with one thread and more than 280 s with two (n = 1 each, torch 2.13, CPU).
# Set here, before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _no_data_folder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BNEXP_DATA", raising=False)
    monkeypatch.delenv("BNEXP_OUTPUTS", raising=False)


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder of the real MNIST: `$BNEXP_TEST_MNIST`, or ../shared/data/mnist beside the repository."""
    asked = os.environ.get("BNEXP_TEST_MNIST")
    root = Path(asked) if asked else ROOT.parent / "shared" / "data" / "mnist"
    if not root.is_dir():
        reason = f"the real MNIST is not in {root}: set BNEXP_TEST_MNIST to its folder"
        if asked:
            pytest.fail(reason)
        pytest.skip(reason)
    return root


@pytest.fixture(autouse=True)
def _no_logging_into_the_streams_of_another_test() -> Iterator[None]:
    """Hydra has its loggers write to the standard output of the moment, which is closed when a test ends."""
    yield
    for logger in (logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))):
        for handler in [handler for handler in logger.handlers if type(handler) is logging.StreamHandler]:
            logger.removeHandler(handler)
