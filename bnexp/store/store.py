"""The store of results: a folder that grows, in Parquet, one file per pack, and never a half-written one.

    runs/<pack>.parquet     a row per run (columns `schemas.RUN_FILES`)
    curves/<pack>.parquet   a row per run and point (columns `schemas.CURVES`)
    layers/<pack>.parquet   a row per run, point and layer (columns `schemas.LAYERS`), unless `probes=none`
    weights/<run>.safetensors, when asked
    sweeps/<id>.json        one per command (`records.SweepRecord`): what it asked, its packs, commit, versions, machine
    logs/                   what went wrong, in full
    broken/                 files that could not be read, set aside by the sweep that trained their runs again

Every file is written under a temporary name, fsynced and renamed; the one in `runs/` comes last: its rename is the
commit. Two sweeps may write at once; a run that both trained is read once.
"""

import contextlib
import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from safetensors.numpy import save

from bnexp.choices import Probes
from bnexp.errors import UserError
from bnexp.files import is_folder, write_whole
from bnexp.runs import SEMANTICS
from bnexp.store import parquet
from bnexp.store.own_names import name_own_activations
from bnexp.store.records import SweepRecord, decode_record
from bnexp.store.schemas import CORRECT, CURVES, LAYERS, RUN_FILES, RUNS

SUFFIX: Final = {"runs": ".parquet", "curves": ".parquet", "layers": ".parquet", "sweeps": ".json"}
"""How the names of our files end, by their folder."""

LEVELS: Final = tuple(map(str, Probes))
"""Levels of probes that this version knows; what says another one, or none, counts as not measured."""

TEMPORARY: Final = re.compile(r"\.[a-z0-9_]{1,8}\.(parquet|json|safetensors)")
"""Names of files that are being written, as `tempfile` makes them."""


