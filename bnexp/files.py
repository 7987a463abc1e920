"""Files that are there whole or not at all, and the folders: of results, and for what can be had again."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return the user's cache folder of bnexp, which need not be there yet: of data sets and of what was measured.

    A container may run us as a user without a name and a home: then it is below the folder for temporary files.
    """
    try:
        folder = platformdirs.user_cache_path("bnexp")
    except RuntimeError:  # since platformdirs 4.14; before, ~ stayed
        folder = Path("~")
    return folder if folder.is_absolute() else Path(tempfile.gettempdir(), f"bnexp-{os.getuid()}")


def expand_home(path: Path) -> Path:
    """Return `path` with the folder that its ~ stands for; as it is if there is none."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def find_outputs(folder: str | None = None) -> Path:
    """Return the folder of all stores: `folder`, else that of `$BNEXP_OUTPUTS`, else outputs/."""
    return expand_home(Path(folder or os.environ.get("BNEXP_OUTPUTS") or "outputs"))


def find_place(store: Path) -> tuple[str, str | None]:
    """Return the name of the folder `store` and, unless it lies in outputs/ as by default, the folder that holds it.

    What is typed later finds no `$BNEXP_OUTPUTS` that was set for one command: where it is set, the folder is said.
    """
    folder = store.resolve()
    usual = not os.environ.get("BNEXP_OUTPUTS") and folder.parent == Path("outputs").resolve()
    return folder.name, None if usual else str(folder.parent)


def write_whole(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write a temporary file beside `path`, and rename it to `path` when its bytes are on the disk.

    Raises `OSError` if that cannot be done; whatever was at `path` before is then still there.
    """
    handle, name = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        fill(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp makes files that only their owner can read
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def is_folder(path: Path | str) -> bool:
    """Say whether there is a folder at `path`, of which a system may say that no name can be so long."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False
