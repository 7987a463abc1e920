"""Data sets: what is read is what was published, the same for everybody, and what goes wrong is said in one sentence.

Tiny data sets stand in for MNIST: the same four IDX files, with 40 + 10 images of 2×3 pixels, on a server of our own.
"""

import gzip
import hashlib
import io
import os
import re
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bnexp.data import datasets, download, packaged
from bnexp.data.datasets import Data
from bnexp.data.idx import decode
from bnexp.data.sources import DIGITS, SETS, SOURCES, File, Source, count_training_examples
from bnexp.data.splits import draw_stratified
from bnexp.errors import UserError
from bnexp.files import cache_folder

ROOT = Path(__file__).parents[2]
NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
IMAGES, LABELS = NAMES[:2]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the data of the person who runs it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home/.cache"))


def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def tiny(seed: int = 0, images: int = 40, labels: int = 40, highest: int = 3) -> dict[str, bytes]:
    """Content of the four files of a set with 4 classes; `highest` is the largest training label."""
    rng = np.random.default_rng(seed)
    arrays = [
        rng.integers(0, 256, (images, 2, 3), np.uint8),
        (rng.permutation(labels) % 4).astype(np.uint8),
        rng.integers(0, 256, (10, 2, 3), np.uint8),
        (np.arange(10) % 4).astype(np.uint8),
    ]
    arrays[1][arrays[1] == 3] = highest
    return dict(zip(NAMES, map(idx, arrays), strict=True))


def published(contents: dict[str, bytes], mirrors: tuple[str, ...] = (), name: str = "tiny") -> Source:
    files = [File(n, 3 if "idx3" in n else 1, hashlib.sha256(c).hexdigest()) for n, c in contents.items()]
    return Source(name, name, 6, 4, 40, 8, folders=(name, f"{name.upper()}/raw"), files=tuple(files), mirrors=mirrors)


def write(folder: Path, contents: dict[str, bytes], packed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)
    return folder


def read(source: Source, root: Path | None, train: int | None = None, standardize: bool = False) -> Data:
    return datasets.prepare(source, root, train, None, standardize)


def sentence(error: "pytest.ExceptionInfo[ValueError]") -> str:
    """The error's text, held to the house's form: what must hold; what was found; what to do, on one line."""
    text = str(error.value)
    must, found = text.split("; got ", maxsplit=1)
    assert " must " in must
    assert ": " in found
    assert "\n" not in text
    return text


