"""Where a result comes from: code, versions and machine, as every sweep records them."""

import math
import os
import platform
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, Final

CGROUPS: Final = Path("/sys/fs/cgroup")
"""Where Linux says what groups of processes may use: cgroups(7); quotas are in sched-bwc.rst and cgroup-v2.rst."""

PROCESS: Final = Path("/proc/self")
"""Where Linux says what this process is."""

PACKAGES: Final[tuple[str, ...]] = ("bnexp", "torch", "numpy", "hydra-core", "pandas", "scipy", "pyarrow")
"""Whose versions can change a number or how it is read."""


def machine() -> str:
    """Return operating system, processor and number of cores in one line."""
    return f"{platform.system()} {platform.machine()}, {_processor()}, {cores()} cores"


def cores() -> int:
    """Return how many cores this process may use: what a container was given may be less than what the machine has."""
    # macOS has no affinity
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *map(math.ceil, _quotas())]))


def _quotas() -> Iterator[float]:
    """Yield what each control group that this process is in, and each that holds it, may use, in cores."""
    try:
        lines = (PROCESS / "cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # A container sees its own group as the root, whatever the path says that its host knows it by.
        path = PurePosixPath("/") if ".." in group else PurePosixPath(group)
        for folder in dict.fromkeys([path, *path.parents, PurePosixPath("/")]):
            place = CGROUPS / (controllers and "cpu") / folder.relative_to("/")
            words = _read_words(place / "cpu.max")
            if controllers:
                words = _read_words(place / "cpu.cfs_quota_us") + _read_words(place / "cpu.cfs_period_us")
            if len(words) == 2 and all(map(str.isdecimal, words)) and int(words[1]):  # no limit is "max", or -1
                yield int(words[0]) / int(words[1])


def _read_words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return []


def version() -> str:
    """Return the version of bnexp."""
    try:
        return metadata.version("bnexp")
    except metadata.PackageNotFoundError:
        return "0+checkout"  # a checkout on the path that was never installed


def versions() -> dict[str, str]:
    """Return the versions of Python and of `PACKAGES` as far as they are installed."""
    installed = {distribution.name.lower(): distribution.version for distribution in metadata.distributions()}
    return {"python": platform.python_version()} | {name: installed[name] for name in PACKAGES if name in installed}


def commit() -> dict[str, Any] | None:
    """Return commit and cleanliness of the checkout that this package runs from; None if it was installed."""
    root = Path(__file__).resolve().parent.parent
    if not (root / "pyproject.toml").is_file():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD").strip()
        return {"commit": head, "dirty": bool(_git(root, "status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *words: str) -> str:
    ended = subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True)
    return ended.stdout.decode(errors="replace")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )
