"""One published array as bytes: IDX, plain or gzip, or a member of a NumPy archive, which counts as the same IDX.

IDX: two zero bytes, a type byte (0x08: uint8), the number of dimensions, each size as a big-endian uint32, the data
row-major. Whatever a file is, no more of it is read or unpacked than its header promises, and none of it if that is
more than any set of this kind has.
"""

import gzip
import hashlib
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from bnexp.data.sources import File

LIMIT: Final = 2**28
"""Most bytes of an array: five times the largest one here, the 47 MB of MNIST's training images."""

SLACK: Final = 2**16
"""Bytes that are read beyond the promised ones, to say how many there are in a file that is a little too long."""

CHUNK: Final = 2**20
"""Bytes that are unpacked at a time."""


def decode(stream: IO[bytes], file: File) -> NDArray[np.uint8]:
    """Return the array of an IDX file, gzip or plain; raise `ValueError` with what was found instead."""
    head = stream.read(512)
    stream.seek(0)
    if not head:
        raise ValueError("an empty file")
    if head.lstrip()[:1] == b"<":
        raise ValueError("a web page")
    if not head.startswith(b"\x1f\x8b"):
        return _decode(stream, file)
    try:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            return _decode(unpacked, file)
    except EOFError:
        raise ValueError("a truncated gzip file") from None
    except (gzip.BadGzipFile, zlib.error, struct.error) as error:
        raise ValueError(f"a damaged gzip file ({error})") from None


def _decode(stream: "IO[bytes] | gzip.GzipFile", file: File) -> NDArray[np.uint8]:
    header = stream.read(4 + 4 * file.dimensions)
    if header[:2] != b"\0\0" or len(header) < 4:
        raise ValueError(f"no IDX file (it starts with {header[:4]!r})")
    if (header[2], header[3]) != (0x08, file.dimensions):
        raise ValueError(f"IDX type 0x{header[2]:02x} × {header[3]} dimensions instead of 0x08 × {file.dimensions}")
    sizes = [int.from_bytes(header[i : i + 4], "big") for i in range(4, 4 + 4 * file.dimensions, 4)]
    return _read_promised(stream, header, sizes, file)


def decode_member(stream: IO[bytes], file: File, member: str) -> NDArray[np.uint8]:
    """Return the array `member` of a NumPy archive (.npz), whose content as IDX must be that of `file`.

    Raises `ValueError` with what was found instead. No pickle is read.
    """
    try:
        with zipfile.ZipFile(stream) as archive, archive.open(f"{member}.npy") as content:
            sizes = _read_npy_header(content, file.dimensions)
            header = bytes([0, 0, 0x08, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
            return _read_promised(content, header, sizes, file)
    except KeyError:
        raise ValueError(f"no array {member}") from None
    except EOFError:
        raise ValueError(f"a truncated array {member}") from None
    # What zipfile raises for archives that are damaged, encrypted, or packed in a way that it does not know.
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, OverflowError) as error:
        raise ValueError(f"a damaged NumPy archive ({error})") from None


def _read_npy_header(content: IO[bytes], dimensions: int) -> tuple[int, ...]:
    """Return the sizes of an array of uint8; its bytes come next."""
    version = np.lib.format.read_magic(content)
    if version != (1, 0):
        raise ValueError(f"an array in version {version} of its format instead of (1, 0)")
    try:
        sizes, fortran, dtype = np.lib.format.read_array_header_1_0(content)
    except (TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise ValueError(f"an array without a header ({error})") from None
    if dtype != np.uint8 or fortran:
        raise ValueError(f"an array of {dtype}{' by columns' if fortran else ''} instead of uint8 by rows")
    if len(sizes) != dimensions or not all(0 <= size < 2**32 for size in sizes):
        raise ValueError(f"an array of the sizes {sizes} instead of {dimensions}")
    return sizes


def _read_promised(
    stream: "IO[bytes] | gzip.GzipFile", header: bytes, sizes: Sequence[int], file: File
) -> NDArray[np.uint8]:
    """Return the array that follows in `stream`, if `header` and what comes are the bytes that were published."""
    start, shape = 4 + 4 * file.dimensions, " × ".join(map(str, sizes))
    length = start + math.prod(sizes)
    if length > LIMIT:
        raise ValueError(f"sizes {shape} that need {length} bytes, more than the {LIMIT} that an array may have")
    content = bytearray(header)
    while (left := length + SLACK - len(content)) > 0 and (chunk := stream.read(min(CHUNK, left))):
        content += chunk
    if len(content) != length:
        more = "or more " if left <= 0 else ""
        raise ValueError(f"{len(content)} {more}bytes where its sizes {shape} need {length}")
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != file.sha256:
        raise ValueError(f"content with sha256 {sha256} instead of {file.sha256}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)
