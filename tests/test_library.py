"""bnexp as a library: what can be called gives what the command line gives, without Hydra."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import bnexp
from bnexp.report import build
from bnexp.report.tables import frame_to_csv
from tests.conftest import ROOT
from tests.support.lanes import small_data, small_run
from tests.support.synthetic import clear_accuracy, product, rows


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bnexp.Store:
    """A store in which a cell has one placement only: a report leaves it out where it compares."""
    store = bnexp.Store(tmp_path_factory.mktemp("library") / "demo")
    runs = [*product(["none", "pre", "post"], ["relu"], [0.1, 1.0]), *product(["pre"], ["tanh"], [0.1, 1.0])]
    frame, points = rows(runs, clear_accuracy)
    store.write("synthetic", frame.assign(seconds=1.0, machine="a machine"), points)
    return store


@pytest.fixture(autouse=True)
def _empty_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "render", lambda *_: b'<svg viewBox="0 0 9 9"></svg>')


def test_the_effects_are_the_numbers_of_the_reports_table(store: bnexp.Store, tmp_path: Path) -> None:
    for compare in ("placement", "lr"):
        effects = bnexp.effects(store, compare=compare)
        written = bnexp.report(store.path, compare=compare, out=tmp_path / compare).files["tables/effects.csv"]
        assert len(effects) >= 2
        assert {"mean", "low", "high", "p", "p_family", "n"} <= set(effects)
        assert frame_to_csv(effects).encode() == written
    assert set(bnexp.effects(store)["activation"]) == {"relu"}


def test_another_metric_is_told_and_a_wrong_one_is_one_sentence(store: bnexp.Store) -> None:
    assert set(bnexp.effects(store, metric="validation_accuracy")["metric"]) == {"validation_accuracy"}
    with pytest.raises(ValueError, match=r"^metric must be one of .*; got 'accuracy'"):
        bnexp.effects(store, metric="accuracy")
    with pytest.raises(ValueError, match=r"^a store must be a folder with results"):
        bnexp.effects("nowhere")
    with pytest.raises(ValueError, match=r"^figure must be one of page, paper; got 'poster'"):
        bnexp.report(store, figure="poster")


def test_a_report_and_effects_say_what_they_do(
    store: bnexp.Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = bnexp.report(store, out=tmp_path / "page", progress=True).page
    said = re.sub(r"\s+", " ", capsys.readouterr().err)
    assert f"bnexp: reading {store.path} bnexp: comparing {len(store.runs)} runs bnexp: drawing" in said
    assert f"the page is {page}" in said
    assert page.is_file()
    bnexp.effects(store)
    assert capsys.readouterr().err == ""


def test_train_returns_the_layers_that_a_store_would_hold_and_is_still_taken_as_two(tmp_path: Path) -> None:
    runs = [small_run(placement=placement, seed=seed) for placement in ("none", "pre") for seed in (0, 1)]
    results = bnexp.train(runs, small_data(), probes="basic")
    bnexp.sweep(runs, small_data(), tmp_path, probes="basic", workers=0)
    stored = bnexp.load(tmp_path).layers
    assert len(stored) > len(runs)
    order = ["run", "step", "layer"]
    pd.testing.assert_frame_equal(
        results.layers.sort_values(order, ignore_index=True), stored.sort_values(order, ignore_index=True)
    )
    assert set(results.runs["probes"]) == {"basic"}
    frame, curves = bnexp.train(runs, small_data())
    assert len(frame) == len(runs)
    assert set(curves["run"]) == set(frame["run"])
    assert bnexp.train(runs, small_data()).layers.empty
    with pytest.raises(ValueError, match=r"^probes must be one of none, basic, full; got 'all'"):
        bnexp.train(runs, small_data(), probes="all")


def test_a_report_can_be_called_before_and_after_its_room_was_imported_and_no_call_needs_hydra(
    store: bnexp.Store, tmp_path: Path
) -> None:
    code = f"""
import sys
import bnexp
from tests.support.lanes import small_data, small_run
runs = [small_run(seed=seed, placement=placement) for placement in ("none", "pre") for seed in range(2)]
assert callable(bnexp.report)
bnexp.train(runs, small_data(), probes="basic")
bnexp.sweep(runs, small_data(), {str(tmp_path / "new")!r}, workers=0)
from bnexp.report import build
build.render = lambda *_: b'<svg viewBox="0 0 9 9"></svg>'
bnexp.effects({str(store.path)!r})
bnexp.report({str(store.path)!r}, out={str(tmp_path / "page")!r})
bnexp.figures.forest({str(store.path)!r})
loaded = {{name.partition(".")[0] for name in sys.modules}}
assert not loaded & {{"hydra", "omegaconf", "hydra_plugins", "antlr4"}}
assert "matplotlib.pyplot" not in sys.modules
print(bnexp.report.build.__name__, list(__import__("inspect").signature(bnexp.report).parameters)[0])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "bnexp.report.build store\n"), done.stderr


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(bnexp.__file__).parent / "py.typed").is_file()


def test_the_reference_names_every_column_of_the_effects_and_every_public_name(store: bnexp.Store) -> None:
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w.]+)`", page))
    assert set(bnexp.effects(store)) - {"activation"} <= named
    values = {"Activation", "Placement", "Data", "Store", "__version__"}
    assert {f"bnexp.{name}" for name in set(bnexp.__all__) - values} <= named
