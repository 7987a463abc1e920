"""A shell completes the subcommands, the keys and their choices."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Command


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("bnexp pla", {"plan", "placement="}),
        ("bnexp re", {"report", "report."}),
        ("bnexp ls", {"ls"}),
        ("bnexp placement=p", {"placement=pre", "placement=post"}),
        ("bnexp -m placement=none,p", {"placement=none,pre", "placement=none,post"}),
        ("bnexp norm.affine=g", {"norm.affine=gamma"}),
        ("bnexp data=d", {"data=digits"}),
        ("bnexp plan data=d", {"data=digits"}),
        ("bnexp plan placem", {"placement="}),
    ],
)
def test_a_shell_is_told_how_a_word_may_go_on(
    line: str, words: set[str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    ended = command("--shell-completion", "query=bash")
    assert (ended.code, ended.err) == (0, "")
    assert set(ended.out.split()) == words


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_completes_a_subcommand(tmp_path: Path) -> None:
    (tmp_path / "bnexp").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m bnexp "$@"\n')
    (tmp_path / "bnexp").chmod(0o755)
    script = (
        'eval "$(bnexp --shell-completion install=bash)"\n'
        "COMP_LINE='bnexp pla' COMP_POINT=9 COMP_WORDS=(bnexp pla) COMP_CWORD=1\nhydra_bash_completion\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = f"{tmp_path}:/usr/bin:/bin"
    ended = subprocess.run(
        [str(shutil.which("bash")), "-c", script],
        cwd=tmp_path,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(ended.stdout.split()) == {"plan", "placement="}
