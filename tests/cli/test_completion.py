"""A shell completes the subcommands, the keys and their choices."""

import re
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


ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; bindkey -e; autoload -Uz compinit bashcompinit; compinit -u -D; bashcompinit; $1; echo REA''DY"
zpty -r shell said '*READY*'
for line in "${@[2,-1]}"; do
  zpty -w -n shell "$line"$'\t\x01echo "LINE:\x05:E""ND"\n'
  zpty -r shell said '*LINE:*:END*'
  print -r -- "$said"
done
"""
"""Types each line and Tab into an interactive zsh, which then prints what stands there: Ctrl-A, echo, Ctrl-E."""

FISH = 'source (bnexp --shell-completion install=fish | psub); for line in $argv; complete -C $line; echo ";"; end'


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a shell that finds bnexp as pip installs it: a script of that name."""
    script = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom bnexp.__main__ import main\nsys.exit(main())\n"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bnexp").write_text(f"#!{sys.executable}\n{script}")
    (tmp_path / "bin" / "bnexp").chmod(0o755)
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb"}


def ask(shell: str, words: list[str], environment: dict[str, str]) -> str:
    """Return what `shell` prints when it is given `words`; skip where there is none."""
    if (program := shutil.which(shell)) is None:
        pytest.skip(f"there is no {shell}")
    ended = subprocess.run(
        [program, *words],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.stdout


def test_zsh_itself_completes_subcommands_and_choices(installed: dict[str, str]) -> None:
    install = 'eval "$(bnexp --shell-completion install=bash)"'
    said = ask("zsh", ["-f", "-c", ZSH, "zsh", install, "bnexp sho", "bnexp plan -m norm.affine=none,g"], installed)
    assert re.findall(r"^LINE:(.*?) *:END", said, re.MULTILINE) == [
        "bnexp show",
        "bnexp plan -m norm.affine=none,gamma",
    ]


def test_fish_itself_completes_subcommands_and_choices(installed: dict[str, str]) -> None:
    lines = ["bnexp pla", "bnexp plan -m norm.affine=none,g"]
    said = ask("fish", ["--no-config", "-c", FISH, *lines], installed)
    assert [set(part.split()) for part in said.split(";")[:2]] == [{"plan", "placement="}, {"norm.affine=none,gamma"}]
