"""One published array as bytes: IDX, plain or gzip, or a member of a NumPy archive, which counts as the same IDX.

IDX: two zero bytes, a type byte (0x08: uint8, see `KINDS`), the number of dimensions, each size as a big-endian uint32,
the data row-major. Whatever a file is, no more of it is read or unpacked than its header promises, and none of it if
that is more than any published set of this kind has.
"""

import gzip
import hashlib
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from bnexp.data.sources import File

LIMIT: Final = 2**28
"""Most bytes of an array: five times the largest one here, the 47 MB of MNIST's training images."""

SLACK: Final = 2**16
"""Bytes that are read beyond the promised ones, to say how many there are in a file that is a little too long."""

MOST_DIMENSIONS: Final = 8
"""Of an array whose dimensions are not known beforehand."""

CHUNK: Final = 2**20
"""Bytes that are unpacked at a time."""


KINDS: Final[Mapping[int, "np.dtype[Any]"]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
"""Type bytes of IDX."""


def decode(stream: IO[bytes], file: File) -> NDArray[Any]:
    """Return the array of an IDX file, gzip or plain; raise `ValueError` with what was found instead."""
    return _unpack(stream, lambda content, packed: _decode(content, file, packed))


def decode_any(stream: IO[bytes]) -> NDArray[Any]:
    """Return the array of an IDX file of any type, gzip or plain; raise `ValueError` with what was found instead."""
    return _unpack(stream, lambda content, _: _decode_any(content))


def digest(array: NDArray[Any], kind: int) -> str:
    """Return the sha256 of the IDX file with type byte `kind` that holds `array`."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    content = np.ascontiguousarray(array, KINDS[kind])
    return hashlib.sha256(bytes([0, 0, kind, array.ndim]) + sizes + content.tobytes()).hexdigest()


def _unpack(
    stream: IO[bytes], decode_content: "Callable[[IO[bytes] | gzip.GzipFile, IO[bytes] | None], NDArray[Any]]"
) -> NDArray[Any]:
    """Return what `decode_content` makes of the plain content, and of what it is packed in, if it is."""
    head = stream.read(512)
    stream.seek(0)
    if not head:
        raise ValueError("an empty file")
    if head.lstrip()[:1] == b"<":
        raise ValueError("a web page")
    if not head.startswith(b"\x1f\x8b"):
        return decode_content(stream, None)
    try:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            return decode_content(unpacked, stream)
    except EOFError:
        raise ValueError("a truncated gzip file") from None
    except (gzip.BadGzipFile, zlib.error, struct.error) as error:
        raise ValueError(f"a damaged gzip file ({error})") from None


def _decode(stream: "IO[bytes] | gzip.GzipFile", file: File, packed: IO[bytes] | None) -> NDArray[Any]:
    header = stream.read(4 + 4 * file.dimensions)
    _check_magic(header)
    if (header[2], header[3]) != (file.kind, file.dimensions):
        raise ValueError(
            f"IDX type 0x{header[2]:02x} × {header[3]} dimensions instead of 0x{file.kind:02x} × {file.dimensions}"
        )
    array = _read_promised(stream, header, _read_sizes(header, file.dimensions), file)
    if packed is not None and file.packed:
        _check_packed(packed, file)
    return array


def _decode_any(stream: "IO[bytes] | gzip.GzipFile") -> NDArray[Any]:
    header = stream.read(4)
    _check_magic(header)
    if header[2] not in KINDS or not 1 <= header[3] <= MOST_DIMENSIONS:
        raise ValueError(f"IDX type 0x{header[2]:02x} × {header[3]} dimensions")
    header += stream.read(4 * header[3])
    sizes, kind = _read_sizes(header, header[3]), KINDS[header[2]]
    content = _read_content(stream, header, sizes, kind.itemsize)
    array = np.frombuffer(content, kind, offset=len(header)).reshape(sizes)
    return array.astype(kind.newbyteorder("="), copy=False)


def _check_magic(header: bytes) -> None:
    if header[:2] != b"\0\0" or len(header) < 4:
        raise ValueError(f"no IDX file (it starts with {header[:4]!r})")


def _read_sizes(header: bytes, dimensions: int) -> list[int]:
    return [int.from_bytes(header[i : i + 4], "big") for i in range(4, 4 + 4 * dimensions, 4)]


def _check_packed(packed: IO[bytes], file: File) -> None:
    """Raise `ValueError` unless the digest of the packed bytes is the published one."""
    kind, _, published = file.packed.partition(":")
    packed.seek(0)
    hashed = hashlib.new(kind, usedforsecurity=False)
    while chunk := packed.read(CHUNK):
        hashed.update(chunk)
    if hashed.hexdigest() != published:
        raise ValueError(f"a .gz with {kind} {hashed.hexdigest()} instead of {published}")


def decode_member(stream: IO[bytes], file: File, member: str) -> NDArray[Any]:
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
) -> NDArray[Any]:
    """Return the array that follows in `stream`, if `header` and what comes are the bytes that were published."""
    kind = KINDS[file.kind]
    length = 4 + 4 * len(sizes) + math.prod(sizes) * kind.itemsize
    if length > LIMIT:
        shape = " × ".join(map(str, sizes))
        raise ValueError(f"sizes {shape} that need {length} bytes, more than the {LIMIT} that an array may have")
    content = _read_content(stream, header, sizes, kind.itemsize)
    if file.sha256 is not None and (sha256 := hashlib.sha256(content).hexdigest()) != file.sha256:
        raise ValueError(f"content with sha256 {sha256} instead of {file.sha256}")
    return np.frombuffer(content, kind, offset=len(header)).reshape(sizes)


def _read_content(stream: "IO[bytes] | gzip.GzipFile", header: bytes, sizes: Sequence[int], itemsize: int) -> bytearray:
    """Return `header` and what follows in `stream`; raise `ValueError` if that is not as much as `sizes` promise."""
    shape, length = " × ".join(map(str, sizes)), 4 + 4 * len(sizes) + math.prod(sizes) * itemsize
    content = bytearray(header)
    while (left := length + SLACK - len(content)) > 0 and (chunk := stream.read(min(CHUNK, left))):
        content += chunk
    if len(content) != length:
        more = "or more " if left <= 0 else ""
        raise ValueError(f"{len(content)} {more}bytes where its sizes {shape} need {length}")
    return content
