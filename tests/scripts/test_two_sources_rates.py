"""The script that measures how often intervals over seeds and examples cover, and the table it writes."""

import sys

import numpy as np
import pytest

from tests.conftest import ROOT

sys.path.append(str(ROOT / "scripts"))
import two_sources_rates as rates


def test_the_simulated_arms_differ_by_the_stated_gap_and_have_the_stated_accuracy() -> None:
    setting, rng = rates.SETTINGS[4], np.random.default_rng(0)
    d = [rates.draw(setting, 6, 10_000, rng).mean() for _ in range(60)]
    assert np.mean(d) == pytest.approx(rates.GAP, abs=4 * np.std(d) / np.sqrt(60))


def test_an_interval_over_both_covers_where_the_one_over_seeds_does_not() -> None:
    """300 draws: a coverage of 95 % has a standard error of 1.3 points."""
    shares = rates.measure(rates.SETTINGS[3], 20, 297, 300)
    assert shares["over seeds alone (Student t)"] < 0.7
    assert 0.91 < shares["**Howe's rule**"] <= 1


def test_only_the_table_of_the_page_is_replaced() -> None:
    page = (ROOT / "docs" / "two-sources-of-chance.md").read_text(encoding="utf-8")
    changed = rates.replace_table(page, ["| interval | new |", "|---|---|"])
    before, _, after = page.partition("| interval |")
    assert changed.startswith(before)
    assert "\n| interval | new |\n|---|---|\n\n" in changed
    assert changed.endswith(after[after.index("\n\n") :])
    assert rates.replace_table(changed, ["| interval | new |", "|---|---|"]) == changed
