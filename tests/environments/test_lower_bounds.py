"""The oldest versions that bnexp says it takes are those that it was tried with."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent.parent


def pins(name: str) -> dict[str, Version]:
    """Return the version of each package in a file of constraints; the lowest, where it depends on the Python."""
    lines = [re.split(r"\s#|^#", line)[0].strip() for line in (ROOT / name).read_text().splitlines()]
    pinned: dict[str, Version] = {}
    for requirement in map(Requirement, filter(None, lines)):
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        package, version = canonicalize_name(requirement.name), Version(pin.version)
        pinned[package] = min(version, pinned.get(package, version))
    return pinned


def lower_bounds() -> dict[str, Version]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds = {}
    for requirement in map(Requirement, project["dependencies"]):
        (bound,) = (Version(part.version) for part in requirement.specifier if part.operator == ">=")
        bounds[canonicalize_name(requirement.name)] = bound
    return bounds


def test_every_lower_bound_is_the_version_that_the_tests_are_run_with() -> None:
    lowest = pins("constraints-lowest.txt")
    bounds = lower_bounds()
    assert bounds.pop("torch") == Version("2.6")  # the file says where it was tried
    assert bounds == {package: lowest[package] for package in bounds}


def test_the_newest_versions_are_within_the_bounds() -> None:
    newest = pins("constraints.txt")
    for package, bound in lower_bounds().items():
        assert newest[package] >= bound
