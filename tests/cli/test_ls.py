"""`bnexp ls` lists stores and runs, `--json` is for programs, and every subcommand says what it takes."""

import json
import shlex
from pathlib import Path

import pytest

from bnexp.cli.usage import USAGE
from bnexp.store.store import Store
from tests.cli.conftest import Command, Fakes
from tests.support.synthetic import product, rows

RUNS = product(["none", "pre"], ["relu", "tanh"], lrs=[0.1, 0.3])


def write(folder: Path, runs: object = RUNS) -> Path:
    frame, points = rows(runs)  # type: ignore[arg-type]
    Store(folder).write("synthetic", frame, points)
    return folder


def listed(command: Command, *words: str) -> list[dict[str, object]]:
    ended = command("ls", *words, "--json")
    assert (ended.code, ended.err) == (0, "")
    content: list[dict[str, object]] = json.loads(ended.out)
    return content


def test_it_lists_the_stores_with_their_runs_and_arms(command: Command, tmp_path: Path) -> None:
    assert "no results in outputs/ yet" in command("ls").out
    assert listed(command) == []
    write(tmp_path / "outputs" / "demo")
    write(tmp_path / "outputs" / "other", RUNS[:2])
    (tmp_path / "outputs" / "notes").mkdir()
    first, second = listed(command)
    assert (first["store"], first["runs"], first["arms"], first["failed"]) == ("outputs/demo", 24, 8, 0)
    assert (second["store"], second["runs"]) == ("outputs/other", 2)
    assert str(first["changed"]).startswith("20")
    assert "outputs/demo" in command("ls").out


def test_a_store_that_cannot_be_read_does_not_hide_the_others(command: Command, tmp_path: Path) -> None:
    write(tmp_path / "outputs" / "demo")
    (write(tmp_path / "outputs" / "torn", RUNS[:2]) / "runs" / "synthetic.parquet").write_bytes(b"PAR1 no more")
    first, second = listed(command)
    assert (first["runs"], "problem" in first) == (24, False)
    assert "synthetic.parquet" in str(second["problem"])


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ([], 24),
        (["activation=relu"], 12),
        (["activation=relu", "lr=0.1"], 6),
        (["lr=1e-1"], 12),
        (["lr=0.1,0.3", "seed=range(2)"], 16),
        (["placement=pre", "seed=2", "activation=tanh", "lr=0.3"], 1),
        (["status=done"], 24),
        (["status=failed,diverged"], 0),
        (["lr=5"], 0),
    ],
)
def test_it_lists_the_runs_of_a_store_that_have_the_values_asked_for(
    words: list[str], number: int, command: Command, tmp_path: Path
) -> None:
    folder = str(write(tmp_path / "outputs" / "demo").relative_to(tmp_path))
    assert len(listed(command, folder, *words)) == number
    ended = command("ls", folder, *words)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, f"{number} of 24 runs in outputs/demo")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("activation=sigmoyd", "got 'sigmoyd': did you mean sigmoid?"),
        ("lr=fast", "lr must be a number; got 'fast'"),
        ("rate=1", "a key must be one of those that `bnexp --help` lists; got 'rate'"),
        ("name=x", "the runs of a store are told apart by keys of a run; got 'name', which is none"),
        ("status=ok", "status must be one of done, diverged, failed; got 'ok'"),
        ("lr=[1", "a filter must be KEY=VALUE or KEY=V1,V2; got 'lr=[1'"),
    ],
)
def test_a_wrong_filter_is_one_sentence(word: str, sentence: str, command: Command, tmp_path: Path) -> None:
    write(tmp_path / "outputs" / "demo")
    ended = command("ls", "outputs/demo", word)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("bnexp: ")
    assert ended.err.endswith(f"{sentence}\n")


def test_a_name_of_a_store_where_its_folder_must_stand_is_told_its_folder(command: Command, tmp_path: Path) -> None:
    write(tmp_path / "outputs" / "demo")
    for words in (["report", "demo"], ["ls", "demo"], ["show", "abc", "demo"]):
        ended = command(*words)
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert ended.err.endswith("found none in demo: did you mean outputs/demo?\n")


def test_show_lists_the_runs_that_begin_alike_and_prints_one_as_json(command: Command, tmp_path: Path) -> None:
    write(tmp_path / "outputs" / "demo")
    ended = command("show", "pre/relu")
    assert ended.code == 2
    assert "with which 6 of the ids in outputs/demo begin: give more of its digits: pre/relu/0.1/0/" in ended.err
    run = str(listed(command, "outputs/demo", "placement=pre", "seed=1", "lr=0.3", "activation=tanh")[0]["run"])
    ended = command("show", run, "--json")
    content = json.loads(ended.out)
    assert (content["run"], content["store"], content["lr"]) == (run, "outputs/demo", 0.3)
    assert shlex.split(content["command"])[0] == "bnexp"
    assert command("show", run).out.splitlines()[-1] == content["command"]


def test_a_plan_as_json_says_what_the_table_says(command: Command, tmp_path: Path) -> None:
    words = ["data=digits", "hidden=[8]", "epochs=1", "device=cpu", "workers=0", "engine.lanes=2"]
    ended = command("plan", "--json", "-m", *words, "seed=range(3)")
    content = json.loads(ended.out)
    assert (content["asked"], content["stored"], content["missing"], sum(content["packs"])) == (3, 0, 3, 3)
    assert content["axes"] == {"seed": [0, 1, 2]}
    assert content["seconds"] > 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", USAGE)
def test_every_subcommand_has_a_help_of_its_own(name: str, command: Command) -> None:
    for words in ([name, "--help"], [name, "-h"], [name, "something", "--help"]):
        ended = command(*words)
        assert (ended.code, ended.err) == (0, "")
        assert " ".join(ended.out.split()).startswith(f"usage: {USAGE[name]} ")
        assert len(ended.out.splitlines()) > 5
        assert max(map(len, ended.out.splitlines())) <= 100
    assert f"bnexp {name}" in command("--help").out


def test_results_go_to_the_folder_that_is_asked_for_and_are_found_there(
    command: Command, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path / "scratch" / "demo")
    monkeypatch.setenv("BNEXP_OUTPUTS", "scratch")
    assert command("lr=1", "name=a").code == 0
    assert command("-m", "lr=1", "name=a", "outputs=else/where").code == 0
    assert command("lr=1", "name=a", "outputs=1.50").code == 0
    assert [asked.store.path for asked in fakes.sweeps] == [Path("scratch/a"), Path("else/where/a"), Path("1.50/a")]
    assert len({asked.runs[0] for asked in fakes.sweeps}) == 1
    assert [row["store"] for row in listed(command)] == ["scratch/demo"]
    assert "with which 24 of the ids in scratch/demo begin" in command("show", "").err
    assert command("report", "demo").err.endswith("did you mean scratch/demo?\n")
    monkeypatch.setenv("BNEXP_OUTPUTS", "")
    assert listed(command) == []
    assert command("-m", "lr=1", "name=x", "outputs=far", "hydra/sweeper=basic").code == 0
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("multirun.yaml")] == ["far/x/logs/multirun.yaml"]
