"""Parquet files of a store: written with their schema, read back with it, and checked.

A file whose content is wrong is broken; one that the system does not let us read now (no permission, a server that is
away, too many open files) may be whole, and is never taken for a broken one.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from bnexp.choices import Standardize
from bnexp.errors import UserError
from bnexp.runs import SEMANTICS

UNMARKED: Final = 1
"""Number of the training semantics of the first version, which did not mark its files."""


class BrokenFileError(UserError):
    """A file that is missing or could be read, and is not what bnexp wrote; `fault` is the sentence without advice."""

    def __init__(self, path: Path, reason: str) -> None:
        self.fault = _describe(path, reason)
        retrained = "the command that made it trains its runs again"
        super().__init__(f"{self.fault}: {'move it away, and ' if path.exists() else ''}{retrained}")


def filler(frame: pd.DataFrame, schema: pa.Schema) -> Callable[[Path], object]:
    """Return what writes the columns of `schema` to a path, marked with the number of the training semantics."""
    marked = schema.with_metadata({"semantics": str(SEMANTICS)})
    # None, not NaN, for columns that the frame lacks: of NaN pyarrow makes empty bytes in a column of bytes.
    whole = frame.assign(**dict.fromkeys((name for name in schema.names if name not in frame), None))[schema.names]
    table = pa.Table.from_pandas(whole, marked, preserve_index=False)
    return lambda path: pq.write_table(table, path)


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Return the columns of `schema`, and no others are read.

    A column that a later version added is missing in older files: its values are missing, too.

    Raises:
        BrokenFileError: the file is not what bnexp wrote.
        UserError: the system does not let us read it.
    """
    with _readable(path), pq.ParquetFile(path) as file:
        there = set(file.schema_arrow.names)
        if problem := _find_lack(file):
            raise pa.ArrowInvalid(problem)
        table = file.read([name for name in schema.names if name in there])
        columns = [_modernize(table[f.name], f) if f.name in there else pa.nulls(len(table), f.type) for f in schema]
        rows = pa.table(columns, schema)
        rows.validate(full=True)  # text that is no UTF-8 is otherwise found by pandas
    return rows


def _modernize(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """Return a column as this version has it: a switch of an older one, true or false, may be a choice now."""
    if pa.types.is_boolean(column.type) and field.name == "data_standardize":
        return pa.compute.if_else(column, str(Standardize.all), str(Standardize.none))
    return column


def read_semantics(path: Path) -> int:
    """Return the number of the training semantics of a file; raises as `read_table` does."""
    with _readable(path):
        return _parse_semantics(pq.read_schema(path).metadata)


def find_damage(path: Path) -> str | None:
    """Return a sentence about a file that is missing, cut off or overwritten, None for one that can be read.

    All of it is decoded, which takes three times as long as its footer and a byte of every column, a millisecond or two
    for a pack: pyarrow looks at what a footer says of a column without a net, and a wrong byte there ends the process.

    Raises:
        UserError: the system does not let us read the file, which may be whole.
    """
    try:
        with _readable(path):
            if path.is_dir():
                return _describe(path, "a folder")
            with pq.ParquetFile(path) as file:
                if problem := _find_lack(file):
                    return _describe(path, problem)
                file.read(use_threads=False).validate(full=True)
    except BrokenFileError as error:
        return error.fault
    return None


def _find_lack(file: pq.ParquetFile) -> str | None:
    """Return what every file of a store has and this one has not."""
    if "run" not in file.schema_arrow.names:
        return "no column `run`"
    _parse_semantics(file.schema_arrow.metadata)
    return None


def _parse_semantics(marks: Mapping[bytes, bytes] | None) -> int:
    text = (marks or {}).get(b"semantics", str(UNMARKED).encode())
    try:
        return int(text)
    except ValueError:
        raise pa.ArrowInvalid(f"training semantics {text!r}") from None


def _describe(path: Path, reason: str) -> str:
    return f"{path} must be a Parquet file that bnexp wrote; got '{(reason.splitlines() or ['nothing'])[0]}'"


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Tell content that is wrong, a `BrokenFileError`, from a file that cannot be read now."""
    try:
        yield
    except MemoryError:  # before ArrowException: pyarrow's own is both
        raise UserError(
            f"there must be memory to read {path}; got none: end other programs, or move the file away if it is broken"
        ) from None
    except FileNotFoundError:
        raise BrokenFileError(path, os.strerror(errno.ENOENT)) from None
    except OSError as error:
        if error.errno:
            raise UserError(
                f"{path} must be a file that can be read; got '{os.strerror(error.errno)}': nothing was changed; give "
                "the same command when it can be read again"
            ) from None
        raise BrokenFileError(path, str(error)) from None  # pyarrow says so of what it cannot decode
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise BrokenFileError(path, str(error)) from None
