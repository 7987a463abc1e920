"""The help says what is true, and neither it nor `import bnexp` loads a heavy library."""

import re
import shlex
from pathlib import Path

import pytest

import bnexp
from bnexp.choices import Activation, Affine, Dtype, InitScheme, NormStatistics, Optimizer, Placement, Probes, Schedule
from bnexp.cli import schema, values
from bnexp.data.sources import SETS
from bnexp.norms.kinds import NormKind
from tests.cli.conftest import Command, Ended, Fakes, process


def help_text(command: Command) -> str:
    ended = command("--help")
    assert (ended.code, ended.err) == (0, "")
    return ended.out


@pytest.mark.parametrize("words", [[], ["-h"], ["lr=1", "--help"]])
def test_a_bare_command_prints_the_help_and_so_does_whoever_asks_for_it(words: list[str], command: Command) -> None:
    assert command(*words).out == help_text(command)


def test_the_help_fits_a_terminal_of_100_columns(command: Command) -> None:
    assert max(map(len, help_text(command).splitlines())) <= 100


def test_the_help_lists_every_key_with_its_default(command: Command) -> None:
    listed = re.findall(r"^  ([a-z0-9_.]+=\S+)", help_text(command), re.MULTILINE)
    names = [word.partition("=")[0] for word in listed]
    keys = {name.removesuffix(".name") for name in schema.KEYS if name not in schema.STUDY[1:]}
    assert sorted(names) == sorted(keys | set(schema.GROUPS))
    assert command("--cfg", "job", *listed).out == command("--cfg", "job").out


def test_the_help_lists_every_study_in_a_line(command: Command) -> None:
    lines = help_text(command).partition("Studies")[2].partition("\n\n")[0].splitlines()[1:]
    assert sorted(line.split()[0] for line in lines) == sorted(p.stem for p in (values.find_conf() / "study").iterdir())


def test_the_help_lists_every_choice(command: Command) -> None:
    text = help_text(command)
    choices = {
        "placement": Placement, "activation": Activation, "optimizer": Optimizer, "schedule": Schedule, "dtype": Dtype,
        "init.scheme": InitScheme, "norm.affine": Affine, "norm.statistics": NormStatistics, "norm.kind": NormKind,
        "probes": Probes, "device": schema.Device, "engine": ["local"],
        "data": (*SETS, "file"),
    }  # fmt: skip
    for name, members in choices.items():
        found = re.search(rf"^  {name}=\S+ +(.*(?:\n {{30,}}.*)*)", text, re.MULTILINE)
        assert found is not None
        described = re.findall(r"\w+", re.sub(r"\(.*?\)", "", found[1]))
        assert set(members) <= set(described), name


def test_every_example_of_the_help_can_be_typed(command: Command, fakes: Fakes) -> None:
    examples = help_text(command).partition("Examples\n")[2].partition("\n\n")[0].splitlines()
    assert len(examples) == 5
    asked = 0
    for example in examples:
        program, *words = shlex.split(example)
        assert program == "bnexp"
        if words[0] == "report":
            assert command(*words).err.startswith("bnexp: a store must be a folder with results")
            continue
        ended = command(*words)
        assert (ended.code, ended.err) == (0, "")
        asked += len(fakes.sweeps.pop().runs)
    assert asked == 1 + 18 + 45 + 4


def test_the_version_is_that_of_the_package(command: Command) -> None:
    assert command("--version") == Ended(0, f"bnexp {bnexp.__version__}\n", "")


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["--cfg", "job"], ["placment=pre"], ["-m", "lr=1,-1"], ["nonsense"]]
)
def test_an_answer_without_training_loads_no_heavy_library(words: list[str], tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from bnexp.cli.main import main\n"
        "main()\n"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'scipy', 'sklearn', 'pyarrow', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    ended = process("-c", script, *words, cwd=tmp_path)
    assert (ended.returncode, "Error" in ended.stderr) == (0, False)
    assert list(tmp_path.iterdir()) == []


def test_a_command_loads_no_library_that_it_does_not_need(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from bnexp.cli.main import main\n"
        "heavy = {'torch', 'scipy.stats', 'sklearn', 'matplotlib', 'jinja2'}\n"
        "for words in (['ls'], ['data=digits', 'steps=2', 'report=false']):\n"
        "    sys.argv[1:] = words\n"
        "    assert main() == 0\n"
        "    print('loaded', *heavy & set(sys.modules))\n"
    )
    ended = process("-c", script, cwd=tmp_path)
    assert [line.split()[1:] for line in ended.stdout.splitlines() if line.startswith("loaded")] == [[], ["torch"]]


def test_the_package_loads_its_parts_when_they_are_used(tmp_path: Path) -> None:
    script = (
        "import sys, bnexp\n"
        "assert not {'torch', 'numpy', 'pandas'} & set(sys.modules)\n"
        "run = bnexp.Run(steps=1, evaluate=1, placement=bnexp.Placement.pre, activation=bnexp.Activation.relu)\n"
        "assert not {'torch', 'numpy', 'pandas'} & set(sys.modules)\n"
        "assert set(bnexp.__all__) <= set(dir(bnexp))\n"
        "for name in bnexp.__all__:\n    getattr(bnexp, name)\n"
        "assert {'numpy', 'pandas'} <= set(sys.modules)\n"
        "assert 'torch' not in sys.modules\n"  # until something is trained
        "try:\n    bnexp.nonsense\nexcept AttributeError as error:\n    print(error)\n"
    )
    ended = process("-c", script, cwd=tmp_path)
    assert (ended.stdout, ended.stderr) == ("module 'bnexp' has no attribute 'nonsense'\n", "")
