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

from bnexp.report.build import build, compose
from bnexp.report.evidence import gather
from bnexp.runs import Run
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


@pytest.mark.usefixtures("every_kind_of_picture")
def test_a_sweep_over_placement_activation_and_lr_gives_the_page_its_figures_and_tables(tmp_path: Path) -> None:
    sweep = product(activations=["relu", "tanh"], lrs=[0.1, 0.3, 1.0], seeds=range(4))
    report = build([store(tmp_path, rows(sweep, better_after(0.01)))])
    folder = tmp_path / "report"
    assert report.page == folder / "index.html"
    assert figures(tmp_path) == ["curves", "final", "forest", "heat", "interaction", "speed"]
    for name in figures(tmp_path):
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert f'href="figures/{name}.pdf"' in (folder / "index.html").read_text()
        assert len(pd.read_csv(folder / "figures" / f"{name}.csv")) > 0
    tables = {path.stem: pd.read_csv(path) for path in (folder / "tables").glob("*.csv")}
    assert {len(tables.pop("runs")), len(tables.pop("seeds"))} == {2 * 3 * 3 * 4, 2 * 3 * 4}
    assert {name: len(table) for name, table in tables.items()} == {
        "effects": 2 * 3, "interactions": 1, "finals": 2 * 3 * 3, "fixed": 2 * 3 * 3,
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
    assert report.headline.startswith(
        "Post is better than pre for relu and tanh. That post − pre depends on activation"
    )
    assert " is not shown (family-wise p = " in report.headline
    assert [verdict.kind for verdict in report.verdicts] == ["better", "better"]
    within = build([store(tmp_path / "other", rows(sweep, better_after(0.0, 1e-6)))], margin=0.005)
    assert within.headline.startswith("Post is better than pre by less than 0.5 pp")


def asked_by(filled: Store, number: int, command: str, runs: pd.DataFrame) -> None:
    """Add the record of a command that asked for `runs`, as the last one."""
    record = {"command": command, "created": f"2026-02-{number:02d}T10:00:00", "asked": list(runs["run"])}
    filled.write_sweep(f"later-{number}", SweepRecord(**record))


def test_the_page_covers_the_store_whatever_the_last_command_asked(tmp_path: Path) -> None:
    filled = store(tmp_path, rows(product(activations=["relu", "tanh"], lrs=[0.1, 1.0]), better_after(0.02)))
    runs = filled.runs
    asked_by(filled, 1, "bnexp first", runs)
    first = build([filled])
    files = set(first.files)
    assert (first.asked, "asked last" in first.files["index.html"].decode()) == ("", False)
    asked_by(filled, 2, "bnexp placement=pre lr=1", runs[(runs["placement"] == "pre") & (runs["lr"] == 1.0)])
    report = build([filled])
    assert set(report.files) == files
    assert report.headline == first.headline
    assert report.asked == "The last command asked for 6 of these 36 runs: bnexp placement=pre lr=1"
    for name in ("index.html", "report.md"):
        assert report.asked in html.unescape((tmp_path / "report" / name).read_text())
    finals = pd.read_csv(tmp_path / "report" / "tables" / "finals.csv")
    assert (finals["asked"] == ((finals["level"] == "pre") & (finals["lr"] == 1.0))).all()
    assert finals["n"].eq(3).all()


def test_batches_of_one_command_are_asked_together(tmp_path: Path) -> None:
    filled = store(tmp_path, rows(product()))
    runs = filled.runs
    for number, command, run in ((1, "a", 0), (2, "b", 1), (3, "b", 2), (4, "b", 3)):
        asked_by(filled, number, f"bnexp {command}", runs.iloc[[run]])
    assert gather([filled]).asked_last == set(runs["run"][1:4])
    assert gather([filled, store(tmp_path / "other", rows(product(lrs=[9.0])))]).asked_last == frozenset()


def test_what_was_asked_is_told_first(tmp_path: Path) -> None:
    filled = store(tmp_path, rows(product(activations=["relu", "tanh"], seeds=range(8)), better_after(0.02)))
    runs = filled.runs
    asked_by(filled, 1, "bnexp activation=tanh", runs[runs["activation"] == "tanh"])
    report = build([filled])
    assert [verdict.facet for verdict in report.verdicts] == ["tanh", "relu"]
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert markdown.index("**relu**") < markdown.index("**tanh**")  # the page keeps its order


def mixed(*more: Run) -> list[Run]:
    """Runs of a store in which every command had other settings: one network at all placements, others at one."""
    small = [dataclasses.replace(run, hidden=(8,)) for run in product(lrs=[0.1, 0.5])]
    other = [dataclasses.replace(run, hidden=(16,), steps=20) for run in product(["pre"], ["tanh"], seeds=[0])]
    mnist = [
        dataclasses.replace(run, data="mnist", data_train=55000, data_validation=5000)
        for run in product(["pre", "post"], ["tanh"], seeds=range(2))
    ]
    return [*small, *other, *mnist, *more]


def test_a_store_of_digits_and_mnist_compares_what_can_be_compared_and_lists_the_rest(tmp_path: Path) -> None:
    report = build([store(tmp_path, rows(mixed(), better_after(0.02)))])
    assert len(report.verdicts) == 2
    assert ["digits" in verdict.facet for verdict in report.verdicts] == [True, False]
    assert report.left_out == (
        "One other setting has runs of one placement only, with nothing to compare: see the table of all arms."
    )
    assert report.left_out in report.files["report.md"].decode()
    assert len(pd.read_csv(tmp_path / "report" / "tables" / "finals.csv")) == 3 * 2 + 1 + 2
    assert set(pd.read_csv(tmp_path / "report" / "tables" / "effects.csv")["data"]) == {"digits", "mnist"}
    assert len(pd.read_csv(tmp_path / "report" / "tables" / "effects.csv")) == 2 * 3
    assert {"forest", "curves", "final"} <= set(figures(tmp_path))
    match = re.search(r'id="curves-data">(.*?)</script>', report.page.read_text())
    assert match is not None
    assert len({(tuple(each["at"]), each["level"]) for each in json.loads(match[1])["series"]}) == 9


def test_of_more_cells_than_an_eye_takes_in_figures_show_what_was_asked_last(tmp_path: Path) -> None:
    sweep = [dataclasses.replace(run, hidden=(8,) * depth) for run in product() for depth in range(1, 13)]
    filled = store(tmp_path, rows(sweep))
    runs = filled.runs
    asked_by(filled, 1, "bnexp all", runs)
    build([filled])
    assert "curves" not in figures(tmp_path)
    asked_by(filled, 2, "bnexp two", runs[runs["hidden"].map(len).isin([3, 5]) & (runs["placement"] == "pre")])
    build([filled])
    assert "curves" in figures(tmp_path)
    curves = pd.read_csv(tmp_path / "report" / "figures" / "curves.csv")
    assert set(curves["hidden"]) == {"8-8-8", "8-8-8-8-8"}
    assert set(curves["placement"]) == {"none", "pre", "post"}
    assert len(pd.read_csv(tmp_path / "report" / "tables" / "effects.csv")) == 12 * 3


def test_only_what_bnexp_wrote_makes_room_for_a_new_report(tmp_path: Path) -> None:
    filled, folder = store(tmp_path, rows(product(["none", "pre"], lrs=[0.1, 1.0]))), tmp_path / "report"
    build([filled])
    mine = [folder / "notes.txt", folder / "figures" / "mine.png", folder / "tables" / "mine.csv"]
    for path in mine:
        path.write_text("mine")
    assert "heat" in figures(tmp_path)
    build([filled], compare="lr")
    assert "heat" in figures(tmp_path)
    (tmp_path / "runs" / "synthetic.parquet").unlink()
    filled = store(tmp_path, rows(product(["none", "pre"])))
    build([filled])
    assert "heat" not in figures(tmp_path)
    assert not (folder / "tables" / "fixed.csv").exists()
    assert [path.read_text() for path in mine] == ["mine"] * 3


@pytest.mark.parametrize("listed", ["{", "7", '["../keep.txt", "/etc/hostname", 3, ""]'])
def test_a_damaged_list_of_files_costs_no_file(tmp_path: Path, listed: str) -> None:
    filled, keep = store(tmp_path, rows(product(["pre"]))), tmp_path / "keep.txt"
    keep.write_text("mine")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / ".files.json").write_text(listed)
    build([filled])
    assert keep.read_text() == "mine"
    written = {str(path.relative_to(tmp_path / "report")) for path in (tmp_path / "report").rglob("[!.]*.*")}
    assert set(json.loads((tmp_path / "report" / ".files.json").read_text())) == written


