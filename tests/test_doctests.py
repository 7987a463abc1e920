"""What `help()` shows of the public names stands alone, and its examples do what they show."""

import doctest
import inspect
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

import bnexp
from bnexp.cli import main
from bnexp.report import build, drawings, library
from tests.conftest import ROOT

PUBLIC: dict[str, Any] = dict.fromkeys(bnexp.__all__, bnexp) | dict.fromkeys(bnexp.figures.__all__, bnexp.figures)
PUBLIC["report"] = library  # `bnexp.report` is a room besides
del PUBLIC["__version__"], PUBLIC["figures"]
NAMES = list(PUBLIC)
STORED = {*bnexp.figures.__all__, "report", "effects"}
"""Whose examples read the store of the command that is written above them."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the command above the functions that draw was typed."""
    folder = tmp_path_factory.mktemp("demo")
    command = drawings.__doc__.split("\n\n    bnexp ")[1]
    words = [*shlex.split(command), "report=false", "workers=0", "probes=basic"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["bnexp", *words])
        assert main.main() == 0
    return folder


@pytest.fixture(autouse=True)
def _empty_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the files of a report's figures empty: nine tenths of its time."""
    monkeypatch.setattr(build, "render", lambda *_: b'<svg viewBox="0 0 9 9"></svg>')


@pytest.fixture(autouse=True)
def _folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = getattr(request.node, "callspec", None) and request.node.callspec.params["name"]
    monkeypatch.chdir(request.getfixturevalue("demo") if name in STORED else tmp_path)


def examples_of(thing: Any, name: str) -> list[doctest.DocTest]:
    """The examples in the docstring of `thing` and, if it is a class, of what it defines."""
    return [test for test in doctest.DocTestFinder().find(thing, name, globs={}) if test.examples]


def run_examples(tests: list[doctest.DocTest]) -> str:
    """What doctest says about examples that print something else than they show."""
    report: list[str] = []
    for test in tests:
        doctest.DocTestRunner().run(test, out=report.append)
    return "".join(report)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_an_example_that_does_what_it_shows(name: str) -> None:
    tests = examples_of(getattr(PUBLIC[name], name), name)
    assert tests
    assert run_examples(tests) == ""


def test_the_example_of_the_package_does_what_it_shows() -> None:
    tests = [test for test in examples_of(bnexp, "bnexp") if test.name == "bnexp"]
    assert len(tests) == 1
    assert run_examples(tests) == ""


def test_the_examples_of_the_reference_run_from_top_to_bottom() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "library.md").read_text(encoding="utf-8"), re.DOTALL)
    test = doctest.DocTestParser().get_doctest("".join(blocks), {}, "library.md", None, None)
    assert len(test.examples) > 15
    assert run_examples([test]) == ""


def test_an_example_that_does_something_else_is_told() -> None:
    def wrong() -> None: ...

    wrong.__doc__ = ">>> 1 + 1\n3\n"
    assert "Got:\n    2" in run_examples(examples_of(wrong, "wrong"))


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_public_name_stands_alone(name: str) -> None:
    thing = getattr(PUBLIC[name], name)
    text = inspect.getdoc(thing) or ""
    takes = any(word not in ("self", "args", "kwds", "cls") for word in inspect.signature(thing).parameters)
    assert not takes or "\nArgs:\n" in text or "\nAttributes:\n" in text
    assert inspect.isclass(thing) or "\nReturns:\n" in text
    assert inspect.isclass(thing) or "\nRaises:\n" in text
    for borrowed in ("Likewise", "The same of", "as above", "see above"):
        assert borrowed not in text
