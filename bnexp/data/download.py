"""The published files of a data set: found, read, checked, and downloaded where they are missing.

A file is believed only if the sha256 of its decompressed content is the known one, wherever it comes from and whatever
it is called. People have them as they are published, with a dot in their names, in a folder each (Kaggle), in MNIST/raw
(torchvision), or all four in one NumPy archive (Keras).
"""

import http.client
import io
import os
import stat
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from bnexp.data.idx import LIMIT, decode, decode_member
from bnexp.data.sources import File, Source
from bnexp.errors import UserError
from bnexp.files import cache_folder, expand_home, write_whole

MEMBERS: Final = ("x_train", "y_train", "x_test", "y_test")
"""Names in an archive, as Keras has them, in the order of `Source.files`."""

TIMEOUT_SECONDS: Final = 20
"""How long a mirror may be silent before the next one is asked."""


def locate(source: Source, root: Path | None) -> list[Path]:
    """Return the paths of the source's files, unread.

    Looks in `root` alone if it is given, else in `$BNEXP_DATA` and the user cache, and downloads into the cache what is
    in neither. Raises `UserError` if `root` lacks the files or no mirror has them.
    """
    paths = find(source, root)
    return fetch(source, cache_folder()) if paths is None else paths


def find(source: Source, root: Path | None) -> list[Path] | None:
    """Return the paths of the source's files, unread, if they are on this machine, else `None`.

    Looks in `root` alone if it is given, else in `$BNEXP_DATA` and the user's cache. Raises `UserError` if `root` lacks
    the files.
    """
    if root is not None:
        # A folder named for this set may hold its files directly; one that all sets share may hold those of another.
        folders = list(dict.fromkeys([*source.folders, ".", "raw"]))
        paths = _find_all(source, expand_home(root), folders)
        if paths is None:
            raise UserError(_explain_lack(source, expand_home(root), folders))
        return paths
    shared = os.environ.get("BNEXP_DATA")
    for base in [Path(shared), cache_folder()] if shared else [cache_folder()]:
        if paths := _find_all(source, expand_home(base), source.folders):
            return paths
    return None


def fetch(source: Source, base: Path) -> list[Path]:
    """Return the paths of the source's files below `base`, all checked, downloading those that are missing or wrong."""
    base = expand_home(base)
    paths = _find_all(source, base, source.folders)
    if paths and all(_is_good(source, *pair) for pair in zip(source.files, paths, strict=True)):
        return paths
    folder = base / source.folders[0]
    if source.archive:
        raise UserError(
            f"{source.name} must lie in {folder}; got {'files that are not whole' if paths else 'no files'}: unpack "
            f"{', '.join(file.name for file in source.files)} from {source.archive} (536 MiB) into it, or take "
            "data=digits, which needs no network"
        )
    from filelock import FileLock  # here, because it loads asyncio, which files that are there do not need

    with _explain_refusal(folder, "a folder that can be written to"):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            return [_fetch_file(source, file, folder) for file in source.files]


def read(source: Source, file: File, path: Path) -> NDArray[Any]:
    """Return the array that `file` at `path` holds; raise `UserError` if that is not what was published."""
    try:
        with _explain_refusal(path, "a file that can be read"):
            return _decode(source, file, path)
    except UserError:
        raise
    except ValueError as reason:
        raise wrong_file(source, path, f"hold {source.name}'s {file.name}", str(reason)) from None


def _decode(source: Source, file: File, path: Path) -> NDArray[Any]:
    with path.open("rb") as stream:
        if path.suffix == ".npz":
            return decode_member(stream, file, MEMBERS[source.files.index(file)])
        return decode(stream, file)


def wrong_file(source: Source, path: Path, must: str, found: str) -> UserError:
    """Return the error about the file at `path`, which must `must` but in which there is `found`."""
    return UserError(
        f"{path} must {must}; got {found}: replace it by running `bnexp data fetch data={source.name}` with the same "
        "data.root, or train on what it holds by data=file data.path=…"
    )


def _find_all(source: Source, base: Path, folders: Sequence[str]) -> list[Path] | None:
    """Return the paths of the files in the first of `folders` below `base` that has them all.

    An archive that has them all is the path of each; it comes last, so that what `fetch` writes wins over a wrong one.
    """
    for folder in folders:
        paths = [_find_file(base / folder, file) for file in source.files]
        if None not in paths:
            return [path for path in paths if path]
    for folder in dict.fromkeys([*folders, "."]):  # unlike those of the files, its name says what is in it
        if _is_file(archive := base / folder / f"{source.name}.npz"):
            return [archive] * len(source.files)
    return None


def _find_file(folder: Path, file: File) -> Path | None:
    """Return where `file` is in `folder`, under one of the names that it has on people's disks."""
    dotted = file.name.replace("-idx", ".idx")
    # .gz first: it is what `fetch` writes, so that it wins over a plain file that turned out to be wrong.
    for place in (folder, folder / file.name, folder / dotted):
        for name in (f"{file.name}.gz", file.name, f"{dotted}.gz", dotted):
            if _is_file(place / name):
                return place / name
    return None


def _is_file(path: Path) -> bool:
    with _explain_refusal(path, "a file that can be read"):
        try:
            return stat.S_ISREG(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False


def _explain_lack(source: Source, root: Path, folders: Sequence[str]) -> str:
    places = [root / folder for folder in folders]
    lacking = (", ".join(file.name for file in source.files if not _find_file(place, file)) for place in places)
    return (
        f"data.root must hold the files of {source.name}, plain, as .gz or together as {source.name}.npz, in "
        f"{' or '.join(map(str, places))}; got no "
        f"{min(lacking, key=len)}: run `bnexp data fetch data={source.name} data.root={root}` or leave data.root out"
    )


def _fetch_file(source: Source, file: File, folder: Path) -> Path:
    """Return the path of `file` in `folder`, downloaded unless it is there; to be called under the folder's lock."""
    path = _find_file(folder, file)
    if path is None or not _is_good(source, file, path):
        path = folder / f"{file.name}.gz"
        content = _download(source, file, folder)
        write_whole(path, lambda temporary: temporary.write_bytes(content))
    return path


def _is_good(source: Source, file: File, path: Path) -> bool:
    try:
        _decode(source, file, path)
    except (OSError, ValueError):
        return False
    return True


def _download(source: Source, file: File, folder: Path) -> bytes:
    """Return the first good gzip of `file` that a mirror has; raise the one sentence with everything a person needs."""
    reasons = []
    for mirror in source.mirrors:
        url = f"{mirror}{file.name}.gz"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 (our own constants)
                packed: bytes = response.read(LIMIT)
            decode(io.BytesIO(packed), file)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it is the answer, too, which stays open; Python 3.14 warns
            reasons.append(f"'{getattr(error, 'reason', error)}' from {urllib.parse.urlsplit(url).netloc}")
        else:
            return packed
    raise UserError(
        f"{source.name} must lie in {folder} or be downloaded; got {' and '.join(reasons)} for {file.name}.gz: put "
        f"{', '.join(f'{f.name}.gz' for f in source.files)} from {' or '.join(source.mirrors)} into {folder}, "
        "or take data=digits, which needs no network"
    )


@contextmanager
def _explain_refusal(path: Path, must: str) -> Iterator[None]:
    """Turn what the operating system refuses into one sentence."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} must be {must}; got '{error.strerror or error}': check its permissions or take another data.root"
        ) from None