def test_each_comparison_has_a_folder_of_its_own(tmp_path: Path) -> None:
    sweep = [dataclasses.replace(run, momentum=m) for run in product(activations=["relu", "tanh"]) for m in (0.0, 0.9)]
    filled = store(tmp_path / "a", rows(sweep))
    folders = [build([filled], compare=compare).folder for compare in (None, "placement", "activation", "momentum")]
    names = ["report", "report", "report-by-activation", "report-by-optimizer.momentum"]
    assert folders == [tmp_path / "a" / name for name in names]
    assert set(pd.read_csv(folders[0] / "tables" / "effects.csv")["a"]) == {"pre", "post"}
    both = build([filled, store(tmp_path / "b", rows(sweep))], compare="activation")
    assert both.folder == tmp_path / "a+b" / "report-by-activation"


def test_a_report_goes_where_the_user_wants_it_and_overwrites_nothing_of_theirs(tmp_path: Path) -> None:
    filled, out = store(tmp_path / "a", rows(product())), tmp_path / "paper" / "first"
    for _ in range(2):  # our own page is replaced
        assert build([filled], out=out).page == out / "index.html"
    assert not (tmp_path / "a" / "report").exists()
    theirs = tmp_path / "site"
    theirs.mkdir()
    (theirs / "index.html").write_text("my home page")
    with pytest.raises(ValueError, match=r"out must be a folder in which no file is in the way; got .*index\.html"):
        build([filled], out=theirs)
    assert [path.name for path in theirs.iterdir()] == ["index.html"]
    assert (theirs / "index.html").read_text() == "my home page"