class Store:
    """The results in the folder `path`, which need not be there yet.

    `runs`, `curves` and `layers` are pandas frames and `sweeps` a list, each read from the files whenever it is asked
    for, because a sweep may be writing: keep what you read in a variable.

    Args:
        path: the folder of one store, such as `outputs/demo`.

    Raises:
        UserError: by every reading method for a file that cannot be read, by every writing one for a folder that cannot
            be written to.

    Example:
        Runs are trained and kept:

        >>> import tempfile
        >>> import bnexp
        >>> digits = bnexp.load_data("digits", validation=300)
        >>> setting = {"data": "digits", "data_train": len(digits.y_train_N), "data_validation": 300}
        >>> runs = [bnexp.Run(placement=p, steps=20, evaluate=10, **setting) for p in ("pre", "post")]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store, (rows, curves) = bnexp.Store(folder), bnexp.train(runs, digits)
        ...     store.write(rows["pack"][0], rows, curves)
        ...     store.runs[["placement", "status"]]
          placement status
        0       pre   done
        1      post   done
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @property
    def runs(self) -> pd.DataFrame:
        """A row per run (columns `schemas.RUNS`), each run once, as `each_run_once` chooses it."""
        return self.read_runs()

    @property
    def curves(self) -> pd.DataFrame:
        """A row per run and point (columns `schemas.CURVES`) of the runs in `runs`, in their order."""
        return self.curves_of(self.read_runs())

    @property
    def layers(self) -> pd.DataFrame:
        """A row per run, point and layer (columns `schemas.LAYERS`) of the measured runs in `runs`, in their order."""
        return self.layers_of(self.read_runs())

    @property
    def sweeps(self) -> list[SweepRecord]:
        """What each command that wrote here recorded, oldest first."""
        return self.read_sweeps()

    def read_runs(self, columns: Collection[str] = RUNS.names) -> pd.DataFrame:
        """Return a row per run, each run once, as `each_run_once` chooses it; `hidden` is a tuple of widths.

        Of `columns`, which must hold `run`, `status` and `probes`, the files of all packs are read.
        """
        schema = pa.schema([f for f in RUNS if f.name in columns])
        tables = [parquet.read_table(path, schema) for path in self._files("runs")]
        rows = each_run_once(pa.concat_tables([schema.empty_table(), *tables]).to_pandas())
        if "hidden" in rows:  # arrays cannot be grouped by
            rows["hidden"] = pd.Series([tuple(map(int, widths)) for widths in rows["hidden"]], rows.index, object)
        return rows

    def curves_of(self, runs: pd.DataFrame) -> pd.DataFrame:
        """Return the curves of `runs`, rows of `read_runs`; only the files of their packs are read."""
        return self._rows_of(runs[runs["status"] != "failed"], "curves", CURVES)

    def layers_of(self, runs: pd.DataFrame) -> pd.DataFrame:
        """Return what was measured inside the layers of `runs`, rows of `read_runs`.

        Only the files of their packs are read.
        """
        measured = (runs["status"] != "failed") & (runs["probes"] != Probes.none)
        return self._rows_of(runs[measured], "layers", LAYERS)

    def correct_of(self, runs: pd.DataFrame) -> pd.Series:
        """Return for each of `runs`, rows of `read_runs`, which test examples it predicts correctly at its end.

        Bits as in `schemas.CORRECT`, None where there are none; `unpack_correct` makes booleans of them. Only the files
        of their packs are read.

        Raises:
            BrokenFileError: there are more or fewer bits than test examples.
        """
        bits: dict[str, bytes | None] = {}
        for pack, rows in runs[runs["status"] != "failed"].groupby("pack", sort=False):
            path = self.path / "runs" / f"{pack}.parquet"
            table = parquet.read_table(path, CORRECT)
            _check_bits(table, path)
            here = table.filter(pa.compute.is_in(table["run"], pa.array(rows["run"])))
            bits |= dict(zip(here["run"].to_pylist(), here["test_correct"].to_pylist(), strict=True))
        values = np.array([None, *(bits.get(run) for run in runs["run"])], object)[1:]
        return pd.Series(values, runs.index, object, name="test_correct")

    def read_sweeps(self) -> list[SweepRecord]:
        """Return what each command that wrote here recorded, oldest first; damaged records are left out."""
        return list(self.read_records()[0].values())

    def read_records(self) -> tuple[dict[Path, SweepRecord], list[str]]:
        """Return the records of commands by their files, oldest first, and a sentence about each that is damaged."""
        whole, damaged = {}, []
        for path, record in self._read_records():
            if isinstance(record, SweepRecord):
                whole[path] = record
            else:
                damaged.append(
                    f"{path} must be the JSON that bnexp wrote; got '{record}': it is passed over, and what that "
                    "command asked for and planned is not known any more"
                )
        return dict(sorted(whole.items(), key=lambda item: item[1].created)), damaged

    def describe_damaged_records(self) -> list[str]:
        """Return a sentence about each record of a command that is damaged."""
        return self.read_records()[1]

    def _read_records(self) -> Iterator[tuple[Path, SweepRecord | str]]:
        """Yield the path of each record with what it holds, or with what is wrong with it."""
        for path in self._files("sweeps"):
            with _readable(path):
                content = path.read_bytes()
            try:
                yield path, decode_record(content.decode())
            except ValueError as error:
                yield path, str(error)

    def list_packs(self) -> list[Path]:
        """Return the files in `runs/`, one per pack that is stored or has failed."""
        return self._files("runs")

    def list_records(self) -> list[Path]:
        """Return the files in `sweeps/`, one per command."""
        return self._files("sweeps")

    def remove_abandoned(self) -> None:
        """Remove the temporary files of processes that were killed while they wrote: nothing takes an hour to write.

        Other hidden files, such as those that a desktop leaves, are not ours and stay.
        """
        with contextlib.suppress(OSError):  # a folder that cannot be read now is told of by whoever needs it
            for path in list(self.path.glob("*/.*")):
                _remove_abandoned(path)

    def set_aside_broken(self) -> list[str]:
        """Move packs that are broken to `broken/`, so that their runs are missing; return a sentence about each.

        A pack whose curves or layers are not there is one of them: its runs file is only written after they are. So is
        a folder where a file belongs. Raises `UserError`, before anything of the pack is moved, for a file that the
        system does not let us read.
        """
        sentences = []
        for path in self._paths("runs"):
            fault = self.find_damage(path)
            if fault is None or not _exists(path):  # another sweep has set it aside meanwhile
                continue
            for part in filter(_exists, (self.path / kind / path.name for kind in ("runs", "curves", "layers"))):
                with writable(part):
                    self._set_aside(part)
            sentences.append(f"{fault}: set aside in {self.path / 'broken'}, its runs are trained again if asked for")
        return sentences

    def find_damage(self, runs: Path) -> str | None:
        """Return what is wrong with the pack whose runs file is `runs`; its curves and layers are looked at, too."""
        if (fault := parquet.find_damage(runs)) or runs.stem.endswith("-failed"):
            return fault
        try:
            kinds = ["curves"] if self.probes_of(runs.stem) is Probes.none else ["curves", "layers"]
        except parquet.BrokenFileError as error:
            return error.fault
        for folder in (self.path / kind for kind in kinds):
            if folder.is_symlink() and not folder.exists():
                raise UserError(
                    f"{folder} must lead to a folder; got a link to {folder.readlink()}, which is not there"
                )
        faults = (parquet.find_damage(self.path / kind / runs.name) for kind in kinds)
        return next(filter(None, faults), None)

    def _set_aside(self, path: Path) -> None:
        """Move a file or folder to `broken/`, beside what was moved there before."""
        folder, name = self.path / "broken", f"{path.parent.name}-{path.name}"
        folder.mkdir(exist_ok=True)
        while (folder / name).is_dir() or (path.is_dir() and (folder / name).exists()):
            name += "~"
        path.replace(folder / name)

    def check_semantics(self) -> None:
        """Raise `UserError` if a run was trained under other training semantics: it cannot stand beside new ones."""
        for path in self._files("runs"):
            if (number := parquet.read_semantics(path)) != SEMANTICS:
                raise UserError(
                    f"a store must hold runs of one training semantics, which is number {SEMANTICS} in this version of "
                    f"bnexp; got number {number} in {path}: take another name=…, or the version that its column "
                    "`version` names"
                )

    def probes_of(self, pack: str) -> Probes | None:
        """Return how much was measured in the pack of this name, or None if it is not stored."""
        path = self.path / "runs" / f"{pack}.parquet"
        if not _exists(path) or path.is_dir():
            return None
        column = parquet.read_table(path, pa.schema([RUNS.field("probes")]))["probes"]
        levels = column.slice(0, 1).to_pylist()
        if not levels:
            raise parquet.BrokenFileError(path, "no row")
        return Probes(levels[0]) if levels[0] in LEVELS else Probes.none

    def write(self, pack: str, runs: pd.DataFrame, curves: pd.DataFrame, layers: pd.DataFrame | None = None) -> None:
        """Add the rows of a pack; all of them are there afterwards, or none."""
        self._write(self.path / "curves" / f"{pack}.parquet", parquet.filler(curves, CURVES))
        if layers is not None:
            self._write(self.path / "layers" / f"{pack}.parquet", parquet.filler(layers, LAYERS))
        self._write(self.path / "runs" / f"{pack}.parquet", parquet.filler(runs, RUN_FILES))

    def write_failure(self, pack: str, runs: pd.DataFrame) -> None:
        """Add the rows of a pack that could not be trained; what it gave at another time stays."""
        self._write(self.path / "runs" / f"{pack}-failed.parquet", parquet.filler(runs, RUN_FILES))

    def write_weights(self, run: str, pack: str, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Add the weights of a run as safetensors, with the name of the pack that trained them."""
        arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        content = save(arrays, metadata={"pack": pack})  # `save_file` has an error of its own for a full disk
        self._write(self.weights(run), lambda path: path.write_bytes(content))

    def weights(self, run: str) -> Path:
        """Return where the weights of `run` are, if they were asked for."""
        return self.path / "weights" / f"{run}.safetensors"

    def has_weights(self, run: str) -> bool:
        """Say whether the weights of `run` are stored."""
        return _exists(self.weights(run))

    def write_sweep(self, sweep: str, record: SweepRecord) -> None:
        """Add what one command asked for and where it ran."""
        text = record.encode()
        self._write(self.path / "sweeps" / f"{sweep}.json", lambda path: path.write_text(text, encoding="utf-8"))

    @property
    def log_path(self) -> Path:
        """Where `log` writes."""
        return self.path / "logs" / "bnexp.log"

    def log(self, text: str) -> None:
        """Append `text` to the log."""
        with writable(self.log_path):
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            with self.log_path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(text.rstrip() + "\n")

    def _rows_of(self, runs: pd.DataFrame, kind: str, schema: pa.Schema) -> pd.DataFrame:
        """Return the rows of `kind` of `runs`, pack by pack."""
        tables = [schema.empty_table()]
        for pack, rows in runs.groupby("pack", sort=False):
            table = parquet.read_table(self.path / kind / f"{pack}.parquet", schema)
            tables.append(table.filter(pa.compute.is_in(table["run"], pa.array(rows["run"]))))
        frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
        return frame

    def _files(self, kind: str) -> list[Path]:
        return [path for path in self._paths(kind) if not path.is_dir()]

    def _paths(self, kind: str) -> list[Path]:
        """Return what has the name of a file of ours in a folder of the store: desktops and editors leave others.

        Not `glob`: a folder that must not be read would be an empty one for it, and all its runs be trained again.
        """
        folder = self.path / kind
        with _readable(folder):
            try:
                paths = sorted(folder.iterdir())
            except FileNotFoundError:
                return []
        return [path for path in paths if path.suffix == SUFFIX[kind] and not path.name.startswith(".")]

    def _write(self, path: Path, fill: Callable[[Path], object]) -> None:
        with writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, fill)


