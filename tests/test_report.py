"""From a store to files and a table: which figures there are, and what they and the table say."""

import dataclasses
import html
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bnexp import report
from bnexp.store import Store
from tests.synthetic import Rows, product, rows


def store(path: Path, frames: Rows, commands: tuple[str, ...] = ("bnexp -m placement=pre,post",)) -> Store:
    filled = Store(path)
    filled.write("synthetic", *frames)
    for number, command in enumerate(commands):
        filled.write_sweep(str(number), {"command": command, "created": f"2026-01-0{number + 1}", "data": {}})
    return filled


def words(path: Path) -> str:
    """Return the text of an SVG, line breaks as blanks."""
    return " ".join(map(html.unescape, re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text())))


def printed(runs: pd.DataFrame) -> list[str]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(report.summary_table(runs))
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_one_setting_gives_one_figure_as_png_and_svg_and_leaves_nothing_else(tmp_path: Path) -> None:
    paths = report.build(store(tmp_path, rows(product())))
    assert paths == [tmp_path / "report" / "curves.png", tmp_path / "report" / "curves.svg"]
    assert sorted((tmp_path / "report").iterdir()) == paths
    assert paths[0].read_bytes().startswith(b"\x89PNG")


def test_every_other_setting_that_varies_gives_figures_of_its_own(tmp_path: Path) -> None:
    sweep = product(["none", "pre"], lrs=[1.0, 0.1], seeds=range(2))
    sweep += [dataclasses.replace(run, hidden=(50, 20)) for run in sweep]
    paths = report.build(store(tmp_path, rows(sweep)))
    assert [path.name for path in paths if path.suffix == ".svg"] == [
        f"curves-lr={lr}-hidden={hidden}.svg" for lr in ("0.1", "1") for hidden in ("50-20", "100-100-100")
    ]
    assert "lr = 0.1, hidden = 50-20" in words(paths[1])


def test_a_figure_shows_the_runs_of_its_setting_alone(tmp_path: Path) -> None:
    sweep = product(["pre"], lrs=[0.1], seeds=range(2)) + product(["pre"], lrs=[1.0], seeds=range(4))
    paths = report.build(store(tmp_path, rows(sweep)))
    assert [re.findall(r"n = \S+", words(path)) for path in paths[1::2]] == [["n = 2"], ["n = 4"]]


def test_settings_that_differ_in_the_last_digits_do_not_overwrite_each_other(tmp_path: Path) -> None:
    paths = report.build(store(tmp_path, rows(product(["pre"], lrs=[0.123456781, 0.123456789]))))
    assert len(set(paths)) == 4


def test_none_is_in_the_figure_of_every_setting_of_the_norm(tmp_path: Path) -> None:
    sweep = [dataclasses.replace(run, norm_eps=eps) for run in product() for eps in (1e-5, 1e-3)]
    paths = report.build(store(tmp_path, rows(run for run in sweep if run.placement != "none" or run.norm_eps == 1e-5)))
    assert [path.name for path in paths[::2]] == ["curves-norm.eps=1e-05.png", "curves-norm.eps=0.001.png"]
    for path in paths[1::2]:
        assert "none, n = 3" in words(path)
        assert "pre (BN → activation), n = 3" in words(path)


def test_a_figure_says_what_was_trained_and_which_command_made_it(tmp_path: Path) -> None:
    sweep = [dataclasses.replace(run, momentum=0.9) for run in product()]
    _, svg = report.build(store(tmp_path, rows(sweep), ("bnexp old", "bnexp -m 'seed=range(3)' data=digits")))
    text = words(svg)
    assert "Digits (8×8 pixels), 1,200 training and 300 validation examples" in text
    assert "network 64-100-100-100-10, batch 60; SGD, lr 0.1; optimizer.momentum 0.9" in text
    assert "mean over the n seeds; bands: 95 % Student t interval; thin lines: single seeds" in text
    assert "Last of 2 commands: bnexp -m 'seed=range(3)' data=digits" in text
    assert "norm.eps" not in text  # the default
    assert "diverged" not in text


def test_a_long_command_is_shortened_in_the_middle(tmp_path: Path) -> None:
    command = "bnexp -m " + " ".join(f"key{number}=value" for number in range(100)) + " the=end"
    text = words(report.build(store(tmp_path, rows(product()), (command,)))[1])
    assert "key0=value" in text
    assert "key50=value" not in text
    assert "the=end" in text


def test_figures_are_drawn_also_when_runs_diverged_or_failed_and_say_so(tmp_path: Path) -> None:
    sweep = product(["none", "pre"])
    runs, points = rows(sweep, diverged=dict.fromkeys(sweep[:2], 12))
    lost = runs["run"] == runs["run"].iloc[-1]
    runs.loc[lost, "status"] = "failed"
    text = words(report.build(store(tmp_path, (runs, points)))[1])
    assert "none, n = 3" in text
    assert "pre (BN → activation), n = 2" in text
    assert "diverged runs count at chance and at their loss at initialization: 2 of 3 none" in text


