"""Where a result comes from: code, versions and machine, as every sweep records them."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any, Final

PACKAGES: Final[tuple[str, ...]] = ("bnexp", "torch", "numpy", "hydra-core", "pandas", "scipy", "pyarrow")
"""Whose versions can change a number or how it is read."""


def machine() -> str:
    """Return operating system, processor and number of cores in one line."""
    return f"{platform.system()} {platform.machine()}, {_processor()}, {cores()} cores"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # macOS has none


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
    return subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True, text=True).stdout


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )
