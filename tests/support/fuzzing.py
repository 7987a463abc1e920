"""Input that nobody would think of: a few hundred examples in every run of the tests, a million in `make test-fuzz`."""

import os
import random
import resource
import time
from collections.abc import Callable
from typing import Final, TypeVar

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

T = TypeVar("T")

QUICK = settings(max_examples=200, database=None, deadline=None, derandomize=True)

ROUND: Final = 5_000
"""Examples after which hypothesis may forget what it tried: it keeps a tree of them."""

LITTER: Final = 200
"""Values that are made of each example: hypothesis takes a millisecond to draw one, our readers some microseconds."""


def fuzz(check: Callable[[T], None], inputs: st.SearchStrategy[T], vary: Callable[..., T], executions: int) -> int:
    """Call `check` with `executions` values or more, and return the most bytes that the process has grown meanwhile.

    Hypothesis draws some of `inputs`; `vary` makes others of each, with a generator of random numbers. Another start
    than the last time: $BNEXP_TEST_SEED repeats one that found something.
    """
    calls, began, before = 0, time.monotonic(), _most_memory()
    start = int(os.environ.get("BNEXP_TEST_SEED") or int.from_bytes(os.urandom(4), "big"))
    print(f"\nBNEXP_TEST_SEED={start}", flush=True)

    def check_litter(drawn: tuple[T, int]) -> None:
        nonlocal calls
        value, number = drawn
        rng = random.Random(number)  # noqa: S311 - not for secrets
        for place in range(LITTER + 1):
            value = vary(rng, drawn[0]) if place else value
            calls += 1
            try:
                check(value)
            except BaseException as error:
                error.add_note(f"after {calls} executions, with {value!r}")
                raise

    examples = st.tuples(inputs, st.integers(0, 2**32))
    while calls < executions:
        count = min(ROUND, -(-(executions - calls) // (LITTER + 1)))
        quiet = settings(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        seed(start + calls)(quiet(given(examples)(lambda drawn: check_litter(drawn))))()
    grown = _most_memory() - before
    print(f"{calls} executions in {time.monotonic() - began:.0f} s, {grown / 2**20:.0f} MiB more memory", flush=True)
    return grown


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return `whole` with bytes overwritten, lost, doubled or put in, a few times."""
    rng = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311 - not for secrets
    return damage(rng, whole)


def damage(rng: random.Random, whole: bytes) -> bytes:
    """Return `whole` with bytes overwritten, lost, doubled or put in, a few times."""
    content = bytearray(whole)
    for _ in range(rng.randint(1, 4)):
        start, size = rng.randrange(len(content) or 1), rng.choice((0, 1, 1, 1, 2, 4, 8, 64, 512))
        new = rng.choice((rng.randbytes(rng.randint(0, 8)), bytes(size), bytes(content[:size])))
        content[start : start + size] = new
    return bytes(content)
