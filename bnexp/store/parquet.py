"""Parquet files of a store: written with their schema, read back with it, and checked without reading their rows."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bnexp.errors import UserError
from bnexp.runs import SEMANTICS

PAGE: Final = b"\x15"
"""First byte of every page: its header is a Thrift struct that begins with field 1, an i32 (parquet.thrift)."""

TAIL: Final = 8
"""Bytes behind the footer: its length and the magic word."""

UNMARKED: Final = 1
"""Number of the training semantics of the first version, which did not mark its files."""


def filler(frame: pd.DataFrame, schema: pa.Schema) -> Callable[[Path], object]:
    """Return what writes the columns of `schema` to a path, marked with the number of the training semantics."""
    marked = schema.with_metadata({"semantics": str(SEMANTICS)})
    table = pa.Table.from_pandas(frame.reindex(columns=schema.names), marked, preserve_index=False)
    return lambda path: pq.write_table(table, path)


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Return the columns of `schema`, and no others are read; raise `UserError` for a file that cannot be read.

    A column that a later version added is missing in older files: its values are missing, too.
    """
    with _readable(path), pq.ParquetFile(path) as file:
        there = set(file.schema_arrow.names)
        table = file.read([name for name in schema.names if name in there])
    columns = [table[f.name] if f.name in there else pa.nulls(len(table), f.type) for f in schema]
    return pa.table(columns, schema)


def read_semantics(path: Path) -> int:
    """Return the number of the training semantics of a file; raise `UserError` if its footer cannot be read."""
    with _readable(path):
        return int((pq.read_schema(path).metadata or {}).get(b"semantics", UNMARKED))


def find_damage(path: Path) -> str | None:
    """Return a sentence about a file that is missing, cut off or overwritten, None for one that seems whole.

    Only the footer is read, and where it says that a page of a column begins, whether one does; that finds what a full
    disk, a copy cut short and lost blocks leave. Damage within a page is found by whoever reads its rows.
    """
    try:
        with pq.ParquetFile(path) as file:
            chunks = list(_chunks(file.metadata))
        with path.open("rb", buffering=0) as content:
            end = content.seek(0, 2) - TAIL
            for start, size in chunks:
                content.seek(start)
                if start + size > end or content.read(1) != PAGE:
                    return _describe(path, f"no page of a column at byte {start}")
    except (OSError, pa.ArrowException) as error:
        return _describe(path, str(error))
    return None


def _chunks(footer: pq.FileMetaData) -> Iterator[tuple[int, int]]:
    """Yield where the values of each column begin, and how many bytes they take."""
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            start = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
            yield start, column.total_compressed_size


def _describe(path: Path, reason: str) -> str:
    return f"{path} must be a Parquet file that bnexp wrote; got '{reason.splitlines()[0]}'"


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        advice = f"{'move it away, and ' if path.exists() else ''}the command that made it trains its runs again"
        raise UserError(f"{_describe(path, str(error))}: {advice}") from None
