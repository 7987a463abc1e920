"""From stores to files: which figures and tables there are, what they say, and what becomes of an earlier report."""

import dataclasses
import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bnexp.report.build import build
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from tests.support.svg import read_texts
from tests.support.synthetic import Rows, product, rows

COMMAND = "bnexp -m placement=pre,post 'seed=range(3)'"


def store(path: Path, frames: Rows, *commands: str, **configuration: Any) -> Store:
    filled = Store(path)
    runs, points = frames
    filled.write("synthetic", runs.assign(seconds=1.0, machine="a machine"), points)
    for number, command in enumerate(commands or (COMMAND,)):
        record = {"command": command, "created": f"2026-01-0{number + 1}T10:00:00", "data": {"digits": "d1" * 32}}
        filled.write_sweep(str(number), SweepRecord(**record, configuration=configuration))
    return filled


def better_after(gain: float, noise: float = 0.001) -> Any:
    """Accuracies of which post has `gain` more than the others, and each seed its own."""
    return lambda run: 0.9 + 0.01 * (run.seed % 3) + (run.placement == "post") * (gain + noise * (run.seed % 4))


def figures(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "report" / "figures").glob("*.svg"))


def words(path: Path) -> str:
    """Return the text of an SVG, line breaks as blanks."""
    return " ".join(read_texts(path.read_text()))


def test_a_sweep_over_placement_activation_and_lr_gives_the_page_its_figures_and_tables(tmp_path: Path) -> None:
    sweep = product(activations=["relu", "tanh"], lrs=[0.1, 0.3, 1.0], seeds=range(4))
    report = build([store(tmp_path, rows(sweep, better_after(0.01)))])
    folder = tmp_path / "report"
    assert report.page == folder / "index.html"
    assert figures(tmp_path) == ["curves", "final", "forest", "heat", "interaction", "speed"]
    for name in figures(tmp_path):
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert len(pd.read_csv(folder / "figures" / f"{name}.csv")) > 0
    tables = {path.stem: pd.read_csv(path) for path in (folder / "tables").glob("*.csv")}
    assert {name: len(table) for name, table in tables.items()} == {
        "effects": 2 * 3, "finals": 2 * 3 * 3, "fixed": 2 * 3 * 3,
        "stable": 6, "sensitivity": 6, "speed": 6, "aggregate": 3,
    }  # fmt: skip
    assert {path.stem for path in (folder / "tables").glob("*.tex")} == set(tables)
    text = report.page.read_text()
    assert report.headline in html.unescape(text)
    assert COMMAND in html.unescape(text)
    markdown = (folder / "report.md").read_text()
    for name in figures(tmp_path):
        assert f"(<figures/{name}.svg>)" in markdown
        assert f'href="figures/{name}.csv"' in text


def test_the_page_answers_with_what_is_known_of_each_activation(tmp_path: Path) -> None:
    sweep = product(["pre", "post"], ["relu", "tanh"], seeds=range(10))
    report = build([store(tmp_path, rows(sweep, better_after(0.02)))])
    assert report.headline == "Post is better than pre for relu and tanh."
    assert [verdict.kind for verdict in report.verdicts] == ["better", "better"]
    within = build([store(tmp_path / "other", rows(sweep, better_after(0.0, 1e-6)))], margin=0.005)
    assert within.headline.startswith("Post is better than pre by less than 0.5 pp")


def test_only_the_given_runs_are_in_a_report_and_files_of_an_earlier_one_make_room(tmp_path: Path) -> None:
    filled = store(tmp_path, rows(product(["none", "pre"], lrs=[0.1, 1.0], seeds=range(4))))
    build([filled])
    mine = tmp_path / "report" / "notes.txt"
    mine.write_text("mine")
    assert "heat" in figures(tmp_path)
    runs = filled.runs
    build([filled], runs[(runs["lr"] == 0.1) & (runs["seed"] < 2)])
    assert figures(tmp_path) == ["curves", "forest", "speed"]
    assert pd.read_csv(tmp_path / "report" / "tables" / "finals.csv")["n"].tolist() == [2, 2]
    assert not (tmp_path / "report" / "tables" / "fixed.csv").exists()
    assert mine.read_text() == "mine"


def test_several_stores_are_one_and_a_run_in_both_counts_once(tmp_path: Path) -> None:
    frames = rows(product(["none", "pre"], seeds=range(6)))
    both = []
    for name, seeds in (("a", range(4)), ("b", range(2, 6))):
        part = [frame[frame["run"].isin(frames[0].loc[frames[0]["seed"].isin(seeds), "run"])] for frame in frames]
        both.append(store(tmp_path / name, (part[0], part[1]), f"bnexp -m name={name}"))
    report = build(both)
    assert report.page == tmp_path / "a+b" / "report" / "index.html"
    assert pd.read_csv(report.page.parent / "tables" / "finals.csv")["n"].tolist() == [6, 6]
    assert {"bnexp -m name=a", "bnexp -m name=b"} <= set(re.findall(r"<code>(bnexp[^<]*)", report.page.read_text()))


def test_any_axis_may_be_the_one_that_is_compared(tmp_path: Path) -> None:
    filled = store(tmp_path, rows(product(activations=["relu", "tanh"], lrs=[0.1, 1.0])))
    build([filled], compare="activation")
    effects = pd.read_csv(tmp_path / "report" / "tables" / "effects.csv")
    assert effects[["placement", "a", "b"]].to_numpy().tolist() == [
        [p, "tanh", "relu"] for p in ("none", "pre", "post")
    ]
    with pytest.raises(ValueError, match=r"compare must be a setting in which the runs differ, .*; got 'seeed'"):
        build([filled], compare="seeed")


