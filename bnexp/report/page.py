"""A report as one self-contained HTML page, and as Markdown: content in, text out.

No statistic is computed and no figure drawn here. The templates in `templates/` escape whatever they are given: HTML by
Jinja's autoescape, Markdown by `escape_markdown`. The page asks nothing of any network, and its content security policy
forbids it to; of scripts that policy allows only the page's own, by its hash.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bnexp.errors import UserError
from bnexp.report.explorer import Explorer
from bnexp.report.tables import Table, find_numeric, make_cells, make_slug
from bnexp.verdicts.contrasts import Kind

MOST_ROWS: Final = 1000
"""Rows of a table on the page and in Markdown: a longer one is read from its CSV."""


class Verdict(Protocol):
    """What the numbers say about one facet (tanh), and the command that would tell more, if there is one.

    `badge` are the few words that stand before the sentence. Of `verdicts.Verdict` only texts, because a template puts
    them where a text can do harm: so any text can be tried.
    """

    @property
    def facet(self) -> str: ...  # noqa: D102 (the class says it)
    @property
    def sentence(self) -> str: ...  # noqa: D102
    @property
    def command(self) -> str | None: ...  # noqa: D102
    @property
    def kind(self) -> Kind: ...  # noqa: D102
    @property
    def badge(self) -> str: ...  # noqa: D102


class Settled(Verdict, Protocol):
    """What fresh seeds say of one contrast, and whether that is `confirmed` or `not confirmed`."""

    @property
    def evidence(self) -> str: ...  # noqa: D102


class ConfirmedPart(Protocol):
    """What fresh seeds say by a frozen plan; no headline and no verdicts while some are not trained."""

    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def words(self) -> str: ...  # noqa: D102
    @property
    def headline(self) -> str: ...  # noqa: D102
    @property
    def verdicts(self) -> Sequence[Settled]: ...  # noqa: D102
    @property
    def tables(self) -> Sequence[Table]: ...  # noqa: D102
    @property
    def command(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Figure:
    """A figure as SVG whose ids no other one has, its caption in the picture; `alt` says in words what is to be seen.

    `files` are those to link to, relative to the page.
    """

    name: str
    title: str
    svg: str
    alt: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hypotheses:
    """What interventions made of the hypotheses of a study, with the tables and figures that say so.

    `summary` has a row per hypothesis.
    """

    summary: Table
    verdicts: Sequence[Verdict]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Comparison:
    """What is said and shown of one more axis that the study compares, called `compared` on the command line."""

    compared: str
    headline: str
    verdicts: Sequence[Verdict]
    left_out: str
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Page:
    """What a report says, in the order of its fields; `figures` come after the tables, `main` right below the verdicts.

    As far as there is something to say, `asked` says which part of the store was asked last, `missing` what of all that
    was asked is not stored, `damaged` which records of commands cannot be read and `left_out` what cannot be compared.
    `commands` are those that trained the runs, `provenance` pairs of a name and a value. What is `confirmed` comes
    first, apart from all else, which is explored; `looks` says that seeds were added after a look, `advice` what would
    settle it, with the command. `hypotheses` are those of a study that has any: the page is about them, and `verdicts`
    are folded up under `cells`, the headline over them. `further` are the other
    axes that a study compares, in its order.
    """

    title: str
    question: str
    headline: str
    asked: str
    missing: str
    damaged: tuple[str, ...]
    left_out: str
    verdicts: Sequence[Verdict]
    main: tuple[Figure, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    explorer: Explorer | None
    diverged: Table | None
    commands: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    citation: str
    bibtex: str
    confirmed: Sequence[ConfirmedPart] = ()
    looks: str = ""
    advice: tuple[str, str] = ("", "")
    hypotheses: Hypotheses | None = None
    further: tuple[Comparison, ...] = ()
    cells: str = ""


_STYLED: Final = re.compile(r"((?:fill|stroke): )#([0-9a-f]{6})\b")
"""A colour in a style attribute that matplotlib wrote."""


def theme_colour(colour: str) -> str:
    """Return `colour`, such as `#0072B2`, as what a style takes: a variable whose value on white paper it is."""
    return re.sub(r"^#([0-9A-Fa-f]{6})$", lambda digits: f"var(--print-{digits[1].lower()}, {colour})", colour)


def to_html(page: Page) -> str:
    """Return the page, which needs no other file and no network."""
    script = _read_source("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _HTML.get_template("index.html").render(page=page, script=Markup(script), digest=digest)  # noqa: S704 (ours)


def to_markdown(page: Page, paths: Mapping[str, str]) -> str:
    """Return the same content as Markdown (GitHub's); `paths` says where the picture of a figure lies, by its name."""
    return _MARKDOWN.get_template("report.md").render(page=page, paths=paths)


def inline_svg(figure: Figure) -> Markup:
    """Return the SVG of `figure` as an element of a page, no wider than it was drawn.

    Each colour becomes a variable, by which the style sheet gives it another one on a dark screen.
    """
    tag = re.search(r"<svg\b[^>]*>", figure.svg)
    if tag is None:
        raise UserError(f"a figure must be an SVG; {figure.name!r} begins with {figure.svg[:40]!r}: give its source")
    box = re.search(r'viewBox="([\d. +-]+)"', tag[0])
    assert box is not None, "matplotlib's SVGs have a viewBox"
    width = float(box[1].split()[2])
    body = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", figure.svg[tag.end() :], flags=re.DOTALL)
    body = re.sub(r"<[a-zA-Z][^>]*>", lambda tag: _STYLED.sub(r"\1var(--print-\2, #\2)", tag[0]), body)
    head = Markup('<svg role="img" aria-label="{}" viewBox="{}" style="--width: {:.0f}pt">')
    return head.format(figure.alt, box[1], width) + Markup(body)  # noqa: S704 (matplotlib escapes its texts)


def _read_source(name: str) -> str:
    assert _HTML.loader is not None
    return _HTML.loader.get_source(_HTML, name)[0]


def escape_markdown(text: str) -> str:
    """Return `text` on one line, so that Markdown shows it as it is."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#$])", r"\\\1", line)


def _print_markdown(value: Any) -> Any:
    """Return what Jinja prints for a `value` in a template: it, escaped, unless it is Markdown already."""
    return value if isinstance(value, Markup) else escape_markdown(str(value))


def _indent(text: str) -> Markup:
    """Return `text` as a block of code: in Markdown, what four spaces begin is shown as it is."""
    return Markup("\n".join(f"    {line}" for line in text.splitlines()))  # noqa: S704


def _make_link(path: str) -> Markup:
    return Markup(f"<{re.sub(r'[<>]', '', path)}>")  # noqa: S704


def _make_environment(autoescape: bool, finalize: Callable[[Any], Any] | None = None) -> Environment:
    environment = Environment(
        loader=PackageLoader("bnexp", "report/templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=autoescape,  # noqa: S701 (Markdown has its own escape)
        finalize=finalize,
    )
    environment.globals.update(cells=make_cells, numeric=find_numeric, inline=inline_svg, most_rows=MOST_ROWS)
    environment.filters.update(slug=make_slug, themed=theme_colour, indented=_indent, path=_make_link)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


_HTML: Final = _make_environment(autoescape=True)
_MARKDOWN: Final = _make_environment(autoescape=False, finalize=_print_markdown)
