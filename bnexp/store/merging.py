"""One store of several: their packs, weights and records are linked or copied, and none of them is changed.

The name of a pack is made of its runs in their lanes, so packs of one name hold the same runs: what is there already
stays, unless it was measured less. Records of commands come along, and with them where each run comes from.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bnexp.choices import Probes
from bnexp.errors import UserError
from bnexp.files import is_folder, write_whole
from bnexp.store.store import Store, writable


@dataclass(frozen=True)
class Merged:
    """How many packs, weights and records were added, and how many packs were there already."""

    packs: int = 0
    there: int = 0
    weights: int = 0
    records: int = 0


def merge_stores(sources: Sequence[Store], into: Store) -> Merged:
    """Add all that `sources` hold to `into`, which need not be there yet; doing it twice adds nothing.

    All sources are looked at before anything is written. A pack's file in `runs/` comes last, as when it is trained: a
    merge that was killed is finished by the same call.

    Raises:
        UserError: A source is `into`, is damaged or was trained under other training semantics; `into` is a folder of
            something else; a file cannot be read or written.
    """
    _check_target(sources, into)
    for store in (*sources, into):
        store.check_semantics()
    for store in sources:
        for fault in filter(None, map(store.find_damage, store.list_packs())):
            raise UserError(f"{fault}: repeat the command that trained it in {store.path}, which sets it aside, first")
    with writable(into.path):
        (into.path / "runs").mkdir(parents=True, exist_ok=True)  # first: it makes the folder a store
    added = [_merge(source, into) for source in sources]
    return Merged(*(sum(getattr(one, name) for one in added) for name in Merged.__dataclass_fields__))


def _check_target(sources: Sequence[Store], into: Store) -> None:
    for source in sources:
        if source.path.resolve() == into.path.resolve():
            raise UserError(f"the folder to merge into must be none of the stores that are merged; got {into.path}")
    if into.path.exists() and not is_folder(into.path):
        raise UserError(f"the folder to merge into must be a folder; got a file at {into.path}: name another")
    if is_folder(into.path) and not is_folder(into.path / "runs") and any(into.path.iterdir()):
        raise UserError(
            f"the folder to merge into must be a store, or empty or new; got {into.path}, which holds other things: "
            "name another"
        )


def _merge(source: Store, into: Store) -> Merged:
    """Add one store to another: weights and records before the packs that they belong to."""
    weights = sum(_bring(path, into.path) for path in sorted((source.path / "weights").glob("[!.]*.safetensors")))
    records = sum(_bring_record(path, into.path) for path in source.list_records())
    packs = there = 0
    for path in source.list_packs():
        if _is_there(path.stem, source, into):
            there += 1
            continue
        for part in (source.path / kind / path.name for kind in ("curves", "layers", "runs")):
            if part.exists():
                _bring(part, into.path, again=True)
        packs += 1
    return Merged(packs, there, weights, records)


def _is_there(pack: str, source: Store, into: Store) -> bool:
    """Say whether `into` holds this pack, measured as much as in `source`."""
    here, there = into.probes_of(pack), source.probes_of(pack)
    levels = list(Probes)
    return here is not None and (there is None or levels.index(here) >= levels.index(there))


def _bring_record(path: Path, into: Path) -> bool:
    """Add the record of a command; one of the same name that says something else is another command's."""
    name, number = path.stem, 1
    while (there := into / "sweeps" / f"{name}.json").exists():
        if there.read_bytes() == path.read_bytes():
            return False
        number += 1
        name = f"{path.stem}-{number}"
    return _bring(path, into, name=f"{name}.json")


def _bring(path: Path, into: Path, *, name: str | None = None, again: bool = False) -> bool:
    """Link or copy a file to the folder of its kind in `into`; say whether that was done, as it is if `again`.

    A link takes no room, and is safe: files of a store are replaced as a whole and never written to.
    """
    target = into / path.parent.name / (name or path.name)
    if target.exists() and not again:
        return False
    with writable(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _link(path, target):
            write_whole(target, lambda temporary: shutil.copyfile(path, temporary))
    return True


def _link(path: Path, target: Path) -> bool:
    """Put a hard link to `path` at `target` in one step, if the file system takes one."""
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as folder:
        linked = Path(folder) / target.name
        with contextlib.suppress(OSError):  # another disk, or one without links
            os.link(path, linked)
            linked.replace(target)
            return True
    return False
