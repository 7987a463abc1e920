"""The notebook for a class: what it shows can be run, its answers are folded, and it runs from top to bottom."""

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import bnexp
from tests.conftest import ROOT

PATH = ROOT / "examples" / "classroom.ipynb"
NOTEBOOK = json.loads(PATH.read_text(encoding="utf-8"))
COLAB = "https://colab.research.google.com/"


def texts(kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == kind]


SOLUTIONS = [code for text in texts("markdown") for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]


def as_python(code: str) -> str:
    """The code without the commands of notebooks, which are not Python's."""
    return re.sub(r"^( *)%.*$", r"\1pass", code, flags=re.MULTILINE)


def test_it_holds_no_outputs_and_asks_for_no_other_kernel_than_python() -> None:
    for cell in NOTEBOOK["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == ([], None)
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
    assert NOTEBOOK["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def test_its_code_is_python_and_calls_what_is_public() -> None:
    for code in (*texts("code"), *SOLUTIONS):
        for node in ast.walk(ast.parse(as_python(code))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bnexp":
                assert node.attr in bnexp.__all__
    assert len(re.findall(r"bnexp\.(?:sweep|figures|effects|report)", "".join(texts("code")))) >= 8


def test_five_exercises_have_their_solutions_folded() -> None:
    exercises = [text for text in texts("markdown") if text.startswith("### ")]
    assert [text[4] for text in exercises] == list("12345")
    for text in exercises:
        task, folded = text.split("<details><summary>Solution</summary>\n\n")  # GitHub shows code after an empty line
        assert "```" not in task
        assert folded.rstrip().endswith("</details>")
        assert folded.count("```python") == 1


def test_the_runs_of_every_cell_can_be_made() -> None:
    setup, *cells = (code for code in texts("code")[1:])
    known: dict[str, Any] = {}
    exec(setup, known)  # noqa: S102 (our own notebook)
    count = 0
    for code in (*cells, *SOLUTIONS):
        tree = ast.parse(code)
        tree.body = [
            node for node in tree.body if "make_runs(" in ast.unparse(node) or "runs = []" in ast.unparse(node)
        ]
        exec(compile(tree, PATH.name, "exec"), known)  # noqa: S102
        count += len(tree.body) > 0
        assert {run.data_setting for run in known["runs"]} == {known["digits"].setting}
    assert count == 9


def test_the_badge_opens_the_notebook_of_the_repository_that_the_package_names() -> None:
    """Without an address there, Colab's own page, on which a notebook can be uploaded."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"].get("urls", {})
    home = re.fullmatch(r"https://github\.com/([^/]+/[^/]+?)/?", urls.get("Repository", ""))
    (badge,) = re.findall(r"\[!\[Open in Colab\]\([^)]+\)\]\(([^)]+)\)", texts("markdown")[0])
    assert badge == (f"{COLAB}github/{home[1]}/blob/main/examples/classroom.ipynb" if home else COLAB)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of the client, not of the kernel
def test_it_runs_from_top_to_bottom_shows_progress_and_its_solutions_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(PATH, as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in SOLUTIONS]
    place = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    shown = [[output.get("data", {}) for output in cell] for cell in outputs]
    plain = ["\n".join(data.get("text/plain", "") for data in cell) for cell in shown]
    assert "training 12 runs" in plain[2]
    assert re.search(r"^pre +\d+\.\d+ % .*\(n = 4\)$", plain[2], re.MULTILINE)  # what a class watches
    assert "100%" in plain[2]
    assert sum("image/png" in data for cell in shown for data in cell) == 3
    assert (tmp_path / "classroom" / "answer" / "report" / "index.html").is_file()
    assert all(any(output.get("name") == "stdout" for output in cell) for cell in outputs[-5:])
