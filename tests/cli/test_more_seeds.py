"""The command that a verdict proposes, typed: the command line asks for the missing runs of the compared arms."""

import dataclasses
import shlex
from collections.abc import Iterable
from pathlib import Path

import pytest

from bnexp.choices import Optimizer
from bnexp.report.estimates import estimate
from bnexp.report.evidence import choose_design, gather
from bnexp.runs import Run, to_canonical
from bnexp.statistics.comparisons import MARGIN
from bnexp.store.store import Store
from tests.cli.conftest import Command, Fakes
from tests.support.synthetic import clear_accuracy, product, rows


def over(runs: Iterable[Run], setting: str, values: Iterable[object]) -> list[Run]:
    return [dataclasses.replace(run, **{setting: value}) for run in runs for value in values]


def proposed(store: Store, compare: str | None = None) -> list[str]:
    """Return what the report of `store` proposes to type."""
    evidence = gather([store])
    verdicts = estimate(evidence, choose_design(evidence, compare), MARGIN).verdicts
    return [line for verdict in verdicts for line in str(verdict.command).splitlines()]


BN, LRS = ["pre", "post"], [0.01, 0.1, 1e-5]
PLAIN, TANH = product(lrs=LRS), product(activations=["tanh"], lrs=[0.1, 10.0])
OTHER = over(product(["none", "pre"], lrs=LRS), "norm_eps", [1e-5, 1e-3])


@pytest.mark.parametrize(
    ("stored", "compare", "asked"),
    [
        (PLAIN, None, product(BN, lrs=LRS, seeds=range(6))),
        (
            [*PLAIN, *TANH],
            None,
            [*product(BN, lrs=LRS, seeds=range(6)), *product(BN, ["tanh"], [0.1, 10.0], seeds=range(6))],
        ),
        (OTHER, None, over(product(["none", "pre"], lrs=LRS, seeds=range(6)), "norm_eps", [1e-5, 1e-3])),
        (OTHER, "norm.eps", over(product(["pre"], lrs=LRS, seeds=range(6)), "norm_eps", [1e-5, 1e-3])),
        (
            over(product(BN), "hidden", [(9, 8), (7,)]),
            "hidden",
            over(product(BN, seeds=range(6)), "hidden", [(9, 8), (7,)]),
        ),
        (
            [*over(product(BN), "momentum", [0.5]), *over(product(BN), "optimizer", [Optimizer.adam])],
            "optimizer",
            [
                *over(product(BN, seeds=range(6)), "momentum", [0.5]),
                *over(product(BN, seeds=range(6)), "optimizer", [Optimizer.adam]),
            ],
        ),
        (
            over(product(["none", "pre"], lrs=LRS, seeds=[4, 5, 6]), "norm_momentum", [0.01]),
            None,
            over(product(["none", "pre"], lrs=LRS, seeds=[4, 5, 6]), "norm_statistics", ["population"]),
        ),
        (
            over(product(BN), "norm_momentum", [0.1, 0.01]),
            None,
            [*product(BN, seeds=range(6)), *over(product(BN), "norm_statistics", ["population"])],
        ),
    ],
)
def test_the_runs_asked_for_are_the_compared_arms_at_all_seeds(
    stored: list[Run], compare: str | None, asked: list[Run], command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    runs, points = rows(stored, clear_accuracy)
    store = Store(tmp_path / "outputs" / "mine")
    store.write("synthetic", runs.assign(probes="basic"), points)
    for line in proposed(store, compare):
        program, *words = shlex.split(line)
        assert program == "bnexp"
        assert command(*words).code == 0
    assert {call.store.path.name for call in fakes.sweeps} == {"mine"}
    runs_asked = [to_canonical(run) for call in fakes.sweeps for run in call.runs]
    assert set(runs_asked) == {to_canonical(run) for run in asked}


@pytest.mark.parametrize("store", ["plain", "a+b.c-d", "1e5", "null", "it's, (odd)", "größe"])
def test_a_store_of_any_name_is_found_again(store: str, command: Command, fakes: Fakes, tmp_path: Path) -> None:
    runs, points = rows(product(BN), clear_accuracy)
    Store(tmp_path / "outputs" / store).write("synthetic", runs, points)
    (line,) = proposed(Store(tmp_path / "outputs" / store))
    assert command(*shlex.split(line)[1:]).code == 0
    assert {call.store.path.name for call in fakes.sweeps} == {store}


@pytest.mark.parametrize(
    ("holder", "environment"), [("outputs", "scratch"), ("scratch", "scratch"), ("a disk, (odd) '~", None)]
)
def test_a_store_is_found_again_wherever_it_lies_and_whatever_is_set_later(
    holder: str,
    environment: str | None,
    command: Command,
    fakes: Fakes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs, points = rows(product(BN), clear_accuracy)
    store = Store(tmp_path / holder / "mine")
    store.write("synthetic", runs, points)
    if environment:
        monkeypatch.setenv("BNEXP_OUTPUTS", environment)
    (line,) = proposed(store)
    run = runs["run"][0]
    shown = command("show", run, f"{holder}/mine").out.splitlines()[-1]
    monkeypatch.delenv("BNEXP_OUTPUTS", raising=False)
    for typed in (line, shown):
        assert command(*shlex.split(typed)[1:]).code == 0
    assert [call.store.path.resolve() for call in fakes.sweeps] == 2 * [store.path]


def test_a_store_behind_a_link_is_found_again(command: Command, fakes: Fakes, tmp_path: Path) -> None:
    runs, points = rows(product(BN), clear_accuracy)
    Store(tmp_path / "disk" / "run7").write("synthetic", runs, points)
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "latest").symlink_to(tmp_path / "disk" / "run7")
    (line,) = proposed(Store("outputs/latest"))
    assert command(*shlex.split(line)[1:]).code == 0
    assert [call.store.path.resolve() for call in fakes.sweeps] == [tmp_path / "disk" / "run7"]


def test_in_the_usual_folder_a_command_says_nothing_of_it(command: Command, tmp_path: Path) -> None:  # noqa: ARG001
    runs, points = rows(product(BN), clear_accuracy)
    Store(tmp_path / "outputs" / "mine").write("synthetic", runs, points)
    (line,) = proposed(Store("outputs/mine"))
    assert "outputs=" not in line


def test_typed_into_a_shell_it_trains_what_is_missing_of_two_arms_into_the_same_store(
    command: Command, tmp_path: Path
) -> None:
    shape = ["data=digits", "hidden=[8]", "steps=60", "evaluate=30", "batch_size=40", "name=mine"]
    quick = ["workers=0", "report=false", "engine.lanes=8"]
    assert command("-m", "placement=none,pre,post", "lr=0.1,0.3", "seed=0,1", *shape, *quick).code == 0
    assert command("placement=pre", "lr=0.1", "seed=4", *shape, *quick).code == 0  # a later command with one arm
    store = Store(tmp_path / "outputs" / "mine")
    before = store.runs
    (line,) = proposed(store)
    assert command(*shlex.split(line)[1:], *quick).code == 0
    after = store.runs
    new = after[~after["run"].isin(before["run"])]
    added = set(zip(new["placement"], new["lr"], new["seed"], strict=True))
    wanted = {(placement, lr, seed) for placement in BN for lr in (0.1, 0.3) for seed in (0, 1, 4, 5, 6, 7)}
    stored = set(zip(before["placement"], before["lr"], before["seed"], strict=True))
    assert added == wanted - stored
    assert after["batch_size"].unique().tolist() == [40]
    assert (after["seconds"][after["run"].isin(before["run"])].to_numpy() == before["seconds"].to_numpy()).all()
