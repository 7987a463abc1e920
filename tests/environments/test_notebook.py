"""bnexp in a notebook: as a command started from a cell, and as a library beside the user's own figures."""

from pathlib import Path

import pytest

from bnexp.store.store import Store
from tests.cli.conftest import process
from tests.support.synthetic import product, rows

INLINE = "module://matplotlib_inline.backend_inline"
"""What Jupyter sets for its kernels, and thereby for all that a cell starts."""


@pytest.mark.parametrize("backend", [INLINE, pytest.param("no backend", marks=pytest.mark.slow)])
def test_a_command_draws_its_page_whatever_backend_it_inherits(backend: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "outputs" / "runs")
    store.write("synthetic", *rows(product(["pre"], seeds=[0])))
    ended = process("-m", "bnexp", "report", "outputs/runs", cwd=tmp_path, MPLBACKEND=backend)
    assert ended.returncode == 0
    assert all(line.startswith("bnexp: ") for line in ended.stderr.splitlines())
    assert ended.stdout.endswith("outputs/runs/report/index.html\n")
    assert (tmp_path / "outputs" / "runs" / "report" / "index.html").exists()


def test_the_library_leaves_the_backend_of_the_user_alone(tmp_path: Path) -> None:
    script = (
        "import os, sys, bnexp, matplotlib\n"
        "from bnexp.figures.export import render\n"
        "from bnexp.figures.style import house_style, make_sheet\n"
        "with house_style():\n"
        "    figure = make_sheet(4, 3)\n"
        "    figure.subplots()\n"
        "assert render(figure, 'png', 'a').startswith(b'\\x89PNG')\n"
        "import bnexp.report.build\n"
        "print(os.environ['MPLBACKEND'], matplotlib.rcParams['backend'], 'matplotlib.pyplot' in sys.modules)\n"
    )
    ended = process("-c", script, cwd=tmp_path, MPLBACKEND="template")
    assert (ended.stdout, ended.stderr) == ("template template False\n", "")
