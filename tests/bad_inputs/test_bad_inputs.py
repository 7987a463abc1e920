"""A mistake of the user is one sentence on standard error, exit code 2, and nothing trained or written."""

import shlex
from pathlib import Path

import pytest

from tests.bad_inputs.cases import MISTAKES
from tests.cli.conftest import Command, Fakes, command, fakes

__all__ = ["command", "fakes"]


def test_there_are_at_least_150_of_them_and_none_twice() -> None:
    assert len({words for words, _ in MISTAKES}) == len(MISTAKES) >= 150


@pytest.mark.parametrize(("words", "sentence"), MISTAKES, ids=[ascii(words)[1:-1] for words, _ in MISTAKES])
def test_a_mistake_is_told_in_one_sentence_and_nothing_is_trained_or_written(
    words: str, sentence: str | None, command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    ended = command(*shlex.split(words))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("bnexp: ")
    assert ended.err.count("\n") == 1
    assert ended.err.endswith("\n")
    if sentence is not None:
        told = sentence.replace("{cwd}", str(tmp_path))
        assert ended.err == f"bnexp: {told}\n"
    assert (fakes.sweeps, fakes.loaded, list(tmp_path.iterdir())) == ([], [], [])
