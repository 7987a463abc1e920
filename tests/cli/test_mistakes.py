"""Mistakes whose sentence is not in the table of tests/bad_inputs, and how to get the traceback behind one."""

from pathlib import Path
from typing import Any

import pytest
from hydra.errors import HydraException

from bnexp.cli import values
from tests.cli.conftest import Command, Ended, process


def test_a_wording_of_hydra_that_is_not_known_here_is_still_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def new(_: Any) -> None:
        raise HydraException("Something\n  new.\nSee https://hydra.cc/docs")

    monkeypatch.setattr(values, "to_run", new)
    assert command("lr=1") == Ended(2, "", "bnexp: Something new\n")


def test_whoever_asks_hydra_for_the_traceback_gets_it(tmp_path: Path) -> None:
    for words in (["placment=pre"], ["lr=-1"]):
        ended = process("-m", "bnexp", *words, cwd=tmp_path, HYDRA_FULL_ERROR="1")
        assert ended.returncode == 1
        assert ended.stderr.startswith("Traceback") or "Error executing job" in ended.stderr
        assert "ConfigCompositionException" in ended.stderr or "UserError: lr must be" in ended.stderr
