"""Reports whose pictures are blank, but for the tests that look at them.

A test that reads an SVG asks for `pictures`, one that reads the PDF and the PNG as well for `every_kind_of_picture`.
"""

import pytest
from matplotlib.figure import Figure

from bnexp.figures import export
from bnexp.report import build
from tests.support.pictures import leave_pictures_blank


@pytest.fixture
def every_kind_of_picture() -> None:
    """Draw the SVG, the PDF and the PNG."""


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the SVG, and leave the PDF and the PNG, three quarters of the time of a picture, empty."""
    monkeypatch.setattr(build, "render", render_svg)


@pytest.fixture(autouse=True)
def _blank_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not {"pictures", "every_kind_of_picture"} & set(request.fixturenames):
        leave_pictures_blank(monkeypatch)


def render_svg(figure: Figure, kind: str, name: str) -> bytes:
    return export.render(figure, "svg", name) if kind == "svg" else b""
