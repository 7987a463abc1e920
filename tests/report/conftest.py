"""Reports whose pictures are drawn once: a test that looks at the PDF and the PNG asks for `every_kind_of_picture`."""

import pytest
from matplotlib.figure import Figure

from bnexp.figures import export
from bnexp.report import build


@pytest.fixture
def every_kind_of_picture() -> None:
    """Draw the PDF and the PNG as well."""


@pytest.fixture(autouse=True)
def _svg_alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the SVG, and leave the PDF and the PNG, three quarters of the time of a report, empty."""
    if "every_kind_of_picture" not in request.fixturenames:
        monkeypatch.setattr(build, "render", render_svg)


def render_svg(figure: Figure, kind: str, name: str) -> bytes:
    return export.render(figure, "svg", name) if kind == "svg" else b""