def test_an_axis_of_many_values_is_drawn_as_x(tmp_path: Path) -> None:
    sweep = [dataclasses.replace(run, batch_size=size) for run in product(["none", "pre"]) for size in (10, 30, 60)]
    build([store(tmp_path, rows(sweep))])
    assert "batch_size" in words(tmp_path / "report" / "figures" / "final.svg")
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert markdown.index("figures/final.svg") < markdown.index("figures/forest.svg")


def test_a_study_brings_its_question_and_its_axis_if_it_varies(tmp_path: Path) -> None:
    study = {"name": "mine", "question": "Does it?", "compare": "activation"}
    filled = store(tmp_path, rows(product(activations=["relu", "tanh"])), study=study)
    build([filled])
    assert (tmp_path / "report" / "report.md").read_text().startswith("# Does it?\n")
    assert set(pd.read_csv(tmp_path / "report" / "tables" / "effects.csv")["a"]) == {"tanh"}
    runs = filled.runs
    build([filled], runs[runs["activation"] == "relu"])
    assert set(pd.read_csv(tmp_path / "report" / "tables" / "effects.csv")["a"]) == {"pre", "post"}


def test_none_is_compared_with_every_setting_of_the_norm(tmp_path: Path) -> None:
    sweep = [dataclasses.replace(run, norm_eps=eps) for run in product() for eps in (1e-5, 1e-3)]
    build([store(tmp_path, rows(run for run in sweep if run.placement != "none" or run.norm_eps == 1e-5))])
    effects = pd.read_csv(tmp_path / "report" / "tables" / "effects.csv")
    assert sorted(zip(effects["norm_eps"], effects["a"], effects["b"], strict=True)) == sorted(
        (eps, a, b) for eps in (1e-5, 1e-3) for a, b in (("pre", "none"), ("post", "none"), ("post", "pre"))
    )


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_single_arm_has_its_curves_and_nothing_to_compare(seeds: int, tmp_path: Path) -> None:
    report = build([store(tmp_path, rows(product(["pre"], seeds=range(seeds))))])
    assert report.headline == "Nothing to compare."
    assert figures(tmp_path) == ["curves"]
    text = words(tmp_path / "report" / "figures" / "curves.svg")
    assert ("one seed, hence no interval" in text) == (seeds == 1)
    assert ("95 % Student t interval" in text) == (seeds > 1)


def test_a_figure_says_what_was_trained_and_which_command_made_it(tmp_path: Path) -> None:
    sweep = [dataclasses.replace(run, momentum=0.9) for run in product()]
    long = "bnexp -m " + " ".join(f"key{number}=value" for number in range(100)) + " the=end"
    build([store(tmp_path, rows(sweep), "bnexp old", long)])
    text = words(tmp_path / "report" / "figures" / "curves.svg")
    assert (
        "Digits (8×8 pixels), 1,200 training examples; network 64-100-100-100-10; batch 60; 40 steps = 2 epochs" in text
    )
    assert "SGD, lr 0.1; optimizer.momentum 0.9" in text
    assert "norm.eps" not in text  # the default
    assert "n = 3 seeds" in text
    assert "Last of 2 commands: bnexp -m key0=value" in text
    assert "key50=value" not in text
    assert "the=end" in text
    assert "diverged" not in text


def test_diverged_runs_are_counted_and_listed_and_failed_ones_left_out(tmp_path: Path) -> None:
    sweep = product(["none", "pre"])
    runs, points = rows(sweep, diverged=dict.fromkeys(sweep[:2], 12))
    runs.loc[runs["run"] == runs["run"].iloc[-1], "status"] = "failed"
    build([store(tmp_path, (runs, points))])
    folder = tmp_path / "report"
    assert "at their loss at initialization: 2 of 3 none" in words(folder / "figures" / "curves.svg")
    diverged = pd.read_csv(folder / "tables" / "diverged.csv")
    assert diverged["diverged_step"].tolist() == [12, 12]
    finals = pd.read_csv(folder / "tables" / "finals.csv")
    assert finals[["level", "n", "diverged"]].to_numpy().tolist() == [["none", 3, 2], ["pre", 2, 0]]
    assert "2 diverged" in (folder / "report.md").read_text()
    assert "1 failed" in (folder / "report.md").read_text()


def test_the_same_store_gives_the_same_page_byte_for_byte(tmp_path: Path) -> None:
    filled = store(tmp_path, rows(product()))
    first = build([filled]).page.read_bytes()
    shutil.rmtree(tmp_path / "report")
    assert build([filled]).page.read_bytes() == first


def test_the_explorer_holds_the_curves_of_every_arm(tmp_path: Path) -> None:
    page = build([store(tmp_path, rows(product(lrs=[0.1, 1.0])))]).page.read_text()
    match = re.search(r'id="curves-data">(.*?)</script>', page)
    assert match is not None
    data = json.loads(match[1])
    arms = {(tuple(series["at"]), series["level"]) for series in data["series"]}
    assert len(arms) == 3 * 2


@pytest.mark.parametrize("failed", [False, True])
def test_a_store_without_a_trained_run_is_one_sentence(tmp_path: Path, failed: bool) -> None:
    filled = Store(tmp_path)
    if failed:
        runs, points = rows(product(["pre"]))
        filled.write("synthetic", runs.assign(status="failed"), points.head(0))
    with pytest.raises(ValueError, match=r"at least one stored run; found none in .*: train some"):
        build([filled])


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    filled = store(tmp_path, rows(product(["pre"], seeds=[0])))
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(
        ValueError, match=r"report must be a folder that can be written to; got '(File exists|Not a dir.*)'"
    ):
        build([filled])
