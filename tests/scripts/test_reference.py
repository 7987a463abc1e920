"""The pages of keys and columns are those of the program of today."""

import sys

import pytest

from tests.conftest import ROOT

sys.path.append(str(ROOT / "scripts"))
import reference

from bnexp.cli.schema import KEYS, STUDY
from bnexp.store import schemas


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_a_page_is_what_the_script_would_write(name: str) -> None:
    there = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert there == reference.PAGES[name](), "make it anew: .venv/bin/python scripts/reference.py"


def test_every_key_has_a_row() -> None:
    page = reference.write_configuration()
    assert [key for key in KEYS if f"`{key.removesuffix('.name')}`" not in page] == []
    assert [key for key in STUDY if f"`{key}`" not in page] == []


def test_every_column_has_a_row_and_every_table_a_meaning() -> None:
    page = reference.write_store()
    for table in (schemas.RUNS, schemas.CORRECT, schemas.CURVES, schemas.LAYERS):
        assert [name for name in table.names if f"| `{name}` |" not in page] == []
    assert "losses in nats" in page
    assert "bits of `numpy.packbits`" in page
