"""`bnexp check` says every claim in full, in words and as JSON, and its exit code says whether all hold."""

import json
import math
from collections.abc import Iterator

import pytest
from rich.console import Console

from bnexp.cli.check import draw_table
from bnexp.theory import checks
from bnexp.theory.claims import Claim, at_least, at_most, near, reported
from tests.cli.conftest import Command

TRUE = Claim("scaling neurons by a in [0.01, 100] leaves the output", "derived", at_most(1e-10), 6e-16)
SEEN = Claim("the growth of silu", "Yang 2019", reported(1.212), 1.26)
FALSE = Claim("the growth of relu", "Yang 2019", near(1.467, 0.02), 1.6)
LOST = Claim("none: the output changes", "derived", at_least(0.01), math.nan)

HAT = "\N{COMBINING CIRCUMFLEX ACCENT}"
"""Takes no room of its own."""


def true() -> Iterator[Claim]:
    yield from (TRUE, SEEN)


def false() -> Iterator[Claim]:
    yield from (FALSE, LOST)


def test_it_succeeds_if_all_claims_hold_and_fails_if_one_does_not(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "CHECKS", (true,))
    ended = command("check")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1].startswith("claims: 1 hold, 0 fail, 1 only reported; ")
    monkeypatch.setattr(checks, "CHECKS", (true, false))
    ended = command("check")
    assert ended.code == 1
    assert ended.out.splitlines()[-1].startswith("claims: 1 hold, 2 fail, 1 only reported; ")


def test_json_says_the_same_for_a_program(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECKS", (true, false))
    ended = command("check", "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["holds"]) == (1, False)
    assert [claim["holds"] for claim in found["claims"]] == [True, True, False, False]
    assert [claim["check"] for claim in found["claims"]] == ["true", "true", "false", "false"]
    assert found["claims"][0] == {
        "check": "true", "claim": TRUE.sentence, "source": "derived", "expected": "≤ 1e-10", "low": 0, "high": 1e-10,
        "measured": 6e-16, "judged": True, "holds": True,
    }  # fmt: skip
    assert (found["claims"][3]["high"], found["claims"][3]["measured"]) == (None, None)
    assert found["claims"][1]["judged"] is False
    assert found["versions"]["torch"]


@pytest.mark.parametrize("words", ["check now", "check --jsno", "check --json twice"])
def test_other_arguments_are_one_sentence_and_exit_code_2(words: str, command: Command) -> None:
    ended = command(*words.split())
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"bnexp: the command must be `bnexp check [--json]`; got `bnexp {words}`\n"


@pytest.fixture(scope="module")
def claims() -> list[list[Claim]]:
    return checks.measure(checks.EXACT)


@pytest.mark.parametrize("width", [80, 120])
def test_every_claim_can_be_read_in_full_in_a_terminal(width: int, claims: list[list[Claim]]) -> None:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(draw_table(claims))
    drawn = captured.get().replace(HAT, "")
    lines = drawn.splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in drawn
    starts = [lines[1].index(name) for name in ("claim", "source", "expected", "measured")]
    sentences = "".join(line[starts[0] : starts[1]] for line in lines[3:])
    for group in claims:
        for claim in group:
            assert claim.sentence.replace(HAT, "").replace(" ", "") in sentences.replace(" ", "")
    assert drawn.split().count("holds") == sum(map(len, claims))
