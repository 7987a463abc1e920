"""What an offline run of wandb holds: its log is a LevelDB log of protocol buffers, of which wandb gives the messages.

The header is `:W&B`, a magic number and a version; blocks of 32 KiB hold pieces of records, each after its checksum,
length and kind (1 whole, 2 first, 3 middle, 4 last). Source: LevelDB's log format, doc/log_format.md.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32768
HEADER = struct.Struct("<4sHB")
PIECE = struct.Struct("<IHB")


def read_records(path: Path) -> list[Any]:
    """Return wandb's records of the log at `path`."""
    from wandb.proto.wandb_internal_pb2 import Record

    return [Record.FromString(content) for content in _join_pieces(path.read_bytes())]


def _join_pieces(content: bytes) -> Iterator[bytes]:
    ident, magic, _ = HEADER.unpack_from(content)
    assert (ident, magic) == (b":W&B", 0xBEE1)
    at, record = HEADER.size, b""
    while at + PIECE.size <= len(content):
        if BLOCK - at % BLOCK < PIECE.size:  # too short for a piece: zeros
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = PIECE.unpack_from(content, at)
        at += PIECE.size
        record += content[at : at + length]
        at += length
        if kind in (1, 4):
            yield record
            record = b""
    assert not record
