"""The guided page does what it says: its code runs, prints what stands below it, and its links lead somewhere."""

import contextlib
import io
import re
from pathlib import Path

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "how-batch-norm-works.md").read_text()
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def pictures() -> list[str]:
    """The links to pictures, relative to the page."""
    return re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE)


def test_the_code_of_the_page_runs_from_top_to_bottom_and_prints_what_stands_below_it() -> None:
    blocks, known = BLOCK.findall(PAGE), {}
    assert len(blocks) == PAGE.count("```python")
    for code, expected in blocks:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(code, "how-batch-norm-works.md", "exec"), known)  # noqa: S102 (our own page)
        assert said.getvalue() == expected


def test_the_sections_that_the_table_of_questions_names_are_there() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    named = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert len(named) == 10
    assert named <= anchors


def test_every_section_ends_with_a_command_that_shows_it() -> None:
    sections = re.split(r"^## \d+\. ", PAGE, flags=re.MULTILINE)[1:]
    assert len(sections) == 10
    for section in sections:
        shown = section[section.index("\nSee it: ") :]
        assert re.search(r"`bnexp (check|study=\w+)`", shown)


def test_every_picture_has_the_name_that_results_gives_it() -> None:
    assert pictures()
    for link in pictures():
        assert re.fullmatch(r"figures/[a-z0-9_]+-[a-z_]+\.png", link)


def test_every_study_that_the_page_names_is_there() -> None:
    studies = ROOT / "conf" / "study"
    named = set(re.findall(r"study=(\w+)", PAGE)) | {Path(link).name.split("-")[0] for link in pictures()}
    assert named <= {path.stem for path in studies.glob("*.yaml")}


def test_every_picture_of_the_page_is_there() -> None:
    assert [link for link in pictures() if not (ROOT / "docs" / link).is_file()] == []
