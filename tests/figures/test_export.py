"""Files and parts of pages: what stands in the bytes."""

import re
import zlib
from io import BytesIO
from xml.etree import ElementTree

import pytest
from fontTools.subset import Options
from fontTools.ttLib import TTFont
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bnexp.figures.export import render
from bnexp.figures.kinds.finals import draw_finals
from bnexp.figures.kinds.forest import draw_forest
from bnexp.figures.layout import Layout
from bnexp.figures.style import Words, solve_layout
from tests.support.estimates import effects, finals
from tests.support.svg import read_texts

HOSTILE = "$\\alpha$ <script>alert(1)</script> & url(#a) id=\"b\" href='#c' fill: #000000 " + "long" * 60
LAYOUT = Layout("placement", ("none", "pre", "post"), ("activation",))
FINALS = finals(activations=("relu", "sigmoid"))


def draw(title: str = "title", caption: str = "caption") -> Figure:
    return draw_finals(FINALS, LAYOUT, Words(title, caption), x="lr", metric="test_accuracy")


def svg(name: str, title: str = "title") -> bytes:
    return render(draw(title), "svg", name)


def ids(content: str) -> set[str]:
    names = re.findall(r'\sid="([^"]+)"', content)
    assert len(names) == len(set(names))
    return set(names)


def references(content: str) -> set[str]:
    return set(re.findall(r'href="#([^"]+)"', content)) | set(re.findall(r"url\(#([^)]+)\)", content))


def test_ids_of_two_figures_differ_and_every_reference_stays_within_its_own() -> None:
    first, second = (svg(name).decode() for name in ("first", "second"))
    assert not ids(first) & ids(second)
    for content in (first, second):
        assert len(references(content)) > 5
        assert references(content) <= ids(content)


def test_a_figure_that_is_drawn_again_has_the_same_bytes() -> None:
    assert svg("name") == svg("name")
    frames = effects(FINALS)
    first, second = (
        draw_forest(*frames, LAYOUT, Words("title", "caption"), metric="test_accuracy", margin=0.001) for _ in range(2)
    )
    assert render(first, "svg", "forest") == render(second, "svg", "forest")
    assert render(first, "png", "forest") == render(second, "png", "forest")


def test_ids_do_not_depend_on_the_last_bits_of_the_layout() -> None:
    first, second = draw(), draw()
    for figure, shift in ((first, 0.0), (second, 1e-13)):
        solve_layout(figure)
        figure.set_layout_engine("none")
        for axes in figure.axes:
            box = axes.get_position()
            axes.set_position((box.x0 + shift, box.y0, box.width, box.height))
    assert render(first, "svg", "name") == render(second, "svg", "name")


def test_hostile_words_are_text_and_stay_as_they_are() -> None:
    content = svg("name", HOSTILE).decode()
    root = ElementTree.fromstring(content)  # noqa: S314 - our own
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    words = " ".join(read_texts(content))
    assert HOSTILE[:70] in words
    assert words.count("long") > 50


def test_long_words_are_broken_before_the_edge() -> None:
    figure = draw(HOSTILE, HOSTILE)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    for text in (legend.get_title(), figure._supxlabel):  # type: ignore[attr-defined]
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1


@pytest.mark.parametrize("kind", ["pdf", "png", "svg"])
def test_no_file_says_when_it_was_made(kind: str) -> None:
    content = render(draw(), kind, "name")
    assert b"date" not in content.lower()
    assert b"tIME" not in content


def test_a_pdf_holds_its_fonts_as_truetype_and_is_the_same_when_drawn_again() -> None:
    first, second = (render(draw(), "pdf", "name") for _ in range(2))
    assert first == second
    assert first.startswith(b"%PDF-")
    assert b"/FontFile2" in first
    assert b"/Type3" not in first


def test_a_pdf_holds_no_table_of_a_font_that_only_a_typesetter_reads() -> None:
    kept = list(Options._drop_tables_default)
    content = render(draw(), "pdf", "name")
    assert Options._drop_tables_default == kept
    streams = [zlib.decompress(stream) for stream in re.findall(rb"/Length1.*?stream\n(.*?)\nendstream", content, re.S)]
    fonts = [TTFont(BytesIO(stream)) for stream in streams]
    assert fonts
    for font in fonts:
        assert {"glyf", "hmtx"} <= set(font.keys())
        assert not {"GDEF", "GPOS", "GSUB", "kern"} & set(font.keys())


def test_the_layout_is_solved_once_for_files_of_all_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    solved: list[Figure] = []
    solve = ConstrainedLayoutEngine.execute
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda e, fig: (solved.append(fig), solve(e, fig))[1])
    figure = draw()
    render(figure, "svg", "name")
    places = [axes.get_position().bounds for axes in figure.axes]
    assert places[0] != draw().axes[0].get_position().bounds
    for kind in ("pdf", "png", "svg"):
        render(figure, kind, "name")
    assert len(solved) == 1
    assert [axes.get_position().bounds for axes in figure.axes] == places
