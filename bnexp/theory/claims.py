"""A claim as a value: a sentence, where it comes from, what is expected and what was measured."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class AcceptedRange:
    """The closed interval in which a measured number must lie, and the words for it in the table."""

    words: str
    low: float
    high: float


@dataclass(frozen=True)
class Claim:
    """One claim beside what this machine measured."""

    sentence: str
    source: str
    expected: AcceptedRange
    measured: float

    @property
    def holds(self) -> bool:
        """Whether the measured number is as expected; NaN never is."""
        return self.expected.low <= self.measured <= self.expected.high

    @property
    def judged(self) -> bool:
        """Whether any number could refute the claim: what is only reported cannot fail."""
        return math.isfinite(self.expected.low) or math.isfinite(self.expected.high)


def exactly(value: float) -> AcceptedRange:
    """Expect `value` to the last bit."""
    return AcceptedRange(f"{value:g}", value, value)


def at_most(bound: float) -> AcceptedRange:
    """Expect an error that is rounding: from 0 to `bound`."""
    return AcceptedRange(f"≤ {bound:g}", 0, bound)


def at_least(bound: float) -> AcceptedRange:
    """Expect a difference that nobody could take for rounding: `bound` or more."""
    return AcceptedRange(f"≥ {bound:g}", bound, math.inf)


def near(value: float, tolerance: float) -> AcceptedRange:
    """Expect `value`, which is positive, up to the relative `tolerance`."""
    width = f"{tolerance:.1%}".replace(".0%", "%") if tolerance >= 1e-3 else f"{tolerance:.0e}"
    return AcceptedRange(f"{value:.4g} ± {width}", value * (1 - tolerance), value * (1 + tolerance))


def reported(value: float) -> AcceptedRange:
    """Show what is predicted, and accept whatever is measured."""
    return AcceptedRange(f"{value:.4g}, not judged", -math.inf, math.inf)