def test_one_seed_is_said_to_have_no_interval(tmp_path: Path) -> None:
    text = words(report.build(store(tmp_path, rows(product(seeds=[0]))))[1])
    assert "one seed, hence no interval" in text
    assert "Student" not in text


def test_only_the_given_runs_are_drawn(tmp_path: Path) -> None:
    frames = rows(product(["none", "pre"], lrs=[0.1, 1.0], seeds=range(4)))
    filled = store(tmp_path, frames)
    assert len(report.build(filled)) == 4
    few = frames[0][(frames[0]["lr"] == 0.1) & (frames[0]["seed"] < 2)]
    paths = report.build(filled, few)
    assert [path.name for path in paths] == ["curves.png", "curves.svg"]
    assert "none, n = 2" in words(paths[1])


def test_figures_of_an_earlier_report_make_room_and_other_files_stay(tmp_path: Path) -> None:
    filled = store(tmp_path, rows(product(["pre"], lrs=[0.1, 1.0])))
    report.build(filled)
    other = [tmp_path / "report" / name for name in ("curves-mine.svg", "curves.csv", "notes.txt")]
    for path in other:
        path.write_text("mine")
    paths = report.build(filled, filled.runs[filled.runs["lr"] == 1.0])
    assert sorted((tmp_path / "report").iterdir()) == sorted([*other, *paths])


def test_of_many_settings_the_best_by_validation_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MOST_FIGURES", 2)
    ends = {0.1: 0.9, 0.2: 0.5, 0.3: 0.95}
    frames = rows(product(["pre"], lrs=ends, seeds=[0]), accuracy=lambda run: ends[run.lr])
    frames[0]["test_accuracy"] = 1 - frames[0]["test_accuracy"]  # what is shown must not depend on the test set
    paths = report.build(store(tmp_path, frames))
    assert [path.name for path in paths[::2]] == ["curves-lr=0.1.png", "curves-lr=0.3.png"]
    assert "the 2 of 3 settings with the best validation accuracy" in words(paths[1])


@pytest.mark.parametrize("failed", [False, True])
def test_a_store_without_a_trained_run_is_one_sentence(tmp_path: Path, failed: bool) -> None:
    filled = Store(tmp_path)
    if failed:
        runs, points = rows(product(["pre"]))
        filled.write("synthetic", runs.assign(status="failed"), points.head(0))
    with pytest.raises(ValueError, match=r"at least one stored run; found none in .*: train some"):
        report.build(filled)


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    filled = store(tmp_path, rows(product(["pre"], seeds=[0])))
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(ValueError, match="report must be a folder that can be written to; got 'File exists'"):
        report.build(filled)


def test_the_table_has_a_row_per_arm_in_the_order_of_the_axes() -> None:
    sweep = product(["post", "none"], ["sigmoid", "relu"], [1.0, 0.1])
    runs, _ = rows(sweep, accuracy=lambda run: 0.9 + 0.01 * run.seed)
    lines = printed(runs)
    assert lines[0] == "placement activation lr validation (%) test (%) n diverged stuck"
    assert lines[2:10] == [
        f"{placement} {activation} {lr} 91.00 ± 1.00 91.00 ± 1.00 3 0 0"
        for placement in ("none", "post")
        for activation in ("relu", "sigmoid")
        for lr in ("0.1", "1")
    ]


def test_the_table_counts_what_went_wrong_and_says_how() -> None:
    sweep = product(["pre"], seeds=range(4))
    runs, _ = rows(sweep, accuracy=lambda run: 0.1 if run.seed == 1 else 0.9, diverged={sweep[0]: 7})
    runs.loc[runs["seed"] == 3, "status"] = "failed"
    lines = printed(runs)
    assert lines[2] == "pre relu 36.67 ± 46.19 36.67 ± 46.19 3 1 1"  # of 0.1, 0.1 and 0.9
    caption = " ".join(lines[3:])
    assert "Digits (8×8 pixels)" in caption
    assert "over n seeds" in caption
    assert "Choose by validation" in caption
    assert "Diverged runs count at chance accuracy" in caption
    assert "1 failed" in caption


def test_the_table_gives_one_seed_no_deviation() -> None:
    assert printed(rows(product(["pre"], seeds=[2]))[0])[2] == "pre relu 92.00 92.00 1 0 0"


def test_of_many_arms_the_table_shows_the_best_by_validation_and_says_how_many_it_hides() -> None:
    lrs = [round(0.01 * number, 2) for number in range(1, 41)]
    runs, _ = rows(product(["pre"], lrs=lrs, seeds=[0]), accuracy=lambda run: run.lr)
    runs["test_accuracy"] = 1 - runs["test_accuracy"]
    lines = printed(runs)
    shown = [line.split()[2] for line in lines if line.startswith("pre")]
    assert shown == [f"{lr:g}" for lr in lrs[10:]]
    assert "10 hidden" in " ".join(lines)


def test_a_table_of_nothing_but_failures_says_so() -> None:
    lines = printed(rows(product(["pre"]))[0].assign(status="failed"))
    assert not [line for line in lines if line.startswith("pre")]
    assert "3 failed" in " ".join(lines)
