"""The other published sets: their labels, their images and their digests, on tiny sets that stand in for them."""

import dataclasses
import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bnexp.choices import Standardize
from bnexp.data import datasets, packaged
from bnexp.data.datasets import Data
from bnexp.data.sources import SOURCES, File, Source
from bnexp.errors import UserError
from tests.data.test_own import idx, images

CONTENT = {
    "train-images": images(40, first=1)[0],
    "train-labels": images(40, first=1)[1],
    "test-images": images(10, first=1, seed=1)[0],
    "test-labels": images(10, first=1, seed=1)[1],
}


def write(folder: Path, arrays: dict[str, NDArray[np.uint8]], packed: bool = True) -> list[bytes]:
    folder.mkdir(exist_ok=True)
    contents = [gzip.compress(idx(array), mtime=0) if packed else idx(array) for array in arrays.values()]
    for name, content in zip(arrays, contents, strict=True):
        (folder / f"{name}{'.gz' if packed else ''}").write_bytes(content)
    return contents


def published(contents: list[bytes]) -> Source:
    files = tuple(
        File(name, array.ndim, None, packed=f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}")
        for (name, array), content in zip(CONTENT.items(), contents, strict=True)
    )
    return Source("tiny", "Tiny", 6, 4, 40, 8, folders=("tiny",), files=files, transposed=True, first_label=1)


def read(source: Source, root: Path) -> Data:
    return datasets.prepare(source, root, None, None, Standardize.none)


def test_labels_count_from_0_and_transposed_images_stand_upright(tmp_path: Path) -> None:
    data = read(published(write(tmp_path / "tiny", CONTENT)), tmp_path)
    assert sorted(set(data.y_train_N)) == [0, 1, 2, 3]
    upright = CONTENT["test-images"].swapaxes(1, 2).reshape(10, -1) / np.float32(255)
    assert np.array_equal(data.x_test_ND, upright)
    assert data.about == ""


def test_a_packed_file_is_believed_by_its_digest_and_a_plain_one_is_said_to_be_unverified(tmp_path: Path) -> None:
    source = published(write(tmp_path / "tiny", CONTENT))
    verified = read(source, tmp_path)
    write(tmp_path / "plain", CONTENT, packed=False)
    plain = read(source, tmp_path / "plain")
    assert plain.digest == verified.digest
    assert plain.about == "not verified, for want of a published digest: " + ", ".join(CONTENT)
    changed = CONTENT | {"train-images": CONTENT["train-images"] ^ 1}
    write(tmp_path / "tiny", changed)
    with pytest.raises(UserError, match=r"train-images.gz must hold tiny's train-images; got a .gz with md5 \w{32} in"):
        read(source, tmp_path)
    write(tmp_path / "plain", changed, packed=False)
    assert read(source, tmp_path / "plain").digest != plain.digest


def test_a_file_that_cannot_be_verified_is_not_taken_for_another_set_whose_digest_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = published(write(tmp_path / "tiny", CONTENT, packed=False))
    known = File("train-images", 3, hashlib.sha256(idx(CONTENT["train-images"])).hexdigest())
    monkeypatch.setitem(SOURCES, "famous", Source("famous", "Famous", 6, 4, 40, 8, files=(known,)))
    with pytest.raises(UserError, match="train-images must hold tiny's train-images; got that of famous: replace it"):
        read(source, tmp_path)


def test_labels_out_of_range_or_too_few_are_one_sentence(tmp_path: Path) -> None:
    low = CONTENT | {"train-labels": np.zeros(40, np.uint8)}
    source = published(write(tmp_path / "tiny", low))
    with pytest.raises(UserError, match=r"must hold labels from 1 to 4; got a label 0:"):
        read(source, tmp_path)
    source = dataclasses.replace(published(write(tmp_path / "tiny", CONTENT)), examples=50)
    with pytest.raises(UserError, match=r"must hold 50 labels; got 40:"):
        read(source, tmp_path)


def test_what_is_in_an_archive_among_much_else_is_left_to_people_to_unpack(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        datasets.fetch("emnist_letters", tmp_path)
    assert str(error.value).startswith(
        f"emnist_letters must lie in {tmp_path / 'emnist'}; got no files: unpack emnist-"
    )
    assert "from https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip (536 MiB) into it" in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "counts"), [("wine", [12, 14, 10]), ("breast_cancer", [42, 72])])
def test_the_tables_of_scikit_learn_are_read_as_it_reads_them(name: str, counts: list[int]) -> None:
    import sklearn.datasets

    x, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    data = datasets.load(name, root=None, train=None, validation=None, standardize="none")
    assert np.bincount(data.y_test_N).tolist() == counts
    mine = np.concatenate([data.x_train_ND, data.x_validation_ND, data.x_test_ND])
    labels = np.concatenate([data.y_train_N, data.y_validation_N, data.y_test_N])
    assert sorted(zip(map(bytes, mine), labels, strict=True)) == sorted(
        zip(map(bytes, x.astype(np.float32)), y, strict=True)
    )
    source = SOURCES[name]
    assert (x.shape[1], y.max() + 1, len(y) - len(data.y_test_N)) == (source.features, source.classes, source.examples)


def test_without_scikit_learn_its_tables_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"scikit-learn must be installed with its data set wine; got no scikit-learn:"):
        packaged.read_table("wine")
