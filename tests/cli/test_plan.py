"""`bnexp plan`: what would run, and that nothing does."""

from pathlib import Path

import pytest

from bnexp.cli.plan import format_duration
from tests.cli.conftest import Command

WORDS = ["-m", "data=digits", "hidden=[8]", "epochs=1", "device=cpu", "workers=0", "engine.lanes=2", "report=false"]


def test_it_says_what_is_asked_stored_and_missing_in_which_packs_and_writes_nothing(
    command: Command, tmp_path: Path
) -> None:
    ended = command("plan", *WORDS, "placement=pre,post", "seed=range(3)")
    assert (ended.code, ended.err) == (0, "")
    lines = {line.split()[0]: line.split(maxsplit=1)[1].strip() for line in ended.out.splitlines()}
    assert lines["runs"] == "6 asked, 0 stored, 6 to train"
    assert lines["placement"] == "2: pre, post"
    assert lines["seed"] == "3: 0, 1, 2"
    assert lines["packs"] == "3, 2 lanes each"
    assert lines["time"].startswith("about ")
    assert "MiB per worker" in lines["memory"]
    assert not list(tmp_path.iterdir())

    assert command(*WORDS, "placement=pre", "seed=0,1").code == 0
    before = sorted(tmp_path.rglob("*"))
    assert "6 asked, 2 stored, 4 to train" in command("plan", *WORDS, "placement=pre,post", "seed=range(3)").out
    nothing = command("plan", *WORDS, "placement=pre", "seed=0,1").out
    assert "2 asked, 2 stored, 0 to train" in nothing
    assert "time" not in nothing
    assert sorted(tmp_path.rglob("*")) == before


def test_a_mistake_is_told_as_in_a_sweep_and_help_is_the_help(command: Command) -> None:
    wrong = command("plan", "-m", "lr=0.1,-1")
    assert (wrong.code, wrong.err) == (2, "bnexp: lr must be a finite number greater than 0; got -1.0\n")
    assert command("plan", "--help").out.startswith("usage: bnexp plan ")
    assert "bnexp plan" in command("--help").out


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.44, "0.4 s"), (59, "59.0 s"), (200, "3 min 20 s"), (7501, "2 h 5 min"), (3600, "1 h 0 min")],
)
def test_a_time_is_written_as_one_reads_it(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words
