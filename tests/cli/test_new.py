"""Studies of one's own: the file that `bnexp new study` writes, where studies are found, and what they need not say."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from bnexp.cli import values
from bnexp.cli.new import TEMPLATE
from tests.cli.conftest import ROOT, Command, Fakes

FILE = Path("conf", "study", "mine.yaml")


@pytest.fixture
def here(command: Command, tmp_path: Path) -> Path:
    """The folder of the command, with a study in it."""
    assert command("new", "study", "mine").code == 0
    return tmp_path


def test_the_file_that_is_written_is_a_study_of_digits_and_the_command_says_what_to_type(
    command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    ended = command("new", "study", "mine")
    assert ended.code == 0
    assert re.findall(r"^  (bnexp (?:plan )?study=mine) ", ended.out, re.M) == [
        "bnexp plan study=mine",
        "bnexp study=mine",
    ]
    assert "NAME" not in (tmp_path / FILE).read_text()
    assert command("study=mine").code == 0
    (asked,) = fakes.sweeps
    assert (len(asked.runs), asked.store.path.name, {run.data for run in asked.runs}) == (108, "mine", {"digits"})
    assert {str(run.activation) for run in asked.runs} == {"relu", "tanh"}


def test_every_key_of_the_file_is_one_that_bnexp_knows() -> None:
    written = OmegaConf.create(TEMPLATE.replace("# time", "  time").replace("# figures", "  figures"))
    del written["defaults"], written["hydra"]
    assert set(values.flatten(written, resolve=False)) < set(values.KEYS)
    assert {"time", "figures", "compare"} < set(written["study"])


def test_no_file_is_overwritten(here: Path, command: Command) -> None:
    (here / FILE).write_text("mine\n")
    ended = command("new", "study", "mine")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"bnexp: NAME must be that of a new study; got 'mine', and {FILE} is there: take another name\n"
    assert (here / FILE).read_text() == "mine\n"


@pytest.mark.parametrize("name", ["quickstart", "a/b", "1st", "a b", "../x", "é", "a.b", "", "name=x", "study,other"])
def test_a_name_that_is_none_or_taken_writes_nothing(name: str, command: Command, tmp_path: Path) -> None:
    ended = command("new", "study", name)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_study_needs_nothing_but_what_varies(here: Path, command: Command, fakes: Fakes) -> None:
    (here / FILE).write_text(
        "# @package _global_\nname: least\nstudy: {question: 'Does it?'}\n"
        "hydra: {sweeper: {params: {placement: 'pre,post', data: digits}}}\n"
    )
    assert command("study=mine").code == 0
    assert fakes.sweeps[0].options["record"].study["name"] == "least"
    assert fakes.sweeps[0].options["record"].study["time"] is None


def test_a_folder_that_is_named_is_looked_at_instead(here: Path, command: Command, fakes: Fakes) -> None:
    (here / "conf").rename(here / "theirs")
    assert command("study=mine").code == 2
    assert command("--config-dir", str(here / "theirs"), "study=mine").code == 0
    assert len(fakes.sweeps) == 1


@pytest.mark.parametrize("compare", ["[placement,plcement]", "plcement", "[placement,3]", "{a: 1}"])
def test_an_axis_that_is_none_is_refused(compare: str, here: Path, command: Command, fakes: Fakes) -> None:
    text = (here / FILE).read_text().replace("compare: placement ", f"compare: {compare} ")
    (here / FILE).write_text(text)
    ended = command("study=mine")
    assert (ended.code, fakes.sweeps) == (2, [])
    assert ended.err.startswith("bnexp: study.compare must be a key in which runs differ, such as placement, or a list")


def test_the_study_in_the_documentation_asks_for_what_it_says(here: Path, command: Command, fakes: Fakes) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "your-own-study.md").read_text("utf-8"), re.S)
    (here / FILE).write_text(example)
    (here / "mine.py").write_text("def f(u):\n    return u.tanh()\n")
    assert command("study=mine").code == 0
    assert len(fakes.sweeps[0].runs) == 3 * 3 * 3 * 6
    assert fakes.sweeps[0].options["record"].study["compare"] == ["placement", "activation"]


def test_the_function_in_the_documentation_is_one(command: Command, fakes: Fakes, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "your-own-activation.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    (tmp_path / "mine.py").write_text(code)
    assert command("-m", "activation=relu,mine.py:f", "placement=pre,post", "data=digits", "seed=range(6)").code == 0
    assert len(fakes.sweeps[0].runs) == 24
