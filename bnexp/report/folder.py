"""The folder that a report is written to: what is ours in it makes room for a new report, what is not stays.

`.files.json` in that folder lists what bnexp wrote there. Nothing else is ever removed.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from bnexp.errors import UserError
from bnexp.files import write_whole

MANIFEST: Final = ".files.json"
"""The file that lists the others, as a JSON list of their paths in the folder."""


def check_foreign(folder: Path, names: Iterable[str]) -> None:
    """Raise `UserError` if one of the files `names` is in `folder` and bnexp did not write it there."""
    ours = _read_manifest(folder)
    foreign = next((name for name in names if name not in ours and (folder / name).exists()), None)
    if foreign:
        raise UserError(
            f"out must be a folder in which no file is in the way; got {folder}, whose {foreign} bnexp did not write: "
            "give another folder, or move that file away"
        )


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` into `folder`, each whole, and remove what an earlier report has left beside them.

    Raises `OSError` if that cannot be done; the manifest then lists what may be there of both reports.
    """
    before = _read_manifest(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _write_file(folder / MANIFEST, _encode(before | set(files)))
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _write_file(folder / name, content)
    for name in before - set(files):
        (folder / name).unlink(missing_ok=True)
    _write_file(folder / MANIFEST, _encode(set(files)))


def _write_file(path: Path, content: bytes) -> None:
    write_whole(path, functools.partial(Path.write_bytes, data=content))


def _encode(names: Iterable[str]) -> bytes:
    return f"{json.dumps(sorted(names), indent=1)}\n".encode()


def _read_manifest(folder: Path) -> set[str]:
    """Return what is listed; nothing if there is no list, or one that is damaged or speaks of files elsewhere."""
    try:
        names = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    listed = names if isinstance(names, list) else []
    return {name for name in listed if isinstance(name, str) and _is_inside(Path(name))}


def _is_inside(path: Path) -> bool:
    return not path.is_absolute() and ".." not in path.parts and path != Path()
