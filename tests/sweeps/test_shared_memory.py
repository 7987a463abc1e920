"""Data in shared memory is the same data, and nothing of it stays."""

import gc
import os

import numpy as np
import pytest
import torch

from bnexp.sweeps.shared_memory import attach, nameless_file, share
from tests.support.lanes import small_data


@pytest.fixture
def shared():
    descriptor = nameless_file()
    yield share(small_data(), descriptor)
    os.close(descriptor)


def test_what_is_attached_is_what_was_shared(shared):
    data, attached = small_data(), attach(shared)
    assert attached.setting == data.setting
    assert (attached.digest, attached.classes) == (data.digest, data.classes)
    for part in ("train", "validation", "test"):
        for letter, axes in (("x", "ND"), ("y", "N")):
            array, wanted = (getattr(one, f"{letter}_{part}_{axes}") for one in (attached, data))
            np.testing.assert_array_equal(array, wanted)
            assert array.dtype == wanted.dtype


def test_torch_reads_the_memory_itself_without_a_copy_and_without_a_warning(shared):
    x_ND = attach(shared).x_train_ND
    assert torch.from_numpy(x_ND).data_ptr() == x_ND.ctypes.data
    assert x_ND.ctypes.data % 64 == 0


def test_a_process_that_writes_to_it_changes_nothing_for_the_others(shared):
    one, other = attach(shared), attach(shared)
    one.x_train_ND[:] = -1
    np.testing.assert_array_equal(other.x_train_ND, small_data().x_train_ND)


def test_the_memory_outlives_whoever_attached_it_first(shared):
    x_ND = attach(shared).x_train_ND
    gc.collect()
    np.testing.assert_array_equal(x_ND, small_data().x_train_ND)
