"""A command line whose sweep, data and report are fakes, and the real one in a process of its own."""

import copy
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import omegaconf
import pandas as pd
import pytest
from hydra._internal.hydra import Hydra
from rich.table import Table

from bnexp.choices import FigureForm
from bnexp.cli import confirm, main  # noqa: F401 - `confirm` takes from the report what is faked below: it has the real one
from bnexp.cli import report as cli_report
from bnexp.data import datasets
from bnexp.report import build as building
from bnexp.report.build import Report
from bnexp.runs import Run
from bnexp.store.store import Store
from bnexp.sweeps import sweep
from tests.support.pictures import leave_pictures_blank

ROOT = Path(__file__).resolve().parent.parent.parent
DIVERGES, FAILS = 1e4, 1e5
"""Learning rates at which the fake runs do so."""

WIDE = "wide" * 30
"""In every table of the fake report."""


@dataclass
class Asked:
    """What one call asked of the sweep."""

    runs: list[Run]
    store: Store
    options: dict[str, Any]


@dataclass
class Built:
    """What one report was asked to be about."""

    stores: list[Path]
    compare: str | None = None
    margin: float | None = None
    out: Path | None = None
    figure: FigureForm = FigureForm.page


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Fakes:
    """What the command line asked of the fakes."""

    sweeps: list[Asked] = field(default_factory=list)
    loaded: list[tuple[Any, ...]] = field(default_factory=list)
    rows: dict[Path, pd.DataFrame] = field(default_factory=dict)
    reports: list[Built] = field(default_factory=list)


Command = Callable[..., Ended]

_load, _known = omegaconf.omegaconf.yaml.load, dict[tuple[str, Any], Any]()


def read_once(stream: Any, Loader: Any) -> Any:
    """`yaml.load`, which is slow, but not twice for the same text."""
    text = stream if isinstance(stream, str) else stream.read()
    if (text, Loader) not in _known:
        if not isinstance(stream, str):
            stream.seek(0)  # what is wrong with a file is told with its name
        _known[text, Loader] = _load(stream, Loader=Loader)
    return copy.deepcopy(_known[text, Loader])


@pytest.fixture(autouse=True)
def _blank_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing in this process: a report is asked for by what stands on it and where it lies."""
    if "pictures" not in request.fixturenames:
        leave_pictures_blank(monkeypatch)


@pytest.fixture
def pictures() -> None:
    """Draw the SVG, the PDF and the PNG."""


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    """A sweep that trains nothing: the validation loss of a run is its lr."""
    asked = Fakes()

    def train_sweep(runs: Sequence[Run], loaded: Iterable[str], store: Store, **options: Any) -> pd.DataFrame:
        asked.sweeps.append(Asked(list(runs), store, {"loaded": list(loaded), **options}))
        status = {DIVERGES: "diverged", FAILS: "failed"}
        rows = [
            {"run": f"{i:016x}", "status": status.get(r.lr, "done"), "validation_loss": r.lr}
            for i, r in enumerate(runs)
        ]
        frame = pd.DataFrame(rows)
        frame.loc[frame["status"] != "done", "validation_loss"] = math.nan
        asked.rows[store.path] = frame
        return frame

    def load(name: str, **setting: Any) -> str:
        asked.loaded.append((name, *setting.values()))
        return name

    def compose(stores: Sequence[Store], stored: Sequence[pd.DataFrame], **wish: Any) -> Report:
        assert len(stored) == len(stores)
        asked.reports.append(Built([store.path for store in stores], **wish))
        return Report(stores[0].path / "report", False, {}, "An answer.", "", "", (), "", [])

    def table(rows: pd.DataFrame) -> Table:
        drawn = Table("runs", "wide")
        drawn.add_row(f"table of {len(rows)} runs", WIDE)
        return drawn

    monkeypatch.setattr(sweep, "train_sweep", train_sweep)
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(building, "compose", compose)
    monkeypatch.setattr(Report, "write", lambda _: None)
    monkeypatch.setattr(cli_report, "read_runs", lambda store: asked.rows[store.path])
    monkeypatch.setattr(cli_report, "draw_table", table)
    return asked


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`command("-m", "lr=1,2")` runs bnexp in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    # Hydra composes a configuration twice, first to read its hydra.mode, and reads each file again every time: half of
    # what a command takes that trains nothing. What users get, in a process of its own, is in `process`.
    monkeypatch.setattr(Hydra, "get_mode", lambda *_, **__: None)
    monkeypatch.setattr(omegaconf.omegaconf.yaml, "load", read_once)

    def run(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["bnexp", *words])
        code = main.main()
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


def process(*words: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
