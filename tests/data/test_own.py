"""Data of one's own: the same numbers are the same data in whichever form, and what cannot be read is one sentence."""

import contextlib
import csv
import gzip
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bnexp.data.datasets import Data, load_file
from bnexp.data.requests import OwnFile, decode_own_file
from bnexp.data.splits import draw_stratified
from bnexp.errors import UserError
from bnexp.runs import Run, identity


def idx(array: NDArray[Any], kind: int = 8) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def images(n: int = 60, classes: int = 4, first: int = 0, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 2, 3), np.uint8), (np.arange(n) % classes + first).astype(np.uint8)


def write_csv(path: Path, x: NDArray[Any], y: NDArray[Any], header: bool = True) -> Path:
    flat = x.reshape(len(x), -1)
    rows = [[*row.tolist(), label] for row, label in zip(flat, y.tolist(), strict=True)]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[*(f"p{d}" for d in range(flat.shape[1])), "class"], *rows] if header else rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_idx(folder: Path, x: NDArray[Any], y: NDArray[Any], name: str = "train", packed: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-images-idx3-ubyte{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(idx(x)) if packed else idx(x))
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx(y))
    return path


def write_npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def arrays(data: Data) -> list[NDArray[Any]]:
    return [
        *(data.x_train_ND, data.x_validation_ND, data.x_test_ND),
        *(data.y_train_N, data.y_validation_N, data.y_test_N),
    ]


def same(a: Data, b: Data) -> bool:
    return a.digest == b.digest and all(map(np.array_equal, arrays(a), arrays(b)))


