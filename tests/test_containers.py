"""A process in a container: fewer cores than the machine has, no home, nothing that can be written to, no UTF-8."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bnexp import provenance
from bnexp.files import cache_folder, expand_home
from bnexp.store.store import Store
from bnexp.sweeps import shared_memory

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["-m", "data=digits", "steps=40", "hidden=[8]", "placement=none,pre", "name=x"]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of 16 cores; call it with the lines of /proc/self/cgroup and the files in /sys/fs/cgroup."""
    monkeypatch.setattr(provenance, "PROCESS", tmp_path / "proc")
    monkeypatch.setattr(provenance, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)

    def write(groups, **files):
        for path, text in {"proc/cgroup": groups, **{f"cgroup/{name}": text for name, text in files.items()}}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)

    return write


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 16), ("150000 100000", 2), ("400000 100000", 4), ("1000 100000", 1), ("9900000 100000", 16),
     ("", 16), ("-1 100000", 16), ("100000 0", 16), ("much 100000", 16), ("\0\0", 16)],
)  # fmt: skip
def test_a_container_may_use_its_quota_rounded_up(machine, quota, cores):
    machine("0::/\n", **{"cpu.max": f"{quota}\n"})
    assert provenance.cores() == cores


def test_the_least_of_a_group_and_of_those_that_hold_it_counts(machine):
    machine("0::/a/b\n", **{"cpu.max": "max 1", "a/cpu.max": "300000 100000", "a/b/cpu.max": "800000 100000"})
    assert provenance.cores() == 3


def test_a_group_that_only_the_host_knows_by_its_path_is_the_root_of_the_container(machine):
    for group in ("/../../kubepods/pod1", "/docker/0123"):
        machine(f"0::{group}\n", **{"cpu.max": "200000 100000"})
        assert provenance.cores() == 2


@pytest.mark.parametrize(("quota", "cores"), [("-1", 16), ("250000", 3), ("50000", 1)])
def test_the_quota_of_the_first_version_counts_as_well(machine, quota, cores):
    files = {"cpu/docker/1/cpu.cfs_quota_us": quota, "cpu/docker/1/cpu.cfs_period_us": "100000"}
    machine("11:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n0::/docker/1\n", **files)
    assert provenance.cores() == cores


def test_affinity_counts_where_there_are_no_groups(machine, monkeypatch):
    assert provenance.cores() == 16
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 7}, raising=False)
    machine("0::/\n", **{"cpu.max": "800000 100000"})
    assert provenance.cores() == 2


def test_without_a_home_the_cache_lies_with_the_temporary_files_and_a_tilde_stays(monkeypatch):
    def unknown(_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert cache_folder() == Path(tempfile.gettempdir(), f"bnexp-{os.getuid()}")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: Path("~/.cache/bnexp"))  # as older ones do
    assert cache_folder() == Path(tempfile.gettempdir(), f"bnexp-{os.getuid()}")
    assert expand_home(Path("~/data")) == Path("~/data")


def test_where_files_in_memory_are_forbidden_the_data_lie_in_a_temporary_one(monkeypatch):
    def forbidden(_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "memfd_create", forbidden, raising=False)
    descriptor = shared_memory.nameless_file()
    os.truncate(descriptor, 10)
    os.close(descriptor)


def run(folder, *words, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    command = [sys.executable, "-m", "bnexp", *words]
    paths = os.pathsep.join([str(ROOT), *filter(None, [environment.pop("path", None)])])
    return subprocess.run(
        command, cwd=folder, env=kept | {"PYTHONPATH": paths, **environment}, capture_output=True, check=False
    )


def test_a_user_without_a_name_and_a_home_trains(tmp_path):
    (tmp_path / "site").mkdir()
    unknown = "import pwd\ndef unknown(uid):\n    raise KeyError(uid)\npwd.getpwuid = unknown\n"
    (tmp_path / "site" / "sitecustomize.py").write_text(unknown)
    (tmp_path / "tmp").mkdir()
    places = {"path": str(tmp_path / "site"), "TMPDIR": str(tmp_path / "tmp")}
    ended = run(tmp_path, *SMALL, "workers=1", "report=false", **places)
    assert ended.returncode == 0, ended.stderr
    assert len(Store(tmp_path / "outputs" / "x").runs) == 2
    assert not (tmp_path / "~").exists()
    assert list((tmp_path / "tmp").glob("bnexp-*/machine.json"))


def test_a_home_that_cannot_be_written_to_stops_nothing(tmp_path):
    (tmp_path / "home").write_text("a file, because root may write to every folder")
    ended = run(tmp_path, *SMALL, "workers=1", "report=false", HOME=str(tmp_path / "home"))
    assert ended.returncode == 0, ended.stderr
    assert len(Store(tmp_path / "outputs" / "x").runs) == 2


LATIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """A folder in which the command trained and drew in a locale without UTF-8, and how it ended."""
    folder = tmp_path_factory.mktemp("foreign")
    environment = {**LATIN, "PYTHONIOENCODING": "latin-1", "PYTHONWARNDEFAULTENCODING": "1"}
    words = ("engine.lanes=2", "workers=1")
    return folder, run(folder, *SMALL, *words, **environment, HOME=str(folder / "home"))


def test_files_are_utf_8_whatever_the_locale_and_what_a_terminal_cannot_show_is_replaced(foreign):
    folder, ended = foreign
    assert ended.returncode == 0, ended.stderr
    assert b"Digits (8\xd78 pixels)" in ended.stdout
    (record,) = (folder / "outputs" / "x" / "sweeps").iterdir()
    assert "placement=none,pre" in record.read_text(encoding="utf-8")
    page = (folder / "outputs" / "x" / "report" / "index.html").read_text(encoding="utf-8")
    assert "8×8 pixels" in page
    again = run(folder, *SMALL, "workers=1", "report=false", **LATIN, PYTHONIOENCODING="", HOME=str(folder / "home"))
    assert b"Digits (8?8 pixels)" in again.stdout


def test_no_file_of_ours_is_opened_in_the_encoding_of_the_locale(foreign):
    folder, ended = foreign
    assert ended.returncode == 0, ended.stderr
    log = folder / "outputs" / "x" / "logs" / "bnexp.log"
    said = ended.stderr.decode("latin-1") + (log.read_text(encoding="utf-8") if log.exists() else "")
    warned = [line for line in said.splitlines() if "EncodingWarning" in line and "site-packages" not in line]
    assert not [line for line in warned if f"{ROOT}/" in line]