def each_run_once(runs: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `runs` with each run once.

    One that failed and was trained later counts as trained, one that was trained twice as it was measured most.
    """
    probes = runs["probes"].where(runs["probes"].isin(LEVELS), str(Probes.none))
    failed, measured = runs["status"].eq("failed"), probes.map(list(Probes).index).astype(int)
    best_first = (failed * len(Probes) - measured).to_numpy().argsort(kind="stable")
    kept = runs.assign(probes=probes).iloc[best_first].drop_duplicates("run")
    return name_own_activations(kept.sort_index().reset_index(drop=True))


def unpack_correct(bits: Sequence[bytes], examples: int) -> NDArray[np.bool_]:
    """Return which test examples [R, N] are predicted correctly, from the bits of R runs with N test `examples`."""
    packed = np.frombuffer(b"".join(bits), np.uint8).reshape(len(bits), -1)
    return np.unpackbits(packed, axis=1, count=examples).astype(np.bool_)


def _check_bits(table: pa.Table, path: Path) -> None:
    """Raise `BrokenFileError` if the file at `path` has bits, and not one for each test example."""
    for examples, bits in zip(table["test_examples"].to_pylist(), table["test_correct"].to_pylist(), strict=True):
        if bits is not None and (examples is None or len(bits) != (examples + 7) // 8):
            raise parquet.BrokenFileError(path, f"bits of {len(bits)} bytes for {examples or 'unknown'} test examples")


def load(path: Path | str) -> Store:
    """Return the store in the folder `path`.

    Args:
        path: the folder of one store, such as `outputs/demo`; `bnexp name=demo …` makes it.

    Returns:
        The store; its `runs`, `curves` and `layers` are pandas frames.

    Raises:
        UserError: if there are no results in the folder.

    Example:
        >>> import tempfile
        >>> import bnexp
        >>> digits = bnexp.load_data("digits", validation=300)
        >>> setting = {"data": "digits", "data_train": len(digits.y_train_N), "data_validation": 300}
        >>> run = bnexp.Run(steps=20, evaluate=10, **setting)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     rows, curves = bnexp.train([run], digits)
        ...     bnexp.Store(folder).write(rows["pack"][0], rows, curves)
        ...     bnexp.load(folder).curves.dropna(subset="test_accuracy")["step"].tolist()
        [0, 10, 20]
    """
    if not is_folder(Path(path) / "runs"):
        raise UserError(f"a store must be a folder with results in runs/; found none in {path}: train into it first")
    return Store(path)


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Raise `UserError` for what keeps a file from being written to `path` in this block."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path.parent} must be a folder that can be written to; got '{_reason(error)}': what was stored "
            "before is whole, and the same command trains what is missing"
        ) from None


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)  # pyarrow's own words are longer


def _remove_abandoned(path: Path) -> None:
    with contextlib.suppress(OSError):  # another sweep removed it, its writer renamed it, or it is another user's
        if TEMPORARY.fullmatch(path.name) and path.is_file() and path.stat().st_mtime < time.time() - 3600:
            path.unlink()


def _exists(path: Path) -> bool:
    with _readable(path):
        return path.exists()


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} must be readable; got '{_reason(error)}': nothing was changed; give the same command when it can "
            "be read again"
        ) from None
