"""What was typed is what is stored: text as its own characters, numbers to the digits that people write."""

import itertools
from pathlib import Path

import pytest

from bnexp.cli.typed import quote_texts
from bnexp.runs import Run, identity
from tests.cli.conftest import Command, Fakes

ROADS = {"alone": [], "a sweep": ["-m", "seed=0,1"], "of Hydra": ["-m", "seed=0,1", "hydra/sweeper=basic"]}


TEXTS = [
    "2026_11_25",
    "1.50",
    "1e3",
    "007",
    "-1",
    "+1",
    "true",
    "True",
    "inf",
    "NaN",
    "1_0b",
    "0x1f",
    "v1.50",
    "Übung-3",
]


@pytest.mark.parametrize(
    ("text", "road"),
    [
        *((text, "alone") for text in TEXTS),
        *itertools.product(["1e3", "007", "true", "Übung-3"], ["a sweep", "of Hydra"]),
    ],
)
def test_a_name_is_the_text_that_was_typed(text: str, road: str, command: Command, fakes: Fakes) -> None:
    ended = command(f"name={text}", *ROADS[road])
    assert (ended.code, ended.err) == (0, "")
    assert {asked.store.path.name for asked in fakes.sweeps} == {text}
    assert f"name={text}" in fakes.sweeps[0].options["record"].command
    assert fakes.sweeps[0].options["record"].configuration["name"] == text


@pytest.mark.parametrize(
    ("word", "key", "text"),
    [
        ("data.root=1.50", "data.root", "1.50"),
        ("data.root= 1e3 ", "data.root", "1e3"),
        ("+name=1e3", None, None),
        ("++data.root=1e3", "data.root", "1e3"),
        ("data.root='1.50'", "data.root", "1.50"),
        ("data.root=1.50/2", "data.root", "1.50/2"),
        ("data.root=null", "data.root", None),
    ],
)
def test_every_key_that_takes_text_takes_it_as_it_stands(
    word: str, key: str | None, text: str | None, command: Command, fakes: Fakes
) -> None:
    for road in ([], ["-m"]):
        ended = command(*road, word)
        assert ended.code == (0 if key else 2)
    if key:
        assert [a.options["record"].configuration["data"]["root"] for a in fakes.sweeps] == [text, text]


def test_the_texts_of_a_study_are_those_of_its_command(command: Command, fakes: Fakes) -> None:
    words = ["study.name=2026_11", "study.question=1.50", "study.time=1e3", "study.compare=lr"]
    words.append("study.figures=[1_0, a]")
    for road in ([], ["-m"]):
        assert command(*road, *words).code == 0
    for asked in fakes.sweeps:
        study = asked.options["record"].study
        assert [study[name] for name in ("name", "question", "time")] == ["2026_11", "1.50", "1e3"]
        assert list(study["figures"]) == ["1_0", "a"]


def test_values_to_sweep_over_in_a_file_are_text_too(command: Command, fakes: Fakes, tmp_path: Path) -> None:
    params = "{name: '1e3', seed: '0,1', data.root: '2026_11_25'}"
    (tmp_path / "mine.yaml").write_text(f"defaults: [config, _self_]\nhydra: {{sweeper: {{params: {params}}}}}\n")
    assert command("-m", "--config-dir", ".", "--config-name", "mine").code == 0
    assert fakes.sweeps[0].store.path.name == "1e3"
    assert fakes.sweeps[0].options["record"].configuration["data"]["root"] == "2026_11_25"


@pytest.mark.parametrize(
    ("word", "alone", "swept"),
    [
        ("lr=1e3", "lr=1e3", "lr=1e3"),
        ("name=1,2", "name=1,2", "name='1','2'"),
        ("name=choice(1e3,b)", "name=choice(1e3,b)", "name=choice('1e3',b)"),
        ("name=sort(1,2,reverse=true)", "name=sort(1,2,reverse=true)", "name=sort('1','2',reverse=true)"),
        ("name=shuffle(range(3))", "name=shuffle(range(3))", "name=shuffle(range(3))"),
        ("study.figures=[1e3, a,2]", "study.figures=['1e3', a,'2']", "study.figures=['1e3', a,'2']"),
        ("name='a", "name='a", "name='a"),
        ("name=[1", "name=[1", "name=[1"),
        ("name=", "name=", "name="),
        ("name", "name", "name"),
        ("name=${seed}", "name=${seed}", "name=${seed}"),
    ],
)
def test_only_a_value_that_looks_like_no_text_gets_quotes(word: str, alone: str, swept: str) -> None:
    assert quote_texts([word]) == [alone]
    assert quote_texts(["-m", word]) == ["-m", swept]


@pytest.mark.parametrize(
    ("range_", "rates"),
    [
        ("range(0.1,0.5,0.1)", [0.1, 0.2, 0.3, 0.4]),
        ("range(0.3,0.9,0.3)", [0.3, 0.6]),
        ("range(0.4,0.1,-0.1)", [0.4, 0.3, 0.2]),
        ("range(1,3)", [1.0, 2.0]),
        ("range(1,2.5,0.5)", [1.0, 1.5, 2.0]),
    ],
)
def test_a_range_has_the_numbers_that_a_person_would_count(
    range_: str, rates: list[float], command: Command, fakes: Fakes
) -> None:
    assert command("-m", f"lr={range_}").code == 0
    assert [run.lr for run in fakes.sweeps[0].runs] == rates
    assert fakes.sweeps[0].options["record"].axes["lr"] == rates


@pytest.mark.parametrize("road", [[], ["-m"], ["-m", "hydra/sweeper=basic"]])
def test_a_number_is_one_of_twelve_digits_on_every_road(road: list[str], command: Command, fakes: Fakes) -> None:
    assert command(*road, "lr=0.30000000000000004").code == 0
    (asked,) = fakes.sweeps
    assert asked.runs[0].lr == 0.3
    assert asked.options["record"].configuration["lr"] == 0.3


def test_two_numbers_of_which_nobody_says_that_they_differ_are_one_run() -> None:
    first, second = (Run(steps=8, evaluate=8, lr=lr) for lr in (0.3, 0.1 + 0.2))
    assert (first, identity(first, "")) == (second, identity(second, ""))
    for lr in (1e-8, 0.0078125, 4.28e-4, 64.0, 1 / 1024, 123456.789012, 1e300, 5e-324):
        assert Run(steps=8, evaluate=8, lr=lr).lr == lr
    assert Run(steps=8, evaluate=8, lr=0.3).lr != Run(steps=8, evaluate=8, lr=0.30000000001).lr


def test_options_may_stand_among_the_keys(command: Command, fakes: Fakes) -> None:
    for words in (["lr=1", "-m", "seed=0,1"], ["lr=1", "seed=0,1", "-m"], ["--multirun", "lr=1", "seed=0,1"]):
        assert command(*words).code == 0
    assert [[run.seed for run in asked.runs] for asked in fakes.sweeps] == [[0, 1]] * 3
