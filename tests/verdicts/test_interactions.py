"""Whether a difference depends on a setting, in words."""

import pandas as pd

from bnexp.verdicts.interactions import write_interactions


def row(first: str, second: str, mean: float, p: float, n: int = 10) -> dict[str, object]:
    ends = {"low": mean - 0.001, "high": mean + 0.001}
    return {
        "axis": "activation", "first": first, "second": second, "a": "post", "b": "pre", "n": n, "mean": mean, **ends,
        "p": p / 2, "p_family": p,
    }  # fmt: skip


def test_a_difference_that_depends_on_the_activation_is_said_to_with_the_pair_that_shows_it() -> None:
    frame = pd.DataFrame([row("relu", "gelu", 0.0001, 0.9), row("gelu", "tanh", -0.003, 0.004)])
    assert write_interactions(frame, "placement", "test_accuracy") == (
        "The difference post − pre depends on activation: for gelu it is below that for tanh by 0.30 pp [0.20, 0.40] "
        "(family-wise p = 0.004, the least of 2 pairs, n = 10)."
    )


def test_what_is_not_shown_and_what_is_not_tested_is_said_to_be_so() -> None:
    nan = float("nan")
    assert write_interactions(pd.DataFrame([row("relu", "tanh", -0.003, 0.2)]), "placement", "test_accuracy") == (
        "That post − pre depends on activation is not shown (family-wise p = 0.2, n = 10)."
    )
    assert write_interactions(pd.DataFrame([row("relu", "tanh", -0.003, nan, 5)]), "placement", "test_accuracy") == (
        "Too few seeds for a test whether post − pre depends on activation."
    )
    assert write_interactions(pd.DataFrame(columns=["axis"]), "placement", "test_accuracy") == ""
