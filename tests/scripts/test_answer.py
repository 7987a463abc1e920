"""The page that answers the question: its sentences are made from frames, and say what is missing."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT

sys.path.append(str(ROOT / "scripts"))
import answer


def test_signs_are_told_apart_by_the_family_and_the_largest_first() -> None:
    rows = [("relu", -0.002, 0.01), ("tanh", 0.003, 0.02), ("sigmoid", 0.009, 0.001), ("gelu", -0.001, 0.3)]
    gaps = pd.DataFrame(rows, columns=["activation", "mean", "p_family"])
    gaps = gaps.assign(low=gaps["mean"] - 0.001, high=gaps["mean"] + 0.001)
    assert answer._tell_signs(gaps) == (
        "post is better than pre for sigmoid (+0.90 [+0.80, +1.00]) and tanh (+0.30 [+0.20, +0.40]); worse for relu "
        "(−0.20 [−0.30, −0.10]); the sign is open for gelu (−0.10 [−0.20, +0.00])"
    )


def test_a_page_of_no_known_study_says_what_was_not_measured() -> None:
    page = answer.write_page(answer.make_answer({}), {})
    for study in ("placement", "ingredients", "why"):
        assert f"Not measured here: no store of `bnexp study={study}` was given." in page


def test_markdown_signs_are_escaped_and_code_is_left() -> None:
    assert answer._escape("mean_gap of `study_x` [1]") == r"mean\_gap of `study_x` \[1\]"


def test_a_folder_without_a_store_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        answer.main([str(tmp_path / "nothing")])
    assert ended.value.code == 2
    assert "nothing" in capsys.readouterr().err
