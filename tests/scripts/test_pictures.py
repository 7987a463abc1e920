"""The figures of docs/how-batch-norm-works.md come from stores, and a command renews them."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT

sys.path.append(str(ROOT / "scripts"))
import pictures


def draw(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((20, 30, 3), grey, np.uint8)).save(path)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A page with a picture of each of two studies, of which one has a store."""
    folder = tmp_path / "docs"
    (folder / "figures").mkdir(parents=True)
    links = "![a](figures/depth-growth.png) ![b](figures/depth-growth.png)\n![c](figures/affine-forest.png)\n"
    (folder / pictures.PAGE).write_text(links)
    draw(tmp_path / "outputs" / "depth" / "report" / "figures" / "growth.png", 100)
    return folder


def test_a_picture_that_is_not_that_of_the_store_is_named_with_the_command_and_renewed(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, picture = docs.parent / "outputs" / "depth", docs / "figures" / "depth-growth.png"
    words = [str(store), "--docs", str(docs)]
    with pytest.raises(SystemExit, match="1"):
        pictures.main(["--check", *words])
    assert capsys.readouterr().err == (
        f"not those of the stores: depth-growth.png; to renew: python scripts/pictures.py {store}\n"
    )
    assert not picture.exists()
    pictures.main(words)
    assert capsys.readouterr().out == f"{picture}\n"
    pictures.main(["--check", *words])
    draw(store / "report" / "figures" / "growth.png", 200)
    with pytest.raises(SystemExit, match="1"):
        pictures.main(["--check", *words])
    pictures.main(words)
    with Image.open(picture) as image:
        assert image.convert("L").getpixel((5, 5)) == 200
    assert [path.name for path in (docs / "figures").iterdir()] == [picture.name]


def test_a_report_without_the_figure_is_one_sentence(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = docs.parent / "outputs" / "affine"
    with pytest.raises(SystemExit, match="2"):
        pictures.main([str(store), "--docs", str(docs)])
    assert f"found no forest.png in {store / 'report'}: draw it with bnexp report {store}" in capsys.readouterr().err


def test_the_pictures_of_the_page_are_those_that_the_results_show() -> None:
    """One that results.md does not show is of an older run: its study was renewed without it."""
    shown = set(re.findall(r"\(figures/([^)]+)\)", (ROOT / "docs" / "results.md").read_text(encoding="utf-8")))
    named = pictures.list_pictures(ROOT / "docs" / pictures.PAGE)
    assert len(named) > 10
    if old := set(named) - shown:
        stores = " ".join(sorted({f"outputs/{name.partition('-')[0]}" for name in old}))
        pytest.fail(f"renew with python scripts/results.py, and all its stores, or with scripts/pictures.py {stores}")