def table(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


ROWS = "".join(f"{n},{n * n / 7},{n % 2}\n" for n in range(12))


# One content, many forms


def write_forms(folder: Path) -> list[Path]:
    x, y = images()
    return [
        write_npz(folder / "a.npz", x=x, y=y),
        write_npz(folder / "b.npz", X=x.astype(np.float64), Y=y[:, None].astype(np.float32)),
        write_npz(folder / "c.npz", images=x.reshape(len(x), -1), labels=y.astype(np.int64)),
        write_csv(folder / "d.csv", x, y),
        write_csv(folder / "e.csv.gz", x, y, header=False),
        write_idx(folder / "f", x, y).parent,
        write_idx(folder / "g", x, y, "mine", packed=False),
    ]


def test_the_same_numbers_are_the_same_data_and_the_same_run_in_whichever_form(tmp_path: Path) -> None:
    data = [load_file(path) for path in write_forms(tmp_path)]
    assert all(same(data[0], other) for other in data[1:])
    assert [one.name for one in data] == ["a.npz", "b.npz", "c.npz", "d.csv", "e.csv.gz", "f", "mine-images-idx3-ubyte"]
    runs = [Run(data=one.name, data_train=40, data_validation=8, batch_size=8, steps=1, evaluate=1) for one in data]
    assert len({identity(run, one.digest) for run, one in zip(runs, data, strict=True)}) == 1


def test_pixels_are_scaled_as_those_of_a_published_set(tmp_path: Path) -> None:
    x, y = images()
    data = load_file(write_npz(tmp_path / "a.npz", x=x, y=y))
    joined = np.concatenate(arrays(data)[:3])
    assert set(map(bytes, joined)) == set(map(bytes, np.divide(x.reshape(60, -1), x.max(), dtype=np.float32)))


def test_another_number_another_split_or_another_scale_is_another_content(tmp_path: Path) -> None:
    x, y = images()
    path, other = write_npz(tmp_path / "a.npz", x=x, y=y), x.copy()
    other[-1, -1, -1] ^= 1
    changed = write_npz(tmp_path / "b.npz", x=other, y=y)
    ways: list[dict[str, Any]] = [{}, {"test": 0.3}, {"scale": 2.0}, {"transpose": True}]
    assert len({load_file(path, **way).digest for way in ways} | {load_file(changed).digest}) == 5
    assert load_file(path, train=20, validation=5, standardize="feature").digest == load_file(path).digest


@given(st.integers(2, 40), st.integers(1, 5), st.integers(2, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_table_of_any_numbers_is_read_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, n: int, features: int, classes: int, seed: int
) -> None:
    rng, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("own")
    x = rng.normal(size=(n + 8, features)).astype(np.float32) * np.float32(10.0) ** rng.integers(-9, 9)
    y = np.arange(n + 8) % classes - 1
    assert same(load_file(write_csv(folder / "t.csv", x, y)), load_file(write_npz(folder / "t.npz", x=x, y=y)))


@pytest.mark.parametrize(
    "names",
    [("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels")],
)
def test_an_archive_brings_its_own_test_set(tmp_path: Path, names: tuple[str, ...]) -> None:
    (x, y), (x_test, y_test) = images(40), images(9, seed=1)
    path = write_npz(tmp_path / "a.npz", **dict(zip(names, (x, y, x_test, y_test), strict=True)))
    data = load_file(path)
    assert np.array_equal(data.y_test_N, y_test)
    folder = write_idx(tmp_path / "f", x, y).parent
    write_idx(folder, x_test, y_test, "t10k")
    apart = load_file(write_npz(tmp_path / "b.npz", x=x, y=y), test=write_csv(tmp_path / "t.csv", x_test, y_test))
    assert same(data, load_file(folder))
    assert same(data, apart)
    with pytest.raises(UserError, match=r"must have no test set of its own beside data\.test; got both"):
        load_file(path, test=0.5)


def test_images_are_transposed_when_asked(tmp_path: Path) -> None:
    x, y = images()
    path = write_idx(tmp_path / "f", x.swapaxes(1, 2).copy(), y)
    assert same(load_file(path, transpose=True), load_file(write_npz(tmp_path / "a.npz", x=x, y=y)))


def test_the_labels_of_qmnist_are_its_first_column_and_those_of_emnist_count_from_1(tmp_path: Path) -> None:
    x, y = images(first=1)
    folder = write_idx(tmp_path / "f", x, y).parent
    (folder / "train-labels-idx1-ubyte").unlink()
    columns = np.zeros((len(y), 8), ">i4")
    columns[:, 0] = y
    (folder / "train-labels-idx2-int").write_bytes(idx(columns, 0x0C))
    data = load_file(folder)
    assert same(data, load_file(write_npz(tmp_path / "a.npz", x=x, y=y - 1)))
    assert "4 classes (1, 2, 3, 4), counted from 0" in data.about


# What is decided, and said


def test_classes_are_counted_in_their_order_whatever_they_are_called(tmp_path: Path) -> None:
    x, _ = images(30)
    for labels in ([-5, 7, 1000], ["ant", "bee", "cat"], [0.0, 2.0, 4.0]):
        y = np.array(labels)[np.arange(30) % 3]
        one, other = (
            load_file(path) for path in (write_npz(tmp_path / "a.npz", x=x, y=y), write_csv(tmp_path / "t.csv", x, y))
        )
        assert same(one, other)
        assert sorted(set(one.y_train_N)) == [0, 1, 2]
        assert ", ".join(map(str, sorted(set(y.tolist())))).replace(".0", "") in one.about


def test_a_fifth_of_each_class_is_the_test_set_and_a_class_of_one_stays_for_training(tmp_path: Path) -> None:
    x, _ = images(51)
    y = np.array([0] * 30 + [1] * 20 + [2])
    data = load_file(write_npz(tmp_path / "a.npz", x=x, y=y))
    assert np.bincount(data.y_test_N).tolist() == [6, 4]
    assert 2 in data.y_train_N
    assert "one training example of class 2" in data.about
    assert "the tests are 20 % of the file, stratified by class and drawn once" in data.about


def test_classes_of_one_stay_for_training_even_where_their_share_would_be_rounded_up(tmp_path: Path) -> None:
    y = np.array([0] * 40 + list(range(1, 11)))
    data = load_file(write_npz(tmp_path / "a.npz", x=images(50)[0], y=y))
    assert data.y_test_N.tolist() == [0] * 10


def test_only_counts_are_scaled_and_measures_are_as_they_were(tmp_path: Path) -> None:
    x = np.linspace(0, 13, 60).reshape(30, 2)
    data = load_file(write_npz(tmp_path / "a.npz", x=x, y=np.arange(30) % 2))
    assert set(map(bytes, np.concatenate(arrays(data)[:3]))) == set(map(bytes, x.astype(np.float32)))


def test_a_class_that_only_the_test_set_has_is_said(tmp_path: Path) -> None:
    (x, y), (x_test, _) = images(40), images(9)
    data = load_file(write_npz(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x_test, y_test=np.arange(9) % 5))
    assert data.classes == 5
    assert "no training example of class 4" in data.about


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_a_stratified_draw_has_its_size_and_leaves_one_of_each_class_if_it_can(
    counts: list[int], draw: st.DataObject
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    size = draw.draw(st.integers(0, len(y)))
    mask = draw_stratified(y, size, "test", keep=1)
    assert mask.sum() == size
    if size <= len(y) - len(counts):
        assert set(y[~mask]) == set(range(len(counts)))


def test_features_are_standardised_by_the_training_part_and_constant_ones_are_safe(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)) * [1, 1000, 0] + [0, 5, 0.1]
    path = write_npz(tmp_path / "a.npz", x=x, y=np.arange(60) % 2)
    plain, data = load_file(path), load_file(path, standardize="feature")
    train = plain.x_train_ND.astype(np.float64)
    for part, raw in zip(arrays(data)[:3], arrays(plain)[:3], strict=True):
        expected = (raw[:, :2].astype(np.float64) - train[:, :2].mean(0)) / train[:, :2].std(0)
        np.testing.assert_allclose(part[:, :2], expected, rtol=0, atol=1e-6)
        assert np.abs(part[:, 2]).max() < 1e-6
    assert "1 of the features do not vary in the training part" in data.about
    assert "for which data.standardize=feature is made" in data.about


@pytest.mark.parametrize("label", ["kind", "2", "-2"])
def test_any_column_of_a_table_may_be_the_class(tmp_path: Path, label: str) -> None:
    text = "a,kind,b\n" + "".join(f"{n},{n % 2},{n * n}\n" for n in range(12))
    expected = "".join(f"{n},{n * n},{n % 2}\n" for n in range(12))
    assert same(load_file(table(tmp_path, text), label=label), load_file(table(tmp_path, expected, "u.csv")))


@pytest.mark.parametrize(
    "change", [lambda t: "\ufeffa,b,c\n" + t, lambda t: t.replace("\n", "\r\n"), lambda t: t + "\n\n"]
)
def test_marks_of_spreadsheets_make_no_difference(tmp_path: Path, change: Callable[[str], str]) -> None:
    assert same(load_file(table(tmp_path, change(ROWS))), load_file(table(tmp_path, ROWS, "u.csv")))


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = table(tmp_path, ROWS)
    before = load_file(path).digest
    table(tmp_path, ROWS + "99,1,1\n")
    assert load_file(path).digest != before
    with pytest.raises(UserError, match=rf"must hold what data.digest={before[8:20]} says; got the digest"):
        load_file(path, digest=before[:20])


def test_a_store_can_say_again_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = images()
    write_npz(tmp_path / "a.npz", x=x, y=y)
    monkeypatch.chdir(tmp_path)
    data = load_file("a.npz", name="mine", test=0.3, transpose=True, scale=3)
    assert data.file is not None
    again = decode_own_file("mine", data.file.encode(), data.digest)
    assert Path(again.path) == tmp_path / "a.npz"
    monkeypatch.chdir("/")
    assert same(load_file(again), data)


# What cannot be read

LONG = "1,2,0\n" * 6
WRONG_TABLES = [
    ("", "an empty file"),
    ("a,b,c\n", "a header without rows"),
    (LONG + "1,,0\n", "a missing value in row 7, column 2, instead of a finite number"),
    ("a,b,c\n" + LONG + "1,NA,0\n", "'NA' in row 8, column 2 ('b'), instead of a finite number"),
    (LONG + "nan,1,0\n", "'nan' in row 7, column 1, instead of a finite number"),
    (LONG + "1,-inf,0\n", "'-inf' in row 7, column 2, instead of a finite number"),
    (LONG + "1,1e39,0\n", "'1e39' in row 7, column 2, instead of a finite number"),
    (LONG + "1,2,\n", "nothing in row 7, column 3, instead of a class"),
    (LONG + "1,2,x\n", "numbers and words in column 3, such as '0' and 'x', instead of one of them"),
    (LONG + "1,2\n", "2 columns in row 7 where the first row has 3"),
    ("a,b,c\n" + LONG + "a,b,c\n", "the header once more in row 8"),
    ("1;2;0\n", "columns that are separated by semicolons instead of commas"),
    ("1\n2\n", "one column instead of inputs and a class"),
    (b"\xff\xfe1\x00", "text that is not UTF-8 (byte 0xff)"),
    (LONG, "a single class (0)"),
    ("1,2,0.5\n1,2,1\n", "the label 0.5 of example 1 instead of a whole number"),
    ("".join(f"1,2,{n}\n" for n in range(1001)), "1001 different labels, more than the 1000 classes that there may be"),
    ("1,2,0\n1,2,1\n1,3,0\n", "3, of which data.test=0.2 takes 1"),
]


@pytest.mark.parametrize(("text", "found"), WRONG_TABLES, ids=[found[:40] for _, found in WRONG_TABLES])
def test_a_table_that_is_none_is_one_sentence_with_row_and_column(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(UserError) as error:
        load_file(table(tmp_path, text))
    assert " must " in str(error.value)
    assert f"; got {found}: " in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("0", "no column '0' but the columns a, b, b"),
        ("d", "no column 'd' but the columns a, b, b"),
        ("4", "no column '4'"),
        ("b", "2 columns that are called 'b'"),
    ],
)
def test_a_column_that_is_not_there_or_there_twice_is_one_sentence(tmp_path: Path, label: str, found: str) -> None:
    with pytest.raises(UserError, match=found):
        load_file(table(tmp_path, "a,b,b\n" + ROWS), label=label)


X, Y = images(12)
WRONG_ARCHIVES: list[tuple[dict[str, Any], str]] = [
    ({"x": X}, "the arrays x instead of x_train, y_train, x_test, y_test or"),
    ({"x": X, "y": Y[:-1]}, "12 examples and 11 labels"),
    ({"x": X[:, 0, 0], "y": Y}, "an array of the sizes (12,)"),
    ({"x": X, "y": np.eye(12)}, "labels of the sizes 12 × 12 instead of one for each example"),
    ({"x": X.astype(str), "y": Y}, "an array of type <U3"),
    ({"x": X.astype(complex), "y": Y}, "an array of type complex128"),
    ({"x": np.full((12, 2), np.nan), "y": Y}, "nan in example 1, feature 1"),
    ({"x": np.full((12, 2), 1e300), "y": Y}, "1e+300 in example 1, feature 1"),
    ({"x": X[:0], "y": Y[:0]}, "none"),
    ({"x": X[:, :0], "y": Y}, "none"),
    ({"x": np.array([None] * 12), "y": Y}, "Object arrays cannot be loaded when allow_pickle=False"),
    ({"x_train": X, "y_train": Y, "x_test": X[:, :1], "y_test": Y}, "6 and 3"),
    ({"x_train": X, "y_train": Y, "x_test": X, "y_test": Y.astype(str)}, "names of classes in one part"),
    ({"x": X, "y": Y.astype(complex)}, "labels of type complex128 instead of numbers or texts"),
]


@pytest.mark.parametrize(("content", "found"), WRONG_ARCHIVES, ids=[found[:40] for _, found in WRONG_ARCHIVES])
def test_an_archive_that_is_none_is_one_sentence(tmp_path: Path, content: dict[str, Any], found: str) -> None:
    with pytest.raises(UserError) as error:
        load_file(write_npz(tmp_path / "a.npz", **content))
    assert f"; got {found}" in str(error.value)
    assert "\n" not in str(error.value)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_archive_is_read_or_told_as_the_users(
    tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("own")
    path = write_npz(folder / "a.npz", x=X, y=Y)
    content = bytearray(path.read_bytes())
    content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    path.write_bytes(content[: draw.draw(st.integers(0, len(content)))] if draw.draw(st.booleans()) else content)
    with contextlib.suppress(UserError):
        load_file(path)


def test_a_folder_of_images_must_hold_one_set_and_its_labels(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    with pytest.raises(UserError, match=r"a folder without a file of images \(0 files in it\)"):
        load_file(folder)
    write_idx(folder, X, Y, "letters-train")
    (folder / "letters-train-labels-idx1-ubyte").unlink()
    with pytest.raises(UserError, match="none for the labels of letters-train-images-idx3-ubyte"):
        load_file(folder)
    write_idx(folder, X, Y, "letters-train")
    assert len(load_file(folder).y_train_N) == 9
    write_idx(folder, X, Y, "digits-train")
    with pytest.raises(
        UserError, match="a folder with the images digits-train-images-idx3-ubyte, letters-train-images"
    ):
        load_file(folder)
    (folder / "digits-train-images-idx3-ubyte").write_bytes(b"<html>")
    with pytest.raises(UserError, match="ubyte, which is a web page"):
        load_file(folder / "digits-train-images-idx3-ubyte")


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        ({"name": "mnist"}, "data.name must not be that of a data set of bnexp; got 'mnist'"),
        ({"name": "a\nb"}, "data.name must hold no control characters"),
        ({"name": "file"}, "data.name must have 1 to 80 signs"),
        ({"test": 1.0}, "data.test must be a file, or a share above 0 and below 1; got 1"),
        ({"scale": float("nan")}, "data.scale must be a finite number greater than 0; got nan"),
        ({"digest": "xyz"}, "data.digest must be at least 8 hex digits"),
    ],
)
def test_a_wish_that_cannot_be_is_one_sentence(wish: dict[str, Any], found: str) -> None:
    with pytest.raises(UserError, match=found):
        OwnFile("a.npz", **wish)
