"""The reader of published files: it believes no header, and unpacks no more than a header promises."""

import gzip
import hashlib
import io
import random
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnexp.data.idx import LIMIT, SLACK, decode, decode_member
from bnexp.data.sources import File
from tests.support.fuzzing import QUICK, damage, damaged, fuzz

IMAGES = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)


def header(*sizes: int) -> bytes:
    return struct.pack(f">BBBB{len(sizes)}I", 0, 0, 8, len(sizes), *sizes)


CONTENT = header(*IMAGES.shape) + IMAGES.tobytes()
FILE = File("images", 3, hashlib.sha256(CONTENT).hexdigest())


@contextmanager
def no_more_than(most: int) -> Iterator[None]:
    """Fail if more bytes than `most` are allocated at once, by Python or NumPy."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


class Endless(io.RawIOBase):
    """What begins with `start` and goes on with `block` for ever."""

    def __init__(self, start: bytes, block: bytes) -> None:
        self.start, self.block, self.place, self.told = start, block, 0, 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0
        self.told += size
        assert self.told < 2**28
        begin, self.place = self.place, self.place + size
        content = self.start[begin : self.place]
        return content + (self.block * (size // len(self.block) + 1))[: size - len(content)]

    def seek(self, place: int, whence: int = 0) -> int:
        assert (place, whence) == (0, 0)
        self.place = 0
        return 0


def npy(descr: str, shape: str, data: bytes = b"", fortran: bool = False) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def archive(member: bytes, name: str = "x_train.npy") -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, member)
    stream.seek(0)
    return stream


def test_an_array_comes_out_as_it_went_in() -> None:
    assert (decode(io.BytesIO(CONTENT), FILE) == IMAGES).all()
    assert (decode(io.BytesIO(gzip.compress(CONTENT)), FILE) == IMAGES).all()
    assert (decode_member(archive(npy("'|u1'", "(5, 2, 3)", IMAGES.tobytes())), FILE, "x_train") == IMAGES).all()


@pytest.mark.parametrize("sizes", [(2**32 - 1,) * 3, (10**6, 10**3, 10**3), (LIMIT, 1, 1)])
def test_a_header_that_promises_terabytes_is_refused_before_anything_is_allocated(sizes: tuple[int, ...]) -> None:
    promised = header(*sizes)
    streams: list[Any] = [io.BytesIO(promised + bytes(99)), io.BytesIO(gzip.compress(promised + bytes(99)))]
    streams.append(Endless(promised, b"\0"))
    for stream in streams:
        with no_more_than(2**19), pytest.raises(ValueError, match=f"more than the {LIMIT} that an array may have"):
            decode(stream, FILE)
    with no_more_than(2**19), pytest.raises(ValueError, match=f"more than the {LIMIT} that an array may have"):
        decode_member(archive(npy("'|u1'", str(sizes))), FILE, "x_train")


def test_a_file_that_holds_less_than_it_promises_costs_what_it_holds() -> None:
    with no_more_than(2**22), pytest.raises(ValueError, match=r"115 bytes where its sizes 1000 × 1000 × 200 need"):
        decode(io.BytesIO(gzip.compress(header(1000, 1000, 200) + bytes(99))), FILE)


def test_a_gz_that_expands_without_end_is_stopped() -> None:
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(CONTENT) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    stream: Any = Endless(start, block)
    with no_more_than(2**24), pytest.raises(ValueError, match=f"{len(CONTENT) + SLACK} or more bytes where its sizes"):
        decode(stream, FILE)
    assert stream.told < 2**20


def test_an_archive_that_expands_without_end_is_stopped() -> None:
    bomb = archive(npy("'|u1'", "(5, 2, 3)", bytes(2**26)))
    with no_more_than(2**23), pytest.raises(ValueError, match="or more bytes where its sizes 5 × 2 × 3 need 46"):
        decode_member(bomb, FILE, "x_train")


DAMAGED = {
    "no member": (archive(b"", "y_train.npy"), "no array x_train"),
    "empty": (archive(b""), "magic string"),
    "a pickle": (
        archive(npy("'|O'", "(5, 2, 3)", b"cos\nsystem\n(S'true'\ntR.")),
        "an array of object instead of uint8",
    ),
    "floats": (archive(npy("'<f8'", "(5, 2, 3)")), "an array of float64 instead of uint8"),
    "columns": (archive(npy("'|u1'", "(5, 2, 3)", IMAGES.tobytes(), fortran=True)), "an array of uint8 by columns"),
    "negative": (archive(npy("'|u1'", "(-5, 2, 3)")), "an array of the sizes"),
    "flat": (archive(npy("'|u1'", "(30,)", IMAGES.tobytes())), "an array of the sizes"),
    "cut off": (
        archive(npy("'|u1'", "(5, 2, 3)", IMAGES.tobytes()[:-1])),
        "45 bytes where its sizes",
    ),
    "version": (archive(b"\x93NUMPY\x07\x00" + bytes(99)), "version"),
    "code": (archive(npy("__import__('os')", "(5, 2, 3)")), "."),
    "no end": (archive(npy("('|u1'", "(5, 2, 3)")), "an array without a header"),
    "a dedent": (archive(npy("'|u1'}\n  1\n 2{", "(5, 2, 3)")), "an array without a header"),
    "no archive": (io.BytesIO(b"PK\3\4" + bytes(99)), "a damaged NumPy archive"),
    "nothing": (io.BytesIO(), "a damaged NumPy archive"),
    "other content": (archive(npy("'|u1'", "(5, 2, 3)", bytes(30))), "content with sha256"),
}


@pytest.mark.parametrize(("stream", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_archive_is_told_by_what_is_wrong(stream: io.BytesIO, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_member(stream, FILE, "x_train")


PACKED = gzip.compress(CONTENT, mtime=0)
MEMBER = npy("'|u1'", "(5, 2, 3)", IMAGES.tobytes())
ARCHIVED = archive(MEMBER).getvalue()
SIZES = st.lists(st.one_of(st.integers(0, 9), st.integers(0, 2**32 - 1)), max_size=4)
FILES = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda sizes, data: header(*sizes) + data, SIZES, st.binary(max_size=100)),
    st.builds(lambda sizes, data: gzip.compress(header(*sizes) + data, 1), SIZES, st.binary(max_size=100)),
    st.builds(lambda shape, data: archive(npy("'|u1'", str(shape), data)).getvalue(), SIZES, st.binary(max_size=99)),
    damaged(CONTENT),
    damaged(PACKED),
    damaged(ARCHIVED),
)


def check(content: bytes) -> None:
    """Whatever a file holds, it is the published array or a `ValueError`."""
    for reader in (lambda stream: decode(stream, FILE), lambda stream: decode_member(stream, FILE, "x_train")):
        try:
            array = reader(io.BytesIO(content))
        except ValueError:
            continue
        np.testing.assert_array_equal(array, IMAGES)


@QUICK
@given(FILES)
def test_no_file_whatever_it_holds_is_taken_for_a_published_one_or_ends_in_another_error(content: bytes) -> None:
    check(content)


def vary(rng: random.Random, content: bytes) -> bytes:
    """Return bytes like `content`, or a damaged array in a container that is whole: digests would stop it outside."""
    match rng.randrange(8):
        case 0:
            return gzip.compress(damage(rng, CONTENT), 1)
        case 1:
            return archive(damage(rng, MEMBER)).getvalue()
        case 2:
            return damage(rng, rng.choice((CONTENT, PACKED, ARCHIVED)))
    return damage(rng, content)


@pytest.mark.fuzz
def test_a_million_files_end_in_a_sentence_and_in_no_memory() -> None:
    assert fuzz(check, FILES, vary, 1_000_000) < 2**28
