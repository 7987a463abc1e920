"""The package as a user gets it: from a wheel and from an editable install, each in a fresh environment.

The environments borrow the libraries of the running interpreter through a .pth file. Python does not process the .pth
files of a borrowed folder, so an editable `bnexp` of the running interpreter does not come along.
"""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    """Return what `command` prints, run outside the checkout's influence; fail with all of it if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "BNEXP"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def files(folder: str) -> set[Path]:
    """Return the paths, relative to the checkout, of the files under `folder` that are no by-product of running it."""
    paths = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT) for path in paths}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the source archive and of the wheel that was built from that archive alone."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module", params=["wheel", "editable"])
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment in which bnexp is installed in one of the two ways."""
    environment = tmp_path_factory.mktemp(request.param) / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=environment).strip()
    (Path(site) / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    what = [str(next(request.getfixturevalue("built").glob("*.whl")))]
    if request.param == "editable":
        what = ["--no-build-isolation", "--editable", str(ROOT)]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    run(*pip, *what, cwd=environment)
    home = environment if request.param == "wheel" else ROOT
    origin = run(python, "-c", "import bnexp.runs; print(bnexp.runs.__file__)", cwd=environment)
    assert Path(origin.strip()).is_relative_to(home), f"the test is about another bnexp, that of {origin}"
    return environment


def test_the_wheel_holds_every_module_template_and_configuration_file_of_the_checkout(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    modules = files("bnexp") | files("hydra_plugins")
    values = {Path("bnexp") / path for path in files("conf")}
    assert Path("bnexp/runs.py") in modules
    assert Path("bnexp/conf/config.yaml") in values
    assert Path("bnexp/report/templates/index.html") in modules
    assert Path("bnexp/py.typed") in modules
    assert {Path(name) for name in held} == modules | values


def test_the_source_archive_holds_what_the_checks_need(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        held = {Path(*Path(name).parts[1:]) for name in archive.getnames()}
    names = ("Makefile", "constraints.txt", "constraints-lowest.txt", "pyproject.toml", ".ci/run", "outputs/README.md")
    asked = {Path(name) for name in names}
    assert held >= asked | files("tests") | files("scripts") | files("examples")


def test_an_installed_bnexp_finds_its_configuration_from_an_empty_folder(fresh: Path, tmp_path: Path) -> None:
    printed = run(fresh / "bin" / "bnexp", "placement=post", "--cfg", "job", cwd=tmp_path)
    assert "placement: post" in printed
    assert list(tmp_path.iterdir()) == []


def test_hydra_finds_the_plugins_of_an_installed_bnexp_by_itself(fresh: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from hydra.core.plugins import Plugins\n"
        "found = Plugins.instance().discover()\n"
        "print(*sorted(f'{plugin.__module__}.{plugin.__name__}' for plugin in found if 'Bnexp' in plugin.__name__))\n"
        "assert not {'bnexp', 'numpy'} & set(sys.modules)\n"  # every program that uses Hydra pays for what they load
    )
    printed = run(fresh / "bin" / "python", "-c", script, cwd=tmp_path)
    home = "hydra_plugins.hydra_bnexp"
    assert printed.split() == [f"{home}.launcher.BnexpLauncher", f"{home}.sweeper.BnexpSweeper"]


TINY = ("data=digits", "epochs=1", "hidden=[16]", "probes=none")


@pytest.mark.parametrize("fresh", ["wheel"], indirect=True)
def test_a_bnexp_from_a_wheel_trains_in_a_process_of_its_own_and_draws_the_page(fresh: Path, tmp_path: Path) -> None:
    run(fresh / "bin" / "bnexp", "-m", *TINY, "placement=none", "workers=1", "engine.lanes=1", cwd=tmp_path)
    assert_trained(tmp_path, ["none"])
    assert (tmp_path / "outputs" / "runs" / "report" / "figures" / "curves.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_an_installed_bnexp_trains_a_run_and_a_sweep_in_an_empty_folder(fresh: Path, tmp_path: Path) -> None:
    run(fresh / "bin" / "bnexp", *TINY, "placement=pre", "report=false", cwd=tmp_path)  # the next one draws it
    run(fresh / "bin" / "bnexp", "-m", *TINY, "placement=none,post", cwd=tmp_path)
    assert_trained(tmp_path, ["none", "post", "pre"])


def assert_trained(folder: Path, placements: list[str]) -> None:
    assert [path.name for path in folder.iterdir()] == ["outputs"]
    rows = pd.read_parquet(folder / "outputs" / "runs" / "runs")
    curves = pd.read_parquet(folder / "outputs" / "runs" / "curves")
    assert sorted(rows["placement"]) == placements
    assert set(rows["data"]) == {"digits"}
    assert set(rows["status"]) == {"done"}
    assert rows["test_accuracy"].between(0, 1).all()
    assert set(curves["run"]) == set(rows["run"])
