"""How often the shipped tests err and the shipped intervals cover: within bounds that were set beforehand."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

sys.path.append(str(ROOT / "scripts"))
import error_rates

SINGLE = {case.name: case for case in error_rates.SINGLE}
FAMILIES = {case.name: case for case in error_rates.FAMILIES}


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 10, 20])
@pytest.mark.parametrize("name", SINGLE)
def test_one_contrast_is_claimed_wrongly_in_at_most_6_of_100_sweeps_and_its_interval_covers_in_94(
    name: str, n: int
) -> None:
    false, family, coverage = error_rates.find_rates(SINGLE[name], n, sweeps=4_000)
    print(f"\n{name}, n = {n}: {false:.4f} false, coverage {coverage:.4f}", end="")
    assert false <= 0.06
    assert family <= 0.06
    assert coverage >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 10])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_has_a_wrong_claim_in_at_most_6_of_100_sweeps(name: str, n: int) -> None:
    false, family, coverage = error_rates.find_rates(FAMILIES[name], n, sweeps=4_000)
    print(f"\n{name}, n = {n}: {family:.4f} of families, coverage {coverage:.4f}", end="")
    assert family <= 0.06
    assert false <= 0.06
    assert coverage >= 0.94


def test_a_run_that_was_stopped_goes_on_and_what_stands_below_the_table_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_rates, "SINGLE", error_rates.SINGLE[:2])
    monkeypatch.setattr(error_rates, "FAMILIES", ())
    real, measured = error_rates.measure, []

    def measure(case: error_rates.Case, n: int, sweeps: int, seed: int) -> dict[str, Any]:
        if len(measured) == 1:
            raise KeyboardInterrupt
        measured.append(case.name)
        return real(case, n, sweeps, seed)

    out = tmp_path / "rates.md"
    out.write_text("old\n\n## Before\n\nstays\n", encoding="utf-8")
    words = ["--n", "6", "--sweeps", "100", "--out", str(out)]
    monkeypatch.setattr(error_rates, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        error_rates.main(words)
    assert "| peaked = peaked | 6 | 100 |" in out.read_text(encoding="utf-8")
    assert "| flat = flat |" not in out.read_text(encoding="utf-8")
    measured.clear()
    error_rates.main(words)
    assert measured == ["flat = flat"]
    page = out.read_text(encoding="utf-8")
    assert page.index("| peaked = peaked | 6 |") < page.index("| flat = flat | 6 |")
    assert page.endswith("|\n\n## Before\n\nstays\n")
    assert "old" not in page


def test_the_page_has_a_row_for_every_case_and_number_of_seeds(tmp_path: Path) -> None:
    out = tmp_path / "error-rates.md"
    rows = [error_rates.measure(case, 6, 2, seed=0) for case in error_rates.SINGLE[:2]]
    out.write_text(error_rates.write_table(rows, "python scripts/error_rates.py"), encoding="utf-8")
    told = [line for line in out.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in told] == ["| arms", "| peaked = peaked", "| flat = flat"]
    assert {line.count("|") for line in told} == {len(error_rates.HEADS) + 1}
