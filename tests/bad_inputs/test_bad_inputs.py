"""A mistake of the user is one sentence on standard error, exit code 2, and nothing trained or written."""

import shlex
from pathlib import Path

import pytest

from tests.bad_inputs.cases import MISTAKES
from tests.bad_inputs.functions import CASES, FILES, UNCERTAIN
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


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "folder.py").mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.mark.parametrize(("activation", "sentence"), [*CASES, *((f"{{own}}/{name}:f", "") for name in UNCERTAIN)])
def test_a_function_that_is_no_activation_is_refused_before_anything_is_written(
    activation: str, sentence: str, command: Command, fakes: Fakes, tmp_path: Path, own: Path
) -> None:
    ended = command("data=digits", "activation=" + activation.replace("{own}", str(own)))
    told = sentence.replace("{cwd}", str(tmp_path)).replace("{own}", str(own))
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith(f"bnexp: {told}")
    assert (fakes.sweeps, fakes.loaded, list(tmp_path.iterdir())) == ([], [], [])


def test_a_function_that_is_one_is_trained(command: Command, fakes: Fakes, own: Path) -> None:
    assert command("data=digits", f"activation={own}/fine.py:spare", "-m", "placement=pre,post").code == 0
    assert [str(run.activation) for run in fakes.sweeps[0].runs] == ["spare", "spare"]
