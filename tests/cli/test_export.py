"""`bnexp export`: what it writes where, and one sentence for each mistake."""

import sys
from pathlib import Path

import pytest

from bnexp.cli.export import FORMATS
from bnexp.store.store import Store
from tests.cli.conftest import Command
from tests.support.synthetic import product, rows

USAGE = "the command must be `bnexp export csv|tensorboard|mlflow|wandb DIR [out=FOLDER]`; got"


@pytest.fixture(autouse=True)
def _demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs, curves = rows(product(seeds=range(2)))
    runs = runs.assign(probes="none", run=[f"{i:016x}" for i in range(len(runs))])
    Store("outputs/demo").write("synthetic", runs, curves.iloc[:0])


def test_the_tables_of_a_store_go_into_the_store_or_where_they_are_asked_for(command: Command) -> None:
    ended = command("export", "csv", "outputs/demo")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("6 rows in outputs/demo/export/csv/runs.csv, ")
    assert command("export", "csv", "outputs/demo", "out=a b/c").code == 0
    for name in ("runs", "curves", "layers"):
        written = Path("outputs/demo/export/csv", f"{name}.csv").read_bytes()
        assert written == Path("a b/c", f"{name}.csv").read_bytes()
    assert command("export", "csv", "outputs/demo").out == ended.out
    assert len(Store("outputs/demo").runs) == 6


MISTAKES = [
    ("csv", f"{USAGE} `bnexp export csv`"),
    ("csv outputs/demo outputs/demo", f"{USAGE} `bnexp export csv outputs/demo outputs/demo`"),
    ("csv outputs/demo out=", f"{USAGE} `bnexp export csv outputs/demo out=`"),
    ("csv outputs/demo out=a out=b", f"{USAGE} `bnexp export csv outputs/demo out=a out=b`"),
    ("cvs outputs/demo", "FORMAT must be one of csv, tensorboard, mlflow, wandb; got 'cvs': did you mean csv?"),
    ("csv nowhere", "a store must be a folder with results in runs/; found none in nowhere: train into it first"),
    ("csv outputs/demo out=outputs/demo/runs", "out must be no folder of the store's own; got outputs/demo/runs: "),
    ("csv outputs/demo out=outputs/demo/runs/x", "out must be no folder of the store's own; got outputs/demo/runs/x: "),
    ("csv outputs/demo out=file", "file must be a folder that can be written to; got 'File exists': take another one"),
    (
        "csv outputs/empty",
        "a store must hold at least one run; got outputs/empty, which holds none",
    ),
]


@pytest.mark.parametrize(("words", "sentence"), MISTAKES, ids=[words for words, _ in MISTAKES])
def test_a_mistake_is_one_sentence(words: str, sentence: str, command: Command) -> None:
    Path("file").touch()
    Path("outputs/empty/runs").mkdir(parents=True)
    ended = command("export", *words.split())
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"bnexp: {sentence}")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("form", ["tensorboard", "mlflow", "wandb"])
def test_a_package_that_is_not_installed_is_one_sentence_with_the_extra(
    form: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == form]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, form, None)
    monkeypatch.delitem(sys.modules, f"bnexp.exports.{FORMATS[form]}", raising=False)
    ended = command("export", form, "outputs/demo")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"bnexp: `bnexp export {form}` must find the package {form}; it is not installed: pip install 'bnexp[{form}]'\n"
    )
    assert not Path("outputs/demo/export").exists()