@dataclass
class Mirror:
    """A server on this machine that counts what it is asked for; each of its folders is a mirror."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    broken_off: set[str] = field(default_factory=set)
    address: str = ""

    def serve(self, folder: str, contents: dict[str, bytes]) -> str:
        self.bodies |= {f"/{folder}/{name}.gz": gzip.compress(content) for name, content in contents.items()}
        return f"{self.address}/{folder}/"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    it = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            it.asked[self.path] += 1
            time.sleep(0.02)  # long enough that downloads which are not locked out meet
            body = it.bodies.get(self.path, b"<html>not here</html>")
            self.send_response(200 if self.path in it.bodies else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:50] if self.path in it.broken_off else body)

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        it.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield it
        server.shutdown()
        thread.join()


# What is read


@pytest.fixture(scope="module")
def mnist(mnist_root: Path) -> Data:
    return datasets.load("mnist", root=mnist_root, train=None, validation=None, standardize=False)


@pytest.fixture(scope="module")
def digits() -> Data:
    return datasets.load("digits", root=None, train=None, validation=None, standardize=False)


def parts(d: Data) -> list[NDArray[np.float32]]:
    return [d.x_train_ND, d.x_validation_ND, d.x_test_ND]


def labels_of(d: Data) -> list[NDArray[np.int64]]:
    return [d.y_train_N, d.y_validation_N, d.y_test_N]


def test_real_mnist_has_the_published_class_counts_and_a_stratified_validation_part(mnist: Data) -> None:
    published_counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    train, validation = (np.bincount(y) for y in (mnist.y_train_N, mnist.y_validation_N))
    assert list(train + validation) == published_counts
    assert validation.sum() == 10_000
    assert np.abs(validation - np.array(published_counts) / 6).max() < 1
    assert list(np.bincount(mnist.y_test_N)) == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_the_values_of_a_data_set_are_those_of_its_files(mnist: Data, digits: Data) -> None:
    for name, data in (("mnist", mnist), ("digits", digits)):
        source, labels = SOURCES[name], np.concatenate(labels_of(data)[:2])
        assert {x_ND.shape[1] for x_ND in parts(data)} == {source.features}
        assert (len(labels), len(np.unique(labels))) == (source.examples, source.classes)


def test_real_mnist_has_the_known_mean_and_deviation(mnist: Data) -> None:
    # 0.1307 and 0.3081 are the numbers of every MNIST tutorial, for all 60,000 images.
    x_ND = np.concatenate([mnist.x_train_ND, mnist.x_validation_ND])
    assert x_ND.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert x_ND.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
    assert (x_ND.min(), x_ND.max()) == (0, 1)


def test_training_examples_keep_the_order_of_the_file_and_labels_stay_with_their_images(tmp_path: Path) -> None:
    contents = tiny()
    x_ND = np.frombuffer(contents[IMAGES][16:], np.uint8).reshape(40, 6)
    y_N = np.frombuffer(contents[LABELS][8:], np.uint8)
    got = read(published(contents), write(tmp_path, contents))
    position = {bytes(x): i for i, x in enumerate(x_ND)}
    for x, y in ((got.x_train_ND, got.y_train_N), (got.x_validation_ND, got.y_validation_N)):
        places = [position[bytes(row)] for row in np.round(x * 255).astype(np.uint8)]
        assert places == sorted(places)
        assert list(y_N[places]) == list(y)
        assert (x == x_ND[places] / np.float32(255)).all()
    assert len(got.x_train_ND) == 32
    assert len({bytes(x) for part in (got.x_train_ND, got.x_validation_ND, got.x_test_ND) for x in part}) == 50


def test_a_smaller_training_part_is_the_beginning_of_a_larger_one_and_validation_stays(tmp_path: Path) -> None:
    contents = tiny()
    whole, few = (read(published(contents), write(tmp_path, contents), train) for train in (None, 5))
    assert (few.x_train_ND == whole.x_train_ND[:5]).all()
    assert list(few.y_train_N) == list(whole.y_train_N[:5])
    assert (few.x_validation_ND == whole.x_validation_ND).all()


def test_gz_and_plain_files_hold_the_same_data_with_the_same_digest(tmp_path: Path) -> None:
    contents = tiny()
    a = read(published(contents), write(tmp_path / "a", contents))
    b = read(published(contents), write(tmp_path / "b", contents, packed=False), train=7, standardize=True)
    assert a.digest == b.digest
    assert (a.y_validation_N == b.y_validation_N).all()


def test_other_content_has_another_digest(tmp_path: Path) -> None:
    one, other = tiny(), tiny(seed=1)
    a, b = (read(published(c), write(tmp_path / str(i), c)) for i, c in enumerate((one, other)))
    assert a.digest != b.digest


def test_standardising_uses_the_used_training_examples_only(tmp_path: Path) -> None:
    contents = tiny()
    plain, standard = (read(published(contents), write(tmp_path, contents), 9, standardize=s) for s in (False, True))
    mean, deviation = plain.x_train_ND.mean(), plain.x_train_ND.std()
    for a, b in zip(parts(plain), parts(standard), strict=True):
        assert b == pytest.approx((a - mean) / deviation, abs=1e-5)
    assert standard.x_train_ND.mean() == pytest.approx(0, abs=1e-6)
    assert abs(standard.x_test_ND.mean()) > 0.01  # the other parts have means of their own


def test_digits_are_split_into_1200_300_297_with_every_class_in_proportion_and_no_image_twice(digits: Data) -> None:
    from sklearn.datasets import load_digits

    x_ND, y_N = load_digits(return_X_y=True)
    assert [len(x) for x in parts(digits)] == [1200, 300, 297]
    for y in labels_of(digits):
        assert np.abs(np.bincount(y) - np.bincount(y_N) * len(y) / 1797).max() < 1.5
    rows = np.concatenate([np.column_stack([x * 16, y]) for x, y in zip(parts(digits), labels_of(digits), strict=True)])
    assert sorted(map(tuple, rows)) == sorted(map(tuple, np.column_stack([x_ND, y_N])))


def test_the_digits_are_bit_for_bit_what_scikit_learn_reads_from_its_file() -> None:
    from sklearn.datasets import load_digits

    x_ND, y_N = load_digits(return_X_y=True)
    raw = datasets._read_packaged(DIGITS)
    tests_N = draw_stratified(y_N.astype(np.int64), 297, "digits test split")
    for pixels_ND, labels_N, of_N in ((raw.x_ND, raw.y_N, ~tests_N), (raw.x_test_ND, raw.y_test_N, tests_N)):
        assert (pixels_ND.dtype, labels_N.dtype) == (np.uint8, np.int64)
        assert pixels_ND.flags.c_contiguous
        assert np.array_equal(pixels_ND, x_ND[of_N])
        assert np.array_equal(labels_N, y_N[of_N])


@pytest.mark.parametrize("found", [False, True])
def test_without_the_file_of_the_digits_one_sentence_says_where_it_should_be(
    found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ModuleSpec("sklearn", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(packaged, "find_spec", lambda _: spec if found else None)
    place = tmp_path / "datasets/data/digits.csv.gz" if found else "scikit-learn"
    with pytest.raises(UserError, match=f"installed with its data set digits; got no {re.escape(str(place))}: install"):
        datasets.load("digits", root=None, train=None, validation=None, standardize=False)


def test_splits_and_batch_order_are_today_what_they_were_when_results_were_stored(digits: Data) -> None:
    # Golden: whoever changes these numbers changes what every stored run was trained on, and must raise runs.SEMANTICS.
    assert digits.digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
    assert ["".join(map(str, y[:10])) for y in labels_of(digits)] == ["0347902346", "5681570369", "1240553263"]
    assert list(datasets.batch_order(0, 1, 8)) == [0, 5, 1, 6, 2, 7, 3, 4]


def test_validation_sizes_are_exact_and_no_class_is_off_by_a_whole_example() -> None:
    for size in (1, 7, 8, 23, 298):
        digits = datasets.load("digits", root=None, train=None, validation=size, standardize=False)
        both = np.bincount(np.concatenate([digits.y_train_N, digits.y_validation_N]), minlength=10)
        held = np.bincount(digits.y_validation_N, minlength=10)
        assert held.sum() == size
        assert np.abs(held - both * size / 1500).max() < 1


def test_batch_orders_are_permutations_that_differ_between_seeds_and_epochs() -> None:
    orders = [datasets.batch_order(seed, epoch, 100) for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(100)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert (datasets.batch_order(1, 1, 100) == orders[3]).all()


@pytest.mark.parametrize("name", ["mnist", "digits"])
@pytest.mark.parametrize(("train", "validation"), [(None, None), (5, None), (None, 30), (11, 1)])
def test_the_number_of_training_examples_is_known_before_a_file_is_read(
    name: str, train: int | None, validation: int | None
) -> None:
    if name == "mnist":
        everything = 60_000 - (10_000 if validation is None else validation)
        assert count_training_examples(name, train, validation) == (train or everything)
    else:
        got = datasets.load(name, root=None, train=train, validation=validation, standardize=False)
        assert count_training_examples(name, train, validation) == len(got.x_train_ND)


# Where it is found


@pytest.mark.parametrize("folder", [".", "tiny", "TINY/raw"])
def test_files_are_found_in_data_root_and_in_the_folders_that_others_use(tmp_path: Path, folder: str) -> None:
    contents = tiny()
    write(tmp_path / "root" / folder, contents)
    assert read(published(contents), tmp_path / "root").name == "tiny"


def dotted(name: str) -> str:
    return name.replace("-idx", ".idx")


LAYOUTS = {
    "with a dot": dotted,
    "with a dot, packed": lambda name: f"{dotted(name)}.gz",
    "a folder each": lambda name: f"{name}/{name}",
    "a folder each, with a dot within": lambda name: f"{name}/{dotted(name)}",
    "torchvision": lambda name: f"TINY/raw/{name}",
    "within MNIST": lambda name: f"raw/{name}",
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_files_are_found_as_people_have_them(layout: Callable[[str], str], tmp_path: Path) -> None:
    contents = tiny()
    for name, content in contents.items():
        path = tmp_path / "root" / layout(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    usual = read(published(contents), write(tmp_path / "usual", contents))
    got = read(published(contents), tmp_path / "root")
    assert got.digest == usual.digest
    for ours, theirs in zip(parts(got) + labels_of(got), parts(usual) + labels_of(usual), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def arrays_of(contents: dict[str, bytes]) -> dict[str, NDArray[np.uint8]]:
    decoded = [
        decode(io.BytesIO(c), file) for c, file in zip(contents.values(), published(contents).files, strict=True)
    ]
    return dict(zip(["x_train", "y_train", "x_test", "y_test"], decoded, strict=True))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("folder", [".", "tiny"])
def test_an_archive_of_keras_holds_the_same_data_with_the_same_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, save: Callable[..., None]
) -> None:
    contents = tiny()
    monkeypatch.setitem(SOURCES, "tiny", published(contents))
    usual = read(published(contents), write(tmp_path / "usual", contents))
    path = tmp_path / "keras" / folder / "tiny.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, **arrays_of(contents))
    monkeypatch.setenv("BNEXP_DATA", str(tmp_path / "keras"))
    for root in (None, tmp_path / "keras"):
        got = read(published(contents), root)
        assert got.digest == usual.digest
        for ours, theirs in zip(parts(got) + labels_of(got), parts(usual) + labels_of(usual), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert [digest for _, digest in datasets.verify("tiny", None)] == [
        file.sha256 for file in published(contents).files
    ]


def test_the_real_mnist_as_an_archive_and_with_other_names_is_the_real_mnist(
    mnist: Data, mnist_root: Path, tmp_path: Path
) -> None:
    source = SOURCES["mnist"]
    raw = [download.read(source, file, mnist_root / f"{file.name}.gz") for file in source.files]
    np.savez(tmp_path / "mnist.npz", **dict(zip(download.MEMBERS, raw, strict=True)))
    for file in source.files:
        folder = tmp_path / "kaggle" / file.name
        folder.mkdir(parents=True)
        (folder / file.name).write_bytes(gzip.decompress((mnist_root / f"{file.name}.gz").read_bytes()))
    for root in (tmp_path, tmp_path / "kaggle"):
        got = datasets.load("mnist", root=root, train=None, validation=None, standardize=False)
        assert got.digest == mnist.digest
        assert all(
            (a == b).all() for a, b in zip(parts(got) + labels_of(got), parts(mnist) + labels_of(mnist), strict=True)
        )


def test_a_wrong_archive_is_one_sentence_and_fetching_replaces_it(tmp_path: Path, mirror: Mirror) -> None:
    contents = tiny()
    source = published(contents, (mirror.serve("a", contents),))
    np.savez(tmp_path / "tiny.npz", **arrays_of(tiny(seed=1)))
    with pytest.raises(
        ValueError, match=r"tiny\.npz must hold tiny's train-images-idx3-ubyte; got content with sha256"
    ) as e:
        read(source, tmp_path)
    sentence(e)
    download.fetch(source, tmp_path)
    assert read(source, tmp_path).name == "tiny"


def test_data_root_may_start_at_the_home_folder(tmp_path: Path) -> None:
    write(tmp_path / "home/mine", tiny())
    assert read(published(tiny()), Path("~/mine")).name == "tiny"


def test_data_root_comes_before_the_environment_and_that_before_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = published(tiny())
    shared = tmp_path / "shared"
    monkeypatch.setenv("BNEXP_DATA", str(shared))
    for base in (cache_folder(), shared, tmp_path / "root"):
        write(base / "tiny", tiny())
        root = tmp_path / "root" if base == tmp_path / "root" else None
        assert {path.parent for path in download.locate(source, root)} == {base / "tiny"}


def test_a_shared_folder_with_the_files_of_another_set_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: Mirror
) -> None:
    contents = tiny()
    monkeypatch.setenv("BNEXP_DATA", str(write(tmp_path / "mnist", tiny(seed=1))))
    assert read(published(contents, (mirror.serve("a", contents),)), None).name == "tiny"


def test_mnist_and_fashion_mnist_share_file_names_but_neither_digests_nor_folders() -> None:
    a, b = SOURCES["mnist"], SOURCES["fashion_mnist"]
    assert [f.name for f in a.files] == [f.name for f in b.files] == NAMES
    assert len({f.sha256 for f in (*a.files, *b.files)}) == 8
    assert all(len(bytes.fromhex(f.sha256)) == 32 for f in (*a.files, *b.files))
    assert not set(a.folders) & set(b.folders)
    assert all(url.startswith("https://") and url.endswith("/") for url in (*a.mirrors, *b.mirrors))


def test_a_data_root_without_the_files_is_an_error_and_no_reason_to_download(tmp_path: Path, mirror: Mirror) -> None:
    contents = tiny()
    source = published(contents, (mirror.serve("a", contents),))
    write(tmp_path / "tiny", {IMAGES: contents[IMAGES]})
    with pytest.raises(ValueError, match=r"data\.root must hold") as error:
        read(source, tmp_path)
    text = sentence(error)
    assert f"bnexp data fetch data=tiny data.root={tmp_path}" in text
    assert f"got no {', '.join(NAMES[1:])}:" in text
    assert not mirror.asked


# What is downloaded


def test_what_is_missing_is_downloaded_once_into_the_cache(mirror: Mirror) -> None:
    contents = tiny()
    source = published(contents, (mirror.serve("a", contents),))
    first, second = read(source, None), read(source, None)
    assert (first.x_train_ND == second.x_train_ND).all()
    assert mirror.asked == {f"/a/{name}.gz": 1 for name in NAMES}
    assert sorted(p.name for p in (cache_folder() / "tiny").glob("[!.]*")) == sorted(f"{n}.gz" for n in NAMES)


@pytest.mark.parametrize("answer", ["nothing", "web page", "other content", "half a file", "a broken line"])
def test_a_failing_mirror_is_followed_by_the_next(mirror: Mirror, answer: str) -> None:
    contents = tiny()
    source = published(contents, (mirror.serve("bad", contents), mirror.serve("good", contents)))
    image = f"/bad/{IMAGES}.gz"
    packed = mirror.bodies.pop(image)
    answers = {
        "web page": b"<!DOCTYPE html>",
        "other content": gzip.compress(tiny(seed=1)[IMAGES]),
        "half a file": packed[:50],
        "a broken line": packed,
    }
    mirror.bodies |= {image: answers[answer]} if answer in answers else {}
    mirror.broken_off |= {image} if answer == "a broken line" else set()
    read(source, None)
    assert mirror.asked[image] == mirror.asked[f"/good/{IMAGES}.gz"] == 1
    assert mirror.asked[f"/good/{LABELS}.gz"] == 0


def test_without_any_mirror_one_sentence_names_the_urls_the_folder_and_the_digits(mirror: Mirror) -> None:
    nobody = "http://127.0.0.1:1/mnist/"
    with pytest.raises(ValueError, match="or be downloaded") as error:
        read(published(tiny(), (nobody, f"{mirror.address}/none/")), None)
    text = sentence(error)
    folder = cache_folder() / "tiny"
    for part in (nobody, f"{mirror.address}/none/", str(folder), "data=digits", "Not Found", *NAMES):
        assert part in text


def test_a_bad_download_never_replaces_a_good_file_and_leaves_nothing_behind(tmp_path: Path, mirror: Mirror) -> None:
    contents = tiny()
    source = published(contents, (mirror.serve("a", tiny(seed=1)),))
    write(tmp_path / "tiny", {LABELS: contents[LABELS]})
    before = (tmp_path / "tiny" / f"{LABELS}.gz").read_bytes()
    with pytest.raises(ValueError, match=f"sha256 .* for {IMAGES}.gz"):
        download.fetch(source, tmp_path)
    assert [p.name for p in (tmp_path / "tiny").glob("[!.]*")] == [f"{LABELS}.gz"]
    assert (tmp_path / "tiny" / f"{LABELS}.gz").read_bytes() == before


@pytest.mark.parametrize("folder", [".", "tiny", "TINY/raw"])
def test_fetching_replaces_what_is_wrong_wherever_a_run_would_find_it(
    tmp_path: Path, mirror: Mirror, folder: str
) -> None:
    contents = tiny()
    source = published(contents, (mirror.serve("a", contents),))
    write(tmp_path / folder, contents | {IMAGES: tiny(seed=1)[IMAGES]}, packed=False)
    with pytest.raises(ValueError, match="sha256"):
        read(source, tmp_path)
    download.fetch(source, tmp_path)
    assert read(source, tmp_path).name == "tiny"


def test_two_downloads_at_once_ask_for_each_file_once(mirror: Mirror) -> None:
    contents = tiny()
    source = published(contents, (mirror.serve("a", contents),))
    start = threading.Barrier(2)
    got: list[Data] = []

    def one() -> None:
        start.wait()
        got.append(read(source, None))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got[0].x_train_ND == got[1].x_train_ND).all()
    assert mirror.asked == {f"/a/{name}.gz": 1 for name in NAMES}


def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file where the folder should be")
    with pytest.raises(ValueError, match="must be a folder that can be written to") as error:
        download.fetch(published(tiny()), tmp_path / "occupied")
    assert "check its permissions" in sentence(error)


def test_a_full_disk_is_one_sentence_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: Mirror
) -> None:
    def full(stream: int) -> None:
        raise OSError(28, "No space left on device", stream)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueError, match="got 'No space left on device'") as error:
        download.fetch(published(tiny(), (mirror.serve("a", tiny()),)), tmp_path)
    sentence(error)
    assert not list((tmp_path / "tiny").glob("[!.]*"))


# What is wrong


def damaged(kind: str) -> bytes:
    content = tiny()[IMAGES]
    return {
        "empty": b"",
        "web page": b"\n<!DOCTYPE html><html>moved</html>",
        "truncated gz": gzip.compress(content)[:-20],
        "truncated gz header": gzip.compress(content)[:5],
        "bits flipped in gz": gzip.compress(content)[:40] + b"\xff" * 8 + gzip.compress(content)[48:],
        "truncated": gzip.compress(content[:-1]),
        "too long": gzip.compress(content + b"\0"),
        "only a header": content[:6],
        "text": b"pixel,label\n",
        "floats": b"\0\0\x0d\x03" + content[4:],
        "labels for images": tiny()[LABELS],
        "other content": tiny(seed=1)[IMAGES],
    }[kind]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("empty", "an empty file"),
        ("web page", "a web page"),
        ("truncated gz", "a truncated gzip file"),
        ("truncated gz header", "a truncated gzip file"),
        ("bits flipped in gz", "a damaged gzip file"),
        ("truncated", "255 bytes where its sizes 40 × 2 × 3 need 256"),
        ("too long", "257 bytes where its sizes 40 × 2 × 3 need 256"),
        ("only a header", "6 bytes where its sizes"),
        ("text", "no IDX file (it starts with b'pixe')"),
        ("floats", "IDX type 0x0d × 3 dimensions instead of 0x08 × 3"),
        ("labels for images", "IDX type 0x08 × 1 dimensions instead of 0x08 × 3"),
        ("other content", "content with sha256"),
    ],
)
def test_a_damaged_file_is_one_sentence_that_says_what_it_is(tmp_path: Path, kind: str, found: str) -> None:
    write(tmp_path, tiny())
    (tmp_path / f"{IMAGES}.gz").write_bytes(damaged(kind))
    with pytest.raises(ValueError, match=f"{IMAGES}.gz must hold tiny's {IMAGES}; got") as error:
        read(published(tiny()), tmp_path)
    text = sentence(error)
    assert f"; got {found}" in text
    assert "bnexp data fetch data=tiny" in text


def test_labels_out_of_range_are_one_sentence(tmp_path: Path) -> None:
    contents = tiny(highest=9)
    with pytest.raises(ValueError, match="must hold labels from 0 to 3; got a label 9") as error:
        read(published(contents), write(tmp_path, contents))
    assert LABELS in sentence(error)


@pytest.mark.parametrize("labels", [39, 41])
def test_more_images_than_labels_or_fewer_are_one_sentence(tmp_path: Path, labels: int) -> None:
    contents = tiny(labels=labels)
    with pytest.raises(ValueError, match=f"must hold one label for each image; got 40 images and {labels}") as error:
        read(published(contents), write(tmp_path, contents))
    assert LABELS in sentence(error)


def test_a_file_without_permission_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, *_: object) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    root = write(tmp_path, tiny())
    monkeypatch.setattr(Path, "open", refused)  # for root, no file is without permission
    with pytest.raises(ValueError, match="must be a file that can be read; got 'Permission denied'") as error:
        read(published(tiny()), root)
    assert IMAGES in sentence(error)


@pytest.mark.parametrize(
    ("name", "train", "validation", "match"),
    [
        ("mnist", None, 60_000, "data.validation must be at least 1 and leave 2 of the 60000 examples .* got 60000"),
        ("mnist", None, 0, "data.validation must be at least 1"),
        ("mnist", 50_001, None, "at most the 50000 examples of mnist that data.validation=10000 leaves; got 50001"),
        ("digits", 1, None, "data.train must be at least 2"),
        ("digits", 1200, 301, "at most the 1199 examples of digits"),
        (
            "minst",
            None,
            None,
            f"data must be one of {', '.join(SETS)}, file; got 'minst': did you mean mnist?",
        ),
    ],
)
def test_an_impossible_split_is_one_sentence_before_any_file_is_looked_for(
    tmp_path: Path, name: str, train: int | None, validation: int | None, match: str
) -> None:
    for attempt in (
        lambda: count_training_examples(name, train, validation),
        lambda: datasets.load(name, root=tmp_path, train=train, validation=validation, standardize=False),
    ):
        with pytest.raises(ValueError, match=match) as error:
            attempt()
        sentence(error)


def test_all_but_two_training_examples_may_be_validation() -> None:
    digits = datasets.load("digits", root=None, train=None, validation=1498, standardize=False)
    assert [len(x) for x in parts(digits)] == [2, 1498, 297]


# The commands


def test_verifying_names_every_file_with_its_digest_or_the_first_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = tiny()
    monkeypatch.setitem(SOURCES, "tiny", published(contents))
    write(tmp_path, contents)
    expected = [(tmp_path / f"{n}.gz", hashlib.sha256(c).hexdigest()) for n, c in contents.items()]
    assert datasets.verify("tiny", tmp_path) == expected
    write(tmp_path, {name: tiny(seed=1)[name] for name in NAMES[1:]})
    with pytest.raises(ValueError, match=f"{LABELS}.gz must hold"):
        datasets.verify("tiny", tmp_path)


def test_verifying_downloads_nothing(monkeypatch: pytest.MonkeyPatch, mirror: Mirror) -> None:
    contents = tiny()
    monkeypatch.setitem(SOURCES, "tiny", published(contents, (mirror.serve("a", contents),)))
    with pytest.raises(ValueError, match=r"must lie in .* to be verified") as error:
        datasets.verify("tiny", None)
    assert "bnexp data fetch data=tiny" in sentence(error)
    assert not mirror.asked
    datasets.fetch("tiny", None)
    assert len(datasets.verify("tiny", None)) == 4


def test_fetching_fills_data_root_else_the_shared_folder_else_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: Mirror
) -> None:
    contents = tiny()
    monkeypatch.setitem(SOURCES, "tiny", published(contents, (mirror.serve("a", contents),)))
    assert {path.parent for path in datasets.fetch("tiny", None)} == {cache_folder() / "tiny"}
    monkeypatch.setenv("BNEXP_DATA", str(tmp_path / "shared"))
    assert {path.parent for path in datasets.fetch("tiny", None)} == {tmp_path / "shared/tiny"}
    assert {path.parent for path in datasets.fetch("tiny", tmp_path / "root")} == {tmp_path / "root/tiny"}


def test_digits_have_nothing_to_fetch_or_verify() -> None:
    assert not datasets.fetch("digits", None)
    assert not datasets.verify("digits", None)


def test_reading_the_digits_loads_no_torch_no_pandas_no_sklearn() -> None:
    slow = "{'torch', 'pandas', 'matplotlib', 'scipy', 'sklearn', 'filelock'}"
    code = f"import sys, bnexp.data.datasets as d; d._read_packaged(d.DIGITS); print(*{slow} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