def test_a_store_of_which_runs_are_missing_says_how_many_and_which_arms_are_short(tmp_path: Path) -> None:
    asked = product(["none", "pre"], ["relu", "tanh"], seeds=range(4))
    runs, points = rows(asked)
    lost = runs.index[(runs["placement"] == "pre") & (runs["activation"] == "tanh") & (runs["seed"] > 0)]
    filled = store(tmp_path, (runs.drop(index=lost), points))
    asked_by(filled, 1, "bnexp -m all", runs)
    report = build([filled])
    assert report.headline.startswith("Provisional: 13 of 16 runs asked are stored. ")
    assert report.missing.startswith("3 of 16 runs asked are missing. Short of runs: pre / tanh (1 of 4).")
    assert report.missing in html.unescape(report.page.read_text())
    record = filled.path / "sweeps" / "later-1.json"
    assert report.missing.endswith(f" to do without them, remove {filled.path.name}/sweeps/{record.name}.")
    content = record.read_bytes()
    record.unlink()
    without = build([filled])
    assert (without.missing, without.headline.startswith("Provisional")) == ("", False)
    record.write_bytes(content)
    filled.write("rest", runs.loc[lost].assign(pack="rest"), points[points["run"].isin(runs.loc[lost, "run"])])
    assert build([filled]).missing == ""
    runs.loc[lost, "status"] = "failed"
    failed = store(tmp_path / "failed", (runs, points))
    asked_by(failed, 1, "bnexp -m all", runs)
    words = "3 of 16 runs asked are missing, 3 of them failed. Short of runs: pre / tanh (1 of 4)."
    assert words in build([failed]).missing


def test_a_damaged_record_is_told_of_on_the_page(tmp_path: Path) -> None:
    filled = store(tmp_path, rows(product(["none", "pre"])))
    asked_by(filled, 1, "bnexp -m all", filled.runs)
    assert build([filled]).damaged == ()
    (filled.path / "sweeps" / "x.json").write_text('{"command": 1}')
    report = build([filled])
    (sentence,) = report.damaged
    assert sentence.startswith(f"{filled.path / 'sweeps' / 'x.json'} must be the JSON that bnexp wrote; got ")
    for text in (report.page.read_text(), (report.folder / "report.md").read_text().replace("\\", "")):
        assert sentence.split(";")[0] in html.unescape(text)


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
    effects = pd.read_csv(tmp_path / "report-by-activation" / "tables" / "effects.csv")
    assert effects[["placement", "a", "b"]].to_numpy().tolist() == [
        [p, "tanh", "relu"] for p in ("none", "pre", "post")
    ]
    with pytest.raises(ValueError, match=r"compare must be a setting in which the runs differ, .*; got 'seeed'"):
        build([filled], compare="seeed")


