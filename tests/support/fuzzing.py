"""Input that nobody would think of: a few hundred examples in every run of the tests, many in `make test-fuzz`."""

import os
import resource
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=200, database=None, deadline=None, derandomize=True)
ROUND = 5_000
"""Examples after which hypothesis may forget what it tried: it keeps a tree of them."""


def fuzz(check: Callable[[Any], None], inputs: st.SearchStrategy[Any], executions: int) -> int:
    """Call `check` with `executions` inputs or more, and return the most bytes that the process has grown meanwhile.

    Another start than the last time: $BNEXP_TEST_SEED repeats one that found something.
    """
    calls, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = int(os.environ.get("BNEXP_TEST_SEED") or int.from_bytes(os.urandom(4), "big"))
    print(f"BNEXP_TEST_SEED={start}")

    def count_and_check(value: Any) -> None:
        nonlocal calls
        calls += 1
        check(value)

    quiet = settings(max_examples=ROUND, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    while calls < executions:
        seed(start + calls)(quiet(given(inputs)(lambda value: count_and_check(value))))()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return `whole` with bytes overwritten, lost, doubled or put in, a few times."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(content) - 1)))
        size = draw(st.sampled_from([0, 1, 1, 1, 2, 4, 8, 64, 512]))
        new = draw(st.one_of(st.binary(max_size=8), st.just(bytes(size)), st.just(bytes(content[:size]))))
        content[start : start + size] = new
    return bytes(content)
