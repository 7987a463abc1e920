"""The store of results: a folder that grows, in Parquet, one file per pack, and never a half-written one.

    runs/<pack>.parquet     a row per run (columns `schemas.RUNS`)
    curves/<pack>.parquet   a row per run and point (columns `schemas.CURVES`)
    layers/<pack>.parquet   a row per run, point and layer (columns `schemas.LAYERS`), unless `probes=none`
    weights/<run>.safetensors, when asked
    sweeps/<id>.json        one per command: the command, its configuration, its packs, commit, versions, machine
    logs/                   what went wrong, in full
    broken/                 files that could not be read, set aside by the sweep that trained their runs again

Every file is written under a temporary name, fsynced and renamed; the one in `runs/` comes last: its rename is the
commit. Two sweeps may write at once; a run that both trained is read once.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bnexp.choices import Probes
from bnexp.errors import UserError
from bnexp.files import write_whole
from bnexp.runs import SEMANTICS
from bnexp.store.schemas import CURVES, LAYERS, RUNS


class Store:
    """The results in the folder `path`, read anew at every access.

    Reading raises `UserError` for a file that cannot be read, writing if the folder cannot be written to.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @property
    def runs(self) -> pd.DataFrame:
        """A row per run (columns `RUNS`), each run once, as `each_run_once` chooses it."""
        return each_run_once(_read(self._files("runs"), RUNS))

    @property
    def curves(self) -> pd.DataFrame:
        """A row per run and point (columns `CURVES`) of the runs in `runs`, in their order."""
        return self.curves_of(self.runs)

    @property
    def layers(self) -> pd.DataFrame:
        """A row per run, point and layer (columns `LAYERS`) of the measured runs in `runs`, in their order."""
        return self.layers_of(self.runs)

    def curves_of(self, runs: pd.DataFrame) -> pd.DataFrame:
        """The same of `runs`, rows of `runs`: only the files of their packs are read."""
        return self._parts("curves", CURVES, runs[runs["status"] != "failed"])

    def layers_of(self, runs: pd.DataFrame) -> pd.DataFrame:
        """Likewise."""
        return self._parts("layers", LAYERS, runs[(runs["status"] != "failed") & (runs["probes"] != Probes.none)])

    @property
    def sweeps(self) -> list[dict[str, Any]]:
        """What each command that wrote here recorded, oldest first."""
        return sorted(map(_record, self._files("sweeps")), key=lambda sweep: str(sweep["created"]))

    def remove_abandoned(self) -> None:
        """Remove the temporary files of processes that were killed while they wrote: nothing takes an hour to write."""
        for path in self.path.glob("*/.*"):
            with contextlib.suppress(FileNotFoundError):  # another sweep removed it, or its writer renamed it
                if path.stat().st_mtime < time.time() - 3600:
                    path.unlink()

    def set_aside_broken(self) -> list[str]:
        """Move packs that cannot be read to `broken/`, so that their runs are missing; return a sentence about each.

        A pack whose curves or layers are not there is one of them: its runs file is only written after they are.
        """
        sentences = []
        for path in self._files("runs"):
            parts = [path]
            if not path.stem.endswith("-failed"):
                parts.append(self.path / "curves" / path.name)
                if _broken(path) is None and self.measured(path.stem) is not Probes.none:
                    parts.append(self.path / "layers" / path.name)
            broken = [sentence for sentence in map(_broken, parts) if sentence]
            if not broken:
                continue
            for part in filter(Path.is_file, parts):
                with _sentence(part):
                    (self.path / "broken").mkdir(exist_ok=True)
                    part.replace(self.path / "broken" / f"{part.parent.name}-{part.name}")
            sentences.append(
                f"{broken[0]}: set aside in {self.path / 'broken'}, its runs are trained again if asked for"
            )
        return sentences

    def check_semantics(self) -> None:
        """Raise `UserError` if a run was trained under other training semantics: it cannot stand beside new ones."""
        for path in self._files("runs"):
            with _readable(path):
                number = int((pq.read_schema(path).metadata or {}).get(b"semantics", 1))
            if number != SEMANTICS:
                raise UserError(
                    f"a store must hold runs of one training semantics, which is number {SEMANTICS} in this version of "
                    f"bnexp; got number {number} in {path}: take another name=…, or the version that its column "
                    "`version` names"
                )

    def measured(self, pack: str) -> Probes | None:
        """Return how much was measured in the pack of this name, or nothing if it is not stored."""
        path = self.path / "runs" / f"{pack}.parquet"
        if not path.is_file():
            return None
        rows = _read([path], RUNS)
        return Probes(rows["probes"].fillna(str(Probes.none)).iloc[0])

    def write(self, pack: str, runs: pd.DataFrame, curves: pd.DataFrame, layers: pd.DataFrame | None = None) -> None:
        """Add the rows of a pack; all of them are there afterwards, or none."""
        self._write(self.path / "curves" / f"{pack}.parquet", _parquet(curves, CURVES))
        if layers is not None:
            self._write(self.path / "layers" / f"{pack}.parquet", _parquet(layers, LAYERS))
        self._write(self.path / "runs" / f"{pack}.parquet", _parquet(runs, RUNS))

    def write_failure(self, pack: str, runs: pd.DataFrame) -> None:
        """Add the rows of a pack that could not be trained; what it gave at another time stays."""
        self._write(self.path / "runs" / f"{pack}-failed.parquet", _parquet(runs, RUNS))

    def write_weights(self, run: str, pack: str, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Add the weights of a run as safetensors, with the name of the pack that trained them."""
        arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        self._write(self.weights(run), lambda path: save_file(arrays, path, metadata={"pack": pack}))

    def weights(self, run: str) -> Path:
        """Return where the weights of `run` are, if they were asked for."""
        return self.path / "weights" / f"{run}.safetensors"

    def write_sweep(self, sweep: str, record: Mapping[str, Any]) -> None:
        """Add what one command asked for and where it ran."""
        text = json.dumps(record, indent=1, ensure_ascii=False, default=str)
        self._write(self.path / "sweeps" / f"{sweep}.json", lambda path: path.write_text(text))

    @property
    def log_path(self) -> Path:
        """Where `log` writes."""
        return self.path / "logs" / "bnexp.log"

    def log(self, text: str) -> None:
        """Append `text` to the log."""
        with _sentence(self.log_path):
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            with self.log_path.open("a") as file:
                file.write(text.rstrip() + "\n")

    def _parts(self, kind: str, schema: pa.Schema, runs: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of `kind` of the given runs, pack by pack."""
        frames = [
            _read([self.path / kind / f"{pack}.parquet"], schema, rows["run"])
            for pack, rows in runs.groupby("pack", sort=False)
        ]
        return pd.concat(frames, ignore_index=True) if frames else schema.empty_table().to_pandas()

    def _files(self, kind: str) -> list[Path]:
        return sorted(path for path in (self.path / kind).glob("*") if not path.name.startswith("."))

    def _write(self, path: Path, fill: Callable[[Path], object]) -> None:
        with _sentence(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, fill)


def each_run_once(runs: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `runs` with each run once.

    One that failed and was trained later counts as trained, one that was trained twice as it was measured most.
    """
    probes = runs["probes"].fillna(str(Probes.none))
    failed, measured = runs["status"].eq("failed"), probes.map(list(Probes).index).astype(int)
    best_first = (failed * len(Probes) - measured).to_numpy().argsort(kind="stable")
    kept = runs.assign(probes=probes).iloc[best_first].drop_duplicates("run")
    return kept.sort_index().reset_index(drop=True)


def load(path: Path | str) -> Store:
    """Return the store in the folder `path`; raise `UserError` if there is none."""
    if not (Path(path) / "runs").is_dir():
        raise UserError(f"a store must be a folder with results in runs/; found none in {path}: train into it first")
    return Store(path)


@contextlib.contextmanager
def _sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path.parent} must be a folder that can be written to; got '{_reason(error)}': what was stored "
            "before is whole, and the same command trains what is missing"
        ) from None


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)  # pyarrow's own words are longer


def _record(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} must be the JSON that bnexp wrote; got '{error}': move it away") from None
    return record


def _parquet(frame: pd.DataFrame, schema: pa.Schema) -> Callable[[Path], object]:
    marked = schema.with_metadata({"semantics": str(SEMANTICS)})
    table = pa.Table.from_pandas(frame.reindex(columns=schema.names), marked, preserve_index=False)
    return lambda path: pq.write_table(table, path)


def _broken(path: Path) -> str | None:
    """Return the sentence about a Parquet file that is missing or damaged, else None."""
    try:
        pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        return _unreadable(path, error)
    return None


def _unreadable(path: Path, error: Exception) -> str:
    return f"{path} must be a Parquet file that bnexp wrote; got '{str(error).splitlines()[0]}'"


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        what = "the command that made it sets it aside and trains its runs again"
        raise UserError(f"{_unreadable(path, error)}: {what}") from None


def _read(paths: list[Path], schema: pa.Schema, runs: "pd.Series[str] | None" = None) -> pd.DataFrame:
    tables = [schema.empty_table()]
    for path in paths:
        with _readable(path):
            table = pq.read_table(path, partitioning=None)
        # A column that a later version added is missing in older files: its values are missing, too.
        columns = [table[f.name] if f.name in table.column_names else pa.nulls(len(table), f.type) for f in schema]
        table = pa.table(columns, schema)
        tables.append(table if runs is None else table.filter(pa.compute.is_in(table["run"], pa.array(runs))))
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return frame