@pytest.mark.usefixtures("pictures")
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
    build([store(tmp_path / "relu", rows(product()), study=study)])  # of which it has one value there
    assert set(pd.read_csv(tmp_path / "relu" / "report" / "tables" / "effects.csv")["a"]) == {"pre", "post"}


def test_none_is_compared_with_every_setting_of_the_norm(tmp_path: Path) -> None:
    sweep = [dataclasses.replace(run, norm_eps=eps) for run in product() for eps in (1e-5, 1e-3)]
    build([store(tmp_path, rows(run for run in sweep if run.placement != "none" or run.norm_eps == 1e-5))])
    effects = pd.read_csv(tmp_path / "report" / "tables" / "effects.csv")
    assert sorted(zip(effects["norm_eps"], effects["a"], effects["b"], strict=True)) == sorted(
        (eps, a, b) for eps in (1e-5, 1e-3) for a, b in (("pre", "none"), ("post", "none"), ("post", "pre"))
    )


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_single_arm_has_its_curves_and_nothing_to_compare(seeds: int, tmp_path: Path) -> None:
    report = build([store(tmp_path, rows(product(["pre"], seeds=range(seeds))))])
    assert report.headline == "Nothing to compare."
    assert figures(tmp_path) == ["curves"]
    text = words(tmp_path / "report" / "figures" / "curves.svg")
    assert ("one seed, hence no interval" in text) == (seeds == 1)
    assert ("95 % Student t interval" in text) == (seeds > 1)


@pytest.mark.usefixtures("pictures")
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


@pytest.mark.usefixtures("pictures")
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


@pytest.mark.usefixtures("pictures")
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


def test_the_page_of_a_study_with_hypotheses_is_about_these_and_folds_up_its_cells(tmp_path: Path) -> None:
    hypothesis = {
        "name": "noise", "claim": "It is noise.", "change": {"norm.kind": "ghost"}, "activations": ["relu"],
        "predicts": "closes", "share": 0.5, "refuted_by": "more than half is left",
    }  # fmt: skip
    base = product(["pre", "post"], ["relu", "tanh"], seeds=range(6))
    sweep = [*base, *(dataclasses.replace(run, norm_kind="ghost", norm_ghost=10) for run in base)]
    gain = lambda run: better_after(0.01 if run.norm_kind == "batch" else 0.001)(run)  # noqa: E731
    study: Any = {"study": {"name": "why", "question": "Why?", "compare": "placement", "hypotheses": [hypothesis]}}
    untrained = hypothesis | {"name": "batch", "change": {"batch_size": 240}}
    study["study"]["hypotheses"].append(untrained)
    report = compose([store(tmp_path, rows(sweep, gain), **study)])
    assert report.headline == (
        "Of 2 hypotheses that were written down before training, standing: 1 (noise); not trained: 1 (batch)."
    )
    assert [verdict.badge for verdict in report.verdicts] == ["stands"]
    assert report.advice == ("", "")
    page = report.files["index.html"].decode()
    assert (
        page.index('id="hypotheses"')
        < page.index("<details>")
        < page.index('class="verdict better"', page.index(">Verdicts</h2>"))
    )
    text = report.files["report.md"].decode()
    row = next(line for line in text.splitlines() if line.startswith("| noise |"))
    assert "stands" in row
    assert "norm.kind=ghost: that at least 50 % of the gap closes" in row.replace("\\", "")
    assert text.index("| noise |") < text.index("## Verdicts by cell")
    assert "tables/hypotheses.csv" in report.files
    runs, points = rows(sweep, gain)
    filled = store(tmp_path / "part", (runs.iloc[1:], points), **study)
    asked_by(filled, 1, "bnexp study=why", runs)
    (record,) = filled.sweeps[-1:]
    filled.write_sweep("1", dataclasses.replace(record, configuration=study))
    assert compose([filled]).headline.startswith("Provisional: 47 of 48 runs asked are stored. Of 2 hypotheses that")
