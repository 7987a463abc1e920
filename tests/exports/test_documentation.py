"""What docs/exports.md shows of weights is what happens."""

import doctest
import re
import sys
from pathlib import Path

import pytest

from bnexp.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_example_of_a_module_does_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "exports.md").read_text()
    (command,) = re.findall(r"^bnexp (.*save_weights.*)$", text, re.MULTILINE)
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bnexp", *command.split(), "report=false", "workers=0"])
    assert main.main() == 0
    shown: list[str] = []
    test = doctest.DocTestParser().get_doctest(example, {}, "exports.md", None, None)
    assert len(test.examples) == 8
    doctest.DocTestRunner().run(test, out=shown.append)
    assert "".join(shown) == ""
