"""Stores that are merged: all that they held is there, once, and each of them is as it was."""

import os
from pathlib import Path

import pandas as pd
import pytest

from bnexp.errors import UserError
from bnexp.store.merging import Merged, merge_stores
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from bnexp.sweeps.resources import Resources
from bnexp.sweeps.sweep import train_sweep
from tests.cli.conftest import command  # noqa: F401 (a fixture)
from tests.support.lanes import DEVICE, small_data, small_run


def trained(folder: Path, *seeds: int, probes: str = "none", save_weights: bool = False) -> Store:
    """A store of runs of `seeds`, a pack for each."""
    store = Store(folder)
    runs = [small_run(seed=seed, steps=6, dtype="float32") for seed in seeds]
    resources = Resources(DEVICE, workers=0, lanes=1)
    train_sweep(
        runs, [small_data()], store, resources=resources, record=SweepRecord(created=folder.name),
        probes=probes, save_weights=save_weights,
    )  # fmt: skip
    return store


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_all_that_the_stores_held_is_there_once_and_they_are_as_they_were(tmp_path: Path) -> None:
    a, b = trained(tmp_path / "a", 0, 1, save_weights=True), trained(tmp_path / "b", 1, 2, probes="full")
    before = files(a.path), files(b.path)
    into = Store(tmp_path / "c")
    assert merge_stores([a, b], into) == Merged(packs=4, there=0, weights=2, records=2)
    assert (files(a.path), files(b.path)) == before
    assert sorted(into.runs["seed"]) == [0, 1, 2]
    assert dict(zip(into.runs["seed"], into.runs["probes"], strict=True)) == {0: "none", 1: "full", 2: "full"}
    expected = pd.concat([a.curves_of(a.runs[a.runs["seed"] == 0]), b.curves]).sort_values(["run", "step"])
    pd.testing.assert_frame_equal(
        into.curves.sort_values(["run", "step"]).reset_index(drop=True), expected.reset_index(drop=True)
    )
    assert set(into.layers["run"]) == set(b.runs["run"])
    assert {record.created for record in into.sweeps} == {r.created for store in (a, b) for r in store.sweeps}
    assert not list(into.path.rglob(".*"))


def test_what_is_merged_twice_is_there_once(tmp_path: Path) -> None:
    a, b, into = trained(tmp_path / "a", 0), trained(tmp_path / "b", 0, 1), Store(tmp_path / "c")
    merge_stores([a, b], into)
    there = files(into.path)
    assert merge_stores([a, b], into) == Merged(packs=0, there=3)
    assert merge_stores([into], Store(tmp_path / "d")) == Merged(packs=2, records=2)
    assert files(into.path) == there == files(tmp_path / "d")


def test_a_pack_that_was_measured_less_gives_way_and_one_that_was_measured_more_stays(tmp_path: Path) -> None:
    little, much = trained(tmp_path / "a", 0), trained(tmp_path / "b", 0, probes="basic")
    for first, second in ((little, much), (much, little)):
        into = Store(tmp_path / f"{first.path.name}-first")
        merge_stores([first], into)
        merge_stores([second], into)
        assert list(into.runs["probes"]) == ["basic"]
        assert len(into.layers) == len(much.layers)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_takes_no_room_twice_where_the_disk_has_links(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:

        def refuse(*_: object) -> None:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(os, "link", refuse)
    a = trained(tmp_path / "a", 0)
    merge_stores([a], Store(tmp_path / "b"))
    (path,) = (tmp_path / "b" / "runs").iterdir()
    assert path.samefile(a.path / "runs" / path.name) == links
    assert files(tmp_path / "b") == files(a.path)


def test_a_merge_that_was_killed_is_finished_by_the_same_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, calls = trained(tmp_path / "a", 0, 1, probes="basic"), list[int]()
    merge_stores([a], Store(tmp_path / "whole"))
    replace = Path.replace

    def die(path: Path, target: Path) -> Path:
        calls.append(1)
        if len(calls) == dies_at:
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", die)
    for dies_at in range(1, 8):
        calls.clear()
        into = Store(tmp_path / str(dies_at))
        with pytest.raises(KeyboardInterrupt):
            merge_stores([a], into)
        assert len(into.curves) % len(a.curves_of(a.runs.iloc[:1])) == 0  # what counts as stored is whole
        merge_stores([a], into)
        assert files(into.path) == files(tmp_path / "whole")


def test_records_of_one_name_that_say_different_things_both_come_along(tmp_path: Path) -> None:
    for name in "ab":
        store = trained(tmp_path / name, 0)
        for path in store.list_records():
            path.unlink()
        store.write_sweep("same", SweepRecord(command=name, created=name))
    for _ in range(2):
        merge_stores([Store(tmp_path / "a"), Store(tmp_path / "b")], Store(tmp_path / "c"))
        assert [record.command for record in Store(tmp_path / "c").sweeps] == ["a", "b"]


def test_what_is_wrong_with_one_store_is_told_before_anything_is_written(tmp_path: Path) -> None:
    a, b = trained(tmp_path / "a", 0), trained(tmp_path / "b", 1)
    (b.path / "curves" / b.list_packs()[0].name).write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"curves/.* must be .*: repeat the command that trained it in .*/b, which"):
        merge_stores([a, b], Store(tmp_path / "c"))
    assert not (tmp_path / "c").exists()


def test_the_target_is_a_store_or_new_and_none_of_the_sources(tmp_path: Path) -> None:
    a = trained(tmp_path / "a", 0)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    for into, sentence in (
        ("a", "none of the stores that"),
        ("photos", "holds other things"),
        ("photos/cat.jpg", "a f"),
    ):
        with pytest.raises(UserError, match=sentence):
            merge_stores([a], Store(tmp_path / into))
    assert len(list((tmp_path / "photos").iterdir())) == 1


def test_the_command_says_what_came_along(command, tmp_path: Path) -> None:  # noqa: F811 (a fixture)
    trained(tmp_path / "a", 0), trained(tmp_path / "b", 0, 1)
    ended = command("merge", "a", "b", "c")
    assert (ended.code, ended.err.count("bnexp: training")) == (0, 2)  # what is merged was trained right before
    assert ended.out == (
        "2 packs (1 more were there already), 0 weights and 2 records added: 2 runs in c\nbnexp report c\n"
    )
    assert command("merge", "a").err.startswith("bnexp: the command must be `bnexp merge DIR [DIR ...] INTO`; got")
    assert command("merge", "a", "no", "d").err.startswith("bnexp: a store must be a folder with results in runs/")
    assert not Path("d").exists()
